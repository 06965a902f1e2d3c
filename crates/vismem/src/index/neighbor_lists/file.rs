//! The file, and the edits of it that need no search.
//!
//! A [grouped file](crate::index::grouped). Its head (64 bytes): the arrangement (u64), the length of the lists (u32), the
//! layout (u32), zeros. Its sections: for each slot as many slots of neighbours (u32), filled up to a multiple of 32 lists,
//! which are a part; for each 32 lists their filter (see [`super::mentions`]).

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;

use vismem_search::{MAX_K, SlotSet, parallel};

use super::mentions::{self, Mark};
use super::{Arrangement, GROUP, LACKING, NEW, NeighborLists};
use crate::error::{IoContext, Result};
use crate::index::derived;
use crate::index::grouped::{self, GroupedFile, Layout, MARK, Section};
use crate::platform::{self, FileExt};
use crate::store::kill_point::kill_point;
use crate::{Digest, Memory};

const HEAD: usize = 64;
/// The first layout had no filters, and zeros for its number.
const LAYOUT: u32 = 2;
/// The sections.
const LISTS: usize = 0;
const FILTERS: usize = 1;
/// The number of the first filter in the checksum; lists have the numbers from 0 on.
const FIRST_FILTER: usize = 1 << 61;
/// As many exemplars are looked for by filters; for more, reading all lists is as quick.
const FEW: usize = 16;
/// Groups whose filters are made in memory before they are written.
const TOGETHER: usize = 1 << 10;

/// What the head says.
struct Head {
    arrangement: Arrangement,
    depth: usize,
}

impl Head {
    /// `None` for a head of another layout.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| bytes.as_chunks::<4>().0.get(at).map(|word| u32::from_le_bytes(*word));
        let arrangement = Arrangement(u64::from_le_bytes(*bytes.first_chunk()?));
        let depth = word(2)? as usize;
        ((1..=MAX_K).contains(&depth) && word(3)? == LAYOUT).then_some(Self { arrangement, depth })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEAD];
        bytes[..8].copy_from_slice(&self.arrangement.0.to_le_bytes());
        bytes[8..12].copy_from_slice(&(self.depth as u32).to_le_bytes());
        bytes[12..16].copy_from_slice(&LAYOUT.to_le_bytes());
        bytes
    }

    /// The sections of a file of so many groups.
    fn sections(&self, groups: usize) -> Vec<Section> {
        let entries = GROUP * self.depth;
        let lists = Section { at: MARK + HEAD, part: entries * size_of::<u32>(), count: groups, number: 0 };
        let filters =
            Section { at: lists.all().end, part: mentions::bytes_for(entries), count: groups, number: FIRST_FILTER };
        vec![lists, filters]
    }

    /// Follows exemplars, slot and id, that come or go.
    fn reassign(mut self, assignments: &[(usize, u64)], assignment: fn(u64, u64) -> u64) -> Self {
        for &(slot, id) in assignments {
            self.arrangement.0 = assignment(self.arrangement.0, Arrangement::assignment(slot, id));
        }
        self
    }
}

struct ListLayout;

impl Layout for ListLayout {
    const HEAD: usize = HEAD;

    fn sections(&self, head: &[u8], length: usize) -> Option<Vec<Section>> {
        let head = Head::from_bytes(head)?;
        let group: usize = head.sections(0).iter().map(|section| section.part).sum();
        let bytes = length.checked_sub(MARK + HEAD)?;
        bytes.is_multiple_of(group).then(|| head.sections(bytes / group))
    }
}

impl NeighborLists {
    /// The file's lists, if they are whole and belong to this state of the memory.
    pub(crate) fn load(memory: &Memory) -> Option<Self> {
        let file = platform::read_regular(&derived::path(memory.path(), derived::NEIGHBOR_LISTS)).ok()?;
        // As words, so that the lists need not be copied. A length that is not a whole number of them is not that of lists.
        let length = file.metadata().ok()?.len() as usize;
        let mut start = [0; MARK + HEAD];
        file.read_exact_at(&mut start, 0).ok()?;
        // Before memory is taken for all of it: whatever its length says, it has no more lists than there are slots.
        let group: usize = Head::from_bytes(&start[MARK..])?.sections(0).iter().map(|section| section.part).sum();
        let groups = memory.slots.ids.len().div_ceil(GROUP);
        if length > MARK + HEAD + groups * group {
            return None;
        }
        let mut words = vec![0u32; length / size_of::<u32>()];
        file.read_exact_at(bytemuck::cast_slice_mut(&mut words), 0).ok()?;
        let bytes: &[u8] = bytemuck::cast_slice(&words);
        if bytes.len() != length {
            return None;
        }
        let sections = grouped::check(bytes, &ListLayout, &memory.digest())?;
        let Head { arrangement, depth } = Head::from_bytes(&bytes[MARK..])?;
        let lists = sections[LISTS].all();
        words.truncate(lists.end / size_of::<u32>());
        words.drain(..lists.start / size_of::<u32>());
        Some(Self { arrangement, depth, lists: words })
    }

    /// Writes the lists of this state of a memory into a new file.
    pub(crate) fn write(&self, memory: &Memory, path: &Path, file: File) -> Result<()> {
        let head = Head { arrangement: self.arrangement, depth: self.depth };
        let entries = GROUP * self.depth;
        let groups = self.lists.len() / entries;
        let mut sections = head.sections(groups);
        sections.iter_mut().for_each(|section| section.count = 0);
        let mut file = GroupedFile::create(file, head.to_bytes(), sections).at(path, "write")?;
        for lists in self.lists.chunks(TOGETHER * entries) {
            file.append(LISTS, bytemuck::cast_slice(lists)).at(path, "write")?;
        }
        for first in (0..groups).step_by(TOGETHER) {
            let filters = parallel::map_ranges(first..(first + TOGETHER).min(groups), |groups| {
                groups
                    .flat_map(|group| mentions::filter(&self.lists[group * entries..][..entries]))
                    .collect::<Vec<u8>>()
            });
            file.append(FILTERS, &filters.concat()).at(path, "write")?;
        }
        file.finish(&memory.digest()).at(path, "write")
    }
}

/// Exemplars, slot and id, took slots. Lists that belonged to `before` belong to `after` then; the new ones have none yet.
pub(crate) fn admit(path: &Path, assignments: &[(usize, u64)], before: &Digest, after: &Digest) {
    let write = || -> io::Result<()> {
        let Some((mut file, head)) = open(path, before)? else { return Ok(()) };
        file.set_head(head.reassign(assignments, u64::wrapping_add).to_bytes());
        file.finish(after)
    };
    // Where this fails they belong to a state that is past, and are made anew.
    let _ = write();
}

fn open(path: &Path, digest: &Digest) -> io::Result<Option<(GroupedFile, Head)>> {
    let Some(file) = GroupedFile::open(path, &ListLayout, digest)? else { return Ok(None) };
    let head = Head::from_bytes(file.head());
    Ok(head.map(|head| (file, head)))
}

/// Takes exemplars, slot and id, out of all lists; nothing names them afterwards. Lists that belonged to `before` belong
/// to `after` then. `None` where there are none that belonged to `before`.
pub(crate) fn erase(
    path: &Path,
    assignments: &[(usize, u64)],
    before: &Digest,
    after: &Digest,
) -> io::Result<Option<GroupedFile>> {
    let Some((mut file, head)) = open(path, before)? else { return Ok(None) };
    let gone = Gone::new(assignments);
    // A slot beyond the lists was filled after they were made.
    let groups = file.section(LISTS).count;
    let own = assignments.iter().map(|(slot, _)| slot / GROUP).filter(|&group| group < groups);
    let looked_at: BTreeSet<usize> = gone.groups_that_may_name(&file, head.depth)?.into_iter().chain(own).collect();
    file.mark()?;
    kill_point("neighbor lists marked");
    for group in looked_at {
        let old = file.read(LISTS, group)?;
        let mut lists: Vec<u32> = old.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        for (slot, list) in (group * GROUP..).zip(lists.chunks_exact_mut(head.depth)) {
            if gone.all.contains(slot) {
                // Whoever takes the slot next is new.
                list.fill(NEW);
            } else if gone.are_named_in(list) {
                list.fill(LACKING);
            }
        }
        let new: &[u8] = bytemuck::cast_slice(&lists);
        if new != old {
            file.write(LISTS, group, new.to_vec())?;
            file.write(FILTERS, group, mentions::filter(&lists))?;
        }
    }
    file.set_head(head.reassign(assignments, u64::wrapping_sub).to_bytes());
    file.finish(after)?;
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
    fn groups_that_may_name(&self, file: &GroupedFile, depth: usize) -> io::Result<Vec<usize>> {
        let groups = 0..file.section(LISTS).count;
        let found = if self.few.is_empty() {
            let lists = file.map(LISTS)?;
            // A map begins at a page and a head is a multiple of four bytes, so lists are aligned.
            let lists: &[u32] = bytemuck::cast_slice(&lists);
            let entries = GROUP * depth;
            let names = |group: &usize| self.are_named_in(&lists[group * entries..][..entries]);
            parallel::map_ranges(groups, |groups| groups.filter(names).collect::<Vec<usize>>())
        } else {
            let filters = file.map(FILTERS)?;
            let bytes = file.section(FILTERS).part;
            let marks: Vec<Mark> = self.few.iter().map(|slot| Mark::of(*slot, bytes)).collect();
            let may_name = |group: &usize| {
                let filter = &filters[group * bytes..][..bytes];
                marks.iter().any(|mark| mark.may_be_in(filter))
            };
            parallel::map_ranges(groups, |groups| groups.filter(may_name).collect())
        };
        Ok(found.concat())
    }
}
