//! How probable answers are, from the memory itself: what its exemplars, each asked without itself, say of the vote.
//!
//! With the scores S of labels (sums of weights, of whatever vote) and a temperature T,
//!
//! ```text
//! p = max(S, 0)^(1/T) / Σ max(S, 0)^(1/T)
//! ```
//!
//! over the labels that were voted for; 0 for others. T makes the mean logarithm of the right label's p greatest. Where there
//! are many exemplars, isotonic regression of "the winner is right" on the winner's p takes its place if it does better on
//! exemplars that it was not fitted to. [`crate::decide::conformal`] makes sets of labels from the same p.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::decide::conformal::{Conformal, strangeness};
use crate::decide::thinned::LeaveOneOut;
use crate::error::Result;
use crate::{ClassifyOptions, Memory, Progress, QueryError, Tuning, Vote};

/// Sets of labels go by at least so many neighbours, however few vote.
pub(crate) const SET_DEPTH: usize = 100;
/// So many exemplars of labels with more than one are the least that anything can be said from.
pub(crate) const LEAST: usize = 20;
/// Temperatures that are tried.
const TEMPERATURES: (f64, f64) = (0.05, 5.0);
/// A right label is taken to be no less probable than this, so that one that nobody voted for has a loss.
const LEAST_PROBABLE: f64 = 1e-4;
/// From so many answers on isotonic regression is tried.
const ISOTONIC_FROM: usize = 1000;
/// Parts that exemplars are split into where what is fitted is judged.
const FOLDS: usize = 5;
/// Up to so many exemplars a label on average, and from more than the other number on, what is known of one and of two fewer is
/// extrapolated.
const FEW: f64 = 10.0;
const TOO_FEW: f64 = 2.5;

/// What a memory has found out about its own answers with one vote and `k`: how probable labels are, and which sets of labels
/// hold the right one how often, at the labels and at every level of the taxonomy.
///
/// It holds for queries that are drawn like the exemplars. Where a query comes from elsewhere, neither probabilities nor
/// coverage hold; the share of empty sets then rises.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    pub(crate) tuning: Tuning,
    pub(crate) digest: [u8; 32],
    /// Hash of encoder, taxonomy and pruning.
    pub(crate) settings: [u8; 32],
    pub(crate) is_thinned: bool,
    /// How many exemplars were asked.
    pub(crate) asked: usize,
    /// The labels and the levels above them.
    pub(crate) levels: Vec<Calibrated>,
    pub(crate) added_since: u64,
}

/// The calibration of one level.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Calibrated {
    pub temperature: f64,
    /// Points of a growing line, which gives the winner's p another value; none where it stays.
    pub isotonic: Vec<(f64, f64)>,
    pub sets: Conformal,
}

/// Why a question has no calibration.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum NotCalibrated {
    /// The memory has none that belongs to it as it is.
    Absent,
    /// It has too few exemplars that share their labels to learn from: so many.
    TooFew(usize),
    /// It is calibrated for another vote or `k`.
    Other(Tuning),
    /// The question is what if the memory were another one.
    WhatIf,
}

impl fmt::Display for NotCalibrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => write!(f, "the memory is not calibrated"),
            Self::TooFew(count) => write!(
                f,
                "the memory cannot be calibrated: {LEAST} exemplars must have another one of the same label, and {count} have"
            ),
            Self::Other(Tuning { vote, k }) => write!(f, "the memory is calibrated for {vote} and {k} neighbours"),
            Self::WhatIf => write!(f, "the memory is calibrated as it is, and not for a what-if"),
        }
    }
}

/// What a vote says of names, as far as probabilities and sets depend on it.
#[derive(Debug, Default)]
pub(crate) struct Ranking<'n> {
    /// Names that were voted for, the winner first, and after them those that are near.
    pub names: Vec<&'n str>,
    /// Of those that were voted for.
    pub scores: Vec<f64>,
    /// Of each name the distance of its nearest exemplar that is there.
    pub nearest: Vec<f64>,
}

/// What an exemplar that was asked about itself is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// Logarithms of scores over the highest, winner first.
    logs: Vec<f64>,
    nearest: Vec<f64>,
    /// Where the right name is.
    right: Option<usize>,
}

impl Row {
    pub(crate) fn of(ranking: &Ranking<'_>, right: &str) -> Self {
        Self {
            logs: logs(&ranking.scores),
            nearest: ranking.nearest.clone(),
            right: ranking.names.iter().position(|name| *name == right),
        }
    }

    fn is_right(&self) -> bool {
        self.right == Some(0) && !self.logs.is_empty()
    }

    fn winner(&self, temperature: f64) -> f64 {
        shares(&self.logs, temperature).first().copied().unwrap_or(0.0)
    }

    /// How strange each name is.
    fn strangeness(&self, temperature: f64) -> Vec<f64> {
        let shares = shares(&self.logs, temperature);
        let of = |(at, nearest): (usize, &f64)| strangeness(shares.get(at).copied().unwrap_or(0.0), *nearest);
        self.nearest.iter().enumerate().map(of).collect()
    }

    /// How strange the right one is; infinite where it is not near.
    fn right_strangeness(&self, temperature: f64) -> f64 {
        self.right.map_or(f64::INFINITY, |right| self.strangeness(temperature)[right])
    }
}

/// Logarithms of scores over the highest; −∞ for those that are not above zero.
fn logs(scores: &[f64]) -> Vec<f64> {
    let most = scores.iter().copied().fold(0.0, f64::max);
    scores.iter().map(|score| if *score > 0.0 { (score / most).ln() } else { f64::NEG_INFINITY }).collect()
}

/// Probabilities at a temperature; all 0 where no score is above zero.
fn shares(logs: &[f64], temperature: f64) -> Vec<f64> {
    let powers: Vec<f64> = logs.iter().map(|log| (log / temperature).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|power| if total > 0.0 { power / total } else { 0.0 }).collect()
}

impl Calibrated {
    /// From what so many exemplars are told, all of them in each round.
    fn fit(rows: &[Row], askers: usize) -> Self {
        let temperature = temperature(rows);
        let winners: Vec<(f64, bool)> = rows.iter().map(|row| (row.winner(temperature), row.is_right())).collect();
        let isotonic = if winners.len() >= ISOTONIC_FROM && isotonic_is_better(&winners, askers) {
            isotonic(&winners)
        } else {
            Vec::new()
        };
        let sets = Conformal::of(rows.iter().map(|row| row.right_strangeness(temperature)));
        Self { temperature, isotonic, sets }
    }

    /// Of names with these scores, the winner first.
    pub(crate) fn probabilities(&self, scores: &[f64]) -> Vec<f64> {
        let mut shares = shares(&logs(scores), self.temperature);
        if let Some((winner, others)) = shares.split_first_mut()
            && !self.isotonic.is_empty()
        {
            let now = along(&self.isotonic, *winner);
            let rest = if *winner < 1.0 { (1.0 - now) / (1.0 - *winner) } else { 0.0 };
            others.iter_mut().for_each(|share| *share *= rest);
            *winner = now;
        }
        shares
    }

    /// How strange each name is: by its probability before isotonic regression.
    pub(crate) fn strangeness(&self, ranking: &Ranking<'_>) -> Vec<f64> {
        let row = Row { logs: logs(&ranking.scores), nearest: ranking.nearest.clone(), right: None };
        row.strangeness(self.temperature)
    }

    pub(crate) fn threshold(&self, coverage: f64) -> f64 {
        self.sets.threshold(coverage)
    }
}

/// The temperature at which right labels have the greatest mean logarithm of their probability, by golden section.
fn temperature(rows: &[Row]) -> f64 {
    let loss = |temperature: f64| -> f64 {
        let of = |row: &Row| {
            let right = row.right.filter(|right| *right < row.logs.len());
            let share = right.map_or(0.0, |right| shares(&row.logs, temperature)[right]);
            -share.max(LEAST_PROBABLE).ln()
        };
        rows.iter().map(of).sum()
    };
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (TEMPERATURES.0.ln(), TEMPERATURES.1.ln());
    let inner = |low: f64, high: f64| (high - golden * (high - low), low + golden * (high - low));
    let (mut a, mut b) = inner(low, high);
    let (mut at_a, mut at_b) = (loss(a.exp()), loss(b.exp()));
    while high - low > 1e-4 {
        if at_a <= at_b {
            high = b;
            (b, at_b) = (a, at_a);
            a = inner(low, high).0;
            at_a = loss(a.exp());
        } else {
            low = a;
            (a, at_a) = (b, at_b);
            b = inner(low, high).1;
            at_b = loss(b.exp());
        }
    }
    let best = f64::midpoint(low, high).exp();
    // Where nothing depends on it, such as where there is one label.
    if loss(best) < loss(1.0) { best } else { 1.0 }
}

/// Whether isotonic regression has a lower log loss than probabilities as they are, on those that it was not fitted to. They come
/// in an order that is random, in rounds.
fn isotonic_is_better(winners: &[(f64, bool)], askers: usize) -> bool {
    let loss = |probability: f64, is_right: bool| {
        let probability = probability.clamp(1e-6, 1.0 - 1e-6);
        -if is_right { probability.ln() } else { (1.0 - probability).ln() }
    };
    let as_is: f64 = winners.iter().map(|(winner, is_right)| loss(*winner, *is_right)).sum();
    let folded: f64 = (0..FOLDS)
        .map(|fold| {
            let line = isotonic(&others(winners, askers, fold));
            let fold = winners.iter().enumerate().filter(|(at, _)| fold_of(*at, askers) == fold);
            fold.map(|(_, winner)| winner).map(|(winner, is_right)| loss(along(&line, *winner), *is_right)).sum::<f64>()
        })
        .sum();
    folded < as_is
}

/// The fold of a row, where all that an exemplar is told is in one.
fn fold_of(row: usize, askers: usize) -> usize {
    row % askers % FOLDS
}

/// Those that are not of a fold.
fn others<T: Clone>(all: &[T], askers: usize, fold: usize) -> Vec<T> {
    all.iter().enumerate().filter(|(at, _)| fold_of(*at, askers) != fold).map(|(_, one)| one.clone()).collect()
}

/// A growing line through how often winners of a probability are right: pooling of adjacent violators. Each block counts one
/// decision more, which is right as often as all are, so that none is sure.
fn isotonic(winners: &[(f64, bool)]) -> Vec<(f64, f64)> {
    struct Block {
        from: f64,
        to: f64,
        right: f64,
        count: f64,
    }
    let mut sorted = winners.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let accuracy = sorted.iter().filter(|(_, right)| *right).count() as f64 / sorted.len().max(1) as f64;
    let mut blocks: Vec<Block> = Vec::new();
    for equal in sorted.chunk_by(|a, b| a.0 == b.0) {
        let right = equal.iter().filter(|(_, right)| *right).count() as f64;
        blocks.push(Block { from: equal[0].0, to: equal[0].0, right, count: equal.len() as f64 });
        while let [.., first, second] = &blocks[..]
            && first.right * second.count >= second.right * first.count
        {
            let (right, count) = (first.right + second.right, first.count + second.count);
            let pooled = Block { from: first.from, to: second.to, right, count };
            blocks.truncate(blocks.len() - 2);
            blocks.push(pooled);
        }
    }
    let mut line = Vec::with_capacity(2 * blocks.len());
    let mut least = 0.0;
    for Block { from, to, right, count } in blocks {
        least = f64::max(least, (right + accuracy) / (count + 1.0));
        line.push((from, least));
        if to > from {
            line.push((to, least));
        }
    }
    line
}

/// The value of a line at x, which is flat beyond its ends.
fn along(line: &[(f64, f64)], x: f64) -> f64 {
    let after = line.partition_point(|(at, _)| *at <= x);
    match (after.checked_sub(1).and_then(|before| line.get(before)), line.get(after)) {
        (Some((from, low)), Some((to, high))) => low + (high - low) * (x - from) / (to - from),
        (Some((_, value)), None) | (None, Some((_, value))) => *value,
        (None, None) => x,
    }
}

/// The answers of a memory to its own exemplars, each asked without itself, by one vote: what it is calibrated by.
#[derive(Debug, Clone)]
pub struct OwnAnswers {
    tuning: Tuning,
    digest: [u8; 32],
    settings: [u8; 32],
    is_thinned: bool,
    mean: f64,
    /// How many exemplars were asked.
    askers: usize,
    /// Level by level.
    levels: Vec<OwnRows>,
}

#[derive(Debug, Clone)]
struct OwnRows {
    /// Of all who ask, round by round.
    rows: Vec<Row>,
    /// Where labels have lost two; none where nothing is extrapolated.
    fewer: Vec<Row>,
}

impl OwnRows {
    fn calibrated(&self, askers: usize, mean: f64) -> Calibrated {
        let calibrated = Calibrated::fit(&self.rows, askers);
        if self.fewer.is_empty() {
            return calibrated;
        }
        let temperature = calibrated.temperature;
        let fewer = Conformal::of(self.fewer.iter().map(|row| row.right_strangeness(temperature)));
        Calibrated { sets: calibrated.sets.extrapolated(&fewer, mean), ..calibrated }
    }
}

/// What an exemplar is told of its label, by what others have taught.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnAnswer {
    /// How probable the winner is, 0..=1.
    pub probability: f64,
    /// Whether the winner is its label.
    pub is_right: bool,
    /// For each coverage that was asked for the size of the set, and whether its label is in it. All labels are counted as they
    /// are known to be near.
    pub sets: Vec<(usize, bool)>,
}

impl OwnAnswers {
    /// The calibration that they teach.
    pub fn calibration(&self) -> Calibration {
        Calibration {
            tuning: self.tuning,
            digest: self.digest,
            settings: self.settings,
            is_thinned: self.is_thinned,
            levels: self.levels.iter().map(|rows| rows.calibrated(self.askers, self.mean)).collect(),
            asked: self.askers,
            added_since: 0,
        }
    }

    /// How many exemplars were asked.
    pub fn asked(&self) -> usize {
        self.askers
    }

    /// The share of exemplars, 0..=1, whose set of labels with this coverage is empty: as many as of queries that are drawn like
    /// them.
    pub fn empty(&self, coverage: f64) -> f64 {
        let Some(labels) = self.levels.first() else { return 0.0 };
        let calibrated = labels.calibrated(self.askers, self.mean);
        let threshold = calibrated.threshold(coverage);
        let is_empty = |row: &&Row| row.strangeness(calibrated.temperature).iter().all(|value| *value > threshold);
        labels.rows.iter().filter(is_empty).count() as f64 / labels.rows.len().max(1) as f64
    }

    /// What each of them is told at labels where a fifth at a time is calibrated by the others. `labels` is how many the memory
    /// has, which is how many are in a set of all of them.
    pub fn cross_fitted(&self, coverages: &[f64], labels: usize) -> Vec<OwnAnswer> {
        let rows = self.rows();
        let folds: Vec<Calibrated> = (0..FOLDS).map(|fold| self.without(fold)).collect();
        let answer = |(at, row): (usize, &Row)| {
            let calibrated = &folds[fold_of(at, self.askers)];
            let strangeness = row.strangeness(calibrated.temperature);
            let set = |coverage: &f64| {
                let threshold = calibrated.threshold(*coverage);
                if threshold == f64::INFINITY {
                    return (labels, true);
                }
                let is_in = |value: &f64| *value <= threshold;
                let size = strangeness.iter().filter(|value| is_in(value)).count();
                (size, row.right.is_some_and(|right| is_in(&strangeness[right])))
            };
            let winner = row.winner(calibrated.temperature);
            let line = &calibrated.isotonic;
            OwnAnswer {
                probability: if line.is_empty() { winner } else { along(line, winner) },
                is_right: row.is_right(),
                sets: coverages.iter().map(set).collect(),
            }
        };
        // Once of each.
        rows.iter().take(self.askers).enumerate().map(answer).collect()
    }

    /// What all teach but those of a fold.
    fn without(&self, fold: usize) -> Calibrated {
        let left = (0..self.askers).filter(|asker| asker % FOLDS != fold).count();
        Calibrated::fit(&others(self.rows(), self.askers, fold), left.max(1))
    }

    fn rows(&self) -> &[Row] {
        self.levels.first().map_or(&[], |labels| &labels.rows)
    }
}

/// A calibration in numbers; those of the fit are of the labels themselves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CalibrationStats {
    /// The vote that it is for.
    pub vote: Vote,
    /// How many neighbours vote.
    pub k: usize,
    /// How many exemplars were asked.
    pub asked: usize,
    /// See [`Calibration::is_thinned`].
    pub thinned: bool,
    /// See [`Calibration::is_extrapolated`].
    pub extrapolated: bool,
    /// See [`Calibration::temperature`].
    pub temperature: f64,
    /// See [`Calibration::is_isotonic`].
    pub isotonic: bool,
    /// See [`Calibration::added_since`].
    pub added_since: u64,
}

impl Calibration {
    /// The vote and `k` that it is for.
    pub fn tuning(&self) -> Tuning {
        self.tuning
    }

    /// How many exemplars were asked, of at most 2,000.
    pub fn asked(&self) -> usize {
        self.asked
    }

    /// Whether labels lost other exemplars with each that was asked, because the memory was filled to so many of each.
    pub fn is_thinned(&self) -> bool {
        self.is_thinned
    }

    /// Whether thresholds of sets were extrapolated from the memory with one and with two fewer exemplars of each label.
    pub fn is_extrapolated(&self) -> bool {
        self.levels.first().is_some_and(|labels| !labels.sets.expected.is_empty())
    }

    /// The temperature at the labels, 0.05..=5: below 1 the winner is right more often than its share of the vote says.
    pub fn temperature(&self) -> f64 {
        self.levels.first().map_or(1.0, |labels| labels.temperature)
    }

    /// Whether the winner's probability is that of isotonic regression.
    pub fn is_isotonic(&self) -> bool {
        self.levels.first().is_some_and(|labels| !labels.isotonic.is_empty())
    }

    /// How many exemplars were added to the memory since: it goes by those that were there before.
    pub fn added_since(&self) -> u64 {
        self.added_since
    }

    /// In numbers.
    pub fn stats(&self) -> CalibrationStats {
        CalibrationStats {
            vote: self.tuning.vote,
            k: self.tuning.k,
            asked: self.asked(),
            thinned: self.is_thinned,
            extrapolated: self.is_extrapolated(),
            temperature: self.temperature(),
            isotonic: self.is_isotonic(),
            added_since: self.added_since,
        }
    }

    pub(crate) fn at(&self, level: usize) -> Option<&Calibrated> {
        self.levels.get(level)
    }
}

impl Memory {
    /// Finds out how probable the answers of the vote are that this memory [decides by](Memory::decides_by). `None` where too
    /// few exemplars can be asked: fewer than 20 have another one of the same label.
    ///
    /// At most 2,000 exemplars are asked, each among all others. They are those with the smallest vector hashes, so that a memory
    /// with the same content gives the same calibration, bit for bit.
    ///
    /// # Errors
    /// When a row that would be cited is damaged, something is forgotten meanwhile, or `progress` ends it.
    pub fn calibrate(&self, progress: &mut dyn Progress) -> Result<Option<Calibration>, QueryError> {
        let tuning = self.decides_by()?;
        Ok(self.own_answers(tuning, progress)?.map(|answers| answers.calibration()))
    }

    /// What this vote says of the memory's own exemplars, each asked without itself. `None` as [`Memory::calibrate`].
    ///
    /// # Errors
    /// As [`Memory::calibrate`], and when `k` or the vote is out of range.
    pub fn own_answers(&self, tuning: Tuning, progress: &mut dyn Progress) -> Result<Option<OwnAnswers>, QueryError> {
        tuning.vote.checked_for(tuning.k)?;
        if self.in_company() < LEAST {
            return Ok(None);
        }
        self.pruned(progress)?;
        let asked = LeaveOneOut::of(self)?;
        let levels = self.label_levels()?;
        let askers = asked.askers(1);
        let rows = asked.rows(&askers, 1, tuning, levels, progress)?;
        let few =
            if asked.is_thinned && asked.mean > TOO_FEW && asked.mean <= FEW { asked.askers(2) } else { Vec::new() };
        let fewer = if few.len() < LEAST {
            vec![Vec::new(); rows.len()]
        } else {
            asked.rows(&few, 2, tuning, levels, progress)?
        };
        Ok(Some(OwnAnswers {
            tuning,
            digest: *self.digest().as_bytes(),
            settings: self.settings.hash,
            is_thinned: asked.is_thinned,
            mean: asked.mean,
            askers: askers.len(),
            levels: rows.into_iter().zip(fewer).map(|(rows, fewer)| OwnRows { rows, fewer }).collect(),
        }))
    }

    /// How many exemplars have another one of the same label.
    fn in_company(&self) -> usize {
        self.labels().iter().map(|label| label.exemplars).filter(|count| *count > 1).sum()
    }

    /// The calibration that the memory keeps, if it still holds: exemplars may have been added since it was made, but nothing
    /// else was changed that decisions depend on.
    pub fn calibration(&self) -> Option<Arc<Calibration>> {
        self.indexes.calibration(self)
    }

    /// The calibration for a question.
    ///
    /// # Errors
    /// Why there is none.
    pub fn calibration_for(&self, options: &ClassifyOptions) -> Result<Arc<Calibration>, NotCalibrated> {
        if options.among.is_some() || !options.weights.is_empty() {
            return Err(NotCalibrated::WhatIf);
        }
        match self.calibration() {
            Some(kept) if kept.tuning == (Tuning { vote: options.vote, k: options.k }) => Ok(kept),
            Some(kept) => Err(NotCalibrated::Other(kept.tuning)),
            None if self.in_company() < LEAST => Err(NotCalibrated::TooFew(self.in_company())),
            None => Err(NotCalibrated::Absent),
        }
    }
}
