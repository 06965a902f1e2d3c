//! Parquet files of labelled pictures: manifests with paths, and image data sets as the Hugging Face hub has them, with
//! the bytes in a column and the names of the classes in the file's own metadata.

use std::collections::BTreeMap;
use std::iter;
use std::path::Path;

use serde::Deserialize;
use vismem::{Attributes, Taxonomy};

use crate::attributes::{self, Chosen};
use crate::dataset::{Dataset, Reader, UnusedColumns};
use crate::error::{At, Field, ReadError, Remedy, ResolveError};
use crate::label::Classes;
use crate::parquet::{self, Column, Kind, Rows, Table, Value};
use crate::picture::{Fault, LabelledPicture, name_inside};
use crate::{Result, archive};

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
#[derive(PartialEq, Eq)]
enum Pictures {
    /// In the row; some rows may have a path instead.
    Bytes { bytes: String, path: Option<String> },
    /// In the file of this path.
    Path(String),
}

/// Opens a file as a data set. Its footer is read now, its rows when it is their turn.
pub(crate) fn open(file: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let table = Table::open(file)?;
    reader.survey.apply(&[Field::LabelColumn, Field::Levels, Field::Attributes, Field::ImageColumn]);
    let features = features(file, &table)?;
    if table.is_empty() {
        return Err(ReadError::nothing(file, "lists no pictures"));
    }
    let default = pictures(&table, None, &features);
    let (pictures, is_default) = match &reader.reading.finding.image_column {
        Some(column) => {
            let named = pictures(&table, Some(column), &features)?;
            let is_default = default.is_ok_and(|default| default == named);
            (named, is_default)
        }
        None => (default?, true),
    };
    let named =
        |column: &str| features.get(column).map(|feature| Classes::new(feature.classes.clone())).unwrap_or_default();
    let (mut labels, mut taxonomies) = (None, Vec::new());
    if reader.wants_labels() {
        let column = label_column(&table, reader.reading.label_column.as_deref(), &features)?;
        // Names that the user gives count more than those in the file.
        let classes = if reader.classes.are_none() { named(&column) } else { reader.classes.clone() };
        let found = labels.insert(Labels { classes, column });
        taxonomies.extend(taxonomy(file, found, &reader.reading.levels, &named)?);
    }
    // Of a picture in the table the source is its place here: what a column `source` says is an attribute.
    let has_source = table.find("source").is_some_and(|column| column.kind == Some(Kind::Text));
    let source = has_source && matches!(pictures, Pictures::Path(_));

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
    let Attributed { names: attributes, unused_columns } = attributed(&table, &Chosen::of(reader), &known, &pictures)?;
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
    let column = reader.reading.finding.image_column.clone().filter(|_| !is_default);
    let labelled = all.enumerate().map(move |(row, values)| {
        let here = name_inside(&file, place(column.as_deref(), row));
        let mut values = match values {
            Ok(values) => values.into_iter(),
            Err(error) => {
                let pictures = count.saturating_sub(row as u64);
                let fault = Fault { pictures, ..format!("cannot be read on: {error}").into() };
                return LabelledPicture::missing(file.clone(), fault);
            }
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
            (Some(Value::Bytes(bytes)), _) if bytes.len() as u64 > archive::LARGEST => {
                return LabelledPicture::missing(here, archive::too_large(archive::LARGEST));
            }
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
    Ok(Dataset { taxonomies, unused_columns, ..Dataset::streamed(labelled, Some(count)) })
}

/// The columns that are attributes, and those that could have been.
struct Attributed {
    names: Vec<String>,
    unused_columns: Vec<UnusedColumns>,
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
    let unused_columns = UnusedColumns { path: table.path().into(), columns };
    Ok(Attributed {
        names: names.iter().map(|column| column.name.clone()).collect(),
        unused_columns: if unused_columns.columns.is_empty() { Vec::new() } else { vec![unused_columns] },
    })
}

fn rows(table: Table, columns: &[String]) -> std::result::Result<Rows, parquet::Error> {
    table.rows(&columns.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The name of a picture in its table: the row, and before it the column where that is not the one that is taken anyway.
fn place(column: Option<&str>, row: usize) -> String {
    column.map_or_else(|| row.to_string(), |column| format!("{column}#{row}"))
}

/// The picture at a [`place`]; `column` is taken where the place names none.
pub(crate) fn picture_at(
    file: &Path,
    place: &str,
    column: Option<&str>,
    largest: u64,
) -> std::result::Result<Vec<u8>, ResolveError> {
    let (column, row) = place.rsplit_once('#').map_or((column, place), |(column, row)| (Some(column), row));
    let row: u64 = row.parse().map_err(|_| ResolveError::NoRow)?;
    let gone = ResolveError::Gone { from: "table" };
    let table = Table::open(file).map_err(ReadError::from)?;
    let found = pictures(&table, column, &features(file, &table)?).map_err(|error| match error {
        // Where a picture is named, its column is a part of the name.
        ReadError::SeveralColumns { columns, .. } => {
            let example = name_inside(file, format!("{}#{row}", columns[0]));
            let (columns, example) = (columns.join(", "), example.display());
            ReadError::content(file, format!("has the pictures {columns}; name one as {example}"))
        }
        other => other,
    })?;
    let Pictures::Bytes { bytes, .. } = found else { return Err(gone) };
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
        // No row has bytes.
        if kind(&path) == Some(Kind::Text) {
            return Some(Pictures::Path(path));
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
    if images.is_empty() && of("path").is_none() {
        let bytes = table.columns().iter().filter(|column| column.kind == Some(Kind::Bytes));
        images.extend(bytes.map(|column| column.name.as_str()));
    }
    match (of("path"), &images[..]) {
        (Some(path), []) => Ok(path),
        (_, [one]) => {
            let is_list = one.ends_with(".list.element") || one.ends_with(".list.item");
            let what = match is_list {
                true => "holds lists of pictures; give each picture a row of its own",
                false => "holds no pictures",
            };
            of(one).ok_or_else(|| ReadError::content(table.path(), format!("the column {one} {what}")))
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
    let named = wanted.or_else(|| table.columns().iter().any(|column| column.group() == "label").then_some("label"));
    if let Some(named) = named {
        return match table.find(named) {
            Some(column) if column.holds_times() => Err(no_labels(table, named, "dates or times")),
            None if table.columns().iter().any(|column| column.group() == named) => {
                Err(no_labels(table, named, "lists or groups"))
            }
            _ => Ok(named.into()),
        };
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

fn no_labels(table: &Table, column: &str, what: &str) -> ReadError {
    ReadError::Content {
        path: table.path().into(),
        what: format!("the column {column} holds {what}; a label is a text or a whole number"),
        remedy: Some(Remedy::Name(Field::LabelColumn)),
    }
}

fn no_column(table: &Table, wanted: String, field: Option<Field>) -> ReadError {
    let known = table.columns().iter().map(|column| column.name.clone()).collect();
    ReadError::NoColumn { path: table.path().into(), wanted, known, field }
}

/// A column of labels.
struct Labels {
    column: String,
    classes: Classes,
}

impl Labels {
    fn of(&self, value: Value) -> std::result::Result<String, Fault> {
        self.classes.label(value, &self.column)
    }
}

/// What the columns of levels say of the labels, if there are some. These columns are read once more for it; the pictures
/// are not.
fn taxonomy(
    file: &Path,
    labels: &Labels,
    levels: &[String],
    named: &dyn Fn(&str) -> Classes,
) -> Result<Option<Taxonomy>> {
    if levels.is_empty() {
        return Ok(None);
    }
    let mut taxonomy = Taxonomy { levels: levels.to_vec(), ..Taxonomy::default() };
    let columns: Vec<&str> = std::iter::once(labels.column.as_str()).chain(levels.iter().map(String::as_str)).collect();
    let levels: Vec<Labels> =
        levels.iter().map(|column| Labels { column: column.clone(), classes: named(column) }).collect();
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
