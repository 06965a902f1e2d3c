//! Changing codes along with their vectors.

use std::fs::File;
use std::io;
use std::path::Path;

use vismem_search::codes::packed::Packed;
use vismem_search::{Groups, Partitions, Placement};

use super::sums::Sums;
use super::{GROUPS, Head, OfDim, SUMS, partitions_of};
use crate::Digest;
use crate::index::grouped::GroupedFile;
use crate::store::vectors;

/// The file as of one state of the memory, and what has changed since.
pub(crate) struct OpenPartitions {
    head: Head,
    sums: Sums,
    partitions: Partitions,
    placement: Placement,
    file: CodeGroups,
    /// The state that the file belongs to.
    digest: Digest,
}

impl OpenPartitions {
    /// Those that belong to `digest`, of a memory of so many slots; `None` where there are none.
    pub(crate) fn open(path: &Path, dim: usize, slots: usize, digest: &Digest) -> io::Result<Option<Self>> {
        let Some(file) = GroupedFile::open(path, &OfDim(dim), digest)? else { return Ok(None) };
        let Some(head) = Head::from_bytes(file.head()) else { return Ok(None) };
        let (sums, groups) = (file.map(SUMS)?, file.map(GROUPS)?);
        let codes = Packed::new(&groups, dim).map_err(io::Error::other)?;
        let placement = Placement::of(codes, head.partitions, slots).map_err(io::Error::other)?;
        let sums = Sums::from_bytes(&sums, dim);
        let sizes = (0..head.partitions).map(|partition| placement.rows(partition));
        let Some(partitions) = partitions_of(&sums, sizes, dim) else { return Ok(None) };
        Ok(Some(Self { head, sums, partitions, placement, file: CodeGroups(file), digest: *digest }))
    }

    /// The state that they belong to.
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    /// An exemplar took a slot.
    pub(crate) fn add(&mut self, slot: usize, row: &[f32]) -> io::Result<()> {
        let partition = self.partitions.of(row)[0] as usize;
        self.placement.add(&mut self.file, partition, slot, row)?;
        self.change_sum(partition, |sums| sums.add(partition, row))
    }

    /// The exemplar in a slot, whose row was once hashed like this, goes.
    pub(crate) fn remove(&mut self, slot: usize, row: &[f32], hash: &[u8; 32]) -> io::Result<()> {
        // A sum that lost another row than it was given would tell of both.
        if vectors::hash(row) != *hash {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if let Some(partition) = self.placement.remove(&mut self.file, slot)? {
            self.change_sum(partition, |sums| sums.subtract(partition, row))?;
            self.head.forgotten += 1;
        }
        Ok(())
    }

    /// Changes a sum, and moves the centre to the mean of what is there now.
    fn change_sum(&mut self, partition: usize, change: impl FnOnce(&mut Sums)) -> io::Result<()> {
        change(&mut self.sums);
        self.partitions.set_centre(partition, &self.sums.mean(partition, self.placement.rows(partition)));
        self.file.0.write(SUMS, partition, self.sums.bytes_of(partition).to_vec())
    }

    /// The memory's digest changed, its vectors did not.
    pub(crate) fn follow(&mut self, before: &Digest, after: &Digest) {
        if self.digest == *before {
            self.digest = *after;
        }
    }

    /// Writes what changed; codes belong to `digest` from now on.
    pub(crate) fn finish(&mut self, digest: &Digest) -> io::Result<&File> {
        self.file.0.set_head(self.head.to_bytes().to_vec());
        self.file.0.finish(digest)?;
        self.digest = *digest;
        Ok(self.file.0.file())
    }
}

/// The groups of codes in the file.
struct CodeGroups(GroupedFile);

impl Groups for CodeGroups {
    type Error = io::Error;

    fn read(&mut self, group: usize) -> io::Result<Vec<u8>> {
        self.0.read(GROUPS, group)
    }

    fn write(&mut self, group: usize, bytes: &[u8]) -> io::Result<()> {
        self.0.write(GROUPS, group, bytes.to_vec())
    }
}
