use std::io::Write;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;
use vismem::{Added, Memory};

use crate::args::{Args, Format};
use crate::command::Outcome;
use crate::output;

/// What came of an `add`.
pub struct Report {
    pub batch: Option<u64>,
    pub complete: bool,
    what: &'static str,
    started: Instant,
    new: u64,
    known: u64,
    other_label: Vec<OtherLabel>,
    failed: Vec<Failure>,
}

#[derive(Serialize)]
struct OtherLabel {
    source: String,
    label: String,
    held_as: String,
    id: u64,
}

#[derive(Serialize)]
struct Failure {
    source: String,
    error: String,
}

#[derive(Serialize)]
struct Document<'a> {
    memory: String,
    batch: Option<u64>,
    added: u64,
    known: u64,
    other_label: &'a [OtherLabel],
    failed: &'a [Failure],
    complete: bool,
    exemplars: usize,
    labels: usize,
    digest: String,
}

impl Report {
    /// A report about `what`: "pictures" or "embeddings".
    pub fn new(what: &'static str) -> Self {
        Self {
            batch: None,
            complete: true,
            what,
            started: Instant::now(),
            new: 0,
            known: 0,
            other_label: Vec::new(),
            failed: Vec::new(),
        }
    }

    pub fn added(&mut self, added: Added, label: &str, source: impl FnOnce() -> String) {
        match added {
            Added::New(_) => self.new += 1,
            Added::Known(_) => self.known += 1,
            Added::OtherLabel { id, label: held_as } => {
                self.other_label.push(OtherLabel { source: source(), label: label.into(), held_as, id });
            }
        }
    }

    pub fn failed(&mut self, source: String, error: String) {
        self.failed.push(Failure { source, error });
    }

    pub fn print(&self, args: &Args) -> Result<Outcome> {
        let stats = Memory::open(&args.memory)?.stats()?;
        let document = Document {
            memory: args.memory.display().to_string(),
            batch: self.batch,
            added: self.new,
            known: self.known,
            other_label: &self.other_label,
            failed: &self.failed,
            complete: self.complete,
            exemplars: stats.exemplars,
            labels: stats.labels,
            digest: stats.digest.to_string(),
        };
        match args.format {
            Format::Json => output::json(&document)?,
            Format::Text => self.print_text(&document)?,
        }
        Ok(if self.complete && self.failed.is_empty() { Outcome::Done } else { Outcome::Incomplete })
    }

    fn print_text(&self, document: &Document<'_>) -> Result<()> {
        let mut out = output::stdout();
        let seconds = self.started.elapsed().as_secs_f64();
        writeln!(out, "added {} {} in {seconds:.1} s", output::count(self.new), self.what)?;
        if self.known > 0 {
            writeln!(out, "{} were in the memory already", output::count(self.known))?;
        }
        for other in &self.other_label {
            let OtherLabel { source, label, held_as, id } = other;
            writeln!(out, "not added as {label}: {source} is in the memory as {held_as} (exemplar {id})")?;
        }
        for failure in &self.failed {
            writeln!(out, "not added: {}", failure.error)?;
        }
        if !self.complete {
            writeln!(out, "stopped before the end; the same command again goes on from here")?;
        }
        let (exemplars, labels) = (output::count(document.exemplars), output::count(document.labels));
        writeln!(out, "{} holds {exemplars} exemplars of {labels} labels", document.memory)?;
        Ok(out.flush()?)
    }
}
