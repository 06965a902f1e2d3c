//! `partitions.i4`: 4-bit codes by partition, for searches that need not be exact. Derived: partitions are found by
//! k-means on some of the vectors, and the file can be deleted at any time.
//!
//! Layout: a head of 256 bytes, the sum of the vectors in each partition (see [`sums`]), zeros to a multiple of 64 bytes,
//! groups of codes (see [`vismem_search::codes::packed`]). Head: the digest of the memory that the codes belong to (32
//! bytes; zeros while a writer changes them), the checksum (32), the number of partitions (u64), the exemplars that were
//! there when partitions were found (u64), those forgotten since (u64), the imbalance then (f64), for 10 and 100 neighbours
//! the efforts of the recalls in [`RECALLS`]: reach (f32, NaN where there is none), most partitions (u32), measured recall
//! (f32); the layout (u64).
//!
//! The centre of a partition is the mean of the exemplars in it, whatever comes and goes. What remains of a forgotten one
//! is that it once had a say in who belongs together.

mod build;
mod sums;
mod writer;

use std::fs::File;
use std::io;
use std::ops::Range;

use memmap2::Mmap;
use vismem_search::codes::packed::{self, Packed};
use vismem_search::codes::{GROUP, packed::group_range};
use vismem_search::{Directory, Effort, Partitions};

use crate::index::checksum::Checksum;
use crate::index::codes::in_parallel;
use crate::index::derived;
use crate::platform::{self, FileExt};
use crate::{Digest, Memory, PartitionStats};

use sums::Sums;
pub(crate) use writer::PartitionWriter;

pub(crate) const NAME: &str = "partitions.i4";
const HEAD: usize = 256;
/// Where the efforts begin in the head, and where its layout stands.
const EFFORTS: usize = 96;
pub(crate) const LAYOUT_AT: usize = 240;
/// The first layout had centres in the place of sums, and zeros for its number.
const LAYOUT: u64 = 2;
/// The recalls that are looked for, and at how many neighbours.
const RECALLS: [f64; 6] = [0.9, 0.95, 0.98, 0.99, 0.995, 0.999];
const DEPTHS: [usize; 2] = [10, 100];
/// Numbers of the parts of the checksum that are no groups.
const HEAD_PART: usize = 1 << 62;
const FIRST_SUM: usize = 1 << 61;
/// Partitions that are this much more uneven than when they were made are made anew, and so are those of a memory that
/// has grown or shrunk by this factor.
const STALE: f64 = 2.0;

/// An effort, and the recall that was measured with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    pub effort: Effort,
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
    efforts: [[Option<Measured>; RECALLS.len()]; DEPTHS.len()],
}

impl Head {
    fn to_bytes(&self) -> [u8; HEAD - 64] {
        let mut bytes = [0; HEAD - 64];
        let numbers = [self.partitions as u64, self.trained, self.forgotten, self.imbalance.to_bits()];
        let (words, _) = bytes.as_chunks_mut::<8>();
        words.iter_mut().zip(numbers).for_each(|(to, number)| *to = number.to_le_bytes());
        let (places, _) = bytes[EFFORTS - 64..].as_chunks_mut::<4>();
        let none = [f32::NAN.to_le_bytes(); 3];
        let words = self.efforts.iter().flatten().flat_map(|measured| {
            measured.map_or(none, |Measured { effort, recall }| {
                let most = u32::try_from(effort.most).unwrap_or(u32::MAX);
                [effort.reach.to_le_bytes(), most.to_le_bytes(), (recall as f32).to_le_bytes()]
            })
        });
        places.iter_mut().zip(words).for_each(|(to, word)| *to = word);
        bytes[LAYOUT_AT - 64..][..8].copy_from_slice(&LAYOUT.to_le_bytes());
        bytes
    }

    /// `None` for a head of another layout.
    fn from_bytes(bytes: &[u8; HEAD - 64]) -> Option<Self> {
        let number = |at: usize| u64::from_le_bytes(bytes.as_chunks().0[at]);
        let word = |at: usize| bytes[EFFORTS - 64..].as_chunks().0[at];
        let measured = |at: usize| {
            let [reach, most, recall] = std::array::from_fn(|i| word(3 * at + i));
            let effort = Effort { reach: f32::from_le_bytes(reach), most: u32::from_le_bytes(most) as usize };
            (!effort.reach.is_nan()).then(|| Measured { effort, recall: f64::from(f32::from_le_bytes(recall)) })
        };
        (number((LAYOUT_AT - 64) / 8) == LAYOUT).then(|| Self {
            partitions: number(0) as usize,
            trained: number(1),
            forgotten: number(2),
            imbalance: f64::from_bits(number(3)),
            efforts: std::array::from_fn(|depth| std::array::from_fn(|at| measured(depth * RECALLS.len() + at))),
        })
    }

    /// Where the sums stand.
    fn sums(&self, dim: usize) -> Range<usize> {
        HEAD..HEAD + Sums::bytes_for(self.partitions, dim)
    }

    /// Where the groups begin.
    fn groups_at(&self, dim: usize) -> usize {
        self.sums(dim).end.next_multiple_of(64)
    }
}

/// Digest and checksum, head, of a file that belongs to `digest`.
fn read_head(file: &File, digest: &Digest) -> io::Result<Option<(Checksum, Head)>> {
    let mut bytes = [0; HEAD];
    file.read_exact_at(&mut bytes, 0)?;
    let (mark, rest) = bytes.split_first_chunk::<64>().expect("a head is longer");
    let checksum = Checksum::from_bytes(mark[32..].first_chunk().expect("the second half of the mark"));
    let head = Head::from_bytes(rest.first_chunk().expect("the rest of the head"));
    // A damaged head could say anything.
    let plausible = 1..=file.metadata()?.len();
    let head = head.filter(|head| mark[..32] == *digest.as_bytes() && plausible.contains(&(head.partitions as u64)));
    Ok(head.map(|head| (checksum, head)))
}

/// The partitions whose vectors have these sums, so many each.
fn partitions_of(sums: &Sums, sizes: impl Iterator<Item = usize>, dim: usize) -> Option<Partitions> {
    let centres: Vec<Vec<f32>> = sizes.enumerate().map(|(partition, vectors)| sums.mean(partition, vectors)).collect();
    Partitions::new(centres.concat(), dim).ok()
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
        let file = platform::read_regular(&derived::path(memory.path(), NAME)).ok()?;
        let (checksum, head) = read_head(&file, &memory.digest()).ok()??;
        let groups = (file.metadata().ok()?.len() as usize).checked_sub(head.groups_at(dim))?;
        if !groups.is_multiple_of(group_range(0, dim).len()) {
            return None;
        }
        // SAFETY: the mapping is read-only, and vismem never shortens the file: a new one takes its name instead. A
        // writer that adds rewrites codes of other rows with the bytes that they have, and those of rows that this
        // reader's snapshot does not hold are masked out; once one has forgotten, the reader is told that it is
        // outdated. Other programs are as they are for `vectors.f32`.
        let map = unsafe { Mmap::map(&file) }.ok()?;
        let groups_at = head.groups_at(dim);
        if checksum_of(&map, &head, dim) != checksum {
            return None;
        }
        let codes = Packed::new(&map[groups_at..], dim).ok()?;
        let directory = Directory::of(codes, head.partitions).ok()?;
        let sums = Sums::from_bytes(&map[head.sums(dim)], dim);
        let sizes = (0..head.partitions).map(|partition| directory.rows(codes, partition));
        let partitions = partitions_of(&sums, sizes, dim)?;
        let imbalance = directory.imbalance(codes);
        Some(Self { groups_at, head, imbalance, partitions, directory, map })
    }

    /// Finds partitions for the memory and keeps them.
    pub(crate) fn build(memory: &Memory) -> Option<Self> {
        derived::build(memory, NAME, |path| build::write_all(memory, path))?;
        Self::open(memory)
    }

    pub(crate) fn codes(&self) -> Packed<'_> {
        Packed::new(&self.map[self.groups_at..], self.partitions.dim())
            .expect("the length was compared when the file was opened")
    }

    /// The least effort whose recall at so many neighbours is high enough; `None` if none is.
    pub(crate) fn effort(&self, k: usize, recall: f64) -> Option<Measured> {
        let depth = DEPTHS.iter().position(|depth| *depth >= k).unwrap_or(DEPTHS.len() - 1);
        let high_enough = RECALLS.iter().zip(self.head.efforts[depth]).find(|(asked, _)| **asked >= recall);
        high_enough.and_then(|(_, measured)| measured)
    }

    pub(crate) fn stats(&self) -> PartitionStats {
        PartitionStats {
            partitions: self.head.partitions,
            trained: self.head.trained,
            forgotten_since: self.head.forgotten,
            imbalance: self.imbalance,
            bytes: self.map.len() as u64,
            recalls: self.head.efforts[DEPTHS.len() - 1].iter().flatten().map(|measured| measured.recall).collect(),
        }
    }

    /// What in the file is not what the memory's vectors ask for; nothing where there is no whole file of this state.
    pub(crate) fn faults(memory: &Memory) -> Vec<String> {
        let Some(map) = Self::open_whole(memory) else { return Vec::new() };
        let dim = memory.encoder().dim;
        let mut sums = Sums::new(map.head.partitions, dim);
        let wrong = map.wrong_slots(memory, &mut sums);
        let codes = wrong.into_iter().map(|slot| format!("row {slot} has other codes than those of its vector"));
        let kept = Sums::from_bytes(&map.map[map.head.sums(dim)], dim);
        let wrong = (0..map.head.partitions).filter(|&partition| kept.bytes_of(partition) != sums.bytes_of(partition));
        codes
            .chain(wrong.map(|partition| format!("the sum of partition {partition} is not that of its rows")))
            .collect()
    }

    /// Slots whose codes are missing, not theirs, or in more than one place. Adds up the vectors of each partition.
    fn wrong_slots(&self, memory: &Memory, sums: &mut Sums) -> Vec<usize> {
        let (codes, dim) = (self.codes(), memory.encoder().dim);
        let mut seen = vec![false; memory.slots.ids.len()];
        let mut wrong = Vec::new();
        for group in (0..codes.len()).map(|number| &self.map[self.groups_at..][group_range(number, dim)]) {
            let view = packed::view(group, dim);
            let mut expected = view.partition().map_or_else(|| vec![0; group.len()], |p| packed::empty(p, dim));
            let slots: Vec<(usize, usize)> = (0..GROUP).filter_map(|row| Some((row, view.slot(row)?))).collect();
            for &(row, slot) in &slots {
                if slot < seen.len() && !memory.is_free(slot) && !std::mem::replace(&mut seen[slot], true) {
                    packed::encode(&mut expected, row, slot, memory.vector(slot));
                    view.partition().into_iter().for_each(|partition| sums.add(partition, memory.vector(slot)));
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
    let sums = bytes[head.sums(dim)].chunks_exact(Sums::bytes_for(1, dim)).enumerate();
    let of_sums = sums.map(|(partition, sum)| Checksum::of(FIRST_SUM + partition, sum));
    of_groups.into_iter().chain(of_sums).chain([Checksum::of(HEAD_PART, &bytes[64..HEAD])]).sum()
}
