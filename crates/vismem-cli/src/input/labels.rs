//! Labels for the rows of an embeddings file: `.npy` of integers or strings, `.csv` or `.parquet` with a column `label`,
//! or lines.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use npyz::{Deserialize, NpyFile, TypeChar};
use vismem_parquet::Value;

use super::has_extension;
use super::npy;
use super::table::Table;

/// Reads one label for each row, in a table from this column.
pub fn read(path: &Path, column: &str) -> Result<Vec<String>> {
    let name = path.display();
    let labels = if has_extension(path, "npy") {
        from_npy(path)?
    } else if has_extension(path, "csv") {
        let table = Table::open(path)?;
        let column = table.column(column)?;
        table.rows().map(|row| Ok(row?.fields[column].to_owned())).collect::<Result<_>>()?
    } else if has_extension(path, "parquet") {
        from_parquet(path, column)?
    } else {
        from_text(path)?
    };
    if let Some(row) = labels.iter().position(String::is_empty) {
        bail!("{name}: the label of row {row} (from 0) is empty; give it a name");
    }
    Ok(labels)
}

/// Names of the classes 0, 1, ..., one a line.
pub fn class_names(path: &Path) -> Result<Vec<String>> {
    let names = from_text(path)?;
    ensure!(!names.is_empty(), "{}: holds no names", path.display());
    match names.iter().position(String::is_empty) {
        Some(class) => bail!("{}: class {class} has no name", path.display()),
        None => Ok(names),
    }
}

fn from_parquet(path: &Path, column: &str) -> Result<Vec<String>> {
    let rows = vismem_parquet::Table::open(path)?.rows(&[column])?;
    let label = |value| match value {
        Value::Text(text) => Ok(text),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Null => Ok(String::new()),
        _ => bail!("{}: the column {column} holds neither text nor integers", path.display()),
    };
    rows.map(|row| label(row?.swap_remove(0))).collect()
}

/// One label a line. Blank lines at the end do not count.
fn from_text(path: &Path) -> Result<Vec<String>> {
    let name = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let text = String::from_utf8(bytes).with_context(|| format!("{name}: is not UTF-8 text; save it as UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.trim_end().lines().map(|line| line.trim().to_owned()).collect())
}

fn from_npy(path: &Path) -> Result<Vec<String>> {
    let npy = npy::open(path)?;
    let name = path.display();
    ensure!(npy.shape().len() == 1, "{name}: has the shape {:?}; save labels as N, one for each row", npy.shape());
    let labels = match npy::scalar(&npy.dtype()) {
        Some((TypeChar::Int, 1)) => integers::<i8>(npy),
        Some((TypeChar::Int, 2)) => integers::<i16>(npy),
        Some((TypeChar::Int, 4)) => integers::<i32>(npy),
        Some((TypeChar::Int, 8)) => integers::<i64>(npy),
        Some((TypeChar::Uint, 1)) => integers::<u8>(npy),
        Some((TypeChar::Uint, 2)) => integers::<u16>(npy),
        Some((TypeChar::Uint, 4)) => integers::<u32>(npy),
        Some((TypeChar::Uint, 8)) => integers::<u64>(npy),
        Some((TypeChar::UnicodeStr | TypeChar::ByteStr, _)) => npy.into_vec::<String>(),
        _ => bail!("{name}: holds {}; save labels as integers or strings", npy.dtype().descr()),
    };
    labels.with_context(|| format!("cannot read {name}"))
}

fn integers<T: Deserialize + ToString>(npy: NpyFile<BufReader<File>>) -> io::Result<Vec<String>> {
    Ok(npy.into_vec::<T>()?.iter().map(T::to_string).collect())
}
