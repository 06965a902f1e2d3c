//! Taxonomies: a CSV whose first column is the label and whose other columns are the levels above it.

use std::path::Path;

use vismem::Taxonomy;

use crate::Result;
use crate::csv_file::CsvFile;
use crate::error::{At, ReadError};

/// Reads a taxonomy. Spaces around names do not count.
///
/// # Errors
/// When it cannot be read, has no levels, or contradicts itself.
pub fn read(file: &Path) -> Result<Taxonomy> {
    of(file, CsvFile::open(file)?)
}

/// Reads a taxonomy that a program wrote: spaces around names count.
///
/// # Errors
/// As [`read`].
pub fn read_exactly(file: &Path) -> Result<Taxonomy> {
    of(file, CsvFile::open_exactly(file)?)
}

fn of(file: &Path, table: CsvFile) -> Result<Taxonomy> {
    if table.header.len() < 2 {
        return Err(ReadError::content(file, "needs a column for the label and one for each level"));
    }
    table.all_named()?;
    let levels = table.header.iter().skip(1).map(str::to_owned).collect();
    let mut taxonomy = Taxonomy { levels, ..Taxonomy::default() };
    for row in table.rows() {
        let row = row?;
        let names: Vec<String> = row.fields.iter().skip(1).map(str::to_owned).collect();
        taxonomy.insert(&row.fields[0], &names).map_err(ReadError::taxonomy(file, At::Line(row.line)))?;
    }
    Ok(taxonomy)
}
