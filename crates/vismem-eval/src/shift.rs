//! Several sets of queries against one memory (paper, table 2): other places, other styles, other ways to label.

use serde::{Deserialize, Serialize};

use crate::accuracy::{at_each, best};
use crate::boxes::Box5;
use vismem::Vote;

use crate::{AtK, Cell, Neighborhoods, Result, Rule, Table, right_at_every_k};

/// The numbers of neighbours at which accuracies are given, as far as there are as many.
const KS: [usize; 4] = [10, 20, 50, 100];

/// Accuracies set by set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// The sets, in the order in which they were given.
    pub sets: Vec<ShiftSet>,
}

/// A set of queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftSet {
    /// What it is called.
    pub name: String,
    /// How many of its queries have more than one right label.
    pub several_labels: usize,
    /// The votes.
    pub votes: Vec<ShiftVote>,
    /// Cosine distances of its queries to their nearest neighbours: how far it lies from the memory.
    pub nearest: Box5,
}

/// A vote on a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftVote {
    /// The vote.
    pub rule: Rule,
    /// The accuracy at 10, 20, 50 and 100 neighbours, as far as there are as many.
    pub accuracy: Vec<AtK>,
    /// The best over every k.
    pub best: AtK,
}

/// Computes it for sets that each have a name.
///
/// # Errors
/// When a set has no query with a known label.
pub fn shift<'t>(sets: impl IntoIterator<Item = (String, &'t Neighborhoods)>) -> Result<Shift> {
    let set = |(name, table): (String, &Neighborhoods)| {
        let queries = table.judged_or_refuse()?;
        let (n, depth) = (queries.len() as u64, table.depth());
        let vote = |vote: &Vote| {
            let right = right_at_every_k(table, &queries, *vote, None, depth)?;
            let best = best(&at_each(&right, n, 1..=depth)).ok_or(crate::Error::NoQueries)?;
            Ok(ShiftVote { rule: Rule::from(*vote), accuracy: at_each(&right, n, KS), best })
        };
        let nearest = queries.iter().filter_map(|query| Some(query.neighbors.first()?.distance)).collect();
        Ok(ShiftSet {
            name,
            several_labels: queries.iter().filter(|query| query.truth.len() > 1).count(),
            votes: table.votes_to_compare().iter().map(vote).collect::<Result<_>>()?,
            nearest: Box5::of(nearest).ok_or(crate::Error::NoQueries)?,
        })
    };
    Ok(Shift { sets: sets.into_iter().map(set).collect::<Result<_>>()? })
}

impl Shift {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let columns = [
            "queries",
            "vote",
            "k=10",
            "k=20",
            "k=50",
            "k=100",
            "best",
            "low",
            "high",
            "n",
            "best_k",
            "nearest_median",
            "several_labels",
        ];
        let mut table = Table::new("shift", "Accuracy on sets of queries", columns);
        for set in &self.sets {
            for ShiftVote { rule, accuracy, best } in &set.votes {
                let at = |k: usize| {
                    let at = accuracy.iter().find(|at| at.k == k);
                    at.map_or(Cell::Empty, |at| Cell::Share(at.accuracy.value))
                };
                let shares = [best.accuracy.value, best.accuracy.low, best.accuracy.high].map(Cell::Share);
                let name = [Cell::from(&set.name), Cell::from(&rule.vote)];
                let rest = [
                    Cell::Count(best.accuracy.n),
                    best.k.into(),
                    Cell::Number(set.nearest.median),
                    set.several_labels.into(),
                ];
                table.row(name.into_iter().chain(KS.map(at)).chain(shares).chain(rest));
            }
        }
        vec![table]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exemplar, Near, Query};

    #[test]
    fn any_of_several_labels_is_right() {
        let table = |truth: Vec<u32>| Neighborhoods {
            labels: vec!["a".into(), "b".into()],
            exemplars: [0, 1].map(|label| Exemplar { name: String::new(), id: None, label }).to_vec(),
            queries: vec![Query {
                name: String::new(),
                truth,
                neighbors: vec![Near::new(1, 0.25), Near::new(0, 0.5)],
                ..Query::default()
            }],
            ..Default::default()
        };
        let (one, several) = (table(vec![0]), table(vec![0, 1]));
        let result = shift([("one".into(), &one), ("several".into(), &several)]).unwrap();
        let best: Vec<f64> = result.sets.iter().map(|set| set.votes[0].best.accuracy.value).collect();
        assert_eq!(best, [0.0, 1.0]);
        assert_eq!((result.sets[0].several_labels, result.sets[1].several_labels), (0, 1));
        assert_eq!(result.sets[0].nearest.median, 0.25);
    }
}
