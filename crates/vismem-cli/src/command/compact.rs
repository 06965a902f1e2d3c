use std::io::Write;

use anyhow::Result;
use vismem_app::compact;

use super::Outcome;
use crate::args::{Args, Format};
use crate::output;
use crate::progress::Watch;

pub fn run(args: &Args) -> Result<Outcome> {
    let document = compact::compact(&args.memory, &mut Watch::default())?;
    if args.format == Format::Json {
        output::json(&document)?;
        return Ok(Outcome::Done);
    }
    let compacted = &document.compacted;
    let (before, after) = (output::bytes(compacted.bytes_before), output::bytes(compacted.bytes_after));
    let mut out = output::stdout();
    writeln!(out, "closed {}, {before} became {after}", output::counted(compacted.free_slots, "free slot"))?;
    out.flush()?;
    Ok(Outcome::Done)
}
