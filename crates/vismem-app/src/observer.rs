//! Hearing of long calls, and ending them.

use std::ops::ControlFlow;

use crate::{Error, Failure};

/// Hears how far a use case is and what is worth a word on the way, and can end it. [`Silent`] hears nothing and ends
/// nothing.
pub trait Observer {
    /// Of `total` steps, as far as that is known, `done` are done; `what` names them ("pictures"). A use case that hears
    /// [`ControlFlow::Break`] stops as soon as it can do so without losing what is done.
    fn step(&mut self, what: &'static str, done: u64, total: Option<u64>) -> ControlFlow<()>;

    /// Something that is worth a line for people now: what could not be read, what takes a while. It is in the result as
    /// well, where programs need it.
    fn note(&mut self, line: &str);

    /// A piece of a model's file has come.
    fn fetching(&mut self, piece: vismem_models::Fetching<'_>) -> ControlFlow<()> {
        self.step("bytes", piece.here, Some(piece.total))
    }

    /// Something was left out. It is in the result as well.
    fn failed(&mut self, failure: &Failure) {
        self.note(&failure.error);
    }

    /// The memory was changed and its indexes could not follow. It answers as before, only slower.
    fn indexes_behind(&mut self, error: Error) {
        self.note(&error.to_string());
    }
}

/// An observer as the library's [`vismem::Progress`].
pub(crate) struct Steps<'o>(pub &'o mut dyn Observer);

impl vismem::Progress for Steps<'_> {
    fn step(&mut self, what: &'static str, done: u64, total: Option<u64>) -> ControlFlow<()> {
        self.0.step(what, done, total)
    }
}

/// Hears nothing and ends nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn step(&mut self, _: &'static str, _: u64, _: Option<u64>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn note(&mut self, _: &str) {}
}
