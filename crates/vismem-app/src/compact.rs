//! Closing the gaps that forgetting leaves.

use std::path::Path;

use serde::Serialize;
use vismem::Editor;

use crate::Result;

/// What compacting gave back.
#[derive(Debug, Serialize)]
pub struct Compacted {
    /// The memory.
    pub memory: String,
    /// The gaps, and bytes before and after.
    #[serde(flatten)]
    pub compacted: vismem::Compacted,
}

/// Closes the gaps of a memory.
///
/// # Errors
/// When the memory cannot be changed.
pub fn compact(memory: &Path) -> Result<Compacted> {
    let compacted = Editor::open(memory)?.compact()?;
    Ok(Compacted { memory: memory.display().to_string(), compacted })
}
