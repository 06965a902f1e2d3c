use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem::{Memory, Pruning, PruningTrial, Threshold, Vote};

use crate::args::{Args, Format, SuggestPruning};
use crate::command::index;
use crate::{output, progress};

#[derive(Serialize)]
struct Document {
    memory: String,
    k: usize,
    vote: Vote,
    trials: Vec<PruningTrial>,
    command: String,
}

pub fn run(args: &Args, options: &SuggestPruning) -> Result<()> {
    let (k, vote) = options.rule.checked()?;
    let memory = Memory::open(&args.memory)?;
    index::keep_lists(&memory, (options.neighbors as usize).max(k).max(Pruning::SOFT.neighbors()));
    let trials = memory.try_prunings(options.neighbors as usize, k, vote, &mut progress::Steps::default())?;
    let document = Document {
        memory: args.memory.display().to_string(),
        k,
        vote,
        command: command(trials[0].pruning.as_ref()),
        trials,
    };
    if args.format == Format::Json {
        return output::json(&document);
    }
    let trials = &document.trials;
    let mut out = output::stdout();
    let row = |trial: &PruningTrial| {
        let rule = trial.pruning.map_or_else(|| "off".to_owned(), |pruning| pruning.to_string());
        let hidden = output::count(trial.hidden);
        writeln!(out, "{:>6.2} %  {hidden:>9} hidden  {rule}", 100.0 * trial.accuracy)
    };
    let is_hard = |trial: &&PruningTrial| trial.pruning.is_some_and(|pruning| pruning.is_hard());
    let is_soft = |trial: &&PruningTrial| trial.pruning.is_some_and(|pruning| !pruning.is_hard());
    let is_off = |trial: &&PruningTrial| trial.pruning.is_none();
    let best_of_each = [trials.iter().find(is_off), trials.iter().find(is_soft), trials.iter().find(is_hard)];
    best_of_each.into_iter().flatten().try_for_each(row)?;
    writeln!(out, "of {} decided right by the {k} nearest others", output::counted(memory.len(), "exemplar"))?;
    writeln!(out, "set the best with: {}", document.command)?;
    Ok(out.flush()?)
}

/// What sets this pruning.
fn command(pruning: Option<&Pruning>) -> String {
    match pruning {
        None => "vismem prune off".into(),
        Some(Pruning::Hard { neighbors, threshold }) => {
            let threshold = match threshold {
                Threshold::Votes(votes) => votes.to_string(),
                Threshold::Share(share) => format!("{:.0}%", 100.0 * share),
            };
            format!("vismem prune hard --threshold {threshold} --neighbors {neighbors}")
        }
        Some(Pruning::Soft { neighbors, c, d }) => format!("vismem prune soft --neighbors {neighbors} --c {c} --d {d}"),
    }
}
