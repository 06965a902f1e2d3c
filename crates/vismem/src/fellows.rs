//! `fellows.u32`: for each exemplar its nearest fellows, nearest first: the memory queried with itself, the exemplar
//! itself left out. Derived, and brought up to date instead of computed again after an edit.
//!
//! What follows an edit exactly:
//! - An **added** exemplar enters the lists of those that it is nearer to than their last fellow (equal distances by
//!   id, as everywhere). One search of everything that was there before, among the added ones only, finds them.
//! - A **forgotten** exemplar leaves lists that now lack their last fellow. The edit itself empties these lists, so that
//!   nothing of the exemplar stays in the file; whoever needs them next searches for them, and for no others.
//! - A **relabelled** exemplar changes no list: what its votes are worth is counted from lists and labels.
//!
//! Layout, within a derived file (see [`crate::derived`]), u32 little-endian: the arrangement (8 bytes), the depth of
//! the lists, then for each slot as many slots of fellows.

use std::path::Path;
use std::time::{Duration, Instant};

use vismem_search::{Exact, FREE, Filter, MAX_K, Neighbor, Queries, Rows, distance};

use crate::{Digest, Memory, Result, derived};

/// Stands for a list of an exemplar that no list knows yet.
const NEW: u32 = u32::MAX;
/// Stands for a list that must be searched for.
const LACKING: u32 = u32::MAX - 1;
/// Fills up lists where there are not as many fellows.
const NOBODY: u32 = u32::MAX - 2;

/// Exemplars that are searched for together.
const TOGETHER: usize = 1024;
/// How much work of a long search can be lost when the process ends.
const KEEP_EVERY: Duration = Duration::from_secs(30);
/// A file larger than this is deleted by an edit, not read, changed and written: 512 MiB are the 100 fellows of 1.3 million
/// exemplars, or the 10 fellows of 13 million.
const CARRIED_UP_TO: u64 = 512 << 20;

/// The lists of one state of a memory.
pub(crate) struct Fellows {
    arrangement: Arrangement,
    depth: usize,
    lists: Vec<u32>,
}

/// Who sits in which slot, as a sum over exemplars, so that an edit can follow it. What is forgotten and added again
/// brings back the digest, but under another id and perhaps in another slot, and lists name slots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Arrangement(u64);

impl Arrangement {
    fn of(ids: &[u64]) -> Self {
        let seated = ids.iter().enumerate().filter(|(_, id)| **id != FREE);
        seated.fold(Self::default(), |sum, (slot, id)| Self(sum.0.wrapping_add(Self::seat(slot, *id))))
    }

    /// A number that tells this seat from others (the finaliser of SplitMix64).
    fn seat(slot: usize, id: u64) -> u64 {
        let mut z = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (slot as u64).wrapping_mul(0xd1b5_4a32_d192_ed03);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Fellows {
    /// The lists of this memory, at least `depth` long. Searches for what is missing and keeps the result; `progress`
    /// hears how many of how many exemplars were searched for.
    pub(crate) fn of(memory: &Memory, depth: usize, progress: &mut dyn FnMut(usize, usize)) -> Result<Self> {
        if !(1..=MAX_K).contains(&depth) {
            return Err(vismem_search::Error::K { k: depth }.into());
        }
        let slots = memory.slots.ids.len();
        let arrangement = Arrangement::of(&memory.slots.ids);
        let kept = derived::load(memory.path(), derived::FELLOWS, &memory.digest()).and_then(|b| Self::parse(&b));
        let fits = |kept: &Self| kept.arrangement == arrangement && kept.depth >= depth;
        let mut fellows = kept.filter(fits).unwrap_or(Self { arrangement, depth, lists: Vec::new() });
        fellows.lists.resize(slots * fellows.depth, NEW);
        if fellows.catch_up(memory, progress)? {
            fellows.keep(memory);
        }
        Ok(fellows)
    }

    /// Lists from elsewhere, in the order of slots.
    #[cfg(test)]
    pub(crate) fn given(depth: usize, lists: &[Vec<u32>]) -> Self {
        let mut fellows = Self { arrangement: Arrangement(0), depth, lists: vec![NOBODY; depth * lists.len()] };
        lists.iter().enumerate().for_each(|(slot, list)| fellows.set(slot, list.iter().copied()));
        fellows
    }

    /// The slots of an exemplar's nearest fellows, nearest first.
    pub(crate) fn list(&self, slot: usize) -> &[u32] {
        let list = &self.lists[slot * self.depth..][..self.depth];
        &list[..list.iter().position(|fellow| *fellow >= NOBODY).unwrap_or(self.depth)]
    }

    fn is(&self, slot: usize, state: u32) -> bool {
        self.lists[slot * self.depth] == state
    }

    fn set(&mut self, slot: usize, fellows: impl IntoIterator<Item = u32>) {
        let list = &mut self.lists[slot * self.depth..][..self.depth];
        list.fill(NOBODY);
        list.iter_mut().zip(fellows).for_each(|(to, fellow)| *to = fellow);
    }

    /// Searches for every list that is missing. Returns whether any was.
    fn catch_up(&mut self, memory: &Memory, progress: &mut dyn FnMut(usize, usize)) -> Result<bool> {
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
        let mut kept = Instant::now();
        for (block, slots) in lacking.chunks(TOGETHER).enumerate() {
            let own: Vec<u64> = slots.iter().map(|&slot| memory.slots.ids[slot]).collect();
            let found =
                memory.neighbors(&rows(memory, slots), self.depth, Filter { allowed: None, except: Some(&own) })?;
            for (&slot, found) in slots.iter().zip(&found) {
                self.set(slot, found.iter().map(|fellow| fellow.slot));
            }
            progress(block * TOGETHER + slots.len(), lacking.len());
            if kept.elapsed() >= KEEP_EVERY {
                self.keep(memory);
                kept = Instant::now();
            }
        }
        Ok(!lacking.is_empty())
    }

    /// Enters added exemplars into the lists of those that they are near to.
    fn admit(&mut self, memory: &Memory, added: &[usize], settled: &[usize]) -> Result<()> {
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
        let known = |&fellow: &u32| Neighbor {
            id: memory.slots.ids[fellow as usize],
            slot: fellow,
            distance: distance(memory.vector(slot), memory.vector(fellow as usize)),
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
        self.set(slot, merged.iter().map(|fellow| fellow.slot));
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (arrangement, bytes) = bytes.split_first_chunk::<8>()?;
        let (depth, bytes) = bytes.split_first_chunk::<4>()?;
        let depth = u32::from_le_bytes(*depth) as usize;
        let lists: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        let whole = depth > 0 && lists.len().is_multiple_of(depth);
        let arrangement = Arrangement(u64::from_le_bytes(*arrangement));
        whole.then_some(Self { arrangement, depth, lists })
    }

    /// Hands the file's content, in parts, to `write`.
    fn write<T>(&self, write: impl FnOnce(&[&[u8]]) -> T) -> T {
        let (arrangement, depth) = (self.arrangement.0.to_le_bytes(), (self.depth as u32).to_le_bytes());
        write(&[&arrangement, &depth, bytemuck::cast_slice(&self.lists)])
    }

    fn keep(&self, memory: &Memory) {
        self.write(|content| derived::keep(memory, derived::FELLOWS, content));
    }
}

/// The vectors of these slots, one after the other.
fn rows(memory: &Memory, slots: &[usize]) -> Vec<f32> {
    slots.iter().flat_map(|&slot| memory.vector(slot)).copied().collect()
}

/// The lists on their way through an edit: taken before the change is committed, put back after it. A process that is
/// killed in between leaves a memory without lists, and they are computed again when they are needed.
pub(crate) struct Carried(Option<Fellows>);

impl Carried {
    /// Reads the lists that belong to the memory's state before the edit, if there are any and they are not too large.
    pub(crate) fn take(dir: &Path, before: &Digest) -> Self {
        let small = derived::size(dir, derived::FELLOWS).is_some_and(|bytes| bytes <= CARRIED_UP_TO);
        let bytes = small.then(|| derived::load(dir, derived::FELLOWS, before)).flatten();
        Self(bytes.and_then(|bytes| Fellows::parse(&bytes)))
    }

    /// An exemplar took a slot.
    pub(crate) fn added(&mut self, slot: usize, id: u64) {
        if let Some(fellows) = &mut self.0 {
            fellows.arrangement.0 = fellows.arrangement.0.wrapping_add(Arrangement::seat(slot, id));
        }
    }

    /// Exemplars, slot and id, left. Nothing in the lists names them afterwards.
    pub(crate) fn forgotten(&mut self, exemplars: &[(usize, u64)]) {
        let Some(fellows) = &mut self.0 else { return };
        let mut gone = vec![false; fellows.lists.len() / fellows.depth];
        for &(slot, id) in exemplars {
            fellows.arrangement.0 = fellows.arrangement.0.wrapping_sub(Arrangement::seat(slot, id));
            // A slot beyond the lists was filled after they were made.
            if let Some(gone) = gone.get_mut(slot) {
                *gone = true;
            }
        }
        for (slot, list) in fellows.lists.chunks_exact_mut(fellows.depth).enumerate() {
            if gone[slot] {
                // Whoever takes the slot next is new.
                list.fill(NEW);
            } else if list.iter().any(|&fellow| gone.get(fellow as usize).is_some_and(|gone| *gone)) {
                list.fill(LACKING);
            }
        }
    }

    /// Writes the lists for the state after the edit.
    pub(crate) fn keep(self, dir: &Path, after: &Digest) {
        if let Some(fellows) = self.0 {
            // They can be computed again where the disk refuses.
            let _ = fellows.write(|content| derived::write(dir, derived::FELLOWS, after, content));
        }
    }
}
