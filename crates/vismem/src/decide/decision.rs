//! What a memory says of a query, and why.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::Source;

/// What the memory says of a query, and why. Serialised, it says `label` and `confidence` besides.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Every label that was voted for, best first. Never empty.
    pub labels: Vec<LabelScore>,
    /// The level that it was decided at; `None` for the labels themselves.
    pub level: Option<String>,
    /// The winner and what it is called further up, to the highest level, each with its share of the vote.
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
    /// How unlike everything in the memory the query is: the share of exemplars (of up to 512), in percent (0..=100), that have a
    /// nearer neighbour than the query has. `None` where there are not two exemplars to measure by.
    pub novelty: Option<f64>,
    /// The share of the nearest exemplars that such a search finds on average, 0.5..=1: 1 where it was exact.
    pub recall: f64,
}

/// A name on the way up from a decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The level; `None` for the label itself.
    pub level: Option<String>,
    /// The name there.
    #[serde(rename = "label")]
    pub name: String,
    /// Its share of the vote there, 0..=1.
    pub confidence: f64,
}

/// A label and its part of the vote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelScore {
    /// The label, or its name at the level that was decided at.
    pub label: String,
    /// Its share of all scores above zero, 0..=1. Scores are sums of weights; in kernel voting one can be negative, and its
    /// share is 0.
    pub score: f64,
}

/// A neighbour and its vote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Voter {
    /// Id of the exemplar.
    pub id: u64,
    /// The exemplar's own label.
    pub label: String,
    /// The label's name at the level that was decided at, for which it voted; `None` where that is the label itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub votes_for: Option<String>,
    /// Where it came from.
    pub source: Option<Source>,
    /// Cosine distance to the query, 0..=2.
    pub distance: f32,
    /// Weight of its vote, as the rule gives it; below zero where it speaks against its label, as in kernel voting it can.
    pub weight: f64,
    /// Its weight in proportion to the sum of all scores above zero; within 0..=1 but in kernel voting.
    #[serde(skip)]
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

impl Voter {
    /// What it voted for: its label, or the label's name at the level that was decided at.
    pub fn vote(&self) -> &str {
        self.votes_for.as_ref().unwrap_or(&self.label)
    }
}

impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { labels, level, lineage, confident, unseen, neighbors, hidden, novelty, recall } = self;
        let mut decision = serializer.serialize_struct("Decision", 11)?;
        decision.serialize_field("label", self.label())?;
        decision.serialize_field("confidence", &self.confidence())?;
        decision.serialize_field("level", level)?;
        decision.serialize_field("lineage", lineage)?;
        decision.serialize_field("confident", confident)?;
        decision.serialize_field("unseen", unseen)?;
        decision.serialize_field("labels", labels)?;
        decision.serialize_field("neighbors", neighbors)?;
        decision.serialize_field("hidden", hidden)?;
        decision.serialize_field("novelty", novelty)?;
        decision.serialize_field("recall", recall)?;
        decision.end()
    }
}
