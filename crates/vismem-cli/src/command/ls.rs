use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem::{Attributes, Exemplar, Memory};

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
    attributes: Attributes,
}

pub fn run(args: &Args, options: &Ls) -> Result<Outcome> {
    let memory = Memory::open(&args.memory)?;
    let mut selection = options.selection.clone();
    selection.labels.extend(options.labelled.iter().cloned());
    if options.all {
        let mut entries = Vec::with_capacity(memory.len());
        memory.for_each_exemplar(|exemplar| entries.push(exemplar.into()))?;
        exemplars(entries, args.format)?;
    } else if selection.is_empty() {
        labels(&memory, args.format)?;
    } else {
        let selector = selection.selector(&options.encoding, memory.path(), memory.encoder())?;
        let found = memory.select(&selector)?.into_iter().map(|id| memory.exemplar(id));
        let entries = found.filter_map(Result::transpose).map(|exemplar| Ok(exemplar?.into()));
        exemplars(entries.collect::<Result<_>>()?, args.format)?;
    }
    Ok(Outcome::Done)
}

impl From<Exemplar> for Entry {
    fn from(Exemplar { id, label, source, batch, attributes }: Exemplar) -> Self {
        Self { id, label, source: source.map(|source| source.to_string()), batch, attributes }
    }
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

fn exemplars(exemplars: Vec<Entry>, format: Format) -> Result<()> {
    #[derive(Serialize)]
    struct Listing {
        exemplars: Vec<Entry>,
    }
    let listing = Listing { exemplars };
    if format == Format::Json {
        return output::json(&listing);
    }
    let mut out = output::stdout();
    for entry in listing.exemplars {
        write!(out, "{:>9}  {}  {}", entry.id, entry.label, entry.source.as_deref().unwrap_or("-"))?;
        if !entry.attributes.is_empty() {
            write!(out, "  {}", entry.attributes)?;
        }
        writeln!(out)?;
    }
    Ok(out.flush()?)
}
