//! Room for copies of a memory, which must not stay behind: they hold everything that the memory does.
//!
//! It is a folder beside the memory, whose name says whose copies are in it, with a file that is locked as long as its maker
//! lives. What a killed one left is removed by the next evaluation of the memory, and `verify` names it.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use vismem::Fault;

use crate::{IoContext, Result};

/// What is there now.
static SCRATCH: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The locked file.
const HELD: &str = "held";

/// Removes copies of memories that evaluations in this process are working on, for a process that is about to end.
pub fn remove_scratch() {
    for scratch in &*SCRATCH.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = std::fs::remove_dir_all(scratch);
    }
}

/// A directory that goes when it is dropped, or by [`remove_scratch`].
pub struct Scratch {
    dir: tempfile::TempDir,
    _held: File,
}

impl Scratch {
    /// Makes one on the disk of the memory, and removes what killed evaluations of it left.
    pub fn beside(memory: &Path) -> Result<Self> {
        let place = Place::of(memory)?;
        for left in place.left() {
            std::fs::remove_dir_all(&left).at("delete", &left)?;
        }
        let made = tempfile::Builder::new().prefix(&place.prefix).tempdir_in(&place.parent);
        let dir = made.at("make a copy of the memory in", &place.parent)?;
        let held = dir.path().join(HELD);
        let held = File::create_new(&held).and_then(|file| file.lock().map(|()| file)).at("lock", &held)?;
        SCRATCH.lock().unwrap_or_else(PoisonError::into_inner).push(dir.path().into());
        Ok(Self { dir, _held: held })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        SCRATCH.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| path != self.dir.path());
    }
}

/// What killed evaluations of a memory left beside it.
///
/// # Errors
/// When the memory's place cannot be told.
pub fn left_beside(memory: &Path) -> Result<Vec<Fault>> {
    let fault = |file| Fault {
        file,
        what: "holds copies of the memory that a killed evaluation left; delete it, or evaluate again".into(),
    };
    Ok(Place::of(memory)?.left().into_iter().map(fault).collect())
}

/// Where such folders of a memory are, and how their names begin.
struct Place {
    parent: PathBuf,
    prefix: OsString,
}

impl Place {
    fn of(memory: &Path) -> Result<Self> {
        let memory = std::fs::canonicalize(memory).at("find", memory)?;
        let parent = memory.parent().unwrap_or(&memory).to_path_buf();
        let mut prefix = OsString::from(".vismem-eval-of-");
        prefix.push(memory.file_name().unwrap_or_default());
        prefix.push("-");
        Ok(Self { parent, prefix })
    }

    /// Folders whose maker is gone.
    fn left(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.parent).into_iter().flatten().flatten();
        let is_ours = |name: &OsString| {
            // What follows is the six letters of a name that nobody has yet.
            let rest = name.as_encoded_bytes().strip_prefix(self.prefix.as_encoded_bytes());
            rest.is_some_and(|rest| rest.len() == 6 && rest.iter().all(u8::is_ascii_alphanumeric))
        };
        let dirs = entries.filter(|entry| {
            is_ours(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_dir()) // not a link to one
        });
        dirs.map(|entry| entry.path()).filter(|dir| is_left(dir)).collect()
    }
}

/// Whether nobody holds the folder. One without its file is just being made, or empty.
fn is_left(dir: &Path) -> bool {
    let held = dir.join(HELD);
    let is_file = std::fs::symlink_metadata(&held).is_ok_and(|file| file.is_file());
    is_file && File::open(&held).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_evaluation_left_is_named_and_goes_with_the_next_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let memory = folder.path().join("m.vismem");
        std::fs::create_dir(&memory).unwrap();
        let left = |name: &str| {
            let dir = folder.path().join(name);
            std::fs::create_dir(&dir).unwrap();
            std::fs::write(dir.join(HELD), "").unwrap();
            std::fs::write(dir.join("copy"), "everything").unwrap();
            dir
        };
        let killed = left(".vismem-eval-of-m.vismem-aB3xYz");
        let others = [".vismem-eval-of-other-aB3xYz", ".vismem-eval-of-m.vismem-x-aB3xYz", "aB3xYz"].map(left);
        let named: Vec<PathBuf> = left_beside(&memory).unwrap().into_iter().map(|fault| fault.file).collect();
        assert_eq!(named, [std::fs::canonicalize(&killed).unwrap()]);
        let alive = Scratch::beside(&memory).unwrap();
        assert!(!killed.exists());
        assert_eq!(left_beside(&memory).unwrap(), []);
        let second = Scratch::beside(&memory).unwrap();
        assert!(alive.path().is_dir() && second.path().is_dir());
        let paths = [alive.path().to_path_buf(), second.path().to_path_buf()];
        drop((alive, second));
        assert!(paths.iter().all(|path| !path.exists()) && others.iter().all(|dir| dir.exists()));
    }
}
