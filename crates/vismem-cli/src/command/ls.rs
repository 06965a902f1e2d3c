use std::io::Write;

use anyhow::{Result, bail};
use serde::Serialize;
use vismem::{Exemplar, Memory};

use super::Outcome;
use crate::args::{Args, Format, Ls};
use crate::output;

#[derive(Serialize)]
struct Label<'a> {
    label: &'a str,
    exemplars: usize,
}

#[derive(Serialize)]
struct Entry {
    id: u64,
    label: String,
    source: Option<String>,
    batch: u64,
}

pub fn run(args: &Args, options: &Ls) -> Result<Outcome> {
    let memory = Memory::open(&args.memory)?;
    if options.all || !options.labels.is_empty() {
        exemplars(&memory, args.format, &options.labels)?;
    } else {
        labels(&memory, args.format)?;
    }
    Ok(Outcome::Done)
}

fn labels(memory: &Memory, format: Format) -> Result<()> {
    #[derive(Serialize)]
    struct Listing<'a> {
        labels: Vec<Label<'a>>,
    }
    let labels: Vec<_> =
        memory.labels().iter().map(|label| Label { label: &label.name, exemplars: label.exemplars }).collect();
    if format == Format::Json {
        return output::json(&Listing { labels });
    }
    let mut out = output::stdout();
    for Label { label, exemplars } in labels {
        writeln!(out, "{:>9}  {label}", output::count(exemplars))?;
    }
    Ok(out.flush()?)
}

/// The exemplars of the labels, of all labels if none is given.
fn exemplars(memory: &Memory, format: Format, labels: &[String]) -> Result<()> {
    if let Some(unknown) = labels.iter().find(|wanted| memory.labels().iter().all(|label| label.name != **wanted)) {
        bail!("{}: has no label {unknown:?}; `vismem ls` lists them", memory.path().display());
    }
    #[derive(Serialize)]
    struct Listing {
        exemplars: Vec<Entry>,
    }
    let mut listing = Listing { exemplars: Vec::new() };
    memory.for_each_exemplar(|Exemplar { id, label, source, batch }| {
        if labels.is_empty() || labels.contains(&label) {
            let source = source.map(|source| source.to_string());
            listing.exemplars.push(Entry { id, label, source, batch });
        }
    })?;
    if format == Format::Json {
        return output::json(&listing);
    }
    let mut out = output::stdout();
    for entry in listing.exemplars {
        writeln!(out, "{:>9}  {}  {}", entry.id, entry.label, entry.source.as_deref().unwrap_or("-"))?;
    }
    Ok(out.flush()?)
}
