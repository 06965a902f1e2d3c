//! A set of neighbours without which kernel voting decides otherwise.
//!
//! Every weight depends on who else votes, so that the proof of [`crate::decide::smallest_flip`] does not hold. The set is
//! built greedily: what the scores would be without each single voter follows from the inverse P of K + λI. Without voter i,
//! the weights of the others are wⱼ − Pⱼᵢ · wᵢ / Pᵢᵢ. The one goes whose absence helps another label most; P follows it,
//! and the next neighbour that comes in its place, in time that grows with the square of the voters. Whether the answer is
//! another one is decided by the vote itself. At last those come back without whom it stays another one.

use crate::decide::kernel_voting::KernelVoting;
use crate::{Standing, Voting};

/// Positions, ascending, of at most `bound` neighbours without which another label wins, none of whom can be left out of the
/// set; `None` if none is found. Neighbours come nearest first, each with the number of what it votes for, its distance and
/// its standing; they are the `k + bound` nearest, or all that there are.
pub(crate) fn greedy_flip(
    voting: &Voting,
    k: usize,
    names: &[usize],
    standings: &[(f64, Standing)],
    bound: usize,
) -> Option<Vec<usize>> {
    let kernel = voting.kernel()?;
    let contest = Contest { kernel, k, names, standings };
    let winner = contest.winner_without(&[])?;
    let flips = |gone: &[usize]| contest.winner_without(gone).is_some_and(|other| other != winner);
    let mut gone: Vec<usize> = Vec::new();
    let mut solution = Solution::of(kernel, contest.voters(&gone));
    while gone.len() < bound && gone.len() + 1 < names.len() {
        let leaving = contest.most_helpful(&solution, winner)?;
        gone.insert(gone.partition_point(|&position| position < leaving), leaving);
        solution.follow(kernel, &contest.voters(&gone));
        if contest.leader(&solution) != Some(winner) && flips(&gone) {
            // The one that lies farthest is the likeliest not to be needed.
            for position in gone.clone().into_iter().rev() {
                let others: Vec<usize> = gone.iter().copied().filter(|other| *other != position).collect();
                if !others.is_empty() && flips(&others) {
                    gone = others;
                }
            }
            return Some(gone);
        }
    }
    None
}

struct Contest<'c> {
    kernel: &'c KernelVoting,
    k: usize,
    names: &'c [usize],
    standings: &'c [(f64, Standing)],
}

impl Contest<'_> {
    /// Positions of those who vote without some, ascending: of the first `k` others those that are not hidden, or all of them.
    fn voters(&self, gone: &[usize]) -> Vec<usize> {
        let stays = |position: &usize| gone.binary_search(position).is_err();
        let kept: Vec<usize> = (0..self.names.len()).filter(stays).take(self.k).collect();
        let is_visible = |position: &usize| self.standings[*position].1 != Standing::Hidden;
        let visible: Vec<usize> = kept.iter().copied().filter(is_visible).collect();
        if visible.is_empty() { kept } else { visible }
    }

    /// What a voter's weight is multiplied by.
    fn factor(&self, position: usize) -> f64 {
        match self.standings[position].1 {
            Standing::Counts(factor) => factor,
            Standing::Hidden => 1.0,
        }
    }

    fn winner_without(&self, gone: &[usize]) -> Option<usize> {
        let voters = self.voters(gone);
        let weights = self.kernel.weights(voters.iter().copied());
        self.winner(voters.into_iter().zip(weights))
    }

    fn winner(&self, votes: impl Iterator<Item = (usize, f64)>) -> Option<usize> {
        let vote = |(position, weight)| (self.names[position], weight * self.factor(position));
        crate::decide::kernel_voting::ranked(votes.map(vote)).first().map(|(name, _)| *name)
    }

    /// Who wins by the weights of a solution.
    fn leader(&self, solution: &Solution) -> Option<usize> {
        let mut votes: Vec<(usize, f64)> = solution.voters.iter().copied().zip(solution.weights(self.kernel)).collect();
        votes.sort_unstable_by_key(|(position, _)| *position);
        self.winner(votes.into_iter())
    }

    /// The voter without whom some other label comes closest to the winner, or farthest ahead.
    fn most_helpful(&self, solution: &Solution, winner: usize) -> Option<usize> {
        let weights = solution.weights(self.kernel);
        let n = solution.voters.len();
        let highest = self.names.iter().max()?;
        let mut best: Option<(f64, usize)> = None;
        let mut scores = vec![0.0; highest + 1];
        for i in 0..n {
            let share = weights[i] / solution.inverse[i * n + i];
            scores.fill(f64::NEG_INFINITY);
            for (j, &voter) in solution.voters.iter().enumerate().filter(|(j, _)| *j != i) {
                let score = &mut scores[self.names[voter]];
                let known = if score.is_finite() { *score } else { 0.0 };
                *score = known + (weights[j] - solution.inverse[i * n + j] * share) * self.factor(voter);
            }
            let others = scores.iter().enumerate().filter(|(name, _)| *name != winner);
            let highest = others.map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
            let lead = if scores[winner].is_finite() { highest - scores[winner] } else { f64::INFINITY };
            if best.is_none_or(|(most, _)| lead > most) {
                best = Some((lead, solution.voters[i]));
            }
        }
        best.map(|(_, position)| position)
    }
}

/// P, the inverse of K + λI over some voters.
struct Solution {
    voters: Vec<usize>,
    /// In the order of `voters`, row by row.
    inverse: Vec<f64>,
}

impl Solution {
    fn of(kernel: &KernelVoting, voters: Vec<usize>) -> Self {
        let mut solution = Self { voters: Vec::with_capacity(voters.len()), inverse: Vec::new() };
        voters.into_iter().for_each(|voter| solution.add(kernel, voter));
        solution
    }

    fn weights(&self, kernel: &KernelVoting) -> Vec<f64> {
        let likeness: Vec<f64> =
            self.voters.iter().map(|&voter| kernel.likeness(kernel.pairwise.to_query(voter))).collect();
        self.times(&likeness)
    }

    fn times(&self, values: &[f64]) -> Vec<f64> {
        let rows = self.inverse.chunks_exact(self.voters.len().max(1));
        rows.map(|row| row.iter().zip(values).map(|(a, b)| a * b).sum()).collect()
    }

    /// One more votes: the inverse of a matrix with one more row.
    fn add(&mut self, kernel: &KernelVoting, voter: usize) {
        let n = self.voters.len();
        let likeness = |other: &usize| kernel.likeness(kernel.pairwise.between(voter, *other));
        let likeness: Vec<f64> = self.voters.iter().map(likeness).collect();
        let column = self.times(&likeness);
        let rest = 1.0 + kernel.lambda - likeness.iter().zip(&column).map(|(a, b)| a * b).sum::<f64>();
        let scale = 1.0 / rest.max(kernel.lambda);
        let mut inverse = Vec::with_capacity((n + 1) * (n + 1));
        for (i, value) in column.iter().enumerate() {
            let known = &self.inverse[i * n..][..n];
            inverse.extend(known.iter().zip(&column).map(|(known, other)| known + value * other * scale));
            inverse.push(-value * scale);
        }
        inverse.extend(column.iter().map(|value| -value * scale));
        inverse.push(scale);
        self.inverse = inverse;
        self.voters.push(voter);
    }

    /// One votes no more: the inverse of a matrix without one of its rows.
    fn remove(&mut self, at: usize) {
        let n = self.voters.len();
        let column: Vec<f64> = (0..n).map(|i| self.inverse[i * n + at]).collect();
        let mut inverse = Vec::with_capacity((n - 1) * (n - 1));
        for i in (0..n).filter(|i| *i != at) {
            let value = column[i] / column[at];
            let others = (0..n).filter(|j| *j != at);
            inverse.extend(others.map(|j| self.inverse[i * n + j] - value * column[j]));
        }
        self.inverse = inverse;
        self.voters.remove(at);
    }

    /// From now on these vote.
    fn follow(&mut self, kernel: &KernelVoting, voters: &[usize]) {
        for at in (0..self.voters.len()).rev() {
            if voters.binary_search(&self.voters[at]).is_err() {
                self.remove(at);
            }
        }
        for voter in voters {
            if !self.voters.contains(voter) {
                self.add(kernel, *voter);
            }
        }
    }
}
