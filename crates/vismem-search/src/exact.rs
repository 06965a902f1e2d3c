use std::num::NonZeroUsize;
use std::ops::Range;

use crate::kernel::{self, TILE, Tile};
use crate::top_k::TopK;
use crate::{Error, FREE, Filter, MAX_K, Neighbor, Queries, Rows};

/// Queries that share one pass over the rows; bounds the memory that their candidates need.
const QUERY_BLOCK: usize = 256;
/// Bytes of rows that every query of a block visits before the next ones: they stay in the second-level cache.
const ROW_BLOCK_BYTES: usize = 256 << 10;
/// Multiply-adds below which a second thread costs more than it brings.
const WORK_PER_THREAD: usize = 1 << 20;

/// Exact search: every row is compared with every query.
#[derive(Debug, Clone, Copy)]
pub struct Exact<'a> {
    rows: Rows<'a>,
    threads: usize,
}

impl<'a> Exact<'a> {
    /// Searches `rows` with all cores.
    pub fn new(rows: Rows<'a>) -> Self {
        Self { rows, threads: std::thread::available_parallelism().map_or(1, NonZeroUsize::get) }
    }

    /// Uses at most this many threads. The result is the same for every number.
    pub fn threads(self, threads: NonZeroUsize) -> Self {
        Self { threads: threads.get(), ..self }
    }

    /// For each query its `k` nearest rows among those that the filter lets through, by growing distance, equal
    /// distances by growing id. There are fewer than `k` only where fewer rows are allowed.
    ///
    /// # Errors
    /// When `k` is not within 1..=[`MAX_K`], dimensions differ, or the filter does not fit the queries.
    pub fn search(&self, queries: Queries<'_>, k: usize, filter: Filter<'_>) -> Result<Vec<Vec<Neighbor>>, Error> {
        if !(1..=MAX_K).contains(&k) {
            return Err(Error::K { k });
        }
        if queries.dim() != self.rows.dim() {
            return Err(Error::Dimension { query: queries.dim(), rows: self.rows.dim() });
        }
        if let Some(except) = filter.except
            && except.len() != queries.len()
        {
            return Err(Error::Except { except: except.len(), queries: queries.len() });
        }
        let queries: Vec<&[f32]> = queries.iter().collect();
        let mut found = Vec::with_capacity(queries.len());
        for (block, queries) in queries.chunks(QUERY_BLOCK).enumerate() {
            let except = filter.except.map(|ids| &ids[block * QUERY_BLOCK..][..queries.len()]);
            let best = self.search_block(queries, k, Filter { except, ..filter });
            found.extend(best.into_iter().map(TopK::into_sorted));
        }
        Ok(found)
    }

    /// Each thread takes a range of the rows; merging keeps the total order, so the split cannot show.
    fn search_block(&self, queries: &[&[f32]], k: usize, filter: Filter<'_>) -> Vec<TopK> {
        let work = self.rows.len() * self.rows.dim() * queries.len();
        let threads = self.threads.min(work / WORK_PER_THREAD).max(1);
        let share = self.rows.len().div_ceil(threads).max(1);
        let tiles: Vec<Tile> = queries.chunks(TILE).map(Tile::new).collect();
        let scan = |range: Range<usize>| self.scan(range, &tiles, queries.len(), k, filter);
        if threads == 1 {
            return scan(0..self.rows.len());
        }
        let parts = std::thread::scope(|scope| {
            let ranges = (0..self.rows.len()).step_by(share);
            let handles: Vec<_> = ranges
                .map(|start| start..(start + share).min(self.rows.len()))
                .map(|range| scope.spawn(|| scan(range)))
                .collect();
            let join = |handle: std::thread::ScopedJoinHandle<'_, _>| {
                handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            handles.into_iter().map(join).collect::<Vec<Vec<TopK>>>()
        });
        parts
            .into_iter()
            .reduce(|mut merged, part| {
                merged.iter_mut().zip(part).for_each(|(merged, part)| merged.merge(part));
                merged
            })
            .unwrap_or_default()
    }

    fn scan(&self, range: Range<usize>, tiles: &[Tile], queries: usize, k: usize, filter: Filter<'_>) -> Vec<TopK> {
        let kernel = kernel::best();
        let mut best: Vec<TopK> = (0..queries).map(|_| TopK::new(k)).collect();
        let allowed =
            |slot: usize| self.rows.id(slot) != FREE && filter.allowed.is_none_or(|allowed| allowed.contains(slot));
        let row_block = (ROW_BLOCK_BYTES / (self.rows.dim() * size_of::<f32>())).max(1);
        for start in range.clone().step_by(row_block) {
            let slots: Vec<usize> = (start..(start + row_block).min(range.end)).filter(|&s| allowed(s)).collect();
            for (t, (tile, best)) in tiles.iter().zip(best.chunks_mut(TILE)).enumerate() {
                for &slot in &slots {
                    let distances = kernel(tile, self.rows.row(slot));
                    for (q, (best, distance)) in best.iter_mut().zip(distances).enumerate() {
                        let id = self.rows.id(slot);
                        if distance <= best.threshold() && filter.except.is_none_or(|ids| ids[t * TILE + q] != id) {
                            best.offer(Neighbor { id, slot: slot as u32, distance });
                        }
                    }
                }
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SlotSet, distance};
    use proptest::prelude::*;

    /// The definition, as plain as it can be written.
    fn plain(rows: &[Vec<f32>], ids: &[u64], query: &[f32], k: usize, keep: impl Fn(usize) -> bool) -> Vec<(u64, u32)> {
        let mut all: Vec<(f32, u64)> = (0..rows.len())
            .filter(|&slot| ids[slot] != FREE && keep(slot))
            .map(|slot| (distance(query, &rows[slot]), ids[slot]))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.into_iter().take(k).map(|(d, id)| (id, d.to_bits())).collect()
    }

    fn bits(found: &[Neighbor]) -> Vec<(u64, u32)> {
        found.iter().map(|n| (n.id, n.distance.to_bits())).collect()
    }

    /// Few distinct coordinates, so that ties and duplicates are common.
    fn vectors(count: usize, dim: usize) -> impl Strategy<Value = Vec<Vec<f32>>> {
        let value = prop::sample::select(vec![-0.5f32, 0.0, 0.0, 0.25, 1.0, 1e-7]);
        prop::collection::vec(prop::collection::vec(value, dim), 0..count)
    }

    proptest! {
        #[test]
        fn search_equals_sorting_every_distance_whatever_threads_filter_and_split(
            rows in vectors(60, 11), queries in vectors(9, 11), k in 1usize..70, threads in 1usize..5,
            seed in any::<u64>(),
        ) {
            // Ids in an order other than the slots', some slots free, some rows not allowed.
            let ids: Vec<u64> = (0..rows.len() as u64)
                .map(|i| if (seed >> (i % 60)) & 3 == 3 { FREE } else { (i * 37 + seed % 101) % 1009 })
                .collect();
            let allowed: SlotSet = (0..rows.len()).filter(|slot| !slot.is_multiple_of(5)).collect();
            let except: Vec<u64> = (0..queries.len()).map(|q| ids.get(q * 3).copied().unwrap_or(7)).collect();
            let (flat, flat_queries) = (rows.concat(), queries.concat());
            let index = Exact { threads, ..Exact::new(Rows::new(&flat, &ids, 11).unwrap()) };
            let found = index
                .search(
                    Queries::new(&flat_queries, 11).unwrap(),
                    k,
                    Filter { allowed: Some(&allowed), except: Some(&except) },
                )
                .unwrap();
            prop_assert_eq!(found.len(), queries.len());
            for (q, query) in queries.iter().enumerate() {
                let keep = |slot: usize| allowed.contains(slot) && ids[slot] != except[q];
                prop_assert_eq!(bits(&found[q]), plain(&rows, &ids, query, k, keep));
            }
        }
    }

    #[test]
    fn threads_and_batch_split_do_not_change_a_large_search() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 40) as f32 / (1 << 24) as f32) - 0.5
        };
        let (count, dim) = (3000, 64);
        let rows: Vec<f32> = (0..count * dim).map(|_| next()).collect();
        let queries: Vec<f32> = (0..300 * dim).map(|_| next()).collect();
        let ids: Vec<u64> = (0..count as u64).rev().collect();
        let index = Exact::new(Rows::new(&rows, &ids, dim).unwrap());
        let all = index
            .threads(NonZeroUsize::new(3).unwrap())
            .search(Queries::new(&queries, dim).unwrap(), 50, Filter::default())
            .unwrap();
        for (q, query) in queries.chunks_exact(dim).enumerate() {
            let one = index
                .threads(NonZeroUsize::MIN)
                .search(Queries::new(query, dim).unwrap(), 50, Filter::default())
                .unwrap();
            assert_eq!(one[0], all[q]);
        }
    }

    #[test]
    fn odd_requests_are_defined() {
        let ids = [4, FREE];
        let rows = Rows::new(&[1.0, 0.0, 0.0, 0.0], &ids, 2).unwrap();
        let index = Exact::new(rows);
        let query = Queries::new(&[0.0, 0.0], 2).unwrap();
        let found = index.search(query, 100, Filter::default()).unwrap();
        assert_eq!(
            found,
            [[Neighbor { id: 4, slot: 0, distance: 1.0 }]],
            "k beyond the rows, a zero query, a free slot"
        );
        let nobody = Filter { allowed: Some(&SlotSet::new()), except: None };
        assert_eq!(index.search(query, 1, nobody).unwrap(), [[]]);
        let empty = Exact::new(Rows::new(&[], &[], 2).unwrap());
        assert_eq!(empty.search(query, 1, Filter::default()).unwrap(), [[]]);
        assert!(index.search(Queries::new(&[], 2).unwrap(), 1, Filter::default()).unwrap().is_empty());

        assert_eq!(index.search(query, 0, Filter::default()), Err(Error::K { k: 0 }));
        assert_eq!(index.search(query, MAX_K + 1, Filter::default()), Err(Error::K { k: MAX_K + 1 }));
        let wide = Queries::new(&[0.0; 3], 3).unwrap();
        assert_eq!(index.search(wide, 1, Filter::default()), Err(Error::Dimension { query: 3, rows: 2 }));
        let except = Filter { allowed: None, except: Some(&[1, 2]) };
        assert_eq!(index.search(query, 1, except), Err(Error::Except { except: 2, queries: 1 }));
        assert_eq!(Queries::new(&[0.0, 1.0, f32::NAN, 0.0], 2).unwrap_err(), Error::NotFinite { query: 1 });
        assert_eq!(Queries::new(&[0.0; 3], 2).unwrap_err(), Error::Ragged { values: 3, dim: 2 });
        assert_eq!(Rows::new(&[0.0; 4], &[1], 2).unwrap_err(), Error::Ids { ids: 1, rows: 2 });
    }
}
