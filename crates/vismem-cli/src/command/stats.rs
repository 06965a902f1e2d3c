mod since;

use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem::{AttributeType, Memory};

use super::Outcome;
use crate::args::{Args, Format, Stats};
use crate::{output, pruning};

#[derive(Serialize)]
struct Document {
    memory: String,
    exemplars: usize,
    labels: usize,
    #[serde(skip)]
    labels_without_exemplars: usize,
    levels: Vec<String>,
    attributes: Vec<Attribute>,
    batches: u64,
    free_slots: u64,
    bytes: u64,
    pruning: Option<pruning::Document>,
    encoder: Encoder,
    digest: String,
    since: Option<since::Document>,
}

#[derive(Serialize)]
struct Attribute {
    name: String,
    r#type: AttributeType,
    exemplars: u64,
}

#[derive(Serialize)]
struct Encoder {
    name: String,
    hash: String,
    dim: usize,
}

pub fn run(args: &Args, options: &Stats) -> Result<Outcome> {
    let memory = Memory::open(&args.memory)?;
    let since = since::document(&memory, options)?;
    // After the comparison, which may have made a file.
    let stats = memory.stats()?;
    let encoder = stats.encoder;
    let document = Document {
        memory: args.memory.display().to_string(),
        exemplars: stats.exemplars,
        labels: stats.labels,
        labels_without_exemplars: stats.labels_without_exemplars,
        levels: stats.levels,
        attributes: stats.attributes.into_iter().map(Attribute::from).collect(),
        batches: stats.batches,
        free_slots: stats.free_slots,
        bytes: stats.bytes,
        pruning: stats.pruning.as_ref().map(pruning::Document::new),
        digest: stats.digest.to_string(),
        encoder: Encoder { name: encoder.name, hash: encoder.hash, dim: encoder.dim },
        since,
    };
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Text => print(&document)?,
    }
    Ok(Outcome::Done)
}

impl From<vismem::Attribute> for Attribute {
    fn from(vismem::Attribute { name, kind, exemplars }: vismem::Attribute) -> Self {
        Self { name, r#type: kind, exemplars }
    }
}

fn print(document: &Document) -> Result<()> {
    let mut out = output::stdout();
    let mut row = |name: &str, value: String| writeln!(out, "{name:<11} {value}");
    row("memory", document.memory.clone())?;
    row("exemplars", output::count(document.exemplars))?;
    let labels = output::count(document.labels);
    let labels = match document.labels_without_exemplars {
        0 => labels,
        some => format!("{labels}, {} of them without exemplars", output::count(some)),
    };
    row("labels", labels)?;
    if !document.levels.is_empty() {
        row("levels", document.levels.join(" < "))?;
    }
    for (place, attribute) in document.attributes.iter().enumerate() {
        let Attribute { name, r#type, exemplars } = attribute;
        let title = if place == 0 { "attributes" } else { "" };
        row(title, format!("{name} ({}), of {}", r#type, output::counted(*exemplars, "exemplar")))?;
    }
    row("batches", output::count(document.batches))?;
    row("free slots", output::count(document.free_slots))?;
    row("size", output::bytes(document.bytes))?;
    if let Some(pruning) = &document.pruning {
        row("pruning", pruning.in_short.clone())?;
    }
    row("encoder", format!("{}, {} dimensions", document.encoder.name, document.encoder.dim))?;
    row("digest", document.digest.clone())?;
    if let Some(since) = &document.since {
        since::print(since, &mut out)?;
    }
    Ok(out.flush()?)
}
