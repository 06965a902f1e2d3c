//! The memory asked about its own exemplars, each without itself, for what probabilities and sets of labels go by.
//!
//! Without itself an exemplar finds one fewer of its own label, and as many of the others. Where memory and queries are drawn
//! alike, labels included, that is as it should be: leave-one-out is exact, and whose label has no other exemplar is as wrong as
//! a query of a new label. But a memory that was filled to so many of each label is asked by queries that find all of them:
//! with three a label, leave-one-out is right 12 points less often than queries are. There every label loses the same share:
//! the label of the asker, which has m exemplars, loses the asker, and a label of n loses n / m, rounded up with the chance
//! of its fraction. Which ones is a matter of hashes of what exemplars are made of, so that a memory with the same content
//! gives the same answers. A small memory is asked several times, with other ones lost each time, so that less depends on them.

use vismem_search::{Filter, MAX_K, Neighbor, parallel};

use crate::decide::calibration::{Row, SET_DEPTH};
use crate::error::Result;
use crate::store::catalog::Hashes;
use crate::{Candidate, ClassifyOptions, Decider, Levels, Memory, Progress, QueryError, Tuning};

/// How many exemplars ask at most: those with the smallest vector hashes, a random sample that depends on the content alone.
const SAMPLE: usize = 2000;
/// How often each of them asks at most.
const ROUNDS: usize = 5;
/// Exemplars that ask together.
const TOGETHER: usize = 256;

/// The exemplars of a memory, in an order that depends on their content alone.
pub(crate) struct LeaveOneOut<'m> {
    memory: &'m Memory,
    /// Their slots.
    order: Vec<u32>,
    /// Slot by slot what hashes begin with.
    keys: Vec<u64>,
    /// Slot by slot how many of the same label come before.
    places: Vec<u32>,
    /// Label by label a hash of its name.
    names: Vec<u64>,
    /// Whether the counts of labels are more even than chance makes them, so that all of them lose.
    pub is_thinned: bool,
    /// How many exemplars a label has on average.
    pub mean: f64,
}

impl<'m> LeaveOneOut<'m> {
    /// Reads what exemplars are made of.
    pub(crate) fn of(memory: &'m Memory) -> Result<Self> {
        let slots = &memory.slots;
        let mut hashes = Vec::with_capacity(memory.len());
        for part in memory.parts() {
            let mut some = memory.read(|catalog| catalog.hashes_within(&part.within))?;
            some.retain(|exemplar| slots.ids.get(exemplar.slot) == Some(&exemplar.id));
            memory.check_part(&part, some.iter().map(|exemplar| exemplar.id))?;
            // Beginnings are enough to tell them apart; no two have the same content.
            let key = |exemplar: Hashes| (begin(&exemplar.vector_hash), begin(&exemplar.content), exemplar.slot as u32);
            hashes.extend(some.into_iter().map(key));
        }
        hashes.sort_unstable();
        let (mut keys, mut places) = (vec![0; slots.ids.len()], vec![0; slots.ids.len()]);
        let mut next = vec![0; slots.labels.len()];
        for &(key, _, slot) in &hashes {
            let label = slots.label_of[slot as usize] as usize;
            (keys[slot as usize], places[slot as usize]) = (key, next[label]);
            next[label] += 1;
        }
        let counts: Vec<f64> = next.iter().filter(|count| **count > 0).map(|count| f64::from(*count)).collect();
        let mean = counts.iter().sum::<f64>() / counts.len().max(1) as f64;
        let spread: f64 = counts.iter().map(|count| (count - mean).powi(2)).sum();
        Ok(Self {
            memory,
            order: hashes.into_iter().map(|(_, _, slot)| slot).collect(),
            keys,
            places,
            names: slots.labels.iter().map(|label| begin(blake3::hash(label.name.as_bytes()).as_bytes())).collect(),
            // Of counts that are drawn at random the variance is the mean.
            is_thinned: spread < (counts.len() as f64 - 1.0) * mean,
            mean,
        })
    }

    /// How many exemplars there are of this one's label.
    fn count(&self, slot: usize) -> usize {
        self.memory.slots.label(slot).exemplars
    }

    /// How often each of so many exemplars is asked: what others lose is a matter of chance, which is less where it is drawn
    /// anew.
    pub(crate) fn rounds(&self, askers: usize) -> usize {
        if self.is_thinned { (SAMPLE / askers.max(1)).clamp(1, ROUNDS) } else { 1 }
    }

    /// Slots of those who ask where labels lose so many: those of whose label somebody is left, unless nothing is thinned.
    pub(crate) fn askers(&self, lose: usize) -> Vec<usize> {
        let slots = self.order.iter().map(|&slot| slot as usize);
        slots.filter(|&slot| !self.is_thinned || self.count(slot) > lose).take(SAMPLE).collect()
    }

    /// What the vote says of these exemplars, level by level, where the label of each loses so many with itself; all of them in
    /// each round.
    pub(crate) fn rows(
        &self,
        askers: &[usize],
        lose: usize,
        tuning: Tuning,
        levels: &Levels,
        progress: &mut dyn Progress,
    ) -> Result<Vec<Vec<Row>>, QueryError> {
        let options = ClassifyOptions { k: tuning.k, vote: tuning.vote, ..ClassifyOptions::default() };
        let decider = Decider::new(levels, &options)?;
        let heights = levels.highest() + 1;
        let mut rows: Vec<Vec<Row>> = vec![Vec::with_capacity(askers.len()); heights];
        let rounds = self.rounds(askers.len());
        let parts = (0..rounds).flat_map(|round| askers.chunks(TOGETHER).map(move |some| (round, some)));
        let mut done = 0;
        for (round, some) in parts {
            let left = self.neighbors(some, (lose, round), tuning.k.max(SET_DEPTH))?;
            let candidates: Vec<Vec<Candidate<'_>>> =
                some.iter().zip(&left).map(|(&slot, left)| self.candidates(slot, left)).collect::<Result<_, _>>()?;
            let ask = |at: usize| -> Vec<Row> {
                let ballot = decider.ballot(self.memory.vector(some[at]), &candidates[at]);
                let own = &self.memory.slots.label(some[at]).name;
                (0..heights).map(|level| Row::of(&ballot.ranking_at(level), levels.name_of(own, level))).collect()
            };
            let asked = parallel::map_ranges(0..some.len(), |range| range.map(ask).collect::<Vec<_>>());
            for (level, row) in asked.into_iter().flatten().flat_map(|rows| rows.into_iter().enumerate()) {
                rows[level].push(row);
            }
            self.memory.check_commit()?;
            done += some.len();
            progress.advance("exemplars", done, rounds * askers.len())?;
        }
        Ok(rows)
    }

    /// The nearest neighbours of exemplars among those that are left for each, with the rank that each neighbour has among
    /// all: `count` of them, fewer where the 10,000 nearest of all are not enough.
    fn neighbors(
        &self,
        askers: &[usize],
        (lose, round): (usize, usize),
        count: usize,
    ) -> Result<Vec<Vec<(usize, Neighbor)>>, QueryError> {
        let most = MAX_K.min(self.memory.len() - 1).max(1);
        let stay = if self.is_thinned { (1.0 - lose as f64 / self.mean).max(0.1) } else { 1.0 };
        // A little more than stays on average.
        let mut depth = if self.is_thinned { (1.1 * count as f64 / stay) as usize + 16 } else { count };
        let mut found = vec![Vec::new(); askers.len()];
        let mut short: Vec<usize> = (0..askers.len()).collect();
        while !short.is_empty() {
            depth = depth.min(most);
            let ids: Vec<u64> = short.iter().map(|&at| self.memory.slots.ids[askers[at]]).collect();
            let queries: Vec<f32> = short.iter().flat_map(|&at| self.memory.vector(askers[at])).copied().collect();
            let all = self.memory.neighbors(&queries, depth, Filter { allowed: None, except: Some(&ids) })?;
            for (&at, all) in short.iter().zip(all) {
                let stays = |(_, near): &(usize, Neighbor)| self.stays(askers[at], near.slot as usize, (lose, round));
                found[at] = all.into_iter().enumerate().filter(stays).take(count).collect();
            }
            short.retain(|&at| found[at].len() < count && depth < most);
            depth *= 4;
        }
        Ok(found)
    }

    /// Whether a neighbour is left for who asks, where the asker's label loses one or two with it.
    fn stays(&self, asker: usize, neighbor: usize, (lose, round): (usize, usize)) -> bool {
        if !self.is_thinned {
            return true;
        }
        let (label, own) = (self.memory.slots.label_of[neighbor], self.memory.slots.label_of[asker]);
        let count = self.count(neighbor);
        // How far on in the order, which goes round.
        let from = |first: usize| (self.places[neighbor] as usize + count - first) % count;
        if label == own {
            // The asker is not there in any case.
            return lose < 2 || from(self.places[asker] as usize) != 1 + round % (count - 1);
        }
        let drawn = |salt: usize| share(self.keys[asker], self.names[label as usize], (2 * round + salt) as u64);
        let go = (lose * count) as f64 / self.count(asker) as f64;
        let go = go.floor() as usize + usize::from(drawn(0) < go.fract());
        from((drawn(1) * count as f64) as usize) >= go
    }

    /// Neighbours as they vote; what who asks said of them itself does not count in the pruning that is set. Whoever misled it would be
    /// hidden for that very reason.
    fn candidates(&self, asker: usize, left: &[(usize, Neighbor)]) -> Result<Vec<Candidate<'_>>, QueryError> {
        let memory = self.memory;
        let neighbors: Vec<Neighbor> = left.iter().map(|(_, near)| *near).collect();
        let mut candidates = memory.candidates(&neighbors)?;
        if let Some(pruned) = memory.pruned(&mut ())? {
            for (candidate, (rank, near)) in candidates.iter_mut().zip(left) {
                let slot = near.slot as usize;
                let is_wrong = memory.slots.label_of[slot] != memory.slots.label_of[asker];
                candidate.standing = pruned.pruning.standing_without(pruned.reliability.in_slot(slot), *rank, is_wrong);
            }
        }
        Ok(candidates)
    }
}

/// The number that a hash begins with.
fn begin(hash: &[u8; 32]) -> u64 {
    hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// A number of 0..1 that is drawn for two others (the finaliser of SplitMix64).
fn share(a: u64, b: u64, salt: u64) -> f64 {
    let mut z = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_mul(0xd1b5_4a32_d192_ed03);
    z = z.wrapping_add(salt.wrapping_mul(0x94d0_49bb_1331_11eb));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (z >> 11) as f64 / (1u64 << 53) as f64
}
