//! What came of adding.

use std::io::Write;

use anyhow::Result;
use vismem_app::add::{AddReport, ItemKind, OtherLabel};

use crate::args::Format;
use crate::command::{Outcome, notes};
use crate::{output, remedy};

/// How many pictures under other labels people are shown; programs get them all.
const SHOWN: usize = 10;

/// Answers with what came of adding.
pub fn answer(mut report: AddReport, format: Format) -> Result<Outcome> {
    remedy::failures(&mut report.failed);
    match format {
        Format::Json => output::json(&report)?,
        Format::Text => print(&report)?,
    }
    Ok(outcome(&report))
}

pub fn outcome(report: &AddReport) -> Outcome {
    if report.all_in() { Outcome::Done } else { Outcome::Incomplete }
}

/// What came of adding, for people.
pub fn print(report: &AddReport) -> Result<()> {
    let what = match report.kind {
        ItemKind::Picture => "picture",
        ItemKind::Embedding => "embedding",
    };
    let mut out = output::stdout();
    let counted = |number: u64| output::counted(number, what);
    writeln!(out, "added {} in {:.1} s", counted(report.added), report.seconds)?;
    if report.known > 0 {
        writeln!(out, "{} already in the memory", counted(report.known))?;
    }
    for OtherLabel { source, label, held_as, id } in report.other_label.iter().take(SHOWN) {
        writeln!(out, "not added as {label}: {source} is in the memory as {held_as} (exemplar {id})")?;
    }
    if let Some(more @ 1..) = report.other_label.len().checked_sub(SHOWN) {
        writeln!(out, "not added: {} more under other labels, --format json lists them", output::count(more))?;
    }
    let failed: u64 = report.failed.iter().map(|failure| failure.count).sum();
    if failed > 0 {
        writeln!(out, "not added: {}, see the warnings", counted(failed))?;
    }
    notes::passed_over(&mut out, &report.passed_over)?;
    if !report.complete {
        writeln!(out, "stopped before the end; the same command again goes on from here")?;
    }
    for labels in &report.similar_labels {
        let labels = labels.iter().map(|label| format!("{label:?}")).collect::<Vec<_>>().join(", ");
        writeln!(
            out,
            "labels that differ in capitals, spaces or forms of characters alone: {labels}; `vismem merge` makes them one"
        )?;
    }
    notes::notes(&mut out, &report.notes)?;
    let exemplars = output::counted(report.exemplars, "exemplar");
    writeln!(out, "{} holds {exemplars} of {}", report.memory, output::counted(report.filled_labels, "label"))?;
    Ok(out.flush()?)
}
