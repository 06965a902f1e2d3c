//! The votes and prunings of the paper, and how results name them.

use serde::{Deserialize, Serialize};
use vismem::{Pruning, Vote};

/// The paper's four votes with its parameters, in the order of its tables.
pub const VOTES: [Vote; 4] = [Vote::Plurality, Vote::DISTANCE, Vote::SOFTMAX, Vote::RANK];

/// A vote by its name and parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// `plurality`, `distance`, `softmax` or `rank`.
    pub vote: String,
    /// ξ of distance, τ of softmax, α of rank; `None` for plurality.
    pub parameter: Option<f64>,
}

impl Rule {
    /// The vote and who votes, in words: `rank voting of 20 neighbours`.
    pub fn of(&self, k: usize) -> String {
        format!("{} voting of {k} neighbour{}", self.vote, if k == 1 { "" } else { "s" })
    }
}

impl From<Vote> for Rule {
    fn from(vote: Vote) -> Self {
        let (name, parameter) = match vote {
            Vote::Plurality => ("plurality", None),
            Vote::Distance { xi } => ("distance", Some(xi)),
            Vote::Softmax { tau } => ("softmax", Some(tau)),
            Vote::Rank { alpha } => ("rank", Some(alpha)),
        };
        Self { vote: name.into(), parameter }
    }
}

/// Which pruning a result is under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrunedBy {
    /// Every exemplar counts as it is.
    None,
    /// Exemplars that were wrong neighbours count less.
    Soft,
    /// Exemplars that were wrong neighbours often do not vote.
    Hard,
}

impl PrunedBy {
    pub(crate) fn of(pruning: Option<&Pruning>) -> Self {
        match pruning {
            None => Self::None,
            Some(Pruning::Soft { .. }) => Self::Soft,
            Some(Pruning::Hard { .. }) => Self::Hard,
        }
    }

    /// As it is written in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Soft => "soft",
            Self::Hard => "hard",
        }
    }
}
