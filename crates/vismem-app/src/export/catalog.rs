//! What the memory knows of its exemplars, as a table.

use std::path::PathBuf;

use vismem::{Memory, Source, Stored};
use vismem_data::parquet::Kind;
use vismem_data::{Column, TableFormat, TableWriter};

use super::Exported;
use crate::{Observer, Result, Selection};

/// Rows that are written together.
const TOGETHER: usize = 16_384;

/// How the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogFormat {
    /// As programs read it.
    Table(TableFormat),
    /// As CSV in which a spreadsheet finds no formulas, see [`TableWriter::create_spreadsheet`].
    Spreadsheet,
}

/// Which table is to be written.
#[derive(Clone)]
pub struct CatalogRequest {
    /// The folder of the table, which is made if need be.
    pub output: PathBuf,
    /// How it is written.
    pub format: CatalogFormat,
    /// The exemplars; all without it.
    pub selection: Option<Selection>,
}

/// Writes ids, labels, levels of the taxonomy, sources, batches and attributes as a table, one row for each exemplar.
///
/// # Errors
/// When the memory is empty, nothing fits the selection, a file cannot be written, or the observer ends it.
pub fn catalog(memory: &Memory, request: &CatalogRequest, observer: &mut dyn Observer) -> Result<Exported> {
    let ids = super::ids(memory, request.selection.as_ref(), observer)?;
    let taxonomy = memory.taxonomy()?;
    let mut columns = vec![("id", Kind::Integer), ("label", Kind::Text)];
    columns.extend(taxonomy.levels.iter().map(|level| (level.as_str(), Kind::Text)));
    columns.extend([("source", Kind::Text), ("batch", Kind::Integer), ("content", Kind::Text)]);
    let attributes = memory.attributes()?;
    let names: Vec<String> = attributes.iter().map(|attribute| format!("attribute.{}", attribute.name)).collect();
    columns.extend(names.iter().zip(&attributes).map(|(name, attribute)| (&**name, Column::kind_of(attribute.kind))));
    let (mut table, path) = match request.format {
        CatalogFormat::Table(format) => {
            let path = super::file_in(&request.output, format.file_name("catalog"))?;
            (TableWriter::create(&path, format, &columns)?, path)
        }
        CatalogFormat::Spreadsheet => {
            let path = super::file_in(&request.output, TableFormat::Csv.file_name("catalog"))?;
            (TableWriter::create_spreadsheet(&path, &columns)?, path)
        }
    };
    for (number, part) in ids.chunks(TOGETHER).enumerate() {
        super::step(observer, number * TOGETHER, ids.len())?;
        let stored = memory.stored_all(part)?;
        let integers = |value: fn(&Stored<'_>) -> u64| stored.iter().map(|stored| value(stored) as i64).collect();
        let texts = |value: &dyn Fn(&Stored<'_>) -> Option<String>| Column::Texts(stored.iter().map(value).collect());
        let mut values =
            vec![Column::Integers(integers(|stored| stored.id)), texts(&|stored| Some(stored.label.clone()))];
        values.extend(
            (0..taxonomy.levels.len())
                .map(|level| texts(&|stored| Some(taxonomy.labels.get(&stored.label)?.get(level)?.clone()))),
        );
        values.extend([
            texts(&|stored| stored.source.as_ref().map(Source::to_string)),
            Column::Integers(integers(|stored| stored.batch)),
            texts(&|stored| Some(blake3::Hash::from_bytes(stored.content).to_hex().to_string())),
        ]);
        values.extend(attributes.iter().map(|attribute| {
            Column::of_attribute(attribute.kind, stored.iter().map(|stored| stored.attributes.get(&attribute.name)))
        }));
        table.write(&values)?;
    }
    table.finish()?;
    Ok(Exported::new(memory, ids.len(), &[path]))
}
