use std::io::Write;

use anyhow::Result;
use vismem::{Event, Memory};
use vismem_app::log;

use super::Outcome;
use crate::args::{Args, Format};
use crate::output;

pub fn run(args: &Args) -> Result<Outcome> {
    let log = log::log(&Memory::open(&args.memory)?)?;
    if args.format == Format::Json {
        output::json(&log)?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    for Event { id, kind, undid, at, exemplars, selected_by, after, .. } in log.events {
        let by = if selected_by.is_empty() { String::new() } else { format!(" by {}", selected_by.join(", ")) };
        let what = match (exemplars, undid) {
            (0, Some(undid)) => format!(" {}", undid.name()),
            (0, None) => String::new(),
            _ => format!(" {}", output::counted(exemplars, "exemplar")),
        };
        writeln!(out, "{id:>5}  {}  {}{what}{by}  digest {}", output::time(at), kind.name(), &after.to_string()[..12])?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}
