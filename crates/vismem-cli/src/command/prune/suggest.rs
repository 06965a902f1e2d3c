use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem::{Memory, Pruning, Threshold, Tuning};
use vismem_app::prune::{self, Suggestion, Trial};

use vismem_report::words;

use crate::args::{Args, Format, SuggestPruning};
use crate::output;
use crate::progress::Watch;

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    suggestion: Suggestion,
    command: Option<String>,
}

pub fn run(args: &Args, options: &SuggestPruning) -> Result<()> {
    let chosen = options.rule.checked()?;
    let memory = Memory::open(&args.memory)?;
    let Tuning { vote, k } = chosen.of(&memory)?;
    let suggestion = prune::suggest(&memory, options.neighbors as usize, k, vote, &mut Watch::default())?;
    // Where none is set and none is advised, there is nothing to do.
    let is_any = suggestion.advised.is_some() || suggestion.is_set;
    let command = is_any.then(|| command(&super::vismem_on(args), suggestion.advised.as_ref()));
    let document = Document { suggestion, command };
    if args.format == Format::Json {
        return output::json(&document);
    }
    let trials = &document.suggestion.trials;
    let mut out = output::stdout();
    let row = |Trial { trial, .. }: &Trial| {
        let rule = trial.pruning.map_or_else(|| "off".to_owned(), |pruning| pruning.to_string());
        let hidden = output::count(trial.hidden);
        let labels = match trial.hidden_labels.len() {
            0 => String::new(),
            some => format!(", {} wholly", output::counted(some, "label")),
        };
        writeln!(out, "{:>6.2} %  {hidden:>9} hidden{labels}  {rule}", 100.0 * trial.accuracy)
    };
    let is_hard = |of: &&Trial| of.trial.pruning.is_some_and(|pruning| pruning.is_hard());
    let is_soft = |of: &&Trial| of.trial.pruning.is_some_and(|pruning| !pruning.is_hard());
    let is_off = |of: &&Trial| of.trial.pruning.is_none();
    let best_of_each = [trials.iter().find(is_off), trials.iter().find(is_soft), trials.iter().find(is_hard)];
    best_of_each.into_iter().flatten().try_for_each(row)?;
    writeln!(out, "of {} decided right by the {k} nearest others", output::counted(memory.len(), "exemplar"))?;
    match (&document.suggestion.why_none, &document.command) {
        (None, Some(command)) => writeln!(out, "set the best with: {command}")?,
        (why, command) => {
            writeln!(out, "no pruning is advised: {}", why.as_deref().unwrap_or_default().replace(words::NBSP, " "))?;
            if let Some(command) = command {
                writeln!(out, "one is set; it is taken back with: {command}")?;
            }
        }
    }
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
