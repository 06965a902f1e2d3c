//! Whether a decision that is sure is right (paper, figure 15): accuracy against the plurality label's count, against the
//! entropy of the neighbours' labels, against confidence, and against the probability that the memory teaches itself.

use serde::{Deserialize, Serialize};
use vismem::Vote;

use crate::ballot::Ballot;
use crate::interval::Estimate;
use crate::{Cell, Neighborhoods, Probabilities, Query, Result, Rule, Share, Table, parallel};

/// Equal parts of confidence in a reliability diagram.
const BINS: usize = 15;
/// How to decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationOptions {
    /// The vote.
    pub vote: Vote,
    /// How many neighbours vote.
    pub k: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

impl Default for CalibrationOptions {
    /// Rank voting of 20 neighbours.
    fn default() -> Self {
        Self { vote: Vote::RANK, k: 20, seed: 0 }
    }
}

/// How confidence and accuracy go together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The vote whose decisions are judged.
    pub rule: Rule,
    /// How many neighbours vote.
    pub k: usize,
    /// How many neighbours plurality and entropy are taken over.
    pub neighbors: usize,
    /// By how many of the neighbours have the most frequent label; ten equal parts, as far as any decision has as many.
    pub by_plurality: Vec<Part>,
    /// By the entropy of their labels, in bits; parts of half a bit.
    pub by_entropy: Vec<Part>,
    /// By confidence, the winner's share of the vote.
    pub confidence: Confidence,
    /// By the memory's own probabilities; `None` where it has none: too few of its exemplars share their labels, or neighbours
    /// come from files.
    pub probabilities: Option<Probabilities>,
}

/// Decisions that are alike in something.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// From here on.
    pub from: f64,
    /// Up to here; the last part holds its end.
    pub to: f64,
    /// Mean of what they are alike in.
    pub mean: f64,
    /// Share of them that is right.
    pub accuracy: Share,
}

/// A reliability diagram and its summaries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Fifteen equal parts of confidence; those without a decision are left out.
    pub parts: Vec<Part>,
    /// Expected calibration error: mean distance of accuracy and confidence over these parts, by their decisions, 0..=1.
    pub ece: Estimate,
    /// Brier score of "the winner is right": mean square of confidence less 1 where it is, less 0 where not, 0..=1.
    pub brier: Estimate,
}

/// A decision, as far as calibration looks at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decided {
    pub confidence: f64,
    pub right: bool,
    plurality: usize,
    entropy: f64,
}

impl Decided {
    /// One whose neighbours do not matter.
    pub(crate) fn new(confidence: f64, right: bool) -> Self {
        Self { confidence, right, plurality: 0, entropy: 0.0 }
    }
}

/// Computes it; `own` is what the memory says of the same queries, see [`crate::probabilities()`].
///
/// # Errors
/// When no query has a known label.
pub fn calibration(
    table: &Neighborhoods,
    own: Option<Probabilities>,
    options: &CalibrationOptions,
) -> Result<Calibration> {
    let queries = table.judged_or_refuse()?;
    let decided = decide_all(table, &queries, options)?;
    let depth = table.depth();
    // No label can have more neighbours than exemplars, so the parts end where the decisions do.
    let most = decided.iter().map(|decided| decided.plurality).max().unwrap_or(1);
    let plurality = parts(&decided, most.div_ceil(10) as f64, 10, |decided| decided.plurality as f64);
    let halves = ((depth as f64).log2() / 0.5).ceil().max(1.0) as usize;
    Ok(Calibration {
        rule: options.vote.into(),
        k: options.k,
        neighbors: depth,
        by_plurality: plurality,
        by_entropy: parts(&decided, 0.5, halves, |decided| decided.entropy),
        confidence: judge(&decided, options.seed),
        probabilities: own,
    })
}

fn decide(table: &Neighborhoods, query: &Query, options: &CalibrationOptions) -> Result<Option<Decided>> {
    let Some(ballot) = Ballot::of(table, query, options.vote, options.k)? else { return Ok(None) };
    let mut labels: Vec<u32> = query.neighbors.iter().map(|near| table.label_of(near)).collect();
    labels.sort_unstable();
    let counts: Vec<usize> = labels.chunk_by(|a, b| a == b).map(<[u32]>::len).collect();
    let share = |count: usize| count as f64 / labels.len() as f64;
    Ok(Some(Decided {
        confidence: ballot.confidence(),
        right: query.is_right(ballot.winner()),
        plurality: counts.iter().copied().max().unwrap_or(0),
        entropy: counts.iter().map(|count| -share(*count) * share(*count).log2()).sum::<f64>().max(0.0),
    }))
}

/// The queries as they are decided.
fn decide_all(table: &Neighborhoods, queries: &[&Query], options: &CalibrationOptions) -> Result<Vec<Decided>> {
    let decided = parallel::map(queries, |query| decide(table, query, options));
    Ok(decided.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Decisions by something, in `count` parts of a width from 0 on; the last part is open to above. Parts without a decision
/// are left out.
fn parts(decided: &[Decided], width: f64, count: usize, of: impl Fn(&Decided) -> f64) -> Vec<Part> {
    let mut sums = vec![(0.0, 0, 0); count];
    for decided in decided {
        let value = of(decided);
        let part = ((value / width) as usize).min(count - 1);
        sums[part].0 += value;
        sums[part].1 += u64::from(decided.right);
        sums[part].2 += 1;
    }
    let part = |(at, (sum, right, n)): (usize, (f64, u64, u64))| {
        let (from, to) = (at as f64 * width, (at + 1) as f64 * width);
        Some(Part { from, to, mean: sum / n as f64, accuracy: Share::of(right, n)? })
    };
    sums.into_iter().enumerate().filter_map(part).collect()
}

pub(crate) fn judge(decided: &[Decided], seed: u64) -> Confidence {
    let by_confidence = |decided: &[Decided]| parts(decided, 1.0 / BINS as f64, BINS, |decided| decided.confidence);
    let ece = |groups: &[Vec<Decided>]| {
        let gaps = by_confidence(&groups[0]).into_iter();
        let gaps = gaps.map(|part| (part.accuracy.value - part.mean).abs() * part.accuracy.n as f64);
        gaps.sum::<f64>() / groups[0].len().max(1) as f64
    };
    let brier = |groups: &[Vec<Decided>]| {
        let squares = groups[0].iter().map(|d| (d.confidence - f64::from(u8::from(d.right))).powi(2));
        squares.sum::<f64>() / groups[0].len().max(1) as f64
    };
    Confidence {
        parts: by_confidence(decided),
        ece: Estimate::bootstrap(&[decided], seed, ece),
        brier: Estimate::bootstrap(&[decided], seed, brier),
    }
}

impl Calibration {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let rule = self.rule.of(self.k);
        let columns = ["sureness", "ece", "ece_low", "ece_high", "brier", "brier_low", "brier_high", "log_loss"];
        let mut summary = Table::new("calibration", format!("Calibration of {rule}"), columns);
        let mut judged = |name: &str, confidence: &Confidence, log_loss: Cell| {
            let Confidence { ece, brier, .. } = confidence;
            let numbers = [ece.value, ece.low, ece.high, brier.value, brier.low, brier.high].map(Cell::Number);
            summary.row([Cell::from(name)].into_iter().chain(numbers).chain([log_loss]));
        };
        judged("share of the vote", &self.confidence, Cell::Empty);
        if let Some(own) = &self.probabilities {
            judged("probability", &own.confidence, Cell::Number(own.log_loss.value));
        }
        let all = self.neighbors;
        let mut tables = vec![
            summary,
            part_table(
                "calibration-by-plurality",
                format!("Accuracy by count of the most frequent label among {all}"),
                &self.by_plurality,
            ),
            part_table(
                "calibration-by-entropy",
                format!("Accuracy by entropy of the labels of {all}, in bits"),
                &self.by_entropy,
            ),
            Table {
                is_short: false,
                ..part_table(
                    "calibration-by-confidence",
                    format!("Accuracy by confidence, {rule}"),
                    &self.confidence.parts,
                )
            },
        ];
        if let Some(own) = &self.probabilities {
            tables.push(own.sets_table(&rule.to_string()));
            let caption = format!("Accuracy by probability, {rule}");
            let table = part_table("calibration-by-probability", caption, &own.confidence.parts);
            tables.push(Table { is_short: false, ..table });
        }
        tables
    }
}

fn part_table(name: &'static str, caption: String, parts: &[Part]) -> Table {
    let mut table = Table::new(name, caption, ["from", "to", "mean", "accuracy", "low", "high", "n"]);
    for Part { from, to, mean, accuracy } in parts {
        let shares = [accuracy.value, accuracy.low, accuracy.high].map(Cell::Share);
        let bounds = [*from, *to, *mean].map(Cell::Number);
        table.row(bounds.into_iter().chain(shares).chain([Cell::Count(accuracy.n)]));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_computed_by_hand() {
        // Four at 0.9, three of them right; two at 0.3, one right.
        let all = [(0.9, true), (0.9, true), (0.9, true), (0.9, false), (0.3, true), (0.3, false)];
        let confidence = judge(&all.map(|(confidence, right)| Decided::new(confidence, right)), 0);
        let ece = (4.0 * (0.9 - 0.75) + 2.0 * (0.5 - 0.3)) / 6.0;
        let brier = (3.0 * 0.01 + 0.81 + 0.49 + 0.09) / 6.0;
        assert!((confidence.ece.value - ece).abs() < 1e-12 && (confidence.brier.value - brier).abs() < 1e-12);
        assert_eq!(confidence.parts.iter().map(|part| part.accuracy.n).collect::<Vec<_>>(), [2, 4]);
    }
}
