//! How much the parameters of the votes matter.

use vismem_report::figure::{Axis, Figure, Marks, Origin, Point, Reference, ReferenceLine, Unit};
use vismem_report::{Section, Step};

use super::words::{self, accuracy_axis, measured, percent, points};
use super::{About, Part, command, program};
use crate::{Hyperparameters, SweepPoint};

const EXPERIMENT: &str = "hyperparameters";

/// A vote, its parameter's letter, and whether its values are spread over powers of ten.
const SWEEPS: [(&str, &str, bool); 3] = [("rank", "α", true), ("distance", "ξ", false), ("softmax", "τ", true)];

pub fn part(result: &Hyperparameters, about: &About) -> Part {
    let program = program(about);
    let of = |vote: &str| result.points.iter().filter(|point| point.rule.vote == vote).collect::<Vec<_>>();
    let (mut answer, mut steps) = (Vec::new(), Vec::new());
    for (vote, letter, _) in SWEEPS {
        let sweep = of(vote);
        let better = |a, b| if value(b) > value(a) { b } else { a };
        let best = sweep.iter().copied().reduce(better);
        let papers = sweep.iter().copied().find(|point| point.is_the_papers);
        let (Some(best), Some(papers)) = (best, papers) else { continue };
        let gain = value(best) - value(papers);
        let parameter = best.rule.parameter.unwrap_or_default();
        let relation = if gain <= 0.0 {
            "the paper’s own value".to_owned()
        } else {
            format!("{} above the paper’s value", points(gain))
        };
        answer.push(format!(
            "{} voting is best at {letter} = {parameter}, with {}: {relation}.",
            words::sentence_case(vote),
            percent(value(best))
        ));
        // Better than chance would make it.
        if value(best) > papers.best.accuracy.high {
            steps.push(Step {
                sentence: format!("Try {letter} = {parameter} for {vote} voting: better by {} here.", points(gain)),
                command: format!(
                    "{program} classify PICTURES -k {} --vote {vote} --parameter {parameter}",
                    best.best.k
                ),
            });
        }
    }
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Parameters of the votes".into(),
        question: "Do α, ξ and τ have to be tuned?".into(),
        answer,
        figures: SWEEPS.map(|(vote, letter, log)| figure(vote, letter, log, &of(vote))).to_vec(),
        tables: words::tables(&result.tables(), |_| true),
        galleries: Vec::new(),
        in_paper: "figure 9".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings: Vec::new(), steps }
}

fn value(point: &SweepPoint) -> f64 {
    point.best.accuracy.value
}

fn figure(vote: &str, letter: &str, log: bool, sweep: &[&SweepPoint]) -> Figure {
    let ks: Vec<usize> = sweep.first().map_or_else(Vec::new, |point| point.accuracy.iter().map(|at| at.k).collect());
    let line = |k: &usize| {
        let at = |point: &&SweepPoint| {
            let at = point.accuracy.iter().find(|at| at.k == *k)?;
            Some(Point::new(point.rule.parameter?, at.accuracy.value))
        };
        measured(format!("k = {k}"), Marks::Line(sweep.iter().filter_map(at).collect()))
    };
    let every = sweep.iter().flat_map(|point| &point.accuracy);
    let widest = every.map(|at| (at.accuracy.high - at.accuracy.low) / 2.0).fold(0.0, f64::max);
    let title = format!("Parameter {letter}");
    let papers = sweep.iter().find(|point| point.is_the_papers).and_then(|point| point.rule.parameter);
    Figure {
        name: vote.into(),
        title: format!("{} voting by its parameter {letter}", words::sentence_case(vote)),
        caption: format!(
            "A line for each number of neighbours that vote, k. The 95 % interval of each point is {} or narrower.",
            words::give_or_take(widest)
        ),
        x: if log { Axis::log(title, Unit::Number) } else { Axis::linear(title, Unit::Number) },
        y: accuracy_axis(),
        series: ks.iter().map(line).collect(),
        references: papers
            .map(|at| Reference {
                name: format!("{letter} = {at}"),
                origin: Origin::Paper,
                line: ReferenceLine::AtX(at),
            })
            .into_iter()
            .collect(),
    }
}
