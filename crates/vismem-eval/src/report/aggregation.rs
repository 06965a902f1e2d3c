//! The votes.

use vismem_report::figure::{Axis, Figure, Marks, Unit};
use vismem_report::{Cell, Column, Finding, Section, Step, Table, Tenor};

use super::words::{self, accuracy_axis, finding, measured, paper, paper_point, percent, point, points};
use super::{About, Part, command, program};
use crate::paper::{AGGREGATION, AGGREGATION_KS, PRUNING};
use crate::{Aggregation, Curve, PrunedBy};

const EXPERIMENT: &str = "aggregation";
/// Labels in the figure of the hardest.
const HARDEST: usize = 15;
/// An accuracy higher by less than this is not worth another setting.
const WORTH: f64 = 0.005;

pub fn part(result: &Aggregation, about: &About) -> Part {
    let plain: Vec<&Curve> = result.curves.iter().filter(|curve| curve.pruning == PrunedBy::None).collect();
    let best = plain.iter().copied().reduce(|a, b| if b.best.accuracy.value > a.best.accuracy.value { b } else { a });
    let (findings, steps, answer) =
        best.map_or_else(Default::default, |best| in_words(result, &plain, best, &program(about)));
    let mut figures = vec![at_every_k(&plain, best), of_the_paper()];
    figures.extend(best.map(|best| pruned(result, best)));
    figures.push(hardest(result));
    let mut tables = vec![at_ks(result)];
    tables.extend(words::paper_tables(EXPERIMENT));
    tables.extend(words::tables(&result.tables(), |name| name == "aggregation-by-label"));
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Votes and pruning".into(),
        question: "How should neighbours vote, how many of them, and does pruning help?".into(),
        answer,
        figures,
        tables,
        galleries: Vec::new(),
        in_paper: "sections 3.1 and 3.6, figure 2, tables 3 to 9".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings, steps }
}

fn in_words(
    result: &Aggregation,
    plain: &[&Curve],
    best: &Curve,
    program: &str,
) -> (Vec<Finding>, Vec<Step>, Vec<String>) {
    let (vote, k, share) = (&best.rule.vote, best.best.k, best.best.accuracy);
    let right = format!("of the queries are answered right, with {vote} voting of the {k} nearest exemplars.");
    let mut findings = vec![finding(EXPERIMENT, &share, Tenor::Neutral, right.clone())];
    let mut steps = vec![Step {
        sentence: format!("Let {k} neighbours vote by {vote}: best on these queries."),
        command: format!("{program} classify PICTURES -k {k} --vote {vote}"),
    }];
    let mut answer = vec![format!(
        "{} {right} Vote and k are the best on these very queries, as in the paper, so the number is a little too good.",
        percent(share.value)
    )];
    let last = |curve: &Curve| curve.accuracy.last().copied();
    let ends: Vec<(&str, f64)> =
        plain.iter().filter_map(|c| Some((c.rule.vote.as_str(), last(c)?.accuracy.value))).collect();
    let steadiest = ends.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a });
    let weakest = ends.iter().copied().reduce(|a, b| if b.1 < a.1 { b } else { a });
    if let (Some(steadiest), Some(weakest), Some(at)) = (steadiest, weakest, last(best)) {
        answer.push(format!(
            "Where {} neighbours vote, {} voting is the best ({}) and {} voting the weakest ({}). The paper finds that rank \
             voting goes on rising with k and then stays flat, while the others fall.",
            at.k,
            steadiest.0,
            percent(steadiest.1),
            weakest.0,
            percent(weakest.1)
        ));
    }
    if let Some(pruned) = best_of(result, &best.rule.vote, |pruning| pruning != PrunedBy::None) {
        let gain = pruned.best.accuracy.value - share.value;
        let name = pruned.pruning.name();
        answer.push(if gain >= WORTH {
            format!("With {name} pruning the best accuracy is higher by {}.", points(gain))
        } else {
            format!(
                "Pruning changes little here: the best accuracy under it ({name}) is {}.",
                percent(pruned.best.accuracy.value)
            )
        });
        if gain >= WORTH {
            steps.push(Step {
                sentence: format!("Try {name} pruning: better by {} here. It can be taken back.", points(gain)),
                command: format!("{program} prune suggest"),
            });
        }
    }
    if let Some(worst) = result.by_label.labels.first().filter(|worst| worst.accuracy.high < share.low) {
        let taken =
            worst.taken_for.as_ref().map_or_else(String::new, |label| format!(", most often taken for {label}"));
        let sentence = format!("is the accuracy of the hardest label, {}{taken}.", worst.label);
        findings.push(finding(EXPERIMENT, &worst.accuracy, Tenor::Wary, sentence));
        steps.push(Step {
            sentence: format!(
                "Look at the exemplars of {}: more or cleaner ones help most where it is hardest.",
                worst.label
            ),
            command: format!("{program} ls {}", words::shell(&worst.label)),
        });
    }
    (findings, steps, answer)
}

/// The best curve of a vote among some prunings.
fn best_of<'a>(result: &'a Aggregation, vote: &str, of: impl Fn(PrunedBy) -> bool) -> Option<&'a Curve> {
    let curves = result.curves.iter().filter(|curve| curve.rule.vote == vote && of(curve.pruning));
    curves.reduce(|a, b| if b.best.accuracy.value > a.best.accuracy.value { b } else { a })
}

fn at_every_k(plain: &[&Curve], best: Option<&Curve>) -> Figure {
    let line = |curve: &&Curve| {
        // One band: four on top of each other would hide the lines.
        let banded = best.is_some_and(|best| best.rule == curve.rule);
        let points = curve.accuracy.iter().map(|at| point(at.k as f64, &at.accuracy));
        let points = points.map(|mut point| {
            point.interval = point.interval.filter(|_| banded);
            point
        });
        measured(&curve.rule.vote, Marks::Line(points.collect()))
    };
    let band =
        best.map_or_else(String::new, |best| format!(" The band is the 95 % interval of {} voting.", best.rule.vote));
    Figure {
        name: "accuracy-at-k".into(),
        title: "Accuracy by how many neighbours vote".into(),
        caption: format!("Each line is a vote, without pruning.{band}"),
        x: Axis::linear("Neighbours that vote, k", Unit::Count),
        y: accuracy_axis(),
        series: plain.iter().map(line).collect(),
        references: Vec::new(),
    }
}

fn of_the_paper() -> Figure {
    let row = AGGREGATION[0];
    let votes =
        [("plurality", row.plurality), ("distance", row.distance), ("softmax", row.softmax), ("rank", row.rank)];
    let line = |(vote, values): (&str, [f64; 3])| {
        let points = AGGREGATION_KS.iter().zip(values).map(|(k, value)| paper_point(*k as f64, value));
        paper(vote, Marks::Line(points.collect()))
    };
    Figure {
        name: "accuracy-at-k-paper".into(),
        title: "The same in the paper".into(),
        caption: format!("{} on ImageNet, tables 3 to 9: compare the shapes, not the heights.", row.encoder),
        x: Axis::linear("Neighbours that vote, k", Unit::Count).reaching(0.0, 100.0),
        y: accuracy_axis(),
        series: votes.map(line).to_vec(),
        references: Vec::new(),
    }
}

/// The best accuracy of a vote under each pruning.
fn pruned(result: &Aggregation, best: &Curve) -> Figure {
    let prunings = [PrunedBy::None, PrunedBy::Soft, PrunedBy::Hard];
    let known: Vec<&Curve> =
        prunings.iter().filter_map(|of| best_of(result, &best.rule.vote, |pruning| pruning == *of)).collect();
    let name = |curve: &&Curve| match curve.pruning {
        PrunedBy::None => "no pruning".to_owned(),
        PrunedBy::Soft => "soft pruning".to_owned(),
        PrunedBy::Hard => format!("hard pruning, {} hidden", words::count(curve.hidden as u64)),
    };
    let points = known.iter().zip(0..).map(|(curve, at)| point(f64::from(at), &curve.best.accuracy));
    let in_paper = known.iter().zip(0..).filter_map(|(curve, at)| {
        let (_, percent) = PRUNING.iter().find(|(name, _)| *name == curve.pruning.name())?;
        Some(paper_point(f64::from(at), *percent))
    });
    Figure {
        name: "pruning".into(),
        title: format!("The best accuracy of {} voting under each pruning", best.rule.vote),
        caption: "Bars are 95 % intervals. Each is taken at its best k; the paper’s is rank voting on ImageNet.".into(),
        x: Axis::categories("", known.iter().map(name).collect()),
        y: accuracy_axis(),
        series: vec![
            measured("accuracy", Marks::Points(points.collect())),
            paper("accuracy", Marks::Points(in_paper.collect())),
        ],
        references: Vec::new(),
    }
}

fn hardest(result: &Aggregation) -> Figure {
    let labels = &result.by_label.labels;
    let worst = &labels[..labels.len().min(HARDEST)];
    let points = worst.iter().zip(0..).map(|(label, at)| point(f64::from(at), &label.accuracy));
    Figure {
        name: "hardest-labels".into(),
        title: "The hardest labels".into(),
        caption: format!(
            "{} voting of {} neighbours, without pruning. Bars are 95 % intervals: wide where a label has few queries.",
            words::sentence_case(&result.by_label.rule.vote),
            result.by_label.k
        ),
        x: Axis::categories("", worst.iter().map(|label| label.label.clone()).collect()),
        y: accuracy_axis().reaching(0.0, 1.0),
        series: vec![measured("accuracy", Marks::Points(points.collect()))],
        references: Vec::new(),
    }
}

/// Accuracies at some k, the best of each row bold.
fn at_ks(result: &Aggregation) -> Table {
    let ks = result.table_ks();
    let columns = [Column::text("vote"), Column::text("pruning")].into_iter();
    let columns =
        columns.chain(ks.iter().map(|k| Column::number(format!("k = {k}")))).chain([Column::number("best k")]);
    let row = |curve: &Curve| {
        let at = |k: &usize| curve.accuracy.get(*k - 1).map(|at| at.accuracy.value);
        let most = ks.iter().filter_map(at).fold(0.0, f64::max);
        let cell = |k: &usize| match at(k) {
            Some(value) if value == most => Cell::best(percent(value)),
            Some(value) => Cell::new(percent(value)),
            None => Cell::new(""),
        };
        let names = [Cell::new(&curve.rule.vote), Cell::new(curve.pruning.name())].into_iter();
        names.chain(ks.iter().map(cell)).chain([Cell::new(curve.best.k.to_string())]).collect()
    };
    Table {
        title: "Accuracy by vote, pruning and k".into(),
        note: "The best of each row is bold.".into(),
        columns: columns.collect(),
        rows: result.curves.iter().map(row).collect(),
    }
}
