//! What is known of a class before its first exemplars.

use vismem_report::figure::{Axis, Figure, Marks, Origin, Reference, ReferenceLine, Unit};
use vismem_report::{Section, Tenor};

use super::words::{self, accuracy_axis, finding, measured, percent, point};
use super::{About, Part, command};
use crate::paper::GENUS_WITHOUT_EXEMPLARS;
use crate::{Granularity, GranularityPoint};

const EXPERIMENT: &str = "granularity";

pub fn part(result: &Granularity, about: &About) -> Part {
    let of = |level: &str| result.points.iter().filter(|point| point.level == level).collect::<Vec<_>>();
    let none = |level: &str| of(level).into_iter().find(|point| point.exemplars == 0);
    let mut answer = vec![format!(
        "{} took turns at being the one in question, among up to {} of every other label; the nearest exemplar alone decides.",
        words::counted(result.targets as u64, "label"),
        words::counted(result.others as u64, "exemplar")
    )];
    for baseline in result.levels.iter().skip(1) {
        if let Some(first) = none(&baseline.level) {
            answer.push(format!(
                "Before the first exemplar the {} is right for {}; always saying {} would be right for {}.",
                baseline.level,
                percent(first.accuracy.value),
                baseline.majority,
                percent(baseline.accuracy.value)
            ));
        }
    }
    if let Some((first, more)) = of("label").split_first() {
        let few = more.iter().rfind(|point| point.exemplars <= 5);
        answer.extend(few.map(|few| {
            format!(
                "The label itself is right for {} without an exemplar and for {} with {} of them.",
                percent(first.accuracy.value),
                percent(few.accuracy.value),
                few.exemplars
            )
        }));
    }
    let above = result.levels.get(1).and_then(|level| Some((level, none(&level.level)?)));
    let findings = above.map(|(level, first)| {
        let better = first.accuracy.low > level.accuracy.high;
        let sentence = format!(
            "is how often the {} of something never seen is right; guessing the most frequent one gives {}.",
            level.level,
            percent(level.accuracy.value)
        );
        finding(EXPERIMENT, &first.accuracy, if better { Tenor::Good } else { Tenor::Neutral }, sentence)
    });
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Levels of the taxonomy".into(),
        question: "What does the memory know of a class that it has few or no exemplars of?".into(),
        answer,
        figures: vec![figure(result)],
        tables: words::tables(&result.tables(), |_| true),
        galleries: Vec::new(),
        in_paper: "section 3.5, figure 4".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings: findings.into_iter().collect(), steps: Vec::new() }
}

fn figure(result: &Granularity) -> Figure {
    let line = |level: &str| {
        let at = |of: &GranularityPoint| point(of.exemplars as f64, &of.accuracy);
        measured(level, Marks::LineWithBars(result.points.iter().filter(|of| of.level == level).map(at).collect()))
    };
    Figure {
        name: "accuracy-by-level".into(),
        title: "Accuracy by exemplars of the label in question".into(),
        caption:
            "A line for each level; bars are 95 % intervals. The paper’s line: the genus before the first exemplar, \
                  iNaturalist 2021."
                .into(),
        x: Axis::linear("Exemplars of the label in question", Unit::Count),
        y: accuracy_axis().reaching(0.0, 1.0),
        series: result.levels.iter().map(|level| line(&level.level)).collect(),
        references: vec![Reference {
            name: "genus, none".into(),
            origin: Origin::Paper,
            line: ReferenceLine::AtY(GENUS_WITHOUT_EXEMPLARS / 100.0),
        }],
    }
}
