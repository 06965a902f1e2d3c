//! How much each neighbour counts, and who wins (paper, section 3.1 and appendix B).

use std::collections::HashMap;
use std::hash::Hash;

use serde::{Serialize, Serializer};

use crate::error::Result;
use crate::{ParameterError, Standing};

/// Up to so many labels are searched one by one, which takes less time than hashing.
const FEW: usize = 64;

/// How much each neighbour counts (paper, section 3.1 and appendix B; index i from 0, distance d = 1 − cos).
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
}

impl Default for Vote {
    fn default() -> Self {
        Self::RANK
    }
}

impl Vote {
    /// Distance voting with the paper's ξ = 1.
    pub const DISTANCE: Self = Self::Distance { xi: 1.0 };
    /// Softmax voting with the paper's τ = 0.07.
    pub const SOFTMAX: Self = Self::Softmax { tau: 0.07 };
    /// Rank voting with the paper's α = 2.
    pub const RANK: Self = Self::Rank { alpha: 2.0 };

    /// The vote itself, once its parameter is known to make sense.
    ///
    /// # Errors
    /// When the parameter is out of range.
    pub fn checked(self) -> Result<Self, ParameterError> {
        let (name, value, fits, range) = match self {
            Self::Plurality => return Ok(self),
            Self::Distance { xi } => ("ξ", xi, (0.0..=100.0).contains(&xi), "must be within 0..=100"),
            Self::Softmax { tau } => ("τ", tau, tau >= 0.002, "must be at least 0.002"),
            Self::Rank { alpha } => ("α", alpha, alpha >= 1e-9, "must be at least 1e-9"),
        };
        if fits && value.is_finite() { Ok(self) } else { Err(ParameterError { name, value, range }) }
    }

    /// The weight of the neighbour at `rank` (from 0) and cosine `distance` (0..=2).
    pub fn weight(self, rank: usize, distance: f64) -> f64 {
        match self {
            Self::Plurality => 1.0,
            Self::Distance { xi } => (-distance).exp().powf(xi),
            Self::Softmax { tau } => ((1.0 - distance) / tau).exp(),
            Self::Rank { alpha } => 1.0 / (alpha + rank as f64),
        }
    }
}

impl std::fmt::Display for Vote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plurality => write!(f, "plurality"),
            Self::Distance { xi } => write!(f, "distance (ξ = {xi})"),
            Self::Softmax { tau } => write!(f, "softmax (τ = {tau})"),
            Self::Rank { alpha } => write!(f, "rank (α = {alpha})"),
        }
    }
}

/// As results show it: the rule with its parameter, such as `rank (α = 2)`.
impl Serialize for Vote {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Scores are equal where they differ by less than this share of themselves. What is equal by the definition of a vote, such
/// as 1/2 + 1/12 and 1/3 + 1/4, is often not equal to the last digit of an f64; and nothing that is told apart by less
/// than this deserves to be.
const ROUNDING: f64 = 1e-12;

/// Whether a score is higher than another one by more than rounding.
fn exceeds(score: f64, other: f64) -> bool {
    score > other * (1.0 + ROUNDING)
}

/// The scores of a vote, built up neighbour by neighbour, nearest first. Counting a neighbour takes the same time
/// however many labels there are.
///
/// A tie goes to the label that reached the top score first; scores that differ by rounding alone are a tie.
#[derive(Debug, Clone)]
pub struct Tally<L> {
    scores: Vec<Score<L>>,
    /// Where in `scores` a label is; empty while there are only a few.
    positions: HashMap<L, usize>,
    seen: usize,
    winner: usize,
}

#[derive(Debug, Clone)]
struct Score<L> {
    label: L,
    sum: f64,
    /// What the sum was when it was last raised by more than rounding, and the position of the neighbour that did it.
    reached: (f64, usize),
}

impl<L> Default for Tally<L> {
    fn default() -> Self {
        Self { scores: Vec::new(), positions: HashMap::new(), seen: 0, winner: 0 }
    }
}

impl<L: Copy + Eq + Hash> Tally<L> {
    /// Counts one neighbour for `label` with `weight` ≥ 0.
    pub fn add(&mut self, label: L, weight: f64) {
        let position = self.position(label);
        let score = &mut self.scores[position];
        score.sum += weight;
        if exceeds(score.sum, score.reached.0) {
            score.reached = (score.sum, self.seen);
        }
        if exceeds(self.scores[position].sum, self.scores[self.winner].sum) {
            self.winner = position;
        }
        self.seen += 1;
    }

    /// Where in the scores the label is, from now on if it is new.
    fn position(&mut self, label: L) -> usize {
        let known = match self.positions.is_empty() {
            true => self.scores.iter().position(|known| known.label == label),
            false => self.positions.get(&label).copied(),
        };
        known.unwrap_or_else(|| {
            let position = self.scores.len();
            self.scores.push(Score { label, sum: 0.0, reached: (0.0, self.seen) });
            if !self.positions.is_empty() {
                self.positions.insert(label, position);
            } else if position == FEW {
                self.positions = self.scores.iter().map(|score| score.label).zip(0..).collect();
            }
            position
        })
    }

    /// The label that leads so far; `None` before the first neighbour.
    pub fn winner(&self) -> Option<L> {
        self.scores.get(self.winner).map(|score| score.label)
    }

    /// Sum of all weights.
    pub fn total(&self) -> f64 {
        self.scores.iter().map(|score| score.sum).sum()
    }

    /// All labels with their scores, best first: the winner leads.
    pub fn ranked(&self) -> Vec<(L, f64)> {
        let mut scores: Vec<(usize, &Score<L>)> = self.scores.iter().enumerate().collect();
        scores.sort_by(|(_, a), (_, b)| b.sum.total_cmp(&a.sum));
        for tied in scores.chunk_by_mut(|(_, a), (_, b)| !exceeds(a.sum, b.sum)) {
            tied.sort_by_key(|(position, score)| (*position != self.winner, score.reached.1));
        }
        scores.into_iter().map(|(_, score)| (score.label, score.sum)).collect()
    }
}

/// What each neighbour counts, given by distance and standing, nearest first; `None` for one that does not vote. A hidden
/// neighbour takes up no rank. Where all are hidden, all vote, as if nothing were pruned.
pub fn weights(vote: Vote, neighbors: &[(f64, Standing)]) -> Vec<Option<f64>> {
    let nobody_left = neighbors.iter().all(|(_, standing)| *standing == Standing::Hidden);
    let mut rank = 0;
    let weight = |&(distance, standing): &(f64, Standing)| {
        let factor = match standing {
            Standing::Counts(factor) => factor,
            Standing::Hidden if nobody_left => 1.0,
            Standing::Hidden => return None,
        };
        rank += 1;
        Some(vote.weight(rank - 1, distance) * factor)
    };
    neighbors.iter().map(weight).collect()
}

/// What the vote says at every k in one pass: element `k − 1` is the decision of the first `k` neighbours.
///
/// `neighbors` are label and cosine distance, nearest first.
pub fn decisions_at_every_k<L: Copy + Eq + Hash>(vote: Vote, neighbors: impl IntoIterator<Item = (L, f64)>) -> Vec<L> {
    let neighbors = neighbors.into_iter().map(|(label, distance)| (label, distance, Standing::Counts(1.0)));
    pruned_decisions_at_every_k(vote, &neighbors.collect::<Vec<_>>())
}

/// The same under pruning. `neighbors` are label, cosine distance and standing, nearest first.
///
/// A hidden neighbour does not vote and takes up no rank; where all of the first `k` are hidden, none is. So every element
/// is what [`crate::Memory::classify`] decides with that `k`.
pub fn pruned_decisions_at_every_k<L: Copy + Eq + Hash>(vote: Vote, neighbors: &[(L, f64, Standing)]) -> Vec<L> {
    let (mut visible, mut hidden) = (Tally::default(), Tally::default());
    let mut rank = 0;
    let decision = |(position, &(label, distance, standing)): (usize, &(L, f64, Standing))| {
        match standing {
            Standing::Counts(factor) => {
                visible.add(label, vote.weight(rank, distance) * factor);
                rank += 1;
            }
            // They are asked until the first one comes that is not hidden.
            Standing::Hidden if rank == 0 => hidden.add(label, vote.weight(position, distance)),
            Standing::Hidden => {}
        }
        visible.winner().or(hidden.winner())
    };
    neighbors.iter().enumerate().filter_map(decision).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tie_goes_to_the_label_that_reached_the_top_score_first() {
        let decisions = |labels: &[u32]| decisions_at_every_k(Vote::Plurality, labels.iter().map(|&l| (l, 0.5)));
        assert_eq!(decisions(&[0, 1, 1, 0]), [0, 0, 1, 1], "label 0 is a label like any other");
        assert_eq!(decisions(&[3, 2]), [3, 3]);
        assert!(decisions(&[]).is_empty());
    }

    #[test]
    fn weights_are_those_of_the_paper() {
        assert_eq!(Vote::Plurality.weight(3, 0.7), 1.0);
        assert!((Vote::DISTANCE.weight(3, 0.7) - 0.496_585_303_791_409_5).abs() < 1e-15);
        assert!((Vote::Distance { xi: 2.0 }.weight(0, 0.7) - 0.246_596_963_941_606_5).abs() < 1e-15);
        assert!((Vote::SOFTMAX.weight(0, 0.93) - std::f64::consts::E).abs() < 1e-12);
        assert_eq!(Vote::RANK.weight(3, 0.7), 0.2);
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
        ] {
            assert!(vote.checked().is_err(), "{vote}");
        }
        assert!(Vote::Softmax { tau: 0.002 }.checked().is_ok());
    }

    #[test]
    fn rank_sums_that_are_equal_as_fractions_are_a_tie() {
        let pairs = || (0..60u64).flat_map(|a| (a + 1..60).map(move |b| (a, b)));
        // 1 / (2 + a) + 1 / (2 + b) as a fraction.
        let sum = |(a, b): (u64, u64)| (4 + a + b, (2 + a) * (2 + b));
        let is_equal = |((x, over_x), (y, over_y)): ((u64, u64), (u64, u64))| x * over_y == y * over_x;
        let mut ties = 0;
        for late in pairs() {
            for early in pairs().filter(|early| early.1 < late.1 && is_equal((sum(late), sum(*early)))) {
                let mut votes = [(late.0, 'l'), (late.1, 'l'), (early.0, 'e'), (early.1, 'e')];
                votes.sort_unstable();
                let mut tally = Tally::default();
                votes.iter().for_each(|(rank, label)| tally.add(*label, Vote::RANK.weight(*rank as usize, 0.5)));
                assert_eq!((tally.winner(), tally.ranked()[0].0), (Some('e'), 'e'), "{late:?} and {early:?}");
                ties += 1;
            }
        }
        assert!(ties > 50, "{ties}");
    }

    /// The winner by the definition: the highest score, and of equal ones the one that was reached first.
    fn by_definition(votes: &[(u32, f64)]) -> Option<u32> {
        let mut best: Option<(u32, f64, usize)> = None;
        for &(label, _) in votes {
            let (mut score, mut reached) = (0.0, 0);
            for (position, (_, weight)) in votes.iter().enumerate().filter(|(_, (voted, _))| *voted == label) {
                reached = if score + weight > score { position } else { reached };
                score += weight;
            }
            if best.is_none_or(|(_, top, first)| score > top || (score == top && reached < first)) {
                best = Some((label, score, reached));
            }
        }
        best.map(|(label, ..)| label)
    }

    proptest! {
        #[test]
        fn decisions_at_every_k_are_those_of_the_definition_for_any_number_of_labels(
            labels in 1u32..200, votes in prop::collection::vec((any::<u32>(), 0u8..4), 1..120), plurality in any::<bool>(),
        ) {
            let vote = if plurality { Vote::Plurality } else { Vote::DISTANCE };
            let mut neighbors: Vec<(u32, f64)> =
                votes.into_iter().map(|(label, step)| (label % labels, 0.1 * f64::from(step))).collect();
            neighbors.sort_by(|a, b| a.1.total_cmp(&b.1));
            let decisions = decisions_at_every_k(vote, neighbors.iter().copied());
            let weighted: Vec<(u32, f64)> =
                neighbors.iter().map(|&(label, distance)| (label, vote.weight(0, distance))).collect();
            for k in 1..=neighbors.len() {
                prop_assert_eq!(Some(decisions[k - 1]), by_definition(&weighted[..k]), "k = {}", k);
            }
        }

        #[test]
        fn the_winner_leads_the_ranking(votes in prop::collection::vec((0u8..4, 0u8..3), 1..40)) {
            let mut tally = Tally::default();
            for (label, weight) in votes {
                tally.add(label, f64::from(weight));
                prop_assert_eq!(tally.winner(), Some(tally.ranked()[0].0));
            }
        }
    }
}
