use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;
use vismem::{Added, Memory};

use crate::args::Format;
use crate::command::Outcome;
use crate::output;

/// How many pictures under other labels people are shown; programs get them all.
const SHOWN: usize = 10;

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
    /// A report about things called `what`: "picture" or "embedding".
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

    pub fn print(&self, memory: &Path, format: Format) -> Result<Outcome> {
        let stats = Memory::open(memory)?.stats()?;
        let document = Document {
            memory: memory.display().to_string(),
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
        match format {
            Format::Json => output::json(&document)?,
            Format::Text => self.print_text(&document)?,
        }
        let all_in = self.complete && self.failed.is_empty() && self.other_label.is_empty();
        Ok(if all_in { Outcome::Done } else { Outcome::Incomplete })
    }

    fn print_text(&self, document: &Document<'_>) -> Result<()> {
        let mut out = output::stdout();
        let counted = |number: u64| output::counted(number, self.what);
        writeln!(out, "added {} in {:.1} s", counted(self.new), self.started.elapsed().as_secs_f64())?;
        if self.known > 0 {
            writeln!(out, "{} already in the memory", counted(self.known))?;
        }
        for OtherLabel { source, label, held_as, id } in self.other_label.iter().take(SHOWN) {
            writeln!(out, "not added as {label}: {source} is in the memory as {held_as} (exemplar {id})")?;
        }
        if let Some(more @ 1..) = self.other_label.len().checked_sub(SHOWN) {
            writeln!(out, "not added: {} more under other labels, --format json lists them", output::count(more))?;
        }
        if !self.failed.is_empty() {
            writeln!(out, "not added: {}, see the warnings", counted(self.failed.len() as u64))?;
        }
        if !self.complete {
            writeln!(out, "stopped before the end; the same command again goes on from here")?;
        }
        let exemplars = output::counted(document.exemplars, "exemplar");
        writeln!(out, "{} holds {exemplars} of {}", document.memory, output::counted(document.labels, "label"))?;
        Ok(out.flush()?)
    }
}
