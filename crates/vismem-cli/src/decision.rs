//! Decisions as JSON and as text.

use serde::Serialize;
use vismem::{ClassifyOptions, Decision};

use crate::output;

/// A decision as `--format json` shows it; see docs/json.md.
#[derive(Serialize)]
pub struct Document {
    pub label: String,
    pub confidence: f64,
    level: Option<String>,
    lineage: Vec<Step>,
    confident: bool,
    unseen: Vec<String>,
    labels: Vec<Label>,
    neighbors: Vec<Neighbor>,
    hidden: usize,
    novelty: Option<f64>,
    recall: f64,
    before: Option<Before>,
    /// Whether the level was left to the memory.
    #[serde(skip)]
    level_is_open: bool,
}

/// What a decision would be without the what-if.
#[derive(Serialize)]
pub struct Before {
    label: String,
    confidence: f64,
}

impl Before {
    pub fn new(decision: &Decision) -> Self {
        Self { label: decision.label().to_owned(), confidence: decision.confidence() }
    }
}

#[derive(Serialize)]
struct Step {
    level: Option<String>,
    label: String,
    confidence: f64,
}

#[derive(Serialize)]
struct Label {
    label: String,
    score: f64,
}

#[derive(Serialize)]
struct Neighbor {
    id: u64,
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    votes_for: Option<String>,
    source: Option<String>,
    distance: f32,
    weight: f64,
}

impl Document {
    pub fn new(decision: &Decision, options: &ClassifyOptions) -> Self {
        let neighbor = |voter: &vismem::Voter| Neighbor {
            id: voter.id,
            label: voter.label.clone(),
            votes_for: decision.level.is_some().then(|| voter.votes_for.clone()),
            source: voter.source.as_ref().map(ToString::to_string),
            distance: voter.distance,
            weight: voter.weight,
        };
        let label = |score: &vismem::LabelScore| Label { label: score.label.clone(), score: score.score };
        let step = |step: &vismem::Step| Step {
            level: step.level.clone(),
            label: step.name.clone(),
            confidence: step.confidence,
        };
        Self {
            label: decision.label().to_owned(),
            confidence: decision.confidence(),
            level: decision.level.clone(),
            lineage: decision.lineage.iter().map(step).collect(),
            confident: decision.confident,
            unseen: decision.unseen.clone(),
            level_is_open: options.min_confidence.is_some(),
            labels: decision.labels.iter().map(label).collect(),
            neighbors: decision.neighbors.iter().map(neighbor).collect(),
            hidden: decision.hidden,
            novelty: decision.novelty,
            recall: decision.recall,
            before: None,
        }
    }

    /// The same, with what it was before the what-if.
    pub fn changed_from(self, before: Option<Before>) -> Self {
        Self { before, ..self }
    }

    /// One line for people.
    pub fn in_short(&self) -> String {
        let mut line = format!("{}  {:.0} %", self.label, 100.0 * self.confidence);
        if let Some(Before { label, confidence }) = &self.before {
            line += &format!("  (was {label}  {:.0} %)", 100.0 * confidence);
        }
        if let Some(level) = self.level.as_ref().filter(|_| self.level_is_open) {
            line += &format!("  ({level})");
        }
        if !self.confident {
            line += "  (less confident than asked for)";
        }
        if self.hidden > 0 {
            line += &format!("  ({} hidden)", output::counted(self.hidden, "neighbour"));
        }
        if !self.unseen.is_empty() {
            line += &format!("  (may be {}: no exemplar yet)", some_of(&self.unseen));
        }
        if self.novelty.is_some_and(|novelty| novelty >= UNLIKE) {
            line += "  (unlike anything in the memory)";
        }
        line
    }
}

/// The first of many labels.
pub fn some_of(labels: &[String]) -> String {
    const SHOWN: usize = 5;
    let first = labels.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if labels.len() > SHOWN { format!("{first} or {} more", labels.len() - SHOWN) } else { first }
}

/// Novelty, in percent, from which people are warned.
const UNLIKE: f64 = 95.0;
