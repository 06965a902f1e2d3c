//! Parquet files of labelled pictures: manifests with paths, and image data sets as the Hugging Face hub has them, with
//! the bytes in a column and the names of the classes in the file's own metadata.

use std::collections::BTreeMap;
use std::iter;
use std::path::Path;

use serde::Deserialize;
use vismem::{Attributes, Taxonomy};

use crate::Result;
use crate::attributes::{self, Chosen};
use crate::dataset::{Dataset, PassedOver, Reader, class};
use crate::error::{At, Field, ReadError, ResolveError};
use crate::parquet::{self, Column, Kind, Rows, Table, Value};
use crate::picture::{Fault, LabelledPicture, name_inside};

/// What `datasets` writes under the key `huggingface`.
#[derive(Deserialize, Default)]
struct HuggingFace {
    info: Info,
}

#[derive(Deserialize, Default)]
struct Info {
    #[serde(default)]
    features: BTreeMap<String, serde_json::Value>,
}

/// Where a row's picture is.
enum Pictures {
    /// In the row; some rows may have a path instead.
    Bytes { bytes: String, path: Option<String> },
    /// In the file of this path.
    Path(String),
}

/// Opens a file as a data set. Its footer is read now, its rows when it is their turn.
pub(crate) fn open(file: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let table = Table::open(file)?;
    let features = features(file, &table)?;
    if table.is_empty() {
        return Err(ReadError::nothing(file, "lists no pictures"));
    }
    let pictures = pictures(&table, reader.reading.finding.image_column.as_deref(), &features)?;
    let names =
        |column: &str| features.get(column).map_or_else(|| reader.names.clone(), |feature| feature.classes.clone());
    let (mut labels, mut taxonomies) = (None, Vec::new());
    if reader.wants_labels() {
        let column = label_column(&table, reader.reading.label_column.as_deref(), &features)?;
        let found = labels.insert(Labels { names: names(&column), column });
        taxonomies.extend(taxonomy(file, found, &reader.reading.levels, &names)?);
    }
    let source = table.find("source").is_some_and(|column| column.kind == Some(Kind::Text));

    let count = table.len();
    let mut columns: Vec<&str> = labels.iter().map(|labels| labels.column.as_str()).collect();
    match &pictures {
        Pictures::Bytes { bytes, path } => {
            columns.extend([Some(bytes), path.as_ref()].into_iter().flatten().map(String::as_str))
        }
        Pictures::Path(path) => columns.push(path),
    }
    columns.extend(source.then_some("source"));
    let mut known = columns.clone();
    known.extend(reader.reading.levels.iter().map(String::as_str));
    let Attributed { names: attributes, passed_over } = attributed(&table, &Chosen::of(reader), &known, &pictures)?;
    columns.extend(attributes.iter().map(String::as_str));
    let columns: Vec<String> = columns.into_iter().map(str::to_owned).collect();
    let classes = |name: &String| features.get(name).map(|feature| feature.classes.clone()).unwrap_or_default();
    let classes: Vec<Vec<String>> = attributes.iter().map(classes).collect();
    let has_path = matches!(&pictures, Pictures::Bytes { path: Some(_), .. } | Pictures::Path(_));
    let has_bytes = matches!(pictures, Pictures::Bytes { .. });
    // Refuses columns that are not read here. The file is closed again: a data set may have more of them than a process
    // may have open files.
    rows(table, &columns)?;
    let (folder, file) = (file.parent().unwrap_or(Path::new("")).to_owned(), file.to_owned());
    let again = file.clone();
    let reopened = iter::once_with(move || rows(Table::open(&again)?, &columns));
    let all = reopened.flat_map(|opened| {
        let (rows, error) = opened.map_or_else(|error| (None, Some(Err(error))), |rows| (Some(rows), None));
        rows.into_iter().flatten().chain(error)
    });
    let labelled = all.enumerate().map(move |(row, values)| {
        let here = name_inside(&file, row.to_string());
        let mut values = match values {
            Ok(values) => values.into_iter(),
            Err(error) => return LabelledPicture::missing(file.clone(), format!("cannot be read on: {error}")),
        };
        let label = labels.as_ref().map(|labels| labels.of(values.next().unwrap_or(Value::Null)));
        let bytes = if has_bytes { values.next() } else { None };
        let path = if has_path { values.next() } else { None };
        let source = if source { values.next() } else { None };
        let text = |value| match value {
            Some(Value::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        };
        let label = match label.transpose() {
            Ok(label) => label.unwrap_or_default(),
            Err(reason) => return LabelledPicture::missing(here, reason),
        };
        let picture = match (bytes, text(path)) {
            (Some(Value::Bytes(bytes)), _) => {
                LabelledPicture { bytes: Some(Ok(bytes)), ..LabelledPicture::file(here.clone(), label) }
            }
            (_, Some(path)) => LabelledPicture::file(folder.join(path), label),
            (_, None) => return LabelledPicture::missing(here, "has neither a picture nor a path"),
        };
        let mut found = Attributes::default();
        for ((name, classes), value) in attributes.iter().zip(&classes).zip(values) {
            if let Err(fault) = attributes::set(&mut found, name, value, classes) {
                return LabelledPicture::missing(here, fault);
            }
        }
        LabelledPicture { source: text(source), attributes: found, ..picture }
    });
    Ok(Dataset { taxonomies, passed_over, ..Dataset::streamed(labelled, Some(count)) })
}

/// The columns that are attributes, and those that could have been.
struct Attributed {
    names: Vec<String>,
    passed_over: Vec<PassedOver>,
}

/// Chooses among the columns; `known` have another meaning.
fn attributed(table: &Table, chosen: &Chosen, known: &[&str], pictures: &Pictures) -> Result<Attributed> {
    let can_be = |column: &&Column| !column.is_nested && !matches!(column.kind, None | Some(Kind::Bytes));
    if let Chosen::Named(names) = chosen {
        for name in names {
            match table.columns().iter().find(|column| column.group() == name) {
                Some(column) if !can_be(&column) => {
                    let what = format!("the column {name} holds bytes, lists or groups, which are no attributes");
                    return Err(ReadError::content(table.path(), what));
                }
                Some(_) => {}
                None => return Err(no_column(table, name.clone(), None)),
            }
        }
    }
    // What a picture's column has beside the picture belongs to it.
    let of_picture = match pictures {
        Pictures::Bytes { bytes, .. } => bytes.strip_suffix(".bytes").unwrap_or(bytes),
        Pictures::Path(path) => path,
    };
    let is_known = |column: &Column| known.contains(&column.name.as_str()) || column.group() == of_picture;
    let wanted = table.columns().iter().filter(|column| chosen.wants(column.group(), is_known(column)));
    let (names, others): (Vec<_>, Vec<_>) = wanted.partition(can_be);
    let mut columns: Vec<String> = others.iter().map(|column| column.group().to_owned()).collect();
    columns.dedup();
    let passed_over = PassedOver { path: table.path().into(), columns };
    Ok(Attributed {
        names: names.iter().map(|column| column.name.clone()).collect(),
        passed_over: if passed_over.columns.is_empty() { Vec::new() } else { vec![passed_over] },
    })
}

fn rows(table: Table, columns: &[String]) -> std::result::Result<Rows, parquet::Error> {
    table.rows(&columns.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The picture in a row, of the column that is taken where none is named.
pub(crate) fn picture_in_row(file: &Path, row: u64, largest: u64) -> std::result::Result<Vec<u8>, ResolveError> {
    let gone = ResolveError::Gone { from: "table" };
    let table = Table::open(file).map_err(ReadError::from)?;
    let Pictures::Bytes { bytes, .. } = pictures(&table, None, &features(file, &table)?)? else { return Err(gone) };
    let mut rows = table.rows_from(&[&bytes], row).map_err(ReadError::from)?;
    match rows.next().transpose().map_err(ReadError::from)?.map(|mut row| row.swap_remove(0)) {
        Some(Value::Bytes(bytes)) if bytes.len() as u64 > largest => Err(ResolveError::TooLarge { limit: largest }),
        Some(Value::Bytes(bytes)) => Ok(bytes),
        _ => Err(gone),
    }
}

/// What the hub's metadata says of a column.
struct Feature {
    is_image: bool,
    /// Names of the classes 0, 1, ...; none unless it is of classes.
    classes: Vec<String>,
}

fn features(file: &Path, table: &Table) -> Result<BTreeMap<String, Feature>> {
    let features = table.metadata("huggingface").map_or(Ok(BTreeMap::new()), features_of);
    let what = |error| format!("its metadata `huggingface` cannot be read: {error}");
    features.map_err(|error| ReadError::content(file, what(error)))
}

fn features_of(text: &str) -> serde_json::Result<BTreeMap<String, Feature>> {
    let document: HuggingFace = serde_json::from_str(text)?;
    let features = document.info.features.into_iter().map(|(name, feature)| {
        let kind = feature.get("_type").and_then(|kind| kind.as_str()).unwrap_or_default();
        let classes = feature.get("names").filter(|_| kind == "ClassLabel").cloned();
        let classes = classes.map_or(Ok(Vec::new()), serde_json::from_value)?;
        Ok((name, Feature { is_image: kind == "Image", classes }))
    });
    features.collect()
}

/// The column of pictures: the one that the user names, else a path, else the only one that holds pictures.
fn pictures(table: &Table, wanted: Option<&str>, features: &BTreeMap<String, Feature>) -> Result<Pictures> {
    let kind = |name: &str| table.find(name).and_then(|column| column.kind);
    let of = |name: &str| {
        let (bytes, path) = (format!("{name}.bytes"), format!("{name}.path"));
        if kind(&bytes) == Some(Kind::Bytes) {
            let path = (kind(&path) == Some(Kind::Text)).then_some(path);
            return Some(Pictures::Bytes { bytes, path });
        }
        match kind(name)? {
            Kind::Bytes => Some(Pictures::Bytes { bytes: name.into(), path: None }),
            Kind::Text => Some(Pictures::Path(name.into())),
            _ => None,
        }
    };
    if let Some(wanted) = wanted {
        return of(wanted).ok_or_else(|| no_column(table, format!("{wanted} of pictures or paths"), None));
    }
    let mut images: Vec<&str> =
        features.iter().filter(|(_, feature)| feature.is_image).map(|(name, _)| name.as_str()).collect();
    if images.is_empty() {
        images.extend(table.columns().iter().filter_map(|column| column.name.strip_suffix(".bytes")));
    }
    match (of("path"), &images[..]) {
        (Some(path), []) => Ok(path),
        (_, [one]) => {
            of(one).ok_or_else(|| ReadError::content(table.path(), format!("the column {one} holds no pictures")))
        }
        (_, []) => Err(no_column(table, "path and none of pictures".into(), Some(Field::ImageColumn))),
        (_, several) => Err(ReadError::SeveralColumns {
            path: table.path().into(),
            what: "pictures",
            columns: several.iter().map(|&name| name.to_owned()).collect(),
            field: Field::ImageColumn,
        }),
    }
}

/// The column of labels: the one that the user names, else `label`, else the only one of classes.
fn label_column(table: &Table, wanted: Option<&str>, features: &BTreeMap<String, Feature>) -> Result<String> {
    if let Some(wanted) = wanted.or(table.find("label").map(|_| "label")) {
        return Ok(wanted.into());
    }
    let classes: Vec<&str> =
        features.iter().filter(|(_, feature)| !feature.classes.is_empty()).map(|(name, _)| name.as_str()).collect();
    match classes[..] {
        [one] => Ok(one.into()),
        [] => Err(no_column(table, "label".into(), Some(Field::LabelColumn))),
        _ => Err(ReadError::SeveralColumns {
            path: table.path().into(),
            what: "labels",
            columns: classes.iter().map(|&name| name.to_owned()).collect(),
            field: Field::LabelColumn,
        }),
    }
}

fn no_column(table: &Table, wanted: String, field: Option<Field>) -> ReadError {
    let known = table.columns().iter().map(|column| column.name.clone()).collect();
    ReadError::NoColumn { path: table.path().into(), wanted, known, field }
}

/// A column of labels.
struct Labels {
    column: String,
    names: Vec<String>,
}

impl Labels {
    fn of(&self, value: Value) -> std::result::Result<String, Fault> {
        match value {
            Value::Text(text) if !text.is_empty() => Ok(text),
            // The hub writes −1 where the class is not known.
            Value::Integer(-1) if !self.names.is_empty() => Err(format!("has no {}", self.column).into()),
            Value::Integer(number) => class(&self.names, number),
            Value::Boolean(value) => Ok(value.to_string()),
            Value::Date(date) => Ok(date.to_string()),
            Value::Null | Value::Text(_) => Err(format!("has no {}", self.column).into()),
            Value::Real(_) | Value::Bytes(_) => {
                Err(format!("{} is neither text nor a whole number", self.column).into())
            }
        }
    }
}

/// What the columns of levels say of the labels, if there are some. These columns are read once more for it; the pictures
/// are not.
fn taxonomy(
    file: &Path,
    labels: &Labels,
    levels: &[String],
    names: &dyn Fn(&str) -> Vec<String>,
) -> Result<Option<Taxonomy>> {
    if levels.is_empty() {
        return Ok(None);
    }
    let mut taxonomy = Taxonomy { levels: levels.to_vec(), ..Taxonomy::default() };
    let columns: Vec<&str> = std::iter::once(labels.column.as_str()).chain(levels.iter().map(String::as_str)).collect();
    let levels: Vec<Labels> =
        levels.iter().map(|column| Labels { column: column.clone(), names: names(column) }).collect();
    for (row, values) in Table::open(file)?.rows(&columns)?.enumerate() {
        let mut values = values?.into_iter();
        let at = At::Row(row as u64);
        // A row without a label is reported when it is its turn.
        let Ok(label) = labels.of(values.next().unwrap_or(Value::Null)) else { continue };
        let names = levels.iter().zip(values).map(|(level, value)| level.of(value));
        let names = names.collect::<std::result::Result<Vec<_>, _>>();
        let names = names.map_err(|fault| ReadError::row(file, at.clone(), fault.reason))?;
        taxonomy.insert(&label, &names).map_err(ReadError::taxonomy(file, at))?;
    }
    Ok(Some(taxonomy))
}
