//! `vismem sync`: a memory follows a folder.

use std::io::Write;

use anyhow::Result;
use vismem_app::sync::{Missing, SyncReport, SyncRequest, sync};
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
    Ok(report::outcome(&report.add))
}

fn print(report: &SyncReport, options: &Sync) -> Result<()> {
    let mut out = output::stdout();
    for Missing { id, label, source, replaced } in report.missing.iter().take(SHOWN) {
        let why = if *replaced { "was replaced" } else { "is gone" };
        writeln!(out, "{source} {why} (exemplar {id}, {label})")?;
    }
    if let Some(more @ 1..) = report.missing.len().checked_sub(SHOWN) {
        writeln!(out, "and {} more, --format json lists them", output::count(more))?;
    }
    let missing = output::counted(report.missing.len(), "exemplar");
    match (report.missing.len(), options.forget_missing) {
        (0, _) => {}
        (_, true) => writeln!(out, "forgot {missing} without a picture")?,
        (_, false) => writeln!(out, "{missing} without a picture; --forget-missing forgets them")?,
    }
    Ok(out.flush()?)
}
