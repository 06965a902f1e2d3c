//! Ctrl-C in the middle of an experiment: finished ones are on disk, and nothing is left behind.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::interrupt::interrupted;
use crate::output;

/// What must not stay behind: a copy of a memory holds everything that the memory does.
static SCRATCH: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Ends the program soon after Ctrl-C.
pub fn watch(is_kept: bool) {
    std::thread::spawn(move || {
        while !interrupted() {
            std::thread::sleep(Duration::from_millis(50));
        }
        for scratch in &*SCRATCH.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = std::fs::remove_dir_all(scratch);
        }
        let kept =
            if is_kept { "; what was finished is kept, and the same command again goes on from there" } else { "" };
        output::note(format_args!("error: stopped{kept}"));
        std::process::exit(1);
    });
}

/// A directory that goes when it is dropped, or when the program is stopped.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// Makes one on the disk of the memory.
    pub fn beside(memory: &Path) -> Result<Self> {
        let memory = std::path::absolute(memory)?;
        let parent = memory.parent().unwrap_or(&memory);
        let made = tempfile::Builder::new().prefix(".vismem-eval-").tempdir_in(parent);
        let made = made.with_context(|| format!("cannot make a copy of the memory in {}", parent.display()))?;
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
