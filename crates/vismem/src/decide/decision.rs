//! Classifying: neighbours vote, and the decision says who voted how.

use std::collections::HashSet;

use vismem_search::{Filter, SlotSet};

use crate::decide::panel::Panel;
use crate::store::unit::unit;
use crate::{Error, Memory, Result, Search, Source, Vote};

/// How to classify.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifyOptions {
    /// How many neighbours vote, 1..=10,000; all of them where the memory holds fewer.
    pub k: usize,
    /// How much each of them counts.
    pub vote: Vote,
    /// The taxonomy's level to decide at; `None` for the labels themselves.
    pub level: Option<String>,
    /// Decide at `level` only if the winner's share of all weights, 0..=1, is at least this; else at the next level up at
    /// which it is, at last at the highest.
    pub min_confidence: Option<f64>,
    /// What if only these were there: see [`Memory::only`] and [`Memory::without`]. `None` for all exemplars.
    pub among: Option<SlotSet>,
    /// What if a label's exemplars counted more or less: their votes are multiplied by this, 0..=1e6. Labels that are
    /// not named count as they do.
    pub weights: Vec<(String, f64)>,
    /// How the neighbours are searched for.
    pub search: Search,
}

impl Default for ClassifyOptions {
    /// 20 neighbours, found exactly, rank voting, labels themselves, all that is there.
    fn default() -> Self {
        Self {
            k: 20,
            vote: Vote::default(),
            level: None,
            min_confidence: None,
            among: None,
            weights: Vec::new(),
            search: Search::Exact,
        }
    }
}

/// What the memory says of a query, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Every label that was voted for, best first. Never empty.
    pub labels: Vec<LabelScore>,
    /// The level that it was decided at; `None` for the labels themselves.
    pub level: Option<String>,
    /// The winner and what it is called further up, to the highest level, each with its share of all weights.
    pub lineage: Vec<Step>,
    /// Whether the confidence is as high as was asked for.
    pub confident: bool,
    /// Labels without exemplars that the taxonomy puts under the winner: nobody can vote for them, so that the query may
    /// well be one of them. Empty where labels themselves were decided.
    pub unseen: Vec<String>,
    /// The neighbours that voted, nearest first.
    pub neighbors: Vec<Voter>,
    /// How many of the `k` nearest exemplars pruning hides. They did not vote, unless all of them are hidden.
    pub hidden: usize,
    /// How unlike everything in the memory the query is: the share of exemplars, in percent (0..=100), that have a
    /// nearer neighbour than the query has. `None` where there are not two exemplars to measure by.
    pub novelty: Option<f64>,
    /// The share of the nearest exemplars that such a search finds on average, 0.5..=1: 1 where it was exact.
    pub recall: f64,
}

/// A name on the way up from a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The level; `None` for the label itself.
    pub level: Option<String>,
    /// The name there.
    pub name: String,
    /// The share of all weights, 0..=1, that votes for it.
    pub confidence: f64,
}

/// A label and its part of the vote.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelScore {
    /// The label, or its name at the level that was asked for.
    pub label: String,
    /// Its share of all weights, 0..=1.
    pub score: f64,
}

/// A neighbour and its vote.
#[derive(Debug, Clone, PartialEq)]
pub struct Voter {
    /// Id of the exemplar.
    pub id: u64,
    /// The exemplar's own label.
    pub label: String,
    /// What it voted for: its label, or the label's name at the level that was asked for.
    pub votes_for: String,
    /// Where it came from.
    pub source: Option<Source>,
    /// Cosine distance to the query, 0..=2.
    pub distance: f32,
    /// Weight of its vote, as the rule gives it.
    pub weight: f64,
    /// Its share of all weights, 0..=1.
    pub share: f64,
}

impl Decision {
    /// The label that won.
    pub fn label(&self) -> &str {
        self.labels.first().map_or("", |winner| &winner.label)
    }

    /// The winner's share of the vote, 0..=1.
    pub fn confidence(&self) -> f64 {
        self.labels.first().map_or(0.0, |winner| winner.score)
    }
}

impl Memory {
    /// Classifies a batch of embeddings: `Q × D` values, brought to unit length here.
    ///
    /// # Errors
    /// When the memory is empty, an embedding is unusable, or an option is out of range.
    pub fn classify(&self, embeddings: &[f32], options: &ClassifyOptions) -> Result<Vec<Decision>> {
        let dim = self.encoder().dim;
        let mut queries = Vec::with_capacity(embeddings.len());
        for (index, embedding) in embeddings.chunks(dim).enumerate() {
            queries.extend_from_slice(&unit(index, embedding, dim)?);
        }
        self.decisions(&queries, Filter::default(), options)
    }

    /// Classifies exemplars, each without itself (leave-one-out).
    ///
    /// # Errors
    /// When there is no exemplar of an id or none but it, or an option is out of range.
    pub fn classify_exemplars(&self, ids: &[u64], options: &ClassifyOptions) -> Result<Vec<Decision>> {
        if self.len() < 2 {
            return Err(Error::TooFewExemplars { path: self.path().into() });
        }
        let queries = self.embeddings(ids)?;
        self.decisions(&queries, Filter { allowed: None, except: Some(ids) }, options)
    }

    fn decisions(&self, queries: &[f32], filter: Filter<'_>, options: &ClassifyOptions) -> Result<Vec<Decision>> {
        if self.is_empty() {
            return Err(Error::Empty { path: self.path().into() });
        }
        let panel = Panel::of(self, options)?;
        if let Some(among) = &options.among
            && !(0..self.slots.ids.len()).any(|slot| among.contains(slot) && !self.is_free(slot))
        {
            return Err(Error::NothingLeft { path: self.path().into() });
        }
        let filter = Filter { allowed: options.among.as_ref(), ..filter };
        let found = self.neighbors_by(options.search, queries, options.k, filter)?;
        let recall = self.expected_recall(options.search, options.k)?;
        found.iter().map(|neighbors| Ok(Decision { recall, ..panel.decide(neighbors)? })).collect()
    }

    /// The slots of these exemplars alone, for [`ClassifyOptions::among`]. Ids that are not there do not matter.
    pub fn only(&self, ids: &[u64]) -> SlotSet {
        let ids: HashSet<u64> = ids.iter().copied().collect();
        (0..self.slots.ids.len()).filter(|&slot| ids.contains(&self.slots.ids[slot])).collect()
    }

    /// The slots of all exemplars but these, for [`ClassifyOptions::among`].
    pub fn without(&self, ids: &[u64]) -> SlotSet {
        let ids: HashSet<u64> = ids.iter().copied().collect();
        (0..self.slots.ids.len()).filter(|&slot| !ids.contains(&self.slots.ids[slot])).collect()
    }
}
