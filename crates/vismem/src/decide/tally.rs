//! Scores of labels, built up neighbour by neighbour.

use std::collections::HashMap;
use std::hash::Hash;

/// Up to so many labels are searched one by one, which takes less time than hashing.
const FEW: usize = 64;

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
pub(crate) struct Tally<L> {
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
    pub(crate) fn add(&mut self, label: L, weight: f64) {
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
    pub(crate) fn winner(&self) -> Option<L> {
        self.scores.get(self.winner).map(|score| score.label)
    }

    /// All labels with their scores, best first: the winner leads.
    pub(crate) fn ranked(&self) -> Vec<(L, f64)> {
        let mut scores: Vec<(usize, &Score<L>)> = self.scores.iter().enumerate().collect();
        scores.sort_by(|(_, a), (_, b)| b.sum.total_cmp(&a.sum));
        for tied in scores.chunk_by_mut(|(_, a), (_, b)| !exceeds(a.sum, b.sum)) {
            tied.sort_by_key(|(position, score)| (*position != self.winner, score.reached.1));
        }
        scores.into_iter().map(|(_, score)| (score.label, score.sum)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
                votes.iter().for_each(|(rank, label)| tally.add(*label, 1.0 / (2.0 + *rank as f64)));
                assert_eq!((tally.winner(), tally.ranked()[0].0), (Some('e'), 'e'), "{late:?} and {early:?}");
                ties += 1;
            }
        }
        assert!(ties > 50, "{ties}");
    }

    proptest! {
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
