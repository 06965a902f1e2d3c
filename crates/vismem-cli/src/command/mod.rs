//! The commands.

pub mod add;
pub mod bench;
pub mod classify;
pub mod compact;
pub mod demo;
pub mod doctor;
pub mod encode;
pub mod eval;
pub mod explain;
pub mod export;
pub mod forget;
pub mod import;
pub mod index;
pub mod log;
pub mod ls;
pub mod model;
mod notes;
pub mod prune;
pub mod reencode;
pub mod relabel;
pub mod stats;
pub mod sync;
pub mod taxonomy;
pub mod tune;
pub mod verify;

/// How a command ended that did not fail as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Some of what was asked for could not be done; the answer says what.
    Incomplete,
}
