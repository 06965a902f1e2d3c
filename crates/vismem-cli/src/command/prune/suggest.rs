use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem::{Memory, Pruning, PruningTrial, Threshold};
use vismem_app::prune::{self, Suggestion};

use crate::args::{Args, Format, SuggestPruning};
use crate::output;
use crate::progress::Watch;

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    suggestion: Suggestion,
    command: String,
}

pub fn run(args: &Args, options: &SuggestPruning) -> Result<()> {
    let (k, vote) = options.rule.checked()?;
    let memory = Memory::open(&args.memory)?;
    let suggestion = prune::suggest(&memory, options.neighbors as usize, k, vote, &mut Watch::default())?;
    let command = command(&super::vismem_on(args), suggestion.trials[0].pruning.as_ref());
    let document = Document { suggestion, command };
    if args.format == Format::Json {
        return output::json(&document);
    }
    let trials = &document.suggestion.trials;
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
fn command(vismem: &str, pruning: Option<&Pruning>) -> String {
    match pruning {
        None => format!("{vismem} prune off"),
        Some(Pruning::Hard { neighbors, threshold }) => {
            let threshold = match threshold {
                Threshold::Votes(votes) => votes.to_string(),
                Threshold::Share(share) => format!("{:.0}%", 100.0 * share),
            };
            format!("{vismem} prune hard --threshold {threshold} --neighbors {neighbors}")
        }
        Some(Pruning::Soft { neighbors, c, d }) => {
            format!("{vismem} prune soft --neighbors {neighbors} --c {c} --d {d}")
        }
    }
}
