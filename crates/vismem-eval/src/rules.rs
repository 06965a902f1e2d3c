//! The votes and prunings of the paper, and how results name them.

use serde::{Deserialize, Serialize};
use vismem::{Pruning, Vote};

/// The paper's four votes with its parameters, in the order of its tables.
pub const PAPERS_VOTES: [Vote; 4] = [Vote::Plurality, Vote::DISTANCE, Vote::SOFTMAX, Vote::RANK];

/// These and kernel voting.
pub const VOTES: [Vote; 5] = [Vote::Plurality, Vote::DISTANCE, Vote::SOFTMAX, Vote::RANK, Vote::KERNEL];

/// A vote by its name and parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// `plurality`, `distance`, `softmax`, `rank` or `kernel`.
    pub vote: String,
    /// ξ of distance, τ of softmax, α of rank; `None` for the others.
    pub parameter: Option<f64>,
    /// γ of kernel; `None` for the others.
    pub gamma: Option<f64>,
    /// λ of kernel; `None` for the others.
    pub lambda: Option<f64>,
}

impl Rule {
    /// As `vismem classify` takes it: `--vote rank --parameter 2`.
    pub fn options(&self) -> String {
        let option =
            |name: &str, value: Option<f64>| value.map_or_else(String::new, |value| format!(" --{name} {value}"));
        let own = [("parameter", self.parameter), ("gamma", self.gamma), ("lambda", self.lambda)];
        own.into_iter().fold(format!("--vote {}", self.vote), |options, (name, value)| options + &option(name, value))
    }

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
            Vote::Kernel { .. } => ("kernel", None),
        };
        let (gamma, lambda) = match vote {
            Vote::Kernel { gamma, lambda } => (Some(gamma), Some(lambda)),
            _ => (None, None),
        };
        Self { vote: name.into(), parameter, gamma, lambda }
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
