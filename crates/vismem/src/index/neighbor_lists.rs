//! `neighbor_lists.u32`: for each exemplar its nearest neighbours, nearest first: the memory queried with itself, the exemplar
//! itself left out. Derived, and brought up to date instead of computed again after an edit.
//!
//! What follows an edit exactly:
//! - An **added** exemplar enters the lists of those that it is nearer to than their last neighbour (equal distances by
//!   id, as everywhere). One search of everything that was there before, among the added ones only, finds them.
//! - A **forgotten** exemplar leaves lists that now lack their last neighbour. The edit itself empties these lists, so that
//!   nothing of the exemplar stays in the file; whoever needs them next searches for them, and for no others.
//! - A **relabelled** exemplar changes no list: what its votes are worth is counted from lists and labels.

mod file;
mod mentions;

use vismem_search::{Exact, FREE, Filter, MAX_K, Neighbor, Queries, Rows, SlotSet, distance};

use crate::error::Result;
use crate::{Memory, Progress, QueryError};

pub(crate) use file::{admit, erase};

/// Stands for a list of an exemplar that no list knows yet.
const NEW: u32 = u32::MAX;
/// Stands for a list that must be searched for.
const LACKING: u32 = u32::MAX - 1;
/// Fills up lists where there are not as many neighbours.
const NOBODY: u32 = u32::MAX - 2;

/// Exemplars that are searched for together.
const TOGETHER: usize = 1024;
/// Lists that are kept, hashed and found together.
const GROUP: usize = 32;

/// The lists of one state of a memory, groups whole.
pub(crate) struct NeighborLists {
    arrangement: Arrangement,
    depth: usize,
    lists: Vec<u32>,
}

/// Which exemplar is in which slot, as a sum over exemplars, so that an edit can follow it. What is forgotten and added again
/// brings back the digest, but under another id and perhaps in another slot, and lists name slots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Arrangement(u64);

impl Arrangement {
    fn of(ids: &[u64]) -> Self {
        let assigned = ids.iter().enumerate().filter(|(_, id)| **id != FREE);
        assigned.fold(Self::default(), |sum, (slot, id)| Self(sum.0.wrapping_add(Self::assignment(slot, *id))))
    }

    /// A number that tells this assignment from others (the finaliser of SplitMix64).
    fn assignment(slot: usize, id: u64) -> u64 {
        let mut z = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (slot as u64).wrapping_mul(0xd1b5_4a32_d192_ed03);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl NeighborLists {
    /// The lists of this memory, at least `depth` long: those of the file, and what is missing there searched for;
    /// `progress` hears how many of how many exemplars were searched for.
    pub(crate) fn of(memory: &Memory, depth: usize, progress: &mut dyn Progress) -> Result<Self, QueryError> {
        let mut lists = Self::begun(memory, depth)?;
        lists.catch_up(memory, progress, |_| ())?;
        Ok(lists)
    }

    /// The file's lists if they are of this memory and at least `depth` long, else none; all of them may be missing.
    pub(crate) fn begun(memory: &Memory, depth: usize) -> Result<Self, QueryError> {
        if !(1..=MAX_K).contains(&depth) {
            return Err(vismem_search::Error::K { k: depth }.into());
        }
        let slots = memory.slots.ids.len();
        let arrangement = Arrangement::of(&memory.slots.ids);
        let fits = |kept: &Self| kept.arrangement == arrangement && kept.depth >= depth;
        let kept = Self::load(memory).filter(fits);
        let mut lists = kept.unwrap_or(Self { arrangement, depth, lists: Vec::new() });
        lists.lists.resize(slots.next_multiple_of(GROUP) * lists.depth, NEW);
        Ok(lists)
    }

    /// The lists that there would be if the memory held nothing but the exemplars in these slots, `depth` long. Where
    /// enough of the exemplar's list is left, that is it; the others are searched for.
    pub(crate) fn among(
        &self,
        memory: &Memory,
        slots: &[usize],
        depth: usize,
        progress: &mut dyn Progress,
    ) -> Result<Self, QueryError> {
        let allowed: SlotSet = slots.iter().copied().collect();
        let lists = vec![NOBODY; memory.slots.ids.len() * depth];
        let mut among = Self { arrangement: self.arrangement, depth, lists };
        let mut short = Vec::new();
        for &slot in slots {
            let left = self.list(slot).iter().copied().filter(|&neighbor| allowed.contains(neighbor as usize));
            let left: Vec<u32> = left.take(depth).collect();
            if left.len() < depth.min(slots.len() - 1) {
                short.push(slot);
            } else {
                among.set(slot, left);
            }
        }
        among.search(memory, &short, Some(&allowed), |_, done| {
            Ok(progress.advance("exemplars", done, short.len())?)
        })?;
        Ok(among)
    }

    /// Lists from elsewhere, in the order of slots.
    #[cfg(test)]
    pub(crate) fn given(depth: usize, lists: &[Vec<u32>]) -> Self {
        let mut given = Self { arrangement: Arrangement(0), depth, lists: vec![NOBODY; depth * lists.len()] };
        lists.iter().enumerate().for_each(|(slot, list)| given.set(slot, list.iter().copied()));
        given
    }

    /// The slots of an exemplar's nearest neighbours, nearest first.
    pub(crate) fn list(&self, slot: usize) -> &[u32] {
        let list = &self.lists[slot * self.depth..][..self.depth];
        &list[..list.iter().position(|neighbor| *neighbor >= NOBODY).unwrap_or(self.depth)]
    }

    fn is(&self, slot: usize, state: u32) -> bool {
        self.lists[slot * self.depth] == state
    }

    fn set(&mut self, slot: usize, lists: impl IntoIterator<Item = u32>) {
        let list = &mut self.lists[slot * self.depth..][..self.depth];
        list.fill(NOBODY);
        list.iter_mut().zip(lists).for_each(|(to, neighbor)| *to = neighbor);
    }

    /// All of them are to be searched for.
    pub(crate) fn clear(&mut self) {
        self.lists.fill(NEW);
    }

    /// How many of the memory's exemplars have no list.
    pub(crate) fn missing(&self, memory: &Memory) -> usize {
        let live = (0..memory.slots.ids.len()).filter(|&slot| !memory.is_free(slot));
        // What came after the lists were written is beyond their end.
        live.filter(|&slot| self.lists.get(slot * self.depth).is_none_or(|first| *first >= LACKING)).count()
    }

    /// How long they are.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Searches for every list that is missing; `each` sees the lists now and then.
    pub(crate) fn catch_up(
        &mut self,
        memory: &Memory,
        progress: &mut dyn Progress,
        mut each: impl FnMut(&Self),
    ) -> Result<(), QueryError> {
        let live = || (0..memory.slots.ids.len()).filter(|&slot| !memory.is_free(slot));
        let added: Vec<usize> = live().filter(|&slot| self.is(slot, NEW)).collect();
        let settled: Vec<usize> = live().filter(|&slot| !self.is(slot, NEW) && !self.is(slot, LACKING)).collect();
        if added.len() > settled.len() {
            // Searching everything anew costs no more than comparing it with that many.
            settled.iter().for_each(|&slot| self.set(slot, [LACKING]));
        } else {
            self.admit(memory, &added, &settled)?;
        }
        added.iter().for_each(|&slot| self.set(slot, [LACKING]));
        let lacking: Vec<usize> = live().filter(|&slot| self.is(slot, LACKING)).collect();
        self.search(memory, &lacking, None, |lists, done| {
            each(lists);
            Ok(progress.advance("exemplars", done, lacking.len())?)
        })
    }

    /// Searches for the lists of these slots, among the `allowed` ones; `each` hears now and then how many are done.
    fn search(
        &mut self,
        memory: &Memory,
        slots: &[usize],
        allowed: Option<&SlotSet>,
        mut each: impl FnMut(&Self, usize) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        for (block, some) in slots.chunks(TOGETHER).enumerate() {
            let own: Vec<u64> = some.iter().map(|&slot| memory.slots.ids[slot]).collect();
            let found = memory.neighbors(&rows(memory, some), self.depth, Filter { allowed, except: Some(&own) })?;
            for (&slot, found) in some.iter().zip(&found) {
                self.set(slot, found.iter().map(|neighbor| neighbor.slot));
            }
            each(self, block * TOGETHER + some.len())?;
        }
        Ok(())
    }

    /// Enters added exemplars into the lists of those that they are near to.
    fn admit(&mut self, memory: &Memory, added: &[usize], settled: &[usize]) -> Result<(), QueryError> {
        if added.is_empty() {
            return Ok(());
        }
        let dim = memory.encoder().dim;
        let (vectors, ids) =
            (rows(memory, added), added.iter().map(|&slot| memory.slots.ids[slot]).collect::<Vec<_>>());
        let index = Exact::new(Rows::new(&vectors, &ids, dim)?);
        for slots in settled.chunks(TOGETHER) {
            let queries = rows(memory, slots);
            let found = index.search(Queries::new(&queries, dim)?, self.depth, Filter::default())?;
            for (&slot, mut newcomers) in slots.iter().zip(found) {
                newcomers.iter_mut().for_each(|newcomer| newcomer.slot = added[newcomer.slot as usize] as u32);
                self.merge(memory, slot, &newcomers);
            }
        }
        Ok(())
    }

    fn merge(&mut self, memory: &Memory, slot: usize, newcomers: &[Neighbor]) {
        let nearer = |a: &Neighbor, b: &Neighbor| a.distance.total_cmp(&b.distance).then(a.id.cmp(&b.id));
        let known = |&neighbor: &u32| Neighbor {
            id: memory.slots.ids[neighbor as usize],
            slot: neighbor,
            distance: distance(memory.vector(slot), memory.vector(neighbor as usize)),
        };
        let list = self.list(slot);
        let last = (list.len() == self.depth).then(|| list.last().map(known)).flatten();
        let comes_in = |newcomer: &&Neighbor| last.is_none_or(|last| nearer(newcomer, &last).is_lt());
        let newcomers: Vec<Neighbor> = newcomers.iter().filter(comes_in).copied().collect();
        if newcomers.is_empty() {
            return;
        }
        let mut merged: Vec<Neighbor> = list.iter().map(known).chain(newcomers).collect();
        merged.sort_by(nearer);
        self.set(slot, merged.iter().map(|neighbor| neighbor.slot));
    }
}

/// The vectors of these slots, one after the other.
fn rows(memory: &Memory, slots: &[usize]) -> Vec<f32> {
    slots.iter().flat_map(|&slot| memory.vector(slot)).copied().collect()
}
