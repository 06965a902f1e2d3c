//! `codes.i8`: the quantised codes of the vectors, which exact search reads first. Derived: each code is a function of
//! its vector alone, and the file can be deleted at any time.
//!
//! Layout: the digest of the memory that the codes belong to (32 bytes), their checksum (32 bytes), the groups of codes
//! (see [`vismem_search::codes`]). While a writer changes groups the digest is zeros, so that a kill leaves codes that
//! nobody uses. The checksum is the sum of a hash over each group, so that a changed group costs no look at the others.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use vismem_search::codes::{GROUP, encode, erase as erase_row, group_range};
use vismem_search::{Codes, FREE};

use crate::index::checksum::Checksum;
use crate::index::derived;
use crate::platform::{self, FileExt};
use crate::{Digest, Memory, Result};

pub(crate) const NAME: &str = "codes.i8";
const HEADER: usize = 64;

/// A memory with fewer values than this is searched as fast without codes. Tests and fuzzing have small memories.
#[allow(unexpected_cfgs, reason = "cargo-fuzz sets it")]
const WORTH_IT: usize = if cfg!(any(test, fuzzing)) { 1 } else { 1 << 23 };

pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// Whole codes of one state of a memory, memory-mapped.
pub(crate) struct CodeMap {
    map: Mmap,
    dim: usize,
}

impl CodeMap {
    /// The memory's codes, made and kept if need be. `None` where the memory is small, or somebody is writing to it.
    pub(crate) fn of(memory: &Memory) -> Option<Self> {
        let (slots, dim) = (memory.slots.ids.len(), memory.encoder().dim);
        if slots * dim < WORTH_IT {
            return None;
        }
        Self::open(memory).or_else(|| {
            build(memory)?;
            Self::open(memory)
        })
    }

    /// The file's codes, if they are whole and belong to this state of the memory.
    pub(crate) fn open(memory: &Memory) -> Option<Self> {
        let (slots, dim) = (memory.slots.ids.len(), memory.encoder().dim);
        let file = platform::read_regular(&path(memory.path())).ok()?;
        let length = HEADER + Codes::bytes_for(slots, dim);
        if file.metadata().ok()?.len() != length as u64 {
            return None;
        }
        // SAFETY: the mapping is read-only, and vismem never shortens the file: a new one takes its name instead. A
        // writer that changes codes rewrites those of other rows with the bytes that they have, and those of rows that
        // this reader's snapshot does not hold are masked out. Other programs are as they are for `vectors.f32`.
        let map = unsafe { Mmap::map(&file) }.ok()?;
        let codes = Self { map, dim };
        let belongs = codes.map[..32] == *memory.digest().as_bytes();
        (belongs && codes.is_whole()).then_some(codes)
    }

    fn is_whole(&self) -> bool {
        let groups = self.map.len().saturating_sub(HEADER) / Codes::bytes_for(GROUP, self.dim);
        let sum = |groups: Range<usize>| {
            groups.map(|group| Checksum::of(group, &self.map[HEADER..][range(group, self.dim)])).sum::<Checksum>()
        };
        in_parallel(0..groups, sum).into_iter().sum::<Checksum>().to_bytes() == self.map[32..HEADER]
    }

    pub(crate) fn codes(&self) -> Codes<'_> {
        Codes::new(&self.map[HEADER..], self.dim).expect("the length was compared when the file was opened")
    }

    /// Groups whose codes are not those of the memory's vectors.
    pub(crate) fn wrong_groups(memory: &Memory) -> Vec<usize> {
        let Some(codes) = Self::open(memory) else { return Vec::new() };
        let vectors = Vectors::of(memory);
        let is_wrong = |group: &usize| codes.map[HEADER..][range(*group, codes.dim)] != vectors.coded(*group);
        (0..vectors.groups()).filter(is_wrong).collect()
    }
}

/// Where the group stands behind the header.
fn range(group: usize, dim: usize) -> Range<usize> {
    group_range(group * GROUP, dim)
}

/// What codes are made from. Unlike a memory it can be shared among threads.
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

/// Hands parts of the groups to all cores; results in order.
pub(crate) fn in_parallel<R: Send>(groups: Range<usize>, of: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = groups.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let of = &of;
        let parts = groups.clone().step_by(share).map(|first| first..(first + share).min(groups.end));
        let handles: Vec<_> = parts.map(|part| scope.spawn(move || of(part))).collect();
        let join = |handle: std::thread::ScopedJoinHandle<'_, _>| {
            handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        handles.into_iter().map(join).collect()
    })
}

/// Groups that are coded in memory before they are written: a few megabytes.
const TOGETHER: usize = 512;

/// Writes the file anew.
fn build(memory: &Memory) -> Option<()> {
    derived::build(memory, NAME, |path| write_all(memory, path))
}

fn write_all(memory: &Memory, path: &Path) -> std::io::Result<()> {
    let vectors = Vectors::of(memory);
    let mut file = platform::create_regular(path)?;
    file.write_all(&[0; HEADER])?;
    let mut checksum = Checksum::default();
    for first in (0..vectors.groups()).step_by(TOGETHER) {
        let parts = in_parallel(first..(first + TOGETHER).min(vectors.groups()), |groups| {
            let coded: Vec<Vec<u8>> = groups.clone().map(|group| vectors.coded(group)).collect();
            let sum: Checksum = groups.zip(&coded).map(|(group, bytes)| Checksum::of(group, bytes)).sum();
            (sum, coded.concat())
        });
        for (sum, bytes) in parts {
            checksum = checksum.plus(sum);
            file.write_all(&bytes)?;
        }
    }
    file.write_all_at(memory.digest().as_bytes(), 0)?;
    file.write_all_at(&checksum.to_bytes(), 32)
}

/// Deletes the codes, half-written ones included.
pub(crate) fn remove(dir: &Path) -> Result<()> {
    derived::remove(dir, &[NAME, &format!("{NAME}.new")])
}

/// Overwrites the codes of these slots; codes that belonged to `before` belong to `after` then. Returns the file, which
/// is yet to be synced. Where they cannot be overwritten, or belong to another state, the whole file is deleted.
pub(crate) fn erase(dir: &Path, dim: usize, slots: &[usize], before: &Digest, after: &Digest) -> Result<Option<File>> {
    let overwrite = || -> std::io::Result<Option<File>> {
        let Some(mut codes) = OpenCodes::open(dir, dim, before)? else { return Ok(None) };
        for &slot in slots {
            codes.change(slot, |group, dim| erase_row(group, slot, dim))?;
        }
        codes.finish(after).map(Some)
    };
    match overwrite() {
        Ok(Some(file)) => Ok(Some(file)),
        _ => remove(dir).map(|()| None),
    }
}

/// Codes that belonged to `before` belong to `after`, which has the same vectors in the same slots.
pub(crate) fn follow(dir: &Path, before: &Digest, after: &Digest) {
    let Ok(file) = platform::change_regular(&path(dir)) else { return };
    let mut digest = [0; 32];
    // Where this fails they belong to nothing and are made anew.
    if file.read_exact_at(&mut digest, 0).is_ok() && digest == *before.as_bytes() {
        let _ = file.write_all_at(after.as_bytes(), 0);
    }
}

/// Changes codes along with their vectors. Codes can be made again, so where they cannot be written they are deleted
/// and the memory goes on without.
pub(crate) struct CodeWriter {
    dir: PathBuf,
    open: Option<OpenCodes>,
}

impl CodeWriter {
    /// Goes on from the codes that belong to `digest`, if there are any. From the first change until
    /// [`CodeWriter::finish`] they belong to nothing.
    pub(crate) fn open(dir: &Path, dim: usize, digest: &Digest) -> Self {
        let mut writer = Self { dir: dir.into(), open: None };
        match OpenCodes::open(dir, dim, digest) {
            Ok(open) => writer.open = open,
            Err(_) => writer.give_up(),
        }
        writer
    }

    pub(crate) fn set(&mut self, slot: usize, row: &[f32]) {
        if self.open.as_mut().is_some_and(|codes| codes.set(slot, row).is_err()) {
            self.give_up();
        }
    }

    /// Writes what changed; the codes belong to `digest` from now on.
    pub(crate) fn finish(mut self, digest: &Digest) {
        if self.open.take().is_some_and(|codes| codes.finish(digest).is_err()) {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        self.open = None;
        let _ = remove(&self.dir);
    }
}

struct OpenCodes {
    file: File,
    dim: usize,
    checksum: Checksum,
    /// Changed groups, and the hash that each had.
    changed: BTreeMap<usize, (Checksum, Vec<u8>)>,
}

impl OpenCodes {
    fn open(dir: &Path, dim: usize, digest: &Digest) -> std::io::Result<Option<Self>> {
        let file = match platform::change_regular(&path(dir)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0)?;
        if header[..32] != *digest.as_bytes() {
            return Ok(None);
        }
        let checksum = Checksum::from_bytes(header[32..].first_chunk().expect("the second half of the header"));
        Ok(Some(Self { file, dim, checksum, changed: BTreeMap::new() }))
    }

    fn set(&mut self, slot: usize, row: &[f32]) -> std::io::Result<()> {
        self.change(slot, |group, _| encode(group, slot, row))
    }

    fn change(&mut self, slot: usize, change: impl FnOnce(&mut [u8], usize)) -> std::io::Result<()> {
        if self.changed.is_empty() {
            self.file.write_all_at(&[0; 32], 0)?;
        }
        let group = slot / GROUP;
        if !self.changed.contains_key(&group) {
            let before = self.read(group)?;
            self.changed.insert(group, before);
        }
        if let Some((_, bytes)) = self.changed.get_mut(&group) {
            change(bytes, self.dim);
        }
        Ok(())
    }

    /// The group's hash and bytes; one beyond the end is new.
    fn read(&self, group: usize) -> std::io::Result<(Checksum, Vec<u8>)> {
        let range = range(group, self.dim);
        let mut bytes = vec![0; range.len()];
        match self.file.read_exact_at(&mut bytes, (HEADER + range.start) as u64) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Ok((Checksum::default(), vec![0; range.len()]))
            }
            read => read.map(|()| (Checksum::of(group, &bytes), bytes)),
        }
    }

    fn finish(mut self, digest: &Digest) -> std::io::Result<File> {
        for (group, (before, bytes)) in self.changed {
            self.file.write_all_at(&bytes, (HEADER + range(group, self.dim).start) as u64)?;
            self.checksum = self.checksum.minus(before).plus(Checksum::of(group, &bytes));
        }
        self.file.write_all_at(&self.checksum.to_bytes(), 32)?;
        self.file.write_all_at(digest.as_bytes(), 0)?;
        Ok(self.file)
    }
}
