//! Exact search by codes: rule out rows by their bound, compare the others exactly.

use std::ops::Range;

use crate::codes::{self, CodedQuery, Codes, GROUP, Kernel, PROVED, Plane, QueryTile, TILE};
use crate::exact::{Asked, Task};
use crate::query_state::QueryState;
use crate::{Neighbor, parallel, plain};

/// Bytes of codes that all queries of a thread visit before the next ones: they stay in the second-level cache.
const BLOCK_BYTES: usize = 512 << 10;
/// Up to so many queries a pass over coarse codes takes less time than one over fine codes: reading them from memory
/// takes longer than a few rounds of arithmetic.
const FEW: usize = 4;
/// Bytes of codes times queries below which a second thread costs more than it brings.
const WORK_PER_THREAD: usize = 1 << 22;

pub(crate) fn search(task: &Task<'_>, codes: Codes<'_>, queries: &[Asked<'_>]) -> Vec<Vec<Neighbor>> {
    let groups = task.rows.len().div_ceil(GROUP);
    with_codes(task, queries, PROVED, |mut states| {
        let work = groups * GROUP * task.rows.dim() * states.len();
        let threads = task.threads.min(work / WORK_PER_THREAD).max(1);
        let scan = Scan { task, codes };
        if states.len() >= threads * TILE {
            // Each thread takes some of the queries through all rows.
            let share = states.len().div_ceil(threads * TILE) * TILE;
            parallel::map(states.chunks_mut(share).collect(), |states| scan.run(0..groups, states));
            return states;
        }
        // Each thread takes all of the few queries through some of the rows.
        let parts = parallel::map(parallel::split(0..groups, threads), |groups| {
            let mut states: Vec<_> = states.iter().map(QueryState::elsewhere).collect();
            scan.run(groups, &mut states);
            states
        });
        parts.into_iter().fold(states, merged)
    })
}

/// Joins what threads found for the same queries in different rows. Neighbours have a total order, so the split into
/// threads cannot show.
pub(crate) fn merged<'q>(mut states: Vec<QueryState<'q>>, others: Vec<QueryState<'q>>) -> Vec<QueryState<'q>> {
    states.iter_mut().zip(others).for_each(|(state, other)| state.merge(other));
    states
}

/// Lets `search_on` answer queries that can be coded, and compares the others with every row.
pub(crate) fn with_codes<'q>(
    task: &Task<'_>,
    queries: &[Asked<'q>],
    part: f64,
    search_on: impl FnOnce(Vec<QueryState<'q>>) -> Vec<QueryState<'q>>,
) -> Vec<Vec<Neighbor>> {
    let mut found = vec![Vec::new(); queries.len()];
    let (mut positions, mut states, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (position, query) in queries.iter().enumerate() {
        match CodedQuery::new(query.vector, part) {
            Some(code) => {
                positions.push(position);
                states.push(QueryState::new(*query, code, task.k));
            }
            None => others.push((position, *query)),
        }
    }
    for (position, state) in positions.into_iter().zip(search_on(states)) {
        found[position] = state.into_sorted();
    }
    let asked: Vec<_> = others.iter().map(|(_, query)| *query).collect();
    for ((position, _), neighbors) in others.into_iter().zip(plain::search(task, &asked)) {
        found[position] = neighbors;
    }
    found
}

/// How a query goes on at a row that reaches its limit, given the row's slot, product and error.
pub(crate) type Meet<'q> = fn(&mut QueryState<'q>, &Task<'_>, usize, f32, f32);

/// Up to `Q` queries on their way through the same groups.
pub(crate) struct Visitors<'v, const Q: usize> {
    visitors: &'v [u32],
    tile: QueryTile<Q>,
}

impl<'v, const Q: usize> Visitors<'v, Q> {
    /// Those with these positions among the query states.
    pub(crate) fn new(visitors: &'v [u32], states: &[QueryState<'_>], dim: usize) -> Self {
        let state = |visitor: &u32| &states[*visitor as usize];
        let mut tile = QueryTile::new(visitors.iter().map(|visitor| state(visitor).code()), dim);
        visitors.iter().enumerate().for_each(|(q, visitor)| tile.set_limit(q, state(visitor).limit()));
        Self { visitors, tile }
    }

    /// Takes them through a group, whose rows are those of these slots.
    pub(crate) fn visit<'q>(
        &mut self,
        task: &Task<'_>,
        states: &mut [QueryState<'q>],
        slot_of: impl Fn(usize) -> Option<usize>,
        plane: Plane<'_>,
        kernel: Kernel<Q>,
        meet: Meet<'q>,
    ) {
        let mut products = [[0.0; GROUP]; Q];
        let reached = kernel(&self.tile, plane, &mut products);
        for (q, &visitor) in self.visitors.iter().enumerate() {
            let mut rows = reached[q];
            if rows == 0 {
                continue;
            }
            let state = &mut states[visitor as usize];
            while rows != 0 {
                let row = rows.trailing_zeros() as usize;
                rows &= rows - 1;
                let (product, error) = (products[q][row], plane.error(row));
                // The limit may have risen since the kernel looked.
                if state.limit().is_reached(product, error)
                    && let Some(slot) = slot_of(row)
                {
                    meet(state, task, slot, product, error);
                }
            }
            self.tile.set_limit(q, state.limit());
        }
    }
}

struct Scan<'a> {
    task: &'a Task<'a>,
    codes: Codes<'a>,
}

impl<'a> Scan<'a> {
    fn run(&self, groups: Range<usize>, states: &mut [QueryState<'_>]) {
        if states.len() <= FEW {
            self.run_in_tiles::<1>(groups, states, Codes::coarse, codes::coarse(), QueryState::compare_soon);
        } else {
            self.run_in_tiles::<TILE>(groups, states, Codes::fine, codes::fine(), QueryState::keep);
        }
        states.iter_mut().for_each(|state| state.settle(self.task));
    }

    fn run_in_tiles<'q, const Q: usize>(
        &self,
        groups: Range<usize>,
        states: &mut [QueryState<'q>],
        plane: fn(&Codes<'a>, usize) -> Plane<'a>,
        kernel: Kernel<Q>,
        meet: Meet<'q>,
    ) {
        let all: Vec<u32> = (0..states.len() as u32).collect();
        let mut tiles: Vec<_> = all.chunks(Q).map(|some| Visitors::<Q>::new(some, states, self.codes.dim())).collect();
        let block = (BLOCK_BYTES / Codes::bytes_for(GROUP, self.codes.dim())).max(1);
        for start in groups.clone().step_by(block) {
            for tile in &mut tiles {
                for group in start..(start + block).min(groups.end) {
                    let slot_of = |row| Some(group * GROUP + row);
                    tile.visit(self.task, states, slot_of, plane(&self.codes, group), kernel, meet);
                }
            }
        }
    }
}
