//! Giving exemplars other labels, and taking that back.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use vismem::{Editor, Event, EventKind, Memory, Selector};
use vismem_data::csv_file::CsvFile;
use vismem_data::parquet::{Table, Value};
use vismem_data::{At, ReadError, from_spreadsheet, has_extension, tidy_label};
use vismem_models::{Held, Purpose};

use crate::calibration::Before;
use crate::{Criterion, Error, Observer, RequestError, Result, Selection};

/// What a change of labels came to.
#[derive(Debug, Serialize)]
pub struct Relabelled {
    /// The memory.
    pub memory: String,
    /// How many exemplars have another label now.
    pub exemplars: u64,
    /// The event of the log; `None` if there was nothing to change.
    pub event: Option<u64>,
    /// The memory's digest afterwards.
    pub digest: String,
    /// What was taken back; `None` if nothing was.
    #[serde(skip)]
    pub undid: Option<EventKind>,
}

/// Gives the selected exemplars one label.
///
/// # Errors
/// When the selection has no selector, see [`Selection::selector`], or the memory cannot be changed.
pub fn relabel(memory: &Path, selection: &Selection, to: &str, observer: &mut dyn Observer) -> Result<Relabelled> {
    let mut editor = Editor::open(memory)?;
    let selector = selector(&editor, selection, observer)?;
    if editor.select(&selector)?.is_empty() {
        return Err(Error::NothingSelected { memory: memory.into() });
    }
    let before = Before::of(memory);
    let event = editor.relabel(&selector, &tidy_label(to))?;
    drop(editor);
    before.renew(observer);
    relabelled(memory, event.as_ref())
}

/// Gives exemplars the labels of a table with the columns id and label, CSV or Parquet.
///
/// # Errors
/// When the file cannot be read, names an exemplar twice with two labels, or the memory cannot be changed.
pub fn relabel_each(memory: &Path, file: &Path, observer: &mut dyn Observer) -> Result<Relabelled> {
    let mut editor = Editor::open(memory)?;
    let before = Before::of(memory);
    let event = editor.relabel_each(&read(file)?)?;
    drop(editor);
    before.renew(observer);
    relabelled(memory, event.as_ref())
}

/// All exemplars of some labels get one.
///
/// # Errors
/// When there is no such label, or the memory cannot be changed.
pub fn merge(memory: &Path, labels: &[String], into: &str, observer: &mut dyn Observer) -> Result<Relabelled> {
    let selector = Selector { labels: labels.to_vec(), ..Selector::default() };
    let mut editor = Editor::open(memory)?;
    if editor.select(&selector)?.is_empty() {
        return Err(Error::NothingSelected { memory: memory.into() });
    }
    let before = Before::of(memory);
    let event = editor.relabel(&selector, &tidy_label(into))?;
    drop(editor);
    before.renew(observer);
    relabelled(memory, event.as_ref())
}

/// Some exemplars of a label get another one.
///
/// # Errors
/// When the selection names a label or all exemplars of this one, or the memory cannot be changed.
pub fn split(
    memory: &Path,
    label: &str,
    selection: &Selection,
    into: &str,
    observer: &mut dyn Observer,
) -> Result<Relabelled> {
    if selection.criteria.iter().any(|criterion| matches!(criterion, Criterion::Label(_))) {
        return Err(RequestError::SplitByLabel { label: label.into() }.into());
    }
    let mut editor = Editor::open(memory)?;
    let whole = editor.select(&Selector { labels: vec![label.into()], ..Selector::default() })?;
    let selector = Selector { labels: vec![label.into()], ..selector(&editor, selection, observer)? };
    match editor.select(&selector)? {
        selected if selected.is_empty() => return Err(Error::NothingSelected { memory: memory.into() }),
        selected if selected == whole => return Err(Error::WholeLabel { label: label.into() }),
        _ => {}
    }
    let before = Before::of(memory);
    let event = editor.relabel(&selector, &tidy_label(into))?;
    drop(editor);
    before.renew(observer);
    relabelled(memory, event.as_ref())
}

/// Takes the latest change of labels, of the taxonomy or of the tuning back.
///
/// # Errors
/// When there is none, something was forgotten since, or the memory cannot be changed.
pub fn undo(memory: &Path, observer: &mut dyn Observer) -> Result<Relabelled> {
    let before = Before::of(memory);
    let event = Editor::open(memory)?.undo()?;
    before.renew(observer);
    relabelled(memory, Some(&event))
}

fn selector(editor: &Editor, selection: &Selection, observer: &mut dyn Observer) -> Result<Selector> {
    selection.selector(Held { memory: editor.path(), encoder: editor.encoder(), purpose: Purpose::Queries }, observer)
}

fn relabelled(memory: &Path, event: Option<&Event>) -> Result<Relabelled> {
    let digest = match event {
        Some(event) => event.after,
        None => Memory::open(memory)?.digest(),
    };
    Ok(Relabelled {
        memory: memory.display().to_string(),
        exemplars: event.map_or(0, |event| event.exemplars),
        event: event.map(|event| event.id),
        digest: digest.to_string(),
        undid: event.and_then(|event| event.undid),
    })
}

/// Labels by id.
fn read(file: &Path) -> Result<BTreeMap<u64, String>> {
    let mut labels = BTreeMap::new();
    let rows: Box<dyn Iterator<Item = _>> =
        if has_extension(file, "parquet") { Box::new(parquet_rows(file)?) } else { Box::new(csv_rows(file)?) };
    for row in rows {
        let (at, id, label) = row?;
        let wrong = |what: String| ReadError::Row { path: file.into(), at: at.clone(), what };
        let id: u64 = id.parse().map_err(|error| wrong(format!("{id:?} is not an id: {error}")))?;
        let label = tidy_label(&label);
        if label.is_empty() {
            return Err(wrong("has no label; fill it in or remove the line".into()).into());
        }
        if labels.insert(id, label.clone()).is_some_and(|before| before != label) {
            return Err(wrong(format!("exemplar {id} has two labels; keep one")).into());
        }
    }
    if labels.is_empty() {
        return Err(ReadError::Nothing { path: file.into(), what: "has no rows".into() }.into());
    }
    Ok(labels)
}

type Row = std::result::Result<(At, String, String), ReadError>;

fn csv_rows(file: &Path) -> Result<impl Iterator<Item = Row>> {
    let table = CsvFile::open(file)?;
    let (id, label) = (table.column("id")?, table.column("label")?);
    Ok(table.rows().map(move |row| {
        let row = row?;
        let label = from_spreadsheet(&row.fields[label]);
        Ok((At::Line(row.line), row.fields[id].to_owned(), label.to_owned()))
    }))
}

fn parquet_rows(file: &Path) -> Result<impl Iterator<Item = Row>> {
    let rows = Table::open(file).and_then(|table| table.rows(&["id", "label"])).map_err(ReadError::from)?;
    let text = |value| match value {
        Some(Value::Text(text)) => text,
        Some(Value::Integer(number)) => number.to_string(),
        _ => String::new(),
    };
    Ok(rows.enumerate().map(move |(row, values)| {
        let mut values = values?.into_iter();
        Ok((At::Row(row as u64), text(values.next()), text(values.next())))
    }))
}
