//! The `vismem` command line: a thin face over the use cases of `vismem-app`, one file per command. The binary calls
//! [`run`], and so can another program that brings the command with it, as a Python package does.

mod args;
mod command;
mod decision;
mod encoder;
mod interrupt;
mod output;
mod panics;
mod progress;
mod remedy;
mod selector;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use crate::args::{Args, Command};
use crate::command::Outcome;

/// How long a command that only reads begins again where others forget what it reads; once in any case.
const PATIENCE: Duration = Duration::from_secs(10);

/// The exit code where exemplars are forgotten and something of them is still in files.
const UNFINISHED: u8 = 3;

/// Runs the command that `args` say, the first of which is the program's name. It takes the process for its own: answers on
/// standard output, remarks on standard error, and Ctrl-C. The exit code is 0 if it was done, 1 if something failed, 2 if
/// `args` cannot be meant, 3 if exemplars are forgotten and their erasure is unfinished.
pub fn run<I>(args: I) -> ExitCode
where
    I: IntoIterator<Item: Into<OsString> + Clone>,
{
    let words: Vec<OsString> = args.into_iter().map(|word| word.into()).collect();
    panics::told_at_the_end(|| match Args::try_parse_from(&words) {
        Ok(args) => command(&args),
        Err(error) => {
            output::wrong_words(&error, &words);
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    })
}

fn command(args: &Args) -> ExitCode {
    if let Some(threads) = args.threads {
        // It fails where there is a pool already, and nothing has asked for one yet.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads as usize).build_global();
    }
    let until = Instant::now() + PATIENCE;
    let is_disturbed = |outcome: &anyhow::Result<Outcome>| {
        outcome.as_ref().is_err_and(remedy::is_outdated) && args.command.only_reads() && !output::has_answered()
    };
    let mut outcome = once(args);
    let mut attempts = 1;
    while is_disturbed(&outcome) && (attempts == 1 || Instant::now() < until) {
        outcome = once(args);
        attempts += 1;
    }
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::FAILURE,
        // Whoever reads our output has seen enough, as `vismem ls | head` does.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(format_args!("error: {}", output::in_one_line(&error)));
            if error.is::<args::WrongUse>() || remedy::is_request(&error) {
                ExitCode::from(2)
            } else if remedy::forgotten(&error).is_some() {
                ExitCode::from(UNFINISHED)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn once(args: &Args) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Demo(options) => command::demo::run(args, options),
        Command::Add(options) => command::add::run(args, options),
        Command::Sync(options) => command::sync::run(args, options),
        Command::Encode(options) => command::encode::run(args, options),
        Command::Classify(options) => command::classify::run(args, options),
        Command::Explain(options) => command::explain::run(args, options),
        Command::Ls(options) => command::ls::run(args, options),
        Command::Prune(options) => command::prune::run(args, options),
        Command::Tune(options) => command::tune::run(args, options),
        Command::Stats(options) => command::stats::run(args, options),
        Command::Bench(options) => command::bench::run(args, options),
        Command::Index(options) => command::index::run(args, options),
        Command::Eval(options) => command::eval::run(args, options),
        Command::Forget(options) => command::forget::run(args, options),
        Command::Relabel(options) => command::relabel::run(args, options),
        Command::Merge(options) => command::relabel::merge(args, options),
        Command::Split(options) => command::relabel::split(args, options),
        Command::Undo => command::relabel::undo(args),
        Command::Taxonomy(options) => command::taxonomy::run(args, options),
        Command::Export(options) => command::export::run(args, options),
        Command::Import(options) => command::import::run(args, options),
        Command::Model(options) => command::model::run(args, options),
        Command::Reencode(options) => command::reencode::run(args, options),
        Command::Compact => command::compact::run(args),
        Command::Log => command::log::run(args),
        Command::Verify(options) => command::verify::run(args, options),
        Command::Doctor(options) => command::doctor::run(args, options),
    }
}
