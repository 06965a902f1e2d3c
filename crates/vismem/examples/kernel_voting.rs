//! What kernel voting costs beside the search, for `benchmarks/votes/run.py`: reads queries with their neighbours (f32, for
//! each query its own `D` values and those of its `k` neighbours), and prints the milliseconds of one query on one core and
//! the weights of the first query, as JSON.
//!
//! usage: kernel_voting FILE K D

#![allow(clippy::print_stdout)]
#![allow(clippy::disallowed_methods, reason = "these are not files of a memory")]

use std::time::Instant;

use vismem::{Pairwise, Standing, Vote, Voting};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, k, dim] = &arguments[..] else { return Err("usage: kernel_voting FILE K D".into()) };
    let (k, dim): (usize, usize) = (k.parse()?, dim.parse()?);
    let values: Vec<f32> =
        std::fs::read(file)?.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let vote = |all: &[f32]| {
        let (query, neighbors) = all.split_at(dim);
        let neighbors: Vec<&[f32]> = neighbors.chunks_exact(dim).collect();
        let voting = Voting::new(Vote::KERNEL, || Pairwise::of(query, &neighbors));
        voting.weights(&vec![(0.0, Standing::Counts(1.0)); k])
    };
    let asked: Vec<&[f32]> = values.chunks_exact((k + 1) * dim).collect();
    let first: Vec<f64> = asked.first().map_or_else(Vec::new, |all| vote(all).into_iter().flatten().collect());
    let started = Instant::now();
    let voters: usize = asked.iter().map(|all| vote(all).len()).sum();
    let milliseconds = started.elapsed().as_secs_f64() * 1e3 / asked.len().max(1) as f64;
    assert_eq!(voters, asked.len() * k);
    println!("{}", serde_json::json!({ "ms": milliseconds, "weights": first }));
    Ok(())
}
