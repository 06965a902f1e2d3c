//! Changing a memory: one writer at a time, every change one transaction.

mod change;
pub(crate) mod compact;
pub(crate) mod editor;
pub(crate) mod forget;
pub(crate) mod receipt;
pub(crate) mod relabel;
pub(crate) mod sources;
