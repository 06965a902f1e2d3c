//! Leave-one-out: how well the memory decides its own exemplars, each asked without itself; and which pruning that
//! speaks for.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use vismem_search::{MAX_K, Neighbor, distance};

use crate::decide::vote::pruned_decisions_at_every_k;
use crate::error::Result;
use crate::index::neighbor_lists::NeighborLists;
use crate::{Memory, Progress, Pruning, QueryError, Reliability, Standing, Threshold, Vote};

/// A pruning and what it does to the memory's decisions on its own exemplars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PruningTrial {
    /// The pruning; `None` for none.
    pub pruning: Option<Pruning>,
    /// Share of the exemplars that is decided right without themselves, 0..=1.
    pub accuracy: f64,
    /// How many exemplars it hides.
    pub hidden: usize,
}

/// The most thresholds of either kind that are tried.
const THRESHOLDS: usize = 64;

impl Memory {
    /// The `k` nearest neighbours (1..=10,000) of each exemplar, nearest first, itself left out: the memory queried with
    /// itself. With each list the id of its exemplar, in no particular order. The lists are kept and follow edits, see
    /// [`Memory::reliability`].
    ///
    /// # Errors
    /// When `k` is out of range, or a row that would be cited is damaged.
    pub fn neighbor_lists(
        &self,
        k: usize,
        progress: &mut dyn Progress,
    ) -> Result<Vec<(u64, Vec<Neighbor>)>, QueryError> {
        let kept = NeighborLists::of(self, k, progress)?;
        let mut lists = Vec::with_capacity(self.len());
        for slot in (0..self.slots.ids.len()).filter(|&slot| !self.is_free(slot)) {
            let near = |&neighbor: &u32| {
                let (id, row) = (self.slots.ids[neighbor as usize], self.vector(neighbor as usize));
                Neighbor { id, slot: neighbor, distance: distance(self.vector(slot), row) }
            };
            lists.push((self.slots.ids[slot], kept.list(slot).iter().take(k).map(near).collect::<Vec<_>>()));
        }
        let cited: BTreeMap<u64, usize> =
            lists.iter().flat_map(|(_, list)| list).map(|near| (near.id, near.slot as usize)).collect();
        let checked = self.check_rows(&cited.into_iter().collect::<Vec<_>>());
        self.unless_outdated(checked)?;
        Ok(lists)
    }

    /// Share of the exemplars, 0..=1, that the `k` nearest others decide right, under each of the `prunings`.
    ///
    /// The counts that a pruning goes by come from the same exemplars that it is judged by, so these accuracies compare
    /// prunings with each other; they do not foretell the accuracy on new queries.
    ///
    /// # Errors
    /// When there are not two exemplars, a number is out of range, or a row that would be cited is damaged.
    pub fn leave_one_out(
        &self,
        k: usize,
        vote: Vote,
        prunings: &[Option<Pruning>],
        progress: &mut dyn Progress,
    ) -> Result<Vec<f64>, QueryError> {
        let depth = prunings.iter().flatten().map(Pruning::neighbors).fold(k, usize::max);
        self.accuracies(&NeighborLists::of(self, depth, progress)?, k, vote, prunings)
    }

    /// The lists must be as long as `k` and the prunings ask.
    fn accuracies(
        &self,
        lists: &NeighborLists,
        k: usize,
        vote: Vote,
        prunings: &[Option<Pruning>],
    ) -> Result<Vec<f64>, QueryError> {
        if self.len() < 2 {
            return Err(QueryError::TooFewExemplars { path: self.path().into() });
        }
        if !(1..=MAX_K).contains(&k) {
            return Err(vismem_search::Error::K { k }.into());
        }
        let vote = vote.checked()?;
        let mut counts = HashMap::new();
        for pruning in prunings.iter().flatten() {
            let neighbors = pruning.checked()?.neighbors();
            counts.entry(neighbors).or_insert_with(|| Reliability::count(self, lists, neighbors));
        }

        let mut right = vec![0u64; prunings.len()];
        for slot in (0..self.slots.ids.len()).filter(|&slot| !self.is_free(slot)) {
            let mut voters = Voters::of(self, lists, slot, k);
            let is_right = |voters: &Voters| voters.decision(vote) == Some(self.slots.label_of[slot]);
            let unpruned = is_right(&voters);
            for (right, pruning) in right.iter_mut().zip(prunings) {
                let counts = pruning.as_ref().map(|pruning| (pruning, &counts[&pruning.neighbors()]));
                let whole = Standing::Counts(1.0);
                voters.prune(|neighbor| {
                    counts.map_or(whole, |(pruning, counts)| pruning.standing(counts.in_slot(neighbor)))
                });
                // Most prunings concern few exemplars.
                *right += u64::from(if voters.is_pruned() { is_right(&voters) } else { unpruned });
            }
        }
        Ok(right.into_iter().map(|right| right as f64 / self.len() as f64).collect())
    }

    /// Tries prunings on the memory itself: none, the paper's soft pruning, and hard pruning from various numbers of
    /// wrong votes and shares of retrievals on, counted over `neighbors`. Best first; of equally good ones the one that
    /// hides less. No pruning is among them, so that the first is never worse than it.
    ///
    /// # Errors
    /// As [`Memory::leave_one_out`].
    pub fn try_prunings(
        &self,
        neighbors: usize,
        k: usize,
        vote: Vote,
        progress: &mut dyn Progress,
    ) -> Result<Vec<PruningTrial>, QueryError> {
        // As deep at once as anything below asks.
        let lists = NeighborLists::of(self, neighbors.max(k).max(Pruning::SOFT.neighbors()), progress)?;
        let counts = Reliability::count(self, &lists, neighbors);
        let hard = |threshold| Some(Pruning::Hard { neighbors, threshold });
        let mut wrong: Vec<u32> = counts.iter().map(|(_, votes)| votes.wrong).filter(|wrong| *wrong > 0).collect();
        wrong.sort_unstable();
        wrong.dedup();
        let step = wrong.len().div_ceil(THRESHOLDS).max(1);
        let votes = wrong.iter().rev().step_by(step).map(|&votes| hard(Threshold::Votes(votes)));
        let shares = (1..=20).rev().map(|twentieth| hard(Threshold::Share(f64::from(twentieth) / 20.0)));
        let prunings: Vec<_> = [None, Some(Pruning::SOFT)].into_iter().chain(votes).chain(shares).collect();
        let accuracies = self.accuracies(&lists, k, vote, &prunings)?;
        let trial = |(pruning, accuracy): (Option<Pruning>, f64)| {
            let is_hidden = |pruning: &Pruning| {
                counts.iter().filter(|(_, votes)| pruning.standing(*votes) == Standing::Hidden).count()
            };
            PruningTrial { pruning, accuracy, hidden: pruning.as_ref().map_or(0, is_hidden) }
        };
        let mut trials: Vec<PruningTrial> = prunings.into_iter().zip(accuracies).map(trial).collect();
        trials.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy).then(a.hidden.cmp(&b.hidden)));
        Ok(trials)
    }
}

/// The nearest neighbours of an exemplar and how they vote on it, nearest first.
pub(crate) struct Voters {
    slots: Vec<usize>,
    /// Label, distance and standing of each.
    voters: Vec<(u32, f64, Standing)>,
}

impl Voters {
    /// The `k` nearest neighbours of a slot's exemplar, none of them pruned.
    pub(crate) fn of(memory: &Memory, lists: &NeighborLists, slot: usize, k: usize) -> Self {
        let slots: Vec<usize> = lists.list(slot).iter().take(k).map(|&neighbor| neighbor as usize).collect();
        let voter = |&neighbor: &usize| {
            let distance = f64::from(distance(memory.vector(slot), memory.vector(neighbor)));
            (memory.slots.label_of[neighbor], distance, Standing::Counts(1.0))
        };
        let voters = slots.iter().map(voter).collect();
        Self { slots, voters }
    }

    /// What the vote of each counts from now on.
    pub(crate) fn prune(&mut self, standing: impl Fn(usize) -> Standing) {
        self.voters.iter_mut().zip(&self.slots).for_each(|(voter, &slot)| voter.2 = standing(slot));
    }

    /// Whether any of them does not count whole.
    fn is_pruned(&self) -> bool {
        self.voters.iter().any(|(_, _, standing)| *standing != Standing::Counts(1.0))
    }

    /// The label that they decide for; `None` if there are none.
    pub(crate) fn decision(&self, vote: Vote) -> Option<u32> {
        pruned_decisions_at_every_k(vote, &self.voters).last().copied()
    }
}
