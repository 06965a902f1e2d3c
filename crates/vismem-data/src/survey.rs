//! What a data set holds besides what is read of it, gathered while it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::error::Field;
use crate::label::Classes;

/// How many kinds of files are counted by themselves.
const MOST_KINDS: usize = 100;

/// Files that were not read, and what should be known of those that were. Clones share what they gather.
#[derive(Debug, Clone, Default)]
pub struct Survey(Arc<Mutex<Gathered>>);

#[derive(Debug, Default)]
struct Gathered {
    passed_over: BTreeMap<String, u64>,
    notes: Vec<Note>,
    class_names: Option<(PathBuf, Classes)>,
    applied: BTreeSet<Field>,
}

/// Files of one kind that were not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// The end of their names, as `.ppm`; or `hidden`, for hidden files and folders and those that systems keep for
    /// themselves, or `without extension`.
    pub kind: String,
    /// How many; a hidden folder counts once.
    pub files: u64,
}

/// Something that was read as it is and may be meant differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is about.
    pub about: About,
    /// The labels that it is about.
    pub labels: Vec<String>,
    /// The file or folder that it is about.
    pub path: Option<PathBuf>,
}

/// What a [`Note`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum About {
    /// These labels are names that parts of a data set have: `train`, `test`.
    LabelsOfSplits,
    /// These labels stand for no label: `unknown`, `_unlabeled`.
    LabelsOfNothing,
    /// These labels are names of folders for pictures of any kind: `images`, `DCIM`.
    LabelsOfContainers,
    /// The first of these labels is a folder within that of the second.
    LabelWithinLabel,
    /// Some pictures lie directly in the folder, beside folders of others, and got its name, which is the label.
    PicturesAboveFolders,
    /// All pictures lie directly in the folder, whose name is the only label.
    OneFlatFolder,
    /// Pictures lie directly in a folder of archives and tables, and were not read.
    PicturesBesideShards,
    /// A table or JSON lies beside pictures that have the names of their folders, and was not read.
    TableBesidePictures,
    /// Files such as this one, which outline what is in pictures (Pascal VOC, YOLO), were not read for labels.
    OutlinesNotRead,
    /// The archive ends without the mark that it ends with: it may have been cut.
    ArchiveWithoutEnd,
    /// The names of classes were of no use: no label is a number.
    ClassNamesNotUsed,
    /// Several classes have this name and become one label.
    ClassesOfOneName,
}

impl Survey {
    pub(crate) fn pass_over(&self, kind: impl Into<String>) {
        let (mut gathered, mut kind) = (self.gathered(), kind.into());
        if gathered.passed_over.len() >= MOST_KINDS && !gathered.passed_over.contains_key(&kind) {
            kind = "other".into();
        }
        *gathered.passed_over.entry(kind).or_default() += 1;
    }

    pub(crate) fn note(&self, about: About, labels: impl IntoIterator<Item = String>, path: Option<&Path>) {
        let note = Note { about, labels: labels.into_iter().collect(), path: path.map(Path::to_owned) };
        let mut gathered = self.gathered();
        if !gathered.notes.contains(&note) {
            gathered.notes.push(note);
        }
    }

    /// Says that these fields of the request mean something to a data set.
    pub(crate) fn apply(&self, fields: &[Field]) {
        self.gathered().applied.extend(fields);
    }

    /// Whether a field of the request means something to a data set that was opened.
    pub fn has_applied(&self, field: Field) -> bool {
        self.gathered().applied.contains(&field)
    }

    /// Says that the names come from this file.
    pub(crate) fn class_names(&self, file: &Path, classes: &Classes) {
        self.gathered().class_names = Some((file.to_owned(), classes.clone()));
    }

    /// What was not read until now, by kind.
    pub fn passed_over(&self) -> Vec<PassedOver> {
        let kinds = &self.gathered().passed_over;
        kinds.iter().map(|(kind, files)| PassedOver { kind: kind.clone(), files: *files }).collect()
    }

    /// What is to be known, when everything is read.
    pub fn notes(&self) -> Vec<Note> {
        let gathered = self.gathered();
        let unused = gathered.class_names.iter().filter(|(_, classes)| !classes.were_used());
        let unused = unused.map(|(file, _)| Note {
            about: About::ClassNamesNotUsed,
            labels: Vec::new(),
            path: Some(file.clone()),
        });
        gathered.notes.iter().cloned().chain(unused).collect()
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
