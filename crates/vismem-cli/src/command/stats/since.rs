//! What additions changed in old decisions.

use std::io::Write;

use anyhow::{Context, Result};
use serde::Serialize;
use vismem::Memory;

use crate::args::{Since, Stats};
use crate::command::index;
use crate::{output, progress};

/// Labels that people are shown; programs get them all.
const SHOWN: usize = 10;

#[derive(Serialize)]
pub struct Document {
    batch: u64,
    k: usize,
    vote: String,
    added: Added,
    old: Old,
    labels: Vec<Label>,
}

#[derive(Serialize)]
struct Added {
    exemplars: usize,
    accuracy: Option<f64>,
    new_labels: Vec<String>,
}

#[derive(Serialize)]
struct Old {
    exemplars: usize,
    accuracy_before: f64,
    accuracy_after: f64,
    changed: usize,
    mended: usize,
    spoilt: usize,
}

#[derive(Serialize)]
struct Label {
    label: String,
    exemplars: usize,
    accuracy_before: f64,
    accuracy_after: f64,
    taken_for: Option<String>,
}

/// Compares, if that is asked for.
pub fn document(memory: &Memory, options: &Stats) -> Result<Option<Document>> {
    let (k, vote) = options.rule.checked()?;
    let batch = match options.since {
        None => return Ok(None),
        Some(Since::Batch(batch)) => batch,
        Some(Since::Last) => {
            let nothing = || format!("{}: nothing was ever added; add some first", memory.path().display());
            memory.last_batch()?.with_context(nothing)?
        }
    };
    index::keep_lists(memory, k);
    let since = memory.changed_since(batch, k, vote, &mut progress::Steps::default())?;
    let label = |label: vismem::LabelSince| Label {
        label: label.label,
        exemplars: label.exemplars,
        accuracy_before: label.accuracy_before,
        accuracy_after: label.accuracy_after,
        taken_for: label.taken_for,
    };
    Ok(Some(Document {
        batch,
        k,
        vote: vote.to_string(),
        added: Added { exemplars: since.added, accuracy: since.added_accuracy, new_labels: since.new_labels },
        old: Old {
            exemplars: since.old,
            accuracy_before: since.accuracy_before,
            accuracy_after: since.accuracy_after,
            changed: since.changed,
            mended: since.mended,
            spoilt: since.spoilt,
        },
        labels: since.labels.into_iter().map(label).collect(),
    }))
}

/// Below the rows of `vismem stats`.
pub fn print(document: &Document, out: &mut impl Write) -> Result<()> {
    let Document { batch, k, vote, added, old, labels } = document;
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    writeln!(out)?;
    let new_labels = match added.new_labels.len() {
        0 => String::new(),
        few @ 1..=SHOWN => format!(", {} ({})", output::counted(few, "new label"), added.new_labels.join(", ")),
        many => format!(", {}", output::counted(many, "new label")),
    };
    writeln!(out, "Since batch {batch}: {} added{new_labels}", output::counted(added.exemplars, "exemplar"))?;
    writeln!(out, "Each exemplar decided by its {k} nearest others, {vote}:")?;
    let olds = output::counted(old.exemplars, "older exemplar");
    writeln!(out, "  {:>8} right of {olds} before", percent(old.accuracy_before))?;
    let (changed, mended, spoilt) = (output::count(old.changed), output::count(old.mended), output::count(old.spoilt));
    let after = percent(old.accuracy_after);
    writeln!(out, "  {after:>8} right of them now: {changed} decided otherwise, {mended} mended, {spoilt} spoilt")?;
    if let Some(accuracy) = added.accuracy {
        writeln!(out, "  {:>8} right of the added", percent(accuracy))?;
    }
    let lost: Vec<&Label> = labels.iter().filter(|label| label.accuracy_after < label.accuracy_before).collect();
    if !lost.is_empty() {
        writeln!(out, "Labels that lost:")?;
    }
    for label in lost.iter().take(SHOWN) {
        let (before, after) = (percent(label.accuracy_before), percent(label.accuracy_after));
        let taken_for = label.taken_for.iter().map(|other| format!(", taken for {other}")).collect::<String>();
        let of = output::counted(label.exemplars, "exemplar");
        writeln!(out, "  {before:>8} -> {after:>8}  {}, {of}{taken_for}", label.label)?;
    }
    if lost.len() > SHOWN {
        writeln!(out, "  and {} more (--format json names all)", output::count(lost.len() - SHOWN))?;
    }
    Ok(())
}
