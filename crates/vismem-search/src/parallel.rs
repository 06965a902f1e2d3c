//! Sharing out work over threads: rayon's current pool, and no other.
//!
//! Every search of this crate, and everything in `vismem` that uses all cores, goes through [`map`]. It runs in the pool
//! that the caller is in, which is the process's own unless the caller [installs](rayon::ThreadPool::install) another,
//! so that two searches at once share its threads instead of doubling them.
//!
//! ```
//! let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
//! let sums = pool.install(|| vismem_search::parallel::map_ranges(0..10, |range| range.sum::<usize>()));
//! assert_eq!(sums.iter().sum::<usize>(), 45);
//! ```

use std::ops::Range;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

/// Whether this thread belongs to a pool. While it waits for a part of its work it may take up any other task of the pool, so
/// it must not wait for one that another task may hold, such as a lock.
pub fn is_in_pool() -> bool {
    rayon::current_thread_index().is_some()
}

/// How many threads the current pool has.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Runs `work` on each part in the current pool, and returns the results in the order of the parts. A part by itself is
/// worked on by the calling thread, so that little work need not wait for another.
///
/// # Panics
/// When `work` does.
pub fn map<P: Send, R: Send>(parts: Vec<P>, work: impl Fn(P) -> R + Sync) -> Vec<R> {
    if parts.len() <= 1 {
        return parts.into_iter().map(work).collect();
    }
    parts.into_par_iter().with_max_len(1).map(&work).collect()
}

/// Runs `work` on parts of the range, one for each thread of the current pool, and returns the results in order.
///
/// # Panics
/// When `work` does.
pub fn map_ranges<R: Send>(range: Range<usize>, work: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    map(split(range, threads()), work)
}

/// Splits a range into at most `parts` ranges of nearly the same length, none empty.
pub fn split(range: Range<usize>, parts: usize) -> Vec<Range<usize>> {
    let share = range.len().div_ceil(parts.max(1)).max(1);
    range.clone().step_by(share).map(|start| start..(start + share).min(range.end)).collect()
}

/// Runs `work` in a pool of so many threads.
#[cfg(test)]
pub(crate) fn on<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool").install(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_range_once_and_in_order_and_results_follow_them() {
        for (range, parts) in [(0..0, 3), (5..6, 3), (3..20, 1), (3..20, 4), (0..3, 10)] {
            let split = split(range.clone(), parts);
            assert!(split.len() <= parts && split.iter().all(|part| !part.is_empty()));
            assert_eq!(split.iter().cloned().flatten().collect::<Vec<_>>(), range.clone().collect::<Vec<_>>());
            assert_eq!(on(3, || map(split.clone(), |part| part)), split);
        }
    }
}
