//! How reliable the i-th neighbour is.

use vismem_report::figure::{Axis, Figure, Marks, Origin, Point, Reference, ReferenceLine, Unit};
use vismem_report::{Section, Tenor};

use super::words::{self, accuracy_axis, finding, measured, percent, point};
use super::{About, Part, command};
use crate::NeighborReliability;
use crate::paper::HIT_RATE_AT_100;

const EXPERIMENT: &str = "reliability";
/// A curve that explains less of the variance is no law.
const LAW: f64 = 0.9;
/// A slope below this is none: a flat line explains all of no variance.
const FLAT: f64 = 1e-9;

pub fn part(result: &NeighborReliability, about: &About) -> Part {
    let (mut findings, mut answer) = (Vec::new(), Vec::new());
    if let (Some(first), Some(last)) = (result.ranks.first(), result.ranks.last()) {
        answer.push(format!(
            "The nearest neighbour has a right label for {} of the queries, the neighbour of rank {} for {}.",
            percent(first.accuracy.value),
            last.index + 1,
            percent(last.accuracy.value)
        ));
    }
    if let Some(fit) = &result.fit {
        answer.push(format!(
            "The logarithm of the paper, accuracy(i) = a · ln(i + 1) + b, fits the first {} with a = {:.4} ± {:.4} and b = {:.4} \
             ± {:.4} (standard errors); it {}{}. Half of the queries have no more exemplars of their \
             label than that: beyond it a neighbour cannot be right.",
            words::counted(result.fitted_ranks as u64, "rank"),
            fit.a,
            fit.a_error,
            fit.b,
            fit.b_error,
            if fit.a.abs() < FLAT { "is flat".to_owned() } else { format!("explains {} of the variance", percent(fit.r_squared)) },
            if fit.r_squared < LAW {
                ", so it is no law here: labels have few exemplars, and right neighbours run out before the ranks do"
            } else {
                ""
            }
        ));
    }
    if let Some(last) = result.hit_rate.last() {
        let sentence = format!(
            "of the queries have a right label among their {} nearest exemplars: the most that any vote of these could get right.",
            last.k
        );
        answer.push(format!("{} {sentence}", percent(last.accuracy.value)));
        findings.push(finding(EXPERIMENT, &last.accuracy, Tenor::Neutral, sentence));
    }
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Reliability of neighbours".into(),
        question: "How far down the list of neighbours is there something to learn?".into(),
        answer,
        figures: vec![by_rank(result), hit_rate(result)],
        tables: words::tables(&result.tables(), |name| name == "reliability-at-some-ranks"),
        galleries: Vec::new(),
        in_paper: "figures 1, 11 and 13".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings, steps: Vec::new() }
}

fn by_rank(result: &NeighborReliability) -> Figure {
    let rank = |index: usize| index as f64 + 1.0;
    let points = result.ranks.iter().map(|at| point(rank(at.index), &at.accuracy)).collect();
    let mut series = vec![measured("accuracy", Marks::Line(points))];
    if result.fit.is_some() {
        let fitted = result.ranks.iter().filter_map(|at| Some(Point::new(rank(at.index), at.fitted?)));
        series.push(measured("logarithmic fit", Marks::Curve(fitted.collect())));
    }
    Figure {
        name: "accuracy-by-rank".into(),
        title: "How often the neighbour of a rank has a right label".into(),
        caption: "On a logarithmic axis the fit is a straight line. The band is the 95 % interval.".into(),
        x: Axis::log("Rank of the neighbour, 1 = nearest", Unit::Count),
        y: accuracy_axis(),
        series,
        references: Vec::new(),
    }
}

fn hit_rate(result: &NeighborReliability) -> Figure {
    let points = result.hit_rate.iter().map(|at| point(at.k as f64, &at.accuracy)).collect();
    Figure {
        name: "hit-rate".into(),
        title: "How often a right label is among the first k".into(),
        caption:
            "The band is the 95 % interval. The paper’s line is its hit rate at k = 100, DinoV2 ViT-L/14 on ImageNet."
                .into(),
        x: Axis::linear("Neighbours, k", Unit::Count),
        y: Axis::linear("Hit rate", Unit::Share),
        series: vec![measured("hit rate", Marks::Line(points))],
        references: vec![Reference {
            name: "at k = 100".into(),
            origin: Origin::Paper,
            line: ReferenceLine::AtY(HIT_RATE_AT_100 / 100.0),
        }],
    }
}
