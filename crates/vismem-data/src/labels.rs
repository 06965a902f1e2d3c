//! Labels for the rows of an embeddings file: `.npy` of integers or strings, `.csv` or `.parquet` with a column `label`,
//! or lines.

use std::path::Path;

use crate::Result;
use crate::csv_file::CsvFile;
use crate::error::ReadError;
use crate::npy::NpyFile;
use crate::parquet::{Table, Value};
use crate::picture::has_extension;

/// Reads one label for each row, in a table from this column.
///
/// # Errors
/// When the file cannot be read or has no such column, and when a label is empty.
pub fn read(path: &Path, column: &str) -> Result<Vec<String>> {
    let labels = if has_extension(path, "npy") {
        from_npy(path)?
    } else if has_extension(path, "csv") {
        let table = CsvFile::open(path)?;
        let column = table.column(column)?;
        table.rows().map(|row| Ok(row?.fields[column].to_owned())).collect::<Result<_>>()?
    } else if has_extension(path, "parquet") {
        from_parquet(path, column)?
    } else {
        from_text(path)?
    };
    if let Some(row) = labels.iter().position(String::is_empty) {
        return Err(ReadError::content(path, format!("the label of row {row} (from 0) is empty; give it a name")));
    }
    Ok(labels)
}

/// Names of the classes 0, 1, ..., one a line.
///
/// # Errors
/// When the file cannot be read, and when a name is missing.
pub fn class_names(path: &Path) -> Result<Vec<String>> {
    let names = from_text(path)?;
    if names.is_empty() {
        return Err(ReadError::nothing(path, "holds no names"));
    }
    match names.iter().position(String::is_empty) {
        Some(class) => Err(ReadError::content(path, format!("class {class} has no name"))),
        None => Ok(names),
    }
}

fn from_parquet(path: &Path, column: &str) -> Result<Vec<String>> {
    let rows = Table::open(path)?.rows(&[column])?;
    let label = |value| match value {
        Value::Text(text) => Ok(text),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Date(date) => Ok(date.to_string()),
        Value::Null => Ok(String::new()),
        _ => Err(ReadError::content(path, format!("the column {column} holds neither text nor integers"))),
    };
    rows.map(|row| label(row?.swap_remove(0))).collect()
}

/// One label a line. Blank lines at the end do not count.
fn from_text(path: &Path) -> Result<Vec<String>> {
    let bytes = std::fs::read(path).map_err(ReadError::io("read", path))?;
    let text = String::from_utf8(bytes).map_err(|_| ReadError::content(path, "is not UTF-8 text; save it as UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.trim_end().lines().map(|line| line.trim().to_owned()).collect())
}

fn from_npy(path: &Path) -> Result<Vec<String>> {
    let npy = NpyFile::open(path)?;
    let (shape, descr) = (npy.header.shape.clone(), npy.header.descr.clone());
    if shape.len() != 1 {
        return Err(ReadError::content(path, format!("has the shape {shape:?}; save labels as N, one for each row")));
    }
    match npy.into_texts() {
        Some(labels) => labels.map_err(ReadError::io("read", path)),
        None => Err(ReadError::content(path, format!("holds {descr}; save labels as integers or strings"))),
    }
}
