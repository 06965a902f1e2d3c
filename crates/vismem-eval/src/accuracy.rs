//! Decisions and accuracies at every k, in one pass over the neighbours.

use serde::{Deserialize, Serialize};
use vismem::{Standing, Vote, pruned_decisions_at_every_k};

use crate::{Neighborhoods, Query, Share, parallel};

/// An accuracy at a number of neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtK {
    /// How many neighbours voted.
    pub k: usize,
    /// Share of the queries that was decided right.
    pub accuracy: Share,
}

/// The numbers of neighbours that the paper's tables have, as far as there are as many.
pub(crate) fn table_ks(depth: usize) -> Vec<usize> {
    let ks = [1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
    let mut ks: Vec<usize> = ks.into_iter().filter(|k| *k < depth).collect();
    ks.push(depth);
    ks
}

/// The decision for a query at every k: element `k − 1` is that of its first `k` neighbours. `standings` says what the
/// vote of each exemplar is worth; `None` for all alike.
pub fn decisions_at_every_k(
    table: &Neighborhoods,
    query: &Query,
    vote: Vote,
    standings: Option<&[Standing]>,
) -> Vec<u32> {
    let voter = |near: &crate::Near| {
        let standing = standings.map_or(Standing::Counts(1.0), |standings| standings[near.exemplar as usize]);
        (table.label_of(near), near.distance, standing)
    };
    pruned_decisions_at_every_k(vote, &query.neighbors.iter().map(voter).collect::<Vec<_>>())
}

/// How many of the queries are decided right at every k of 1..=`depth`. A query with fewer neighbours is decided by those
/// that it has, one with none is wrong.
pub fn right_at_every_k(
    table: &Neighborhoods,
    queries: &[&Query],
    vote: Vote,
    standings: Option<&[Standing]>,
    depth: usize,
) -> Vec<u64> {
    let rights = parallel::map(queries, |query| {
        let decisions = decisions_at_every_k(table, query, vote, standings);
        (0..depth)
            .map(|at| decisions.get(at).or(decisions.last()).is_some_and(|label| query.is_right(*label)))
            .collect()
    });
    let mut right = vec![0; depth];
    for query in rights {
        let query: Vec<bool> = query;
        right.iter_mut().zip(query).for_each(|(right, is_right)| *right += u64::from(is_right));
    }
    right
}

/// Whether each of the queries is decided right by its first `k` neighbours, or by all where it has fewer.
pub(crate) fn right_at(
    table: &Neighborhoods,
    queries: &[&Query],
    vote: Vote,
    standings: Option<&[Standing]>,
    k: usize,
) -> Vec<bool> {
    parallel::map(queries, |query| {
        let decisions = decisions_at_every_k(table, query, vote, standings);
        decisions.get(k.saturating_sub(1)).or(decisions.last()).is_some_and(|label| query.is_right(*label))
    })
}

/// The accuracy at each of `ks`, from counts at every k.
pub(crate) fn at_each(right: &[u64], n: u64, ks: impl IntoIterator<Item = usize>) -> Vec<AtK> {
    let at = |k: usize| Some(AtK { k, accuracy: Share::of(*right.get(k.checked_sub(1)?)?, n)? });
    ks.into_iter().filter_map(at).collect()
}

/// The best accuracy; of equally good ones that with the fewest neighbours.
pub(crate) fn best(curve: &[AtK]) -> Option<AtK> {
    curve.iter().copied().reduce(|best, at| if at.accuracy.value > best.accuracy.value { at } else { best })
}
