//! How much a larger memory helps.

use vismem_report::figure::{Axis, Figure, Marks, Point, Unit};
use vismem_report::{Finding, Section, Step, Tenor};

use super::words::{self, measured, paper, percent};
use super::{About, Part, command};
use crate::Scaling;
use crate::paper::SCALING;
use crate::scaling::CONCEIVABLE;

const EXPERIMENT: &str = "scaling";
/// Halving the error with up to so many times the exemplars is within reach.
const WITHIN_REACH: f64 = 20.0;
/// A law through fewer sizes always fits, and explains nothing.
const SIZES_OF_A_LAW: usize = 3;

pub fn part(result: &Scaling, about: &About) -> Part {
    let rule = result.rule.of(result.k);
    let (mut answer, mut findings, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    if let (Some(first), Some(last)) = (result.points.first(), result.points.last()) {
        let error = |point: &crate::SizePoint| percent(1.0 - point.accuracy.value);
        answer.push(format!(
            "With {} the error of {rule} is {}; with all {} it is {}.",
            words::counted(first.exemplars as u64, "exemplar"),
            error(first),
            words::count(last.exemplars as u64),
            error(last)
        ));
        if result.unknown > 0 {
            answer.push(format!(
                "{} of labels that the memory does not have are left out: they are wrong whatever its size.",
                words::counted_in(result.unknown, "query", "queries")
            ));
        }
        let times = result.halving.as_ref().map(|halving| halving.exemplars / last.exemplars as f64);
        match (result.halving_within_reach(), times) {
            (Some(halving), Some(times)) => {
                let sentence = format!(
                    "exemplars would halve the error to {}, {times:.0} times as many as there are, if the law holds that far.",
                    percent(halving.error)
                );
                let number = words::rough_count(halving.exemplars);
                answer.push(format!("About {number} {sentence}"));
                // Without both ends it is not known how far it is off.
                if let Some((low, high)) = halving.low.zip(halving.high) {
                    findings.push(Finding {
                        number,
                        interval: format!("{} to {}", words::rough_count(low), words::rough_count(high)),
                        sentence,
                        tenor: Tenor::Neutral,
                        section: EXPERIMENT.into(),
                    });
                } else {
                    answer.push("How far off that may be the few sizes do not tell.".into());
                }
            }
            _ if result.fit.is_some() && last.accuracy.value < 1.0 => answer.push(format!(
                "More exemplars alone would hardly help: by the law it takes more than {} times as many to halve the error, if \
                 they ever do.",
                words::count(CONCEIVABLE as u64)
            )),
            _ => {}
        }
        if let Some(times) = times {
            steps.push(Step {
                sentence: if times <= WITHIN_REACH {
                    "Add more labelled pictures: the error falls with the size of the memory.".into()
                } else {
                    "Rather than many more pictures, try a larger encoder: the error falls slowly with the size of the memory."
                        .into()
                },
                command: String::new(),
            });
        }
    }
    // A flat line explains all of no variance.
    if let Some(fit) = result.fit.as_ref().filter(|fit| fit.n >= SIZES_OF_A_LAW && fit.a.abs() > 1e-9) {
        answer.push(format!(
            "The law of the paper, log10(error in %) = a · log10(log10 N) + b, fits with a = {:.3} ± {:.3} and b = {:.3} ± {:.3} \
             (standard errors); it explains {} of the variance.",
            fit.a,
            fit.a_error,
            fit.b,
            fit.b_error,
            percent(fit.r_squared)
        ));
    }
    for beside in &result.beside {
        if let Some(needs) = beside.needs {
            answer.push(format!(
                "{} ({}) needs about {} exemplars for the error that this memory has with all of its own, by its law.",
                beside.memory,
                beside.encoder,
                words::rough_count(needs)
            ));
        }
    }
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Size of the memory".into(),
        question: "How much would more exemplars help?".into(),
        answer,
        figures: vec![figure(result), of_the_paper()],
        tables: words::tables(&result.tables(), |_| true),
        galleries: Vec::new(),
        in_paper: "figure 3, appendix F".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings, steps }
}

fn figure(result: &Scaling) -> Figure {
    let size = |point: &crate::SizePoint| point.exemplars as f64;
    let errors = |points: &[crate::SizePoint]| {
        let error = |point: &crate::SizePoint| {
            let accuracy = &point.accuracy;
            Point::within(size(point), 1.0 - accuracy.value, (1.0 - accuracy.high, 1.0 - accuracy.low))
        };
        Marks::Points(points.iter().map(error).collect())
    };
    let mut series = vec![measured("measured", errors(&result.points))];
    if result.fit.is_some() {
        let law = result.points.iter().filter_map(|point| {
            let interval = point.fitted_low.zip(point.fitted_high);
            Some(Point { x: size(point), y: point.fitted?, interval })
        });
        series.push(measured("law", Marks::Curve(law.collect())));
    }
    for beside in &result.beside {
        series.push(measured(format!("{} ({})", beside.memory, beside.encoder), errors(&beside.points)));
    }
    Figure {
        name: "error-by-size".into(),
        title: "Error by size of the memory".into(),
        caption:
            "Both axes are logarithmic. Bars are 95 % intervals; the band says where the next point is to be expected."
                .into(),
        x: Axis::log("Exemplars in the memory", Unit::Count),
        y: Axis::log("Error", Unit::Share),
        series,
        references: Vec::new(),
    }
}

/// The laws of the paper, up to its billion.
fn of_the_paper() -> Figure {
    let law = |fit: &crate::paper::ScalingFit| {
        let sizes = (0..=24).map(|step| 10f64.powf(3.0 + 0.25 * f64::from(step)));
        let points = sizes.map(|n| Point::new(n, 10f64.powf(fit.a * n.log10().log10() + fit.b) / 100.0));
        paper(fit.encoder, Marks::Curve(points.collect()))
    };
    Figure {
        name: "law-of-the-paper".into(),
        title: "The law in the paper".into(),
        caption: "Fits to memories of up to a billion exemplars with labels from a classifier, ImageNet queries."
            .into(),
        x: Axis::log("Exemplars in the memory", Unit::Count),
        y: Axis::log("Error", Unit::Share),
        series: SCALING.iter().map(law).collect(),
        references: Vec::new(),
    }
}
