//! How reliable each exemplar is: how often it misleads the others (paper, section 3.6 and appendix I).

use serde::Serialize;
use vismem_search::FREE;

use crate::error::Result;
use crate::index::neighbor_lists::NeighborLists;
use crate::{Memory, Progress, QueryError};

/// The votes of every exemplar when the memory is queried with itself, each exemplar leaving itself out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reliability {
    neighbors: usize,
    /// Slot by slot, like the counts.
    ids: Vec<u64>,
    votes: Vec<Votes>,
}

/// How often an exemplar was a neighbour, and how often a wrong one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Votes {
    /// Exemplars of another label that had it among their neighbours: `v(x)` of the paper.
    pub wrong: u32,
    /// Exemplars that had it among their neighbours at all.
    pub retrievals: u32,
}

impl Votes {
    /// The wrong ones' share of all retrievals, 0..=1; 0 for an exemplar that was never a neighbour.
    pub fn wrong_share(self) -> f64 {
        if self.retrievals == 0 { 0.0 } else { f64::from(self.wrong) / f64::from(self.retrievals) }
    }

    /// As if one of the retrievals had not been, a `wrong` one or another.
    pub fn without_one(self, wrong: bool) -> Self {
        Self { wrong: self.wrong.saturating_sub(u32::from(wrong)), retrievals: self.retrievals.saturating_sub(1) }
    }
}

impl Reliability {
    /// How many neighbours each exemplar asked.
    pub fn neighbors(&self) -> usize {
        self.neighbors
    }

    /// The counts of the exemplar with this id; `None` if there is none.
    pub fn votes(&self, id: u64) -> Option<Votes> {
        let slot = self.ids.iter().position(|held| *held == id && id != FREE)?;
        Some(self.votes[slot])
    }

    /// Id and counts of every exemplar, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Votes)> {
        self.ids.iter().copied().zip(self.votes.iter().copied()).filter(|(id, _)| *id != FREE)
    }

    pub(crate) fn in_slot(&self, slot: usize) -> Votes {
        self.votes[slot]
    }

    pub(crate) fn count(memory: &Memory, lists: &NeighborLists, neighbors: usize) -> Self {
        let slots = &memory.slots;
        let mut votes = vec![Votes::default(); slots.ids.len()];
        for slot in (0..votes.len()).filter(|&slot| !memory.is_free(slot)) {
            for &neighbor in lists.list(slot).iter().take(neighbors) {
                let votes = &mut votes[neighbor as usize];
                votes.retrievals += 1;
                votes.wrong += u32::from(slots.label_of[neighbor as usize] != slots.label_of[slot]);
            }
        }
        Self { neighbors, ids: slots.ids.clone(), votes }
    }
}

impl Memory {
    /// Counts how often each exemplar is among the `neighbors` (1..=10,000) nearest of another one, and with the wrong
    /// label. The paper takes 10 for soft pruning and 100 for hard pruning.
    ///
    /// Where the memory has neighbour lists that are long enough ([`crate::IndexKind::NeighborLists`]), only what edits
    /// have changed in them is searched for, else the memory is queried with itself; nothing is written. `progress`
    /// hears how many of how many exemplars are done.
    ///
    /// # Errors
    /// When `neighbors` is out of range, a row that would be cited is damaged, or `progress` ends it.
    pub fn reliability(&self, neighbors: usize, progress: &mut dyn Progress) -> Result<Reliability, QueryError> {
        let counts =
            NeighborLists::of(self, neighbors, progress).map(|lists| Reliability::count(self, &lists, neighbors));
        self.unless_outdated(counts)
    }
}
