//! The paper's experiments on the user's memory and queries.

mod output;
mod stop;

use std::path::Path;

use anyhow::{Context, Result, bail};
use vismem::{Memory, Pruning, Tuning, Vote};
use vismem_app::Error;
use vismem_app::evaluate::{self, Experiment, On, Options, Prepared, Request};
use vismem_app::picture::Pictures;
use vismem_encode::decode::Limits;
use vismem_eval::Evaluation;
use vismem_report::words::{path, shell};

use super::{Outcome, index};
use crate::args::eval::{Asked, DEPTH, Depth, Eval, NeighborFiles};
use crate::args::{Args, Chosen, DEFAULT_MEMORY, wrong_use};
use crate::encoder;
use crate::progress::Watch;

pub fn run(args: &Args, eval: &Eval) -> Result<Outcome> {
    let mut options = Options { program: program(args), ..Options::default() };
    let mut chosen = Chosen::default();
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
            chosen = given.voters.checked()?;
            (&given.asked, Some((&given.depth, &given.files)), Some(Experiment::Calibration))
        }
        Eval::Scaling(given) => {
            chosen = given.voters.checked()?;
            options.seeds.clone_from(&given.seeds.seeds);
            options.beside = given.beside.iter().map(|file| results_of(file)).collect::<Result<_>>()?;
            (&given.asked, None, Some(Experiment::Scaling))
        }
        Eval::NovelClasses(given) => {
            chosen = given.voters.checked()?;
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
            chosen = given.voters.checked()?;
            options.seeds = vec![given.seed];
            options.forgotten = given.count as usize;
            (&given.asked, None, Some(Experiment::Unlearning))
        }
        Eval::Errors(given) => {
            chosen = given.voters.checked()?;
            options.mistakes = given.shown as usize;
            (&given.asked, None, Some(Experiment::Errors))
        }
        Eval::Composition(given) => {
            options.compositions = given.shown as usize;
            (&given.asked, None, Some(Experiment::Composition))
        }
        Eval::All(given) => {
            options.threshold = given.pruning.threshold;
            chosen = given.voters.checked()?;
            options.seeds.clone_from(&given.seeds.seeds);
            (&given.asked, Some((&given.depth, &given.files)), None)
        }
    };
    if let Some(threshold) = options.threshold {
        Pruning::Hard { neighbors: 100, threshold }.checked().map_err(wrong_use)?;
    }
    let (depth, files) = tabled.unzip();
    options.k = depth.map_or(DEPTH, |depth| depth.k) as usize;
    let is_kept = asked.output.is_some();
    let max_pixels = u64::from(asked.encoding.max_megapixels) * 1_000_000;
    let memory;
    let on = match files.filter(|files| !files.neighbors.is_empty()) {
        Some(files) => {
            // Kernel voting has to know embeddings.
            options.tuning = chosen.or(Tuning::usual(Vote::RANK))?;
            On::Neighbors { files: &files.neighbors, own: files.memory_neighbors.as_deref() }
        }
        None => {
            let search = asked.searching.checked()?;
            memory = Memory::open(&args.memory)?;
            options.tuning = chosen.of(&memory)?;
            if asked.condition.is_none() {
                index::advise(&memory, search);
            }
            On::Memory(Box::new(evaluate::Asked {
                memory: &memory,
                condition: asked.condition.clone(),
                queries: &asked.queries,
                labels: &asked.labels,
                reading: (&asked.reading).into(),
                search,
                encoding: encoder::meant(&asked.encoding),
            }))
        }
    };
    let request = Request {
        on,
        experiment,
        options,
        output: asked.output.as_deref(),
        write_neighbors: files.and_then(|files| files.write_neighbors.as_deref()),
        // Who runs the command line may look at any file of theirs.
        pictures: Pictures { limits: Limits { max_pixels, ..Limits::default() }, ..Pictures::default() },
        command: command(),
    };
    let prepared = match Prepared::new(request, &mut Watch::until_interrupted()) {
        Err(Error::Cancelled) if is_kept => bail!("stopped; the same command again goes on from there"),
        prepared => prepared?,
    };
    stop::watch(is_kept);
    let evaluated = prepared.run(&mut Watch::default())?;
    output::answer(args, &evaluated.evaluation, asked.output.as_deref())?;
    Ok(if evaluated.unreadable == 0 { Outcome::Done } else { Outcome::Incomplete })
}

/// How commands begin.
fn program(args: &Args) -> String {
    match args.memory.to_string_lossy() {
        memory if memory == DEFAULT_MEMORY => "vismem".into(),
        memory => format!("vismem -m {}", path(&memory)),
    }
}

/// The command as it was given, fit for a shell.
fn command() -> String {
    let quoted = |word: &str| match word.trim_start_matches('-') {
        "" => shell(word),
        rest => format!("{}{}", &word[..word.len() - rest.len()], shell(rest)),
    };
    let words = std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    std::iter::once("vismem".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// Results that another run wrote.
fn results_of(file: &Path) -> Result<Evaluation> {
    let name = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
    let what = || format!("{name}: is no results.json that this version of `vismem eval -o` wrote");
    serde_json::from_slice(&bytes).with_context(what)
}
