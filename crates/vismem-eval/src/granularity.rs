//! What is known of a class before and after its first exemplars, level by level of the taxonomy (paper, section 3.5,
//! figure 4).

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use vismem::{Among, Memory, Progress, Search};

use crate::gather::{QuerySet, Roster};
use crate::interval::Repeated;
use crate::random::Random;
use crate::{Cell, Error, Result, Share, Table};

/// Exemplars of the class in question, as in the paper; as far as labels have as many.
const COUNTS: [usize; 9] = [0, 1, 2, 5, 10, 20, 30, 40, 50];

/// Exemplars of every other label, at most.
const OTHERS: usize = 50;

/// How often, and how to search.
#[derive(Debug, Clone, PartialEq)]
pub struct GranularityOptions {
    /// Exemplars are drawn once for each.
    pub seeds: Vec<u64>,
    /// How neighbours are searched for.
    pub search: Search,
}

/// Accuracy by level and by exemplars of the class in question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Granularity {
    /// The levels: `label`, then those of the taxonomy.
    pub levels: Vec<LevelBaseline>,
    /// How many labels were the one in question, each in turn.
    pub targets: usize,
    /// How many exemplars every other label had at most.
    pub others: usize,
    /// Every number of exemplars at every level. The nearest exemplar alone decides.
    pub points: Vec<GranularityPoint>,
}

/// A level, and how good the answer is that is always the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelBaseline {
    /// The level.
    pub level: String,
    /// The name there that most exemplars have.
    pub majority: String,
    /// Share of the queries for which it is right.
    pub accuracy: Share,
}

/// Some exemplars of the label in question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GranularityPoint {
    /// How many there were, or all of that label where these are fewer.
    pub exemplars: usize,
    /// The level.
    pub level: String,
    /// Share of the queries of the labels in question whose name at this level is right, over the seeds.
    pub accuracy: Repeated,
}

/// Computes it.
///
/// # Errors
/// When the memory has no taxonomy, no query has a label that it holds, or the memory refuses.
pub fn granularity(
    memory: &Memory,
    roster: &Roster,
    queries: &QuerySet,
    options: &GranularityOptions,
    progress: &mut dyn Progress,
) -> Result<Granularity> {
    let taxonomy = memory.taxonomy()?;
    if taxonomy.levels.is_empty() {
        let what = "the memory has no taxonomy; `vismem taxonomy set FILE.csv` gives it one";
        return Err(Error::NotApplicable(what.into()));
    }
    // What each label is called at each level.
    let called: Vec<Vec<&str>> = (0..=taxonomy.levels.len())
        .map(|level| roster.labels.iter().map(|label| taxonomy.name_of(label, level)).collect())
        .collect();
    let by_label = roster.by_label();
    let number: HashMap<&str, u32> = roster.labels.iter().map(String::as_str).zip(0..).collect();
    // One label is asked for, and the memory holds exemplars of it.
    let target = |truth: &Vec<String>| match &truth[..] {
        [label] => number.get(label.as_str()).copied().filter(|label| !by_label[*label as usize].is_empty()),
        _ => None,
    };
    let targets: Vec<Option<u32>> = queries.truth.iter().map(target).collect();
    let n = targets.iter().flatten().count() as u64;
    let largest = by_label.iter().map(Vec::len).max().unwrap_or(0).min(OTHERS);
    let counts: Vec<usize> = COUNTS.into_iter().filter(|count| *count <= largest).collect();

    let mut right = vec![vec![vec![0u64; options.seeds.len()]; called.len()]; counts.len()];
    for (run, &seed) in options.seeds.iter().enumerate() {
        let mut random = Random::new(seed);
        let some = |ids: &Vec<u64>| random.some_of(ids.len(), OTHERS).into_iter().map(|at| ids[at]).collect::<Vec<_>>();
        let drawn: Vec<Vec<u64>> = by_label.iter().map(some).collect();
        let order: HashMap<u64, usize> = drawn.iter().flat_map(|ids| ids.iter().copied().zip(0..)).collect();
        let kept = Among::Only(drawn.concat());
        // At most so many of the nearest have the label in question, so that the nearest of another is among one more, and
        // so is each of the label in question that is nearer.
        let k = largest + 1;
        let found = queries.search(memory, k, Some(&kept), options.search, &mut ())?;
        for (target, found) in targets.iter().zip(&found) {
            let Some(target) = *target else { continue };
            for (count, right) in counts.iter().zip(&mut right) {
                let is_there = |label: u32, id: u64| label != target || order[&id] < *count;
                let label = |id: u64| roster.exemplars[roster.position(id) as usize].label;
                let nearest =
                    found.iter().map(|near| (label(near.id), near.id)).find(|(label, id)| is_there(*label, *id));
                let Some((decision, _)) = nearest else { continue };
                for (called, right) in called.iter().zip(right.iter_mut()) {
                    right[run] += u64::from(called[decision as usize] == called[target as usize]);
                }
            }
        }
        progress.advance("memories", run + 1, options.seeds.len())?;
    }

    let names: Vec<String> = std::iter::once("label".to_owned()).chain(taxonomy.levels.iter().cloned()).collect();
    let mut levels = Vec::new();
    for (name, called) in names.iter().zip(&called) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        roster.exemplars.iter().for_each(|exemplar| *counts.entry(called[exemplar.label as usize]).or_default() += 1);
        // Of equally frequent names the first.
        let majority = counts.iter().max_by(|(a, x), (b, y)| x.cmp(y).then(b.cmp(a))).map_or("", |(name, _)| name);
        let hits = targets.iter().flatten().filter(|target| called[**target as usize] == majority).count() as u64;
        let accuracy = Share::of(hits, n).ok_or(Error::NoQueries)?;
        levels.push(LevelBaseline { level: name.clone(), majority: majority.into(), accuracy });
    }
    let mut points = Vec::new();
    for (&exemplars, right) in counts.iter().zip(&right) {
        for (level, right) in names.iter().zip(right) {
            let accuracy = Repeated::of(right, n).ok_or(Error::NoQueries)?;
            points.push(GranularityPoint { exemplars, level: level.clone(), accuracy });
        }
    }
    let mut distinct: Vec<u32> = targets.into_iter().flatten().collect();
    distinct.sort_unstable();
    distinct.dedup();
    Ok(Granularity { levels, targets: distinct.len(), others: largest, points })
}

impl Granularity {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let Self { targets, others, .. } = self;
        let caption = format!(
            "Accuracy by exemplars of the class in question; {targets} classes in turn, up to {others} exemplars of every \
             other; the nearest exemplar decides"
        );
        let columns = ["level", "exemplars", "accuracy", "low", "high", "n", "seeds", "deviation"];
        let mut table = Table::new("granularity", caption, columns);
        for level in &self.levels {
            for point in self.points.iter().filter(|point| point.level == level.level) {
                let accuracy = &point.accuracy;
                let shares = [accuracy.value, accuracy.low, accuracy.high].map(Cell::Share);
                let name = [Cell::from(&point.level), point.exemplars.into()];
                let runs = [Cell::Count(accuracy.n), accuracy.runs.into(), Cell::Share(accuracy.deviation)];
                table.row(name.into_iter().chain(shares).chain(runs));
            }
        }
        let columns = ["level", "majority", "accuracy", "low", "high", "n"];
        let mut baseline =
            Table::new("granularity-baseline", "The most frequent name as the answer to everything", columns);
        for LevelBaseline { level, majority, accuracy } in &self.levels {
            let shares = [accuracy.value, accuracy.low, accuracy.high].map(Cell::Share);
            baseline
                .row([Cell::from(level), majority.into()].into_iter().chain(shares).chain([Cell::Count(accuracy.n)]));
        }
        vec![table, baseline]
    }
}
