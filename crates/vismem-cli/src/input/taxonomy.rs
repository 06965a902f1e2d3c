//! Taxonomies: a CSV whose first column is the label and whose other columns are the levels above it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use vismem::Taxonomy;

/// Reads a taxonomy.
pub fn read(file: &Path) -> Result<Taxonomy> {
    let name = file.display();
    let mut csv = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(file)
        .with_context(|| format!("cannot read {name}"))?;
    let header = csv.headers().with_context(|| format!("cannot read {name}"))?;
    ensure!(header.len() >= 2, "{name}: needs a column for the label and one for each level");
    ensure!(header.iter().all(|column| !column.is_empty()), "{name}: a column has no name; name or remove it");
    let levels = header.iter().skip(1).map(str::to_owned).collect();
    let mut taxonomy = Taxonomy { levels, ..Taxonomy::default() };
    for record in csv.records() {
        let record = record.with_context(|| format!("{name}: unreadable line"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let names: Vec<String> = record.iter().skip(1).map(str::to_owned).collect();
        taxonomy.insert(&record[0], &names).with_context(|| format!("{name}, line {line}"))?;
    }
    Ok(taxonomy)
}
