//! What a memory says of a query, and why.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::Source;

/// What the memory says of a query, and why. Serialised, it says `label`, `confidence` and `probability` besides.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Every label that was voted for, best first. Never empty.
    pub labels: Vec<LabelScore>,
    /// The level that it was decided at; `None` for the labels themselves.
    pub level: Option<String>,
    /// The winner and what it is called further up, to the highest level, each with its share of the vote.
    pub lineage: Vec<Step>,
    /// Whether the winner is as sure as was asked for.
    pub confident: bool,
    /// What says how sure it is.
    pub confident_by: Sureness,
    /// Labels without exemplars that the taxonomy puts under the winner: nobody can vote for them, so that the query may
    /// well be one of them. Empty where labels themselves were decided.
    pub unseen: Vec<String>,
    /// The labels that hold the right one as often as was asked for; `None` where that was not.
    pub set: Option<LabelSet>,
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
    /// How probable it is there, 0..=1; `None` where the memory is not calibrated for the question.
    pub probability: Option<f64>,
}

/// What says how sure a decision is: what [`crate::ClassifyOptions::min_confidence`] is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sureness {
    /// The winner's share of the vote.
    Confidence,
    /// How probable the winner is, see [`crate::Calibration`].
    Probability,
}

/// Labels of which one is the right one as often as was asked for (conformal prediction), see [`crate::Calibration`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelSet {
    /// How often the right label is to be among them, 0..=1.
    pub coverage: f64,
    /// The labels, or names at the level that was decided at, the most probable first. Empty where none is probable enough.
    pub labels: Vec<String>,
    /// Whether these are all that the memory has, because no smaller set is known to have this coverage.
    #[serde(rename = "everything")]
    pub is_everything: bool,
}

/// A label and its part of the vote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelScore {
    /// The label, or its name at the level that was decided at.
    pub label: String,
    /// Its share of all scores above zero, 0..=1. Scores are sums of weights; in kernel voting one can be negative, and its
    /// share is 0.
    pub score: f64,
    /// How probable it is that this is the right one, 0..=1; `None` where the memory is not calibrated for the question.
    pub probability: Option<f64>,
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

    /// How probable it is that the winner is right, 0..=1; `None` where the memory is not calibrated for the question.
    pub fn probability(&self) -> Option<f64> {
        self.labels.first()?.probability
    }

    /// How sure the decision is, 0..=1: its probability where that is known, else its confidence.
    pub fn sureness(&self) -> f64 {
        self.probability().unwrap_or(self.confidence())
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
        let Self { labels, level, lineage, confident, confident_by, unseen, set, neighbors, hidden, novelty, recall } =
            self;
        let mut decision = serializer.serialize_struct("Decision", 14)?;
        decision.serialize_field("label", self.label())?;
        decision.serialize_field("confidence", &self.confidence())?;
        decision.serialize_field("probability", &self.probability())?;
        decision.serialize_field("level", level)?;
        decision.serialize_field("lineage", lineage)?;
        decision.serialize_field("confident", confident)?;
        decision.serialize_field("confident_by", confident_by)?;
        decision.serialize_field("unseen", unseen)?;
        decision.serialize_field("labels", labels)?;
        decision.serialize_field("set", set)?;
        decision.serialize_field("neighbors", neighbors)?;
        decision.serialize_field("hidden", hidden)?;
        decision.serialize_field("novelty", novelty)?;
        decision.serialize_field("recall", recall)?;
        decision.end()
    }
}
