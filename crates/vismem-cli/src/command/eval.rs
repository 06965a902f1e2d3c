//! The paper's experiments on the user's memory and queries.

mod experiment;
mod ground;
mod kept;
mod output;
mod queries;
mod report;
mod stop;

use std::path::Path;

use anyhow::{Context, Result};
use vismem_eval::{Error, Evaluation, LeftOut, Results};

use self::experiment::{Experiment, Options};
use self::ground::Ground;
use self::kept::Finished;
use super::Outcome;
use crate::args::eval::{Asked, DEPTH, Depth, Eval, NeighborFiles};
use crate::args::{Args, wrong_use};

pub fn run(args: &Args, eval: &Eval) -> Result<Outcome> {
    let mut options = Options::new(args);
    let (asked, tabled, experiment): (&Asked, Option<(&Depth, &NeighborFiles)>, _) = match eval {
        Eval::Aggregation(given) => {
            options.threshold = given.pruning.threshold;
            (&given.asked, Some((&given.depth, &given.files)), Some(Experiment::Aggregation))
        }
        Eval::Reliability(given) => (&given.asked, Some((&given.depth, &given.files)), Some(Experiment::Reliability)),
        Eval::Hyperparameters(given) => {
            (&given.asked, Some((&given.depth, &given.files)), Some(Experiment::Hyperparameters))
        }
        Eval::Corruption(given) => {
            options.seeds.clone_from(&given.seeds.seeds);
            (&given.asked, Some((&given.depth, &given.files)), Some(Experiment::Corruption))
        }
        Eval::Calibration(given) => {
            // Of the bootstrap.
            options.seeds = vec![0];
            options.voters = given.voters.voters as usize;
            (&given.asked, Some((&given.depth, &given.files)), Some(Experiment::Calibration))
        }
        Eval::Scaling(given) => {
            options.voters = given.voters.voters as usize;
            options.seeds.clone_from(&given.seeds.seeds);
            options.beside = given.beside.iter().map(|file| results_of(file)).collect::<Result<_>>()?;
            (&given.asked, None, Some(Experiment::Scaling))
        }
        Eval::NovelClasses(given) => {
            options.voters = given.voters.voters as usize;
            options.seeds.clone_from(&given.seeds.seeds);
            options.held_out.clone_from(&given.hold_out);
            (&given.asked, None, Some(Experiment::NovelClasses))
        }
        Eval::Shift(given) => (&given.asked, Some((&given.depth, &given.files)), Some(Experiment::Shift)),
        Eval::Granularity(given) => {
            options.seeds.clone_from(&given.seeds.seeds);
            (&given.asked, None, Some(Experiment::Granularity))
        }
        Eval::Unlearning(given) => {
            options.voters = given.voters.voters as usize;
            options.seeds = vec![given.seed];
            options.forgotten = given.count as usize;
            (&given.asked, None, Some(Experiment::Unlearning))
        }
        Eval::Errors(given) => {
            options.voters = given.voters.voters as usize;
            options.mistakes = given.shown as usize;
            (&given.asked, None, Some(Experiment::Errors))
        }
        Eval::Composition(given) => {
            options.compositions = given.shown as usize;
            (&given.asked, None, Some(Experiment::Composition))
        }
        Eval::All(given) => {
            options.alone = false;
            options.threshold = given.pruning.threshold;
            options.voters = given.voters.voters as usize;
            options.seeds.clone_from(&given.seeds.seeds);
            (&given.asked, Some((&given.depth, &given.files)), None)
        }
    };
    options.checked()?;
    let (depth, files) = tabled.unzip();
    options.k = depth.map_or(DEPTH, |depth| depth.k) as usize;
    if files.is_some_and(|files| files.neighbors.len() > 1) && experiment != Some(Experiment::Shift) {
        return Err(wrong_use("give --neighbors once; `vismem eval shift` compares several"));
    }

    let mut ground = Ground::new(args, asked, options.k, files)?;
    if let Some(file) = files.and_then(|files| files.write_neighbors.as_deref()) {
        output::write_neighbors(file, &mut ground)?;
    }
    let wanted = experiment.map_or(Experiment::ALL.to_vec(), |one| vec![one]);
    let seeds = if wanted.iter().any(|one| one.draws()) { options.seeds.clone() } else { Vec::new() };
    let mut finished = Finished::open(asked.output.as_deref(), ground.inputs());
    let mut results = Results::default();
    let mut left_out = Vec::new();
    stop::watch(asked.output.is_some());
    let count = wanted.len();
    for (at, one) in wanted.into_iter().enumerate() {
        let key = options.key(one);
        if finished.take_up(one.name(), &key, &mut results) {
            continue;
        }
        if experiment.is_none() {
            crate::output::note(format_args!("{}/{count} experiments: {}", at + 1, one.name()));
        }
        match one.run(&mut ground, &options, &mut results) {
            Ok(()) => {}
            Err(error) if experiment.is_none() => match error.downcast::<Error>() {
                Ok(error @ (Error::NotApplicable(_) | Error::NoQueries)) => {
                    left_out.push(LeftOut { experiment: one.name().into(), why: error.to_string() });
                    continue;
                }
                Ok(other) => return Err(other).with_context(|| format!("eval {}", one.name())),
                Err(other) => return Err(other).with_context(|| format!("eval {}", one.name())),
            },
            Err(error) => return Err(error),
        }
        if let Some(directory) = &asked.output {
            finished.done(one.name(), key);
            // Kept at once, so that whatever ends the run costs the experiment that is under way alone.
            let so_far = ground.evaluation(&seeds, finished.with(&results), left_out.clone())?;
            output::files(directory, &so_far, &finished)?;
        }
    }
    let whole = match &asked.output {
        Some(directory) => {
            let whole = ground.evaluation(&seeds, finished.with(&results), left_out)?;
            output::files(directory, &whole, &finished)?;
            report::write(directory, &whole, &asked.encoding)?;
            // The answer is what was asked for; the directory keeps what else was finished there.
            Evaluation { results, ..whole }
        }
        None => ground.evaluation(&seeds, results, left_out)?,
    };
    output::answer(args, &whole, asked.output.as_deref())?;
    Ok(if ground.unreadable == 0 { Outcome::Done } else { Outcome::Incomplete })
}

/// Results that another run wrote.
fn results_of(file: &Path) -> Result<Evaluation> {
    let name = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
    let what = || format!("{name}: is no results.json that this version of `vismem eval -o` wrote");
    serde_json::from_slice(&bytes).with_context(what)
}
