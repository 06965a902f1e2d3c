//! Decisions and accuracies at every k, in one pass over the neighbours.

use serde::{Deserialize, Serialize};
use vismem::{Standing, Vote, Voting};

use crate::{Near, Neighborhoods, Query, Result, Share, parallel};

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
/// vote of each exemplar is worth; `None` for all alike. Beyond as many neighbours as a vote takes there are no decisions.
///
/// # Errors
/// As [`Neighborhoods::voting`].
pub fn decisions_at_every_k(
    table: &Neighborhoods,
    query: &Query,
    vote: Vote,
    standings: Option<&[Standing]>,
) -> Result<Vec<u32>> {
    let mut voters = voters(table, query, standings);
    voters.truncate(vote.most_neighbors());
    Ok(table.voting(query, vote)?.decisions_at_every_k(&voters))
}

/// Label, distance and standing of each neighbour.
fn voters(table: &Neighborhoods, query: &Query, standings: Option<&[Standing]>) -> Vec<(u32, f64, Standing)> {
    let voter = |near: &Near| {
        let standing = standings.map_or(Standing::Counts(1.0), |standings| standings[near.exemplar as usize]);
        (table.label_of(near), near.distance, standing)
    };
    query.neighbors.iter().map(voter).collect()
}

/// How many of the queries are decided right at every k of 1..=`depth`. A query with fewer neighbours is decided by those
/// that it has, one with none is wrong.
///
/// # Errors
/// As [`Neighborhoods::voting`].
pub fn right_at_every_k(
    table: &Neighborhoods,
    queries: &[&Query],
    vote: Vote,
    standings: Option<&[Standing]>,
    depth: usize,
) -> Result<Vec<u64>> {
    Ok(right_of_each(table, queries, &[vote], standings, depth)?.remove(0))
}

/// The same for several votes, which share what there is to know of the neighbours.
pub(crate) fn right_of_each(
    table: &Neighborhoods,
    queries: &[&Query],
    votes: &[Vote],
    standings: Option<&[Standing]>,
    depth: usize,
) -> Result<Vec<Vec<u64>>> {
    let rights = parallel::map(queries, |query| -> Result<Vec<Vec<bool>>> {
        let asks = votes.iter().any(|vote| Voting::pointwise(*vote).is_none());
        let pairwise = if asks { Some(table.pairwise(query)?) } else { None };
        let voters = voters(table, query, standings);
        let right = |vote: &Vote| {
            let voting = match &pairwise {
                Some(pairwise) => Voting::new(*vote, || pairwise.clone()),
                None => table.voting(query, *vote)?,
            };
            let decisions = voting.decisions_at_every_k(&voters[..voters.len().min(vote.most_neighbors())]);
            let is_right =
                |at: usize| decisions.get(at).or(decisions.last()).is_some_and(|label| query.is_right(*label));
            Ok((0..depth).map(is_right).collect())
        };
        votes.iter().map(right).collect()
    });
    let mut right = vec![vec![0; depth]; votes.len()];
    for query in rights {
        for (right, query) in right.iter_mut().zip(query?) {
            right.iter_mut().zip(query).for_each(|(right, is_right)| *right += u64::from(is_right));
        }
    }
    Ok(right)
}

/// Whether each of the queries is decided right by its first `k` neighbours, or by all where it has fewer.
pub(crate) fn right_at(
    table: &Neighborhoods,
    queries: &[&Query],
    vote: Vote,
    standings: Option<&[Standing]>,
    k: usize,
) -> Result<Vec<bool>> {
    let is_right = |query: &&Query| {
        let voters = voters(table, query, standings);
        let decision = table.voting(query, vote)?.decision(&voters[..voters.len().min(k)]);
        Ok(decision.is_some_and(|label| query.is_right(label)))
    };
    parallel::map(queries, is_right).into_iter().collect()
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
