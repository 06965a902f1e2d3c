use std::io::Write;

use anyhow::Result;
use vismem::EventKind;
use vismem_app::relabel::{self, Relabelled};

use super::Outcome;
use crate::args::{Args, Format, Merge, Relabel, Split, wrong_use};
use crate::output;
use crate::progress::Watch;

pub fn run(args: &Args, options: &Relabel) -> Result<Outcome> {
    let relabelled = match (&options.to, &options.from) {
        (Some(to), _) => {
            let selection = options.selection.selection(&options.encoding);
            relabel::relabel(&args.memory, &selection, to, &mut Watch::default())?
        }
        (None, Some(file)) => relabel::relabel_each(&args.memory, file, &mut Watch::default())?,
        (None, None) => return Err(wrong_use("say the new label with --to, or a file of labels with --from")),
    };
    answer(args, &relabelled, "relabelled")
}

pub fn merge(args: &Args, options: &Merge) -> Result<Outcome> {
    answer(args, &relabel::merge(&args.memory, &options.labels, &options.into, &mut Watch::default())?, "relabelled")
}

pub fn split(args: &Args, options: &Split) -> Result<Outcome> {
    let selection = options.selection.selection(&options.encoding);
    let Split { split, into, .. } = options;
    let relabelled = relabel::split(&args.memory, split, &selection, into, &mut Watch::default())?;
    answer(args, &relabelled, "relabelled")
}

pub fn undo(args: &Args) -> Result<Outcome> {
    answer(args, &relabel::undo(&args.memory, &mut Watch::default())?, "gave the labels from before back to")
}

fn answer(args: &Args, relabelled: &Relabelled, done: &str) -> Result<Outcome> {
    if args.format == Format::Json {
        output::json(relabelled)?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    match (relabelled.exemplars, relabelled.event) {
        (0, None) => writeln!(out, "nothing to change: what is selected has that label already")?,
        (0, Some(_)) if relabelled.undid == Some(EventKind::Tune) => {
            writeln!(out, "put the tuning from before back")?;
        }
        (0, Some(_)) => writeln!(out, "put the taxonomy from before back")?,
        (exemplars, _) => writeln!(out, "{done} {}", output::counted(exemplars, "exemplar"))?,
    }
    out.flush()?;
    Ok(Outcome::Done)
}
