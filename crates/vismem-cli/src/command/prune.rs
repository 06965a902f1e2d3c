mod page;
mod suggest;

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use vismem::{Editor, Memory, Pruned, Pruning};
use vismem_data::has_extension;

use super::{Outcome, index};
use crate::args::{Args, Format, Prune, PruningTrial, wrong_use};
use crate::{output, progress};

/// Where right neighbours run out, a pruning that hides a larger share of the memory is hardly meant.
const MANY: f64 = 0.25;

#[derive(Serialize)]
struct Document {
    memory: String,
    pruning: Option<Pruning>,
    dry_run: bool,
    exemplars: usize,
    hidden: usize,
    reduced: usize,
    page: Option<String>,
}

pub fn run(args: &Args, options: &Prune) -> Result<Outcome> {
    match options {
        Prune::Hard(hard) => {
            let pruning = Pruning::Hard { neighbors: hard.neighbors as usize, threshold: hard.threshold };
            set(args, pruning, &hard.trial)?;
        }
        Prune::Soft(soft) => {
            let pruning = Pruning::Soft { neighbors: soft.neighbors as usize, c: soft.c, d: soft.d };
            set(args, pruning, &soft.trial)?;
        }
        Prune::Off => {
            Editor::open(&args.memory)?.set_pruning(None)?;
            answer(args.format, &document(args, &Memory::open(&args.memory)?, None, false, None))?;
        }
        Prune::Show => {
            let memory = Memory::open(&args.memory)?;
            let pruned = memory.pruned(&mut progress::Steps::default())?;
            answer(args.format, &document(args, &memory, pruned, false, None))?;
        }
        Prune::Suggest(options) => suggest::run(args, options)?,
    }
    Ok(Outcome::Done)
}

fn set(args: &Args, pruning: Pruning, trial: &PruningTrial) -> Result<()> {
    let pruning = pruning.checked().map_err(wrong_use)?;
    if let Some(page) = trial.page.as_deref().filter(|page| !has_extension(page, "html")) {
        return Err(wrong_use(format!("{}: the page is written as .html", page.display())));
    }
    // Counted before it is set, so that no decision has to wait for it.
    let memory = Memory::open(&args.memory)?;
    index::keep_lists(&memory, pruning.neighbors());
    let pruned = memory.pruned_by(pruning, &mut progress::Steps::default())?;
    if let Some(page) = &trial.page {
        page::write(page, &memory, &pruned)?;
    }
    let document = document(args, &memory, Some(&pruned), trial.dry_run, trial.page.as_deref());
    let runs_out = pruning.neighbors() > usual_exemplars(&memory);
    if runs_out && document.hidden as f64 > MANY * document.exemplars as f64 {
        output::note(format_args!(
            "warning: that hides {:.0} % of the memory. Labels have fewer exemplars than neighbours are asked, so that most of \
             these must be wrong, whoever they are: ask fewer with --neighbors, or let `vismem prune suggest` choose",
            100.0 * document.hidden as f64 / document.exemplars as f64
        ));
    }
    // A reader would keep the editor from cutting the log.
    drop(memory);
    if !trial.dry_run {
        Editor::open(&args.memory)?.set_pruning(Some(pruning))?;
    }
    answer(args.format, &document)
}

/// How many exemplars half of the labels have.
fn usual_exemplars(memory: &Memory) -> usize {
    let mut counts: Vec<usize> = memory.labels().iter().map(|label| label.exemplars).collect();
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied().unwrap_or(0)
}

fn document(args: &Args, memory: &Memory, pruned: Option<&Pruned>, dry_run: bool, page: Option<&Path>) -> Document {
    Document {
        memory: args.memory.display().to_string(),
        pruning: pruned.map(|pruned| pruned.pruning),
        dry_run,
        exemplars: memory.len(),
        hidden: pruned.map_or(0, |pruned| pruned.hidden().len()),
        reduced: pruned.map_or(0, |pruned| pruned.reduced().len()),
        page: page.map(|page| page.display().to_string()),
    }
}

fn answer(format: Format, document: &Document) -> Result<()> {
    if format == Format::Json {
        return output::json(document);
    }
    let mut out = output::stdout();
    let rule = document.pruning.map_or("off".into(), |pruning| pruning.to_string());
    writeln!(
        out,
        "{}: pruning {rule}{}",
        document.memory,
        if document.dry_run { ", not set (--dry-run)" } else { "" }
    )?;
    let (hidden, reduced) = (output::count(document.hidden), output::count(document.reduced));
    let all = output::counted(document.exemplars, "exemplar");
    match document.pruning {
        Some(pruning) if pruning.is_hard() => writeln!(out, "{hidden} of {all} hidden")?,
        Some(_) => writeln!(out, "{reduced} of {all} with votes of another weight")?,
        None => writeln!(out, "every one of {all} counts as it is")?,
    }
    if let Some(page) = &document.page {
        writeln!(out, "see {page}")?;
    }
    Ok(out.flush()?)
}
