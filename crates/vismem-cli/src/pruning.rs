//! Prunings as JSON.

use serde::Serialize;
use vismem::{Pruning, Threshold};

/// A pruning as `--format json` shows it; see docs/json.md.
#[derive(Serialize)]
pub struct Document {
    kind: &'static str,
    neighbors: usize,
    votes: Option<u32>,
    share: Option<f64>,
    c: Option<f64>,
    d: Option<f64>,
    /// One line for people.
    #[serde(skip)]
    pub in_short: String,
}

impl Document {
    pub fn new(pruning: &Pruning) -> Self {
        let (kind, votes, share, c, d) = match *pruning {
            Pruning::Hard { threshold: Threshold::Votes(votes), .. } => ("hard", Some(votes), None, None, None),
            Pruning::Hard { threshold: Threshold::Share(share), .. } => ("hard", None, Some(share), None, None),
            Pruning::Soft { c, d, .. } => ("soft", None, None, Some(c), Some(d)),
        };
        Self { kind, neighbors: pruning.neighbors(), votes, share, c, d, in_short: pruning.to_string() }
    }

    pub fn is_hard(&self) -> bool {
        self.kind == "hard"
    }
}
