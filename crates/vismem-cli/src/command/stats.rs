mod since;

use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem::{Attribute, Memory, Since};

use super::Outcome;
use crate::args::{Args, Format, Stats};
use crate::output;

#[derive(Serialize)]
struct Document {
    memory: String,
    #[serde(flatten)]
    stats: vismem::Stats,
    since: Option<Since>,
}

pub fn run(args: &Args, options: &Stats) -> Result<Outcome> {
    let memory = Memory::open(&args.memory)?;
    let since = since::compare(&memory, options)?;
    // After the comparison, which may have made a file.
    let document = Document { memory: args.memory.display().to_string(), stats: memory.stats()?, since };
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Text => print(&document)?,
    }
    Ok(Outcome::Done)
}

fn print(document: &Document) -> Result<()> {
    let Document { memory, stats, since } = document;
    let mut out = output::stdout();
    let mut row = |name: &str, value: String| writeln!(out, "{name:<11} {value}");
    row("memory", memory.clone())?;
    row("exemplars", output::count(stats.exemplars))?;
    let labels = output::count(stats.labels);
    let labels = match stats.labels_without_exemplars {
        0 => labels,
        some => format!("{labels}, {} of them without exemplars", output::count(some)),
    };
    row("labels", labels)?;
    if !stats.levels.is_empty() {
        row("levels", stats.levels.join(" < "))?;
    }
    for (place, Attribute { name, kind, exemplars }) in stats.attributes.iter().enumerate() {
        let title = if place == 0 { "attributes" } else { "" };
        row(title, format!("{name} ({kind}), of {}", output::counted(*exemplars, "exemplar")))?;
    }
    row("batches", output::count(stats.batches))?;
    row("free slots", output::count(stats.free_slots))?;
    row("size", output::bytes(stats.bytes))?;
    if let Some(pruning) = &stats.pruning {
        row("pruning", pruning.to_string())?;
    }
    row("encoder", format!("{}, {} dimensions", stats.encoder.name, stats.encoder.dim))?;
    row("digest", stats.digest.to_string())?;
    if let Some(since) = since {
        since::print(since, &mut out)?;
    }
    Ok(out.flush()?)
}
