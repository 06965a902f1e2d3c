use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem::Memory;

use super::Outcome;
use crate::args::{Args, Format};
use crate::output;

#[derive(Serialize)]
struct Document {
    events: Vec<Event>,
}

#[derive(Serialize)]
struct Event {
    id: u64,
    kind: &'static str,
    at: i64,
    engine: String,
    exemplars: u64,
    selected_by: Vec<String>,
    before: String,
    after: String,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let events = Memory::open(&args.memory)?.events()?;
    let event = |event: vismem::Event| Event {
        id: event.id,
        kind: event.kind.name(),
        at: event.at,
        engine: event.engine,
        exemplars: event.exemplars,
        selected_by: event.selected_by,
        before: event.before.to_string(),
        after: event.after.to_string(),
    };
    let document = Document { events: events.into_iter().map(event).collect() };
    if args.format == Format::Json {
        output::json(&document)?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    for Event { id, kind, at, exemplars, selected_by, after, .. } in document.events {
        let by = if selected_by.is_empty() { String::new() } else { format!(" by {}", selected_by.join(", ")) };
        let what = match (exemplars, kind) {
            (0, "undo") => " taxonomy".into(),
            (0, _) => String::new(),
            _ => format!(" {}", output::counted(exemplars, "exemplar")),
        };
        writeln!(out, "{id:>5}  {}  {kind}{what}{by}  digest {}", output::time(at), &after[..12])?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}
