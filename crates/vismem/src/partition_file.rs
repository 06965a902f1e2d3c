//! `partitions.i4`: 4-bit codes by partition, for searches that need not be exact. Derived: centres are found by k-means
//! on some of the vectors, and the file can be deleted at any time.
//!
//! Layout: a head of 256 bytes, the centres (f32, row-major), zeros to a multiple of 64 bytes, groups of codes (see
//! [`vismem_search::codes::packed`]). Head: the digest of the memory that the codes belong to (32 bytes; zeros while a
//! writer changes them), the checksum (32), the number of partitions (u64), the exemplars that were there when centres
//! were found (u64), those forgotten since (u64), the imbalance then (f64), and for 10 and 100 neighbours the efforts of
//! the recalls in [`RECALLS`]: reach and measured recall, f32 each, NaN where there is none.
//!
//! A centre is a mean of exemplars in its partition. A forgotten one leaves the partition at once, and the centre becomes
//! the mean of those that are left. What remains of it is that it once had a say in who belongs together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use vismem_search::codes::packed::{self, Packed};
use vismem_search::codes::{GROUP, packed::group_range};
use vismem_search::{Directory, Filter, Groups, Partitioned, Partitions, Placement, Queries};

use crate::checksum::Checksum;
use crate::codes::in_parallel;
use crate::vectors::VectorWriter;
use crate::{Digest, Memory, PartitionStats, Result, derived};

pub(crate) const NAME: &str = "partitions.i4";
const HEAD: usize = 256;
/// Where the efforts begin in the head.
const EFFORTS: usize = 96;
/// The recalls that are looked for, and at how many neighbours.
const RECALLS: [f64; 6] = [0.9, 0.95, 0.98, 0.99, 0.995, 0.999];
const DEPTHS: [usize; 2] = [10, 100];
/// Exemplars that tell which effort has a recall.
const SAMPLE: usize = 256;
/// Numbers of the parts of the checksum that are no groups.
const HEAD_PART: usize = 1 << 62;
const FIRST_CENTRE: usize = 1 << 61;
/// Partitions that are this much more uneven than when they were made are made anew, and so are those of a memory that
/// has grown or shrunk by this factor.
const STALE: f64 = 2.0;

/// What a recall takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Effort {
    pub reach: f32,
    /// As measured.
    pub recall: f64,
}

/// What the head says beside digest and checksum.
#[derive(Debug, Clone, PartialEq)]
struct Head {
    partitions: usize,
    trained: u64,
    forgotten: u64,
    imbalance: f64,
    /// For each depth, for each recall.
    efforts: [[Option<Effort>; RECALLS.len()]; DEPTHS.len()],
}

impl Head {
    fn to_bytes(&self) -> [u8; HEAD - 64] {
        let mut bytes = [0; HEAD - 64];
        let numbers = [self.partitions as u64, self.trained, self.forgotten, self.imbalance.to_bits()];
        let (words, _) = bytes.as_chunks_mut::<8>();
        words.iter_mut().zip(numbers).for_each(|(to, number)| *to = number.to_le_bytes());
        let (floats, _) = bytes[EFFORTS - 64..].as_chunks_mut::<4>();
        let efforts = self
            .efforts
            .iter()
            .flatten()
            .flat_map(|effort| effort.map_or([f32::NAN; 2], |effort| [effort.reach, effort.recall as f32]));
        floats.iter_mut().zip(efforts).for_each(|(to, value)| *to = value.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; HEAD - 64]) -> Self {
        let number = |at: usize| u64::from_le_bytes(bytes.as_chunks().0[at]);
        let float = |at: usize| f32::from_le_bytes(bytes[EFFORTS - 64..].as_chunks().0[at]);
        let effort = |at: usize| {
            let (reach, recall) = (float(2 * at), f64::from(float(2 * at + 1)));
            (!reach.is_nan()).then_some(Effort { reach, recall })
        };
        Self {
            partitions: number(0) as usize,
            trained: number(1),
            forgotten: number(2),
            imbalance: f64::from_bits(number(3)),
            efforts: std::array::from_fn(|depth| std::array::from_fn(|at| effort(depth * RECALLS.len() + at))),
        }
    }

    /// Where the groups begin.
    fn groups_at(&self, dim: usize) -> usize {
        HEAD + (self.partitions * dim * size_of::<f32>()).next_multiple_of(64)
    }
}

/// Digest and checksum, head, of a file.
fn read_head(file: &File) -> io::Result<([u8; 64], Head)> {
    let mut bytes = [0; HEAD];
    file.read_exact_at(&mut bytes, 0)?;
    let (mark, head) = bytes.split_first_chunk::<64>().expect("a head is longer");
    Ok((*mark, Head::from_bytes(head.first_chunk().expect("the rest of the head"))))
}

fn read_centres(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// The partitions of one state of a memory, codes memory-mapped.
pub(crate) struct PartitionMap {
    map: Mmap,
    groups_at: usize,
    head: Head,
    imbalance: f64,
    pub partitions: Partitions,
    pub directory: Directory,
}

impl PartitionMap {
    /// The memory's partitions, made and kept if need be. `None` where somebody is writing to it.
    pub(crate) fn of(memory: &Memory) -> Option<Self> {
        Self::open(memory).or_else(|| Self::build(memory))
    }

    /// The file's partitions, if they are whole, belong to this state of the memory and still suit it.
    pub(crate) fn open(memory: &Memory) -> Option<Self> {
        let map = Self::open_whole(memory)?;
        let grown = memory.len() as f64 / map.head.trained.max(1) as f64;
        let suits = (1.0 / STALE..=STALE).contains(&grown) && map.imbalance <= STALE * map.head.imbalance;
        suits.then_some(map)
    }

    fn open_whole(memory: &Memory) -> Option<Self> {
        let dim = memory.encoder().dim;
        let file = File::open(derived::path(memory.path(), NAME)).ok()?;
        let (mark, head) = read_head(&file).ok()?;
        let length = file.metadata().ok()?.len() as usize;
        let whole_groups = |groups: usize| groups.is_multiple_of(group_range(0, dim).len());
        // A damaged head could say anything.
        let fits = head.partitions >= 1
            && head.partitions <= length
            && length.checked_sub(head.groups_at(dim)).is_some_and(whole_groups);
        if mark[..32] != *memory.digest().as_bytes() || !fits {
            return None;
        }
        // SAFETY: the mapping is read-only, and vismem never shortens the file: a new one takes its name instead. A
        // writer that adds rewrites codes of other rows with the bytes that they have, and those of rows that this
        // reader's snapshot does not hold are masked out; once one has forgotten, the reader is told that it is
        // outdated. Other programs are as they are for `vectors.f32`.
        let map = unsafe { Mmap::map(&file) }.ok()?;
        let groups_at = head.groups_at(dim);
        if checksum_of(&map, &head, dim).to_bytes() != mark[32..] {
            return None;
        }
        let partitions = Partitions::new(read_centres(&map[HEAD..][..head.partitions * dim * 4]), dim).ok()?;
        let codes = Packed::new(&map[groups_at..], dim).ok()?;
        let directory = Directory::of(codes, partitions.len()).ok()?;
        let imbalance = directory.imbalance(codes);
        Some(Self { groups_at, head, imbalance, partitions, directory, map })
    }

    /// Finds partitions for the memory and keeps them.
    pub(crate) fn build(memory: &Memory) -> Option<Self> {
        derived::build(memory, NAME, |path| write_all(memory, path))?;
        Self::open(memory)
    }

    pub(crate) fn codes(&self) -> Packed<'_> {
        Packed::new(&self.map[self.groups_at..], self.partitions.dim())
            .expect("the length was compared when the file was opened")
    }

    /// The least effort whose recall at so many neighbours is high enough; `None` if none is.
    pub(crate) fn effort(&self, k: usize, recall: f64) -> Option<Effort> {
        let depth = DEPTHS.iter().position(|depth| *depth >= k).unwrap_or(DEPTHS.len() - 1);
        let high_enough = RECALLS.iter().zip(self.head.efforts[depth]).find(|(asked, _)| **asked >= recall);
        high_enough.and_then(|(_, effort)| effort)
    }

    pub(crate) fn stats(&self) -> PartitionStats {
        PartitionStats {
            partitions: self.head.partitions,
            trained: self.head.trained,
            forgotten_since: self.head.forgotten,
            imbalance: self.imbalance,
            bytes: self.map.len() as u64,
            recalls: self.head.efforts[DEPTHS.len() - 1].iter().flatten().map(|effort| effort.recall).collect(),
        }
    }

    /// Slots whose codes are missing, not theirs, or in another place than the memory's vectors ask for.
    pub(crate) fn wrong_slots(memory: &Memory) -> Vec<usize> {
        let Some(map) = Self::open_whole(memory) else { return Vec::new() };
        let (codes, dim) = (map.codes(), memory.encoder().dim);
        let mut seen = vec![false; memory.slots.ids.len()];
        let mut wrong = Vec::new();
        for group in (0..codes.len()).map(|number| &map.map[map.groups_at..][group_range(number, dim)]) {
            let view = packed::view(group, dim);
            let mut expected = view.partition().map_or_else(|| vec![0; group.len()], |p| packed::empty(p, dim));
            let slots: Vec<(usize, usize)> = (0..GROUP).filter_map(|row| Some((row, view.slot(row)?))).collect();
            for &(row, slot) in &slots {
                if slot < seen.len() && !memory.is_free(slot) && !std::mem::replace(&mut seen[slot], true) {
                    packed::encode(&mut expected, row, slot, memory.vector(slot));
                } else {
                    wrong.push(slot);
                }
            }
            if expected != group {
                wrong.extend(slots.into_iter().map(|(_, slot)| slot));
            }
        }
        wrong.extend((0..seen.len()).filter(|&slot| !seen[slot] && !memory.is_free(slot)));
        wrong
    }
}

fn checksum_of(bytes: &[u8], head: &Head, dim: usize) -> Checksum {
    let groups = &bytes[head.groups_at(dim)..];
    let of_groups = in_parallel(0..groups.len() / group_range(0, dim).len(), |range| {
        range.map(|group| Checksum::of(group, &groups[group_range(group, dim)])).sum::<Checksum>()
    });
    let centres = bytes[HEAD..][..head.partitions * dim * 4].chunks_exact(dim * 4);
    let of_centres = centres.enumerate().map(|(partition, centre)| Checksum::of(FIRST_CENTRE + partition, centre));
    of_groups.into_iter().chain(of_centres).chain([Checksum::of(HEAD_PART, &bytes[64..HEAD])]).sum()
}

fn write_all(memory: &Memory, path: &Path) -> io::Result<()> {
    let dim = memory.encoder().dim;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let exact = memory.exact().map_err(io::Error::other)?;
    let partitions = Partitions::train(exact.rows(), Partitions::count_for(memory.len()), threads);
    let mut members = vec![Vec::new(); partitions.len()];
    for (slot, partition) in partitions.of(memory.vectors(), threads).into_iter().enumerate() {
        if !memory.is_free(slot) {
            members[partition as usize].push(slot);
        }
    }
    // A centre is the mean of just those that are in its partition, so that nothing stays in it of those that leave.
    let vectors = memory.vectors();
    let row = |slot: &usize| &vectors[slot * dim..][..dim];
    let centres = in_parallel(0..members.len(), |range| {
        members[range].iter().flat_map(|members| mean(members.iter().map(row), dim)).collect::<Vec<f32>>()
    });
    let partitions = Partitions::new(centres.concat(), dim).map_err(io::Error::other)?;
    let mut head = Head {
        partitions: partitions.len(),
        trained: memory.len() as u64,
        forgotten: 0,
        imbalance: 1.0,
        efforts: Default::default(),
    };
    let groups: Vec<(usize, &[usize])> = members
        .iter()
        .enumerate()
        .flat_map(|(partition, members)| members.chunks(GROUP).map(move |slots| (partition, slots)))
        .collect();
    let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    let mut out = BufWriter::new(&file);
    out.write_all(&[0; HEAD])?;
    out.write_all(bytemuck::cast_slice(partitions.centres()))?;
    out.write_all(&vec![0; head.groups_at(dim) - HEAD - size_of_val(partitions.centres())])?;
    let groups = &groups;
    for some in (0..groups.len()).step_by(TOGETHER) {
        let parts = in_parallel(some..(some + TOGETHER).min(groups.len()), |range| {
            let coded = groups[range].iter().map(|(partition, slots)| {
                let mut group = packed::empty(*partition, dim);
                for (row, &slot) in slots.iter().enumerate() {
                    packed::encode(&mut group, row, slot, &vectors[slot * dim..][..dim]);
                }
                group
            });
            coded.collect::<Vec<_>>().concat()
        });
        parts.iter().try_for_each(|part| out.write_all(part))?;
    }
    out.flush()?;
    drop(out);

    // SAFETY: nobody else knows the file yet.
    let map = unsafe { Mmap::map(&file) }?;
    let codes = Packed::new(&map[head.groups_at(dim)..], dim).map_err(io::Error::other)?;
    let directory = Directory::of(codes, partitions.len()).map_err(io::Error::other)?;
    head.imbalance = directory.imbalance(codes);
    let index = Partitioned::new(exact, codes, &partitions, &directory).map_err(io::Error::other)?;
    head.efforts = efforts(memory, index, &Partitions::held_out(exact.rows())).map_err(io::Error::other)?;
    file.write_all_at(&head.to_bytes(), 64)?;
    file.write_all_at(&checksum_of(&map, &head, dim).to_bytes(), 32)?;
    file.write_all_at(memory.digest().as_bytes(), 0)
}

/// The mean of vectors; zeros if there are none.
fn mean<'v>(vectors: impl ExactSizeIterator<Item = &'v [f32]>, dim: usize) -> Vec<f32> {
    let (mut mean, count) = (vec![0.0; dim], vectors.len().max(1) as f32);
    for vector in vectors {
        mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
    }
    mean.iter_mut().for_each(|sum| *sum /= count);
    mean
}

/// Groups that are coded in memory before they are written: a few megabytes.
const TOGETHER: usize = 512;

/// What recalls take, measured on exemplars that training did not see, each without itself.
fn efforts(
    memory: &Memory,
    index: Partitioned<'_>,
    strangers: &[usize],
) -> Result<[[Option<Effort>; RECALLS.len()]; DEPTHS.len()]> {
    let count = SAMPLE.min(strangers.len());
    let sample: Vec<usize> = (0..count).map(|i| strangers[i * strangers.len() / count]).collect();
    let values: Vec<f32> = sample.iter().flat_map(|&slot| memory.vector(slot)).copied().collect();
    let own: Vec<u64> = sample.iter().map(|&slot| memory.slots.ids[slot]).collect();
    let (queries, filter) =
        (Queries::new(&values, memory.encoder().dim)?, Filter { allowed: None, except: Some(&own) });
    let truth = index.search_all(queries, DEPTHS[DEPTHS.len() - 1], filter)?;
    let mut efforts = [[None; RECALLS.len()]; DEPTHS.len()];
    for (efforts, depth) in efforts.iter_mut().zip(DEPTHS) {
        let truth: Vec<_> = truth.iter().map(|found| found[..depth.min(found.len())].to_vec()).collect();
        for (effort, recall) in efforts.iter_mut().zip(RECALLS) {
            *effort = index.reach_for(recall, queries, filter, &truth)?.map(|(reach, recall)| Effort { reach, recall });
        }
    }
    Ok(efforts)
}

/// Changes codes along with their vectors. Partitions can be made again, so where they cannot be written they are
/// deleted and the memory goes on without.
pub(crate) struct PartitionWriter {
    dir: PathBuf,
    dim: usize,
    open: Option<OpenPartitions>,
}

struct OpenPartitions {
    head: Head,
    partitions: Partitions,
    placement: Placement,
    groups: FileGroups,
    /// The state that the file belongs to.
    digest: Digest,
    /// Partitions that lost an exemplar.
    thinned: BTreeSet<usize>,
}

/// Groups in the file, and the checksum that they make.
struct FileGroups {
    file: File,
    at: usize,
    dim: usize,
    checksum: Checksum,
    changed: BTreeMap<usize, Vec<u8>>,
    /// Whether the digest is zeros.
    marked: bool,
}

impl Groups for FileGroups {
    type Error = io::Error;

    fn read(&mut self, group: usize) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.changed.get(&group) {
            return Ok(bytes.clone());
        }
        let range = group_range(group, self.dim);
        let mut bytes = vec![0; range.len()];
        self.file.read_exact_at(&mut bytes, (self.at + range.start) as u64)?;
        self.checksum = self.checksum.minus(Checksum::of(group, &bytes));
        self.changed.insert(group, bytes.clone());
        Ok(bytes)
    }

    fn write(&mut self, group: usize, bytes: &[u8]) -> io::Result<()> {
        self.mark()?;
        self.changed.insert(group, bytes.to_vec());
        Ok(())
    }
}

impl FileGroups {
    /// From the first change on the codes belong to nothing.
    fn mark(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.marked, true) {
            self.file.write_all_at(&[0; 32], 0)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        for (group, bytes) in std::mem::take(&mut self.changed) {
            self.file.write_all_at(&bytes, (self.at + group_range(group, self.dim).start) as u64)?;
            self.checksum = self.checksum.plus(Checksum::of(group, &bytes));
        }
        Ok(())
    }
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
        if self.open.as_mut().is_some_and(|open| open.add(slot, row).is_err()) {
            self.give_up();
        }
    }

    /// Codes belong to `after` from now on.
    pub(crate) fn finish(&mut self, after: &Digest) {
        if self.open.as_mut().is_some_and(|open| open.finish(after).is_err()) {
            self.give_up();
        }
    }

    /// The memory's digest changed, its vectors did not: codes that belonged to `before` belong to `after`.
    pub(crate) fn follow(&mut self, before: &Digest, after: &Digest) {
        let write = || -> io::Result<()> {
            let file = File::options().read(true).write(true).open(derived::path(&self.dir, NAME))?;
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

    /// Overwrites the codes of slots whose rows are zeros by now. Returns the file, which is yet to be synced; none where it
    /// was deleted.
    ///
    /// # Errors
    /// When the file can neither be changed nor deleted.
    pub(crate) fn erase(
        &mut self,
        erased: &[usize],
        vectors: &VectorWriter,
        before: &Digest,
        after: &Digest,
    ) -> Result<Option<&File>> {
        self.begin(before);
        let thin = |open: &mut OpenPartitions| -> io::Result<()> {
            erased.iter().try_for_each(|&slot| open.remove(slot))?;
            open.move_centres(vectors)?;
            open.finish(after)
        };
        if self.open.as_mut().is_none_or(|open| thin(open).is_err()) {
            self.remove()?;
        }
        Ok(self.open.as_ref().map(|open| &open.groups.file))
    }

    /// Deletes the partitions, half-written ones included.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn remove(&mut self) -> Result<()> {
        self.open = None;
        derived::remove(&self.dir, &[NAME, &format!("{NAME}.new")])
    }

    fn give_up(&mut self) {
        let _ = self.remove();
    }
}

impl OpenPartitions {
    fn open(dir: &Path, dim: usize, digest: &Digest) -> io::Result<Option<Self>> {
        let file = match File::options().read(true).write(true).open(derived::path(dir, NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let (mark, head) = read_head(&file)?;
        let length = file.metadata()?.len() as usize;
        if mark[..32] != *digest.as_bytes() || !(1..=length).contains(&head.partitions) {
            return Ok(None);
        }
        // SAFETY: the mapping is read-only, lives in this function only, and nobody else writes: the writer's lock is
        // held.
        let map = unsafe { Mmap::map(&file) }?;
        let at = head.groups_at(dim);
        let (Some(centres), Some(groups)) = (map.get(HEAD..HEAD + head.partitions * dim * 4), map.get(at..)) else {
            return Ok(None);
        };
        let partitions = Partitions::new(read_centres(centres), dim).map_err(io::Error::other)?;
        let codes = Packed::new(groups, dim).map_err(io::Error::other)?;
        let placement = Placement::of(codes, head.partitions).map_err(io::Error::other)?;
        let checksum = Checksum::from_bytes(mark[32..].first_chunk().expect("the second half of the mark"));
        let groups = FileGroups { file, at, dim, checksum, changed: BTreeMap::new(), marked: false };
        Ok(Some(Self { head, partitions, placement, groups, digest: *digest, thinned: BTreeSet::new() }))
    }

    fn add(&mut self, slot: usize, row: &[f32]) -> io::Result<()> {
        let partition = self.partitions.of(row, 1)[0] as usize;
        self.placement.add(&mut self.groups, partition, slot, row)
    }

    fn remove(&mut self, slot: usize) -> io::Result<()> {
        self.thinned.extend(self.placement.partition_of(&mut self.groups, slot)?);
        if self.placement.remove(&mut self.groups, slot)? {
            self.change_head(|head| head.forgotten += 1)?;
        }
        Ok(())
    }

    fn change_head(&mut self, change: impl FnOnce(&mut Head)) -> io::Result<()> {
        self.groups.mark()?;
        let before = Checksum::of(HEAD_PART, &self.head.to_bytes());
        change(&mut self.head);
        let bytes = self.head.to_bytes();
        self.groups.file.write_all_at(&bytes, 64)?;
        self.groups.checksum = self.groups.checksum.minus(before).plus(Checksum::of(HEAD_PART, &bytes));
        Ok(())
    }

    /// Moves the centres of partitions that lost something to the mean of what is left.
    fn move_centres(&mut self, vectors: &VectorWriter) -> io::Result<()> {
        let dim = self.partitions.dim();
        for partition in std::mem::take(&mut self.thinned) {
            let left = self.placement.slots_of(&mut self.groups, partition)?;
            let rows = left.iter().map(|&slot| vectors.read(slot)).collect::<io::Result<Vec<_>>>()?;
            let centre = mean(rows.iter().map(Vec::as_slice), dim);
            let bytes_of = |partitions: &Partitions| {
                bytemuck::cast_slice::<f32, u8>(&partitions.centres()[partition * dim..][..dim]).to_vec()
            };
            let before = Checksum::of(FIRST_CENTRE + partition, &bytes_of(&self.partitions));
            self.partitions.set_centre(partition, &centre);
            let bytes = bytes_of(&self.partitions);
            self.groups.mark()?;
            self.groups.file.write_all_at(&bytes, (HEAD + partition * dim * 4) as u64)?;
            let after = Checksum::of(FIRST_CENTRE + partition, &bytes);
            self.groups.checksum = self.groups.checksum.minus(before).plus(after);
        }
        Ok(())
    }

    fn finish(&mut self, digest: &Digest) -> io::Result<()> {
        self.groups.flush()?;
        self.groups.file.write_all_at(&self.groups.checksum.to_bytes(), 32)?;
        self.groups.file.write_all_at(digest.as_bytes(), 0)?;
        (self.groups.marked, self.digest) = (false, *digest);
        Ok(())
    }
}
