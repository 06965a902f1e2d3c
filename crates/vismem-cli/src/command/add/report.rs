use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;
use vismem::{Added, Label, Memory};

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

/// A report as `--format json` shows it; see docs/json.md.
#[derive(Serialize)]
pub struct Document<'a> {
    memory: String,
    batch: Option<u64>,
    added: u64,
    known: u64,
    other_label: &'a [OtherLabel],
    failed: &'a [Failure],
    complete: bool,
    exemplars: usize,
    labels: usize,
    /// How many of them have exemplars.
    #[serde(skip)]
    filled_labels: usize,
    /// Labels that differ in case or spaces alone.
    similar_labels: Vec<Vec<String>>,
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

    /// Whether the memory holds now all that was to be added, as it was to be added.
    pub fn all_in(&self) -> bool {
        self.complete && self.failed.is_empty() && self.other_label.is_empty()
    }

    /// What is to be said of it, and of the memory now.
    pub fn document(&self, memory: &Path) -> Result<Document<'_>> {
        let opened = Memory::open(memory)?;
        let stats = opened.stats()?;
        Ok(Document {
            memory: memory.display().to_string(),
            batch: self.batch,
            added: self.new,
            known: self.known,
            other_label: &self.other_label,
            failed: &self.failed,
            complete: self.complete,
            exemplars: stats.exemplars,
            labels: stats.labels,
            filled_labels: stats.labels - stats.labels_without_exemplars,
            similar_labels: if self.new > 0 { similar(opened.labels()) } else { Vec::new() },
            digest: stats.digest.to_string(),
        })
    }

    pub fn print(&self, memory: &Path, format: Format) -> Result<Outcome> {
        let document = self.document(memory)?;
        match format {
            Format::Json => output::json(&document)?,
            Format::Text => self.print_text(&document)?,
        }
        Ok(if self.all_in() { Outcome::Done } else { Outcome::Incomplete })
    }

    pub fn print_text(&self, document: &Document<'_>) -> Result<()> {
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
        for labels in &document.similar_labels {
            let labels = labels.iter().map(|label| format!("{label:?}")).collect::<Vec<_>>().join(", ");
            writeln!(out, "labels that differ in case or spaces alone: {labels}; `vismem merge` makes them one")?;
        }
        let exemplars = output::counted(document.exemplars, "exemplar");
        writeln!(out, "{} holds {exemplars} of {}", document.memory, output::counted(document.filled_labels, "label"))?;
        Ok(out.flush()?)
    }
}

/// Labels that differ in case or spaces alone.
fn similar(labels: &[Label]) -> Vec<Vec<String>> {
    let mut alike: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for label in labels {
        let folded = label.name.split_whitespace().collect::<String>().to_lowercase();
        alike.entry(folded).or_default().push(label.name.clone());
    }
    alike.into_values().filter(|labels| labels.len() > 1).collect()
}
