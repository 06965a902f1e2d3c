//! What the memory knows of its exemplars, as a table.

use std::path::PathBuf;

use vismem::{Memory, Selector, Source, Stored};
use vismem_data::parquet::Kind;
use vismem_data::{Column, TableFormat, TableWriter, hex};

use super::Exported;
use crate::{Observer, Result};

/// Rows that are written together.
const TOGETHER: usize = 16_384;

/// Which table is to be written.
#[derive(Debug, Clone)]
pub struct CatalogRequest {
    /// The folder of the table, which is made if need be.
    pub output: PathBuf,
    /// How it is written.
    pub format: TableFormat,
    /// The exemplars; all without it.
    pub selector: Option<Selector>,
}

/// Writes ids, labels, levels of the taxonomy, sources, batches and attributes as a table, one row for each exemplar.
///
/// # Errors
/// When the memory is empty, nothing fits the selector, a file cannot be written, or the observer ends it.
pub fn catalog(memory: &Memory, request: &CatalogRequest, observer: &mut dyn Observer) -> Result<Exported> {
    let ids = super::ids(memory, request.selector.as_ref())?;
    let taxonomy = memory.taxonomy()?;
    let mut columns = vec![("id", Kind::Integer), ("label", Kind::Text)];
    columns.extend(taxonomy.levels.iter().map(|level| (level.as_str(), Kind::Text)));
    columns.extend([("source", Kind::Text), ("batch", Kind::Integer), ("content", Kind::Text)]);
    let attributes = memory.attributes()?;
    let names: Vec<String> = attributes.iter().map(|attribute| format!("attribute.{}", attribute.name)).collect();
    columns.extend(names.iter().zip(&attributes).map(|(name, attribute)| (&**name, Column::kind_of(attribute.kind))));
    let path = super::file_in(&request.output, request.format.file_name("catalog"))?;
    let mut table = TableWriter::create(&path, request.format, &columns)?;
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
            texts(&|stored| Some(hex::encode(&stored.content))),
        ]);
        values.extend(attributes.iter().map(|attribute| {
            Column::of_attribute(attribute.kind, stored.iter().map(|stored| stored.attributes.get(&attribute.name)))
        }));
        table.write(&values)?;
    }
    table.finish()?;
    Ok(Exported::new(memory, ids.len(), &[path]))
}
