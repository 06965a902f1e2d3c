//! Whether a decision that is sure is right.

use vismem_report::figure::{Axis, Figure, Marks, Origin, Point, Reference, ReferenceLine, Series, Unit};
use vismem_report::{Finding, Section, Step, Tenor};

use super::words::{self, accuracy_axis, measured, percent, point};
use super::{About, Part, command};
use crate::{Calibration, Part as Alike, Probabilities, SetsAt};

const EXPERIMENT: &str = "calibration";
/// Confidence that is off by less on average can be taken as it is.
const CALIBRATED: f64 = 0.05;
/// Of fewer decisions nobody can say whether confidence is the chance of being right: a share of so many is known to ± 14
/// points.
const ENOUGH: u64 = 50;

pub fn part(result: &Calibration, about: &About) -> Part {
    let rule = result.rule.of(result.k);
    let ece = words::points_within;
    let plain = &result.confidence;
    let below: f64 = plain.parts.iter().map(|part| (part.accuracy.value - part.mean) * part.accuracy.n as f64).sum();
    let direction = match below {
        below if below.abs() < 1e-9 => "right as often as it says",
        below if below > 0.0 => "right more often than it says",
        _ => "right less often than it says",
    };
    let decisions: u64 = plain.parts.iter().map(|part| part.accuracy.n).sum();
    let right: u64 = plain.parts.iter().map(|part| part.accuracy.count()).sum();
    let mut answer = vec![format!(
        "The winner’s share of the vote, under {rule}, is off by {} on average (expected calibration error); on the whole the \
         memory is {direction}. The Brier score is {:.3}.",
        ece(&plain.ece),
        plain.brier.value
    )];
    let mut findings = Vec::new();
    let mut steps = Vec::new();
    if let Some(own) = &result.probabilities {
        answer.extend(own_words(own));
    }
    // Of a memory that is never right nobody wants to know when it is.
    let good = plain.ece.value < CALIBRATED && right > 0 && decisions >= ENOUGH && about.labels > 1;
    let sentence = if about.labels < 2 {
        "is how far confidence is off on average; the memory has one label, so that it says nothing.".to_owned()
    } else if decisions < ENOUGH {
        format!(
            "is how far confidence is off on average over {}: too few to say whether it is the chance of being right.",
            words::counted(decisions, "decision")
        )
    } else if good {
        "is how far confidence is off on average: it can be read as the chance of being right.".to_owned()
    } else {
        format!(
            "is how far confidence is off on average; the memory is {direction}. Do not read confidence as the chance of being \
             right."
        )
    };
    let tenor = match good {
        true => Tenor::Good,
        false if about.labels < 2 || decisions < ENOUGH => Tenor::Neutral,
        false => Tenor::Wary,
    };
    findings.push(Finding {
        number: words::points(plain.ece.value),
        interval: format!("{:.1} to {:.1}", 100.0 * plain.ece.low, 100.0 * plain.ece.high),
        sentence,
        tenor,
        section: EXPERIMENT.into(),
    });
    if let Some((own, empty)) =
        result.probabilities.as_ref().and_then(|own| Some((own, own.shifted.then(|| emptiest(own))??)))
    {
        findings.push(Finding {
            number: words::whole_percent(empty.empty.value),
            interval: words::interval(&empty.empty),
            sentence: format!(
                "of the sets of labels that were to cover {} are empty, where {} were foretold by {}: these queries are unlike \
                 the memory, so that its probabilities and coverages do not hold for them.",
                words::whole_percent(empty.coverage),
                words::whole_percent(empty.empty_foretold),
                words::counted(own.asked, "exemplar")
            ),
            tenor: Tenor::Wary,
            section: EXPERIMENT.into(),
        });
    }
    if let Some(sure) = sure_from(&plain.parts).filter(|_| decisions >= ENOUGH) {
        steps.push(Step {
            sentence: format!(
                "Have answers below {} of the vote looked at by people: {} of those above are right, which are {} of all.",
                words::whole_percent(sure.from),
                percent(sure.right),
                words::whole_percent(sure.share)
            ),
            command: words::classify(about, &format!("--min-confidence {:.2}", sure.from)),
        });
    }
    let mut figures = vec![diagram(result)];
    figures.extend(result.probabilities.as_ref().map(coverage));
    figures.push(alike(
        "by-plurality",
        "Accuracy by how many neighbours agree",
        Axis::linear(format!("Neighbours of the most frequent label, of {}", result.neighbors), Unit::Count),
        &result.by_plurality,
    ));
    figures.push(alike(
        "by-entropy",
        "Accuracy by disorder among the neighbours",
        Axis::linear("Entropy of the neighbours’ labels, bits", Unit::Number),
        &result.by_entropy,
    ));
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Confidence".into(),
        question: "Is a decision that is sure of itself right?".into(),
        answer,
        figures,
        tables: words::tables(&result.tables(), |name| name == "calibration" || name == "calibration-sets"),
        galleries: Vec::new(),
        in_paper: "figure 15".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings, steps }
}

/// Decisions from a confidence on.
struct Sure {
    from: f64,
    /// The share of them that is right.
    right: f64,
    /// Their share of all.
    share: f64,
}

/// Those from the confidence on at which 99 % are right; `None` where there is none, or where even the least sure ones are.
fn sure_from(parts: &[Alike]) -> Option<Sure> {
    let count = |parts: &[Alike]| parts.iter().map(|part| part.accuracy.n).sum::<u64>() as f64;
    let right = |parts: &[Alike]| parts.iter().map(|part| part.accuracy.count()).sum::<u64>() as f64 / count(parts);
    let first = (1..parts.len()).find(|first| right(&parts[*first..]) >= 0.99).filter(|_| right(parts) < 0.99)?;
    let sure = &parts[first..];
    Some(Sure { from: parts[first].from, right: right(sure), share: count(sure) / count(parts) })
}

fn diagram(result: &Calibration) -> Figure {
    let line = |name: &str, parts: &[Alike]| -> Series {
        measured(name, Marks::LineWithBars(parts.iter().map(|part| point(part.mean, &part.accuracy)).collect()))
    };
    let mut series = vec![line("share of the vote", &result.confidence.parts)];
    series.extend(result.probabilities.as_ref().map(|own| line("probability", &own.confidence.parts)));
    Figure {
        name: "reliability-diagram".into(),
        title: "How often an answer of a confidence is right".into(),
        caption:
            "On the diagonal it is the chance of being right; above it the memory is modest, below it too sure. Bars \
                  are 95 % intervals."
                .into(),
        x: Axis::linear("Share of the vote, or probability", Unit::Share).reaching(0.0, 1.0),
        y: accuracy_axis().reaching(0.0, 1.0),
        series,
        references: vec![Reference {
            name: "calibrated".into(),
            origin: Origin::Measured,
            line: ReferenceLine::Diagonal,
        }],
    }
}

/// What the memory's own probabilities and sets come to.
fn own_words(own: &Probabilities) -> Vec<String> {
    let taught = words::counted(own.asked, "exemplar");
    let judged = match own.cross_fitted {
        true => "a fifth of them at a time by what the others taught",
        false => "each asked without itself",
    };
    let mut answer = vec![format!(
        "The probability that the memory gives the winner, from what {taught} say ({judged}; temperature {:.2}{}), is off by \
         {} on average. Its Brier score is {:.3}, its log loss {:.3}.",
        own.temperature,
        if own.isotonic { ", then isotonic regression" } else { "" },
        words::points_within(&own.confidence.ece),
        own.confidence.brier.value,
        own.log_loss.value
    )];
    let sets = own.sets.iter().map(|at| {
        format!(
            "{} where {} were asked for, with {:.2} labels on average",
            percent(at.covered.value),
            words::whole_percent(at.coverage),
            at.mean_size
        )
    });
    answer.push(format!("Sets of labels hold the right one in {}.", sets.collect::<Vec<_>>().join("; in ")));
    if !own.cross_fitted {
        answer.push(match own.shifted {
            true => {
                "Far more sets are empty than the memory foretells: the queries are unlike its exemplars, and neither \
                     probabilities nor coverage hold for them."
                    .into()
            }
            false => {
                "Both hold for queries that are like the exemplars; under a shift, such as another style, they do not. \
                      Then more sets are empty than are here."
                    .into()
            }
        });
    }
    answer
}

/// The sets of which the most more are empty than was foretold.
fn emptiest(own: &Probabilities) -> Option<&SetsAt> {
    let more = |at: &SetsAt| at.empty.value - at.empty_foretold;
    own.sets.iter().max_by(|a, b| more(a).total_cmp(&more(b)))
}

fn coverage(own: &Probabilities) -> Figure {
    let points: Vec<Point> = own.sets.iter().map(|at| point(at.coverage, &at.covered)).collect();
    Figure {
        name: "coverage".into(),
        title: "How often sets of labels hold the right one".into(),
        caption: "On the diagonal as often as was asked for. Bars are 95 % intervals.".into(),
        x: Axis::linear("Coverage asked for", Unit::Share).reaching(0.75, 1.0),
        y: Axis::linear("Sets that hold the right label", Unit::Share).reaching(0.75, 1.0),
        series: vec![measured("sets of labels", Marks::LineWithBars(points))],
        references: vec![Reference {
            name: "as asked".into(),
            origin: Origin::Measured,
            line: ReferenceLine::Diagonal,
        }],
    }
}

fn alike(name: &str, title: &str, x: Axis, parts: &[Alike]) -> Figure {
    let points: Vec<Point> = parts.iter().map(|part| point(part.mean, &part.accuracy)).collect();
    Figure {
        name: name.into(),
        title: title.into(),
        caption: "Each point is a group of decisions; bars are 95 % intervals.".into(),
        x,
        y: accuracy_axis().reaching(0.0, 1.0),
        series: vec![measured("accuracy", Marks::LineWithBars(points))],
        references: Vec::new(),
    }
}
