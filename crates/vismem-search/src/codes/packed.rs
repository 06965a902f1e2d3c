//! The coarse codes of partitions, in any order of rows: every group says whose codes it holds.
//!
//! A group is 192 bytes and a coarse plane (see [`super`]): for each row the slot that its vector is in plus 1, or 0 for
//! none, u32 each; the partition that the group belongs to plus 1, or 0 for none, u32; zeros; the plane. A row without
//! codes is zeros.

use std::ops::Range;

use super::{GROUP, Plane, STEP, STEP_BYTES, coarse_bytes, place, write_coarse};
use crate::Error;

/// Bytes of slots and partition.
const WHOSE: usize = GROUP * size_of::<u32>() + 64;

/// Groups of coarse codes.
#[derive(Debug, Clone, Copy)]
pub struct Packed<'a> {
    bytes: &'a [u8],
    dim: usize,
}

impl<'a> Packed<'a> {
    /// Whole groups, one after the other.
    ///
    /// # Errors
    /// When `bytes` is not a whole number of groups.
    pub fn new(bytes: &'a [u8], dim: usize) -> Result<Self, Error> {
        if dim == 0 || !bytes.len().is_multiple_of(group_bytes(dim)) {
            return Err(Error::Codes { bytes: bytes.len(), dim });
        }
        Ok(Self { bytes, dim })
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / group_bytes(self.dim)
    }

    /// Whether there is no group.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Dimension of the vectors.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// A group.
    ///
    /// # Panics
    /// When there is none of this number.
    pub fn group(&self, group: usize) -> Group<'a> {
        Group { bytes: &self.bytes[group_range(group, self.dim)] }
    }
}

/// The codes of up to [`GROUP`] rows of a partition, and whose they are.
#[derive(Clone, Copy)]
pub struct Group<'a> {
    bytes: &'a [u8],
}

impl<'a> Group<'a> {
    /// The slot whose vector has the codes of a row; `None` where there are no codes.
    pub fn slot(&self, row: usize) -> Option<usize> {
        self.word(row).checked_sub(1).map(|slot| slot as usize)
    }

    /// The row that has the codes of a slot.
    pub fn row_of(&self, slot: usize) -> Option<usize> {
        (0..GROUP).find(|&row| self.slot(row) == Some(slot))
    }

    /// How many rows have codes.
    pub fn len(&self) -> usize {
        (0..GROUP).filter(|&row| self.word(row) != 0).count()
    }

    /// Whether no row has codes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The partition that the group belongs to, if any.
    pub fn partition(&self) -> Option<usize> {
        self.word(GROUP).checked_sub(1).map(|partition| partition as usize)
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes.as_chunks().0[at])
    }

    pub(crate) fn plane(&self) -> Plane<'a> {
        Plane::new(&self.bytes[WHOSE..])
    }

    /// Asks memory for the group.
    pub(crate) fn prefetch(&self) {
        crate::kernel::prefetch(self.bytes);
    }
}

fn group_bytes(dim: usize) -> usize {
    WHOSE + coarse_bytes(dim)
}

/// The bytes of a group.
pub fn group_range(group: usize, dim: usize) -> Range<usize> {
    let start = group * group_bytes(dim);
    start..start + group_bytes(dim)
}

/// A group of the partition without codes.
pub fn empty(partition: usize, dim: usize) -> Vec<u8> {
    let mut group = vec![0; group_bytes(dim)];
    write_word(&mut group, GROUP, partition as u32 + 1);
    group
}

/// A group as it is read.
///
/// # Panics
/// When `group` is not as long as a group of this dimension.
pub fn view(group: &[u8], dim: usize) -> Group<'_> {
    check(group, 0, dim);
    Group { bytes: group }
}

/// Writes the codes of the vector in a slot as those of a row of a group.
///
/// # Panics
/// When `group` is not as long as a group of this dimension, or has no such row.
pub fn encode(group: &mut [u8], row: usize, slot: usize, vector: &[f32]) {
    check(group, row, vector.len());
    write_word(group, row, slot as u32 + 1);
    write_coarse(&mut group[WHOSE..], row, vector);
}

/// Overwrites the codes of a row with zeros.
///
/// # Panics
/// When `group` is not as long as a group of this dimension, or has no such row.
pub fn erase(group: &mut [u8], row: usize, dim: usize) {
    let nothing = vec![0; group_bytes(dim)];
    copy(&nothing, 0, group, row, dim);
}

/// Copies the codes of a row to another row.
///
/// # Panics
/// When a group is not as long as one of this dimension, or has no such row.
pub fn copy(from: &[u8], from_row: usize, to: &mut [u8], to_row: usize, dim: usize) {
    check(from, from_row, dim);
    check(to, to_row, dim);
    write_word(to, to_row, view(from, dim).word(from_row));
    // Every array of a plane holds four bytes for each row.
    for array in 0..coarse_bytes(dim) / STEP_BYTES {
        let bytes = &from[WHOSE..][place(array, from_row, 0)..][..STEP];
        to[WHOSE..][place(array, to_row, 0)..][..STEP].copy_from_slice(bytes);
    }
}

fn check(group: &[u8], row: usize, dim: usize) {
    assert_eq!(group.len(), group_bytes(dim), "a group of another dimension");
    assert!(row < GROUP, "a group has {GROUP} rows");
}

fn write_word(group: &mut [u8], at: usize, word: u32) {
    group[at * size_of::<u32>()..][..size_of::<u32>()].copy_from_slice(&word.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_copied_row_is_the_row_that_would_have_been_coded_there(
            vector in prop::collection::vec(-1.0f32..1.0, 1..40), from in 0..GROUP, to in 0..GROUP,
        ) {
            let dim = vector.len();
            let (mut source, mut copied, mut coded) = (empty(5, dim), empty(5, dim), empty(5, dim));
            encode(&mut source, from, 3, &vector);
            copy(&source, from, &mut copied, to, dim);
            encode(&mut coded, to, 3, &vector);
            prop_assert_eq!(&copied, &coded);
            prop_assert_eq!(view(&copied, dim).row_of(3), Some(to));
            prop_assert_eq!(view(&copied, dim).partition(), Some(5));
            erase(&mut copied, to, dim);
            prop_assert_eq!(copied, empty(5, dim));
        }
    }
}
