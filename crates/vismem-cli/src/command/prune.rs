mod suggest;

use std::io::Write;

use anyhow::Result;
use vismem::{Memory, Pruning};
use vismem_app::picture::Pictures;
use vismem_app::prune::{self, Correction, Effect, Page};
use vismem_report::words::{option, path};

use super::Outcome;
use crate::args::{Args, DEFAULT_MEMORY, Format, Prune, PruningTrial, wrong_use};
use crate::output;
use crate::progress::Watch;

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
        Prune::Off => answer(args.format, &prune::off(&args.memory, &mut Watch::default())?)?,
        Prune::Show => answer(args.format, &prune::show(&Memory::open(&args.memory)?, &mut Watch::default())?)?,
        Prune::Suggest(options) => suggest::run(args, options)?,
    }
    Ok(Outcome::Done)
}

fn set(args: &Args, pruning: Pruning, trial: &PruningTrial) -> Result<()> {
    let pruning = pruning.checked().map_err(wrong_use)?;
    let vismem = vismem_on(args);
    let in_words = |correction: Correction<'_>| match correction {
        Correction::Relabel { id, to } => format!("{vismem} relabel --id {id} {}", option("--to", to)),
        Correction::Explain { id } => format!("{vismem} explain --id {id}"),
        Correction::Forget { id } => format!("{vismem} forget --id {id}"),
    };
    // Who runs the command line may look at any file of theirs.
    let page = trial.page.as_deref().map(|file| Page { file, pictures: Pictures::default(), in_words: &in_words });
    let effect = prune::set(&args.memory, pruning, trial.dry_run, page.as_ref(), &mut Watch::default())?;
    if effect.hides_too_many {
        output::note(format_args!(
            "warning: that hides {:.0} % of the memory. Labels have fewer exemplars than neighbours are asked, so that most of \
             these must be wrong, whoever they are: ask fewer with --neighbors, or let `vismem prune suggest` choose",
            100.0 * effect.hidden as f64 / effect.exemplars as f64
        ));
    }
    answer(args.format, &effect)
}

/// How a command on this memory begins.
fn vismem_on(args: &Args) -> String {
    match args.memory.to_string_lossy() {
        path if path == DEFAULT_MEMORY => "vismem".into(),
        memory => format!("vismem -m {}", path(&memory)),
    }
}

fn answer(format: Format, document: &Effect) -> Result<()> {
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
    if !document.hidden_labels.is_empty() {
        writeln!(out, "{}", nobody_left(&document.hidden_labels))?;
    }
    if let Some(page) = &document.page {
        writeln!(out, "see {page}")?;
    }
    Ok(out.flush()?)
}

/// Says which labels a pruning hides wholly.
fn nobody_left(labels: &[String]) -> String {
    const NAMED: usize = 5;
    let named = labels.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let others = match labels.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {}", output::counted(more, "other label")),
    };
    format!("all exemplars of {named}{others} are hidden, so that hardly any picture can be taken for one of these")
}
