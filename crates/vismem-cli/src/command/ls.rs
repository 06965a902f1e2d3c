use std::io::Write;

use anyhow::Result;
use vismem::Memory;
use vismem_app::list::{self, Exemplars, Labels, Listed};

use super::Outcome;
use crate::args::{Args, Format, Ls};
use crate::output;
use crate::progress::Watch;

pub fn run(args: &Args, options: &Ls) -> Result<Outcome> {
    let memory = Memory::open(&args.memory)?;
    let mut named = options.selection.clone();
    named.labels.extend(options.labelled.iter().cloned());
    if options.all {
        exemplars(&list::all(&memory)?, args.format)?;
    } else if named.is_empty() {
        labels(&list::labels(&memory), args.format)?;
    } else {
        let listed = list::selected(&memory, &named.selection(&options.encoding), &mut Watch::default())?;
        exemplars(&listed, args.format)?;
        if listed.exemplars.is_empty() {
            output::note("warning: nothing fits the selection");
            return Ok(Outcome::Incomplete);
        }
    }
    Ok(Outcome::Done)
}

fn labels(labels: &Labels, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(labels);
    }
    let mut out = output::stdout();
    for label in &labels.labels {
        writeln!(out, "{:>9}  {}", output::count(label.exemplars), label.name)?;
    }
    Ok(out.flush()?)
}

fn exemplars(exemplars: &Exemplars, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(exemplars);
    }
    let mut out = output::stdout();
    for Listed { exemplar: entry, distance } in &exemplars.exemplars {
        if let Some(distance) = distance {
            write!(out, "{distance:.4}  ")?;
        }
        let source = entry.source.as_ref().map_or_else(|| "-".into(), ToString::to_string);
        write!(out, "{:>9}  {}  {source}", entry.id, entry.label)?;
        if !entry.attributes.is_empty() {
            write!(out, "  {}", entry.attributes)?;
        }
        writeln!(out)?;
    }
    Ok(out.flush()?)
}
