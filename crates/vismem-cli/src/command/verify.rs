use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::Outcome;
use crate::args::{Args, Format};
use crate::output;

#[derive(Serialize)]
struct Document {
    memory: String,
    sound: bool,
    exemplars: usize,
    digest: Option<String>,
    faults: Vec<Fault>,
}

#[derive(Serialize)]
struct Fault {
    file: String,
    what: String,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let verification = vismem::verify(&args.memory)?;
    let faults = verification.faults.iter();
    let document = Document {
        memory: args.memory.display().to_string(),
        sound: verification.faults.is_empty(),
        exemplars: verification.exemplars,
        digest: verification.digest.map(|digest| digest.to_string()),
        faults: faults
            .map(|fault| Fault { file: fault.file.display().to_string(), what: fault.what.clone() })
            .collect(),
    };
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Text => print(&document)?,
    }
    Ok(if document.sound { Outcome::Done } else { Outcome::Incomplete })
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
    Ok(out.flush()?)
}
