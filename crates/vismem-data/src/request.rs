//! What is asked of a data set.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vismem::AttributeType;

use crate::error::Field;

/// How a data set is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reading {
    /// One label for everything.
    pub label: Option<String>,
    /// The column that has the label, in manifests, Parquet files and metadata; the key, in JSON of WebDataset. `None`
    /// is `label`, or the only column of classes of a Hugging Face data set.
    pub label_column: Option<String>,
    /// Columns that are levels of the taxonomy, the nearest to the label first; in JSON of COCO's kind keys of the
    /// categories, or where none is named the supercategory.
    pub levels: Vec<String>,
    /// Columns of manifests and Parquet files, and keys in JSON of WebDataset, that are attributes of the pictures.
    /// `None` is all that have no other meaning: not those of the picture, its label, its source, its split, and no
    /// levels.
    pub attributes: Option<Vec<String>>,
    /// The types that attributes have where the pictures go. A cell of CSV is read as that, if it can be: `12` is text
    /// where other codes are text.
    pub attribute_types: BTreeMap<String, AttributeType>,
    /// Folders above the label's are levels of the taxonomy, named as a path: `kingdom/family` for
    /// `FOLDER/animals/cats/leopard/1.jpg`.
    pub nested: Option<String>,
    /// A file with the names of the classes 0, 1, …, for labels that are numbers; see
    /// [`labels::class_names`](crate::labels::class_names()).
    pub class_names: Option<PathBuf>,
    /// Where the pictures are.
    pub finding: Finding,
}

impl Reading {
    /// The fields that are set, of those that have no meaning to every data set.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field> {
        let attributes = self.attributes.as_ref().is_some_and(|names| !names.is_empty());
        let own = [
            (self.label_column.is_some(), Field::LabelColumn),
            (!self.levels.is_empty(), Field::Levels),
            (attributes, Field::Attributes),
        ];
        own.into_iter().filter(|(is_set, _)| *is_set).map(|(_, field)| field).chain(self.finding.fields())
    }
}

impl Finding {
    /// The fields that are set.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        let fields = [(self.image_column.is_some(), Field::ImageColumn), (self.images.is_some(), Field::Images)];
        fields.into_iter().filter(|(is_set, _)| *is_set).map(|(_, field)| field)
    }
}

/// Where the pictures of a data set are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Finding {
    /// The column that has the pictures, in manifests and Parquet files. `None` is `path`, or the only column of
    /// pictures.
    pub image_column: Option<String>,
    /// The folder of the pictures that JSON of COCO's or ReaL's kind is about. `None` is the folder of the JSON.
    pub images: Option<PathBuf>,
}
