//! Results as a report for people: what the numbers say in words, figures and tables of them, pictures behind them.
//!
//! Each experiment has a file that makes a [`Part`] of its result; [`report`] puts the parts together.

mod aggregation;
mod calibration;
mod composition;
mod corruption;
mod granularity;
mod hyperparameters;
mod mistakes;
mod novel_classes;
mod reliability;
mod scaling;
mod shift;
mod unlearning;
mod words;

pub(crate) use self::words::{count, rough_count};

use vismem_report::{Finding, Picture, Report, Section, Step};

use crate::{About, Evaluation};

/// Finds the picture of a query or of an exemplar by its name.
pub type Pictures<'a> = dyn Fn(&str) -> Picture + 'a;

/// What one experiment adds to the report.
struct Part {
    section: Section,
    /// What to take away, the most important first.
    findings: Vec<Finding>,
    /// What to do next.
    steps: Vec<Step>,
}

/// Findings and steps that a first page has room for.
const FINDINGS: usize = 6;
const STEPS: usize = 6;

/// What the first page speaks of first: how good the answers are and whether to believe them, then what the memory can and
/// needs, then what says more to those who know the method.
const FIRST: [&str; 10] = [
    "aggregation",
    "shift",
    "calibration",
    "novel-classes",
    "errors",
    "scaling",
    "unlearning",
    "granularity",
    "corruption",
    "reliability",
];

/// The results as a report. `pictures` finds the pictures that it shows.
pub fn report(evaluation: &Evaluation, pictures: &Pictures) -> Report {
    let Evaluation { about, results, left_out } = evaluation;
    let parts = [
        results.aggregation.as_ref().map(|result| aggregation::part(result, about)),
        results.reliability.as_ref().map(|result| reliability::part(result, about)),
        results.hyperparameters.as_ref().map(|result| hyperparameters::part(result, about)),
        results.corruption.as_ref().map(|result| corruption::part(result, about)),
        results.calibration.as_ref().map(|result| calibration::part(result, about)),
        results.scaling.as_ref().map(|result| scaling::part(result, about)),
        results.novel_classes.as_ref().map(|result| novel_classes::part(result, about)),
        results.shift.as_ref().map(|result| shift::part(result, about)),
        results.granularity.as_ref().map(|result| granularity::part(result, about)),
        results.unlearning.as_ref().map(|result| unlearning::part(result, about)),
        results.errors.as_ref().map(|result| mistakes::part(result, about, pictures)),
        results.composition.as_ref().map(|result| composition::part(result, about, pictures)),
    ];
    let (mut findings, mut steps, mut sections): (Vec<Vec<Finding>>, _, _) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts.into_iter().flatten() {
        findings.push(part.findings);
        steps.push(part.steps);
        sections.push(part.section);
    }
    findings.retain(|of_one| !of_one.is_empty());
    findings.sort_by_key(|of_one| FIRST.iter().position(|name| *name == of_one[0].section).unwrap_or(FIRST.len()));
    Report {
        title: title(about),
        lead: lead(about),
        findings: in_turn(findings, FINDINGS),
        steps: in_turn(steps, STEPS),
        facts: facts(about),
        sections,
        left_out: left_out.iter().map(|left_out| (left_out.experiment.clone(), left_out.why.clone())).collect(),
    }
}

/// The first of each experiment, then the second of each, and so on, as far as there is room: no experiment crowds the
/// others out.
fn in_turn<T>(of_each: Vec<Vec<T>>, room: usize) -> Vec<T> {
    let mut ranked: Vec<(usize, usize, T)> = Vec::new();
    for (experiment, all) in of_each.into_iter().enumerate() {
        ranked.extend(all.into_iter().enumerate().map(|(rank, one)| (rank, experiment, one)));
    }
    ranked.sort_by_key(|(rank, experiment, _)| (*rank, *experiment));
    ranked.truncate(room);
    // Told one experiment after the other.
    ranked.sort_by_key(|(rank, experiment, _)| (*experiment, *rank));
    ranked.into_iter().map(|(_, _, one)| one).collect()
}

/// What was asked: the memory or the files.
fn subject(about: &About) -> String {
    about.memory.clone().unwrap_or_else(|| about.neighbor_files.join(", "))
}

fn title(about: &About) -> String {
    let subject = subject(about);
    let name = std::path::Path::new(&subject).file_name().map_or(subject.clone(), |name| name.to_string_lossy().into());
    format!("How well {name} knows its labels")
}

fn lead(about: &About) -> String {
    let exemplars = words::counted(about.exemplars as u64, "exemplar");
    let labels = words::counted(about.labels as u64, "label");
    let asked: u64 = about.queries.iter().map(|queries| queries.queries as u64).sum();
    if about.leave_one_out {
        return format!(
            "Each of the {exemplars} of {labels} was put to the memory as if it were not in it (leave-one-out), and its \
             {} nearest others answered. Pictures from elsewhere can be harder.{}",
            about.k.min(about.exemplars.saturating_sub(1)),
            alone(about)
        );
    }
    let warning = match about.queries.iter().map(|queries| queries.in_memory).sum::<usize>() {
        0 => String::new(),
        known => {
            format!(" {} of them seem to be in the memory already, which flatters it.", words::count(known as u64))
        }
    };
    let far = about.queries.iter().map(|queries| queries.far as u64).sum::<u64>();
    let shifted = if far * MANY_ARE_FAR > asked {
        format!(
            " {} of them are unlike anything in the memory: the accuracies hold for such queries alone, and say little of \
             those that it is made for.",
            words::count(far)
        )
    } else {
        String::new()
    };
    let nearest = about.k.min(about.exemplars) as u64;
    let unknown = match about.queries.iter().map(|queries| queries.unknown as u64).sum::<u64>() {
        0 => String::new(),
        some => format!(
            " {} of them {} that the memory does not have, so that no answer there can be right: add exemplars of these \
             labels first.",
            words::count(some),
            if some == 1 { "has a label" } else { "have labels" }
        ),
    };
    format!(
        "{} put to a memory of {exemplars} of {labels}; {} {} nearest {} answered.{unknown}{warning}{shifted}",
        words::counted_in(asked, "query was", "queries were"),
        if asked == 1 { "its" } else { "their" },
        words::count(nearest),
        if nearest == 1 { "exemplar" } else { "exemplars" }
    )
}

/// One of so many queries that is far from everything is much; of the memory's own it is one of twenty.
const MANY_ARE_FAR: u64 = 4;

/// What leave-one-out cannot know.
fn alone(about: &About) -> String {
    match about.queries.iter().map(|queries| queries.alone as u64).sum() {
        0 => String::new(),
        1 => " 1 of them is the only exemplar of its label: no answer without it can be right.".into(),
        alone => format!(
            " {} of them are the only exemplar of their label: no answer without them can be right.",
            words::count(alone)
        ),
    }
}

/// What the numbers belong to.
fn facts(about: &About) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            facts.push((name.to_owned(), value));
        }
    };
    let named = if about.memory.is_some() { "Memory" } else { "Neighbour files" };
    let labels = words::counted(about.labels as u64, "label");
    let exemplars = words::counted(about.exemplars as u64, "exemplar");
    fact(named, format!("{}: {exemplars} of {labels}", subject(about)));
    fact("Digest", about.digest.clone().unwrap_or_default());
    fact("Encoder", about.encoder.clone());
    fact("Encoder’s hash", about.encoder_hash.clone());
    for queries in &about.queries {
        let except = [
            (queries.unreadable, "could not be read"),
            (queries.unlabelled, "without a known label, not counted"),
            (queries.unknown, "of labels that the memory does not have, counted as wrong"),
        ];
        let except: String = except
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("; {} {what}", words::count(*number as u64)))
            .collect();
        fact("Queries", format!("{}: {}{except}", queries.name, words::count(queries.queries as u64)));
    }
    let recall = if about.recall < 1.0 { format!(", recall {:.3}", about.recall) } else { " (exact)".into() };
    // No query can have more than there are.
    let others = about.exemplars.saturating_sub(usize::from(about.leave_one_out));
    fact("Neighbours", format!("{}{recall}", about.k.min(others)));
    fact("Seeds", about.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "));
    fact("Version", format!("vismem {}", about.vismem));
    fact("Command", about.command.clone());
    facts
}

/// The command that does one experiment again: the run's own if it did that one or all; else how it begins, since the
/// options of one experiment need not be those of another.
fn command(about: &About, experiment: &str) -> String {
    again(&about.command, experiment)
}

/// How commands on the memory begin.
fn program(about: &About) -> String {
    match about.memory.as_deref() {
        None | Some("memory.vismem") => "vismem".into(),
        Some(memory) => format!("vismem -m {}", vismem_report::words::path(memory)),
    }
}

fn again(command: &str, experiment: &str) -> String {
    const EVAL: &str = " eval ";
    let Some(at) = command.find(EVAL).map(|at| at + EVAL.len()) else { return command.into() };
    let (before, after) = command.split_at(at);
    let (done, options) = after.split_once(' ').unwrap_or((after, ""));
    let options = if done == experiment || done == "all" { options } else { "…" };
    format!("{before}{experiment} {options}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_has_the_command_that_does_it_again() {
        assert_eq!(again("vismem -m m eval all q -o d", "errors"), "vismem -m m eval errors q -o d");
        assert_eq!(again("vismem eval errors q --shown 3", "errors"), "vismem eval errors q --shown 3");
        assert_eq!(again("vismem eval errors q --shown 3", "scaling"), "vismem eval scaling …");
        assert_eq!(again("vismem eval all", "scaling"), "vismem eval scaling");
    }

    #[test]
    fn no_experiment_crowds_the_others_out() {
        assert_eq!(in_turn(vec![vec![1, 2, 3], vec![10], vec![20, 21]], 4), [1, 2, 10, 20]);
        assert_eq!(in_turn(vec![vec![1, 2], vec![]], 9), [1, 2]);
    }
}
