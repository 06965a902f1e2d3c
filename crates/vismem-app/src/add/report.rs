use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use vismem::{Added, Label, Memory};
use vismem_data::{About, Note, PassedOver, Survey, doubtful};

use crate::alike::alike;
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
    /// Files that were not read, by kind.
    pub passed_over: Vec<PassedOver>,
    /// What was read as it is and may be meant differently.
    pub notes: Vec<Note>,
    /// `false` if an observer ended it before everything was looked at.
    pub complete: bool,
    /// How many exemplars the memory has now.
    pub exemplars: usize,
    /// How many labels it has now.
    pub labels: usize,
    /// How many of them have exemplars.
    #[serde(skip)]
    pub filled_labels: usize,
    /// Labels that differ in capitals, spaces or forms of characters alone; empty if nothing is new.
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
    /// What there was besides.
    pub survey: Survey,
    /// What the memory holds under another label.
    pub other_label: Vec<OtherLabel>,
    /// The labels of what is new.
    labels: BTreeSet<String>,
    kind: ItemKind,
    started: Instant,
    seconds: f64,
    new: u64,
    known: u64,
    failed: Vec<Failure>,
}

impl Tally {
    pub fn new(kind: ItemKind) -> Self {
        Self {
            batch: None,
            complete: true,
            survey: Survey::default(),
            other_label: Vec::new(),
            labels: BTreeSet::new(),
            kind,
            started: Instant::now(),
            seconds: 0.0,
            new: 0,
            known: 0,
            failed: Vec::new(),
        }
    }

    pub fn added(&mut self, added: Added, label: &str, source: impl FnOnce() -> String) {
        match added {
            Added::New(_) => {
                self.new += 1;
                if !self.labels.contains(label) {
                    self.labels.insert(label.to_owned());
                }
            }
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
        let alike = if self.new > 0 { alike(opened.labels()) } else { Vec::new() };
        let names = |labels: Vec<&Label>| labels.into_iter().map(|label| label.name.clone()).collect();
        Ok(AddReport {
            memory: memory.display().to_string(),
            batch: self.batch,
            added: self.new,
            known: self.known,
            other_label: self.other_label,
            failed: self.failed,
            passed_over: self.survey.passed_over(),
            notes: notes(&self.survey, &self.labels),
            complete: self.complete,
            exemplars: stats.exemplars,
            labels: stats.labels,
            filled_labels: stats.labels - stats.labels_without_exemplars,
            similar_labels: alike.into_iter().map(names).collect(),
            digest: stats.digest.to_string(),
            kind: self.kind,
            seconds: self.seconds,
        })
    }
}

/// What is to be known of what is new.
fn notes(survey: &Survey, labels: &BTreeSet<String>) -> Vec<Note> {
    let mut notes = survey.notes();
    // What was known before was noted then.
    notes.retain(|note| note.labels.is_empty() || note.labels.iter().any(|label| labels.contains(label)));
    notes.retain(|note| note.about != About::OneFlatFolder || labels.len() == 1);
    for about in [About::LabelsOfSplits, About::LabelsOfNothing, About::LabelsOfContainers] {
        let is_noted = |label: &String| notes.iter().any(|note| note.labels.contains(label));
        let meant = labels.iter().filter(|label| doubtful(label) == Some(about) && !is_noted(label));
        let labels: Vec<String> = meant.cloned().collect();
        if !labels.is_empty() {
            notes.push(Note { about, labels, path: None });
        }
    }
    notes
}
