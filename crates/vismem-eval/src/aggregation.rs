//! How to aggregate: the four votes at every k, with soft and hard pruning beside them (paper, section 3.1 and 3.6,
//! appendix B and I, figure 2, tables 3 to 9).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vismem::{Pruning, Standing, Threshold, Tuning, Vote};

use crate::accuracy::{at_each, best, right_at, right_of_each, table_ks};
use crate::ballot::Ballot;
use crate::confusion::as_classified;
use crate::{
    AsClassified, AtK, Cell, LinearProbe, Neighborhoods, Paired, Probed, PrunedBy, Query, Result, Rule, Share, Table,
    decisions_at_every_k, parallel,
};

/// What to prune by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AggregationOptions {
    /// Hard pruning. The paper's 128 wrong votes suit 1,281 exemplars a label; for other memories see
    /// [`crate::hard_threshold`].
    pub hard: Pruning,
    /// Who chose where it begins.
    pub chosen_by: ChosenBy,
    /// Soft pruning.
    pub soft: Pruning,
}

impl Default for AggregationOptions {
    /// The paper's: hard pruning from 128 wrong votes on, over 100 neighbours; soft pruning.
    fn default() -> Self {
        let hard = Pruning::Hard { neighbors: 100, threshold: Threshold::Votes(128) };
        Self { hard, chosen_by: ChosenBy::User, soft: Pruning::SOFT }
    }
}

/// Who chose where hard pruning begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChosenBy {
    /// Whoever asked.
    User,
    /// The memory asked about itself: the best of several thresholds. Queries from elsewhere had no say.
    LeaveOneOut,
}

/// Where hard pruning began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HardPruning {
    /// In words, such as `90 % of retrievals` or `128 wrong votes`.
    pub from: String,
    /// As `prune hard --threshold` takes it, such as `90%` or `128`.
    pub threshold: String,
    /// Who chose it.
    pub chosen_by: ChosenBy,
    /// How many exemplars it hides.
    pub hidden: usize,
    /// Labels all of whose exemplars it hides, by name.
    pub hidden_labels: Vec<String>,
}

/// Accuracies of every vote under every pruning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregation {
    /// Each vote without pruning, then each with soft and with hard pruning where the counts for these are known.
    pub curves: Vec<Curve>,
    /// Where hard pruning began; `None` where the counts for it are not known.
    pub hard: Option<HardPruning>,
    /// The accuracy of each label under the best of the curves without pruning, at its best k.
    pub by_label: ByLabel,
    /// The decisions that the memory makes where nobody says otherwise.
    pub as_classified: AsClassified,
    /// The best of the curves without pruning, at its best k, against these decisions.
    pub best_against_classified: Paired,
    /// The best of the curves of the same vote with pruning, at its best k, against that without; `None` where the counts for
    /// pruning are not known.
    pub pruned_against_best: Option<Paired>,
    /// What training would have given; `None` where neighbours came from files, which have no embeddings, and where the
    /// memory has fewer than two exemplars or too many labels for it.
    pub linear_probe: Option<LinearProbe>,
}

/// A vote under a pruning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The vote.
    pub rule: Rule,
    /// The pruning.
    pub pruning: PrunedBy,
    /// How many exemplars hard pruning hides; 0 otherwise.
    pub hidden: usize,
    /// The accuracy at every k of 1..=k.
    pub accuracy: Vec<AtK>,
    /// The best of them; of equally good ones that with the fewest neighbours. Chosen on the queries that it is measured
    /// on, as the paper does, so it is a little too good.
    pub best: AtK,
}

/// Accuracies label by label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ByLabel {
    /// The vote.
    pub rule: Rule,
    /// How many neighbours voted.
    pub k: usize,
    /// Every label that queries have, the worst first.
    pub labels: Vec<LabelAccuracy>,
}

/// The accuracy on the queries of one label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelAccuracy {
    /// The label. A query with several right labels counts for each of them.
    pub label: String,
    /// Share of its queries that was decided right.
    pub accuracy: Share,
    /// What most of the wrong ones were taken for; `None` where none is wrong.
    pub taken_for: Option<String>,
    /// How many exemplars the memory has of it.
    pub exemplars: u64,
}

/// Computes it. `probed` is what a linear probe decides for the queries of the table, if there is one.
///
/// # Errors
/// When no query has a known label.
pub fn aggregation(
    table: &Neighborhoods,
    options: &AggregationOptions,
    probed: Option<&Probed>,
) -> Result<Aggregation> {
    let queries = table.judged_or_refuse()?;
    let (n, depth) = (queries.len() as u64, table.depth());
    let votes = table.votes_to_compare();
    let (mut curves, mut hard) = (Vec::new(), None);
    for pruning in [None, Some(options.soft), Some(options.hard)] {
        let standings = match &pruning {
            None => None,
            Some(pruning) => match table.standings(pruning) {
                Some(standings) => Some(standings),
                None => continue,
            },
        };
        let hidden = standings.iter().flatten().filter(|standing| **standing == Standing::Hidden).count();
        if let Some(Pruning::Hard { threshold, .. }) = pruning {
            hard = Some(HardPruning {
                from: threshold.to_string(),
                threshold: match threshold {
                    Threshold::Votes(votes) => votes.to_string(),
                    // 0.3 * 100 is not a whole number; nobody means more digits than these.
                    Threshold::Share(share) => format!("{}%", (share * 1e10).round() / 1e8),
                },
                chosen_by: options.chosen_by,
                hidden,
                hidden_labels: hidden_labels(table, standings.as_deref().unwrap_or_default()),
            });
        }
        for (vote, right) in votes.iter().zip(right_of_each(table, &queries, votes, standings.as_deref(), depth)?) {
            let accuracy = at_each(&right, n, 1..=depth.min(vote.most_neighbors()));
            let Some(best) = best(&accuracy) else { continue };
            curves.push(Curve {
                rule: (*vote).into(),
                pruning: PrunedBy::of(pruning.as_ref()),
                hidden,
                accuracy,
                best,
            });
        }
    }
    let of_all = (0..votes.len()).reduce(|a, b| if better_of(&curves[a], &curves[b]) { b } else { a }).unwrap_or(0);
    let (vote, k) = (votes[of_all], curves[of_all].best.k);
    let best = right_at(table, &queries, vote, None, k)?;
    let best_against_classified = Paired::of(&usual(table, &queries)?, &best, votes.len() * depth);
    let of_vote = |curve: &&Curve| curve.rule == Rule::from(vote) && curve.pruning != PrunedBy::None;
    let pruned: Vec<&Curve> = curves.iter().filter(of_vote).collect();
    let better = |a, b| if better_of(a, b) { b } else { a };
    let pruned_against_best = pruned.iter().copied().reduce(better).map(|curve| {
        let pruning = if curve.pruning == PrunedBy::Soft { options.soft } else { options.hard };
        let right = right_at(table, &queries, vote, table.standings(&pruning).as_deref(), curve.best.k)?;
        Ok::<_, crate::Error>(Paired::of(&best, &right, pruned.len() * depth))
    });
    let pruned_against_best = pruned_against_best.transpose()?;
    Ok(Aggregation {
        by_label: by_label(table, vote, k)?,
        hard,
        as_classified: as_classified(table, &queries)?,
        best_against_classified,
        pruned_against_best,
        linear_probe: probed.and_then(|probed| LinearProbe::of(probed, table, &best)),
        curves,
    })
}

/// Whether the best of the second curve is better than that of the first.
fn better_of(first: &Curve, second: &Curve) -> bool {
    second.best.accuracy.value > first.best.accuracy.value
}

/// Whether each of the queries is decided right where nobody says otherwise; see [`AsClassified`].
fn usual(table: &Neighborhoods, queries: &[&Query]) -> Result<Vec<bool>> {
    let Tuning { vote, k } = table.decides_by();
    let is_right = |query: &&Query| {
        let ballot = Ballot::of(table, query, vote, k)?;
        Ok(ballot.is_some_and(|ballot| query.is_right(ballot.winner())))
    };
    queries.iter().map(is_right).collect()
}

/// Labels that some exemplar has and none that is not hidden.
fn hidden_labels(table: &Neighborhoods, standings: &[Standing]) -> Vec<String> {
    let of = |is: &dyn Fn(&Standing) -> bool| -> BTreeSet<u32> {
        let some = table.exemplars.iter().zip(standings).filter(|(_, standing)| is(standing));
        some.map(|(exemplar, _)| exemplar.label).collect()
    };
    let is_hidden = |standing: &Standing| *standing == Standing::Hidden;
    let gone = &of(&is_hidden) - &of(&|standing| !is_hidden(standing));
    gone.into_iter().map(|label| table.labels[label as usize].clone()).collect()
}

/// Accuracies label by label for a vote of `k` neighbours.
fn by_label(table: &Neighborhoods, vote: Vote, k: usize) -> Result<ByLabel> {
    #[derive(Default)]
    struct Tally {
        right: u64,
        n: u64,
        wrong: BTreeMap<u32, u64>,
    }
    let mut tallies: BTreeMap<u32, Tally> = BTreeMap::new();
    let queries: Vec<&Query> = table.judged().collect();
    let decisions = parallel::map(&queries, |query| decisions_at_every_k(table, query, vote, None));
    for (query, decisions) in queries.into_iter().zip(decisions) {
        let decisions = decisions?;
        let decision = decisions.get(k - 1).or(decisions.last());
        for label in &query.truth {
            let tally = tallies.entry(*label).or_default();
            tally.n += 1;
            match decision {
                Some(decision) if query.is_right(*decision) => tally.right += 1,
                Some(decision) => *tally.wrong.entry(*decision).or_default() += 1,
                None => {}
            }
        }
    }
    let name = |label: u32| table.labels[label as usize].clone();
    let mut exemplars = vec![0; table.labels.len()];
    table.exemplars.iter().for_each(|exemplar| exemplars[exemplar.label as usize] += 1);
    let mut labels: Vec<LabelAccuracy> = tallies
        .into_iter()
        .filter_map(|(label, tally)| {
            // Of equally frequent ones the first by name.
            let most = tally.wrong.iter().max_by(|(a, x), (b, y)| x.cmp(y).then(b.cmp(a)));
            let taken_for = most.map(|(label, _)| name(*label));
            let exemplars = exemplars[label as usize];
            Some(LabelAccuracy { label: name(label), accuracy: Share::of(tally.right, tally.n)?, taken_for, exemplars })
        })
        .collect();
    labels.sort_by(|a, b| a.accuracy.value.total_cmp(&b.accuracy.value).then_with(|| a.label.cmp(&b.label)));
    Ok(ByLabel { rule: vote.into(), k, labels })
}

impl Aggregation {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let hard = self.hard.as_ref().map_or_else(String::new, |hard| {
            let chosen = match hard.chosen_by {
                ChosenBy::User => "",
                ChosenBy::LeaveOneOut => ", the best by leave-one-out on the memory",
            };
            format!("; hard pruning from {} on{chosen}", hard.from)
        });
        let probe = match self.linear_probe {
            Some(_) => "; the linear probe is no memory: it is trained on all exemplars at once",
            None => "",
        };
        let mut short = Table::new(
            "aggregation",
            format!("Accuracy by vote and pruning; the best k of each with its 95 % interval{hard}{probe}"),
            ["vote", "pruning", "k=10", "k=20", "k=50", "k=100", "best", "low", "high", "best_k", "hidden"],
        );
        let mut every = Table::long(
            "aggregation-every-k",
            "Accuracy at every k with its 95 % interval",
            ["vote", "pruning", "k", "accuracy", "low", "high", "n"],
        );
        for curve in &self.curves {
            let at = |k: usize| curve.accuracy.get(k - 1).map_or(Cell::Empty, |at| Cell::Share(at.accuracy.value));
            let name = [Cell::from(&curve.rule.vote), curve.pruning.name().into()];
            let best = curve.best.accuracy;
            let shares = [best.value, best.low, best.high].map(Cell::Share);
            short.row(
                name.clone()
                    .into_iter()
                    .chain([10, 20, 50, 100].map(at))
                    .chain(shares)
                    .chain([curve.best.k.into(), curve.hidden.into()]),
            );
            for AtK { k, accuracy } in &curve.accuracy {
                let shares = [accuracy.value, accuracy.low, accuracy.high].map(Cell::Share);
                every.row(name.clone().into_iter().chain([(*k).into()]).chain(shares).chain([Cell::Count(accuracy.n)]));
            }
        }
        if let Some(LinearProbe { accuracy, .. }) = self.linear_probe {
            let shares = [accuracy.value, accuracy.low, accuracy.high].map(Cell::Share);
            let none = |count| std::iter::repeat_n(Cell::Empty, count);
            short.row([Cell::from("linear probe")].into_iter().chain(none(5)).chain(shares).chain(none(2)));
        }
        let rule = self.by_label.rule.of(self.by_label.k);
        let mut labels = Table::long(
            "aggregation-by-label",
            format!("Accuracy of each label, {rule}, the worst first"),
            ["label", "accuracy", "low", "high", "n", "taken_for"],
        );
        for LabelAccuracy { label, accuracy, taken_for, exemplars: _ } in &self.by_label.labels {
            let shares = [accuracy.value, accuracy.low, accuracy.high].map(Cell::Share);
            let taken_for = taken_for.as_ref().map_or(Cell::Empty, Cell::from);
            labels.row([label.into()].into_iter().chain(shares).chain([Cell::Count(accuracy.n), taken_for]));
        }
        let [qualities, confusion] = self.as_classified.tables();
        vec![short, every, labels, qualities, confusion]
    }

    /// The numbers of neighbours that a table shows, as the paper's do.
    pub fn table_ks(&self) -> Vec<usize> {
        table_ks(self.curves.first().map_or(1, |curve| curve.accuracy.len()))
    }
}
