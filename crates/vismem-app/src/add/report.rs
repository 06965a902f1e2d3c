use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use vismem::{Added, Label, Memory};

use crate::{Failure, Observer, Result};

/// What came of adding; see `docs/json.md`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AddReport {
    /// The memory.
    pub memory: String,
    /// What was added came as this batch; `None` if nothing was.
    pub batch: Option<u64>,
    /// How many exemplars are new.
    pub added: u64,
    /// How many were there already, under the same label.
    pub known: u64,
    /// What was there already under another label, and was not added.
    pub other_label: Vec<OtherLabel>,
    /// What could not be read.
    pub failed: Vec<Failure>,
    /// `false` if an observer ended it before everything was looked at.
    pub complete: bool,
    /// How many exemplars the memory has now.
    pub exemplars: usize,
    /// How many labels it has now.
    pub labels: usize,
    /// How many of them have exemplars.
    #[serde(skip)]
    pub filled_labels: usize,
    /// Labels that differ in case or spaces alone; empty if nothing is new.
    pub similar_labels: Vec<Vec<String>>,
    /// The memory's digest now.
    pub digest: String,
    /// What was added: pictures or embeddings.
    #[serde(skip)]
    pub kind: ItemKind,
    /// How long the adding took, without what it takes to load an encoder.
    #[serde(skip)]
    pub seconds: f64,
}

impl AddReport {
    /// Whether the memory holds now all that was to be added, as it was to be added.
    pub fn all_in(&self) -> bool {
        self.complete && self.failed.is_empty() && self.other_label.is_empty()
    }
}

/// Something that the memory holds under another label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherLabel {
    /// Where it is.
    pub source: String,
    /// The label that it was to get.
    pub label: String,
    /// The label that it has.
    pub held_as: String,
    /// The exemplar that it is.
    pub id: u64,
}

/// What exemplars are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind {
    /// Pictures, which are encoded.
    Picture,
    /// Ready embeddings.
    Embedding,
}

/// What came of adding so far.
pub(crate) struct Tally {
    pub batch: Option<u64>,
    pub complete: bool,
    kind: ItemKind,
    started: Instant,
    seconds: f64,
    new: u64,
    known: u64,
    other_label: Vec<OtherLabel>,
    failed: Vec<Failure>,
}

impl Tally {
    pub fn new(kind: ItemKind) -> Self {
        Self {
            batch: None,
            complete: true,
            kind,
            started: Instant::now(),
            seconds: 0.0,
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

    pub fn failed(&mut self, failure: Failure, observer: &mut dyn Observer) {
        observer.failed(&failure);
        self.failed.push(failure);
    }

    /// Nothing is added any more.
    pub fn end(mut self, batch: Option<u64>) -> Self {
        self.batch = batch;
        self.seconds = self.started.elapsed().as_secs_f64();
        self
    }

    /// Whether the memory holds now all that was to be added, as it was to be added.
    pub fn all_in(&self) -> bool {
        self.complete && self.failed.is_empty() && self.other_label.is_empty()
    }

    /// What is to be said of it, and of the memory now.
    pub fn report(self, memory: &Path) -> Result<AddReport> {
        let opened = Memory::open(memory)?;
        let stats = opened.stats()?;
        Ok(AddReport {
            memory: memory.display().to_string(),
            batch: self.batch,
            added: self.new,
            known: self.known,
            other_label: self.other_label,
            failed: self.failed,
            complete: self.complete,
            exemplars: stats.exemplars,
            labels: stats.labels,
            filled_labels: stats.labels - stats.labels_without_exemplars,
            similar_labels: if self.new > 0 { similar(opened.labels()) } else { Vec::new() },
            digest: stats.digest.to_string(),
            kind: self.kind,
            seconds: self.seconds,
        })
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
