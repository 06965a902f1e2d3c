//! Exact search by codes: rule out rows by their bound, compare the others exactly.

use std::ops::Range;

use crate::codes::{self, CodedQuery, Codes, GROUP, Plane, QueryTile, TILE};
use crate::exact::{Asked, Task, in_parallel, merge, split};
use crate::kernel::{self, Tile};
use crate::top_k::TopK;
use crate::{Neighbor, plain};

/// Bytes of codes that all queries of a thread visit before the next ones: they stay in the second-level cache.
const BLOCK_BYTES: usize = 512 << 10;
/// Candidates of a query that are compared together, so that their vectors can be fetched while others are compared.
const TOGETHER: usize = 32;
/// How many candidates ahead a vector is fetched.
const AHEAD: usize = 6;
/// Up to so many queries a pass over coarse codes takes less time than one over fine codes: reading them from memory
/// takes longer than a few rounds of arithmetic.
const FEW: usize = 4;
/// Bytes of codes times queries below which a second thread costs more than it brings.
const WORK_PER_THREAD: usize = 1 << 22;

pub(crate) fn search(task: &Task<'_>, codes: Codes<'_>, queries: &[Asked<'_>]) -> Vec<Vec<Neighbor>> {
    let live = live(task);
    let mut found = vec![Vec::new(); queries.len()];
    let (mut coded, mut others) = (Vec::new(), Vec::new());
    for (position, query) in queries.iter().enumerate() {
        match CodedQuery::new(query.vector) {
            Some(code) => coded.push((position, Pursuit::new(*query, code, task.k))),
            None => others.push((position, *query)),
        }
    }
    let asked: Vec<_> = others.iter().map(|(_, query)| *query).collect();
    for ((position, _), neighbors) in others.into_iter().zip(plain::search(task, &asked)) {
        found[position] = neighbors;
    }

    let work = live.len() * GROUP * task.rows.dim() * coded.len();
    let threads = task.threads.min(work / WORK_PER_THREAD).max(1);
    let (positions, mut pursuits): (Vec<_>, Vec<_>) = coded.into_iter().unzip();
    let scan = Scan { task, codes, live: &live };
    if pursuits.len() >= threads * TILE {
        // Each thread takes some of the queries through all rows.
        let share = pursuits.len().div_ceil(threads * TILE) * TILE;
        in_parallel(pursuits.chunks_mut(share).collect(), |pursuits| scan.run(0..live.len(), pursuits));
        for (position, pursuit) in positions.into_iter().zip(pursuits) {
            found[position] = pursuit.best.into_sorted();
        }
    } else {
        // Each thread takes all of the few queries through some of the rows.
        let parts = in_parallel(split(live.len(), threads), |groups| {
            let mut pursuits = pursuits.clone();
            scan.run(groups, &mut pursuits);
            pursuits.into_iter().map(|pursuit| pursuit.best).collect()
        });
        for (position, best) in positions.into_iter().zip(merge(parts)) {
            found[position] = best.into_sorted();
        }
    }
    found
}

/// For each group one bit for each row that may be found.
fn live(task: &Task<'_>) -> Vec<u32> {
    let groups = (0..task.rows.len()).step_by(GROUP);
    groups
        .map(|first| {
            let rows = first..(first + GROUP).min(task.rows.len());
            rows.filter(|&slot| task.allows(slot)).fold(0, |mask, slot| mask | 1 << (slot - first))
        })
        .collect()
}

/// A query on its way through the rows.
#[derive(Clone)]
struct Pursuit<'q> {
    query: Asked<'q>,
    code: CodedQuery,
    exact: Tile<1>,
    /// The nearest of the rows that were compared exactly.
    best: TopK,
    /// The nearest by how far they are at most. As many rows as may be found are at least that near.
    at_most: TopK,
    /// Rows that the codes could not rule out and that are not compared exactly yet.
    candidates: Vec<Candidate>,
}

#[derive(Clone, Copy)]
struct Candidate {
    slot: u32,
    bound: f32,
}

impl<'q> Pursuit<'q> {
    fn new(query: Asked<'q>, code: CodedQuery, k: usize) -> Self {
        let exact = Tile::new(&[query.vector]);
        Self { query, code, exact, best: TopK::new(k), at_most: TopK::new(k), candidates: Vec::new() }
    }

    /// Coarse bounds lie far from the distances, so that candidates are compared at once: what a bound must reach comes
    /// from the exact distances. Returns it.
    fn meet_coarse(&mut self, task: &Task<'_>, candidate: Candidate, _: f32) -> f32 {
        self.candidates.push(candidate);
        if self.candidates.len() == TOGETHER {
            self.settle(task);
        }
        self.code.threshold(self.best.threshold())
    }

    /// Fine bounds lie close on both sides of the distances: what a bound must reach comes from how far the nearest are at
    /// most, and no vector is looked at before the end. Returns it.
    fn meet_fine(&mut self, task: &Task<'_>, candidate: Candidate, error: f32) -> f32 {
        let distance = self.code.at_most(candidate.bound, error);
        if distance <= self.at_most.threshold() {
            let id = task.rows.id(candidate.slot as usize);
            self.at_most.offer(Neighbor { id, slot: candidate.slot, distance });
        }
        self.candidates.push(candidate);
        self.code.threshold(self.at_most.threshold())
    }

    /// Compares the candidates exactly.
    fn settle(&mut self, task: &Task<'_>) {
        let distance = kernel::best();
        let least = self.code.threshold(self.at_most.threshold().min(self.best.threshold()));
        self.candidates.retain(|candidate| candidate.bound >= least);
        for (position, candidate) in self.candidates.iter().enumerate() {
            // Rows lie anywhere: ask memory for one while others are compared.
            if let Some(later) = self.candidates.get(position + AHEAD) {
                kernel::prefetch(task.rows.row(later.slot as usize));
            }
            let slot = candidate.slot as usize;
            let [distance] = distance(&self.exact, task.rows.row(slot));
            if distance <= self.best.threshold() {
                self.best.offer(Neighbor { id: task.rows.id(slot), slot: candidate.slot, distance });
            }
        }
        self.candidates.clear();
    }
}

/// How a query goes on at a candidate, given the error of its code; the result is what bounds must reach from then on.
type Meet<'q> = fn(&mut Pursuit<'q>, &Task<'_>, Candidate, f32) -> f32;

struct Scan<'a> {
    task: &'a Task<'a>,
    codes: Codes<'a>,
    live: &'a [u32],
}

impl<'a> Scan<'a> {
    fn run(&self, groups: Range<usize>, pursuits: &mut [Pursuit<'_>]) {
        if pursuits.len() <= FEW {
            self.run_in_tiles(groups, pursuits, Codes::coarse, codes::coarse(), Pursuit::meet_coarse);
        } else {
            self.run_in_tiles(groups, pursuits, Codes::fine, codes::fine(), Pursuit::meet_fine);
        }
        pursuits.iter_mut().for_each(|pursuit| pursuit.settle(self.task));
    }

    fn run_in_tiles<'q, const Q: usize>(
        &self,
        groups: Range<usize>,
        pursuits: &mut [Pursuit<'q>],
        plane: fn(&Codes<'a>, usize) -> Plane<'a>,
        kernel: codes::Kernel<Q>,
        meet: Meet<'q>,
    ) {
        let tile = |pursuits: &[Pursuit<'_>]| {
            QueryTile::<Q>::new(pursuits.iter().map(|pursuit| &pursuit.code), self.codes.dim())
        };
        let mut tiles: Vec<_> = pursuits.chunks(Q).map(tile).collect();
        let mut bounds = [[0.0; GROUP]; Q];
        let block = (BLOCK_BYTES / Codes::bytes_for(GROUP, self.codes.dim())).max(1);
        for start in groups.clone().step_by(block) {
            for (tile, pursuits) in tiles.iter_mut().zip(pursuits.chunks_mut(Q)) {
                for group in start..(start + block).min(groups.end) {
                    if self.live[group] == 0 {
                        continue;
                    }
                    let plane = plane(&self.codes, group);
                    let reached = kernel(tile, plane, &mut bounds);
                    for (q, pursuit) in pursuits.iter_mut().enumerate() {
                        let mut rows = reached[q] & self.live[group];
                        while rows != 0 {
                            let row = rows.trailing_zeros() as usize;
                            rows &= rows - 1;
                            let slot = group * GROUP + row;
                            // The threshold may have risen since the kernel looked.
                            let bound = bounds[q][row];
                            if bound >= tile.thresholds[q] && pursuit.query.except != Some(self.task.rows.id(slot)) {
                                let candidate = Candidate { slot: slot as u32, bound };
                                tile.thresholds[q] = meet(pursuit, self.task, candidate, plane.error(row));
                            }
                        }
                    }
                }
            }
        }
    }
}
