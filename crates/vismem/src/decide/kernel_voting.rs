//! Kernel voting: local kernel ridge regression.
//!
//! With K_ij = exp(−γ d_ij) among the neighbours that vote and κ_i = exp(−γ d_i) to the query, the weights w solve
//! (K + λI) w = κ, and a label's score is the sum of its neighbours' weights, each multiplied by what pruning and the
//! labels' weights make of it. K is positive semidefinite, since on the unit sphere exp(−γ d) is the Gaussian kernel
//! exp(−γ |x − y|² / 2); so the eigenvalues of K + λI are at least λ, however many neighbours are duplicates.
//!
//! The Cholesky factor L of K + λI grows by a row for each further neighbour and leaves the rows before as they are. With
//! z = L⁻¹κ and U = L⁻¹FY (a row of FY says what a neighbour votes for, times its factor) the scores are Uᵀz: they too grow
//! by a term for each neighbour, so that one pass gives the scores at every k.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use vismem_search::dot_products;

/// Scores that differ by less than this share of the highest are equal: what the solution rounds in f64, and more.
const ROUNDING: f64 = 1e-10;

/// Cosine distances in f64 (0..=2 up to rounding): of a query to its neighbours, and among these. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pairwise {
    to_query: Arc<[f64]>,
    /// Of the i-th neighbour to the neighbours before it, one such row after the other.
    among: Arc<[f64]>,
}

impl Pairwise {
    /// Of a query and its neighbours, given by their embeddings: `D` values each, of unit length. What length they have
    /// beside it by the rounding of f32 is divided out.
    pub fn of(query: &[f32], neighbors: &[&[f32]]) -> Self {
        let vectors: Vec<&[f32]> = neighbors.iter().copied().chain([query]).collect();
        let products = dot_products(&vectors);
        let row = |i: usize| &products[triangle(i)..triangle(i) + i + 1];
        let lengths: Vec<f64> = (0..vectors.len()).map(|i| row(i)[i].sqrt()).collect();
        let distances = |i: usize| {
            let to = |(j, product): (usize, &f64)| 1.0 - product / (lengths[i] * lengths[j]);
            row(i)[..i].iter().enumerate().map(to).collect::<Vec<f64>>()
        };
        let among = (0..neighbors.len()).flat_map(distances).collect();
        Self { to_query: distances(neighbors.len()).into(), among }
    }

    /// How many neighbours there are.
    pub fn len(&self) -> usize {
        self.to_query.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.to_query.is_empty()
    }

    /// Of the `i`-th neighbour to the query.
    pub(crate) fn to_query(&self, i: usize) -> f64 {
        self.to_query[i]
    }

    /// Of two neighbours.
    pub(crate) fn between(&self, i: usize, j: usize) -> f64 {
        match i.cmp(&j) {
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => self.among[triangle(i) - i + j],
            std::cmp::Ordering::Less => self.between(j, i),
        }
    }
}

/// Where the `i`-th row of a lower triangle begins, its diagonal included.
fn triangle(i: usize) -> usize {
    i * (i + 1) / 2
}

/// Kernel voting over the neighbours of one query.
#[derive(Debug, Clone)]
pub(crate) struct KernelVoting {
    pub gamma: f64,
    pub lambda: f64,
    pub pairwise: Pairwise,
}

impl KernelVoting {
    /// What the kernel makes of a distance.
    pub(crate) fn likeness(&self, distance: f64) -> f64 {
        (-self.gamma * distance).exp()
    }

    /// The weights of these neighbours (positions) where they are the ones that vote.
    pub(crate) fn weights(&self, voters: impl IntoIterator<Item = usize>) -> Vec<f64> {
        let mut factor = Factor::new(self);
        voters.into_iter().for_each(|neighbor| factor.push(neighbor));
        factor.weights()
    }

    /// Scores at every k.
    pub(crate) fn growing<L: Copy + Eq + Hash>(&self, labels: impl Iterator<Item = L>) -> Growing<'_, L> {
        Growing {
            factor: Factor::new(self),
            labels: Vec::new(),
            number: HashMap::new(),
            width: labels.collect::<HashSet<L>>().len(),
            rows: Vec::new(),
            scores: Vec::new(),
        }
    }
}

/// The Cholesky factor of K + λI over some neighbours, row by row, and L⁻¹κ.
struct Factor<'v> {
    voting: &'v KernelVoting,
    voters: Vec<usize>,
    /// Rows of a lower triangle.
    rows: Vec<f64>,
    z: Vec<f64>,
}

impl<'v> Factor<'v> {
    fn new(voting: &'v KernelVoting) -> Self {
        Self { voting, voters: Vec::new(), rows: Vec::new(), z: Vec::new() }
    }

    /// One more neighbour votes.
    fn push(&mut self, neighbor: usize) {
        let (n, start) = (self.voters.len(), self.rows.len());
        for (j, voter) in self.voters.iter().enumerate() {
            let (known, row) = self.rows.split_at(start);
            let above = &known[triangle(j)..][..=j];
            let likeness = self.voting.likeness(self.voting.pairwise.between(neighbor, *voter));
            let value = (likeness - dot(row, &above[..j])) / above[j];
            self.rows.push(value);
        }
        let row = &self.rows[start..];
        // At least λ but for rounding.
        let pivot = (1.0 + self.voting.lambda - dot(row, row)).max(self.voting.lambda).sqrt();
        let likeness = self.voting.likeness(self.voting.pairwise.to_query(neighbor));
        self.z.push((likeness - dot(row, &self.z[..n])) / pivot);
        self.rows.push(pivot);
        self.voters.push(neighbor);
    }

    /// The row of the neighbour that came last, its diagonal last.
    fn last_row(&self) -> &[f64] {
        &self.rows[self.rows.len() - self.voters.len()..]
    }

    /// w, from Lᵀw = z.
    fn weights(mut self) -> Vec<f64> {
        for i in (0..self.z.len()).rev() {
            let row = &self.rows[triangle(i)..][..=i];
            let (before, rest) = self.z.split_at_mut(i);
            rest[0] /= row[i];
            before.iter_mut().zip(row).for_each(|(z, factor)| *z -= factor * rest[0]);
        }
        self.z
    }
}

/// Scores that grow by a neighbour at a time.
pub(crate) struct Growing<'v, L> {
    factor: Factor<'v>,
    /// Those that somebody voted for, in the order of their nearest voters.
    labels: Vec<L>,
    number: HashMap<L, usize>,
    /// As many labels as there can be.
    width: usize,
    /// U: a row of `width` for each voter.
    rows: Vec<f64>,
    scores: Vec<f64>,
}

impl<L: Copy + Eq + Hash> Growing<'_, L> {
    /// One more neighbour votes for a label, its weight multiplied by a factor.
    pub(crate) fn push(&mut self, neighbor: usize, label: L, factor: f64) {
        let number = *self.number.entry(label).or_insert_with(|| {
            self.labels.push(label);
            self.scores.push(0.0);
            self.labels.len() - 1
        });
        let start = self.rows.len();
        self.rows.resize(start + self.width, 0.0);
        let (known, row) = self.rows.split_at_mut(start);
        row[number] = factor;
        self.factor.push(neighbor);
        let (diagonal, before) = self.factor.last_row().split_last().unwrap_or((&1.0, &[]));
        for (value, known) in before.iter().zip(known.chunks_exact(self.width)) {
            row.iter_mut().zip(known).for_each(|(sum, known)| *sum -= value * known);
        }
        let z = self.factor.z.last().copied().unwrap_or_default();
        for (score, sum) in self.scores.iter_mut().zip(row) {
            *sum /= diagonal;
            *score += z * *sum;
        }
    }

    /// The label that leads; `None` before the first vote.
    pub(crate) fn winner(&self) -> Option<L> {
        self.labels.get(leader(&self.scores)?).copied()
    }
}

/// Labels and their scores, best first, from the weights of neighbours. Of equal ones that comes first whose nearest voter is
/// nearer.
pub(crate) fn ranked<L: Copy + Eq + Hash>(votes: impl IntoIterator<Item = (L, f64)>) -> Vec<(L, f64)> {
    let mut number: HashMap<L, usize> = HashMap::new();
    let mut scores: Vec<(L, f64)> = Vec::new();
    for (label, weight) in votes {
        let number = *number.entry(label).or_insert_with(|| {
            scores.push((label, 0.0));
            scores.len() - 1
        });
        scores[number].1 += weight;
    }
    let sums: Vec<f64> = scores.iter().map(|(_, score)| *score).collect();
    if let Some(leader) = leader(&sums) {
        scores[..=leader].rotate_right(1);
        scores[1..].sort_by(|(_, a), (_, b)| b.total_cmp(a));
    }
    scores
}

/// The position of the highest score; of equal ones the first.
fn leader(scores: &[f64]) -> Option<usize> {
    let scale = scores.iter().fold(0.0, |scale: f64, score| scale.max(score.abs()));
    let best = scores.iter().copied().reduce(f64::max)?;
    scores.iter().position(|score| *score >= best - ROUNDING * scale)
}

/// In partial sums whose order does not depend on the processor, so that compilers can use wide registers.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7])) + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scores, Standing, Vote, Voting};
    use proptest::prelude::*;

    /// Unit vectors of four dimensions from whole numbers, many of them equal.
    fn vectors(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<[f32; 4]>> {
        let vector = prop::array::uniform4(-3i8..=3).prop_map(|mut values| {
            values[0] += i8::from(values == [0; 4]);
            let length = values.map(|v| f32::from(v) * f32::from(v)).iter().sum::<f32>().sqrt();
            values.map(|v| f32::from(v) / length)
        });
        prop::collection::vec(vector, count)
    }

    /// w by Gaussian elimination with pivots, from the definition in f64.
    fn by_definition(gamma: f64, lambda: f64, query: &[f32], neighbors: &[&[f32]]) -> Vec<f64> {
        let cosine = |a: &[f32], b: &[f32]| {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        let likeness = |a: &[f32], b: &[f32]| (-gamma * (1.0 - cosine(a, b))).exp();
        let n = neighbors.len();
        let mut rows: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                let row = (0..n).map(|j| likeness(neighbors[i], neighbors[j]) + if i == j { lambda } else { 0.0 });
                row.chain([likeness(neighbors[i], query)]).collect()
            })
            .collect();
        for column in 0..n {
            let pivot = (column..n).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs())).unwrap();
            rows.swap(column, pivot);
            let above = rows[column].clone();
            for (i, row) in rows.iter_mut().enumerate().filter(|(i, _)| *i != column) {
                let factor = row[column] / above[column];
                let from = if i == column { n } else { column };
                row[from..].iter_mut().zip(&above[from..]).for_each(|(value, above)| *value -= factor * above);
            }
        }
        (0..n).map(|i| rows[i][n] / rows[i][i]).collect()
    }

    fn voting(gamma: f64, lambda: f64, query: &[f32], neighbors: &[&[f32]]) -> Voting {
        Voting::new(Vote::Kernel { gamma, lambda }, || Pairwise::of(query, neighbors))
    }

    fn scores(voting: &Voting, labels: &[u8], standings: &[Standing]) -> Scores<u8> {
        let neighbors: Vec<(f64, Standing)> = standings.iter().map(|standing| (0.5, *standing)).collect();
        let votes = labels.iter().zip(voting.weights(&neighbors));
        voting.scores(votes.filter_map(|(label, weight)| Some((*label, weight?))))
    }

    /// How far the winner leads; none where there is no second.
    fn lead(scores: &Scores<u8>) -> f64 {
        scores.ranked.get(1).map_or(f64::INFINITY, |second| scores.ranked[0].1 - second.1)
    }

    fn standing() -> impl Strategy<Value = Standing> {
        prop_oneof![
            4 => Just(Standing::Counts(1.0)),
            2 => (0.0..2.0).prop_map(Standing::Counts),
            1 => Just(Standing::Hidden),
        ]
    }

    const ALL: Standing = Standing::Counts(1.0);

    proptest! {
        #[test]
        fn weights_are_the_solution_of_the_dense_equations(
            vectors in vectors(2..30), gamma in 0.0..20.0, lambda in 0.001..2.0,
        ) {
            let neighbors: Vec<&[f32]> = vectors[1..].iter().map(|vector| &vector[..]).collect();
            let voting = voting(gamma, lambda, &vectors[0], &neighbors);
            let expected = by_definition(gamma, lambda, &vectors[0], &neighbors);
            for (weight, expected) in voting.weights(&vec![(0.5, ALL); neighbors.len()]).iter().zip(expected) {
                prop_assert!((weight.unwrap() - expected).abs() < 1e-9, "{weight:?}, not {expected}");
            }
        }

        #[test]
        fn whom_pruning_hides_is_not_there_and_whom_it_weakens_counts_less_after_the_solution(
            vectors in vectors(3..20), standings in prop::collection::vec(standing(), 20),
        ) {
            let neighbors: Vec<&[f32]> = vectors[1..].iter().map(|vector| &vector[..]).collect();
            let standings = &standings[..neighbors.len()];
            let given: Vec<_> = standings.iter().map(|standing| (0.5, *standing)).collect();
            let weights = voting(2.0, 0.1, &vectors[0], &neighbors).weights(&given);
            let nobody_left = standings.iter().all(|standing| *standing == Standing::Hidden);
            let there = |at: &usize| nobody_left || standings[*at] != Standing::Hidden;
            let voters: Vec<usize> = (0..neighbors.len()).filter(there).collect();
            let rows: Vec<&[f32]> = voters.iter().map(|&at| neighbors[at]).collect();
            let mut expected = by_definition(2.0, 0.1, &vectors[0], &rows).into_iter();
            for (weight, standing) in weights.into_iter().zip(standings) {
                let factor = match standing {
                    Standing::Counts(factor) => *factor,
                    Standing::Hidden if nobody_left => 1.0,
                    Standing::Hidden => {
                        prop_assert_eq!(weight, None);
                        continue;
                    }
                };
                prop_assert!((weight.unwrap() - factor * expected.next().unwrap()).abs() < 1e-9);
            }
        }

        #[test]
        fn every_k_is_decided_as_if_there_were_no_more_neighbours(
            vectors in vectors(2..25), labels in prop::collection::vec(0u8..6, 25),
            standings in prop::collection::vec(standing(), 25), gamma in 0.0..8.0, lambda in 0.01..1.0,
        ) {
            let neighbors: Vec<&[f32]> = vectors[1..].iter().map(|vector| &vector[..]).collect();
            let given: Vec<_> = (0..neighbors.len()).map(|at| (labels[at], 0.5, standings[at])).collect();
            let voting = voting(gamma, lambda, &vectors[0], &neighbors);
            let decisions = voting.decisions_at_every_k(&given);
            prop_assert_eq!(decisions.len(), neighbors.len());
            for k in 1..=neighbors.len() {
                prop_assert_eq!(Some(decisions[k - 1]), voting.decision(&given[..k]), "k = {}", k);
            }
        }

        #[test]
        fn the_order_of_neighbours_changes_nothing(
            (vectors, order) in vectors(3..25).prop_flat_map(|vectors| {
                let order: Vec<usize> = (0..vectors.len() - 1).collect();
                (Just(vectors), Just(order).prop_shuffle())
            }),
            labels in prop::collection::vec(0u8..5, 25),
        ) {
            let neighbors: Vec<&[f32]> = vectors[1..].iter().map(|vector| &vector[..]).collect();
            let shuffled: Vec<&[f32]> = order.iter().map(|&at| neighbors[at]).collect();
            let other_labels: Vec<u8> = order.iter().map(|&at| labels[at]).collect();
            let all = vec![ALL; neighbors.len()];
            let one = scores(&voting(2.0, 0.1, &vectors[0], &neighbors), &labels[..neighbors.len()], &all);
            let other = scores(&voting(2.0, 0.1, &vectors[0], &shuffled), &other_labels, &all);
            for (label, score) in &one.ranked {
                let same = other.ranked.iter().find(|(known, _)| known == label).unwrap().1;
                prop_assert!((score - same).abs() < 1e-10);
            }
            prop_assert!(one.winner() == other.winner() || lead(&one) < 1e-9);
        }

        /// Let i be a neighbour with weight w and P the inverse of K + λI, whose eigenvalues are within 0..=1/λ. A duplicate
        /// of i has the same row of K, and so the same weight as i in the new solution. Both together take the place of
        /// one neighbour with λ/2 on the diagonal, whose weight u is w / (1 − λPᵢᵢ/2) by the formula of Sherman and
        /// Morrison; every other neighbour j gains (λ/2) Pⱼᵢ u. As λPᵢᵢ ≤ 1, |u| ≤ 2|w|. The score of i's label, which n
        /// neighbours have, changes by (λ/2) u Σ Pⱼᵢ over these, and |Σ Pⱼᵢ| ≤ √n |Peᵢ| ≤ √n / λ. So it rises by no more
        /// than √n |w|.
        #[test]
        fn a_duplicate_of_a_neighbour_does_not_raise_its_labels_score_beyond_the_bound(
            vectors in vectors(2..20), labels in prop::collection::vec(0u8..5, 20), which in any::<prop::sample::Index>(),
            lambda in 0.01..1.0,
        ) {
            let mut neighbors: Vec<&[f32]> = vectors[1..].iter().map(|vector| &vector[..]).collect();
            let mut labels = labels[..neighbors.len()].to_vec();
            let at = which.index(neighbors.len());
            let score_of = |neighbors: &[&[f32]], labels: &[u8]| {
                let all = vec![ALL; labels.len()];
                let scores = scores(&voting(2.0, lambda, &vectors[0], neighbors), labels, &all);
                scores.ranked.iter().find(|(label, _)| *label == labels[at]).unwrap().1
            };
            let weight = voting(2.0, lambda, &vectors[0], &neighbors).weights(&vec![(0.5, ALL); labels.len()])[at];
            let before = score_of(&neighbors, &labels);
            let of_label = labels.iter().filter(|label| **label == labels[at]).count();
            neighbors.push(neighbors[at]);
            labels.push(labels[at]);
            let raised = score_of(&neighbors, &labels) - before;
            let bound = weight.unwrap().abs() * (of_label as f64).sqrt();
            prop_assert!(raised <= bound + 1e-9, "{raised} with the weight {weight:?}");
        }
    }

    #[test]
    fn two_thousand_duplicates_are_no_problem_and_share_one_vote() {
        let neighbors = vec![&[1.0f32, 0.0][..]; 2000];
        let weights = voting(2.0, 0.1, &[0.6, 0.8], &neighbors).weights(&vec![(0.4, ALL); 2000]);
        let sum: f64 = weights.into_iter().flatten().sum();
        // One of them alone has e^(−0.8) / (1 + λ).
        let expected = 2000.0 * (-0.8f64).exp() / (2000.0 + 0.1);
        assert!((sum - expected).abs() < 1e-6, "{sum}, not {expected}");
    }
}
