//! What keeps derived files true while a memory is changed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::Digest;
use crate::error::Result;
use crate::index::assignments::OpenAssignments;
use crate::index::codes::{self, OpenCodes};
use crate::index::partitions::{self, OpenPartitions};
use crate::index::{derived, grouped, neighbor_lists};
use crate::store::kill_point::kill_point;
use crate::store::vectors::VectorWriter;

/// What an edit wrote to a derived file, if it is still there.
type Outcome<T> = io::Result<Option<T>>;

/// Follows a writer's edits. Indexes can be made again, so where one cannot be written it is deleted and the memory goes on
/// without.
pub(crate) struct IndexWriter {
    dir: PathBuf,
    dim: usize,
    codes: Option<OpenCodes>,
    assignments: Option<OpenAssignments>,
    /// They stay open from one edit to the next, since reading them takes longer than changing them.
    partitions: Option<OpenPartitions>,
    /// Whether an addition has changed files, which need not be on disk before the lock is let go.
    is_unsynced: bool,
}

impl IndexWriter {
    /// For the memory `dir`. Reads nothing yet.
    pub(crate) fn new(dir: &Path, dim: usize) -> Self {
        Self { dir: dir.into(), dim, codes: None, assignments: None, partitions: None, is_unsynced: false }
    }

    /// Goes on from the indexes that belong to `before`, a state of so many slots, where there are any. An index that belongs
    /// to nothing, or to another state, is left as it is.
    pub(crate) fn begin(&mut self, before: &Digest, slots: u64) {
        self.assignments = OpenAssignments::open(&self.path(derived::SLOTS), before).unwrap_or_default();
        if self.assignments.is_none() {
            // A digest can come back, with the same exemplars in other slots.
            self.give_up_assignments();
        }
        self.codes = OpenCodes::open(&self.path(codes::NAME), self.dim, before).unwrap_or_default();
        if self.partitions.as_ref().is_none_or(|open| open.digest() != before) {
            self.partitions = OpenPartitions::open(&self.path(partitions::NAME), self.dim, slots as usize, before)
                .unwrap_or_default();
        }
    }

    /// An exemplar with this label took a slot.
    pub(crate) fn add(&mut self, slot: usize, id: u64, label: &str, row: &[f32]) {
        if self.assignments.as_mut().is_some_and(|open| !matches!(open.add(slot, id, label), Ok(true))) {
            self.give_up_assignments();
        }
        if self.codes.as_mut().is_some_and(|codes| codes.add(slot, row).is_err()) {
            self.give_up_codes();
        }
        if self.partitions.as_mut().is_some_and(|partitions| partitions.add(slot, row).is_err()) {
            self.give_up_partitions();
        }
    }

    /// Writes what additions changed: exemplars, slot and id, took slots. What belonged to `before` belongs to `after`.
    pub(crate) fn finish_adding(&mut self, assignments: &[(usize, u64)], before: &Digest, after: &Digest) {
        self.is_unsynced = true;
        if self.assignments.take().is_some_and(|mut open| open.finish(after).is_err()) {
            self.give_up_assignments();
        }
        if self.codes.take().is_some_and(|mut codes| codes.finish(after).is_err()) {
            self.give_up_codes();
        }
        if self.partitions.as_mut().is_some_and(|partitions| partitions.finish(after).is_err()) {
            self.give_up_partitions();
        }
        neighbor_lists::admit(&self.path(derived::NEIGHBOR_LISTS), assignments, before, after);
    }

    /// The digest changed, exemplars and slots did not: who is near to whom does not depend on labels.
    pub(crate) fn follow(&mut self, before: &Digest, after: &Digest) {
        for name in [codes::NAME, partitions::NAME, derived::NEIGHBOR_LISTS] {
            grouped::follow(&self.path(name), before, after);
        }
        self.partitions.iter_mut().for_each(|open| open.follow(before, after));
    }

    /// The exemplar in a slot, whose row has this hash and is still in its place, goes.
    pub(crate) fn remove(&mut self, slot: usize, vectors: &VectorWriter, hash: &[u8; 32]) {
        let Some(partitions) = &mut self.partitions else { return };
        if vectors.read(slot).and_then(|row| partitions.remove(slot, &row, hash)).is_err() {
            self.give_up_partitions();
        }
    }

    /// Overwrites what is left of exemplars, slot and id, that are gone. Returns the files, which are yet to be synced. An
    /// index that cannot be changed, or belongs to another state, is deleted, and so is what is being made.
    ///
    /// # Errors
    /// When a file can neither be changed nor deleted.
    pub(crate) fn erase(&mut self, assignments: &[(usize, u64)], before: &Digest, after: &Digest) -> Result<Vec<File>> {
        let mut slots = self.assignments.take();
        let slots = self.or_delete(derived::SLOTS, erase_assignments(slots.as_mut(), assignments, after))?;
        let mut codes = self.codes.take();
        let codes = self.or_delete(codes::NAME, erase_codes(codes.as_mut(), assignments, after))?;
        kill_point("codes erased");
        let partitions = self.partitions.as_mut().map(|open| open.finish(after)?.try_clone()).transpose();
        let partitions = self.or_delete(partitions::NAME, partitions)?;
        if partitions.is_none() {
            self.partitions = None;
        }
        kill_point("partitions thinned");
        let lists = neighbor_lists::erase(&self.path(derived::NEIGHBOR_LISTS), assignments, before, after);
        let lists = lists.and_then(|lists| lists.map(|lists| lists.file().try_clone()).transpose());
        let lists = self.or_delete(derived::NEIGHBOR_LISTS, lists)?;
        kill_point("neighbor lists thinned");
        derived::remove_unfinished(&self.dir)?;
        Ok([slots, codes, partitions, lists].into_iter().flatten().collect())
    }

    /// Lets go of what is open.
    pub(crate) fn close(&mut self) {
        (self.assignments, self.codes, self.partitions) = (None, None, None);
    }

    /// Deletes every derived file, unfinished ones included.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn delete(&mut self) -> Result<()> {
        self.close();
        derived::remove_all(&self.dir)
    }

    /// Waits until the disk has what additions changed.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn sync(&self) -> Result<()> {
        if !self.is_unsynced {
            return Ok(());
        }
        derived::sync(&self.dir, &[derived::SLOTS, codes::NAME, partitions::NAME, derived::NEIGHBOR_LISTS])
    }

    fn path(&self, name: &str) -> PathBuf {
        derived::path(&self.dir, name)
    }

    fn or_delete<T>(&self, name: &str, outcome: Outcome<T>) -> Result<Option<T>> {
        match outcome {
            Ok(Some(file)) => Ok(Some(file)),
            _ => derived::remove(&self.dir, &[name]).map(|()| None),
        }
    }

    fn give_up_assignments(&mut self) {
        self.assignments = None;
        let _ = derived::remove(&self.dir, &[derived::SLOTS]);
    }

    fn give_up_codes(&mut self) {
        self.codes = None;
        let _ = derived::remove(&self.dir, &[codes::NAME]);
    }

    fn give_up_partitions(&mut self) {
        self.partitions = None;
        let _ = derived::remove(&self.dir, &[partitions::NAME]);
    }
}

fn erase_assignments(open: Option<&mut OpenAssignments>, gone: &[(usize, u64)], after: &Digest) -> Outcome<File> {
    let Some(open) = open else { return Ok(None) };
    gone.iter().try_for_each(|(slot, _)| open.erase(*slot))?;
    open.finish(after)?.try_clone().map(Some)
}

fn erase_codes(codes: Option<&mut OpenCodes>, assignments: &[(usize, u64)], after: &Digest) -> Outcome<File> {
    let Some(codes) = codes else { return Ok(None) };
    assignments.iter().try_for_each(|(slot, _)| codes.erase(*slot))?;
    codes.finish(after)?.try_clone().map(Some)
}
