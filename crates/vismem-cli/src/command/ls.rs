use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem::{Exemplar, Label, Memory};

use super::Outcome;
use crate::args::{Args, Format, Ls};
use crate::output;

pub fn run(args: &Args, options: &Ls) -> Result<Outcome> {
    let memory = Memory::open(&args.memory)?;
    let mut selection = options.selection.clone();
    selection.labels.extend(options.labelled.iter().cloned());
    if options.all {
        let mut entries = Vec::with_capacity(memory.len());
        memory.for_each_exemplar(|exemplar| entries.push(exemplar))?;
        exemplars(entries, args.format)?;
    } else if selection.is_empty() {
        labels(&memory, args.format)?;
    } else {
        let selector = selection.selector(&options.encoding, memory.path(), memory.encoder())?;
        let found = memory.exemplars(&memory.select(&selector)?)?;
        exemplars(found.into_iter().flatten().collect(), args.format)?;
    }
    Ok(Outcome::Done)
}

fn labels(memory: &Memory, format: Format) -> Result<()> {
    #[derive(Serialize)]
    struct Listing<'a> {
        labels: &'a [Label],
    }
    let labels = memory.labels();
    if format == Format::Json {
        return output::json(&Listing { labels });
    }
    let mut out = output::stdout();
    for label in labels {
        writeln!(out, "{:>9}  {}", output::count(label.exemplars), label.name)?;
    }
    Ok(out.flush()?)
}

fn exemplars(exemplars: Vec<Exemplar>, format: Format) -> Result<()> {
    #[derive(Serialize)]
    struct Listing {
        exemplars: Vec<Exemplar>,
    }
    let listing = Listing { exemplars };
    if format == Format::Json {
        return output::json(&listing);
    }
    let mut out = output::stdout();
    for entry in listing.exemplars {
        let source = entry.source.map_or_else(|| "-".into(), |source| source.to_string());
        write!(out, "{:>9}  {}  {source}", entry.id, entry.label)?;
        if !entry.attributes.is_empty() {
            write!(out, "  {}", entry.attributes)?;
        }
        writeln!(out)?;
    }
    Ok(out.flush()?)
}
