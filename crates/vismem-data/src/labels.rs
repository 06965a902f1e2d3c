//! Labels for the rows of an embeddings file, and names of classes: `.npy` of integers or strings, a table `.csv`, `.tsv` or
//! `.parquet`, or lines.

use std::path::Path;

use serde_json::Value as Json;

use crate::csv_file::{self, CsvFile};
use crate::error::ReadError;
use crate::label::{self, Classes, Written};
use crate::npy::NpyFile;
use crate::parquet::Table;
use crate::picture::has_extension;
use crate::{Result, text};

/// Reads one label for each row, in a table from this column.
///
/// # Errors
/// When the file cannot be read or has no such column, and when a label is empty.
pub fn read(path: &Path, column: &str) -> Result<Vec<String>> {
    let labels = if has_extension(path, "npy") {
        from_npy(path)?
    } else if csv_file::is_named_like_one(path) {
        let table = CsvFile::open(path)?;
        let column = table.column(column)?;
        table.rows().map(|row| Ok(label::tidy(&row?.fields[column]))).collect::<Result<_>>()?
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

/// Names of the classes 0, 1, …: in any form of [`read`], of a table the column `label`, or its only one, or the one beside
/// numbers that count from 0; as lines that may begin with these numbers; or as JSON, a list of names, or an object of names
/// by number or of numbers by name.
///
/// # Errors
/// When the file cannot be read, and when a name or a number is missing.
pub fn class_names(path: &Path) -> Result<Vec<String>> {
    let names = if has_extension(path, "json") {
        from_json(path)?
    } else if csv_file::is_named_like_one(path) {
        from_table(path)?
    } else if has_extension(path, "npy") || has_extension(path, "parquet") {
        read(path, "label")?
    } else {
        without_numbers(from_text(path)?)
    };
    if names.is_empty() {
        return Err(ReadError::nothing(path, "holds no names"));
    }
    match names.iter().position(String::is_empty) {
        Some(class) => Err(ReadError::content(path, format!("class {class} has no name"))),
        None => Ok(names),
    }
}

fn from_json(path: &Path) -> Result<Vec<String>> {
    let what = "neither a JSON list of names nor an object of names by number, or of numbers by name";
    let wrong = || ReadError::Kind { path: path.into(), what, source: None };
    let name = |value: &Json| value.as_str().map(label::tidy);
    match serde_json::from_slice(&text::bytes(path)?).map_err(ReadError::kind(path, what))? {
        Json::Array(names) => names.iter().map(name).collect::<Option<_>>().ok_or_else(wrong),
        Json::Object(entries) => {
            let numbered = entries.iter().map(|(key, value)| match value.as_u64() {
                Some(number) => Some((number, label::tidy(key))),
                None => Some((key.trim().parse().ok()?, name(value)?)),
            });
            let mut numbered = numbered.collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
            numbered.sort_unstable();
            let gap = numbered.iter().zip(0..).find(|((number, _), expected)| number != expected);
            if let Some((_, missing)) = gap {
                return Err(ReadError::content(path, format!("has no single name for class {missing}; number from 0")));
            }
            Ok(numbered.into_iter().map(|(_, name)| name).collect())
        }
        _ => Err(wrong()),
    }
}

/// The names in a table.
fn from_table(path: &Path) -> Result<Vec<String>> {
    let table = CsvFile::open(path)?;
    let (columns, label) = (table.header.len(), table.find("label"));
    // A list of names without a header looks like a table of one column.
    if columns == 1 && label.is_none() && table.find("name").is_none() && table.find("class").is_none() {
        return Ok(without_numbers(from_text(path)?));
    }
    let named = label.or_else(|| table.find("name")).or((columns == 1).then_some(0));
    let header: Vec<String> = table.header.iter().map(str::to_owned).collect();
    let rows: Vec<Vec<String>> =
        table.rows().map(|row| Ok(row?.fields.iter().map(label::tidy).collect())).collect::<Result<_>>()?;
    // The class of a name is its row, so numbers that say otherwise are not passed over.
    let counts = (0..columns).find(|&column| Some(column) != named && counts_from_zero(&rows, column));
    let numbers = (0..columns).find(|&column| rows.iter().all(|row| row[column].parse::<u64>().is_ok()));
    let column = match (named, counts, columns) {
        (Some(named), None, _) if numbers.is_none_or(|numbers| numbers == named) => named,
        (Some(named), Some(_), _) => named,
        (None, Some(counts), 2) => 1 - counts,
        _ => {
            let what = format!(
                "does not say which of its columns {} has the names of the classes 0, 1, ...; keep the \
                one, or call it label beside numbers that count from 0",
                header.join(", ")
            );
            return Err(ReadError::content(path, what));
        }
    };
    Ok(rows.into_iter().map(|mut row| row.swap_remove(column)).collect())
}

fn counts_from_zero(rows: &[Vec<String>], column: usize) -> bool {
    rows.iter().enumerate().all(|(place, row)| row[column].parse() == Ok(place))
}

/// Names without the numbers of their classes, if each line begins with its own.
fn without_numbers(lines: Vec<String>) -> Vec<String> {
    let name = |(class, line): (usize, &String)| {
        let rest = line.strip_prefix(&class.to_string())?;
        let name = rest.trim_start_matches([' ', '\t', ',', ';', ':']);
        (name.len() < rest.len() && !name.is_empty()).then(|| name.to_owned())
    };
    lines.iter().enumerate().map(name).collect::<Option<_>>().unwrap_or(lines)
}

fn from_parquet(path: &Path, column: &str) -> Result<Vec<String>> {
    let rows = Table::open(path)?.rows(&[column])?;
    let label = |(row, value): (usize, std::result::Result<Vec<_>, _>)| {
        let written = Written::from(value.map(|mut values: Vec<_>| values.swap_remove(0))?);
        let label = Classes::default().label(written, column);
        label.map_err(|fault| ReadError::row(path, crate::At::Row(row as u64), fault.reason))
    };
    rows.enumerate().map(label).collect()
}

/// One label a line. Blank lines at the end do not count.
fn from_text(path: &Path) -> Result<Vec<String>> {
    Ok(text::read(path)?.trim_end().lines().map(label::tidy).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(file: &str, content: &str) -> std::result::Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file);
        std::fs::write(&path, content).unwrap();
        class_names(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn names_of_classes_are_the_same_in_every_form() {
        for (file, content) in [
            ("plain.txt", "cat\ndog\nbird\n"),
            ("windows.txt", "\u{feff}cat \r\ndog\r\nbird\r\n\r\n"),
            ("numbered.txt", "0 cat\n1 dog\n2 bird\n"),
            ("numbered.names", "0: cat\n1: dog\n2: bird\n"),
            ("list.json", r#"["cat", "dog", "bird"]"#),
            ("by_number.json", r#"{"2": "bird", "0": "cat", "1": "dog"}"#),
            ("by_name.json", r#"{"cat": 0, "bird": 2, "dog": 1}"#),
            ("header.csv", "label\ncat\ndog\nbird\n"),
            ("name.csv", "name\ncat\ndog\nbird\n"),
            ("plain.csv", "cat\ndog\nbird\n"),
            ("numbered.csv", "id,label\n0,cat\n1,dog\n2,bird\n"),
            ("unnamed.csv", "idx;breed\n0;cat\n1;dog\n2;bird\n"),
            ("tabs.tsv", "label\tnote\ncat\tx\ndog\ty\nbird\tz\n"),
        ] {
            let found = names(file, content);
            assert_eq!(found, Ok(["cat", "dog", "bird"].map(str::to_owned).to_vec()), "{file}");
        }
    }

    #[test]
    fn names_that_are_not_in_the_order_of_the_classes_are_refused() {
        for (file, content, words) in [
            ("gap.json", r#"{"0": "cat", "2": "dog"}"#, "no single name for class 1"),
            ("twice.json", r#"{"cat": 0, "dog": 0}"#, "no single name for class 1"),
            ("deep.json", r#"{"names": ["cat"]}"#, "neither a JSON list"),
            ("order.csv", "id,label\n1,cat\n0,dog\n", "does not say which of its columns id, label"),
            ("two.csv", "common,latin\ncat,Felis\n", "does not say which of its columns common, latin"),
            ("hole.txt", "cat\n\ndog\n", "class 1 has no name"),
        ] {
            let error = names(file, content).unwrap_err();
            assert!(error.contains(words), "{file}: {error}");
        }
    }
}
