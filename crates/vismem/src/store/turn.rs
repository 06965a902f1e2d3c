//! Work that many threads may need at the same time, and that one of them does for all.

use std::sync::{Mutex, MutexGuard, PoisonError};

use vismem_search::parallel;

/// Whose turn it is.
#[derive(Default)]
pub(crate) struct Turn(Mutex<()>);

impl Turn {
    /// Waits until those before are done, who may have left what this thread needs.
    ///
    /// A thread of a pool does not wait: it may have taken this task up while it waits for a part of the work of another one,
    /// whose turn it is.
    pub(crate) fn wait(&self) -> Option<MutexGuard<'_, ()>> {
        (!parallel::is_in_pool()).then(|| self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_a_pool_do_not_wait() {
        let turn = Turn::default();
        let mine = turn.wait();
        assert!(mine.is_some());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert!(pool.install(|| turn.wait().is_none()));
        drop(mine);
        assert!(turn.wait().is_some());
    }
}
