use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem::{Event, EventKind, Memory};

use super::Outcome;
use crate::args::{Args, Format};
use crate::output;

#[derive(Serialize)]
struct Document {
    events: Vec<Event>,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let document = Document { events: Memory::open(&args.memory)?.events()? };
    if args.format == Format::Json {
        output::json(&document)?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    for Event { id, kind, at, exemplars, selected_by, after, .. } in document.events {
        let by = if selected_by.is_empty() { String::new() } else { format!(" by {}", selected_by.join(", ")) };
        let what = match (exemplars, kind) {
            (0, EventKind::Undo) => " taxonomy".into(),
            (0, _) => String::new(),
            _ => format!(" {}", output::counted(exemplars, "exemplar")),
        };
        writeln!(out, "{id:>5}  {}  {}{what}{by}  digest {}", output::time(at), kind.name(), &after.to_string()[..12])?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}
