//! How much a larger memory helps (paper, figure 3, appendix F): error against memory size, and the law
//! log10(error %) = a · log10(log10 N) + b.

use serde::{Deserialize, Serialize};
use vismem::{Among, Memory, Progress, Search, Vote};

use crate::fit::{Line, plus};
use crate::gather::{QuerySet, Roster};
use crate::interval::Repeated;
use crate::random::Random;
use crate::{Cell, Error, Evaluation, Result, Rule, Table, right_at_every_k};

/// Exemplars of each label, as far as there are as many; after them all.
const PER_LABEL: [usize; 13] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/// The law is no law for a handful of exemplars.
const LEAST: usize = 10;

/// How to decide, and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalingOptions {
    /// The vote.
    pub vote: Vote,
    /// How many neighbours vote.
    pub k: usize,
    /// One memory is drawn for each of these and each size.
    pub seeds: Vec<u64>,
    /// How neighbours are searched for.
    pub search: Search,
}

/// Error against memory size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// The vote.
    pub rule: Rule,
    /// How many neighbours vote.
    pub k: usize,
    /// Queries left out because the memory has none of their labels: they are wrong whatever its size.
    pub unknown: u64,
    /// From the smallest memory to the whole one.
    pub points: Vec<SizePoint>,
    /// The law through the points of ten exemplars or more and some error; `None` where these are not two sizes.
    pub fit: Option<Line>,
    /// The size at which the law foretells half the error of the whole memory; `None` where it foretells none, or one
    /// beyond 10^18.
    pub halving: Option<Halving>,
    /// Other memories, such as those of other encoders, measured before.
    pub beside: Vec<Beside>,
}

/// Another memory beside the one in question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// Its path.
    pub memory: String,
    /// Its encoder.
    pub encoder: String,
    /// Its points.
    pub points: Vec<SizePoint>,
    /// Its law.
    pub fit: Option<Line>,
    /// Exemplars that it needs, by its law, for the error that the memory in question has with all of its own; `None`
    /// without a law, or beyond 10^18.
    pub needs: Option<f64>,
}

/// A size of memory.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SizePoint {
    /// How many exemplars each label has, or all that it has where these are fewer; `None` for all.
    pub per_label: Option<usize>,
    /// How many exemplars that is.
    pub exemplars: usize,
    /// The accuracy over the seeds. The error is 1 less this.
    pub accuracy: Repeated,
    /// The error that the law gives, 0..=1; `None` without a law, or where the memory is too small for it.
    pub fitted: Option<f64>,
    /// Lower end of its 95 % prediction band.
    pub fitted_low: Option<f64>,
    /// Upper end.
    pub fitted_high: Option<f64>,
}

/// What the next halving of the error takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Halving {
    /// Half the error of the whole memory, 0..=1.
    pub error: f64,
    /// Exemplars that the law foretells for it.
    pub exemplars: f64,
    /// Lower end of the 95 % confidence interval of that size, as far as the law itself is uncertain; `None` where there is
    /// none.
    pub low: Option<f64>,
    /// Upper end; `None` where there is none up to 10^18.
    pub high: Option<f64>,
}

/// Computes it. Memories of a seed grow: the smaller is part of the larger. What is searched is the memory itself with the
/// others left out, which answers as a memory without them.
///
/// # Errors
/// When no query has a label of the memory, or the memory refuses.
pub fn scaling(
    memory: &Memory,
    roster: &Roster,
    queries: &QuerySet,
    options: &ScalingOptions,
    progress: &mut dyn Progress,
) -> Result<Scaling> {
    let by_label = roster.by_label();
    let largest = by_label.iter().map(Vec::len).max().unwrap_or(0);
    let mut sizes: Vec<Option<usize>> = PER_LABEL.into_iter().filter(|size| *size < largest).map(Some).collect();
    sizes.push(None);
    let searches = (sizes.len() - 1) * options.seeds.len() + 1;
    let mut done = 0;
    let mut unknown = 0;
    let mut points = Vec::with_capacity(sizes.len());
    for per_label in sizes {
        let count = per_label.unwrap_or(largest);
        let exemplars = by_label.iter().map(|exemplars| exemplars.len().min(count)).sum();
        let mut right = Vec::new();
        let mut n = 0;
        // Every draw of all is the same.
        for &seed in options.seeds.iter().take(if per_label.is_none() { 1 } else { usize::MAX }) {
            let kept = per_label.map(|count| Among::Only(draw(&by_label, count, seed)));
            let found = queries.search(memory, options.k, kept.as_ref(), options.search, &mut ())?;
            let table = roster.table(queries, found);
            let mut judged = table.judged_or_refuse()?;
            let all = judged.len();
            judged.retain(|query| {
                query.truth.iter().any(|label| by_label.get(*label as usize).is_some_and(|of| !of.is_empty()))
            });
            (n, unknown) = (judged.len() as u64, (all - judged.len()) as u64);
            right.extend(right_at_every_k(&table, &judged, options.vote, table.as_set(), options.k)?.last());
            done += 1;
            progress.advance("memories", done, searches)?;
        }
        let accuracy = Repeated::of(&right, n).ok_or(Error::NoQueries)?;
        let point = SizePoint { per_label, exemplars, accuracy, fitted: None, fitted_low: None, fitted_high: None };
        points.push(point);
    }
    Ok(with_law(Scaling {
        rule: options.vote.into(),
        k: options.k,
        unknown,
        points,
        fit: None,
        halving: None,
        beside: Vec::new(),
    }))
}

/// Ids of `count` exemplars of each label, or of all that it has.
fn draw(by_label: &[Vec<u64>], count: usize, seed: u64) -> Vec<u64> {
    let mut random = Random::new(seed);
    let some = |ids: &Vec<u64>| random.some_of(ids.len(), count).into_iter().map(|at| ids[at]).collect::<Vec<_>>();
    by_label.iter().flat_map(some).collect()
}

/// Exemplars for which a law foretells an error, 0..=1; `None` where it foretells none, or more than 10^18.
fn exemplars_for(law: &Line, error: f64) -> Option<f64> {
    let exemplars = 10f64.powf(10f64.powf(((100.0 * error).log10() - law.b) / law.a));
    (error > 0.0 && law.a < 0.0 && exemplars <= 1e18).then_some(exemplars)
}

/// Where the law, higher or lower by `side` times its confidence band, comes down to an error: exemplars, at least 10; `None`
/// where it does not up to 10^18.
fn crossing(law: &Line, side: f64, error: f64) -> Option<f64> {
    let above = |x: f64| law.at(x) + side * law.confidence(x) > (100.0 * error).log10();
    let (mut near, mut far) = (x(LEAST as f64), x(1e18));
    if !above(near) || above(far) {
        return None;
    }
    for _ in 0..60 {
        let middle = (near + far) / 2.0;
        if above(middle) { near = middle } else { far = middle }
    }
    Some(10f64.powf(10f64.powf(far)))
}

fn x(exemplars: f64) -> f64 {
    exemplars.log10().log10()
}

fn with_law(mut scaling: Scaling) -> Scaling {
    let error = |point: &SizePoint| 1.0 - point.accuracy.value;
    let fits = |point: &&SizePoint| point.exemplars >= LEAST && error(point) > 0.0;
    let points = scaling.points.iter().filter(fits);
    let points: Vec<(f64, f64)> =
        points.map(|point| (x(point.exemplars as f64), (100.0 * error(point)).log10())).collect();
    let Some(fit) = Line::through(&points) else { return scaling };
    let share = |y: f64| (10f64.powf(y) / 100.0).min(1.0);
    for point in scaling.points.iter_mut().filter(|point| point.exemplars >= LEAST) {
        let x = x(point.exemplars as f64);
        let (y, band) = (fit.at(x), fit.band(x));
        point.fitted = Some(share(y));
        point.fitted_low = Some(share(y - band));
        point.fitted_high = Some(share(y + band));
    }
    scaling.fit = Some(fit);
    scaling.halving = scaling.points.last().and_then(|whole| {
        let error = error(whole) / 2.0;
        let exemplars = exemplars_for(&fit, error)?;
        let [low, high] = [-1.0, 1.0].map(|side| crossing(&fit, side, error));
        Some(Halving { error, exemplars, low, high })
    });
    scaling
}

/// A law that asks for more times as many exemplars says that exemplars are not what is wanting.
pub(crate) const CONCEIVABLE: f64 = 1_000.0;

impl Scaling {
    /// The halving, if so many exemplars can be had.
    pub(crate) fn halving_within_reach(&self) -> Option<&Halving> {
        let there = self.points.last()?.exemplars as f64;
        self.halving.as_ref().filter(|halving| halving.exemplars <= CONCEIVABLE * there)
    }

    /// Puts another measurement beside this one.
    ///
    /// # Errors
    /// When it is not one of scaling, or of another vote.
    pub fn put_beside(&mut self, other: &Evaluation) -> Result<()> {
        let memory = other.about.memory.clone().unwrap_or_default();
        let Some(scaling) = &other.results.scaling else {
            let what = "holds no result of scaling; `vismem eval scaling -o DIR` writes one";
            return Err(Error::NotApplicable(format!("results of {memory}: {what}")));
        };
        if (&scaling.rule, scaling.k) != (&self.rule, self.k) {
            let theirs = scaling.rule.of(scaling.k);
            return Err(Error::NotApplicable(format!("results of {memory}: are of {theirs}; measure both alike")));
        }
        let error = self.points.last().map(|whole| 1.0 - whole.accuracy.value);
        self.beside.push(Beside {
            memory,
            encoder: other.about.encoder.clone(),
            points: scaling.points.clone(),
            fit: scaling.fit,
            needs: scaling.fit.zip(error).and_then(|(law, error)| exemplars_for(&law, error)),
        });
        Ok(())
    }

    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let mut caption = format!("Error by memory size, {}", self.rule.of(self.k));
        if let Some(Line { a, b, a_error, b_error, .. }) = &self.fit {
            caption += &format!(
                "; log10(error %) = {a:.3} (± {a_error:.3}) · log10(log10 N) {} (± {b_error:.3})",
                plus(*b, 3)
            );
        }
        if let Some(Halving { error, exemplars, low, high }) = self.halving_within_reach() {
            let rough = |size: &f64| crate::report::rough_count(*size);
            let ends = low.zip(*high).map(|(low, high)| format!(" ({} to {})", rough(&low), rough(&high)));
            let (at, ends) = (rough(exemplars), ends.unwrap_or_default());
            caption += &format!("; half the error, {:.1} %, at about {at} exemplars{ends}", 100.0 * error);
        }
        let tables = vec![self.own_table(caption)];
        if self.beside.is_empty() { tables } else { tables.into_iter().chain([self.beside_table()]).collect() }
    }

    fn own_table(&self, caption: String) -> Table {
        let columns = [
            "per_label",
            "exemplars",
            "error",
            "low",
            "high",
            "n",
            "seeds",
            "deviation",
            "fitted",
            "fitted_low",
            "fitted_high",
        ];
        let mut table = Table::new("scaling", caption, columns);
        for point in &self.points {
            let accuracy = &point.accuracy;
            let share = |share: Option<f64>| share.map_or(Cell::Empty, Cell::Share);
            let errors = [1.0 - accuracy.value, 1.0 - accuracy.high, 1.0 - accuracy.low].map(Cell::Share);
            let name = [point.per_label.map_or("all".into(), Cell::from), point.exemplars.into()];
            let runs = [Cell::Count(accuracy.n), accuracy.runs.into(), Cell::Share(accuracy.deviation)];
            let fitted = [point.fitted, point.fitted_low, point.fitted_high].map(share);
            table.row(name.into_iter().chain(errors).chain(runs).chain(fitted));
        }
        table
    }

    fn beside_table(&self) -> Table {
        let caption = "Other memories; what each needs, by its law, for the error that this one has with all exemplars";
        let columns = ["memory", "encoder", "exemplars", "error", "low", "high", "n", "needs"];
        let mut table = Table::new("scaling-beside", caption, columns);
        for beside in &self.beside {
            for SizePoint { exemplars, accuracy, .. } in &beside.points {
                let errors = [1.0 - accuracy.value, 1.0 - accuracy.high, 1.0 - accuracy.low].map(Cell::Share);
                let name = [Cell::from(&beside.memory), (&beside.encoder).into(), (*exemplars).into()];
                let rest = [Cell::Count(accuracy.n), beside.needs.map_or(Cell::Empty, |n| Cell::Number(n.round()))];
                table.row(name.into_iter().chain(errors).chain(rest));
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_own_law_is_found_again_and_halved() {
        let law = crate::paper::SCALING[0];
        let point = |exemplars: usize| {
            let error = 10f64.powf(law.a * x(exemplars as f64) + law.b) / 100.0;
            let right = ((1.0 - error) * 1e9).round() as u64;
            let accuracy = Repeated::of(&[right], 1_000_000_000).unwrap();
            SizePoint { per_label: None, exemplars, accuracy, fitted: None, fitted_low: None, fitted_high: None }
        };
        let points = [1_000, 10_000, 100_000, 1_000_000].map(point).to_vec();
        let rule = Rule::from(Vote::RANK);
        let scaling =
            with_law(Scaling { rule, k: 20, unknown: 0, points, fit: None, halving: None, beside: Vec::new() });
        let fit = scaling.fit.unwrap();
        assert!((fit.a - law.a).abs() < 1e-6 && (fit.b - law.b).abs() < 1e-6, "{fit:?}");
        let halving = scaling.halving.unwrap();
        let error = 10f64.powf(law.a * x(halving.exemplars) + law.b) / 100.0;
        assert!((error / halving.error - 1.0).abs() < 1e-6, "{halving:?}");
        // Points on the law leave it no room.
        let near = |end: Option<f64>| (end.unwrap().log10() / halving.exemplars.log10() - 1.0).abs() < 1e-3;
        assert!(near(halving.low) && near(halving.high), "{halving:?}");
    }

    #[test]
    fn draws_of_a_seed_grow() {
        let by_label = vec![(0..30).collect::<Vec<u64>>(), (100..103).collect()];
        let (few, more) = (draw(&by_label, 2, 5), draw(&by_label, 10, 5));
        assert_eq!((few.len(), more.len()), (4, 13));
        assert!(few.iter().all(|id| more.contains(id)));
        assert_ne!(draw(&by_label, 2, 6), few);
    }
}
