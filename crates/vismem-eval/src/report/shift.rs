//! Several sets of queries against one memory.

use vismem_report::figure::{Axis, BoxSummary, Figure, Marks, Unit};
use vismem_report::{Finding, Section, Tenor};

use super::words::{self, accuracy_axis, interval, measured, paper, paper_point, percent, point};
use super::{About, Part, command};
use crate::paper::{SHIFT, SHIFT_SETS};
use crate::{Shift, ShiftSet, ShiftVote};

const EXPERIMENT: &str = "shift";

pub fn part(result: &Shift, about: &About) -> Part {
    let in_order = || result.sets.iter().filter_map(|set| Some((set, best(set)?)));
    let answer = in_order()
        .map(|(set, best)| {
            format!(
                "{}: {} right ({}), with {}; half of its queries are within {:.3} of the memory.",
                set.name,
                percent(best.best.accuracy.value),
                interval(&best.best.accuracy),
                best.rule.of(best.best.k),
                set.nearest.median
            )
        })
        .collect();
    let worst = in_order().reduce(|a, b| if b.1.best.accuracy.value < a.1.best.accuracy.value { b } else { a });
    let findings = worst.filter(|_| result.sets.len() > 1).map(|(set, best)| Finding {
        number: percent(best.best.accuracy.value),
        interval: interval(&best.best.accuracy),
        sentence: format!("is the accuracy on {}, the hardest of {} sets of queries.", set.name, result.sets.len()),
        tenor: Tenor::Neutral,
        section: EXPERIMENT.into(),
    });
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Other places, other styles".into(),
        question: "How good are the answers on queries of another kind?".into(),
        answer,
        figures: vec![accuracies(result), distances(result), of_the_paper()],
        tables: words::tables(&result.tables(), |_| true),
        galleries: Vec::new(),
        in_paper: "table 2".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings: findings.into_iter().collect(), steps: Vec::new() }
}

fn best(set: &ShiftSet) -> Option<&ShiftVote> {
    set.votes.iter().reduce(|a, b| if b.best.accuracy.value > a.best.accuracy.value { b } else { a })
}

fn names(result: &Shift) -> Axis {
    Axis::categories("", result.sets.iter().map(|set| set.name.clone()).collect())
}

fn accuracies(result: &Shift) -> Figure {
    let votes: Vec<&str> =
        result.sets.first().map_or_else(Vec::new, |set| set.votes.iter().map(|vote| vote.rule.vote.as_str()).collect());
    let of = |name: &&str| {
        let points = (0..).zip(&result.sets).filter_map(|(at, set)| {
            let vote = set.votes.iter().find(|vote| vote.rule.vote == *name)?;
            Some(point(f64::from(at), &vote.best.accuracy))
        });
        measured(*name, Marks::Points(points.collect()))
    };
    Figure {
        name: "accuracy-by-set".into(),
        title: "Accuracy on each set of queries".into(),
        caption: "Each vote at its best k; bars are 95 % intervals.".into(),
        x: names(result),
        y: accuracy_axis(),
        series: votes.iter().map(of).collect(),
        references: Vec::new(),
    }
}

fn distances(result: &Shift) -> Figure {
    let boxes = (0..).zip(&result.sets).map(|(at, set)| BoxSummary {
        x: f64::from(at),
        low: set.nearest.min,
        q1: set.nearest.q1,
        median: set.nearest.median,
        q3: set.nearest.q3,
        high: set.nearest.max,
    });
    Figure {
        name: "distance-by-set".into(),
        title: "How far each set lies from the memory".into(),
        caption: "Distance of each query to its nearest exemplar: boxes hold the middle half, whiskers all.".into(),
        x: names(result),
        y: Axis::linear("Cosine distance", Unit::Number),
        series: vec![measured("distance", Marks::Boxes(boxes.collect()))],
        references: Vec::new(),
    }
}

fn of_the_paper() -> Figure {
    let memory = |(name, values): &(&str, [f64; 5])| {
        let points = (0..).zip(values).map(|(at, percent)| paper_point(f64::from(at), *percent));
        paper(format!("memory of {name}"), Marks::Points(points.collect()))
    };
    Figure {
        name: "accuracy-by-set-paper".into(),
        title: "The paper’s sets".into(),
        caption: "Table 2: variants of ImageNet against two memories.".into(),
        x: Axis::categories("", SHIFT_SETS.map(str::to_owned).to_vec()),
        y: accuracy_axis(),
        series: SHIFT.iter().map(memory).collect(),
        references: Vec::new(),
    }
}
