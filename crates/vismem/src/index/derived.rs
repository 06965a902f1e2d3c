//! Derived files: computed from catalogue and vectors, good for one digest, deleted or carried over by every change,
//! rebuilt on demand.
//!
//! Layout of those that are written and read whole: the digest that the content belongs to (32 bytes), the content, BLAKE3
//! of both (32 bytes).

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::IoContext;
use crate::platform;
use crate::store::catalog::Catalog;
use crate::store::lock::Lock;
use crate::{Digest, Memory, Result};

/// The memory's own nearest-neighbour distances, see [`crate::index::novelty`].
pub(crate) const NOVELTY: &str = "novelty.f32";
/// The nearest neighbours of each exemplar, see [`crate::index::neighbor_lists`].
pub(crate) const NEIGHBOR_LISTS: &str = "neighbor_lists.u32";
/// Which exemplar is in which slot, see [`crate::store::slots`].
pub(crate) const SLOTS: &str = "slots.u64";
/// Every derived file of a memory but those of its codes.
pub(crate) const ALL: [&str; 3] = [NOVELTY, NEIGHBOR_LISTS, SLOTS];

const HASH: usize = 32;

pub(crate) fn path(dir: &Path, name: &str) -> PathBuf {
    dir.join(name)
}

/// The content, if the file is there, whole, and belongs to `digest`.
pub(crate) fn load(dir: &Path, name: &str, digest: &Digest) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    platform::read_regular(&path(dir, name)).and_then(|mut file| file.read_to_end(&mut bytes)).ok()?;
    let content = bytes.len().checked_sub(HASH)?;
    let whole = blake3::hash(&bytes[..content]).as_bytes() == &bytes[content..];
    if !whole || !bytes.starts_with(digest.as_bytes()) {
        return None;
    }
    bytes.truncate(content);
    bytes.drain(..HASH);
    Some(bytes)
}

/// Keeps the content for later, if nobody is writing and the memory is still what the reader has open. A convenience:
/// where the disk refuses, it is computed again next time.
pub(crate) fn keep(memory: &Memory, name: &str, content: &[&[u8]]) {
    build(memory, name, |path| write_to(path, &memory.digest(), content));
}

fn write_to(path: &Path, digest: &Digest, content: &[&[u8]]) -> std::io::Result<()> {
    let mut file = platform::create_regular(path)?;
    let mut hasher = blake3::Hasher::new();
    for part in [&digest.as_bytes()[..]].iter().chain(content) {
        hasher.update(part);
        file.write_all(part)?;
    }
    file.write_all(hasher.finalize().as_bytes())
}

/// Lets `write` make the file at the path that it is given, which takes its name then, if nobody is writing and the
/// memory is still what the reader has open. A convenience: where the disk refuses, one goes on without.
pub(crate) fn build(memory: &Memory, name: &str, write: impl FnOnce(&Path) -> std::io::Result<()>) -> Option<()> {
    let dir = memory.path();
    let mut lock = Lock::take(dir, Duration::ZERO).ok()?;
    let current = memory.readers.read(Catalog::header).ok()?;
    // The same digest could be another order of slots, if something was forgotten and added again.
    let is_the_same = current.digest == memory.digest && current.commit.generation == memory.commit.generation;
    if lock.dirty || !is_the_same {
        return None;
    }
    lock.begin().ok()?;
    let written = whole_or_not(dir, name, write);
    lock.dirty = false;
    written.ok()
}

fn whole_or_not(dir: &Path, name: &str, write: impl FnOnce(&Path) -> std::io::Result<()>) -> std::io::Result<()> {
    let temporary = path(dir, &format!("{name}.new"));
    let written = write(&temporary).and_then(|()| std::fs::rename(&temporary, path(dir, name)));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// Waits until these files of the memory are on disk, where they are there.
pub(crate) fn sync(dir: &Path, names: &[&str]) -> Result<()> {
    for path in names.iter().map(|name| path(dir, name)) {
        match platform::read_regular(&path).and_then(|file| file.sync_data()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).at(&path, "sync"),
            _ => {}
        }
    }
    Ok(())
}

/// Deletes every derived file, half-written ones included.
pub(crate) fn remove_all(dir: &Path) -> Result<()> {
    let unfinished = ALL.map(|name| format!("{name}.new"));
    remove(dir, &ALL.into_iter().chain(unfinished.iter().map(String::as_str)).collect::<Vec<_>>())
}

/// Deletes what does not follow changes, so that nobody takes it for the state that is about to be committed.
pub(crate) fn remove_rigid(dir: &Path) -> Result<()> {
    remove(dir, &[NOVELTY, SLOTS])
}

/// Deletes files of the memory, so that no power failure brings them back.
pub(crate) fn remove(dir: &Path, names: &[&str]) -> Result<()> {
    let mut removed = false;
    for name in names {
        let path = path(dir, name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).at(&path, "delete"),
            outcome => removed |= outcome.is_ok(),
        }
    }
    if removed {
        platform::sync_directory(dir).at(dir, "sync")?;
    }
    Ok(())
}
