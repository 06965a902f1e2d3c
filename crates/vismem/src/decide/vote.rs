//! Which vote: how much each neighbour counts.

use serde::{Serialize, Serializer};

use vismem_search::MAX_K;

use crate::error::Result;
use crate::{ParameterError, QueryError};

/// The most neighbours that kernel voting takes: their distances among each other fill 16 MB, and so do the equations.
const MOST_KERNEL_VOTERS: usize = 2000;

/// How much each neighbour counts (index i from 0, distance d = 1 − cos): the four votes of the paper (section 3.1 and
/// appendix B), and kernel voting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Vote {
    /// Every neighbour counts 1.
    Plurality,
    /// exp(−d)^ξ.
    Distance {
        /// 0 ≤ ξ ≤ 100; the paper uses 1. Beyond that weights vanish in f64.
        xi: f64,
    },
    /// exp((1 − d) / τ); only ratios matter.
    Softmax {
        /// τ ≥ 0.002; the paper uses 0.07. Below that weights overflow f64.
        tau: f64,
    },
    /// 1 / (α + i): the paper's proposal. It gains with growing k, then stays flat.
    Rank {
        /// α ≥ 1e-9; the paper uses 2. Much below that weights overflow f64.
        alpha: f64,
    },
    /// The weights w that solve (K + λI) w = κ, where K = exp(−γ d) between the neighbours and κ = exp(−γ d) to the query:
    /// kernel ridge regression of the labels on the neighbours alone. Neighbours that are alike share one vote, and a
    /// weight can be negative. Close relatives are SVM-KNN (Zhang et al., CVPR 2006) and the weights of simple kriging.
    Kernel {
        /// 0 ≤ γ ≤ 300: how fast likeness falls with distance. Beyond that it vanishes in f64.
        gamma: f64,
        /// 1e-6 ≤ λ ≤ 1e6: how little single neighbours are trusted. The greater, the more alike all weights.
        lambda: f64,
    },
}

impl Default for Vote {
    /// Kernel voting, which is right more often than the paper's votes on most data (docs/votes.md).
    fn default() -> Self {
        Self::KERNEL
    }
}

impl Vote {
    /// Distance voting with the paper's ξ = 1.
    pub const DISTANCE: Self = Self::Distance { xi: 1.0 };
    /// Softmax voting with the paper's τ = 0.07.
    pub const SOFTMAX: Self = Self::Softmax { tau: 0.07 };
    /// Rank voting with the paper's α = 2.
    pub const RANK: Self = Self::Rank { alpha: 2.0 };
    /// Kernel voting with γ = 2 and λ = 0.1.
    pub const KERNEL: Self = Self::Kernel { gamma: 2.0, lambda: 0.1 };

    /// The vote itself, once its parameter is known to make sense.
    ///
    /// # Errors
    /// When the parameter is out of range.
    pub fn checked(self) -> Result<Self, ParameterError> {
        let (name, value, fits, range) = match self {
            Self::Plurality => return Ok(self),
            Self::Kernel { gamma, .. } if !(0.0..=300.0).contains(&gamma) => {
                ("γ", gamma, false, "must be within 0..=300")
            }
            Self::Kernel { lambda, .. } => ("λ", lambda, (1e-6..=1e6).contains(&lambda), "must be within 1e-6..=1e6"),
            Self::Distance { xi } => ("ξ", xi, (0.0..=100.0).contains(&xi), "must be within 0..=100"),
            Self::Softmax { tau } => ("τ", tau, tau >= 0.002, "must be at least 0.002"),
            Self::Rank { alpha } => ("α", alpha, alpha >= 1e-9, "must be at least 1e-9"),
        };
        if fits && value.is_finite() { Ok(self) } else { Err(ParameterError { name, value, range }) }
    }

    /// How many neighbours can vote at most.
    pub fn most_neighbors(self) -> usize {
        if matches!(self, Self::Kernel { .. }) { MOST_KERNEL_VOTERS } else { MAX_K }
    }

    /// The vote itself, once it is known to make sense with so many neighbours: 1..=10,000, in kernel voting 1..=2,000.
    ///
    /// # Errors
    /// When `k` or the parameter is out of range.
    pub fn checked_for(self, k: usize) -> Result<Self, QueryError> {
        if !(1..=MAX_K).contains(&k) {
            return Err(vismem_search::Error::K { k }.into());
        }
        if k > self.most_neighbors() {
            let range = "must be within 1..=2000 for kernel voting; others take up to 10000";
            return Err(ParameterError { name: "k", value: k as f64, range }.into());
        }
        Ok(self.checked()?)
    }

    /// The weight of the neighbour at `rank` (from 0) and cosine `distance` (0..=2); `None` for kernel voting, where it
    /// depends on the other neighbours as well (see [`crate::Voting`]).
    pub fn weight(self, rank: usize, distance: f64) -> Option<f64> {
        Some(match self {
            Self::Plurality => 1.0,
            Self::Distance { xi } => (-distance).exp().powf(xi),
            Self::Softmax { tau } => ((1.0 - distance) / tau).exp(),
            Self::Rank { alpha } => 1.0 / (alpha + rank as f64),
            Self::Kernel { .. } => return None,
        })
    }
}

impl std::fmt::Display for Vote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plurality => write!(f, "plurality"),
            Self::Distance { xi } => write!(f, "distance (ξ = {xi})"),
            Self::Softmax { tau } => write!(f, "softmax (τ = {tau})"),
            Self::Rank { alpha } => write!(f, "rank (α = {alpha})"),
            Self::Kernel { gamma, lambda } => write!(f, "kernel (γ = {gamma}, λ = {lambda})"),
        }
    }
}

/// As results show it: the rule with its parameter, such as `rank (α = 2)`.
impl Serialize for Vote {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_the_paper() {
        let weight = |vote: Vote, rank, distance| vote.weight(rank, distance).unwrap();
        assert_eq!(weight(Vote::Plurality, 3, 0.7), 1.0);
        assert!((weight(Vote::DISTANCE, 3, 0.7) - 0.496_585_303_791_409_5).abs() < 1e-15);
        assert!((weight(Vote::Distance { xi: 2.0 }, 0, 0.7) - 0.246_596_963_941_606_5).abs() < 1e-15);
        assert!((weight(Vote::SOFTMAX, 0, 0.93) - std::f64::consts::E).abs() < 1e-12);
        assert_eq!(weight(Vote::RANK, 3, 0.7), 0.2);
        assert_eq!(Vote::KERNEL.weight(3, 0.7), None);
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        for vote in [
            Vote::Distance { xi: -1.0 },
            Vote::Softmax { tau: 0.0 },
            Vote::Softmax { tau: f64::NAN },
            Vote::Rank { alpha: 0.0 },
            Vote::Rank { alpha: 1e-310 },
            Vote::Rank { alpha: f64::INFINITY },
            Vote::Kernel { gamma: -1.0, lambda: 0.1 },
            Vote::Kernel { gamma: f64::NAN, lambda: 0.1 },
            Vote::Kernel { gamma: 301.0, lambda: 0.1 },
            Vote::Kernel { gamma: 2.0, lambda: 0.0 },
            Vote::Kernel { gamma: 2.0, lambda: f64::INFINITY },
        ] {
            assert!(vote.checked().is_err(), "{vote}");
        }
        assert!(Vote::Softmax { tau: 0.002 }.checked().is_ok());
        assert!(Vote::Kernel { gamma: 0.0, lambda: 1e-6 }.checked().is_ok());
        assert!(Vote::RANK.checked_for(10_000).is_ok() && Vote::RANK.checked_for(10_001).is_err());
        assert!(Vote::KERNEL.checked_for(2000).is_ok() && Vote::KERNEL.checked_for(2001).is_err());
    }
}
