//! How fast this machine searches a memory.

use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use vismem::search::Neighbor;
use vismem::{BuildOptions, Built, IndexKind, Memory, NeighborOptions, Search};
use vismem_data::Embeddings;

use crate::observer::Steps;
use crate::{Error, Observer, Result, embeddings};

/// Queries that are asked together where none are given, and how many of all are asked one at a time.
const TOGETHER: usize = 1000;
const ALONE: usize = 200;

/// How fast this machine searches a memory.
#[derive(Debug, Serialize)]
pub struct Bench {
    /// The memory.
    pub memory: String,
    /// How many exemplars it holds.
    pub exemplars: usize,
    /// Values of each embedding.
    pub dim: usize,
    /// Threads that search.
    pub cores: usize,
    /// How many queries were asked.
    pub queries: usize,
    /// How many neighbours each was to find.
    pub k: usize,
    /// Bytes of the embeddings.
    pub vector_bytes: u64,
    /// Exact searches.
    pub exact: Exact,
    /// Searches in partitions; `None` where there are none.
    pub partitioned: Option<Partitioned>,
}

/// Searches that compare all exemplars.
#[derive(Debug, Serialize)]
pub struct Exact {
    /// How fast.
    #[serde(flatten)]
    pub speed: Speed,
    /// Bytes of the codes that are read first.
    pub code_bytes: u64,
}

/// Searches in partitions.
#[derive(Debug, Serialize)]
pub struct Partitioned {
    /// How fast.
    #[serde(flatten)]
    pub speed: Speed,
    /// The share of the nearest exemplars that was found.
    pub recall: f64,
    /// The share that was to be expected.
    pub expected_recall: f64,
    /// How long building took, in seconds; `None` if they were there.
    pub build_s: Option<f64>,
    /// How many partitions.
    pub partitions: usize,
    /// How many exemplars they were trained on.
    pub trained: u64,
    /// How many of those were forgotten since.
    pub forgotten_since: u64,
    /// How unequal partitions are: 1 if all are as large.
    pub imbalance: f64,
    /// Bytes of the codes that are read first.
    pub code_bytes: u64,
}

/// How fast searches are.
#[derive(Debug, Serialize)]
pub struct Speed {
    /// Queries a second, all asked together.
    pub batch_qps: f64,
    /// Milliseconds of a query by itself, median.
    pub single_ms_p50: f64,
    /// Milliseconds of a query by itself, 99th percentile.
    pub single_ms_p99: f64,
}

/// What is measured.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Embeddings to search for, .npy; `None`: some of the exemplars, each without itself.
    pub queries: Option<&'a Path>,
    /// How many neighbours each is to find.
    pub k: usize,
    /// The recall that partitions must have.
    pub recall: f64,
    /// Whether partitions are built anew though there are some.
    pub rebuild: bool,
}

/// Measures how fast this machine searches the memory, exactly and by partitions. Builds what these searches read first.
///
/// # Errors
/// When the request is out of range, the memory is empty, or it or the queries cannot be read.
pub fn bench(memory: &Memory, request: &Request<'_>, observer: &mut dyn Observer) -> Result<Bench> {
    let search = Search::Partitioned { recall: request.recall }.checked()?;
    if memory.is_empty() {
        return Err(Error::Nothing { memory: memory.path().into(), what: "holds no exemplar to search for" });
    }
    let questions = Questions::of(memory, request)?;
    for kind in memory.indexes_missing(Search::Exact) {
        memory.build_index(kind, &BuildOptions::default(), &mut Steps(observer))?;
    }
    // The first search opens them.
    questions.ask(memory, Search::Exact, 1)?;
    let (speed, truth) = questions.measure(memory, Search::Exact)?;
    let exact = Exact { speed, code_bytes: memory.search_bytes().1 };

    let started = Instant::now();
    let build = BuildOptions { rebuild: request.rebuild, ..BuildOptions::default() };
    let lacks = request.rebuild || !memory.indexes_missing(search).is_empty();
    let built = lacks && memory.build_index(IndexKind::Partitions, &build, &mut Steps(observer))? == Built::New;
    let build_s = built.then(|| started.elapsed().as_secs_f64());
    let memory = Memory::open(memory.path())?;
    let partitioned = match memory.partition_stats().filter(|_| request.recall < 1.0) {
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
    Ok(Bench {
        memory: memory.path().display().to_string(),
        exemplars: memory.len(),
        dim: memory.encoder().dim,
        cores: vismem::search::parallel::threads(),
        queries: questions.count(),
        k: questions.k,
        vector_bytes: memory.search_bytes().0,
        exact,
        partitioned,
    })
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
    fn of(memory: &Memory, request: &Request<'_>) -> Result<Self> {
        let (dim, k) = (memory.encoder().dim, request.k);
        let Some(path) = request.queries else {
            let (own, values) = memory.sample(TOGETHER);
            return Ok(Self { values, dim, own: Some(own), k });
        };
        let mut values = embeddings::all(embeddings::checked_width(Embeddings::open(path)?, path, dim)?)?;
        for values in values.chunks_exact_mut(dim) {
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
