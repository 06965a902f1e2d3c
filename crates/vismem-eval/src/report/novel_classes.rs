//! Adding classes.

use vismem_report::figure::{Axis, BoxSummary, Figure, Marks, Unit};
use vismem_report::{Finding, Section, Tenor};

use super::words::{self, accuracy_axis, finding, measured, paper, paper_point, percent, point};
use super::{About, Part, command};
use crate::boxes::Box5;
use crate::interval::{Estimate, wilson_of};
use crate::paper::NOVEL_CLASSES;
use crate::{NovelClasses, NovelRun, Share};

const EXPERIMENT: &str = "novel-classes";
/// New labels that are decided worse than the old ones by less are as good.
const AS_GOOD: f64 = 0.05;
/// An accuracy below this is good of nothing.
const LITTLE: f64 = 0.5;

pub fn part(result: &NovelClasses, about: &About) -> Part {
    let (mut answer, mut findings) = (Vec::new(), Vec::new());
    if let Some(first) = result.runs.first() {
        let over = |of: &dyn Fn(&NovelRun) -> f64| Over::of(result.runs.iter().map(of));
        let (before, after, new) =
            (over(&|run| run.old_before.value), over(&|run| run.old_after.value), over(&|run| run.new.value));
        let (auroc, fpr95) = (over(&|run| run.auroc.value), over(&|run| run.fpr95.value));
        let labels = words::counted(first.held_out.len() as u64, "label");
        let (were, their) = if first.held_out.len() == 1 { ("was", "its") } else { ("were", "their") };
        let draws = match result.runs.len() {
            1 => String::new(),
            runs => format!(", drawn {runs} times,"),
        };
        answer.push(format!(
            "{labels}{draws} {were} held out and then inserted. Without any training, {} of {their} queries are then answered right{}, \
             under {}.",
            percent(new.mean),
            new.range(percent),
            result.rule.of(result.k)
        ));
        let sum = |of: &dyn Fn(&NovelRun) -> u64| result.runs.iter().map(of).sum::<u64>();
        answer.push(format!(
            "On the others the accuracy goes from {} to {}: of {}, {} become wrong and {} become right.",
            percent(before.mean),
            percent(after.mean),
            words::counted_in(sum(&|run| run.old_after.n), "answer", "answers"),
            words::count(sum(&|run| run.forgotten)),
            words::count(sum(&|run| run.gained))
        ));
        answer.push(format!(
            "Before they were inserted, the distance of the nearest neighbour told their queries from known ones with an AUROC \
             of {:.3}{}; where 95 % of the known pass as known, so do {} of the new{}.",
            auroc.mean,
            auroc.range(|auroc| format!("{auroc:.3}")),
            percent(fpr95.mean),
            fpr95.range(percent)
        ));
        let sentence = format!(
            "is the accuracy on {labels}, added in a moment{}; on the old ones it went from {} to {}.",
            match result.runs.len() {
                1 => String::new(),
                runs => format!(" (mean of {runs} draws)"),
            },
            percent(before.mean),
            percent(after.mean)
        );
        // As good as on what it knew, as far as anybody can tell.
        let tenor = |new: &Estimate| match new.value {
            value if value < before.mean - AS_GOOD || value < LITTLE => Tenor::Neutral,
            _ => Tenor::Good,
        };
        findings.extend(over_draws(result, |run| &run.new).map(|new| finding(EXPERIMENT, &new, tenor(&new), sentence)));
        findings.push(Finding {
            number: percent(auroc.mean),
            interval: format!("{} to {}", percent(over(&|run| run.auroc.low).mean), percent(over(&|run| run.auroc.high).mean)),
            sentence: "is the chance that a picture of an unknown label seems stranger to the memory than one of a known label."
                .into(),
            tenor: Tenor::Neutral,
            section: EXPERIMENT.into(),
        });
    }
    let figures = result.runs.first().map_or_else(Vec::new, |run| vec![accuracies(result), distances(run, result)]);
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

/// A number over all draws.
struct Over {
    mean: f64,
    low: f64,
    high: f64,
    n: usize,
}

impl Over {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.collect();
        Self {
            mean: values.iter().sum::<f64>() / values.len() as f64,
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            n: values.len(),
        }
    }

    /// The smallest and the largest, where there are two.
    fn range(&self, say: impl Fn(f64) -> String) -> String {
        if self.n < 2 { String::new() } else { format!(" ({} to {} between draws)", say(self.low), say(self.high)) }
    }
}

/// The mean over draws, with the interval of a share of one draw's queries: draws share queries, so no more is known.
fn over_draws(result: &NovelClasses, of: fn(&NovelRun) -> &Share) -> Option<Estimate> {
    let shares = || result.runs.iter().map(of);
    let value = shares().map(|share| share.value).sum::<f64>() / result.runs.len() as f64;
    let n = shares().map(|share| share.n).min()?;
    let (low, high) = wilson_of(value, n);
    Some(Estimate { value, low, high })
}

fn accuracies(result: &NovelClasses) -> Figure {
    let places = ["old classes, before", "old classes, after", "new classes, after"];
    let shares: [fn(&NovelRun) -> &Share; 3] = [|run| &run.old_before, |run| &run.old_after, |run| &run.new];
    let points = shares.iter().zip(0..).filter_map(|(of, at)| Some(point(f64::from(at), &over_draws(result, *of)?)));
    let in_paper = NOVEL_CLASSES.iter().zip(0..).map(|(percent, at)| paper_point(f64::from(at), *percent));
    let means = match result.runs.len() {
        1 => String::new(),
        runs => format!("Means of {runs} draws of labels. "),
    };
    Figure {
        name: "before-and-after".into(),
        title: "Accuracy before and after the insertion".into(),
        caption: format!("{means}Bars are 95 % intervals. The paper inserts 64 classes of NINCO into ImageNet."),
        x: Axis::categories("", places.map(str::to_owned).to_vec()),
        y: accuracy_axis(),
        series: vec![
            measured("accuracy", Marks::Points(points.collect())),
            paper("accuracy", Marks::Points(in_paper.collect())),
        ],
        references: Vec::new(),
    }
}

fn distances(run: &NovelRun, result: &NovelClasses) -> Figure {
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
    let first = match result.runs.len() {
        1 => String::new(),
        runs => format!("; the first of {runs} draws of labels"),
    };
    Figure {
        name: "distances".into(),
        title: "Distances to a memory without the new classes".into(),
        caption: format!("Boxes hold the middle half of the queries, whiskers all of them{first}."),
        x: Axis::categories("", places.map(str::to_owned).to_vec()),
        y: Axis::linear("Cosine distance", Unit::Number),
        series: vec![
            measured("queries of old classes", Marks::Boxes(boxes(&run.known))),
            measured("queries of new classes", Marks::Boxes(boxes(&run.novel))),
        ],
        references: Vec::new(),
    }
}
