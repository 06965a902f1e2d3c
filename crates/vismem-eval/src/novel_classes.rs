//! Adding classes (paper, section 3.2, table 1, figure 12): some labels are held out and then inserted. What becomes of the
//! old ones, how good are the new ones, and are queries of the new ones known to be new before.

use serde::{Deserialize, Serialize};
use vismem::search::Neighbor;
use vismem::{Among, Memory, Progress, Search, Vote};

use crate::boxes::{Box5, detection};
use crate::gather::{QuerySet, Roster, neighborhoods};
use crate::interval::Estimate;
use crate::random::Random;
use crate::{Cell, Error, Result, Rule, Share, Table, decisions_at_every_k};

/// How many labels are held out where the user names none: a tenth, at least one.
const TENTH: usize = 10;
/// Neighbours whose distances are summed up.
const NEAR: usize = 100;

/// What to hold out, and how to decide.
#[derive(Debug, Clone, PartialEq)]
pub struct NovelClassesOptions {
    /// The vote.
    pub vote: Vote,
    /// How many neighbours vote.
    pub k: usize,
    /// Labels to hold out; none for a tenth of all, drawn anew for each seed.
    pub held_out: Vec<String>,
    /// Seeds.
    pub seeds: Vec<u64>,
    /// How neighbours are searched for.
    pub search: Search,
}

/// Adding classes, run by run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NovelClasses {
    /// The vote.
    pub rule: Rule,
    /// How many neighbours vote.
    pub k: usize,
    /// One for each seed; one in all where labels were named.
    pub runs: Vec<NovelRun>,
}

/// Some labels held out and then inserted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NovelRun {
    /// The seed.
    pub seed: u64,
    /// The labels that were held out.
    pub held_out: Vec<String>,
    /// How many exemplars they have.
    pub inserted: usize,
    /// Accuracy on queries of the other labels before the insertion.
    pub old_before: Share,
    /// The same after it.
    pub old_after: Share,
    /// Old queries that were right before and are wrong after.
    pub forgotten: u64,
    /// Old queries that were wrong before and are right after.
    pub gained: u64,
    /// Accuracy on queries of the held-out labels after the insertion.
    pub new: Share,
    /// Distances of old queries to a memory without the held-out labels.
    pub known: Distances,
    /// Distances of queries of the held-out labels to it.
    pub novel: Distances,
    /// The chance that the nearest neighbour of a novel query is farther than that of a known one, 0..=1.
    pub auroc: Estimate,
    /// The share of novel queries that pass for known where 95 % of the known ones do.
    pub fpr95: Estimate,
}

/// Distances of queries to their neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Distances {
    /// To the nearest.
    pub nearest: Box5,
    /// Mean over the first 100.
    pub mean: Box5,
    /// Median over the first 100.
    pub median: Box5,
}

/// Computes it.
///
/// # Errors
/// When a label to hold out is not there, all or none of the labels or queries would be held out, or the memory refuses.
pub fn novel_classes(
    memory: &Memory,
    roster: &Roster,
    queries: &QuerySet,
    options: &NovelClassesOptions,
    progress: &mut dyn Progress,
) -> Result<NovelClasses> {
    let numbers: Vec<u32> = options.held_out.iter().map(|name| number_of(roster, name)).collect::<Result<_>>()?;
    // With the whole memory the decisions are the same for every run.
    let after = neighborhoods(memory, roster, queries, options.k, options.search, &mut ())?;
    let runs = if numbers.is_empty() { options.seeds.len() } else { 1 };
    let mut done = Vec::with_capacity(runs);
    let mut drawn: Vec<Vec<u32>> = Vec::with_capacity(runs);
    for &seed in &options.seeds[..runs.min(options.seeds.len())] {
        let held_out = if numbers.is_empty() { some_labels(roster, seed) } else { numbers.clone() };
        // Of few labels the same are drawn again, which would count twice.
        if drawn.contains(&held_out) {
            continue;
        }
        drawn.push(held_out.clone());
        done.push(run(memory, roster, queries, &after, held_out, seed, options)?);
        progress.advance("memories", done.len(), runs)?;
    }
    Ok(NovelClasses { rule: options.vote.into(), k: options.k, runs: done })
}

fn number_of(roster: &Roster, name: &String) -> Result<u32> {
    let number = roster.labels.iter().position(|label| label == name);
    let unknown = || {
        let meant = vismem::similar(name, roster.labels.iter().map(String::as_str));
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant:?}?"));
        Error::NotApplicable(format!("the memory has no label {name:?} that could be held out{meant}"))
    };
    number.map(|number| number as u32).ok_or_else(unknown)
}

/// A tenth of the labels with exemplars.
fn some_labels(roster: &Roster, seed: u64) -> Vec<u32> {
    let by_label = roster.by_label();
    let labels: Vec<u32> = (0..).zip(&by_label).filter(|(_, ids)| !ids.is_empty()).map(|(label, _)| label).collect();
    let count = (labels.len() / TENTH).max(1);
    let mut drawn: Vec<u32> = Random::new(seed).some_of(labels.len(), count).into_iter().map(|at| labels[at]).collect();
    drawn.sort_unstable();
    drawn
}

fn run(
    memory: &Memory,
    roster: &Roster,
    queries: &QuerySet,
    after: &crate::Neighborhoods,
    held_out: Vec<u32>,
    seed: u64,
    options: &NovelClassesOptions,
) -> Result<NovelRun> {
    let is_held_out = |label: &u32| held_out.contains(label);
    let (out, kept): (Vec<_>, Vec<_>) = roster.exemplars.iter().partition(|exemplar| is_held_out(&exemplar.label));
    let kept = Among::Only(kept.iter().filter_map(|exemplar| exemplar.id).collect());
    let depth = options.k.max(NEAR);
    let found = queries.search(memory, depth, Some(&kept), options.search, &mut ())?;
    let distances: Vec<Vec<f64>> = found.iter().map(|found| found.iter().map(distance).collect()).collect();
    let before = roster.table(queries, found);

    let is_right = |table: &crate::Neighborhoods, query: &crate::Query| {
        let decisions = decisions_at_every_k(table, query, options.vote, table.as_set())?;
        let decision = decisions.get(options.k - 1).or(decisions.last());
        Ok::<_, Error>(decision.is_some_and(|label| query.is_right(*label)))
    };
    let (mut old, mut new) = ([[0u64; 2]; 2], [0u64; 2]);
    let (mut known, mut novel) = (Vec::new(), Vec::new());
    let pairs = before.queries.iter().zip(&after.queries).zip(distances);
    for ((before_query, after_query), distances) in pairs.filter(|((query, _), _)| !query.truth.is_empty()) {
        let right_after = is_right(after, after_query)?;
        if before_query.truth.iter().all(is_held_out) {
            new[usize::from(right_after)] += 1;
            novel.push(distances);
        } else {
            old[usize::from(is_right(&before, before_query)?)][usize::from(right_after)] += 1;
            known.push(distances);
        }
    }
    let n = old.as_flattened().iter().sum();
    let missing = |what: &str| {
        Error::NotApplicable(format!(
            "there is no query of {what}; give queries of old and of new labels, or hold out others"
        ))
    };
    let old_share = |right| Share::of(right, n).ok_or_else(|| missing("a label that stays"));
    let (old_before, old_after) = (old_share(old[1][0] + old[1][1])?, old_share(old[0][1] + old[1][1])?);
    let new = Share::of(new[1], new[0] + new[1]).ok_or_else(|| missing("a label that is held out"))?;
    let known_distances = Distances::of(&known).ok_or_else(|| missing("a label that stays"))?;
    let novel_distances = Distances::of(&novel).ok_or_else(|| missing("a label that is held out"))?;
    let nearest = |of: &[Vec<f64>]| of.iter().filter_map(|distances| distances.first().copied()).collect::<Vec<f64>>();
    let (near, far) = (nearest(&known), nearest(&novel));
    let [auroc, fpr95] = detection(&near, &far, seed);
    Ok(NovelRun {
        seed,
        held_out: held_out.iter().map(|label| roster.labels[*label as usize].clone()).collect(),
        inserted: out.len(),
        old_before,
        old_after,
        forgotten: old[1][0],
        gained: old[0][1],
        new,
        known: known_distances,
        novel: novel_distances,
        auroc,
        fpr95,
    })
}

fn distance(near: &Neighbor) -> f64 {
    f64::from(near.distance.clamp(0.0, 2.0))
}

impl Distances {
    fn of(queries: &[Vec<f64>]) -> Option<Self> {
        let each = |of: &dyn Fn(&[f64]) -> f64| {
            let found = queries.iter().filter(|distances| !distances.is_empty());
            Box5::of(found.map(|distances| of(&distances[..distances.len().min(NEAR)])).collect())
        };
        Some(Self {
            nearest: each(&|distances| distances[0])?,
            mean: each(&|distances| distances.iter().sum::<f64>() / distances.len() as f64)?,
            median: each(&|distances| crate::boxes::quantile(distances, 0.5))?,
        })
    }
}

impl NovelClasses {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let rule = self.rule.of(self.k);
        let columns = [
            "seed",
            "labels",
            "exemplars",
            "old_before",
            "before_low",
            "before_high",
            "old_after",
            "after_low",
            "after_high",
            "old_n",
            "forgotten",
            "gained",
            "new",
            "new_low",
            "new_high",
            "new_n",
        ];
        let mut accuracy =
            Table::new("novel-classes", format!("Accuracy before and after labels are inserted, {rule}"), columns);
        let columns = ["seed", "auroc", "auroc_low", "auroc_high", "fpr95", "fpr95_low", "fpr95_high"];
        let mut telling = Table::new(
            "novel-classes-detection",
            "New labels told from old ones by the nearest distance, before they are inserted",
            columns,
        );
        let columns = ["seed", "queries", "distance", "n", "mean", "min", "q1", "median", "q3", "max"];
        let mut boxes = Table::long(
            "novel-classes-distances",
            "Cosine distances of queries to a memory without the held-out labels",
            columns,
        );
        for run in &self.runs {
            let seed = || Cell::Count(run.seed);
            let share = |share: &Share| [share.value, share.low, share.high].map(Cell::Share);
            let mut row = vec![seed(), run.held_out.len().into(), run.inserted.into()];
            row.extend(share(&run.old_before).into_iter().chain(share(&run.old_after)));
            row.extend([run.old_after.n, run.forgotten, run.gained].map(Cell::Count));
            row.extend(share(&run.new).into_iter().chain([Cell::Count(run.new.n)]));
            accuracy.row(row);
            let estimate = |of: &Estimate| [of.value, of.low, of.high];
            let numbers =
                estimate(&run.auroc).map(Cell::Number).into_iter().chain(estimate(&run.fpr95).map(Cell::Share));
            telling.row([seed()].into_iter().chain(numbers));
            for (queries, distances) in [("known", &run.known), ("novel", &run.novel)] {
                let kinds = [("nearest", distances.nearest), ("mean", distances.mean), ("median", distances.median)];
                for (kind, five) in kinds {
                    let numbers = [five.mean, five.min, five.q1, five.median, five.q3, five.max].map(Cell::Number);
                    let name = [seed(), queries.into(), kind.into(), five.n.into()];
                    boxes.row(name.into_iter().chain(numbers));
                }
            }
        }
        vec![accuracy, telling, boxes]
    }
}
