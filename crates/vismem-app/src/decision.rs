//! Decisions beside what they would be without a what-if.

use serde::Serialize;
use vismem::{Decision, LabelSet};

/// A decision, beside what it would be without the what-if.
#[derive(Debug, Serialize)]
pub struct Decided {
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
    /// What it would be; `None` if that was not asked.
    pub before: Option<Before>,
}

/// What a decision would be without the what-if.
#[derive(Debug, Serialize)]
pub struct Before {
    /// The label.
    pub label: String,
    /// Its share of the vote, 0 to 1.
    pub confidence: f64,
    /// How probable it is, 0 to 1; `None` where the memory is not calibrated for the question.
    pub probability: Option<f64>,
}

impl From<&Decision> for Before {
    fn from(decision: &Decision) -> Self {
        Self {
            label: decision.label().to_owned(),
            confidence: decision.confidence(),
            probability: decision.probability(),
        }
    }
}

/// A set of labels as a part of a sentence.
pub fn set_in_words(set: &LabelSet) -> String {
    let share = 100.0 * set.coverage;
    match &set.labels[..] {
        labels if set.is_everything => {
            format!("any of all {}: no fewer are known to hold the right one in {share} %", labels.len())
        }
        [] => "none is likely enough".to_owned(),
        labels => format!("one of: {}", labels.join(", ")),
    }
}

/// The first of many labels.
pub fn some_of(labels: &[String]) -> String {
    const SHOWN: usize = 5;
    let first = labels.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if labels.len() > SHOWN { format!("{first} or {} more", labels.len() - SHOWN) } else { first }
}
