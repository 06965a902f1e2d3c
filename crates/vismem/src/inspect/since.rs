//! What additions changed: the memory's decisions on the exemplars that were there before, with the added ones and as if
//! they were not there.

use std::collections::HashMap;

use serde::Serialize;
use vismem_search::{SlotSet, parallel};

use crate::decide::leave_one_out::Voters;
use crate::error::Result;
use crate::index::neighbor_lists::NeighborLists;
use crate::{Memory, Progress, Pruned, Pruning, QueryError, Reliability, UnknownName, Vote};

/// What the batches from one on changed in the decisions on older exemplars, each asked without itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Since {
    /// The first batch whose exemplars count as added.
    pub batch: u64,
    /// How many neighbours decided.
    pub k: usize,
    /// How they voted.
    pub vote: Vote,
    /// The exemplars that were added.
    pub added: AddedSince,
    /// Those that were there before.
    pub old: OldSince,
    /// The same for each label of the older exemplars; the one that lost most comes first.
    pub labels: Vec<LabelSince>,
}

/// The exemplars that were added and are still there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AddedSince {
    /// How many there are.
    pub exemplars: usize,
    /// Share of them, 0..=1, that all others decide right; `None` where none was added.
    pub accuracy: Option<f64>,
    /// Labels that only they have, by name.
    pub new_labels: Vec<String>,
}

/// The decisions on the older exemplars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OldSince {
    /// How many there are.
    pub exemplars: usize,
    /// Share of them, 0..=1, that the other old ones decide right.
    pub accuracy_before: f64,
    /// Share of them, 0..=1, that all others decide right.
    pub accuracy_after: f64,
    /// How many of them are decided otherwise now.
    pub changed: usize,
    /// How many of these were decided wrong before and are decided right now.
    pub mended: usize,
    /// How many of these were decided right before and are decided wrong now.
    pub spoilt: usize,
}

/// What changed in the decisions on the older exemplars of one label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelSince {
    /// The label.
    pub label: String,
    /// How many of the older exemplars have it.
    pub exemplars: usize,
    /// Share of these, 0..=1, that the other old ones decide right.
    pub accuracy_before: f64,
    /// Share of these, 0..=1, that all others decide right.
    pub accuracy_after: f64,
    /// What most of those that were spoilt are taken for now; `None` where none was.
    pub taken_for: Option<String>,
}

/// Counts of the older exemplars of a label.
#[derive(Default)]
struct Count {
    exemplars: usize,
    right_before: usize,
    right_after: usize,
    /// How often those that were spoilt are decided as which label.
    taken_for: HashMap<u32, usize>,
}

impl Memory {
    /// The latest batch; `None` if nothing was ever added.
    pub fn last_batch(&self) -> Result<Option<u64>> {
        Ok((self.last_batch > 0).then_some(self.last_batch))
    }

    /// Compares the decisions on the exemplars from before `batch`, each asked without itself (leave-one-out): by all
    /// others, and by those from before `batch` alone. The pruning that is set is honoured, with counts of its own on
    /// either side; labels are those of today, and what was forgotten meanwhile is in neither.
    ///
    /// The neighbours of every exemplar are kept as for [`Memory::reliability`], so that only those are searched for
    /// that additions changed. `progress` hears how many of how many are done.
    ///
    /// # Errors
    /// [`QueryError::NothingBefore`] where fewer than two exemplars are older; when there is no such batch, a number is out of
    /// range, or a row that would be cited is damaged.
    pub fn changed_since(
        &self,
        batch: u64,
        k: usize,
        vote: Vote,
        progress: &mut dyn Progress,
    ) -> Result<Since, QueryError> {
        let vote = vote.checked_for(k)?;
        let added = self.slots_since(batch)?;
        let is_old = |slot: &usize| !self.is_free(*slot) && !added.contains(*slot);
        let old: Vec<usize> = (0..self.slots.ids.len()).filter(is_old).collect();
        if old.len() < 2 {
            return Err(QueryError::NothingBefore { path: self.path().into(), batch });
        }
        let pruning = self.pruning()?;
        let depth = pruning.as_ref().map_or(k, |pruning| pruning.neighbors().max(k));
        let now = NeighborLists::of(self, depth, progress)?;
        let then = now.among(self, &old, depth, progress)?;
        let (now, then) = (self.round(&now, k, vote, pruning), self.round(&then, k, vote, pruning));

        let mut counts: Vec<Count> = self.labels().iter().map(|_| Count::default()).collect();
        let mut changed = 0;
        let decisions = parallel::map_ranges(0..old.len(), |range| {
            old[range].iter().map(|&slot| (slot, then.decides(slot), now.decides(slot))).collect::<Vec<_>>()
        });
        for (slot, before, after) in decisions.into_iter().flatten() {
            let own = self.slots.label_of[slot];
            let count = &mut counts[own as usize];
            count.exemplars += 1;
            count.right_before += usize::from(before == Some(own));
            count.right_after += usize::from(after == Some(own));
            changed += usize::from(before != after);
            if let Some(after) = after.filter(|after| before == Some(own) && *after != own) {
                *count.taken_for.entry(after).or_default() += 1;
            }
        }
        let new: Vec<usize> = (0..self.slots.ids.len()).filter(|&slot| added.contains(slot)).collect();
        let new_right = new.iter().filter(|&&slot| now.decides(slot) == Some(self.slots.label_of[slot])).count();
        let sum = |of: fn(&Count) -> usize| counts.iter().map(of).sum::<usize>();
        let (right_before, right_after) = (sum(|count| count.right_before), sum(|count| count.right_after));
        let spoilt = sum(|count| count.taken_for.values().sum());
        let is_new = |(label, count): &(&crate::Label, &Count)| label.exemplars > 0 && count.exemplars == 0;
        let new_labels =
            self.labels().iter().zip(&counts).filter(is_new).map(|(label, _)| label.name.clone()).collect();
        let since = Since {
            batch,
            k,
            vote,
            added: AddedSince {
                exemplars: new.len(),
                accuracy: (!new.is_empty()).then(|| share(new_right, new.len())),
                new_labels,
            },
            old: OldSince {
                exemplars: old.len(),
                accuracy_before: share(right_before, old.len()),
                accuracy_after: share(right_after, old.len()),
                changed,
                mended: right_after + spoilt - right_before,
                spoilt,
            },
            labels: self.by_label(&counts),
        };
        self.unless_outdated(Ok(since))
    }

    /// Slots of the exemplars of this batch and later ones.
    fn slots_since(&self, batch: u64) -> Result<SlotSet, QueryError> {
        if self.last_batch()?.is_none_or(|last| !(1..=last).contains(&batch)) {
            let name = batch.to_string();
            return Err(UnknownName { path: self.path().into(), what: "batch", name, similar: None }.into());
        }
        let mut slots = SlotSet::default();
        self.for_each_record(|record| {
            if record.batch >= batch {
                slots.insert(record.slot);
            }
        })?;
        Ok(slots)
    }

    fn by_label(&self, counts: &[Count]) -> Vec<LabelSince> {
        let of = |(label, count): (&crate::Label, &Count)| {
            let most = count.taken_for.iter().max_by_key(|(label, taken)| (**taken, std::cmp::Reverse(**label)));
            LabelSince {
                label: label.name.clone(),
                exemplars: count.exemplars,
                accuracy_before: share(count.right_before, count.exemplars),
                accuracy_after: share(count.right_after, count.exemplars),
                taken_for: most.map(|(label, _)| self.labels()[*label as usize].name.clone()),
            }
        };
        let known = self.labels().iter().zip(counts).filter(|(_, count)| count.exemplars > 0);
        let mut labels: Vec<LabelSince> = known.map(of).collect();
        let gain = |label: &LabelSince| label.accuracy_after - label.accuracy_before;
        labels.sort_by(|a, b| gain(a).total_cmp(&gain(b)));
        labels
    }

    fn round<'m>(&'m self, lists: &'m NeighborLists, k: usize, vote: Vote, pruning: Option<Pruning>) -> Round<'m> {
        let count = |pruning: Pruning| {
            let reliability = Reliability::count(self, lists, pruning.neighbors());
            Pruned { pruning, reliability }
        };
        Round { memory: self, lists, k, vote, pruned: pruning.map(count) }
    }
}

/// Who decides whom, and how.
struct Round<'m> {
    memory: &'m Memory,
    lists: &'m NeighborLists,
    k: usize,
    vote: Vote,
    pruned: Option<Pruned>,
}

impl Round<'_> {
    /// The label that a slot's exemplar gets from its neighbours.
    fn decides(&self, slot: usize) -> Option<u32> {
        let mut voters = Voters::of(self.memory, self.lists, slot, self.k, self.vote);
        if let Some(pruned) = &self.pruned {
            voters.prune(|_, neighbor| pruned.standing(neighbor));
        }
        voters.decision()
    }
}

fn share(some: usize, all: usize) -> f64 {
    some as f64 / all as f64
}
