//! Closing the gaps that forgetting leaves.

use std::path::Path;

use serde::Serialize;
use vismem::Editor;

use crate::calibration::Before;
use crate::{Observer, Result};

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
pub fn compact(memory: &Path, observer: &mut dyn Observer) -> Result<Compacted> {
    let before = Before::of(memory);
    let compacted = Editor::open(memory)?.compact()?;
    before.renew(observer);
    Ok(Compacted { memory: memory.display().to_string(), compacted })
}
