//! What training would have given: a linear probe on the embeddings of all exemplars, as a reference beside the votes.
//!
//! It is ridge regression on one column for each label, 1 for its exemplars and 0 for others, with an intercept that is
//! not penalised; the label of the largest value is the answer. With rows x (embeddings) and y of the N exemplars, their means
//! x̄ and ȳ, and G = Σ (x − x̄)(x − x̄)ᵀ, a query q has the values ȳ + Wᵀ (q − x̄) for W = (G + λ I)⁻¹ Σ (x − x̄)(y − ȳ)ᵀ. Columns
//! of ±1, as scikit-learn's `RidgeClassifier` has them, give the same answers.
//!
//! Without exemplar i its own values would be y − (y − f) / (1 − h), where f are its values with it and
//! h = 1/N + (x − x̄)ᵀ (G + λ I)⁻¹ (x − x̄) (Allen's PRESS; Hastie, Tibshirani and Friedman, section 7.10): exactly, and without a
//! second fit. λ is the one with the least mean square of (y − f) / (1 − h), as `RidgeCV` chooses it.

use serde::{Deserialize, Serialize};
use vismem::search::parallel;
use vismem::{Memory, Progress};

use crate::cholesky::{Cholesky, Matrix, multiply};
use crate::gather::{QuerySet, Roster};
use crate::random::Random;
use crate::{Neighborhoods, Paired, Result, Share};

/// Exemplars that λ is chosen on, at most.
const SAMPLE: usize = 10_000;
/// Seed of that sample.
const SEED: u64 = 0;
/// Values of the matrix of weights, and of G, at most: 256 MiB each.
const MOST_VALUES: usize = 1 << 25;
/// Embeddings that are read together.
const TOGETHER: usize = 4_096;
/// Rows of G that a thread works on at a time.
const TILE: usize = 128;
/// Embeddings that a thread works on at a time.
const ROWS: usize = 128;
/// Labels whose weights a thread solves for at a time.
const LABELS: usize = 32;

/// The penalties that λ is chosen from: 10⁻³ to 10⁵ by half powers of ten.
pub fn penalties() -> Vec<f64> {
    (-6..=10).map(|half| 10f64.powf(f64::from(half) / 2.0)).collect()
}

/// A linear probe as a reference beside the votes. It is trained on all exemplars at once, those that a pruning hides
/// included, and nothing of it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LinearProbe {
    /// Share of the queries that it decides right. Where the memory is asked about itself, each exemplar is decided by the
    /// probe of all others.
    pub accuracy: Share,
    /// It against the best of the curves without pruning, at its best k.
    pub against_best: Paired,
    /// The penalty λ of the squared weights, for embeddings of length 1: of 10⁻³ to 10⁵ by half powers of ten the one with
    /// the least mean square error by leave-one-out on the memory. Queries from elsewhere had no say.
    pub lambda: f64,
    /// Share of the exemplars that it decides right by leave-one-out under this λ: of all, or of the 10,000 drawn ones that
    /// λ was chosen on.
    pub leave_one_out: Share,
    /// How many exemplars it was trained on.
    pub exemplars: usize,
    /// How many labels it tells apart.
    pub labels: usize,
}

/// What a linear probe decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Probed {
    /// See [`LinearProbe::lambda`].
    pub lambda: f64,
    /// The mean square error by leave-one-out for each of [`penalties`]; `None` where no factorisation was possible.
    pub errors: Vec<Option<f64>>,
    /// See [`LinearProbe::leave_one_out`].
    pub leave_one_out: Share,
    /// See [`LinearProbe::exemplars`].
    pub exemplars: usize,
    /// See [`LinearProbe::labels`].
    pub labels: usize,
    /// The label of each query, as a position in [`Roster::labels`]. Of equal values the first label is taken.
    pub decisions: Vec<u32>,
}

/// Trains a linear probe on the whole memory and asks it about the queries; the memory's own exemplars are decided without
/// themselves. `None` where there are fewer than two exemplars, or where weights or the matrix G would have more
/// than 2²⁵ values.
///
/// # Errors
/// When an exemplar is damaged, or `progress` ends it.
pub fn linear_probe(
    memory: &Memory,
    roster: &Roster,
    queries: &QuerySet,
    progress: &mut dyn Progress,
) -> Result<Option<Probed>> {
    let (exemplars, dim) = (Exemplars::of(roster), memory.encoder().dim);
    let (n, labels) = (exemplars.ids.len(), exemplars.labels.len());
    if n < 2 || labels.max(dim).saturating_mul(dim) > MOST_VALUES {
        return Ok(None);
    }
    let moments = Moments::of(memory, &exemplars, progress)?;
    let mut sample = Random::new(SEED).some_of(n, SAMPLE);
    sample.sort_unstable();
    let classes: Vec<Option<u32>> = sample.iter().map(|at| Some(exemplars.classes[*at])).collect();
    let ids: Vec<u64> = sample.iter().map(|at| exemplars.ids[*at]).collect();
    let embeddings = memory.embeddings(&ids)?;
    let penalties = penalties();
    let mut errors = Vec::with_capacity(penalties.len());
    let mut best: Option<(f64, f64, Vec<Answer>)> = None;
    for (done, &lambda) in penalties.iter().enumerate() {
        let answers = moments.fit(lambda).map(|fit| fit.answers(&embeddings, &classes));
        let error = |answers: &Vec<Answer>| {
            answers.iter().map(|answer| answer.error).sum::<f64>() / (answers.len() * labels) as f64
        };
        errors.push(answers.as_ref().map(error));
        if let Some((error, answers)) = errors[done].zip(answers)
            && best.as_ref().is_none_or(|(_, least, _)| error < *least)
        {
            best = Some((lambda, error, answers));
        }
        progress.advance("penalties", done + 1, penalties.len())?;
    }
    let Some((lambda, _, answers)) = best else { return Ok(None) };
    let right = answers.iter().zip(&classes).filter(|(answer, class)| Some(answer.class) == **class).count();
    let Some((leave_one_out, fit)) = Share::of(right as u64, answers.len() as u64).zip(moments.fit(lambda)) else {
        return Ok(None);
    };
    let mut decisions = Vec::with_capacity(queries.len());
    for start in (0..queries.len()).step_by(TOGETHER) {
        let part = start..(start + TOGETHER).min(queries.len());
        let own = queries.own_ids().map(|ids| &ids[part.clone()]);
        let classes: Vec<Option<u32>> = match own {
            Some(ids) => ids.iter().map(|id| Some(exemplars.classes[roster.position(*id) as usize])).collect(),
            None => vec![None; part.len()],
        };
        let answers = fit.answers(&queries.embeddings_of(part.clone(), memory)?, &classes);
        decisions.extend(answers.iter().map(|answer| exemplars.labels[answer.class as usize]));
        progress.advance("queries", part.end, queries.len())?;
    }
    Ok(Some(Probed { lambda, errors, leave_one_out, exemplars: n, labels, decisions }))
}

impl LinearProbe {
    /// Judges it by the queries of a table, of which it decided each; `best` says whether another way decides those right
    /// whose label is known.
    pub(crate) fn of(probed: &Probed, table: &Neighborhoods, best: &[bool]) -> Option<Self> {
        let decided = table.queries.iter().zip(&probed.decisions);
        let judged = decided.filter(|(query, _)| !query.truth.is_empty());
        let right: Vec<bool> = judged.map(|(query, label)| query.is_right(*label)).collect();
        let &Probed { lambda, leave_one_out, exemplars, labels, .. } = probed;
        Some(Self {
            accuracy: Share::of(right.iter().filter(|right| **right).count() as u64, right.len() as u64)?,
            against_best: Paired::of(best, &right, 1),
            lambda,
            leave_one_out,
            exemplars,
            labels,
        })
    }
}

/// The exemplars, whose labels have numbers without gaps.
struct Exemplars {
    ids: Vec<u64>,
    /// The number of the label of each.
    classes: Vec<u32>,
    /// The labels that some exemplar has, as positions in [`Roster::labels`].
    labels: Vec<u32>,
}

impl Exemplars {
    fn of(roster: &Roster) -> Self {
        let mut labels: Vec<u32> = roster.exemplars.iter().map(|exemplar| exemplar.label).collect();
        labels.sort_unstable();
        labels.dedup();
        let mut number = vec![0; roster.labels.len()];
        labels.iter().zip(0..).for_each(|(label, class)| number[*label as usize] = class);
        Self {
            ids: roster.exemplars.iter().filter_map(|exemplar| exemplar.id).collect(),
            classes: roster.exemplars.iter().map(|exemplar| number[exemplar.label as usize]).collect(),
            labels,
        }
    }
}

/// All that a fit needs to know of the exemplars.
struct Moments {
    n: f64,
    /// x̄.
    mean: Vec<f64>,
    /// ȳ: the share of the exemplars that each label has.
    shares: Vec<f64>,
    /// G up to its diagonal, `D × D`.
    gram: Vec<f64>,
    /// For each label Σ (x − x̄)(y − ȳ), `C × D`.
    products: Vec<f64>,
}

impl Moments {
    fn of(memory: &Memory, exemplars: &Exemplars, progress: &mut dyn Progress) -> Result<Self> {
        let (n, dim) = (exemplars.ids.len(), memory.encoder().dim);
        let mut gram = vec![0.0; dim * dim];
        let mut counts = vec![0.0; exemplars.labels.len()];
        let mut sums = vec![0.0; exemplars.labels.len() * dim];
        let mut done = 0;
        for (ids, classes) in exemplars.ids.chunks(TOGETHER).zip(exemplars.classes.chunks(TOGETHER)) {
            let rows: Vec<f64> = memory.embeddings(ids)?.into_iter().map(f64::from).collect();
            for (row, class) in rows.chunks_exact(dim).zip(classes) {
                let class = *class as usize;
                counts[class] += 1.0;
                sums[class * dim..][..dim].iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            let x = Matrix::of_rows(&rows, dim);
            parallel::map(gram.chunks_mut(TILE * dim).zip((0..).step_by(TILE)).collect(), |(tile, start)| {
                let end = start + tile.len() / dim;
                multiply(1.0, x.columns(start..end).transposed(), x.columns(0..end), 1.0, tile, dim);
            });
            done += ids.len();
            progress.advance("exemplars", done, n)?;
        }
        let mut mean = vec![0.0; dim];
        for sum in sums.chunks_exact(dim) {
            mean.iter_mut().zip(sum).for_each(|(mean, sum)| *mean += sum / n as f64);
        }
        for (row, of_row) in gram.chunks_exact_mut(dim).zip(&mean) {
            row.iter_mut().zip(&mean).for_each(|(value, of_column)| *value -= n as f64 * of_row * of_column);
        }
        for (sum, count) in sums.chunks_exact_mut(dim).zip(&counts) {
            sum.iter_mut().zip(&mean).for_each(|(sum, mean)| *sum -= count * mean);
        }
        let shares = counts.iter().map(|count| count / n as f64).collect();
        Ok(Self { n: n as f64, mean, shares, gram, products: sums })
    }

    /// The probe of a λ; `None` where that is too small for the factorisation.
    fn fit(&self, lambda: f64) -> Option<Fit<'_>> {
        let dim = self.mean.len();
        let mut matrix = self.gram.clone();
        matrix.iter_mut().step_by(dim + 1).for_each(|value| *value += lambda);
        let factor = Cholesky::of(matrix, dim)?;
        let mut weights = self.products.clone();
        parallel::map(weights.chunks_mut(LABELS * dim).collect(), |labels| factor.solve(labels));
        Some(Fit { moments: self, factor, weights })
    }
}

/// A linear probe.
struct Fit<'m> {
    moments: &'m Moments,
    /// Of G + λ I.
    factor: Cholesky,
    /// Wᵀ, `C × D`.
    weights: Vec<f64>,
}

/// What it answers.
struct Answer {
    /// The number of the label.
    class: u32,
    /// Σ (y − f)² / (1 − h)² over the labels, for an exemplar that is asked without itself; 0 for others.
    error: f64,
}

impl Fit<'_> {
    /// Its answers for embeddings. Those with a class are exemplars of that class, and are asked without themselves.
    fn answers(&self, embeddings: &[f32], classes: &[Option<u32>]) -> Vec<Answer> {
        let dim = self.moments.mean.len();
        let parts = embeddings.chunks(ROWS * dim).zip(classes.chunks(ROWS)).collect();
        parallel::map(parts, |(rows, classes)| self.answers_of(rows, classes)).into_iter().flatten().collect()
    }

    fn answers_of(&self, rows: &[f32], classes: &[Option<u32>]) -> Vec<Answer> {
        let Moments { n, mean, shares, .. } = self.moments;
        let (dim, labels) = (mean.len(), shares.len());
        let mut rows: Vec<f64> = rows.iter().zip(mean.iter().cycle()).map(|(x, mean)| f64::from(*x) - mean).collect();
        let mut values: Vec<f64> = shares.iter().copied().cycle().take(classes.len() * labels).collect();
        let weights = Matrix::of_rows(&self.weights, dim).transposed();
        multiply(1.0, Matrix::of_rows(&rows, dim), weights, 1.0, &mut values, labels);
        if classes.iter().any(Option::is_some) {
            self.factor.forward(&mut rows);
        }
        let each = values.chunks_exact(labels).zip(rows.chunks_exact(dim)).zip(classes);
        each.map(|((values, row), class)| {
            // Where the exemplar is left out, values are y − (y − f) / (1 − h), of which the order is that of f − h y.
            let own = class.map(|class| (class, 1.0 / n + row.iter().map(|value| value * value).sum::<f64>()));
            let without = |class: u32, value: f64| match own {
                Some((own, h)) if own == class => value - h,
                _ => value,
            };
            let (mut best, mut most, mut squares) = (0, f64::NEG_INFINITY, 0.0);
            for (class, &value) in (0..).zip(values) {
                let truth = f64::from(u8::from(own.is_some_and(|(own, _)| own == class)));
                squares += (truth - value).powi(2);
                if without(class, value) > most {
                    (best, most) = (class, without(class, value));
                }
            }
            Answer { class: best, error: own.map_or(0.0, |(_, h)| squares / (1.0 - h).powi(2)) }
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::ControlFlow;
    use tempfile::TempDir;
    use vismem::{Attributes, Editor, EncoderIdentity, NewExemplar, content_of};

    use crate::Error;
    use crate::gather::{Kind, Labelled};

    const NAMES: [&str; 4] = ["ant", "bee", "cat", "dog"];

    /// Numbers from −1 to 1 by a linear congruential generator, with 1 added to the one of the row's label.
    fn rows(count: usize, dim: usize, seed: u64) -> Vec<Vec<f32>> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % 2_001) as f64 / 1_000.0 - 1.0
        };
        let value = |at: usize, row: usize, next: f64| (next + f64::from(u8::from(at == row % 4))) as f32;
        (0..count).map(|row| (0..dim).map(|at| value(at, row, next())).collect()).collect()
    }

    struct Place {
        memory: Memory,
        roster: Roster,
        _folder: TempDir,
    }

    fn memory(rows: &[Vec<f32>], labels: &[&str]) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.vismem");
        let encoder = EncoderIdentity { name: "toy".into(), hash: "00".into(), dim: rows[0].len() };
        let mut exemplars = Vec::new();
        for (at, (embedding, label)) in rows.iter().zip(labels).enumerate() {
            let content = content_of(embedding, &at.to_le_bytes());
            exemplars.push(NewExemplar { embedding, label, source: None, content, attributes: Attributes::new() });
        }
        Editor::open_or_create(&path, &encoder).unwrap().batch().add(&exemplars).unwrap();
        let memory = Memory::open(&path).unwrap();
        Place { roster: Roster::of(&memory, &mut ()).unwrap(), memory, _folder: folder }
    }

    /// Four labels in turn.
    fn labels(count: usize) -> Vec<&'static str> {
        (0..count).map(|row| NAMES[row % 4]).collect()
    }

    fn queries(rows: Vec<Vec<f32>>) -> QuerySet {
        let dim = rows[0].len();
        let query = |embedding| Labelled { name: String::new(), truth: Vec::new(), kind: Kind::Row, embedding };
        QuerySet::new("queries", dim, rows.into_iter().map(query).collect()).unwrap()
    }

    fn probed(place: &Place, queries: &QuerySet) -> (Probed, Vec<String>) {
        let probed = linear_probe(&place.memory, &place.roster, queries, &mut ()).unwrap().unwrap();
        let named = probed.decisions.iter().map(|label| place.roster.labels[*label as usize].clone()).collect();
        (probed, named)
    }

    fn own(place: &Place) -> QuerySet {
        QuerySet::of_memory(&place.memory, &place.roster).unwrap()
    }

    #[test]
    fn penalty_errors_and_decisions_are_those_of_scikit_learn() {
        // RidgeClassifierCV(alphas=10**(np.arange(-6, 11)/2), store_cv_results=True) of scikit-learn 1.9.1 on the same rows:
        // alpha_, the means of every fourth of cv_results_ (a quarter of it, since its columns are ±1), predict.
        let expected: [(usize, f64, [f64; 5], [usize; 20]); 2] = [
            (
                6,
                1.0,
                [0.17913561464207073, 0.17360458961764894, 0.18037026185987612, 0.20378105972982982, 0.204154990716917],
                [0, 1, 2, 3, 0, 1, 2, 0, 0, 1, 1, 3, 0, 1, 1, 1, 0, 3, 2, 3],
            ),
            (
                30,
                0.31622776601683794,
                [
                    0.19441040055778538,
                    0.17931479699961295,
                    0.19388231340918086,
                    0.20403223827549757,
                    0.20415752168364723,
                ],
                [0, 1, 2, 2, 2, 0, 2, 2, 3, 3, 2, 1, 0, 1, 3, 2, 2, 0, 2, 1],
            ),
        ];
        for (dim, lambda, errors, decisions) in expected {
            let place = memory(&rows(24, dim, 1), &labels(24));
            let (probed, named) = probed(&place, &queries(rows(20, dim, 2)));
            assert!((probed.lambda / lambda - 1.0).abs() < 1e-12, "{dim}: {}", probed.lambda);
            for (ours, expected) in probed.errors.iter().step_by(4).zip(errors) {
                assert!((ours.unwrap() / expected - 1.0).abs() < 1e-6, "{dim}: {ours:?}, not {expected}");
            }
            assert_eq!(named, decisions.map(|label| NAMES[label]), "{dim}");
        }
    }

    #[test]
    fn an_exemplar_is_decided_without_itself_as_by_a_probe_that_was_trained_without_it() {
        // More exemplars than dimensions, and fewer.
        for (count, dim) in [(20, 5), (12, 70)] {
            let (rows, labels) = (rows(count, dim, 3), labels(count));
            let place = memory(&rows, &labels);
            let exemplars = Exemplars::of(&place.roster);
            let moments = Moments::of(&place.memory, &exemplars, &mut ()).unwrap();
            let classes: Vec<Option<u32>> = exemplars.classes.iter().copied().map(Some).collect();
            let embeddings = place.memory.embeddings(&exemplars.ids).unwrap();
            for out in 0..count {
                let but = |at: &usize| *at != out;
                let kept: Vec<Vec<f32>> = (0..count).filter(but).map(|at| rows[at].clone()).collect();
                let names: Vec<&str> = (0..count).filter(but).map(|at| labels[at]).collect();
                let without = memory(&kept, &names);
                let others = Exemplars::of(&without.roster);
                let refit = Moments::of(&without.memory, &others, &mut ()).unwrap();
                let one = &embeddings[out * dim..][..dim];
                for lambda in [1e-3, 0.3, 100.0] {
                    let answer = &moments.fit(lambda).unwrap().answers(one, &classes[out..=out])[0];
                    let again = &refit.fit(lambda).unwrap().answers(one, &[None])[0];
                    let name = |place: &Place, of: &Exemplars, answer: &Answer| {
                        place.roster.labels[of.labels[answer.class as usize] as usize].clone()
                    };
                    assert_eq!(name(&place, &exemplars, answer), name(&without, &others, again), "{out} at {lambda}");
                }
            }
        }
    }

    #[test]
    fn few_exemplars_one_label_and_labels_of_one_exemplar_are_no_obstacle() {
        let asked = || queries(rows(3, 5, 9));
        let one = memory(&rows(1, 5, 3), &["ant"]);
        assert_eq!(linear_probe(&one.memory, &one.roster, &asked(), &mut ()).unwrap(), None);

        let same = memory(&rows(3, 5, 3), &["ant"; 3]);
        let (of_queries, named) = probed(&same, &asked());
        assert_eq!((named, of_queries.leave_one_out.value), (vec!["ant".to_owned(); 3], 1.0));

        // Without itself the only exemplar of a label cannot be recognised.
        let two = memory(&rows(2, 5, 3), &["ant", "bee"]);
        let (of_own, named) = probed(&two, &own(&two));
        assert_eq!((named, of_own.leave_one_out.value), (vec!["bee".to_owned(), "ant".to_owned()], 0.0));
        let alone = memory(&rows(9, 5, 3), &["ant", "ant", "ant", "ant", "bee", "bee", "bee", "bee", "cat"]);
        assert_ne!(probed(&alone, &own(&alone)).1[8], "cat");

        // The same embedding under two labels, and twice under one.
        let row = &rows(1, 5, 3)[0];
        let twins = memory(&vec![row.clone(); 3], &["ant", "ant", "bee"]);
        assert_eq!(probed(&twins, &queries(vec![row.clone()])).1, ["ant"]);
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let place = memory(&rows(300, 140, 3), &labels(300));
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| probed(&place, &own(&place)).0)
        };
        assert_eq!(on(1), on(3));
    }

    #[test]
    fn whoever_hears_of_the_progress_can_end_it() {
        let place = memory(&rows(24, 6, 1), &labels(24));
        for end in ["exemplars", "penalties", "queries"] {
            let mut stop = |what: &'static str, _: u64, _: Option<u64>| {
                if what == end { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let outcome = linear_probe(&place.memory, &place.roster, &own(&place), &mut stop);
            assert!(matches!(outcome, Err(Error::Cancelled(_))), "{end}");
        }
    }
}
