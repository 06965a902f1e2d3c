//! Influence: which exemplars a decision hangs on.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use vismem_search::{Filter, MAX_K, Neighbor};

use crate::decide::kernel_flip::greedy_flip;
use crate::decide::smallest_flip::Neighborhood;
use crate::error::Result;
use crate::store::unit::unit;
use crate::{ClassifyOptions, Decision, Memory, QueryError};

/// The most exemplars that are left out in search of another answer.
const MOST: usize = 1000;

/// A set of exemplars whose absence changes an answer: the smallest one, but for kernel voting, where it is found greedily.
/// Serialised, it says the `label`, `confidence` and `probability` of that other answer, `without`, the ids, and `smallest`.
#[derive(Debug, Clone, PartialEq)]
pub struct Flip {
    /// Their ids, the nearest to the query first. Where several sets are as small, the one that changes the answer most
    /// clearly.
    pub exemplars: Vec<u64>,
    /// Whether it is proved that no smaller set changes the answer. Where it is not, none of the set can be left out.
    pub is_smallest: bool,
    /// The decision without them.
    pub decision: Decision,
}

impl Serialize for Flip {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut flip = serializer.serialize_struct("Flip", 5)?;
        flip.serialize_field("label", self.decision.label())?;
        flip.serialize_field("confidence", &self.decision.confidence())?;
        flip.serialize_field("probability", &self.decision.probability())?;
        flip.serialize_field("without", &self.exemplars)?;
        flip.serialize_field("smallest", &self.is_smallest)?;
        flip.end()
    }
}

impl Memory {
    /// The smallest set of exemplars (for kernel voting one that is found greedily and verified) without which the answer to this query, at the level at which it is decided, would
    /// be another one. `None` if there is none of at most 1,000 exemplars, or of 10,000 − `k` for a greater `k`.
    ///
    /// Exemplars come from the search that the options ask for: those of the answer, and in the place of those that are
    /// left out the next ones that such a search for more neighbours finds. Where it is not exact, it may miss some.
    ///
    /// # Errors
    /// As [`Memory::classify`] of one embedding.
    pub fn smallest_flip(&self, embedding: &[f32], options: &ClassifyOptions) -> Result<Option<Flip>, QueryError> {
        let query = unit(0, embedding, self.encoder().dim)?;
        let allowed = self.allowed(options)?;
        let filter = Filter { allowed: allowed.as_ref(), except: None };
        let decision = self.decisions(&query, filter, options)?.remove(0);
        // At the level of the answer, however it was chosen.
        let options =
            ClassifyOptions { level: decision.level, min_confidence: None, coverage: None, ..options.clone() };
        let decider = self.decider(&options)?;
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
            let candidates = self.candidates(&found)?;
            let (names, standings) = (decider.names(&candidates), decider.standings(&candidates));
            let neighborhood = Neighborhood::new(options.vote, options.k, names.clone(), standings.clone());
            let is_smallest = neighborhood.is_some();
            let gone = match neighborhood {
                Some(neighborhood) => neighborhood.smallest_flip(absences),
                None => greedy_flip(&decider.voting(&query, &candidates), options.k, &names, &standings, absences),
            };
            self.check_commit()?;
            if let Some(gone) = gone {
                let stays = |position: &usize| gone.binary_search(position).is_err();
                let kept = (0..found.len()).filter(stays).take(options.k).map(|position| found[position]);
                let kept: Vec<Neighbor> = kept.collect();
                let exemplars = gone.iter().map(|&position| found[position].id).collect();
                let decided = self.decide(&decider, &query, &[kept])?.remove(0);
                let decision = Decision { recall: decision.recall, ..decided };
                return Ok(Some(Flip { exemplars, is_smallest, decision }));
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
