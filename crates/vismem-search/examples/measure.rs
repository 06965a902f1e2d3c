//! Measures exact search on vectors in files: `benchmarks/search/run.py` runs it beside other engines.
//!
//! `cargo run --release -p vismem-search --example measure -- FOLDER DIM K`
//!
//! The folder holds `base.f32` and `query.f32`, rows of little-endian f32 at unit length. Prints one JSON object and
//! writes the neighbours' ids to `vismem.u32`, K a query.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use vismem_search::{Codes, Exact, Filter, Queries, Rows, codes};

/// Queries that are asked one at a time.
const SINGLE: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, dim, k] = &arguments[..] else { return Err("usage: measure FOLDER DIM K".into()) };
    let (folder, dim, k) = (Path::new(folder), dim.parse()?, k.parse()?);
    let (base, asked) = (vectors(&folder.join("base.f32"))?, vectors(&folder.join("query.f32"))?);
    let ids: Vec<u64> = (0..(base.len() / dim) as u64).collect();

    let started = Instant::now();
    let mut bytes = vec![0; Codes::bytes_for(ids.len(), dim)];
    for (row, vector) in base.chunks_exact(dim).enumerate() {
        codes::encode(&mut bytes[codes::group_range(row, dim)], row, vector);
    }
    let build = started.elapsed().as_secs_f64();

    let plain = Exact::new(Rows::new(&base, &ids, dim)?);
    let coded = plain.with_codes(Codes::new(&bytes, dim)?)?;
    let all = Queries::new(&asked, dim)?;
    let started = Instant::now();
    let found = coded.search(all, k, Filter::default())?;
    let batch = started.elapsed().as_secs_f64();

    let mut times = Vec::new();
    for (query, expected) in asked.chunks_exact(dim).zip(&found).take(SINGLE) {
        let started = Instant::now();
        let alone = coded.search(Queries::new(query, dim)?, k, Filter::default())?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        assert_eq!(alone[0], *expected, "a batch and a query by itself are answered alike");
    }
    times.sort_by(f64::total_cmp);

    // Some queries without codes: the definition, and what the codes gain.
    let few = &asked[..asked.len().min(32 * dim)];
    let started = Instant::now();
    let expected = plain.search(Queries::new(few, dim)?, k, Filter::default())?;
    let plainly = started.elapsed().as_secs_f64() / expected.len() as f64;
    assert_eq!(found[..expected.len()], expected, "search by codes is exact");

    let ids: Vec<u8> = found.iter().flatten().flat_map(|neighbor| (neighbor.id as u32).to_le_bytes()).collect();
    fs::write(folder.join("vismem.u32"), ids)?;
    println!(
        "{{\"build_s\": {build:.3}, \"batch_qps\": {:.1}, \"single_ms_p50\": {:.3}, \"single_ms_p99\": {:.3}, \
         \"plain_qps\": {:.1}, \"code_bytes\": {}}}",
        found.len() as f64 / batch,
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        1.0 / plainly,
        bytes.len(),
    );
    Ok(())
}

fn vectors(path: &Path) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
