//! What is taken for what, as `vismem classify` decides: a confusion matrix, precision and recall of each label.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vismem::{Pruning, Tuning};

use crate::ballot::Ballot;
use crate::{Cell, Neighborhoods, PrunedBy, Query, Result, Rule, Share, Table};

/// The decisions that the memory makes where nobody says otherwise, under the pruning that is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AsClassified {
    /// The vote.
    pub rule: Rule,
    /// How many neighbours vote, or all where there are fewer.
    pub k: usize,
    /// The pruning that is set.
    pub pruning: PrunedBy,
    /// Share of the queries that is decided right.
    pub accuracy: Share,
    /// The mean of the labels' recalls, 0..=1: every label counts alike, however many queries it has.
    pub balanced: f64,
    /// Share of the queries that the answer would be right for which is always the most frequent label among them.
    pub most_frequent: Share,
    /// Every label that queries have or are taken for, the lowest recall first.
    pub labels: Vec<LabelQuality>,
    /// The confusion matrix: its cells that are not 0, by label.
    pub confusion: Vec<Confused>,
}

/// How well a label is told from others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelQuality {
    /// The label.
    pub label: String,
    /// Share of its queries that is decided right; `None` where it has none.
    pub recall: Option<Share>,
    /// Share of those that are taken for it which are right; `None` where nothing is.
    pub precision: Option<Share>,
}

/// A cell of the confusion matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confused {
    /// The right label: of several the one that was decided, or else the first.
    pub truth: String,
    /// What was decided.
    pub decision: String,
    /// How many queries.
    pub count: u64,
}

/// Computes it for queries that are judged and have neighbours.
pub(crate) fn as_classified(table: &Neighborhoods, queries: &[&Query]) -> Result<AsClassified> {
    let Tuning { vote, k } = table.decides_by();
    let mut cells: BTreeMap<(u32, Option<u32>), u64> = BTreeMap::new();
    for query in queries {
        let decision = Ballot::of(table, query, vote, k)?.map(|ballot| ballot.winner());
        let truth = decision.filter(|decision| query.is_right(*decision)).unwrap_or(query.truth[0]);
        *cells.entry((truth, decision)).or_default() += 1;
    }
    let sum = |of: &dyn Fn(u32, Option<u32>) -> bool| {
        cells.iter().filter(|((truth, decision), _)| of(*truth, *decision)).map(|(_, count)| count).sum::<u64>()
    };
    let name = |label: u32| table.labels[label as usize].clone();
    let mut known: Vec<u32> =
        cells.keys().flat_map(|(truth, decision)| decision.iter().copied().chain([*truth])).collect();
    known.sort_unstable();
    known.dedup();
    let mut labels: Vec<LabelQuality> = known
        .iter()
        .map(|&label| {
            let right = cells.get(&(label, Some(label))).copied().unwrap_or(0);
            LabelQuality {
                label: name(label),
                recall: Share::of(right, sum(&|truth, _| truth == label)),
                precision: Share::of(right, sum(&|_, decision| decision == Some(label))),
            }
        })
        .collect();
    let recall = |quality: &LabelQuality| quality.recall.map_or(2.0, |recall| recall.value);
    labels.sort_by(|a, b| recall(a).total_cmp(&recall(b)).then_with(|| a.label.cmp(&b.label)));
    let recalls: Vec<f64> = labels.iter().filter_map(|quality| Some(quality.recall?.value)).collect();
    let n = queries.len() as u64;
    let most = known.iter().map(|label| sum(&|truth, _| truth == *label)).max().unwrap_or(0);
    let shares = Share::of(sum(&|truth, decision| decision == Some(truth)), n).zip(Share::of(most, n));
    let (accuracy, most_frequent) = shares.ok_or(crate::Error::NoQueries)?;
    let confused = |(&(truth, decision), &count): (&(u32, Option<u32>), &u64)| {
        Some(Confused { truth: name(truth), decision: name(decision?), count })
    };
    let mut confusion: Vec<Confused> = cells.iter().filter_map(confused).collect();
    confusion.sort_by(|a, b| (&a.truth, &a.decision).cmp(&(&b.truth, &b.decision)));
    Ok(AsClassified {
        rule: vote.into(),
        k: k.min(table.depth()),
        pruning: PrunedBy::of(table.set_pruning.as_ref().map(|set| -> &Pruning { &set.pruning })),
        accuracy,
        balanced: recalls.iter().sum::<f64>() / recalls.len().max(1) as f64,
        most_frequent,
        labels,
        confusion,
    })
}

impl AsClassified {
    /// How it decides, in words.
    pub fn rule_in_words(&self) -> String {
        let pruning = match self.pruning {
            PrunedBy::None => String::new(),
            pruning => format!(" under the {} pruning that is set", pruning.name()),
        };
        format!("{}{pruning}", self.rule.of(self.k))
    }

    pub(crate) fn tables(&self) -> [Table; 2] {
        let rule = self.rule_in_words();
        let columns = [
            "label",
            "recall",
            "recall_low",
            "recall_high",
            "n",
            "precision",
            "precision_low",
            "precision_high",
            "taken_for_it",
        ];
        let caption = format!("Recall and precision of each label, {rule}, the lowest recall first");
        let mut labels = Table::long("aggregation-precision-recall", caption, columns);
        for LabelQuality { label, recall, precision } in &self.labels {
            let cells = |share: &Option<Share>| match share {
                Some(Share { value, low, high, n }) => {
                    [Cell::Share(*value), Cell::Share(*low), Cell::Share(*high), Cell::Count(*n)]
                }
                None => [Cell::Empty, Cell::Empty, Cell::Empty, Cell::Count(0)],
            };
            labels.row([label.into()].into_iter().chain(cells(recall)).chain(cells(precision)));
        }
        let caption = format!("Confusion matrix: queries by right label and decision, {rule}");
        let mut confusion = Table::long("aggregation-confusion", caption, ["truth", "decision", "count"]);
        for Confused { truth, decision, count } in &self.confusion {
            confusion.row([truth.into(), decision.into(), Cell::Count(*count)]);
        }
        [labels, confusion]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exemplar, Near};

    #[test]
    fn precision_recall_and_confusion_are_those_counted_by_hand() {
        let labels = [0, 1, 1];
        let query = |truth: u32, nearest: u32| Query {
            name: String::new(),
            truth: vec![truth],
            neighbors: vec![Near::new(nearest, 0.1)],
            ..Query::default()
        };
        let table = Neighborhoods {
            labels: ["a", "b", "c"].map(str::to_owned).to_vec(),
            exemplars: labels.map(|label| Exemplar { name: String::new(), id: None, label }).to_vec(),
            queries: vec![query(0, 0), query(0, 0), query(0, 1), query(1, 2), query(2, 0)],
            ..Neighborhoods::default()
        };
        let result = as_classified(&table, &table.queries.iter().collect::<Vec<_>>()).unwrap();
        let counts: Vec<(&str, &str, u64)> =
            result.confusion.iter().map(|of| (of.truth.as_str(), of.decision.as_str(), of.count)).collect();
        assert_eq!(counts, [("a", "a", 2), ("a", "b", 1), ("b", "b", 1), ("c", "a", 1)]);
        let share = |share: Option<Share>| share.map(|share| (share.count(), share.n));
        let labels: Vec<_> = (result.labels.iter())
            .map(|label| (label.label.as_str(), share(label.recall), share(label.precision)))
            .collect();
        assert_eq!(
            labels,
            [("c", Some((0, 1)), None), ("a", Some((2, 3)), Some((2, 3))), ("b", Some((1, 1)), Some((1, 2))),]
        );
        assert_eq!((result.accuracy.count(), result.most_frequent.count()), (3, 3));
        assert!((result.balanced - (0.0 + 2.0 / 3.0 + 1.0) / 3.0).abs() < 1e-12);
    }
}
