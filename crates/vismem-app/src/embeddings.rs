//! Embeddings that are asked about.

use std::path::{Path, PathBuf};

use vismem::Memory;
use vismem_data::embedding_folder::{Folder, Row};
use vismem_data::embeddings::fault;
use vismem_data::{Embeddings, has_extension};

use crate::{Error, Result};

/// That the rows of a file are as wide as embeddings of the memory.
pub fn checked_width(rows: Embeddings, path: &Path, held: usize) -> Result<Embeddings> {
    match rows.dim {
        dim if dim == held => Ok(rows),
        dim => Err(Error::Width { path: path.into(), dim, held }),
    }
}

/// All rows, one behind the other, each of which has a direction.
pub fn all(mut rows: Embeddings) -> Result<Vec<f32>> {
    let values = rows.next_rows(rows.rows)?;
    for (row, values) in values.chunks_exact(rows.dim).enumerate() {
        if let Some(fault) = fault(values) {
            return Err(Error::Row { row: rows.name_of(row), fault });
        }
    }
    Ok(values)
}

/// The file and the row that `FILE.npy#ROW` names; `None` for another name.
pub fn embedding_row(name: &Path) -> Option<(PathBuf, usize)> {
    let (file, row) = name.to_str()?.rsplit_once('#')?;
    let row = row.parse().ok()?;
    has_extension(Path::new(file), "npy").then(|| (file.into(), row))
}

/// One row of a file, which has a direction.
pub fn one(file: &Path, row: usize, held: usize) -> Result<Vec<f32>> {
    /// Rows that are passed over together.
    const TOGETHER: usize = 1024;
    let mut rows = checked_width(Embeddings::open(file)?, file, held)?;
    let name = rows.name_of(row);
    if row >= rows.rows {
        return Err(Error::Row { row: name, fault: "is not there: the file has fewer rows" });
    }
    for first in (0..row).step_by(TOGETHER) {
        rows.next_rows(TOGETHER.min(row - first))?;
    }
    let values = rows.next_rows(1)?;
    match fault(&values) {
        Some(fault) => Err(Error::Row { row: name, fault }),
        None => Ok(values),
    }
}

/// A row of a folder of embeddings.
pub struct Encoded {
    /// What it came from, or else the row as `FILE#ROW`.
    pub name: String,
    /// What it shows.
    pub label: String,
    /// Its values, or why it has no direction.
    pub embedding: std::result::Result<Vec<f32>, &'static str>,
}

/// The rows of a folder that `vismem encode` or an export wrote, of the encoder of a memory.
///
/// # Errors
/// When the folder cannot be read, or its embeddings are of another encoder.
pub fn encoded(folder: &Path, memory: &Memory) -> Result<Vec<Encoded>> {
    let mut read = Folder::open(folder)?;
    let (held, theirs) = (memory.encoder(), read.description.encoder());
    if !held.same(&theirs) {
        let (path, memory, offered) = (memory.path().into(), held.to_string(), theirs.to_string());
        return Err(vismem::EditError::Encoder { path, memory, offered }.into());
    }
    let rows = read.rows()?.collect::<std::result::Result<Vec<Row>, _>>()?;
    let Some(embeddings) = &mut read.embeddings else { return Ok(Vec::new()) };
    let (values, dim) = (embeddings.next_rows(embeddings.rows)?, embeddings.dim);
    let row = |(at, (values, row)): (usize, (&[f32], Row))| Encoded {
        name: row.source.map_or_else(|| embeddings.name_of(at), |source| source.to_string()),
        label: row.label,
        embedding: fault(values).map_or_else(|| Ok(values.to_vec()), Err),
    };
    Ok(values.chunks_exact(dim).zip(rows).enumerate().map(row).collect())
}
