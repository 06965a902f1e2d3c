//! Changing codes along with their vectors.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use vismem_search::codes::packed::{Packed, group_range};
use vismem_search::{Groups, Partitions, Placement};

use super::sums::Sums;
use super::{FIRST_SUM, HEAD_PART, Head, NAME, partitions_of, read_head};
use crate::index::checksum::Checksum;
use crate::index::derived;
use crate::platform::{self, FileExt};
use crate::store::vectors::{self, VectorWriter};
use crate::{Digest, Result};

/// Follows a writer's edits. Partitions can be made again, so where they cannot be written they are deleted and the memory
/// goes on without.
pub(crate) struct PartitionWriter {
    dir: PathBuf,
    dim: usize,
    open: Option<OpenPartitions>,
}

impl PartitionWriter {
    /// For the memory `dir`. Reads nothing yet.
    pub(crate) fn new(dir: &Path, dim: usize) -> Self {
        Self { dir: dir.into(), dim, open: None }
    }

    /// Goes on from the codes that belong to `before`, if there are any.
    pub(crate) fn begin(&mut self, before: &Digest) {
        if self.open.as_ref().is_some_and(|open| open.digest == *before) {
            return;
        }
        self.open = OpenPartitions::open(&self.dir, self.dim, before).unwrap_or_default();
    }

    /// An exemplar took a slot.
    pub(crate) fn add(&mut self, slot: usize, row: &[f32]) {
        self.change(|open| open.add(slot, row));
    }

    /// The exemplar in a slot, whose row has this hash and is still in its place, goes.
    pub(crate) fn remove(&mut self, slot: usize, vectors: &VectorWriter, hash: &[u8; 32]) {
        self.change(|open| {
            let row = vectors.read(slot)?;
            // A sum that lost another row than it was given would tell of both.
            if vectors::hash(&row) != *hash {
                return Err(io::ErrorKind::InvalidData.into());
            }
            open.remove(slot, &row)
        });
    }

    fn change(&mut self, change: impl FnOnce(&mut OpenPartitions) -> io::Result<()>) {
        if self.open.as_mut().is_some_and(|open| change(open).is_err()) {
            self.give_up();
        }
    }

    /// Writes what was changed; codes belong to `after` from now on.
    pub(crate) fn finish(&mut self, after: &Digest) {
        self.change(|open| open.finish(after));
    }

    /// The same after something was removed. Returns the file, which is yet to be synced; none where it was deleted.
    ///
    /// # Errors
    /// When the file can neither be changed nor deleted.
    pub(crate) fn finish_removing(&mut self, after: &Digest) -> Result<Option<&File>> {
        self.finish(after);
        if self.open.is_none() {
            self.delete()?;
        }
        Ok(self.open.as_ref().map(|open| &open.groups.file))
    }

    /// The memory's digest changed, its vectors did not: codes that belonged to `before` belong to `after`.
    pub(crate) fn follow(&mut self, before: &Digest, after: &Digest) {
        let write = || -> io::Result<()> {
            let file = platform::change_regular(&derived::path(&self.dir, NAME))?;
            let mut digest = [0; 32];
            file.read_exact_at(&mut digest, 0)?;
            if digest == *before.as_bytes() { file.write_all_at(after.as_bytes(), 0) } else { Ok(()) }
        };
        // Codes of another state are not used, so that nothing is lost where this fails.
        let _ = write();
        if let Some(open) = self.open.as_mut().filter(|open| open.digest == *before) {
            open.digest = *after;
        }
    }

    /// Deletes the partitions, half-written ones included.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn delete(&mut self) -> Result<()> {
        self.open = None;
        derived::remove(&self.dir, &[NAME, &format!("{NAME}.new")])
    }

    fn give_up(&mut self) {
        let _ = self.delete();
    }
}

/// The file as of one state of the memory, and what has changed since. Nothing is written before it is finished.
struct OpenPartitions {
    head: Head,
    /// As it stands in the file.
    old_head: Head,
    sums: Sums,
    /// Partitions whose sums have changed, and the checksum that each had.
    old_sums: BTreeMap<usize, Checksum>,
    partitions: Partitions,
    placement: Placement,
    groups: FileGroups,
    /// The state that the file belongs to.
    digest: Digest,
}

impl OpenPartitions {
    fn open(dir: &Path, dim: usize, digest: &Digest) -> io::Result<Option<Self>> {
        let file = match platform::change_regular(&derived::path(dir, NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let Some((checksum, head)) = read_head(&file, digest)? else { return Ok(None) };
        // SAFETY: the mapping is read-only, lives in this function only, and nobody else writes: the writer's lock is
        // held.
        let map = unsafe { Mmap::map(&file) }?;
        let at = head.groups_at(dim);
        let (Some(sums), Some(groups)) = (map.get(head.sums(dim)), map.get(at..)) else { return Ok(None) };
        let codes = Packed::new(groups, dim).map_err(io::Error::other)?;
        let placement = Placement::of(codes, head.partitions).map_err(io::Error::other)?;
        let sums = Sums::from_bytes(sums, dim);
        let sizes = (0..head.partitions).map(|partition| placement.rows(partition));
        let Some(partitions) = partitions_of(&sums, sizes, dim) else { return Ok(None) };
        let groups = FileGroups { file, at, dim, checksum, changed: BTreeMap::new() };
        let (old_head, old_sums) = (head.clone(), BTreeMap::new());
        Ok(Some(Self { head, old_head, sums, old_sums, partitions, placement, groups, digest: *digest }))
    }

    fn add(&mut self, slot: usize, row: &[f32]) -> io::Result<()> {
        let partition = self.partitions.of(row, 1)[0] as usize;
        self.placement.add(&mut self.groups, partition, slot, row)?;
        self.change_sum(partition, |sums| sums.add(partition, row));
        Ok(())
    }

    fn remove(&mut self, slot: usize, row: &[f32]) -> io::Result<()> {
        if let Some(partition) = self.placement.remove(&mut self.groups, slot)? {
            self.change_sum(partition, |sums| sums.subtract(partition, row));
            self.head.forgotten += 1;
        }
        Ok(())
    }

    /// Changes a sum, and moves the centre to the mean of what is there now.
    fn change_sum(&mut self, partition: usize, change: impl FnOnce(&mut Sums)) {
        let before = Checksum::of(FIRST_SUM + partition, self.sums.bytes_of(partition));
        self.old_sums.entry(partition).or_insert(before);
        change(&mut self.sums);
        self.partitions.set_centre(partition, &self.sums.mean(partition, self.placement.rows(partition)));
    }

    /// Until all is written the codes belong to nothing.
    fn finish(&mut self, digest: &Digest) -> io::Result<()> {
        let Self { head, old_head, sums, old_sums, groups, .. } = self;
        groups.file.write_all_at(&[0; 32], 0)?;
        groups.flush()?;
        for (partition, before) in std::mem::take(old_sums) {
            let bytes = sums.bytes_of(partition);
            let at = head.sums(groups.dim).start + partition * bytes.len();
            groups.file.write_all_at(bytes, at as u64)?;
            groups.checksum = groups.checksum.minus(before).plus(Checksum::of(FIRST_SUM + partition, bytes));
        }
        let [before, after] = [&*old_head, &*head].map(|head| Checksum::of(HEAD_PART, &head.to_bytes()));
        groups.checksum = groups.checksum.minus(before).plus(after);
        old_head.clone_from(head);
        let rest = [&groups.checksum.to_bytes()[..], &head.to_bytes()].concat();
        groups.file.write_all_at(&rest, 32)?;
        groups.file.write_all_at(digest.as_bytes(), 0)?;
        self.digest = *digest;
        Ok(())
    }
}

/// Groups in the file, and the checksum that all of it makes.
struct FileGroups {
    file: File,
    /// Where the first one begins.
    at: usize,
    dim: usize,
    checksum: Checksum,
    /// Groups that have changed, and the checksum that each had.
    changed: BTreeMap<usize, (Checksum, Vec<u8>)>,
}

impl Groups for FileGroups {
    type Error = io::Error;

    fn read(&mut self, group: usize) -> io::Result<Vec<u8>> {
        if let Some((_, bytes)) = self.changed.get(&group) {
            return Ok(bytes.clone());
        }
        let mut bytes = vec![0; group_range(group, self.dim).len()];
        self.file.read_exact_at(&mut bytes, self.place(group))?;
        Ok(bytes)
    }

    fn write(&mut self, group: usize, bytes: &[u8]) -> io::Result<()> {
        let before = match self.changed.get(&group) {
            Some((before, _)) => *before,
            None => match self.read(group) {
                Ok(bytes) => Checksum::of(group, &bytes),
                // It is new.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Checksum::default(),
                Err(error) => return Err(error),
            },
        };
        self.changed.insert(group, (before, bytes.to_vec()));
        Ok(())
    }
}

impl FileGroups {
    fn place(&self, group: usize) -> u64 {
        (self.at + group_range(group, self.dim).start) as u64
    }

    fn flush(&mut self) -> io::Result<()> {
        for (group, (before, bytes)) in std::mem::take(&mut self.changed) {
            self.file.write_all_at(&bytes, self.place(group))?;
            self.checksum = self.checksum.minus(before).plus(Checksum::of(group, &bytes));
        }
        Ok(())
    }
}
