//! How much the parameters of the votes matter.

use vismem_report::figure::{Axis, Figure, Marks, Origin, Point, Reference, ReferenceLine, Unit};
use vismem_report::{Section, Step};

use super::words::{self, accuracy_axis, measured, percent, points};
use super::{About, Part, command};
use crate::{Hyperparameters, SweepPoint};

const EXPERIMENT: &str = "hyperparameters";

/// A vote's parameter, the vote, the parameter's letter, and whether its values are spread over powers of ten.
const SWEEPS: [(&str, &str, &str, bool); 5] = [
    ("alpha", "rank", "α", true),
    ("xi", "distance", "ξ", false),
    ("tau", "softmax", "τ", true),
    ("gamma", "kernel", "γ", true),
    ("lambda", "kernel", "λ", true),
];

pub fn part(result: &Hyperparameters, about: &About) -> Part {
    let of = |swept: &str| result.points.iter().filter(|point| point.parameter == swept).collect::<Vec<_>>();
    let (mut answer, mut steps, mut likeliest) = (Vec::new(), Vec::new(), None::<(&str, &SweepPoint, &SweepPoint)>);
    for (swept, vote, letter, _) in SWEEPS {
        let sweep = of(swept);
        let papers = sweep.iter().copied().find(|point| point.is_the_papers);
        let Some(papers) = papers else { continue };
        let most = sweep.iter().copied().map(value).fold(0.0, f64::max);
        let as_good: Vec<&SweepPoint> = sweep.iter().copied().filter(|point| value(point) == most).collect();
        // Of equally good ones the paper's, which needs no option.
        let best = as_good.iter().copied().find(|point| point.is_the_papers).unwrap_or(as_good[0]);
        let gain = value(best) - value(papers);
        let parameter = best.value;
        answer.push(relation(vote, letter, &sweep, &as_good, papers));
        let more = best.against_papers.is_better();
        if more && likeliest.is_none_or(|(_, _, so_far)| value(best) > value(so_far)) {
            likeliest = Some((letter, papers, best));
        } else if !more && gain > 0.0 {
            answer.push(format!(
                "That {vote} voting is better with {letter} = {parameter} may be chance: {}.",
                words::changes(&best.against_papers)
            ));
        }
    }
    // Votes exclude each other, so that one of them is advised at most.
    steps.extend(likeliest.map(|(letter, papers, best)| {
        let (vote, parameter) = (&best.rule.vote, best.value);
        let gain = value(best) - value(papers);
        Step {
            sentence: format!(
                "Let {} vote by {vote} with {letter} = {parameter}, in the place of any other vote: {} more are right than with \
                 the paper’s.",
                words::counted(best.best.k as u64, "neighbour"),
                points(gain)
            ),
            command: words::classify(about, &format!("-k {} {}", best.best.k, best.rule.options())),
        }
    }));
    let drawn = SWEEPS.into_iter().map(|(swept, vote, letter, log)| (swept, vote, letter, log, of(swept)));
    let drawn = drawn.filter(|(.., sweep)| !sweep.is_empty());
    let figures = drawn.map(|(swept, vote, letter, log, sweep)| figure(swept, vote, letter, log, &sweep));
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Parameters of the votes".into(),
        question: "Do the parameters have to be tuned?".into(),
        answer,
        figures: figures.collect(),
        tables: words::tables(&result.tables(), |_| true),
        galleries: Vec::new(),
        in_paper: "figure 9".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings: Vec::new(), steps }
}

/// Which values of a parameter are best, and how the paper's compares.
fn relation(vote: &str, letter: &str, sweep: &[&SweepPoint], as_good: &[&SweepPoint], papers: &SweepPoint) -> String {
    let named = |point: &SweepPoint| point.value.to_string();
    let (most, vote) = (value(as_good[0]), words::sentence_case(vote));
    let (papers_own, papers_value) = (named(papers), value(papers));
    let all: Vec<String> = as_good.iter().map(|point| named(point)).collect();
    if as_good.len() == sweep.len() {
        return format!("{vote} voting is as good at every {letter} that was tried, with {}.", percent(most));
    }
    let compared = match (papers_value == most, as_good.len()) {
        (true, 1) => "the paper’s own value".to_owned(),
        (true, _) => format!("the paper’s {papers_own} is one of these, which are equally good"),
        (false, _) => {
            let differ = percent(most) != percent(papers_value);
            let by = if differ { format!(": {} less", points(most - papers_value)) } else { ", hardly less".into() };
            format!("the paper’s {papers_own} has {}{by}", percent(papers_value))
        }
    };
    format!("{vote} voting is best at {letter} = {}, with {}; {compared}.", all.join(", "), percent(most))
}

fn value(point: &SweepPoint) -> f64 {
    point.best.accuracy.value
}

fn figure(swept: &str, vote: &str, letter: &str, log: bool, sweep: &[&SweepPoint]) -> Figure {
    let ks: Vec<usize> = sweep.first().map_or_else(Vec::new, |point| point.accuracy.iter().map(|at| at.k).collect());
    let line = |k: &usize| {
        let at = |point: &&SweepPoint| {
            let at = point.accuracy.iter().find(|at| at.k == *k)?;
            Some(Point::new(point.value, at.accuracy.value))
        };
        measured(format!("k = {k}"), Marks::Line(sweep.iter().filter_map(at).collect()))
    };
    let every = sweep.iter().flat_map(|point| &point.accuracy);
    let widest = every.map(|at| (at.accuracy.high - at.accuracy.low) / 2.0).fold(0.0, f64::max);
    let title = format!("Parameter {letter}");
    let papers = sweep.iter().find(|point| point.is_the_papers).map(|point| point.value);
    Figure {
        // The paper's votes have one parameter each.
        name: if vote == "kernel" { format!("{vote}-{swept}") } else { vote.into() },
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
