//! `partitions.i4`: 4-bit codes by partition, for searches that need not be exact. Derived: partitions are found by
//! k-means on some of the vectors, and the file can be deleted at any time.
//!
//! A [grouped file](crate::index::grouped). Its head (192 bytes): the number of partitions (u64), the exemplars that were
//! there when partitions were found (u64), those forgotten since (u64), the imbalance then (f64), for 10 and 100 neighbours
//! the search parameters of the recalls in [`RECALLS`]: slack (f32, NaN where there are none), most partitions (u32),
//! measured recall (f32); the layout (u64). Its sections: the sum of the vectors in each partition (see [`sums`]), and,
//! from a multiple of 64 bytes on, the groups of codes (see [`vismem_search::codes::packed`]).
//!
//! The centre of a partition is the mean of the exemplars in it, whatever comes and goes. What remains of a forgotten one
//! is that it once had a say in who belongs together.

mod build;
mod sums;
mod writer;

use std::path::Path;

use vismem_search::codes::packed::{self, Packed};
use vismem_search::codes::{GROUP, packed::group_range};
use vismem_search::{Directory, Partitions, SearchParams};

use crate::index::grouped::{Layout, MARK, MappedFile, Section};
use crate::platform::{self, FileExt};
use crate::{Memory, PartitionStats};

pub(super) use build::write;
use sums::Sums;
pub(super) use writer::OpenPartitions;

pub(crate) const NAME: &str = "partitions.i4";
/// Bytes of the head.
pub(crate) const HEAD: usize = 192;
/// Where the search parameters begin in the head, and where its layout stands.
const PARAMS: usize = 32;
pub(crate) const LAYOUT_AT: usize = 176;
/// The first layout had centres in the place of sums, and zeros for its number.
const LAYOUT: u64 = 2;
/// The recalls that are looked for, and at how many neighbours.
const RECALLS: [f64; 6] = [0.9, 0.95, 0.98, 0.99, 0.995, 0.999];
const DEPTHS: [usize; 2] = [10, 100];
/// The sections.
const SUMS: usize = 0;
const GROUPS: usize = 1;
/// The number of the first sum in the checksum; groups have the numbers from 0 on.
const FIRST_SUM: usize = 1 << 61;
/// Partitions that are this much more uneven than when they were made are not used any more, and neither are those of a
/// memory that has grown or shrunk by this factor.
const STALE: f64 = 2.0;

/// Search parameters, and the recall that was measured with them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    pub params: SearchParams,
    pub recall: f64,
}

/// What the head says.
#[derive(Debug, Clone, PartialEq)]
struct Head {
    partitions: usize,
    trained: u64,
    forgotten: u64,
    imbalance: f64,
    /// For each depth, for each recall.
    params: [[Option<Measured>; RECALLS.len()]; DEPTHS.len()],
}

impl Head {
    fn to_bytes(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        let numbers = [self.partitions as u64, self.trained, self.forgotten, self.imbalance.to_bits()];
        let (words, _) = bytes.as_chunks_mut::<8>();
        words.iter_mut().zip(numbers).for_each(|(to, number)| *to = number.to_le_bytes());
        let (places, _) = bytes[PARAMS..].as_chunks_mut::<4>();
        let none = [f32::NAN.to_le_bytes(); 3];
        let words = self.params.iter().flatten().flat_map(|measured| {
            measured.map_or(none, |Measured { params, recall }| {
                let most = u32::try_from(params.max_partitions).unwrap_or(u32::MAX);
                [params.slack.to_le_bytes(), most.to_le_bytes(), (recall as f32).to_le_bytes()]
            })
        });
        places.iter_mut().zip(words).for_each(|(to, word)| *to = word);
        bytes[LAYOUT_AT..][..8].copy_from_slice(&LAYOUT.to_le_bytes());
        bytes
    }

    /// `None` for a head of another layout or length.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEAD] = bytes.first_chunk()?;
        let number = |at: usize| u64::from_le_bytes(bytes.as_chunks().0[at]);
        let word = |at: usize| bytes[PARAMS..].as_chunks().0[at];
        let measured = |at: usize| {
            let [slack, most, recall] = std::array::from_fn(|i| word(3 * at + i));
            let (slack, max_partitions) = (f32::from_le_bytes(slack), u32::from_le_bytes(most) as usize);
            let (params, recall) = (SearchParams { slack, max_partitions }, f64::from(f32::from_le_bytes(recall)));
            (!slack.is_nan()).then_some(Measured { params, recall })
        };
        (number(LAYOUT_AT / 8) == LAYOUT).then(|| Self {
            partitions: number(0) as usize,
            trained: number(1),
            forgotten: number(2),
            imbalance: f64::from_bits(number(3)),
            params: std::array::from_fn(|depth| std::array::from_fn(|at| measured(depth * RECALLS.len() + at))),
        })
    }

    /// Whether so many exemplars are about as many as there were then.
    fn suits_size(&self, exemplars: usize) -> bool {
        (1.0 / STALE..=STALE).contains(&(exemplars as f64 / self.trained.max(1) as f64))
    }

    /// The sections of a file without groups.
    fn empty(&self, dim: usize) -> Option<[Section; 2]> {
        let (at, part) = (MARK + HEAD, Sums::bytes_for(1, dim));
        // A damaged head could say anything.
        let end = self.partitions.checked_mul(part)?.checked_add(at)?;
        let sums = Section { at, part, count: self.partitions, number: FIRST_SUM };
        let groups =
            Section { at: end.checked_next_multiple_of(64)?, part: group_range(0, dim).len(), count: 0, number: 0 };
        Some([sums, groups])
    }
}

/// Partitions of vectors of some dimension.
struct OfDim(usize);

impl Layout for OfDim {
    const HEAD: usize = HEAD;

    fn sections(&self, head: &[u8], length: usize) -> Option<Vec<Section>> {
        let head = Head::from_bytes(head).filter(|head| head.partitions > 0)?;
        let [sums, mut groups] = head.empty(self.0)?;
        let bytes = length.checked_sub(groups.at)?;
        groups.count = bytes / groups.part;
        bytes.is_multiple_of(groups.part).then(|| vec![sums, groups])
    }
}

pub(crate) fn path(dir: &Path) -> std::path::PathBuf {
    dir.join(NAME)
}

/// The partitions whose vectors have these sums, so many each.
fn partitions_of(sums: &Sums, sizes: impl Iterator<Item = usize>, dim: usize) -> Option<Partitions> {
    let centres: Vec<Vec<f32>> = sizes.enumerate().map(|(partition, vectors)| sums.mean(partition, vectors)).collect();
    Partitions::new(centres.concat(), dim).ok()
}

/// The partitions of one state of a memory, codes memory-mapped.
pub(crate) struct PartitionMap {
    map: MappedFile,
    head: Head,
    imbalance: f64,
    pub partitions: Partitions,
    pub directory: Directory,
}

impl PartitionMap {
    /// The file's partitions, if they are whole, belong to this state of the memory and still suit it.
    pub(crate) fn open(memory: &Memory) -> Option<Self> {
        let map = Self::open_whole(memory)?;
        let suits = map.head.suits_size(memory.len()) && map.imbalance <= STALE * map.head.imbalance;
        suits.then_some(map)
    }

    /// Whether the file was made for a memory of about this size, whatever else is in it.
    pub(crate) fn suits_size(memory: &Memory) -> bool {
        let mut bytes = [0; MARK + HEAD];
        let read = platform::read_regular(&path(memory.path())).and_then(|file| file.read_exact_at(&mut bytes, 0));
        read.is_ok() && Head::from_bytes(&bytes[MARK..]).is_some_and(|head| head.suits_size(memory.len()))
    }

    fn open_whole(memory: &Memory) -> Option<Self> {
        let dim = memory.encoder().dim;
        let map = MappedFile::open(&path(memory.path()), &OfDim(dim), &memory.digest())?;
        let head = Head::from_bytes(map.head::<OfDim>())?;
        let codes = Packed::new(map.section(GROUPS), dim).ok()?;
        let directory = Directory::of(codes, head.partitions).ok()?;
        let sums = Sums::from_bytes(map.section(SUMS), dim);
        let sizes = (0..head.partitions).map(|partition| directory.rows(codes, partition));
        let partitions = partitions_of(&sums, sizes, dim)?;
        let imbalance = directory.imbalance(codes);
        Some(Self { head, imbalance, partitions, directory, map })
    }

    pub(crate) fn codes(&self) -> Packed<'_> {
        Packed::new(self.map.section(GROUPS), self.partitions.dim())
            .expect("the length was compared when the file was opened")
    }

    /// The least search parameters whose recall at so many neighbours is high enough; `None` if none is.
    pub(crate) fn params(&self, k: usize, recall: f64) -> Option<Measured> {
        let depth = DEPTHS.iter().position(|depth| *depth >= k).unwrap_or(DEPTHS.len() - 1);
        let high_enough = RECALLS.iter().zip(self.head.params[depth]).find(|(asked, _)| **asked >= recall);
        high_enough.and_then(|(_, measured)| measured)
    }

    pub(crate) fn stats(&self) -> PartitionStats {
        PartitionStats {
            partitions: self.head.partitions,
            trained: self.head.trained,
            forgotten_since: self.head.forgotten,
            imbalance: self.imbalance,
            bytes: self.map.len() as u64,
            recalls: self.head.params[DEPTHS.len() - 1].iter().flatten().map(|measured| measured.recall).collect(),
        }
    }

    /// What in the file is not what the memory's vectors ask for; nothing where there is no whole file of this state.
    pub(crate) fn faults(memory: &Memory) -> Vec<String> {
        let Some(map) = Self::open_whole(memory) else { return Vec::new() };
        let dim = memory.encoder().dim;
        let mut sums = Sums::new(map.head.partitions, dim);
        let wrong = map.wrong_slots(memory, &mut sums);
        let codes = wrong.into_iter().map(|slot| format!("row {slot} has other codes than those of its vector"));
        let kept = Sums::from_bytes(map.map.section(SUMS), dim);
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
        for group in (0..codes.len()).map(|number| &self.map.section(GROUPS)[group_range(number, dim)]) {
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
