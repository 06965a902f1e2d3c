//! `vismem sync`: a memory follows a folder.

use std::collections::HashSet;
use std::io::Write;

use anyhow::Result;
use vismem_app::sync::{Missing, Moved, Relabelled, SyncReport, SyncRequest, sync};
use vismem_models::Hub;

use super::Outcome;
use super::add::report;
use crate::args::{Args, Format, Sync};
use crate::progress::Watch;
use crate::{encoder, output, remedy};

/// How many exemplars without a picture people are shown; programs get them all.
const SHOWN: usize = 10;

pub fn run(args: &Args, options: &Sync) -> Result<Outcome> {
    let request = SyncRequest {
        folder: options.folder.clone(),
        forget_missing: options.forget_missing,
        confirmed: options.yes,
        encoder: encoder::request(&options.encoding),
        reading: (&options.reading).into(),
    };
    let hub = Hub::from_environment();
    let mut report = sync(&args.memory, &request, &hub, &mut Watch::until_interrupted())?;
    remedy::failures(&mut report.add.failed);
    match args.format {
        Format::Json => output::json(&report)?,
        Format::Text => {
            report::print(&report.add)?;
            print(&report, options)?;
        }
    }
    Ok(if report.held_back.is_some() { Outcome::Incomplete } else { report::outcome(&report.add) })
}

fn print(report: &SyncReport, options: &Sync) -> Result<()> {
    let mut out = output::stdout();
    for Relabelled { id, from, to, source } in report.relabelled.iter().take(SHOWN) {
        writeln!(out, "{source} was moved: exemplar {id} is {to} now, not {from}")?;
    }
    if let Some(more @ 1..) = report.relabelled.len().checked_sub(SHOWN) {
        writeln!(out, "and {} more were moved, --format json lists them", output::count(more))?;
    }
    if !report.relabelled.is_empty() {
        writeln!(
            out,
            "relabelled {}; `vismem undo` takes that back",
            output::counted(report.relabelled.len(), "exemplar")
        )?;
    }
    if !report.kept.is_empty() {
        let kept = output::counted(report.kept.len(), "picture");
        let (keep, their) = if report.kept.len() == 1 { ("keeps", "its folder") } else { ("keep", "their folders") };
        writeln!(out, "{kept} {keep} the label that was given in the memory, not that of {their}")?;
    }
    let relabelled: HashSet<u64> = report.relabelled.iter().map(|relabelled| relabelled.id).collect();
    let moved: Vec<&Moved> = report.moved.iter().filter(|moved| !relabelled.contains(&moved.id)).collect();
    for Moved { id, label, from, to } in moved.iter().take(SHOWN) {
        writeln!(out, "{from} was moved to {to} (exemplar {id}, {label})")?;
    }
    if let Some(more @ 1..) = moved.len().checked_sub(SHOWN) {
        writeln!(out, "and {} more were moved, --format json lists them", output::count(more))?;
    }
    for Missing { id, label, source, replaced } in report.missing.iter().take(SHOWN) {
        let why = if *replaced { "was replaced" } else { "is gone" };
        writeln!(out, "{source} {why} (exemplar {id}, {label})")?;
    }
    if let Some(more @ 1..) = report.missing.len().checked_sub(SHOWN) {
        writeln!(out, "and {} more, --format json lists them", output::count(more))?;
    }
    let missing = output::counted(report.missing.len(), "exemplar");
    match (report.missing.len(), &report.held_back, options.forget_missing) {
        (0, ..) => {}
        (_, Some(held_back), _) => {
            let share = 100.0 * held_back.share;
            write!(out, "not forgotten: {missing} without a picture, {share:.0} % of what comes from this folder")?;
            if !held_back.labels.is_empty() {
                write!(out, ", and all that these labels have: {}", held_back.labels.join(", "))?;
            }
            writeln!(out, "; if they are meant to go: --forget-missing --yes")?;
        }
        (_, None, true) => writeln!(out, "forgot {missing} without a picture")?,
        (_, None, false) => writeln!(out, "{missing} without a picture; --forget-missing forgets them")?,
    }
    Ok(out.flush()?)
}
