//! `codes.i8`: the quantised codes of the vectors, which exact search reads first. Derived: each code is a function of
//! its vector alone, and the file can be deleted at any time.
//!
//! A [grouped file](crate::index::grouped) without a head, of one section: the groups of codes (see
//! [`vismem_search::codes`]).

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use vismem_search::codes::{GROUP, encode, erase};
use vismem_search::{Codes, FREE, parallel};

use crate::error::{IoContext, Result};
use crate::index::grouped::{GroupedFile, Layout, MARK, MappedFile, Section};
use crate::{Digest, IndexError, Memory, Progress};

pub(crate) const NAME: &str = "codes.i8";

pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// Codes of vectors of some dimension.
struct OfDim(usize);

impl OfDim {
    fn part(&self) -> usize {
        Codes::bytes_for(GROUP, self.0)
    }
}

impl Layout for OfDim {
    const HEAD: usize = 0;

    fn sections(&self, _: &[u8], length: usize) -> Option<Vec<Section>> {
        let bytes = length.checked_sub(MARK)?;
        let section = Section { at: MARK, part: self.part(), count: bytes / self.part(), number: 0 };
        bytes.is_multiple_of(self.part()).then(|| vec![section])
    }
}

/// Whole codes of one state of a memory, memory-mapped.
pub(crate) struct CodeMap {
    map: MappedFile,
    dim: usize,
}

impl CodeMap {
    /// The file's codes, if they are whole and belong to this state of the memory.
    pub(crate) fn open(memory: &Memory) -> Option<Self> {
        let (slots, dim) = (memory.slots.ids.len(), memory.encoder().dim);
        let map = MappedFile::open(&path(memory.path()), &OfDim(dim), &memory.digest())?;
        (map.section(0).len() == Codes::bytes_for(slots, dim)).then_some(Self { map, dim })
    }

    pub(crate) fn codes(&self) -> Codes<'_> {
        Codes::new(self.map.section(0), self.dim).expect("the length was compared when the file was opened")
    }

    /// Groups whose codes are not those of the memory's vectors.
    pub(crate) fn wrong_groups(memory: &Memory) -> Vec<usize> {
        let Some(codes) = Self::open(memory) else { return Vec::new() };
        let vectors = Vectors::of(memory);
        let kept = codes.map.section(0).chunks_exact(OfDim(codes.dim).part());
        kept.enumerate().filter(|(group, kept)| **kept != vectors.coded(*group)).map(|(group, _)| group).collect()
    }
}

/// What codes are made from.
struct Vectors<'a> {
    ids: &'a [u64],
    rows: &'a [f32],
    dim: usize,
}

impl<'a> Vectors<'a> {
    fn of(memory: &'a Memory) -> Self {
        Self { ids: &memory.slots.ids, rows: memory.vectors(), dim: memory.encoder().dim }
    }

    fn groups(&self) -> usize {
        self.ids.len().div_ceil(GROUP)
    }

    /// The codes of a group's rows; zeros for free ones.
    fn coded(&self, group: usize) -> Vec<u8> {
        let mut bytes = vec![0; Codes::bytes_for(GROUP, self.dim)];
        let slots = group * GROUP..((group + 1) * GROUP).min(self.ids.len());
        for slot in slots.filter(|&slot| self.ids[slot] != FREE) {
            encode(&mut bytes, slot, &self.rows[slot * self.dim..][..self.dim]);
        }
        bytes
    }
}

/// Groups that are coded in memory before they are written: a few megabytes.
const TOGETHER: usize = 512;

/// Writes the codes of a memory into a new file.
pub(super) fn write(memory: &Memory, path: &Path, file: File, progress: &mut dyn Progress) -> Result<(), IndexError> {
    let vectors = Vectors::of(memory);
    let sections = OfDim(vectors.dim).sections(&[], MARK).expect("a file without groups");
    let mut file = GroupedFile::create(file, Vec::new(), sections).at(path, "write")?;
    for first in (0..vectors.groups()).step_by(TOGETHER) {
        let end = (first + TOGETHER).min(vectors.groups());
        let coded = |groups: std::ops::Range<usize>| groups.flat_map(|group| vectors.coded(group)).collect::<Vec<u8>>();
        file.append(0, &parallel::map_ranges(first..end, coded).concat()).at(path, "write")?;
        progress.advance("codes", (end * GROUP).min(vectors.ids.len()), vectors.ids.len())?;
    }
    Ok(file.finish(&memory.digest()).at(path, "write")?)
}

/// Codes that change along with their vectors.
pub(super) struct OpenCodes {
    file: GroupedFile,
    dim: usize,
}

impl OpenCodes {
    /// Those that belong to `digest`; `None` where there are none.
    pub(super) fn open(path: &Path, dim: usize, digest: &Digest) -> io::Result<Option<Self>> {
        Ok(GroupedFile::open(path, &OfDim(dim), digest)?.map(|file| Self { file, dim }))
    }

    /// An exemplar took a slot.
    pub(super) fn add(&mut self, slot: usize, row: &[f32]) -> io::Result<()> {
        self.file.change(0, slot / GROUP, |group| encode(group, slot, row))
    }

    /// Overwrites the codes of a slot.
    pub(super) fn erase(&mut self, slot: usize) -> io::Result<()> {
        let dim = self.dim;
        self.file.change(0, slot / GROUP, |group| erase(group, slot, dim))
    }

    /// Writes what changed; the codes belong to `digest` from now on.
    pub(super) fn finish(&mut self, digest: &Digest) -> io::Result<&File> {
        self.file.finish(digest)?;
        Ok(self.file.file())
    }
}
