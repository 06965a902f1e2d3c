use std::ops::ControlFlow;

/// How far the fetching of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetching<'a> {
    /// The file's path in its repository.
    pub file: &'a str,
    /// Bytes that are here.
    pub here: u64,
    /// Bytes of the whole file, at least `here`.
    pub total: u64,
}

/// Told of every piece that has come. `Break` ends the fetching with [`HubError::Cancelled`](crate::HubError::Cancelled);
/// what is here by then is kept, and a later call goes on from there.
pub type Progress<'p> = &'p mut dyn FnMut(Fetching<'_>) -> ControlFlow<()>;

/// A [`Progress`] that nobody looks at.
pub fn no_progress() -> impl FnMut(Fetching<'_>) -> ControlFlow<()> {
    |_| ControlFlow::Continue(())
}
