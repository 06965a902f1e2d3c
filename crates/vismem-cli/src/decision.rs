//! Decisions as text.

use vismem::ClassifyOptions;
use vismem_app::decision::{Before, Decided, some_of};

use crate::output;

/// Novelty, in percent, from which people are warned.
const UNLIKE: f64 = 95.0;

/// One line for people.
pub fn in_short(decided: &Decided, options: &ClassifyOptions) -> String {
    let Decided { decision, before } = decided;
    // Weights can take all votes away.
    let is_nobody = decision.neighbors.iter().all(|neighbor| neighbor.weight == 0.0);
    let mut line = match is_nobody {
        true => "no answer: no vote counts".to_owned(),
        false => format!("{}  {:.0} %", decision.label(), 100.0 * decision.confidence()),
    };
    if let Some(Before { label, confidence }) = before {
        line += &format!("  (was {label}  {:.0} %)", 100.0 * confidence);
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
