use std::io::Write;

use anyhow::Result;
use vismem::ReceiptCheck;
use vismem_app::verify::{self, Verified};

use super::Outcome;
use crate::args::{Args, Format, Verify};
use crate::output;

pub fn run(args: &Args, options: &Verify) -> Result<Outcome> {
    let verified = verify::verify(&args.memory, options.receipt.as_deref())?;
    match args.format {
        Format::Json => output::json(&verified)?,
        Format::Text => print(&verified)?,
    }
    let unproved = options.receipt.is_some() && !verified.receipt.as_ref().is_some_and(ReceiptCheck::belongs);
    Ok(if verified.verification.is_sound() && !unproved { Outcome::Done } else { Outcome::Incomplete })
}

fn print(verified: &Verified) -> Result<()> {
    let mut out = output::stdout();
    let Verified { memory, verification, receipt } = verified;
    for fault in &verification.faults {
        writeln!(out, "{}: {}", fault.file.display(), fault.what)?;
    }
    let verdict = match verification.faults.len() {
        0 => "sound".to_owned(),
        faults => output::counted(faults, "fault"),
    };
    writeln!(out, "{memory}: {verdict}, {} checked", output::counted(verification.exemplars, "exemplar"))?;
    if let Some(digest) = &verification.digest {
        writeln!(out, "digest {digest}")?;
    }
    match receipt {
        Some(ReceiptCheck { fault: Some(fault), .. }) => writeln!(out, "the receipt does not belong to it: {fault}")?,
        Some(ReceiptCheck { later_events: 0, .. }) => writeln!(out, "the receipt is its last event")?,
        Some(ReceiptCheck { later_events, .. }) => {
            writeln!(out, "the receipt belongs to it, {} came after", output::counted(*later_events, "event"))?;
        }
        None => {}
    }
    Ok(out.flush()?)
}
