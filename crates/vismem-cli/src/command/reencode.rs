//! `vismem reencode`: the same exemplars with another encoder, in a new memory.

use std::io::Write;

use anyhow::Result;
use vismem::Memory;
use vismem_app::reencode::{Missing, ReencodeReport, ReencodeRequest, reencode};
use vismem_models::Hub;

use super::Outcome;
use crate::args::{Args, Format, Reencode};
use crate::progress::Watch;
use crate::{encoder, output};

/// How many exemplars without a picture people are shown; programs get them all.
const SHOWN: usize = 10;

pub fn run(args: &Args, options: &Reencode) -> Result<Outcome> {
    let old = Memory::open(&args.memory)?;
    let request = ReencodeRequest {
        output: options.output.clone(),
        from: options.from.clone(),
        again: options.again,
        encoder: encoder::request(&options.encoding),
    };
    let hub = Hub::from_environment();
    let mut report = reencode(&old, &request, &hub, &mut Watch::until_interrupted())?;
    for missing in report.missing.iter_mut().filter(|missing| missing.may_be_elsewhere) {
        missing.reason += match missing.source {
            Some(_) => "; say with --from where else to look",
            None => "; say with --from where to look",
        };
    }
    match args.format {
        Format::Json => output::json(&report)?,
        Format::Text => print(&report)?,
    }
    Ok(if report.complete && report.missing.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}

fn print(report: &ReencodeReport) -> Result<()> {
    let mut out = output::stdout();
    writeln!(out, "encoded {} anew with {}", output::counted(report.added, "exemplar"), report.encoder)?;
    for Missing { id, label, source, reason, .. } in report.missing.iter().take(SHOWN) {
        writeln!(out, "left out: exemplar {id} ({label}), {}: {reason}", source.as_deref().unwrap_or("no source"))?;
    }
    if let Some(more @ 1..) = report.missing.len().checked_sub(SHOWN) {
        writeln!(out, "left out: {} more, --format json lists them", output::count(more))?;
    }
    if !report.complete {
        writeln!(out, "stopped before the end; the same command again goes on from here")?;
    }
    writeln!(out, "{} holds {}", report.memory, output::counted(report.exemplars, "exemplar"))?;
    if report.was_tuned {
        writeln!(out, "the vote was chosen for the old embeddings and is not taken over; `vismem tune` chooses one")?;
    }
    Ok(out.flush()?)
}
