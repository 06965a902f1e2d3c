//! Work on all threads of the pool.

use vismem::search::parallel;

/// What `work` makes of each item, in the order of `items`.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    parallel::map_ranges(0..items.len(), |range| items[range].iter().map(&work).collect::<Vec<R>>())
        .into_iter()
        .flatten()
        .collect()
}
