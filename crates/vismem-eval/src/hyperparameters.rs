//! How much the parameters of the votes matter: sweeps of α, ξ and τ (paper, figure 9).

use serde::{Deserialize, Serialize};
use vismem::Vote;

use crate::accuracy::{at_each, best, right_at};
use crate::{AtK, Cell, Neighborhoods, Paired, Result, Rule, Table, right_at_every_k};

/// ξ of distance voting: from none to the paper's 40.
pub const XI: [f64; 10] = [0.0, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0];
/// τ of softmax voting, around the paper's 0.07.
pub const TAU: [f64; 10] = [0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.5, 1.0];
/// α of rank voting, around the paper's 2.
pub const ALPHA: [f64; 10] = [0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// The numbers of neighbours at which accuracies are given, as far as there are as many.
const KS: [usize; 4] = [10, 20, 50, 100];

/// Accuracies of the votes with other parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hyperparameters {
    /// [`ALPHA`], then [`XI`], then [`TAU`].
    pub points: Vec<SweepPoint>,
}

/// A vote with a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// The vote.
    pub rule: Rule,
    /// Whether it is the parameter that the paper uses.
    pub is_the_papers: bool,
    /// The accuracy at 10, 20, 50 and 100 neighbours, as far as there are as many.
    pub accuracy: Vec<AtK>,
    /// The best over every k.
    pub best: AtK,
    /// That against the paper's parameter of the same vote, at the best k of that.
    pub against_papers: Paired,
}

/// Computes it.
///
/// # Errors
/// When no query has a known label.
pub fn hyperparameters(table: &Neighborhoods) -> Result<Hyperparameters> {
    let queries = table.judged_or_refuse()?;
    let (n, depth) = (queries.len() as u64, table.depth());
    let alphas = ALPHA.map(|alpha| Vote::Rank { alpha });
    let votes =
        alphas.into_iter().chain(XI.map(|xi| Vote::Distance { xi })).chain(TAU.map(|tau| Vote::Softmax { tau }));
    let best_of = |vote: Vote| {
        let right = right_at_every_k(table, &queries, vote, None, depth);
        Some((at_each(&right, n, KS), best(&at_each(&right, n, 1..=depth))?))
    };
    let at_best = |vote: Vote| Some(right_at(table, &queries, vote, None, best_of(vote)?.1.k));
    let papers = [Vote::RANK, Vote::DISTANCE, Vote::SOFTMAX].map(|vote| (vote, at_best(vote).unwrap_or_default()));
    let point = |vote: Vote| {
        let (accuracy, best) = best_of(vote)?;
        let right = right_at(table, &queries, vote, None, best.k);
        let of_papers =
            papers.iter().find(|(papers, _)| std::mem::discriminant(papers) == std::mem::discriminant(&vote))?;
        Some(SweepPoint {
            rule: vote.into(),
            is_the_papers: papers.iter().any(|(papers, _)| *papers == vote),
            accuracy,
            best,
            against_papers: Paired::of(&of_papers.1, &right, ALPHA.len() * depth),
        })
    };
    Ok(Hyperparameters { points: votes.filter_map(point).collect() })
}

impl Hyperparameters {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let caption = "Accuracy with other parameters: α of rank, ξ of distance, τ of softmax voting; * the paper's";
        let columns =
            ["vote", "parameter", "paper", "k=10", "k=20", "k=50", "k=100", "best", "low", "high", "n", "best_k"];
        let mut table = Table::new("hyperparameters", caption, columns);
        for SweepPoint { rule, is_the_papers, accuracy, best, against_papers: _ } in &self.points {
            let at = |k: usize| {
                let at = accuracy.iter().find(|at| at.k == k);
                at.map_or(Cell::Empty, |at| Cell::Share(at.accuracy.value))
            };
            let name = [Cell::from(&rule.vote), rule.parameter.into(), (if *is_the_papers { "*" } else { "" }).into()];
            let shares = [best.accuracy.value, best.accuracy.low, best.accuracy.high].map(Cell::Share);
            let counts = [Cell::Count(best.accuracy.n), best.k.into()];
            table.row(name.into_iter().chain(KS.map(at)).chain(shares).chain(counts));
        }
        vec![table]
    }
}
