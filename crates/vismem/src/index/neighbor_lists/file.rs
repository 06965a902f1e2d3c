//! The file, and the edits of it that need no search.
//!
//! Layout, little-endian: the digest of the memory that the lists belong to (32 bytes; zeros while a writer changes them),
//! their checksum (32), the arrangement (8), the length of the lists (4), the layout (4), zeros to 128 bytes; then for each
//! slot as many slots of neighbours (u32), filled up to a multiple of 32 lists; then for each 32 lists their filter (see
//! [`super::mentions`]). The checksum is a sum over groups of 32 lists, so that an edit writes those alone that it changes.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};
use vismem_search::{MAX_K, SlotSet};

use super::mentions::{self, Mark};
use super::{Arrangement, GROUP, LACKING, NEW, NeighborLists};
use crate::index::checksum::Checksum;
use crate::index::codes::in_parallel;
use crate::index::derived;
use crate::platform::{self, FileExt};
use crate::store::kill_point::kill_point;
use crate::{Digest, Memory, Result};

const HEAD: usize = 128;
/// The first layout had no filters, and zeros for its number.
const LAYOUT: u32 = 2;
/// Numbers of the parts of the checksum that are no lists.
const HEAD_PART: usize = 1 << 62;
const FIRST_FILTER: usize = 1 << 61;
/// As many exemplars are looked for by filters; for more, reading all lists is as quick.
const FEW: usize = 16;

impl NeighborLists {
    /// The file's lists, if they are whole and belong to this state of the memory.
    pub(crate) fn load(memory: &Memory) -> Option<Self> {
        let file = platform::read_regular(&derived::path(memory.path(), derived::NEIGHBOR_LISTS)).ok()?;
        let head = Head::read(&file, &memory.digest()).ok()??;
        let mut lists = vec![0u32; head.groups * head.entries()];
        file.read_exact_at(bytemuck::cast_slice_mut(&mut lists), HEAD as u64).ok()?;
        let mut filters = vec![0; head.groups * head.filter_bytes()];
        file.read_exact_at(&mut filters, head.all_filters().start as u64).ok()?;
        let of_groups = in_parallel(0..head.groups, |groups| {
            let lists = |group| &lists[group * head.entries()..][..head.entries()];
            let filter = |group| &filters[group * head.filter_bytes()..][..head.filter_bytes()];
            groups.map(|group| checksum_of(group, lists(group), filter(group))).sum::<Checksum>()
        });
        let checksum = of_groups.into_iter().sum::<Checksum>().plus(head.own_part());
        let lists = Self { arrangement: head.arrangement, depth: head.depth, lists };
        (checksum == head.checksum).then_some(lists)
    }

    pub(crate) fn keep(&self, memory: &Memory) {
        derived::build(memory, derived::NEIGHBOR_LISTS, |path| {
            let mut file = platform::create_regular(path)?;
            file.write_all(&[0; HEAD])?;
            file.write_all(bytemuck::cast_slice(&self.lists))?;
            let groups = self.lists.len() / (GROUP * self.depth);
            let checksum = Checksum::default();
            let mut head = Head { checksum, arrangement: self.arrangement, depth: self.depth, groups };
            head.checksum = head.own_part();
            let parts = in_parallel(0..groups, |groups| {
                let (mut sum, mut filters) =
                    (Checksum::default(), Vec::with_capacity(groups.len() * head.filter_bytes()));
                for group in groups {
                    let lists = &self.lists[group * head.entries()..][..head.entries()];
                    let filter = mentions::filter(lists);
                    sum = sum.plus(checksum_of(group, lists, &filter));
                    filters.extend(filter);
                }
                (sum, filters)
            });
            for (sum, filters) in parts {
                head.checksum = head.checksum.plus(sum);
                file.write_all(&filters)?;
            }
            head.write(&file, &memory.digest())
        });
    }
}

/// What a group contributes.
fn checksum_of(group: usize, lists: &[u32], filter: &[u8]) -> Checksum {
    Checksum::of(group, bytemuck::cast_slice(lists)).plus(Checksum::of(FIRST_FILTER + group, filter))
}

/// What stands before the lists, beside the digest; and how many groups of them there are.
struct Head {
    checksum: Checksum,
    arrangement: Arrangement,
    depth: usize,
    groups: usize,
}

impl Head {
    /// `None` where the lists belong to another state than `digest`, are of another layout, or not whole.
    fn read(file: &File, digest: &Digest) -> io::Result<Option<Self>> {
        let mut bytes = [0; HEAD];
        file.read_exact_at(&mut bytes, 0)?;
        let number = |at: usize| u64::from_le_bytes(bytes.as_chunks().0[at / 8]);
        let checksum = Checksum::from_bytes(bytes[32..].first_chunk().expect("a head is longer"));
        let (depth, layout) = (number(72) as u32 as usize, (number(72) >> 32) as u32);
        let is_one = (1..=MAX_K).contains(&depth) && layout == LAYOUT && bytes[80..].iter().all(|byte| *byte == 0);
        if bytes[..32] != *digest.as_bytes() || !is_one {
            return Ok(None);
        }
        let mut head = Self { checksum, arrangement: Arrangement(number(64)), depth, groups: 0 };
        let (rest, group) = (file.metadata()?.len() as usize - HEAD, head.list_bytes() + head.filter_bytes());
        head.groups = rest / group;
        Ok(rest.is_multiple_of(group).then_some(head))
    }

    fn write(&self, file: &File, digest: &Digest) -> io::Result<()> {
        let mut bytes = [0; HEAD];
        bytes[..32].copy_from_slice(digest.as_bytes());
        bytes[32..64].copy_from_slice(&self.checksum.to_bytes());
        bytes[64..80].copy_from_slice(&self.fields());
        file.write_all_at(&bytes, 0)
    }

    fn fields(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.arrangement.0.to_le_bytes());
        bytes[8..12].copy_from_slice(&(self.depth as u32).to_le_bytes());
        bytes[12..].copy_from_slice(&LAYOUT.to_le_bytes());
        bytes
    }

    /// The head's part of the checksum.
    fn own_part(&self) -> Checksum {
        Checksum::of(HEAD_PART, &self.fields())
    }

    /// How many neighbours a group holds, and the bytes of its lists and its filter.
    fn entries(&self) -> usize {
        GROUP * self.depth
    }

    fn list_bytes(&self) -> usize {
        self.entries() * size_of::<u32>()
    }

    fn filter_bytes(&self) -> usize {
        mentions::bytes_for(self.entries())
    }

    /// Where they stand in the file.
    fn all_lists(&self) -> Range<usize> {
        HEAD..HEAD + self.groups * self.list_bytes()
    }

    fn all_filters(&self) -> Range<usize> {
        let start = self.all_lists().end;
        start..start + self.groups * self.filter_bytes()
    }

    /// Follows exemplars, slot and id, that come or go.
    fn reassign(&mut self, assignments: &[(usize, u64)], assignment: fn(u64, u64) -> u64) {
        let own = self.own_part();
        for &(slot, id) in assignments {
            self.arrangement.0 = assignment(self.arrangement.0, Arrangement::assignment(slot, id));
        }
        self.checksum = self.checksum.minus(own).plus(self.own_part());
    }
}

/// The file, if its lists belong to `digest`.
fn open_to_change(dir: &Path, digest: &Digest) -> io::Result<Option<(File, Head)>> {
    let file = match platform::change_regular(&derived::path(dir, derived::NEIGHBOR_LISTS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    Ok(Head::read(&file, digest)?.map(|head| (file, head)))
}

/// Exemplars, slot and id, took slots. Lists that belonged to `before` belong to `after` then; the new ones have none yet.
pub(crate) fn admit(dir: &Path, assignments: &[(usize, u64)], before: &Digest, after: &Digest) {
    let write = || -> io::Result<()> {
        let Some((file, mut head)) = open_to_change(dir, before)? else { return Ok(()) };
        head.reassign(assignments, u64::wrapping_add);
        head.write(&file, after)
    };
    // Where this fails they belong to a state that is past, and are made anew.
    let _ = write();
}

/// Takes exemplars, slot and id, out of all lists; nothing names them afterwards. Lists that belonged to `before` belong
/// to `after` then. Returns the file, which is yet to be synced. Where the lists cannot be changed, or belong to another
/// state, the file is deleted.
///
/// # Errors
/// When the file can neither be changed nor deleted.
pub(crate) fn erase(dir: &Path, assignments: &[(usize, u64)], before: &Digest, after: &Digest) -> Result<Option<File>> {
    match overwrite(dir, assignments, before, after) {
        Ok(Some(file)) => Ok(Some(file)),
        _ => derived::remove(dir, &[derived::NEIGHBOR_LISTS]).map(|()| None),
    }
}

fn overwrite(dir: &Path, assignments: &[(usize, u64)], before: &Digest, after: &Digest) -> io::Result<Option<File>> {
    let Some((file, mut head)) = open_to_change(dir, before)? else { return Ok(None) };
    let gone = Gone::new(assignments);
    // A slot beyond the lists was filled after they were made.
    let own = assignments.iter().map(|(slot, _)| slot / GROUP).filter(|&group| group < head.groups);
    let looked_at: BTreeSet<usize> = gone.groups_that_may_name(&file, &head)?.into_iter().chain(own).collect();
    file.write_all_at(&[0; 32], 0)?;
    kill_point("neighbor lists marked");
    let (mut lists, mut filter) = (vec![0u32; head.entries()], vec![0; head.filter_bytes()]);
    for group in looked_at {
        let lists_at = (head.all_lists().start + group * head.list_bytes()) as u64;
        let filter_at = (head.all_filters().start + group * head.filter_bytes()) as u64;
        file.read_exact_at(bytemuck::cast_slice_mut(&mut lists), lists_at)?;
        let old = lists.clone();
        for (slot, list) in (group * GROUP..).zip(lists.chunks_exact_mut(head.depth)) {
            if gone.all.contains(slot) {
                // Whoever takes the slot next is new.
                list.fill(NEW);
            } else if gone.are_named_in(list) {
                list.fill(LACKING);
            }
        }
        if lists != old {
            file.read_exact_at(&mut filter, filter_at)?;
            head.checksum = head.checksum.minus(checksum_of(group, &old, &filter));
            filter = mentions::filter(&lists);
            head.checksum = head.checksum.plus(checksum_of(group, &lists, &filter));
            file.write_all_at(bytemuck::cast_slice(&lists), lists_at)?;
            file.write_all_at(&filter, filter_at)?;
        }
    }
    head.reassign(assignments, u64::wrapping_sub);
    head.write(&file, after)?;
    Ok(Some(file))
}

/// Slots of those that go.
struct Gone {
    all: SlotSet,
    /// All of them if they are few; else none.
    few: Vec<u32>,
}

impl Gone {
    fn new(assignments: &[(usize, u64)]) -> Self {
        let few = if assignments.len() <= FEW { assignments } else { &[] };
        Self {
            all: assignments.iter().map(|(slot, _)| *slot).collect(),
            few: few.iter().map(|(slot, _)| *slot as u32).collect(),
        }
    }

    fn are_named_in(&self, lists: &[u32]) -> bool {
        // Comparing with few is much quicker than looking each up.
        match &self.few[..] {
            [] => lists.iter().any(|&neighbor| self.all.contains(neighbor as usize)),
            few => few.iter().any(|slot| lists.contains(slot)),
        }
    }

    /// Groups of lists, all that name one of them among these.
    fn groups_that_may_name(&self, file: &File, head: &Head) -> io::Result<Vec<usize>> {
        let map = |part: Range<usize>| -> io::Result<Mmap> {
            let mut options = MmapOptions::new();
            options.offset(part.start as u64).len(part.len());
            // SAFETY: the mapping is read-only, does not outlive this function, and nobody else writes: the writer's lock is
            // held. Nobody shortens the file: a new one takes its name instead. Other programs are as they are for
            // `vectors.f32`.
            unsafe { options.map(file) }
        };
        let found = if self.few.is_empty() {
            let lists = map(head.all_lists())?;
            // A map begins at a page and a head is a multiple of four bytes, so lists are aligned.
            let lists: &[u32] = bytemuck::cast_slice(&lists);
            let names = |group: &usize| self.are_named_in(&lists[group * head.entries()..][..head.entries()]);
            in_parallel(0..head.groups, |groups| groups.filter(names).collect::<Vec<usize>>())
        } else {
            let filters = map(head.all_filters())?;
            let marks: Vec<Mark> = self.few.iter().map(|slot| Mark::of(*slot, head.filter_bytes())).collect();
            let may_name = |group: &usize| {
                let filter = &filters[group * head.filter_bytes()..][..head.filter_bytes()];
                marks.iter().any(|mark| mark.may_be_in(filter))
            };
            in_parallel(0..head.groups, |groups| groups.filter(may_name).collect())
        };
        Ok(found.concat())
    }
}
