//! Decisions as JSON and as text.

use serde::Serialize;
use vismem::{ClassifyOptions, Decision};

/// A decision as `--format json` shows it; see docs/json.md.
#[derive(Serialize)]
pub struct Document {
    pub label: String,
    pub confidence: f64,
    labels: Vec<Label>,
    neighbors: Vec<Neighbor>,
    hidden: usize,
    novelty: Option<f64>,
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
            votes_for: options.level.is_some().then(|| voter.votes_for.clone()),
            source: voter.source.as_ref().map(ToString::to_string),
            distance: voter.distance,
            weight: voter.weight,
        };
        let label = |score: &vismem::LabelScore| Label { label: score.label.clone(), score: score.score };
        Self {
            label: decision.label().to_owned(),
            confidence: decision.confidence(),
            labels: decision.labels.iter().map(label).collect(),
            neighbors: decision.neighbors.iter().map(neighbor).collect(),
            hidden: decision.hidden,
            novelty: decision.novelty,
        }
    }

    /// One line for people.
    pub fn in_short(&self) -> String {
        let unlike = self.novelty.filter(|novelty| *novelty >= UNLIKE);
        let remark = unlike.map_or(String::new(), |_| "  (unlike anything in the memory)".to_owned());
        format!("{}  {:.0} %{remark}", self.label, 100.0 * self.confidence)
    }
}

/// Novelty, in percent, from which people are warned.
const UNLIKE: f64 = 95.0;
