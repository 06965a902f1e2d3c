//! How much the parameters of the votes matter: sweeps of α, ξ and τ (paper, figure 9), and of γ and λ of kernel voting.

use serde::{Deserialize, Serialize};
use vismem::Vote;

use crate::accuracy::{at_each, best, right_at, right_of_each};
use crate::{AtK, Cell, Error, Neighborhoods, Paired, Result, Rule, Table};

/// ξ of distance voting: from none to the paper's 40.
pub const XI: [f64; 10] = [0.0, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0];
/// τ of softmax voting, around the paper's 0.07.
pub const TAU: [f64; 10] = [0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.5, 1.0];
/// α of rank voting, around the paper's 2.
pub const ALPHA: [f64; 10] = [0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// γ of kernel voting, at λ = 0.1.
pub const GAMMA: [f64; 10] = [0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0];
/// λ of kernel voting, at γ = 2.
pub const LAMBDA: [f64; 10] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 1.0, 3.0, 10.0];

/// The numbers of neighbours at which accuracies are given, as far as there are as many.
const KS: [usize; 4] = [10, 20, 50, 100];

/// Accuracies of the votes with other parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hyperparameters {
    /// [`ALPHA`], then [`XI`], then [`TAU`]; where embeddings are known, then [`GAMMA`] and [`LAMBDA`].
    pub points: Vec<SweepPoint>,
}

/// A vote with a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// The vote.
    pub rule: Rule,
    /// Which of its parameters is varied: `alpha`, `xi`, `tau`, `gamma` or `lambda`.
    pub parameter: String,
    /// The value of that.
    pub value: f64,
    /// Whether it is the value that the paper uses, or in kernel voting the one that is usual.
    pub is_the_papers: bool,
    /// The accuracy at 10, 20, 50 and 100 neighbours, as far as there are as many.
    pub accuracy: Vec<AtK>,
    /// The best over every k.
    pub best: AtK,
    /// That against the paper's (or usual) value of the same parameter, at the best k of that.
    pub against_papers: Paired,
}

/// A parameter, the vote with its usual value, and the votes with all values.
type Sweep = (&'static str, Vote, Vec<(f64, Vote)>);

fn sweeps(votes: &[Vote]) -> Vec<Sweep> {
    let of = |values: [f64; 10], vote: &dyn Fn(f64) -> Vote| values.map(|value| (value, vote(value))).to_vec();
    let mut sweeps = vec![
        ("alpha", Vote::RANK, of(ALPHA, &|alpha| Vote::Rank { alpha })),
        ("xi", Vote::DISTANCE, of(XI, &|xi| Vote::Distance { xi })),
        ("tau", Vote::SOFTMAX, of(TAU, &|tau| Vote::Softmax { tau })),
    ];
    if votes.contains(&Vote::KERNEL) {
        sweeps.push(("gamma", Vote::KERNEL, of(GAMMA, &|gamma| Vote::Kernel { gamma, lambda: 0.1 })));
        sweeps.push(("lambda", Vote::KERNEL, of(LAMBDA, &|lambda| Vote::Kernel { gamma: 2.0, lambda })));
    }
    sweeps
}

/// Computes it.
///
/// # Errors
/// When no query has a known label, or an embedding cannot be read.
pub fn hyperparameters(table: &Neighborhoods) -> Result<Hyperparameters> {
    let queries = table.judged_or_refuse()?;
    let (n, depth) = (queries.len() as u64, table.depth());
    let mut points = Vec::new();
    for (parameter, usual, values) in sweeps(table.votes_to_compare()) {
        let votes: Vec<Vote> = values.iter().map(|(_, vote)| *vote).collect();
        let depth = depth.min(usual.most_neighbors());
        let rights = right_of_each(table, &queries, &votes, None, depth)?;
        let accuracy = |right: &Vec<u64>| Some((at_each(right, n, KS), best(&at_each(right, n, 1..=depth))?));
        let accuracies = rights.iter().map(accuracy).collect::<Option<Vec<_>>>().ok_or(Error::NoQueries)?;
        let at_best = |at: usize| right_at(table, &queries, votes[at], None, accuracies[at].1.k);
        let of_usual = votes.iter().position(|vote| *vote == usual).map(at_best).transpose()?.unwrap_or_default();
        for (at, (value, vote)) in values.into_iter().enumerate() {
            let (accuracy, best) = accuracies[at].clone();
            points.push(SweepPoint {
                rule: vote.into(),
                parameter: parameter.into(),
                value,
                is_the_papers: vote == usual,
                accuracy,
                best,
                against_papers: Paired::of(&of_usual, &at_best(at)?, votes.len() * depth),
            });
        }
    }
    Ok(Hyperparameters { points })
}

impl Hyperparameters {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let caption = "Accuracy with other parameters: α of rank, ξ of distance, τ of softmax voting; * the paper's; γ and λ of \
             kernel voting; * the usual ones";
        let columns = [
            "vote",
            "parameter",
            "value",
            "usual",
            "k=10",
            "k=20",
            "k=50",
            "k=100",
            "best",
            "low",
            "high",
            "n",
            "best_k",
        ];
        let mut table = Table::new("hyperparameters", caption, columns);
        for SweepPoint { rule, parameter, value, is_the_papers, accuracy, best, against_papers: _ } in &self.points {
            let at = |k: usize| {
                let at = accuracy.iter().find(|at| at.k == k);
                at.map_or(Cell::Empty, |at| Cell::Share(at.accuracy.value))
            };
            let usual = if *is_the_papers { "*" } else { "" };
            let name = [Cell::from(&rule.vote), parameter.into(), Cell::Number(*value), usual.into()];
            let shares = [best.accuracy.value, best.accuracy.low, best.accuracy.high].map(Cell::Share);
            let counts = [Cell::Count(best.accuracy.n), best.k.into()];
            table.row(name.into_iter().chain(KS.map(at)).chain(shares).chain(counts));
        }
        vec![table]
    }
}
