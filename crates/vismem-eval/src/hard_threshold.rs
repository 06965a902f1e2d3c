//! Where hard pruning should begin, asked of the memory itself: no query that accuracy is measured on has a say.

use vismem::{Pruning, Standing, Threshold, Vote, Votes, Voting};

use crate::{Neighborhoods, parallel};

/// Neighbours that decide, by rank.
const DECIDE: usize = 20;
/// Twentieths of an exemplar's retrievals are tried.
const SHARES: usize = 20;

/// The share of wrong retrievals from which on hiding exemplars helps the memory most to decide its own exemplars, each
/// asked without itself; of equally good ones that which hides fewest. `own` is the memory asked about itself, `votes` the
/// counts that hard pruning goes by. `None` where there is nothing to decide.
///
/// How many of 100 neighbours can be right depends on how many exemplars a label has, so no share suits every memory: of 30
/// exemplars a label, 71 of 100 must be wrong.
pub fn hard_threshold(own: &Neighborhoods, votes: &[Votes]) -> Option<Threshold> {
    let queries = own.judged_or_refuse().ok()?;
    let by_rank = Voting::pointwise(Vote::RANK)?;
    // The highest first.
    let shares: [f64; SHARES] = std::array::from_fn(|at| (SHARES - at) as f64 / SHARES as f64);
    let right = parallel::map(&queries, |query| {
        shares.map(|share| {
            let pruning = Pruning::Hard { neighbors: 100, threshold: Threshold::Share(share) };
            let voters: Vec<_> = (query.neighbors.iter().take(DECIDE))
                .map(|near| {
                    // What the exemplar itself said of it does not count: it is decided as if it were not there.
                    let Votes { wrong, retrievals } = votes[near.exemplar as usize];
                    let label = own.label_of(near);
                    let said = Votes {
                        wrong: wrong.saturating_sub(u32::from(!query.is_right(label))),
                        retrievals: retrievals.saturating_sub(1),
                    };
                    (label, near.distance, pruning.standing(said))
                })
                .collect();
            // Where all are hidden all vote, and that is no merit of the pruning.
            let is_anyone_left = voters.iter().any(|(.., standing)| *standing != Standing::Hidden);
            is_anyone_left && by_rank.decision(&voters).is_some_and(|label| query.is_right(label))
        })
    });
    let count = |at: usize| right.iter().filter(|of_query| of_query[at]).count();
    let best = (0..SHARES).reduce(|best, at| if count(at) > count(best) { at } else { best })?;
    Some(Threshold::Share(shares[best]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exemplar, Near, Query};

    /// Exemplars 0..4 are of label 0 and 4..8 of label 1, and each finds its own kind, but first of all exemplar 8, whose
    /// label is the other one.
    fn misled() -> (Neighborhoods, Vec<Votes>) {
        let labels = [0, 0, 0, 0, 1, 1, 1, 1, 1];
        let query = |at: usize| Query {
            name: String::new(),
            truth: vec![labels[at]],
            neighbors: std::iter::once(8)
                .filter(|_| at < 4)
                .chain((0..8).filter(|near| *near != at && labels[*near] == labels[at]).take(1))
                .map(|near| Near::new(near as u32, 0.1))
                .collect(),
            ..Query::default()
        };
        let table = Neighborhoods {
            labels: vec!["a".into(), "b".into()],
            exemplars: labels.map(|label| Exemplar { name: String::new(), id: None, label }).to_vec(),
            queries: (0..8).map(query).collect(),
            ..Default::default()
        };
        // All of them are wrong more often than 60 % of the time, as in a memory of few exemplars a label.
        let votes = |wrong| Votes { retrievals: 100, wrong };
        (table, (0..9).map(|at| votes(if at == 8 { 98 } else { 72 })).collect())
    }

    #[test]
    fn hard_pruning_hides_who_misleads_and_keeps_who_is_wrong_for_want_of_neighbors() {
        let (table, votes) = misled();
        assert_eq!(hard_threshold(&table, &votes), Some(Threshold::Share(0.95)));
    }

    #[test]
    fn where_hiding_never_helps_as_few_as_possible_are_hidden() {
        let (mut table, votes) = misled();
        table.queries.drain(..4);
        assert_eq!(hard_threshold(&table, &votes), Some(Threshold::Share(1.0)));
        assert_eq!(hard_threshold(&Neighborhoods::default(), &[]), None);
    }

    #[test]
    fn hiding_all_neighbors_of_a_query_is_no_merit_though_all_vote_then() {
        let (mut table, mut votes) = misled();
        // Who misleads the first four is wrong in 20 %, their right neighbours in 10 %: hiding from 20 % on helps them. Of the
        // others that hides every neighbour, so that all of them vote, as if nothing were pruned.
        for (at, votes) in votes.iter_mut().enumerate() {
            votes.wrong = match at {
                8 => 20,
                0..4 => 10,
                _ => 60,
            };
        }
        assert_eq!(hard_threshold(&table, &votes), Some(Threshold::Share(1.0)));
        table.queries.truncate(4);
        assert_eq!(hard_threshold(&table, &votes), Some(Threshold::Share(0.15)));
    }
}
