use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use vismem::{ReceiptCheck, Verification};

use super::Outcome;
use crate::args::{Args, Format, Verify};
use crate::{output, receipt};

#[derive(Serialize)]
struct Document {
    memory: String,
    #[serde(flatten)]
    verification: Verification,
    receipt: Option<ReceiptCheck>,
}

pub fn run(args: &Args, options: &Verify) -> Result<Outcome> {
    let receipt = options.receipt.as_deref().map(receipt::read).transpose()?;
    let verification = vismem::verify(&args.memory)?;
    // A memory that cannot be read has no log either.
    let receipt = receipt
        .filter(|_| verification.digest.is_some())
        .map(|receipt| vismem::Memory::open(&args.memory)?.check_receipt(&receipt));
    let receipt = receipt.transpose().or_else(|error: vismem::StoreError| match error {
        vismem::StoreError::Damaged { .. } => Ok(None),
        error => Err(error),
    })?;
    let document = Document { memory: args.memory.display().to_string(), verification, receipt };
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Text => print(&document)?,
    }
    let unproved = options.receipt.is_some() && !document.receipt.as_ref().is_some_and(ReceiptCheck::belongs);
    Ok(if document.verification.is_sound() && !unproved { Outcome::Done } else { Outcome::Incomplete })
}

fn print(document: &Document) -> Result<()> {
    let mut out = output::stdout();
    let Document { memory, verification, receipt } = document;
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
