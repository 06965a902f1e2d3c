//! Adding classes.

use vismem_report::figure::{Axis, BoxSummary, Figure, Marks, Unit};
use vismem_report::{Finding, Section, Tenor};

use super::words::{self, accuracy_axis, finding, interval, measured, paper, paper_point, percent, point};
use super::{About, Part, command};
use crate::boxes::Box5;
use crate::paper::NOVEL_CLASSES;
use crate::{NovelClasses, NovelRun};

const EXPERIMENT: &str = "novel-classes";

pub fn part(result: &NovelClasses, about: &About) -> Part {
    let (mut answer, mut findings) = (Vec::new(), Vec::new());
    if let Some(run) = result.runs.first() {
        let labels = words::counted(run.held_out.len() as u64, "label");
        answer.push(format!(
            "{labels} were held out and then inserted ({}). Without any training, {} of their queries are then answered right \
             (95 % interval {}), under {} voting of {} neighbours.",
            words::counted(run.inserted as u64, "exemplar"),
            percent(run.new.value),
            interval(&run.new),
            result.rule.vote,
            result.k
        ));
        answer.push(format!(
            "On the others the accuracy goes from {} to {}: of {}, {} become wrong and {} become right.",
            percent(run.old_before.value),
            percent(run.old_after.value),
            words::counted_in(run.old_after.n, "query", "queries"),
            words::count(run.forgotten),
            words::count(run.gained)
        ));
        answer.push(format!(
            "Before they were inserted, the distance of the nearest neighbour told their queries from known ones with an AUROC \
             of {:.3} (95 % interval {:.3} to {:.3}); where 95 % of the known pass as known, so do {} of the new.",
            run.auroc.value,
            run.auroc.low,
            run.auroc.high,
            percent(run.fpr95.value)
        ));
        let sentence = format!(
            "is the accuracy on {labels} that were added in a moment; on the old ones it went from {} to {}.",
            percent(run.old_before.value),
            percent(run.old_after.value)
        );
        findings.push(finding(EXPERIMENT, &run.new, Tenor::Good, sentence));
        findings.push(Finding {
            number: format!("{:.3}", run.auroc.value),
            interval: format!("{:.3} to {:.3}", run.auroc.low, run.auroc.high),
            sentence: "is the chance that a picture of an unknown label seems stranger to the memory than one of a known label."
                .into(),
            tenor: Tenor::Neutral,
            section: EXPERIMENT.into(),
        });
    }
    if result.runs.len() > 1 {
        answer
            .push(format!("The figures show the first of {} draws of labels; the tables show all.", result.runs.len()));
    }
    let figures = result.runs.first().map_or_else(Vec::new, |run| vec![accuracies(run), distances(run)]);
    let section = Section {
        name: EXPERIMENT.into(),
        title: "New classes".into(),
        question: "Can classes be added, and does the memory notice what it does not know?".into(),
        answer,
        figures,
        tables: words::tables(&result.tables(), |name| name != "novel-classes-distances"),
        galleries: Vec::new(),
        in_paper: "section 3.2, table 1, figure 12".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings, steps: Vec::new() }
}

fn accuracies(run: &NovelRun) -> Figure {
    let places = ["old classes, before", "old classes, after", "new classes, after"];
    let shares = [&run.old_before, &run.old_after, &run.new];
    let points = shares.iter().zip(0..).map(|(share, at)| point(f64::from(at), *share));
    let in_paper = NOVEL_CLASSES.iter().zip(0..).map(|(percent, at)| paper_point(f64::from(at), *percent));
    Figure {
        name: "before-and-after".into(),
        title: "Accuracy before and after the insertion".into(),
        caption: "Bars are 95 % intervals. The paper inserts 64 classes of NINCO into ImageNet.".into(),
        x: Axis::categories("", places.map(str::to_owned).to_vec()),
        y: accuracy_axis(),
        series: vec![
            measured("accuracy", Marks::Points(points.collect())),
            paper("accuracy", Marks::Points(in_paper.collect())),
        ],
        references: Vec::new(),
    }
}

fn distances(run: &NovelRun) -> Figure {
    let places = ["to the nearest", "mean of the first 100", "median of the first 100"];
    let summary = |(at, five): (i32, &Box5)| BoxSummary {
        x: f64::from(at),
        low: five.min,
        q1: five.q1,
        median: five.median,
        q3: five.q3,
        high: five.max,
    };
    let boxes = |of: &crate::Distances| (0..).zip([&of.nearest, &of.mean, &of.median]).map(summary).collect();
    Figure {
        name: "distances".into(),
        title: "Distances to a memory without the new classes".into(),
        caption: "Boxes hold the middle half of the queries, whiskers all of them.".into(),
        x: Axis::categories("", places.map(str::to_owned).to_vec()),
        y: Axis::linear("Cosine distance", Unit::Number),
        series: vec![
            measured("queries of old classes", Marks::Boxes(boxes(&run.known))),
            measured("queries of new classes", Marks::Boxes(boxes(&run.novel))),
        ],
        references: Vec::new(),
    }
}
