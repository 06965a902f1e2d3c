//! Influence: which exemplars a decision hangs on.

use vismem_search::{Filter, MAX_K, Neighbor};

use crate::panel::Panel;
use crate::smallest_flip::Neighborhood;
use crate::unit::unit;
use crate::{ClassifyOptions, Decision, Memory, Result};

/// The most exemplars that are left out in search of another answer.
const MOST: usize = 1000;

/// The smallest set of exemplars whose absence changes an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Flip {
    /// Their ids, the nearest to the query first. Where several sets are as small, the one that changes the answer most
    /// clearly.
    pub exemplars: Vec<u64>,
    /// The decision without them.
    pub decision: Decision,
}

impl Memory {
    /// The smallest set of exemplars without which the answer to this query, at the level at which it is decided, would
    /// be another one. `None` if there is none of at most 1,000 exemplars, or of 10,000 − `k` for a greater `k`.
    ///
    /// Exemplars come from the search that the options ask for: those of the answer, and in the place of those that are
    /// left out the next ones that such a search for more neighbours finds. Where it is not exact, it may miss some.
    ///
    /// # Errors
    /// As [`Memory::classify`] of one embedding.
    pub fn smallest_flip(&self, embedding: &[f32], options: &ClassifyOptions) -> Result<Option<Flip>> {
        let decision = self.classify(embedding, options)?.remove(0);
        // At the level of the answer, however it was chosen.
        let options = ClassifyOptions { level: decision.level, min_confidence: None, ..options.clone() };
        let panel = Panel::of(self, &options)?;
        let query = unit(0, embedding, self.encoder().dim)?;
        let filter = Filter { allowed: options.among.as_ref(), except: None };
        let search = |k| self.neighbors_by(options.search, &query, k, filter).map(|found| found.concat());
        let voters = search(options.k)?;
        let most = MOST.min(MAX_K - options.k);
        let mut bound = 8.min(most);
        loop {
            let more = search(options.k + bound)?;
            let all_are_here = more.len() < options.k + bound;
            let found = followed_by(voters.clone(), &more);
            // With more of them gone, others than these would vote.
            let absences = if all_are_here { bound } else { found.len().saturating_sub(options.k) };
            let neighborhood = Neighborhood::new(options.vote, options.k, panel.names(&found), panel.standings(&found));
            if let Some(gone) = neighborhood.smallest_flip(absences) {
                let stays = |position: &usize| gone.binary_search(position).is_err();
                let kept = (0..found.len()).filter(stays).take(options.k).map(|position| found[position]);
                let kept: Vec<Neighbor> = kept.collect();
                let exemplars = gone.iter().map(|&position| found[position].id).collect();
                let decision = Decision { recall: decision.recall, ..panel.decide(&kept)? };
                return Ok(Some(Flip { exemplars, decision }));
            }
            if bound == most || all_are_here {
                return Ok(None);
            }
            bound = (bound * 8).min(most);
        }
    }
}

/// Neighbours, and those of a further search that come after the last of them. A search for more neighbours that is not
/// exact can find some that one for fewer has missed.
fn followed_by(mut found: Vec<Neighbor>, more: &[Neighbor]) -> Vec<Neighbor> {
    if let Some(&last) = found.last() {
        let is_farther = |neighbor: &&Neighbor| (neighbor.distance, neighbor.id) > (last.distance, last.id);
        found.extend(more.iter().filter(is_farther));
    }
    found
}
