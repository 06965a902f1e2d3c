use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::Outcome;
use crate::args::{Args, Format, Verify};
use crate::{output, receipt};

#[derive(Serialize)]
struct Document {
    memory: String,
    sound: bool,
    exemplars: usize,
    digest: Option<String>,
    faults: Vec<Fault>,
    receipt: Option<Receipt>,
}

/// How the receipt and the memory go together.
#[derive(Serialize)]
struct Receipt {
    belongs: bool,
    later_events: u64,
    fault: Option<String>,
}

#[derive(Serialize)]
struct Fault {
    file: String,
    what: String,
}

pub fn run(args: &Args, options: &Verify) -> Result<Outcome> {
    let receipt = options.receipt.as_deref().map(receipt::read).transpose()?;
    let verification = vismem::verify(&args.memory)?;
    // A memory that cannot be read has no log either.
    let receipt = receipt.filter(|_| verification.digest.is_some()).map(|receipt| {
        let check = vismem::Memory::open(&args.memory)?.check_receipt(&receipt)?;
        Ok(Receipt { belongs: check.fault.is_none(), later_events: check.later_events, fault: check.fault })
    });
    let receipt = receipt.transpose().or_else(|error: vismem::Error| match error {
        vismem::Error::Damaged { .. } => Ok(None),
        error => Err(error),
    })?;
    let faults = verification.faults.iter();
    let document = Document {
        memory: args.memory.display().to_string(),
        sound: verification.faults.is_empty(),
        exemplars: verification.exemplars,
        digest: verification.digest.map(|digest| digest.to_string()),
        faults: faults
            .map(|fault| Fault { file: fault.file.display().to_string(), what: fault.what.clone() })
            .collect(),
        receipt,
    };
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Text => print(&document)?,
    }
    let unproved = options.receipt.is_some() && !document.receipt.as_ref().is_some_and(|receipt| receipt.belongs);
    Ok(if document.sound && !unproved { Outcome::Done } else { Outcome::Incomplete })
}

fn print(document: &Document) -> Result<()> {
    let mut out = output::stdout();
    for fault in &document.faults {
        writeln!(out, "{}: {}", fault.file, fault.what)?;
    }
    let verdict = match document.faults.len() {
        0 => "sound".to_owned(),
        faults => output::counted(faults, "fault"),
    };
    writeln!(out, "{}: {verdict}, {} checked", document.memory, output::counted(document.exemplars, "exemplar"))?;
    if let Some(digest) = &document.digest {
        writeln!(out, "digest {digest}")?;
    }
    match &document.receipt {
        Some(Receipt { fault: Some(fault), .. }) => writeln!(out, "the receipt does not belong to it: {fault}")?,
        Some(Receipt { later_events: 0, .. }) => writeln!(out, "the receipt is its last event")?,
        Some(Receipt { later_events, .. }) => {
            writeln!(out, "the receipt belongs to it, {} came after", output::counted(*later_events, "event"))?;
        }
        None => {}
    }
    Ok(out.flush()?)
}
