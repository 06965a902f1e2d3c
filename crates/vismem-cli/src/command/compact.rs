use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem::{Compacted, Editor};

use super::Outcome;
use crate::args::{Args, Format};
use crate::output;

#[derive(Serialize)]
struct Document {
    memory: String,
    #[serde(flatten)]
    compacted: Compacted,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let compacted = Editor::open(&args.memory)?.compact()?;
    if args.format == Format::Json {
        output::json(&Document { memory: args.memory.display().to_string(), compacted })?;
        return Ok(Outcome::Done);
    }
    let (before, after) = (output::bytes(compacted.bytes_before), output::bytes(compacted.bytes_after));
    let mut out = output::stdout();
    writeln!(out, "closed {}, {before} became {after}", output::counted(compacted.free_slots, "free slot"))?;
    out.flush()?;
    Ok(Outcome::Done)
}
