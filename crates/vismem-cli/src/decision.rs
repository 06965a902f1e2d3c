//! Decisions as text.

use vismem::ClassifyOptions;
use vismem_app::decision::{Before, Decided, set_in_words, some_of};

use crate::output;

/// Novelty, in percent, from which people are warned.
const UNLIKE: f64 = 95.0;

/// How probable an answer is, where that is known, else its share of the vote.
fn sureness(confidence: f64, probability: Option<f64>) -> String {
    match probability {
        Some(probability) => format!("{:.0} % probable", 100.0 * probability),
        None => format!("{:.0} %", 100.0 * confidence),
    }
}

/// One line for people.
pub fn in_short(decided: &Decided, options: &ClassifyOptions) -> String {
    let Decided { decision, before } = decided;
    // Weights can take all votes away.
    let is_nobody = decision.neighbors.iter().all(|neighbor| neighbor.weight == 0.0);
    let mut line = match is_nobody {
        true => "no answer: no vote counts".to_owned(),
        false => format!("{}  {}", decision.label(), sureness(decision.confidence(), decision.probability())),
    };
    if let Some(Before { label, confidence, probability }) = before {
        line += &format!("  (was {label}  {})", sureness(*confidence, *probability));
    }
    if let Some(set) = &decision.set {
        line += &format!("  ({})", set_in_words(set));
    }
    if let Some(level) = decision.level.as_ref().filter(|_| options.min_confidence.is_some()) {
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
