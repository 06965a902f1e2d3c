//! Labelled pictures, in whatever form they come.

use std::path::{Path, PathBuf};

use vismem::Taxonomy;

use crate::label::Classes;
use crate::picture::LabelledPicture;
use crate::request::Reading;
use crate::survey::{About, Survey};
use crate::{Result, label, labels};

/// Labelled pictures as they come.
pub struct Dataset {
    /// The pictures, in the order of the data set. What cannot be read is among them, with the reason.
    pub pictures: Box<dyn Iterator<Item = LabelledPicture> + Send>,
    /// How many there are, where that is known before they are read.
    pub count: Option<u64>,
    /// What came with them.
    pub taxonomies: Vec<Taxonomy>,
    /// What could have been attributes, but for its type.
    pub unused_columns: Vec<UnusedColumns>,
    /// What was passed over, and what should be known, as far as the pictures were read.
    pub survey: Survey,
}

/// Columns of a table that hold something else than text, numbers, dates and booleans: bytes, lists, groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedColumns {
    /// The table; of several with the same columns the first.
    pub path: PathBuf,
    /// The names of the columns.
    pub columns: Vec<String>,
}

impl Dataset {
    /// Pictures that are known beforehand. A taxonomy without levels is none.
    pub fn listed(pictures: Vec<LabelledPicture>, taxonomy: Taxonomy) -> Self {
        let taxonomies = if taxonomy.levels.is_empty() { Vec::new() } else { vec![taxonomy] };
        let count = Some(pictures.len() as u64);
        Self { taxonomies, ..Self::streamed(pictures.into_iter(), count) }
    }

    /// Pictures of which more is known while they are read.
    pub(crate) fn streamed(
        pictures: impl Iterator<Item = LabelledPicture> + Send + 'static,
        count: Option<u64>,
    ) -> Self {
        Self {
            pictures: Box::new(pictures),
            count,
            taxonomies: Vec::new(),
            unused_columns: Vec::new(),
            survey: Survey::default(),
        }
    }

    /// One data set after the other.
    pub fn joined(parts: Vec<Self>, survey: &Survey) -> Self {
        let count = parts.iter().map(|part| part.count).sum();
        let (mut pictures, mut taxonomies) = (Vec::with_capacity(parts.len()), Vec::new());
        let mut unused_columns: Vec<UnusedColumns> = Vec::new();
        for part in parts {
            pictures.push(part.pictures);
            taxonomies.extend(part.taxonomies);
            let is_known = |new: &UnusedColumns| unused_columns.iter().any(|known| known.columns == new.columns);
            let new: Vec<_> = part.unused_columns.into_iter().filter(|new| !is_known(new)).collect();
            unused_columns.extend(new);
        }
        let pictures = Box::new(pictures.into_iter().flatten());
        Self { pictures, count, taxonomies, unused_columns, survey: survey.clone() }
    }
}

/// What is wanted of a picture besides itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    NoLabel,
    OneLabel,
    AllLabels,
}

/// What is to be known of the request while reading.
pub(crate) struct Reader<'r> {
    pub reading: &'r Reading,
    /// Names of the classes 0, 1, ...
    pub classes: Classes,
    pub wanted: Wanted,
    pub survey: Survey,
}

impl<'r> Reader<'r> {
    pub fn new(reading: &'r Reading, wanted: Wanted) -> Result<Self> {
        let survey = Survey::default();
        let mut classes = Classes::default();
        if let Some(file) = reading.class_names.as_deref().filter(|_| wanted != Wanted::NoLabel) {
            let names = labels::class_names(file)?;
            for (place, name) in names.iter().enumerate() {
                if names[..place].contains(name) {
                    survey.note(About::ClassesOfOneName, [name.clone()], Some(file));
                }
            }
            classes = Classes::new(names);
            survey.class_names(file, &classes);
        }
        Ok(Self { reading, classes, wanted, survey })
    }

    /// Whether pictures must have labels.
    pub fn wants_labels(&self) -> bool {
        self.wanted != Wanted::NoLabel
    }

    /// The label of everything, where there is one: what the user says, or none at all.
    pub fn one_label(&self) -> Option<String> {
        if self.wants_labels() { self.reading.label.as_deref().map(label::tidy) } else { Some(String::new()) }
    }

    /// Where the pictures are that a file lists: where the user says, else beside it; empty for the current folder.
    pub fn folder_of_pictures<'a>(&'a self, file: &'a Path) -> &'a Path {
        self.reading.finding.images.as_deref().or(file.parent()).unwrap_or(Path::new(""))
    }

    /// A picture with the labels that a file lists for it: once for each where all are wanted, else with its one.
    pub fn labelled(&self, picture: &Path, labels: &[String], list: &Path) -> Vec<LabelledPicture> {
        let missing = |reason: String| vec![LabelledPicture::missing(picture.to_owned(), reason)];
        let list = list.display();
        match labels {
            [] => missing(format!("has no label in {list}")),
            [one, other, ..] if self.wanted == Wanted::OneLabel => {
                missing(format!("has several labels in {list}, such as {one} and {other}; a picture has one"))
            }
            _ => labels.iter().map(|label| LabelledPicture::file(picture.to_owned(), label.clone())).collect(),
        }
    }
}
