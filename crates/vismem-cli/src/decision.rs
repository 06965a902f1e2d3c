//! Decisions as JSON and as text.

use serde::Serialize;
use vismem::{ClassifyOptions, Decision};

use crate::output;

/// A decision as `--format json` shows it, beside what it would be without the what-if; see docs/json.md.
#[derive(Serialize)]
pub struct Document {
    #[serde(flatten)]
    decision: Decision,
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

impl Document {
    pub fn new(decision: Decision, options: &ClassifyOptions) -> Self {
        Self { decision, before: None, level_is_open: options.min_confidence.is_some() }
    }

    /// The same, with what it was before the what-if.
    pub fn changed_from(self, before: Option<Before>) -> Self {
        Self { before, ..self }
    }

    /// One line for people.
    pub fn in_short(&self) -> String {
        let decision = &self.decision;
        let mut line = format!("{}  {:.0} %", decision.label(), 100.0 * decision.confidence());
        if let Some(Before { label, confidence }) = &self.before {
            line += &format!("  (was {label}  {:.0} %)", 100.0 * confidence);
        }
        if let Some(level) = decision.level.as_ref().filter(|_| self.level_is_open) {
            line += &format!("  ({level})");
        }
        if !decision.confident {
            line += "  (less confident than asked for)";
        }
        if decision.hidden > 0 {
            line += &format!("  ({} hidden)", output::counted(decision.hidden, "neighbour"));
        }
        if !decision.unseen.is_empty() {
            line += &format!("  (may be {}: no exemplar yet)", some_of(&decision.unseen));
        }
        if decision.novelty.is_some_and(|novelty| novelty >= UNLIKE) {
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
