//! Room for copies of a memory, which must not stay behind: they hold everything that the memory does.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::{IoContext, Result};

/// What is there now.
static SCRATCH: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes copies of memories that evaluations in this process are working on, for a process that is about to end.
pub fn remove_scratch() {
    for scratch in &*SCRATCH.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = std::fs::remove_dir_all(scratch);
    }
}

/// A directory that goes when it is dropped, or by [`remove_scratch`].
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// Makes one on the disk of the memory.
    pub fn beside(memory: &Path) -> Result<Self> {
        let memory = std::path::absolute(memory).at("find", memory)?;
        let parent = memory.parent().unwrap_or(&memory);
        let made = tempfile::Builder::new().prefix(".vismem-eval-").tempdir_in(parent);
        let made = made.at("make a copy of the memory in", parent)?;
        SCRATCH.lock().unwrap_or_else(PoisonError::into_inner).push(made.path().into());
        Ok(Self(made))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        SCRATCH.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| path != self.0.path());
    }
}
