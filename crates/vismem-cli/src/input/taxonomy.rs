//! Taxonomies: a CSV whose first column is the label and whose other columns are the levels above it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use vismem::Taxonomy;

use super::table::Table;

/// Reads a taxonomy. Spaces around names do not count.
pub fn read(file: &Path) -> Result<Taxonomy> {
    of(Table::open(file)?)
}

/// Reads a taxonomy that a program wrote.
pub fn read_exactly(file: &Path) -> Result<Taxonomy> {
    of(Table::open_exactly(file)?)
}

fn of(table: Table) -> Result<Taxonomy> {
    let name = table.name.clone();
    ensure!(table.header.len() >= 2, "{name}: needs a column for the label and one for each level");
    table.all_named()?;
    let levels = table.header.iter().skip(1).map(str::to_owned).collect();
    let mut taxonomy = Taxonomy { levels, ..Taxonomy::default() };
    for row in table.rows() {
        let row = row?;
        let names: Vec<String> = row.fields.iter().skip(1).map(str::to_owned).collect();
        taxonomy.insert(&row.fields[0], &names).with_context(|| format!("{name}, line {}", row.line))?;
    }
    Ok(taxonomy)
}
