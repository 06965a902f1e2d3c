//! Measures search on vectors in files: `benchmarks/search/run.py` runs it beside other engines.
//!
//! `cargo run --release -p vismem-search --example measure -- exact|partitioned|self FOLDER DIM K [RECALL]`
//!
//! The folder holds `base.f32` and `query.f32`, rows of little-endian f32 at unit length. Prints one JSON object and
//! writes the neighbours' ids to `vismem-exact.u32` or `vismem-partitioned.u32`, K a query. `partitioned` looks for the
//! search parameters that RECALL takes on 256 of the base vectors, as a memory does, never on the queries. `self` searches some of
//! the base among all of it.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use vismem_search::codes::{self, packed};
use vismem_search::{
    Codes, Directory, Exact, Filter, Neighbor, Partitioned, Partitions, Placement, Queries, Rows, parallel,
};

/// Queries that are asked one at a time.
const SINGLE: usize = 300;
/// Base vectors that tell which search parameters have a recall.
const SAMPLE: usize = 256;
/// Base vectors that are searched among all.
const SELF: usize = 20_000;
/// Vectors that are removed and added again, one at a time.
const EDITED: usize = 2_000;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, folder, dim, k, recall @ ..] = &arguments[..] else {
        return Err("usage: measure exact|partitioned|self FOLDER DIM K [RECALL]".into());
    };
    let (folder, dim, k) = (Path::new(folder), dim.parse()?, k.parse()?);
    let base = vectors(&folder.join("base.f32"))?;
    let ids: Vec<u64> = (0..(base.len() / dim) as u64).collect();
    let rows = Rows::new(&base, &ids, dim)?;
    let asked = vectors(&folder.join("query.f32"))?;
    match &mode[..] {
        "exact" => exact(rows, &base, &asked, k, folder),
        "self" => itself(rows, &base, k),
        "partitioned" => {
            partitioned(rows, &base, &asked, k, recall.first().ok_or("say which recall")?.parse()?, folder)
        }
        other => Err(format!("no mode {other}").into()),
    }
}

fn exact(rows: Rows<'_>, base: &[f32], asked: &[f32], k: usize, folder: &Path) -> Result<()> {
    let dim = rows.dim();
    let (build, bytes) = timed(|| coded(base, dim));
    let plain = Exact::new(rows);
    let coded = plain.with_codes(Codes::new(&bytes, dim)?)?;
    let search =
        |queries: &[f32]| -> Result<_> { Ok(coded.search(Queries::new(queries, dim)?, k, Filter::default())?) };
    let measured = Measured::of(asked, dim, search)?;

    // Some queries without codes: the definition, and what the codes gain.
    let few = &asked[..asked.len().min(32 * dim)];
    let (plainly, expected) = timed(|| plain.search(Queries::new(few, dim)?, k, Filter::default()));
    let expected = expected?;
    assert!(measured.found[..expected.len()] == expected, "search by codes is exact");
    measured.write(&folder.join("vismem-exact.u32"))?;
    println!(
        "{{{}, \"build_s\": {build:.3}, \"plain_qps\": {:.1}, \"code_bytes\": {}}}",
        measured.json(),
        expected.len() as f64 / plainly,
        bytes.len(),
    );
    Ok(())
}

fn itself(rows: Rows<'_>, base: &[f32], k: usize) -> Result<()> {
    let (dim, bytes) = (rows.dim(), coded(base, rows.dim()));
    let exact = Exact::new(rows).with_codes(Codes::new(&bytes, dim)?)?;
    let count = SELF.min(rows.len());
    let except: Vec<u64> = (0..count as u64).collect();
    let filter = Filter { except: Some(&except), ..Filter::default() };
    let (seconds, found) = timed(|| exact.search(Queries::new(&base[..count * dim], dim)?, k, filter));
    let searched = found?.len() as f64;
    println!(
        "{{\"batch_qps\": {:.1}, \"minutes\": {:.1}}}",
        searched / seconds,
        rows.len() as f64 * seconds / searched / 60.0
    );
    Ok(())
}

fn partitioned(rows: Rows<'_>, base: &[f32], asked: &[f32], k: usize, recall: f64, folder: &Path) -> Result<()> {
    let dim = rows.dim();
    let (trained, partitions) = timed(|| Partitions::train(rows, Partitions::count_for(rows.len())));
    let (assigned, of) = timed(|| partitions.of(base));
    let (coded, mut bytes) = timed(|| packed(base, dim, &of, partitions.len()));
    let codes = packed::Packed::new(&bytes, dim)?;
    let directory = Directory::of(codes, partitions.len())?;
    let index = Partitioned::new(Exact::new(rows), codes, &partitions, &directory)?;

    let held_out = Partitions::held_out(rows);
    let sample: Vec<usize> = (0..SAMPLE).map(|i| held_out[i * held_out.len() / SAMPLE]).collect();
    let queries: Vec<f32> = sample.iter().flat_map(|&row| &base[row * dim..][..dim]).copied().collect();
    let except: Vec<u64> = sample.iter().map(|&row| row as u64).collect();
    let filter = Filter { except: Some(&except), ..Filter::default() };
    let (tuned, params) = timed(|| {
        let queries = Queries::new(&queries, dim)?;
        let truth = index.search_all(queries, k, filter)?;
        index.params_for(&[recall], queries, filter, &truth)
    });
    let (params, expected) = params?[0].ok_or("no search parameters have this recall")?;
    let search =
        |queries: &[f32]| -> Result<_> { Ok(index.search(Queries::new(queries, dim)?, k, Filter::default(), params)?) };
    let measured = Measured::of(asked, dim, search)?;
    measured.write(&folder.join("vismem-partitioned.u32"))?;
    let code_bytes = bytes.len();

    let (mut placement, mut groups) =
        (Placement::of(codes, partitions.len(), rows.len())?, (std::mem::take(&mut bytes), dim));
    let edited: Vec<usize> = (0..EDITED.min(rows.len())).map(|i| i * rows.len() / EDITED.min(rows.len())).collect();
    let (removed, result) = timed(|| edited.iter().try_for_each(|&row| placement.remove(&mut groups, row).map(drop)));
    result?;
    let (added, result) = timed(|| {
        edited.iter().try_for_each(|&row| {
            let vector = &base[row * dim..][..dim];
            placement.add(&mut groups, partitions.of(vector)[0] as usize, row, vector)
        })
    });
    result?;
    println!(
        "{{{}, \"build_s\": {:.3}, \"train_s\": {trained:.3}, \"assign_s\": {assigned:.3}, \"code_s\": {coded:.3}, \
         \"tune_s\": {tuned:.3}, \"slack\": {:.4}, \"max_partitions\": {}, \"expected_recall\": {expected:.4}, \"partitions\": {}, \
         \"code_bytes\": {code_bytes}, \"add_us\": {:.1}, \"remove_us\": {:.1}}}",
        measured.json(),
        trained + assigned + coded + tuned,
        params.slack,
        params.max_partitions,
        partitions.len(),
        added * 1e6 / edited.len() as f64,
        removed * 1e6 / edited.len() as f64,
    );
    Ok(())
}

/// Answers, and how long they took.
struct Measured {
    found: Vec<Vec<Neighbor>>,
    batch: f64,
    /// Milliseconds, sorted.
    single: Vec<f64>,
}

impl Measured {
    fn of(asked: &[f32], dim: usize, search: impl Fn(&[f32]) -> Result<Vec<Vec<Neighbor>>>) -> Result<Self> {
        let (batch, found) = timed(|| search(asked));
        let found = found?;
        let mut single = Vec::new();
        for (query, expected) in asked.chunks_exact(dim).zip(&found).take(SINGLE) {
            let (seconds, alone) = timed(|| search(query));
            single.push(seconds * 1e3);
            assert!(alone?[0] == *expected, "a batch and a query by itself are answered alike");
        }
        single.sort_by(f64::total_cmp);
        Ok(Self { found, batch, single })
    }

    fn json(&self) -> String {
        format!(
            "\"batch_qps\": {:.1}, \"single_ms_p50\": {:.3}, \"single_ms_p99\": {:.3}",
            self.found.len() as f64 / self.batch,
            self.single[self.single.len() / 2],
            self.single[self.single.len() * 99 / 100],
        )
    }

    fn write(&self, path: &Path) -> Result<()> {
        let ids = self.found.iter().flatten().flat_map(|neighbor| (neighbor.id as u32).to_le_bytes());
        Ok(fs::write(path, ids.collect::<Vec<_>>())?)
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let result = work();
    (started.elapsed().as_secs_f64(), result)
}

/// Codes of all vectors, made by all cores.
fn coded(base: &[f32], dim: usize) -> Vec<u8> {
    let group = Codes::bytes_for(codes::GROUP, dim);
    let mut bytes = vec![0; Codes::bytes_for(base.len() / dim, dim)];
    let vectors = base.chunks(codes::GROUP * dim);
    parallel::map(bytes.chunks_mut(group).zip(vectors).collect(), |(group, vectors)| {
        vectors.chunks_exact(dim).enumerate().for_each(|(row, vector)| codes::encode(group, row, vector));
    });
    bytes
}

/// Codes of all vectors by partition, made by all cores.
fn packed(base: &[f32], dim: usize, of: &[u32], partitions: usize) -> Vec<u8> {
    let mut members = vec![Vec::new(); partitions];
    of.iter().enumerate().for_each(|(row, &partition)| members[partition as usize].push(row));
    let groups: Vec<(usize, &[usize])> = members
        .iter()
        .enumerate()
        .flat_map(|(partition, members)| members.chunks(codes::GROUP).map(move |rows| (partition, rows)))
        .collect();
    let group_bytes = packed::group_range(0, dim).len();
    let mut bytes = vec![0; groups.len() * group_bytes];
    parallel::map(bytes.chunks_mut(group_bytes).zip(groups).collect(), |(bytes, (partition, rows))| {
        bytes.copy_from_slice(&packed::empty(partition, dim));
        for (place, &row) in rows.iter().enumerate() {
            packed::encode(bytes, place, row, &base[row * dim..][..dim]);
        }
    });
    bytes
}

fn vectors(path: &Path) -> Result<Vec<f32>> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
