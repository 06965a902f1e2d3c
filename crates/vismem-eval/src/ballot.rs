//! One decision with its votes, as the memory makes it: the pruning that is set is honoured.

use vismem::{Standing, Vote};

use crate::{Neighborhoods, Query, Result};

/// How the nearest neighbours of a query voted.
pub struct Ballot {
    /// Labels by their share of the vote, 0..=1, the winner first. Never empty.
    pub labels: Vec<(u32, f64)>,
    /// What each neighbour, nearest first, adds to the vote, in proportion to all of it; `None` for one that does not vote.
    /// In kernel voting it can be below zero.
    pub shares: Vec<Option<f64>>,
}

impl Ballot {
    /// The vote of the first `k` neighbours; `None` where there is none.
    ///
    /// # Errors
    /// As [`Neighborhoods::voting`].
    pub fn of(table: &Neighborhoods, query: &Query, vote: Vote, k: usize) -> Result<Option<Self>> {
        let standing = |exemplar: u32| table.as_set().map_or(Standing::Counts(1.0), |set| set[exemplar as usize]);
        Self::by(table, query, vote, k, standing)
    }

    /// The vote that there would be if every neighbour counted as it is.
    ///
    /// # Errors
    /// As [`Neighborhoods::voting`].
    pub fn without_pruning(table: &Neighborhoods, query: &Query, vote: Vote, k: usize) -> Result<Option<Self>> {
        Self::by(table, query, vote, k, |_| Standing::Counts(1.0))
    }

    fn by(
        table: &Neighborhoods,
        query: &Query,
        vote: Vote,
        k: usize,
        standing: impl Fn(u32) -> Standing,
    ) -> Result<Option<Self>> {
        let neighbors = &query.neighbors[..query.neighbors.len().min(k)];
        let standings: Vec<_> = neighbors.iter().map(|near| (near.distance, standing(near.exemplar))).collect();
        let voting = table.voting(query, vote)?;
        let weights = voting.weights(&standings);
        let votes = neighbors.iter().zip(&weights);
        let scores = voting.scores(votes.filter_map(|(near, weight)| Some((table.label_of(near), (*weight)?))));
        let labels: Vec<_> = scores.ranked.iter().map(|(label, score)| (*label, scores.share(*score))).collect();
        let shares = weights.into_iter().map(|weight| weight.map(|weight| scores.part(weight))).collect();
        Ok((!labels.is_empty()).then_some(Self { labels, shares }))
    }

    /// The label that won.
    pub fn winner(&self) -> u32 {
        self.labels[0].0
    }

    /// Its share of the vote.
    pub fn confidence(&self) -> f64 {
        self.labels[0].1
    }

    /// The share of the vote, 0..=1, that a label has.
    pub fn share_of(&self, label: u32) -> f64 {
        self.labels.iter().find(|(known, _)| *known == label).map_or(0.0, |(_, share)| *share)
    }

    /// The share of the vote, 0..=1, that a query's own labels have.
    pub fn share_of_truth(&self, query: &Query) -> f64 {
        // The sum of no numbers is −0.
        self.labels.iter().filter(|(label, _)| query.is_right(*label)).fold(0.0, |sum, (_, share)| sum + share)
    }
}
