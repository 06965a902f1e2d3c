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
//! Layout, little-endian: the digest of the memory that the lists belong to (32 bytes; zeros while a writer changes them),
//! their checksum (32), the arrangement (8), the length of the lists (4), zeros to 128 bytes; then for each slot as many
//! slots of fellows (u32), filled up to a multiple of 32 lists. The checksum is a sum over groups of 32 lists, so that an
//! edit writes those alone that it changes.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use memmap2::Mmap;
use vismem_search::{Exact, FREE, Filter, MAX_K, Neighbor, Queries, Rows, SlotSet, distance};

use crate::checksum::Checksum;
use crate::codes::in_parallel;
use crate::kill_point::kill_point;
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

const HEAD: usize = 128;
/// Lists that are hashed together.
const GROUP: usize = 32;
/// Number of the part of the checksum that is no group.
const HEAD_PART: usize = 1 << 62;

/// The lists of one state of a memory, groups whole.
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
        let fits = |kept: &Self| kept.arrangement == arrangement && kept.depth >= depth;
        let kept = Self::load(memory).filter(fits);
        let mut fellows = kept.unwrap_or(Self { arrangement, depth, lists: Vec::new() });
        fellows.lists.resize(slots.next_multiple_of(GROUP) * fellows.depth, NEW);
        if fellows.catch_up(memory, progress)? {
            fellows.keep(memory);
        }
        Ok(fellows)
    }

    /// The lists that there would be if the memory held nothing but the exemplars in these slots, `depth` long. Where
    /// enough of the exemplar's list is left, that is it; the others are searched for.
    pub(crate) fn among(
        &self,
        memory: &Memory,
        slots: &[usize],
        depth: usize,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self> {
        let allowed: SlotSet = slots.iter().copied().collect();
        let lists = vec![NOBODY; memory.slots.ids.len() * depth];
        let mut among = Self { arrangement: self.arrangement, depth, lists };
        let mut short = Vec::new();
        for &slot in slots {
            let left = self.list(slot).iter().copied().filter(|&fellow| allowed.contains(fellow as usize));
            let left: Vec<u32> = left.take(depth).collect();
            if left.len() < depth.min(slots.len() - 1) {
                short.push(slot);
            } else {
                among.set(slot, left);
            }
        }
        among.search(memory, &short, Some(&allowed), |_, done| progress(done, short.len()))?;
        Ok(among)
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
        self.search(memory, &lacking, None, |fellows, done| {
            progress(done, lacking.len());
            if kept.elapsed() >= KEEP_EVERY {
                fellows.keep(memory);
                kept = Instant::now();
            }
        })?;
        Ok(!lacking.is_empty())
    }

    /// Searches for the lists of these slots, among the `allowed` ones; `each` hears now and then how many are done.
    fn search(
        &mut self,
        memory: &Memory,
        slots: &[usize],
        allowed: Option<&SlotSet>,
        mut each: impl FnMut(&Self, usize),
    ) -> Result<()> {
        for (block, some) in slots.chunks(TOGETHER).enumerate() {
            let own: Vec<u64> = some.iter().map(|&slot| memory.slots.ids[slot]).collect();
            let found = memory.neighbors(&rows(memory, some), self.depth, Filter { allowed, except: Some(&own) })?;
            for (&slot, found) in some.iter().zip(&found) {
                self.set(slot, found.iter().map(|fellow| fellow.slot));
            }
            each(self, block * TOGETHER + some.len());
        }
        Ok(())
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

    /// The file's lists, if they are whole and belong to this state of the memory.
    fn load(memory: &Memory) -> Option<Self> {
        let file = File::open(derived::path(memory.path(), derived::FELLOWS)).ok()?;
        let head = Head::read(&file, &memory.digest()).ok()??;
        let mut lists = vec![0u32; head.groups(&file).ok()?? * GROUP * head.depth];
        file.read_exact_at(bytemuck::cast_slice_mut(&mut lists), HEAD as u64).ok()?;
        let fellows = Self { arrangement: head.arrangement, depth: head.depth, lists };
        (fellows.checksum() == head.checksum).then_some(fellows)
    }

    fn checksum(&self) -> Checksum {
        let group = GROUP * self.depth;
        let of_groups = in_parallel(0..self.lists.len() / group, |groups| {
            groups.map(|number| checksum_of(number, &self.lists[group * number..][..group])).sum::<Checksum>()
        });
        of_groups.into_iter().sum::<Checksum>().plus(Head::part(self.arrangement, self.depth))
    }

    fn keep(&self, memory: &Memory) {
        derived::build(memory, derived::FELLOWS, |path| {
            let mut file = File::create(path)?;
            file.write_all(&[0; HEAD])?;
            file.write_all(bytemuck::cast_slice(&self.lists))?;
            let head = Head { checksum: self.checksum(), arrangement: self.arrangement, depth: self.depth };
            head.write(&file, &memory.digest())
        });
    }
}

fn checksum_of(group: usize, lists: &[u32]) -> Checksum {
    Checksum::of(group, bytemuck::cast_slice(lists))
}

/// What stands before the lists, beside the digest.
struct Head {
    checksum: Checksum,
    arrangement: Arrangement,
    depth: usize,
}

impl Head {
    /// `None` where the lists belong to another state than `digest`.
    fn read(file: &File, digest: &Digest) -> io::Result<Option<Self>> {
        let mut bytes = [0; HEAD];
        file.read_exact_at(&mut bytes, 0)?;
        let number = |at: usize| u64::from_le_bytes(bytes.as_chunks().0[at / 8]);
        let checksum = Checksum::from_bytes(bytes[32..].first_chunk().expect("a head is longer"));
        let head = Self { checksum, arrangement: Arrangement(number(64)), depth: number(72) as u32 as usize };
        let is_one = (1..=MAX_K).contains(&head.depth) && bytes[76..].iter().all(|byte| *byte == 0);
        let belongs = bytes[..32] == *digest.as_bytes() && is_one;
        Ok(belongs.then_some(head))
    }

    fn write(&self, file: &File, digest: &Digest) -> io::Result<()> {
        let mut bytes = [0; HEAD];
        bytes[..32].copy_from_slice(digest.as_bytes());
        bytes[32..64].copy_from_slice(&self.checksum.to_bytes());
        bytes[64..76].copy_from_slice(&Self::fields(self.arrangement, self.depth));
        file.write_all_at(&bytes, 0)
    }

    fn fields(arrangement: Arrangement, depth: usize) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&arrangement.0.to_le_bytes());
        bytes[8..].copy_from_slice(&(depth as u32).to_le_bytes());
        bytes
    }

    /// The head's part of the checksum.
    fn part(arrangement: Arrangement, depth: usize) -> Checksum {
        Checksum::of(HEAD_PART, &Self::fields(arrangement, depth))
    }

    /// How many groups the file has; `None` if they are not whole.
    fn groups(&self, file: &File) -> io::Result<Option<usize>> {
        let lists = (file.metadata()?.len() as usize).checked_sub(HEAD);
        let group = self.range(0).len();
        Ok(lists.filter(|bytes| bytes.is_multiple_of(group)).map(|bytes| bytes / group))
    }

    /// Where a group stands in the file.
    fn range(&self, group: usize) -> Range<usize> {
        let bytes = GROUP * self.depth * size_of::<u32>();
        HEAD + group * bytes..HEAD + (group + 1) * bytes
    }

    /// Follows exemplars, slot and id, that come or go.
    fn reseat(&mut self, seats: &[(usize, u64)], seat: fn(u64, u64) -> u64) {
        let own = Self::part(self.arrangement, self.depth);
        for &(slot, id) in seats {
            self.arrangement.0 = seat(self.arrangement.0, Arrangement::seat(slot, id));
        }
        self.checksum = self.checksum.minus(own).plus(Self::part(self.arrangement, self.depth));
    }
}

/// The file, if its lists belong to `digest`.
fn open_to_change(dir: &Path, digest: &Digest) -> io::Result<Option<(File, Head)>> {
    let file = match File::options().read(true).write(true).open(derived::path(dir, derived::FELLOWS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    Ok(Head::read(&file, digest)?.map(|head| (file, head)))
}

/// Exemplars, slot and id, took slots. Lists that belonged to `before` belong to `after` then; the new ones have none yet.
pub(crate) fn admit(dir: &Path, seats: &[(usize, u64)], before: &Digest, after: &Digest) {
    let write = || -> io::Result<()> {
        let Some((file, mut head)) = open_to_change(dir, before)? else { return Ok(()) };
        head.reseat(seats, u64::wrapping_add);
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
pub(crate) fn erase(dir: &Path, seats: &[(usize, u64)], before: &Digest, after: &Digest) -> Result<Option<File>> {
    match overwrite(dir, seats, before, after) {
        Ok(Some(file)) => Ok(Some(file)),
        _ => derived::remove(dir, &[derived::FELLOWS]).map(|()| None),
    }
}

fn overwrite(dir: &Path, seats: &[(usize, u64)], before: &Digest, after: &Digest) -> io::Result<Option<File>> {
    let Some((file, mut head)) = open_to_change(dir, before)? else { return Ok(None) };
    let Some(groups) = head.groups(&file)? else { return Ok(None) };
    let gone: SlotSet = seats.iter().map(|(slot, _)| *slot).collect();
    let named = groups_that_name(&file, &head, groups, &gone, seats)?;
    // A slot beyond the lists was filled after they were made.
    let own = seats.iter().map(|(slot, _)| slot / GROUP).filter(|&group| group < groups);
    let touched: BTreeSet<usize> = named.into_iter().chain(own).collect();
    file.write_all_at(&[0; 32], 0)?;
    kill_point("fellows marked");
    let mut lists = vec![0u32; GROUP * head.depth];
    for group in touched {
        let at = head.range(group).start as u64;
        file.read_exact_at(bytemuck::cast_slice_mut(&mut lists), at)?;
        head.checksum = head.checksum.minus(checksum_of(group, &lists));
        for (slot, list) in (group * GROUP..).zip(lists.chunks_exact_mut(head.depth)) {
            if gone.contains(slot) {
                // Whoever takes the slot next is new.
                list.fill(NEW);
            } else if list.iter().any(|&fellow| gone.contains(fellow as usize)) {
                list.fill(LACKING);
            }
        }
        head.checksum = head.checksum.plus(checksum_of(group, &lists));
        file.write_all_at(bytemuck::cast_slice(&lists), at)?;
    }
    head.reseat(seats, u64::wrapping_sub);
    head.write(&file, after)?;
    Ok(Some(file))
}

/// Groups that hold a list with one of these exemplars in it.
fn groups_that_name(
    file: &File,
    head: &Head,
    groups: usize,
    gone: &SlotSet,
    seats: &[(usize, u64)],
) -> io::Result<Vec<usize>> {
    // SAFETY: the mapping is read-only, lives in this function only, and nobody else writes: the writer's lock is held.
    // Nobody shortens the file: a new one takes its name instead. Other programs are as they are for `vectors.f32`.
    let map = unsafe { Mmap::map(file) }?;
    // A map begins at a page and a head is a multiple of four bytes, so lists are aligned.
    let lists: &[u32] = bytemuck::cast_slice(&map[HEAD..]);
    let names = |group: &[u32]| match seats {
        // Comparing with few is much quicker than looking each up, and it is all lists that are looked at.
        [_] | [_, _] => seats.iter().any(|(slot, _)| group.contains(&(*slot as u32))),
        _ => group.iter().any(|&fellow| gone.contains(fellow as usize)),
    };
    let group = GROUP * head.depth;
    let found = in_parallel(0..groups, |some| {
        some.filter(|number| names(&lists[number * group..][..group])).collect::<Vec<usize>>()
    });
    Ok(found.concat())
}

/// The vectors of these slots, one after the other.
fn rows(memory: &Memory, slots: &[usize]) -> Vec<f32> {
    slots.iter().flat_map(|&slot| memory.vector(slot)).copied().collect()
}
