//! One decision with its votes, as the memory makes it: the pruning that is set is honoured.

use vismem::{Standing, Tally, Vote, weights};

use crate::{Neighborhoods, Query};

/// How the nearest neighbours of a query voted.
pub struct Ballot {
    /// Labels by their share of the vote, 0..=1, the winner first. Never empty.
    pub labels: Vec<(u32, f64)>,
    /// Share of the vote of each neighbour, nearest first; `None` for one that does not vote.
    pub shares: Vec<Option<f64>>,
}

impl Ballot {
    /// The vote of the first `k` neighbours; `None` where there is none.
    pub fn of(table: &Neighborhoods, query: &Query, vote: Vote, k: usize) -> Option<Self> {
        let standing = |exemplar: u32| table.as_set().map_or(Standing::Counts(1.0), |set| set[exemplar as usize]);
        Self::by(table, query, vote, k, standing)
    }

    /// The vote that there would be if every neighbour counted as it is.
    pub fn without_pruning(table: &Neighborhoods, query: &Query, vote: Vote, k: usize) -> Option<Self> {
        Self::by(table, query, vote, k, |_| Standing::Counts(1.0))
    }

    fn by(
        table: &Neighborhoods,
        query: &Query,
        vote: Vote,
        k: usize,
        standing: impl Fn(u32) -> Standing,
    ) -> Option<Self> {
        let neighbors = &query.neighbors[..query.neighbors.len().min(k)];
        let standings: Vec<_> = neighbors.iter().map(|near| (near.distance, standing(near.exemplar))).collect();
        let weights = weights(vote, &standings);
        let mut tally = Tally::default();
        for (near, weight) in neighbors.iter().zip(&weights) {
            weight.iter().for_each(|weight| tally.add(table.label_of(near), *weight));
        }
        let total = tally.total();
        // Sums of the same weights in another order can be a hair more than their total.
        let share = |weight: f64| if total > 0.0 { (weight / total).min(1.0) } else { 0.0 };
        let labels: Vec<_> = tally.ranked().into_iter().map(|(label, score)| (label, share(score))).collect();
        let shares = weights.into_iter().map(|weight| weight.map(share)).collect();
        (!labels.is_empty()).then_some(Self { labels, shares })
    }

    /// The label that won.
    pub fn winner(&self) -> u32 {
        self.labels[0].0
    }

    /// Its share of the vote.
    pub fn confidence(&self) -> f64 {
        self.labels[0].1
    }

    /// The share of the vote, 0..=1, that a query's own labels have.
    pub fn share_of_truth(&self, query: &Query) -> f64 {
        // The sum of no numbers is −0.
        self.labels.iter().filter(|(label, _)| query.is_right(*label)).fold(0.0, |sum, (_, share)| sum + share)
    }
}
