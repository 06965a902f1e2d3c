//! Hearing of long calls, and ending them.

use std::ops::ControlFlow;

use crate::Cancelled;
use crate::error::Result;

/// Hears how far a long call is, and can end it. `()` hears nothing and ends nothing; a closure can be given, too.
pub trait Progress {
    /// Of `total` steps, as far as that is known, `done` are done; `what` names them ("exemplars"). A call that hears
    /// [`ControlFlow::Break`] answers [`Cancelled`].
    fn step(&mut self, what: &'static str, done: u64, total: Option<u64>) -> ControlFlow<()>;

    /// The same for what is counted in memory.
    ///
    /// # Errors
    /// [`Cancelled`] when it says so.
    fn advance(&mut self, what: &'static str, done: usize, total: usize) -> Result<(), Cancelled> {
        match self.step(what, done as u64, Some(total as u64)) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Cancelled),
        }
    }
}

impl Progress for () {
    fn step(&mut self, _: &'static str, _: u64, _: Option<u64>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl<F: FnMut(&'static str, u64, Option<u64>) -> ControlFlow<()>> Progress for F {
    fn step(&mut self, what: &'static str, done: u64, total: Option<u64>) -> ControlFlow<()> {
        self(what, done, total)
    }
}
