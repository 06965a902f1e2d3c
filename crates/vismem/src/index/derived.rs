//! Derived files: computed from catalogue and vectors, good for one digest, deleted or carried over by every change,
//! rebuilt on demand.
//!
//! Layout of those that are written and read whole: the digest that the content belongs to (32 bytes), the content, BLAKE3
//! of both (32 bytes).

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Digest;
use crate::error::{IoContext, Result};
use crate::index::{codes, partitions};
use crate::platform;

/// The memory's own nearest-neighbour distances, see [`crate::index::novelty`].
pub(crate) const NOVELTY: &str = "novelty.f32";
/// The nearest neighbours of each exemplar, see [`crate::index::neighbor_lists`].
pub(crate) const NEIGHBOR_LISTS: &str = "neighbor_lists.u32";
/// Which exemplar is in which slot, see [`crate::index::assignments`].
pub(crate) const SLOTS: &str = "slots.u64";
/// How probable answers are, see [`crate::Calibration`].
pub(crate) const CALIBRATION: &str = "calibration";
/// Every derived file of a memory.
pub(crate) const ALL: [&str; 6] = [codes::NAME, partitions::NAME, NEIGHBOR_LISTS, NOVELTY, SLOTS, CALIBRATION];
/// What ends the name of a file that is not finished.
const UNFINISHED: &str = ".new";

const HASH: usize = 32;

pub(crate) fn path(dir: &Path, name: &str) -> PathBuf {
    dir.join(name)
}

/// The content, if the file is there, whole, and belongs to `digest`.
pub(crate) fn load(dir: &Path, name: &str, digest: &Digest) -> Option<Vec<u8>> {
    load_of_any(dir, name).filter(|(of, _)| of == digest.as_bytes()).map(|(_, content)| content)
}

/// The content and the digest that it belongs to, if the file is there and whole.
pub(crate) fn load_of_any(dir: &Path, name: &str) -> Option<([u8; HASH], Vec<u8>)> {
    let mut bytes = Vec::new();
    platform::read_regular(&path(dir, name)).and_then(|mut file| file.read_to_end(&mut bytes)).ok()?;
    let content = bytes.len().checked_sub(HASH)?;
    let whole = blake3::hash(&bytes[..content]).as_bytes() == &bytes[content..];
    let digest = *bytes[..content].first_chunk().filter(|_| whole)?;
    bytes.truncate(content);
    bytes.drain(..HASH);
    Some((digest, bytes))
}

/// Writes a file whole.
pub(crate) fn write(mut file: &File, digest: &[u8; HASH], content: &[&[u8]]) -> io::Result<()> {
    let mut hasher = blake3::Hasher::new();
    for part in [&digest[..]].iter().chain(content) {
        hasher.update(part);
        file.write_all(part)?;
    }
    file.write_all(hasher.finalize().as_bytes())
}

/// A file that is being made under a name of its own. Dropped before it [takes its name](Unfinished::install), it goes.
pub(crate) struct Unfinished {
    pub path: PathBuf,
    /// Locked as long as its maker lives, so that others can tell what a killed one left.
    file: File,
    is_installed: bool,
}

impl Unfinished {
    /// Begins the derived file `name` of the memory `dir`.
    pub(crate) fn create(dir: &Path, name: &str) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        loop {
            let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
            let path = dir.join(format!("{name}.{process}-{number}{UNFINISHED}"));
            match File::options().read(true).write(true).create_new(true).open(&path) {
                // Another process of this number, on another machine or before, left it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => {
                    let file = opened.at(&path, "create")?;
                    file.lock().at(&path, "lock")?;
                    return Ok(Self { path, file, is_installed: false });
                }
            }
        }
    }

    /// The file, to be written to.
    pub(crate) fn file(&self) -> Result<File> {
        self.file.try_clone().at(&self.path, "open")
    }

    /// The same with nothing in it.
    pub(crate) fn emptied(&self) -> Result<File> {
        let mut file = self.file()?;
        file.set_len(0).and_then(|()| file.rewind()).at(&self.path, "write")?;
        Ok(file)
    }

    /// Gives it its name. Whether it was still there.
    pub(crate) fn install(mut self, dir: &Path, name: &str) -> Result<bool> {
        match std::fs::rename(&self.path, path(dir, name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            renamed => {
                renamed.at(&self.path, "rename")?;
                self.is_installed = true;
                Ok(true)
            }
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_installed {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether this is the name of a derived file, finished or not.
pub(crate) fn is_name(name: &str) -> bool {
    ALL.contains(&name) || is_unfinished(name)
}

fn is_unfinished(name: &str) -> bool {
    name.ends_with(UNFINISHED) && ALL.iter().any(|of| name.strip_prefix(of).is_some_and(|rest| rest.starts_with('.')))
}

/// Names of unfinished derived files in a memory.
fn unfinished(dir: &Path) -> impl Iterator<Item = String> {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|file| file.file_name().into_string().ok()).filter(|name| is_unfinished(name))
}

/// Deletes what is being made, so that nothing of what was forgotten comes to stand in it or stays there. Its makers go
/// on, and find when they are done that it is gone.
pub(crate) fn remove_unfinished(dir: &Path) -> Result<()> {
    remove(dir, &unfinished(dir).collect::<Vec<_>>())
}

/// Deletes unfinished files whose makers are gone.
pub(crate) fn remove_abandoned(dir: &Path) -> Result<()> {
    let is_abandoned =
        |name: &String| platform::read_regular(&path(dir, name)).is_ok_and(|file| file.try_lock().is_ok());
    remove(dir, &unfinished(dir).filter(is_abandoned).collect::<Vec<_>>())
}

/// Waits until these files of the memory are on disk, where they are there.
pub(crate) fn sync(dir: &Path, names: &[&str]) -> Result<()> {
    for path in names.iter().map(|name| path(dir, name)) {
        match platform::read_regular(&path).and_then(|file| file.sync_data()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at(&path, "sync"),
            _ => {}
        }
    }
    Ok(())
}

/// Deletes every derived file, unfinished ones included.
pub(crate) fn remove_all(dir: &Path) -> Result<()> {
    remove(dir, &unfinished(dir).chain(ALL.map(String::from)).collect::<Vec<_>>())
}

/// Deletes files of the memory, so that no power failure brings them back.
pub(crate) fn remove(dir: &Path, names: &[impl AsRef<str>]) -> Result<()> {
    let mut removed = false;
    for name in names {
        let path = path(dir, name.as_ref());
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at(&path, "delete"),
            outcome => removed |= outcome.is_ok(),
        }
    }
    if removed {
        platform::sync_directory(dir).at(dir, "sync")?;
    }
    Ok(())
}
