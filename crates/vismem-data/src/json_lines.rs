//! Lines of JSON, one object for each picture: the form of `metadata.jsonl` in Hugging Face's `ImageFolder`.

use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Map, Value};
use vismem::Taxonomy;

use crate::attributes::{self, Chosen};
use crate::dataset::{Dataset, Reader};
use crate::error::{At, Field, ReadError};
use crate::label::Written;
use crate::manifest::PATHS;
use crate::picture::LabelledPicture;
use crate::{Result, text};

/// Opens such a file as a data set. Relative paths start at its folder; keys without another meaning are attributes.
pub(crate) fn open(file: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    reader.survey.apply(&[Field::LabelColumn, Field::Attributes, Field::ImageColumn]);
    let label_key = reader.reading.label_column.as_deref().unwrap_or("label");
    let (folder, chosen) = (reader.folder_of_pictures(file), Chosen::of(reader));
    let mut pictures = Vec::new();
    for object in objects(file)? {
        let (line, object) = object?;
        let at = || At::Line(line);
        let path = path_in(&object, reader).ok_or_else(|| no_key(file, &object, PATHS[0], Field::ImageColumn))?;
        let label = if reader.wants_labels() {
            let value = object.get(label_key).ok_or_else(|| no_key(file, &object, label_key, Field::LabelColumn))?;
            reader.classes.label(Written::from(value), label_key)
        } else {
            Ok(String::new())
        };
        let has_meaning = |key: &str| key == label_key || PATHS.contains(&key);
        let attributes = attributes::of_json(&object, &chosen, has_meaning);
        let attributes = attributes.map_err(|fault| ReadError::row(file, at(), fault.reason))?;
        let path = folder.join(path);
        pictures.push(match label {
            Ok(label) => LabelledPicture { attributes, ..LabelledPicture::file(path, label) },
            Err(fault) => LabelledPicture::missing(path, fault),
        });
    }
    if pictures.is_empty() {
        return Err(ReadError::nothing(file, "lists no pictures"));
    }
    Ok(Dataset::listed(pictures, Taxonomy::default()))
}

/// The path of the picture that an object is about.
fn path_in<'o>(object: &'o Map<String, Value>, reader: &Reader<'_>) -> Option<&'o str> {
    let path = match &reader.reading.finding.image_column {
        Some(key) => object.get(key),
        None => PATHS.iter().find_map(|key| object.get(*key)),
    };
    path?.as_str().filter(|path| !path.is_empty())
}

/// The first object of a file, if it has one.
pub(crate) fn first(file: &Path) -> Result<Option<Map<String, Value>>> {
    Ok(objects(file)?.next().transpose()?.map(|(_, object)| object))
}

/// The objects in a file with their lines, counted from 1. Empty lines do not count.
fn objects(file: &Path) -> Result<impl Iterator<Item = Result<(u64, Map<String, Value>)>>> {
    let lines = (1..).zip(BufReader::new(text::open(file)?).lines());
    Ok(lines.filter_map(move |(line, text)| match text {
        Ok(text) if text.trim().is_empty() => None,
        Ok(text) => {
            let wrong = |error| ReadError::row(file, At::Line(line), format!("is not an object of JSON: {error}"));
            Some(serde_json::from_str(&text).map(|object| (line, object)).map_err(wrong))
        }
        Err(error) => Some(Err(ReadError::io("read", file)(error))),
    }))
}

fn no_key(file: &Path, object: &Map<String, Value>, wanted: &str, field: Field) -> ReadError {
    let known = object.keys().cloned().collect();
    ReadError::NoColumn { path: file.into(), wanted: wanted.into(), known, field: Some(field) }
}
