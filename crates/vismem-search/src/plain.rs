//! Comparing every row with every query: the definition of an exact search, and the way to go without codes.

use std::ops::Range;

use crate::exact::{Asked, Task, merge};
use crate::kernel::{self, Tile, to_distance};
use crate::top_k::TopK;
use crate::{Neighbor, parallel};

/// Queries that share one pass over the rows; bounds the memory that their candidates need.
const QUERY_BLOCK: usize = 256;
/// Queries that share one row in registers.
const TILE: usize = 4;
/// Bytes of rows that every query of a block visits before the next ones: they stay in the second-level cache.
const ROW_BLOCK_BYTES: usize = 256 << 10;
/// Multiply-adds below which a second thread costs more than it brings.
const WORK_PER_THREAD: usize = 1 << 20;

pub(crate) fn search(task: &Task<'_>, queries: &[Asked<'_>]) -> Vec<Vec<Neighbor>> {
    queries.chunks(QUERY_BLOCK).flat_map(|queries| search_block(task, queries)).map(TopK::into_sorted).collect()
}

fn search_block(task: &Task<'_>, queries: &[Asked<'_>]) -> Vec<TopK> {
    let tile = |queries: &[Asked<'_>]| Tile::new(&queries.iter().map(|query| query.vector).collect::<Vec<_>>());
    let tiles: Vec<Tile<TILE>> = queries.chunks(TILE).map(tile).collect();
    let work = task.rows.len() * task.rows.dim() * queries.len();
    let threads = task.threads.min(work / WORK_PER_THREAD).max(1);
    let parts = parallel::map(parallel::split(0..task.rows.len(), threads), |range| scan(task, range, queries, &tiles));
    if parts.is_empty() { queries.iter().map(|_| TopK::new(task.k)).collect() } else { merge(parts) }
}

fn scan(task: &Task<'_>, range: Range<usize>, queries: &[Asked<'_>], tiles: &[Tile<TILE>]) -> Vec<TopK> {
    let kernel = kernel::best();
    let mut best: Vec<TopK> = queries.iter().map(|_| TopK::new(task.k)).collect();
    let row_block = (ROW_BLOCK_BYTES / (task.rows.dim() * size_of::<f32>())).max(1);
    for start in range.clone().step_by(row_block) {
        let slots: Vec<usize> = (start..(start + row_block).min(range.end)).filter(|&s| task.allows(s)).collect();
        for ((tile, queries), best) in tiles.iter().zip(queries.chunks(TILE)).zip(best.chunks_mut(TILE)) {
            for &slot in &slots {
                let id = task.rows.id(slot);
                let distances = kernel(tile, task.rows.row(slot)).map(to_distance);
                for ((best, query), distance) in best.iter_mut().zip(queries).zip(distances) {
                    if distance <= best.threshold() && query.except != Some(id) {
                        best.offer(Neighbor { id, slot: slot as u32, distance });
                    }
                }
            }
        }
    }
    best
}
