//! How much wrong labels in the memory matter.

use vismem_report::figure::{Axis, Figure, Marks, Origin, Reference, ReferenceLine, Unit};
use vismem_report::{Finding, Section, Tenor};

use super::words::{self, accuracy_axis, measured, point};
use super::{About, Part, command};
use crate::paper::CORRUPTION_IS_FLAT_TO;
use crate::{Corruption, FlatTo, VOTES};

const EXPERIMENT: &str = "corruption";

pub fn part(result: &Corruption, about: &About) -> Part {
    let mut findings = Vec::new();
    let mut answer: Vec<String> = result
        .flat_to
        .iter()
        .map(|flat| {
            if !can_tell(result, flat) {
                return format!(
                    "{} is hardly better than chance, whether labels are drawn at random or the most frequent one is always said, so nothing can \
                     be said of how many may be wrong.",
                    words::sentence_case(&flat.rule.of(flat.k))
                );
            }
            if flat.share == 0.0 {
                return format!(
                    "{} loses a point or more with the smallest share of random labels that was tried.",
                    words::sentence_case(&flat.rule.of(flat.k))
                );
            }
            let share = words::whole_percent(flat.share);
            format!(
                "{} loses less than a point up to {share} of random labels.",
                words::sentence_case(&flat.rule.of(flat.k))
            )
        })
        .collect();
    let usual = crate::Rule::from(vismem::Vote::RANK);
    if let Some(flat) =
        result.flat_to.iter().find(|flat| flat.rule == usual && flat.share > 0.0 && can_tell(result, flat))
    {
        findings.push(Finding {
            number: words::whole_percent(flat.share),
            interval: String::new(),
            sentence: format!(
                "of the labels in the memory may be drawn at random, and {} loses less than a point of accuracy.",
                flat.rule.of(flat.k)
            ),
            tenor: Tenor::Neutral,
            section: EXPERIMENT.into(),
        });
    }
    answer.push("The paper finds accuracy about flat up to 60 % on ImageNet, with 1,281 exemplars a label.".into());
    // What the answer speaks of, and all neighbours that there are.
    let mut ks: Vec<usize> = result.flat_to.first().map(|flat| flat.k).into_iter().collect();
    ks.extend(result.points.iter().map(|point| point.k).max());
    ks.dedup();
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Wrong labels".into(),
        question: "How many labels in the memory may be wrong before its answers suffer?".into(),
        answer,
        figures: ks.into_iter().map(|k| figure(result, k)).collect(),
        tables: words::tables(&result.tables(), |name| name == "corruption-by-vote"),
        galleries: Vec::new(),
        in_paper: "figure 10".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings, steps: Vec::new() }
}

/// Whether there is an accuracy to lose: that without random labels is above that with nothing else, and above that of
/// whoever always says the most frequent label.
fn can_tell(result: &Corruption, flat: &FlatTo) -> bool {
    let of = |at: &&crate::Corrupted| at.rule == flat.rule && at.k == flat.k;
    let at = |share: f64| result.points.iter().filter(of).find(|at| at.share == share);
    at(0.0)
        .zip(at(1.0))
        .is_some_and(|(clean, random)| clean.accuracy.low > random.accuracy.value.max(result.most_frequent.value))
}

fn figure(result: &Corruption, k: usize) -> Figure {
    let line = |vote: vismem::Vote| {
        let rule = crate::Rule::from(vote);
        let points = result.points.iter().filter(|corrupted| corrupted.rule == rule && corrupted.k == k);
        measured(&rule.vote, Marks::LineWithBars(points.map(|at| spread(at.share, &at.accuracy)).collect()))
    };
    let widest = result.points.iter().map(|point| (point.accuracy.high - point.accuracy.low) / 2.0).fold(0.0, f64::max);
    let runs = result.points.iter().map(|point| point.accuracy.runs).max().unwrap_or(0);
    Figure {
        name: format!("k-{k}"),
        title: format!("Accuracy of {} with random labels in the memory", words::counted(k as u64, "neighbour")),
        caption: format!(
            "Means over {}; bars reach from the worst to the best of them. For other queries each is known to {} or better.",
            words::counted(runs as u64, "seed"),
            words::give_or_take(widest)
        ),
        x: Axis::linear("Share of labels drawn at random", Unit::Share),
        y: accuracy_axis().reaching(0.0, 1.0),
        series: VOTES.map(line).to_vec(),
        references: vec![Reference {
            name: "flat up to here".into(),
            origin: Origin::Paper,
            line: ReferenceLine::AtX(CORRUPTION_IS_FLAT_TO / 100.0),
        }],
    }
}

/// The mean with the smallest and the largest of the runs.
fn spread(x: f64, repeated: &crate::interval::Repeated) -> vismem_report::figure::Point {
    vismem_report::figure::Point { interval: Some((repeated.min, repeated.max)), ..point(x, repeated) }
}
