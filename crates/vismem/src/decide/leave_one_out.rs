//! Leave-one-out: how well the memory decides its own exemplars, each asked without itself; and which pruning that
//! speaks for.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use vismem_search::{Neighbor, distance, parallel};

use crate::error::Result;
use crate::index::neighbor_lists::NeighborLists;
use crate::{
    Label, Memory, Pairwise, Progress, Pruned, Pruning, QueryError, Reliability, Standing, Threshold, Vote, Voting,
};

/// A pruning and what it does to the memory's decisions on its own exemplars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PruningTrial {
    /// The pruning; `None` for none.
    pub pruning: Option<Pruning>,
    /// Share of the exemplars that is decided right without themselves, 0..=1.
    pub accuracy: f64,
    /// How many exemplars are decided right under it that are decided wrong without pruning.
    pub gained: usize,
    /// How many are decided wrong under it that are decided right without.
    pub lost: usize,
    /// How many exemplars it hides.
    pub hidden: usize,
    /// Labels all of whose exemplars it hides, by name.
    pub hidden_labels: Vec<String>,
}

/// How a pruning decides the exemplars.
#[derive(Default, Clone, Copy)]
struct Judged {
    right: usize,
    /// As in a [`PruningTrial`].
    gained: usize,
    lost: usize,
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
    /// Each exemplar is decided as if it were not there: what it said of its neighbours does not count in the pruning that
    /// it is decided under. Otherwise whoever misled it would be hidden for that very reason.
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
        let judged = self.judged(&NeighborLists::of(self, depth, progress)?, k, vote, prunings)?;
        Ok(judged.into_iter().map(|judged| judged.right as f64 / self.len() as f64).collect())
    }

    /// The lists must be as long as `k` and the prunings ask.
    fn judged(
        &self,
        lists: &NeighborLists,
        k: usize,
        vote: Vote,
        prunings: &[Option<Pruning>],
    ) -> Result<Vec<Judged>, QueryError> {
        if self.len() < 2 {
            return Err(QueryError::TooFewExemplars { path: self.path().into() });
        }
        let vote = vote.checked_for(k)?;
        let mut counts = HashMap::new();
        for pruning in prunings.iter().flatten() {
            let neighbors = pruning.checked()?.neighbors();
            counts.entry(neighbors).or_insert_with(|| Reliability::count(self, lists, neighbors));
        }

        let label_of = &self.slots.label_of;
        let slots: Vec<usize> = (0..self.slots.ids.len()).filter(|&slot| !self.is_free(slot)).collect();
        let judge = |all: &mut Vec<Judged>, slot: usize| {
            let mut voters = Voters::of(self, lists, slot, k, vote);
            let is_right = |voters: &Voters| voters.decision() == Some(label_of[slot]);
            let unpruned = is_right(&voters);
            for (judged, pruning) in all.iter_mut().zip(prunings) {
                let counts = pruning.as_ref().map(|pruning| (pruning, &counts[&pruning.neighbors()]));
                let whole = Standing::Counts(1.0);
                voters.prune(|rank, neighbor| {
                    counts.map_or(whole, |(pruning, counts)| {
                        let is_wrong = label_of[neighbor] != label_of[slot];
                        pruning.standing_without(counts.in_slot(neighbor), rank, is_wrong)
                    })
                });
                // Most prunings concern few exemplars.
                let pruned = if voters.is_pruned() { is_right(&voters) } else { unpruned };
                judged.right += usize::from(pruned);
                judged.gained += usize::from(pruned && !unpruned);
                judged.lost += usize::from(unpruned && !pruned);
            }
        };
        let none = vec![Judged::default(); prunings.len()];
        let parts = parallel::map_ranges(0..slots.len(), |range| {
            let mut all = none.clone();
            slots[range].iter().for_each(|&slot| judge(&mut all, slot));
            all
        });
        let sum = |mut all: Vec<Judged>, part: Vec<Judged>| {
            for (all, Judged { right, gained, lost }) in all.iter_mut().zip(part) {
                all.right += right;
                all.gained += gained;
                all.lost += lost;
            }
            all
        };
        Ok(parts.into_iter().fold(none, sum))
    }

    /// Tries prunings on the memory itself: none, the paper's soft pruning, and hard pruning from various numbers of
    /// wrong votes and shares of retrievals on, counted over `neighbors`. Best first; of equally good ones the one that
    /// hides less. No pruning is among them, so that the first is never worse than it; but the best of so many can be better by
    /// chance alone: `gained` and `lost` tell how sure that is.
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
        let judged = self.judged(&lists, k, vote, &prunings)?;
        let trial = |(pruning, Judged { right, gained, lost }): (Option<Pruning>, Judged)| {
            let (hidden, hidden_labels) =
                pruning.as_ref().map_or_else(Default::default, |pruning| self.hidden_by(pruning, &counts));
            let accuracy = right as f64 / self.len() as f64;
            PruningTrial { pruning, accuracy, gained, lost, hidden, hidden_labels }
        };
        let mut trials: Vec<PruningTrial> = prunings.into_iter().zip(judged).map(trial).collect();
        trials.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy).then(a.hidden.cmp(&b.hidden)));
        Ok(trials)
    }

    /// Labels all of whose exemplars a pruning hides, by name: none of them can be an answer but where nobody else is near.
    pub fn hidden_labels(&self, pruned: &Pruned) -> Vec<String> {
        self.hidden_by(&pruned.pruning, &pruned.reliability).1
    }

    /// How many exemplars a pruning hides, and the labels that it leaves nobody of.
    fn hidden_by(&self, pruning: &Pruning, counts: &Reliability) -> (usize, Vec<String>) {
        let mut left: Vec<usize> = self.slots.labels.iter().map(|label| label.exemplars).collect();
        let mut hidden = 0;
        for slot in (0..self.slots.ids.len()).filter(|&slot| !self.is_free(slot)) {
            if pruning.standing(counts.in_slot(slot)) == Standing::Hidden {
                hidden += 1;
                left[self.slots.label_of[slot] as usize] -= 1;
            }
        }
        let is_gone = |(label, left): &(&Label, usize)| label.exemplars > 0 && *left == 0;
        let gone = self.slots.labels.iter().zip(left).filter(is_gone);
        (hidden, gone.map(|(label, _)| label.name.clone()).collect())
    }
}

/// The nearest neighbours of an exemplar and how they vote on it, nearest first.
pub(crate) struct Voters {
    slots: Vec<usize>,
    /// Label, distance and standing of each.
    voters: Vec<(u32, f64, Standing)>,
    voting: Voting,
}

impl Voters {
    /// The `k` nearest neighbours of a slot's exemplar, none of them pruned.
    pub(crate) fn of(memory: &Memory, lists: &NeighborLists, slot: usize, k: usize, vote: Vote) -> Self {
        let slots: Vec<usize> = lists.list(slot).iter().take(k).map(|&neighbor| neighbor as usize).collect();
        let voter = |&neighbor: &usize| {
            let distance = f64::from(distance(memory.vector(slot), memory.vector(neighbor)));
            (memory.slots.label_of[neighbor], distance, Standing::Counts(1.0))
        };
        let voters = slots.iter().map(voter).collect();
        let rows = || slots.iter().map(|&neighbor| memory.vector(neighbor)).collect::<Vec<_>>();
        let voting = Voting::new(vote, || Pairwise::of(memory.vector(slot), &rows()));
        Self { slots, voters, voting }
    }

    /// What the vote of each counts from now on, by its rank (from 0) and slot.
    pub(crate) fn prune(&mut self, standing: impl Fn(usize, usize) -> Standing) {
        let ranked = self.voters.iter_mut().zip(&self.slots).enumerate();
        ranked.for_each(|(rank, (voter, &slot))| voter.2 = standing(rank, slot));
    }

    /// Whether any of them does not count whole.
    fn is_pruned(&self) -> bool {
        self.voters.iter().any(|(_, _, standing)| *standing != Standing::Counts(1.0))
    }

    /// The label that they decide for; `None` if there are none.
    pub(crate) fn decision(&self) -> Option<u32> {
        self.voting.decision(&self.voters)
    }
}
