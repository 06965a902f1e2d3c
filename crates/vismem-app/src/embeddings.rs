//! Embeddings that are asked about.

use std::path::Path;

use vismem_data::Embeddings;
use vismem_data::embeddings::fault;

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
