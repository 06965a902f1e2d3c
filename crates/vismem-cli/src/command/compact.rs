use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem::Editor;

use super::Outcome;
use crate::args::{Args, Format};
use crate::output;

#[derive(Serialize)]
struct Document {
    memory: String,
    free_slots: u64,
    bytes_before: u64,
    bytes_after: u64,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let compacted = Editor::open(&args.memory)?.compact()?;
    let document = Document {
        memory: args.memory.display().to_string(),
        free_slots: compacted.free_slots,
        bytes_before: compacted.bytes_before,
        bytes_after: compacted.bytes_after,
    };
    if args.format == Format::Json {
        output::json(&document)?;
        return Ok(Outcome::Done);
    }
    let (before, after) = (output::bytes(document.bytes_before), output::bytes(document.bytes_after));
    let mut out = output::stdout();
    writeln!(out, "closed {}, {before} became {after}", output::counted(document.free_slots, "free slot"))?;
    out.flush()?;
    Ok(Outcome::Done)
}
