//! Decisions beside what they would be without a what-if.

use serde::Serialize;
use vismem::Decision;

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
}

impl From<&Decision> for Before {
    fn from(decision: &Decision) -> Self {
        Self { label: decision.label().to_owned(), confidence: decision.confidence() }
    }
}

/// The first of many labels.
pub fn some_of(labels: &[String]) -> String {
    const SHOWN: usize = 5;
    let first = labels.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if labels.len() > SHOWN { format!("{first} or {} more", labels.len() - SHOWN) } else { first }
}
