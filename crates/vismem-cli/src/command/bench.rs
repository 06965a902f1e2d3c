//! How fast this machine searches this memory.

use std::collections::HashSet;
use std::io::Write;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use serde::Serialize;
use vismem::search::Neighbor;
use vismem::{BuildOptions, Built, IndexKind, Memory, NeighborOptions, Search};
use vismem_data::embeddings::{Embeddings, fault};

use super::{Outcome, index};
use crate::args::{Args, Bench, Format, wrong_use};
use crate::output;

/// Queries that are asked together where none are given, and how many of all are asked one at a time.
const TOGETHER: usize = 1000;
const ALONE: usize = 200;

#[derive(Serialize)]
struct Document {
    memory: String,
    exemplars: usize,
    dim: usize,
    cores: usize,
    queries: usize,
    k: usize,
    vector_bytes: u64,
    exact: Exact,
    partitioned: Option<Partitioned>,
}

#[derive(Serialize)]
struct Exact {
    #[serde(flatten)]
    speed: Speed,
    code_bytes: u64,
}

#[derive(Serialize)]
struct Partitioned {
    #[serde(flatten)]
    speed: Speed,
    recall: f64,
    expected_recall: f64,
    build_s: Option<f64>,
    partitions: usize,
    trained: u64,
    forgotten_since: u64,
    imbalance: f64,
    code_bytes: u64,
}

#[derive(Serialize)]
struct Speed {
    batch_qps: f64,
    single_ms_p50: f64,
    single_ms_p99: f64,
}

pub fn run(args: &Args, options: &Bench) -> Result<Outcome> {
    let search = Search::Partitioned { recall: options.recall }.checked().map_err(wrong_use)?;
    let memory = Memory::open(&args.memory)?;
    if memory.is_empty() {
        bail!("{}: holds no exemplar to search for; add some first", memory.path().display());
    }
    let questions = Questions::of(&memory, options)?;
    let missing = memory.indexes_missing(Search::Exact);
    missing.into_iter().try_for_each(|kind| index::build(&memory, kind, &BuildOptions::default()).map(drop))?;
    // The first search opens them.
    questions.ask(&memory, Search::Exact, 1)?;
    let (speed, truth) = questions.measure(&memory, Search::Exact)?;
    let exact = Exact { speed, code_bytes: memory.search_bytes().1 };

    let started = Instant::now();
    let build = BuildOptions { rebuild: options.rebuild, ..BuildOptions::default() };
    let lacks = options.rebuild || !memory.indexes_missing(search).is_empty();
    let built = lacks && index::build(&memory, IndexKind::Partitions, &build)? == Built::New;
    let build_s = built.then(|| started.elapsed().as_secs_f64());
    let memory = Memory::open(&args.memory)?;
    let partitioned = match memory.partition_stats().filter(|_| options.recall < 1.0) {
        None => None,
        Some(stats) => {
            questions.ask(&memory, search, 1)?;
            let (speed, found) = questions.measure(&memory, search)?;
            Some(Partitioned {
                speed,
                recall: recall(&found, &truth),
                expected_recall: memory.expected_recall(search, questions.k)?,
                build_s,
                partitions: stats.partitions,
                trained: stats.trained,
                forgotten_since: stats.forgotten_since,
                imbalance: stats.imbalance,
                code_bytes: stats.bytes,
            })
        }
    };
    let document = Document {
        memory: args.memory.display().to_string(),
        exemplars: memory.len(),
        dim: memory.encoder().dim,
        cores: vismem::search::parallel::threads(),
        queries: questions.count(),
        k: questions.k,
        vector_bytes: memory.search_bytes().0,
        exact,
        partitioned,
    };
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Text => print(&document)?,
    }
    Ok(Outcome::Done)
}

/// What is searched for.
struct Questions {
    values: Vec<f32>,
    dim: usize,
    /// Exemplars that ask are not to find themselves.
    own: Option<Vec<u64>>,
    k: usize,
}

impl Questions {
    fn of(memory: &Memory, options: &Bench) -> Result<Self> {
        let (dim, k) = (memory.encoder().dim, options.k as usize);
        let Some(path) = &options.queries else {
            let (own, values) = memory.sample(TOGETHER);
            return Ok(Self { values, dim, own: Some(own), k });
        };
        let mut rows = Embeddings::open(path)?;
        let name = path.display();
        ensure!(rows.dim == dim, "{name}: its rows have {} values, the memory's embeddings have {dim}", rows.dim);
        let mut values = rows.next_rows(rows.rows)?;
        for (row, values) in values.chunks_exact_mut(dim).enumerate() {
            if let Some(fault) = fault(values) {
                bail!("{} {fault}", rows.name_of(row));
            }
            let length = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
            values.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
        }
        Ok(Self { values, dim, own: None, k })
    }

    fn count(&self) -> usize {
        self.values.len() / self.dim
    }

    /// The answers to the first of them.
    fn ask(&self, memory: &Memory, search: Search, count: usize) -> Result<Vec<Vec<Neighbor>>> {
        self.ask_some(memory, search, 0, count)
    }

    fn ask_some(&self, memory: &Memory, search: Search, first: usize, count: usize) -> Result<Vec<Vec<Neighbor>>> {
        let except = self.own.as_ref().map(|own| &own[first..][..count]);
        let options = NeighborOptions { k: self.k, search, among: None, except };
        Ok(memory.nearest(&self.values[first * self.dim..][..count * self.dim], &options)?)
    }

    /// All of them together, and some one at a time.
    fn measure(&self, memory: &Memory, search: Search) -> Result<(Speed, Vec<Vec<Neighbor>>)> {
        let started = Instant::now();
        let found = self.ask(memory, search, self.count())?;
        let batch_qps = self.count() as f64 / started.elapsed().as_secs_f64();
        let mut alone = Vec::new();
        for query in 0..self.count().min(ALONE) {
            let started = Instant::now();
            self.ask_some(memory, search, query, 1)?;
            alone.push(started.elapsed().as_secs_f64() * 1e3);
        }
        alone.sort_by(f64::total_cmp);
        let percentile = |share: usize| alone[(alone.len() * share / 100).min(alone.len() - 1)];
        Ok((Speed { batch_qps, single_ms_p50: percentile(50), single_ms_p99: percentile(99) }, found))
    }
}

/// Of the nearest exemplars, the share that was found.
fn recall(found: &[Vec<Neighbor>], truth: &[Vec<Neighbor>]) -> f64 {
    let within = |(found, truth): (&Vec<Neighbor>, &Vec<Neighbor>)| {
        let truth: HashSet<u64> = truth.iter().map(|neighbor| neighbor.id).collect();
        found.iter().filter(|neighbor| truth.contains(&neighbor.id)).count()
    };
    let all: usize = truth.iter().map(Vec::len).sum();
    if all == 0 { 1.0 } else { found.iter().zip(truth).map(within).sum::<usize>() as f64 / all as f64 }
}

fn print(document: &Document) -> Result<()> {
    let mut out = output::stdout();
    let Document { exemplars, dim, queries, k, cores, .. } = document;
    let (exemplars, queries) = (output::counted(*exemplars, "exemplar"), output::count(*queries));
    writeln!(out, "{exemplars} of {dim} dimensions, {queries} queries, {k} neighbours, {cores} cores")?;
    writeln!(
        out,
        "{:<12} {:>12} {:>14} {:>14} {:>8} {:>10}",
        "", "queries/s", "one, median", "one, 99 %", "recall", "codes"
    )?;
    let mut row = |name: &str, speed: &Speed, recall: f64, bytes| {
        writeln!(
            out,
            "{name:<12} {:>12.0} {:>11.2} ms {:>11.2} ms {recall:>8.4} {:>10}",
            speed.batch_qps,
            speed.single_ms_p50,
            speed.single_ms_p99,
            output::bytes(bytes),
        )
    };
    row("exact", &document.exact.speed, 1.0, document.exact.code_bytes)?;
    match &document.partitioned {
        Some(partitioned) => {
            row("partitioned", &partitioned.speed, partitioned.recall, partitioned.code_bytes)?;
            if let Some(seconds) = partitioned.build_s {
                writeln!(out, "{} partitions, made in {seconds:.1} s", output::count(partitioned.partitions))?;
            }
        }
        None => writeln!(out, "no partitions: they begin to pay at some ten thousand exemplars")?,
    }
    Ok(out.flush()?)
}
