//! How probable a memory says its answers are, and how often its sets of labels hold the right one.

use serde::{Deserialize, Serialize};
use vismem::{ClassifyOptions, Memory, OwnAnswer, OwnAnswers, Progress, Search, Tuning};

use crate::calibration::{Confidence, Decided, judge};
use crate::gather::QuerySet;
use crate::interval::Estimate;
use crate::{Cell, Result, Share, Table, parallel};

/// What sets are asked to cover.
const COVERAGES: [f64; 4] = [0.8, 0.9, 0.95, 0.99];
/// Sets go by at least so many neighbours.
const DEPTH: usize = 100;
/// Queries that are decided together.
const TOGETHER: usize = 1024;
/// So much more empty sets than foretold are no chance, even if what was foretold is a little off.
const MORE: f64 = 0.05;

/// The memory's own probabilities and sets of labels, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probabilities {
    /// How many exemplars, each asked without itself, they come from.
    pub asked: u64,
    /// Whether labels lost other exemplars with each that was asked, because the memory was filled to so many of each.
    pub thinned: bool,
    /// Whether sets were extrapolated to labels of all their exemplars.
    pub extrapolated: bool,
    /// The temperature, 0.05..=5: below 1 the winner is right more often than its share of the vote says.
    pub temperature: f64,
    /// Whether the winner's probability is that of isotonic regression.
    pub isotonic: bool,
    /// Whether those that are judged are the exemplars themselves, a fifth at a time by what the others taught.
    pub cross_fitted: bool,
    /// Judged with the winner's probability as its confidence.
    pub confidence: Confidence,
    /// Mean of −ln of the probability of what came about, that the winner is right or that it is not.
    pub log_loss: Estimate,
    /// Sets of labels, by what they were asked to cover.
    pub sets: Vec<SetsAt>,
    /// Whether so many more sets are empty than the memory foretells of queries that are like its exemplars, that these are not:
    /// then neither probabilities nor coverage hold.
    pub shifted: bool,
}

/// Sets of labels of one coverage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SetsAt {
    /// How often they were to hold the right label, 0..=1.
    pub coverage: f64,
    /// How often they do.
    pub covered: Share,
    /// Labels of a set on average.
    pub mean_size: f64,
    /// Labels of a set in the middle.
    pub median_size: u64,
    /// How many are empty.
    pub empty: Share,
    /// How many would be empty of queries that are like the exemplars, 0..=1.
    pub empty_foretold: f64,
}

/// What the memory says of the queries by one vote. `None` where it has too few exemplars that share their labels, or no query has a
/// known label. The memory need not be calibrated.
///
/// # Errors
/// When `k` or the vote is out of range, a row is damaged, or `progress` ends it.
pub fn probabilities(
    memory: &Memory,
    queries: &QuerySet,
    tuning: Tuning,
    search: Search,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<Option<Probabilities>> {
    let Some(own) = memory.own_answers(tuning, progress)? else { return Ok(None) };
    let answers = if queries.is_own() {
        let labels = memory.labels().iter().filter(|label| label.exemplars > 0).count();
        own.cross_fitted(&COVERAGES, labels)
    } else {
        asked(memory, queries, &own, tuning, search, progress)?
    };
    Ok(judged(&own, &answers, queries.is_own(), seed))
}

/// The memory's answers to queries from elsewhere whose label is known.
fn asked(
    memory: &Memory,
    queries: &QuerySet,
    own: &OwnAnswers,
    tuning: Tuning,
    search: Search,
    progress: &mut dyn Progress,
) -> Result<Vec<OwnAnswer>> {
    let options = ClassifyOptions { k: tuning.k, vote: tuning.vote, search, ..ClassifyOptions::default() };
    let decider = memory.decider(&options)?.calibrated(own.calibration().into(), memory.labels());
    let known: Vec<usize> = (0..queries.len()).filter(|at| !queries.truth[*at].is_empty()).collect();
    let dim = memory.encoder().dim;
    let mut answers = Vec::with_capacity(known.len());
    for some in known.chunks(TOGETHER) {
        let part = queries.select(some, memory);
        let embeddings = part.embeddings(memory)?;
        let found = part.search(memory, tuning.k.max(DEPTH), None, search, progress)?;
        let positions: Vec<usize> = (0..some.len()).collect();
        let answered = parallel::map(&positions, |&at| -> Result<Option<OwnAnswer>> {
            let (query, candidates) = (&embeddings[at * dim..][..dim], memory.candidates(&found[at])?);
            let decision = decider.decide(query, &candidates);
            let sets = decider.sets(query, &candidates, &COVERAGES);
            let is_true = |label: &str| part.truth[at].iter().any(|known| known == label);
            Ok(decision.zip(sets).map(|(decision, sets)| OwnAnswer {
                probability: decision.sureness(),
                is_right: is_true(decision.label()),
                sets: sets
                    .iter()
                    .map(|set| (set.labels.len(), set.labels.iter().any(|label| is_true(label))))
                    .collect(),
            }))
        });
        answers.extend(answered.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten());
    }
    Ok(answers)
}

fn judged(own: &OwnAnswers, answers: &[OwnAnswer], cross_fitted: bool, seed: u64) -> Option<Probabilities> {
    let n = answers.len() as u64;
    let sets = |(at, &coverage): (usize, &f64)| {
        let mut sizes: Vec<usize> = answers.iter().map(|answer| answer.sets[at].0).collect();
        sizes.sort_unstable();
        let count = |is: &dyn Fn(&(usize, bool)) -> bool| answers.iter().filter(|answer| is(&answer.sets[at])).count();
        Some(SetsAt {
            coverage,
            covered: Share::of(count(&|(_, covers)| *covers) as u64, n)?,
            mean_size: sizes.iter().sum::<usize>() as f64 / n as f64,
            median_size: sizes[sizes.len() / 2] as u64,
            empty: Share::of(count(&|(size, _)| *size == 0) as u64, n)?,
            empty_foretold: own.empty(coverage),
        })
    };
    let sets: Vec<SetsAt> = COVERAGES.iter().enumerate().map(sets).collect::<Option<_>>()?;
    let decided = |answer: &OwnAnswer| Decided::new(answer.probability, answer.is_right);
    let decided: Vec<Decided> = answers.iter().map(decided).collect();
    let log_loss = |groups: &[Vec<Decided>]| {
        let losses = groups[0].iter().map(|decided| {
            let probability = decided.confidence.clamp(1e-6, 1.0 - 1e-6);
            -if decided.right { probability.ln() } else { (1.0 - probability).ln() }
        });
        losses.sum::<f64>() / groups[0].len().max(1) as f64
    };
    let calibration = own.calibration();
    Some(Probabilities {
        asked: calibration.asked() as u64,
        thinned: calibration.is_thinned(),
        extrapolated: calibration.is_extrapolated(),
        temperature: calibration.temperature(),
        isotonic: calibration.is_isotonic(),
        cross_fitted,
        confidence: judge(&decided, seed),
        log_loss: Estimate::bootstrap(&[&decided[..]], seed, log_loss),
        shifted: !cross_fitted && sets.iter().any(|at| at.empty.low > at.empty_foretold + MORE),
        sets,
    })
}

impl Probabilities {
    /// Sets of labels as a table.
    pub(crate) fn sets_table(&self, rule: &str) -> Table {
        let columns =
            ["coverage", "covered", "low", "high", "mean_size", "median_size", "empty", "empty_foretold", "n"];
        let mut table = Table::new("calibration-sets", format!("Sets of labels, {rule}"), columns);
        for at in &self.sets {
            let SetsAt { coverage, covered, mean_size, median_size, empty, empty_foretold } = at;
            table.row([
                Cell::Share(*coverage),
                Cell::Share(covered.value),
                Cell::Share(covered.low),
                Cell::Share(covered.high),
                Cell::Number(*mean_size),
                Cell::Count(*median_size),
                Cell::Share(empty.value),
                Cell::Share(*empty_foretold),
                Cell::Count(covered.n),
            ]);
        }
        table
    }
}
