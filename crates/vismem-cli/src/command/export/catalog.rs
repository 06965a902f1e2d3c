//! What the memory knows of its exemplars, as a table.

use std::path::PathBuf;

use anyhow::Result;
use vismem::{Memory, Source, Stored};
use vismem_data::parquet::Kind;
use vismem_data::{Column, TableWriter};

use crate::args::ExportCatalog;
use crate::progress::Progress;

/// Rows that are written together.
const TOGETHER: usize = 16_384;

pub fn export(memory: &Memory, options: &ExportCatalog) -> Result<(usize, Vec<PathBuf>)> {
    let ids = super::ids(memory, &options.selection, &options.encoding)?;
    let taxonomy = memory.taxonomy()?;
    let mut columns = vec![("id", Kind::Integer), ("label", Kind::Text)];
    columns.extend(taxonomy.levels.iter().map(|level| (level.as_str(), Kind::Text)));
    columns.extend([("source", Kind::Text), ("batch", Kind::Integer), ("content", Kind::Text)]);
    let attributes = memory.attributes()?;
    let names: Vec<String> = attributes.iter().map(|attribute| format!("attribute.{}", attribute.name)).collect();
    columns.extend(names.iter().zip(&attributes).map(|(name, attribute)| (&**name, Column::kind_of(attribute.kind))));
    let format = vismem_data::TableFormat::from(options.table);
    let path = super::file_in(&options.output, format.file_name("catalog"))?;
    let mut table = TableWriter::create(&path, format, &columns)?;
    let mut progress = Progress::new(ids.len() as u64, "exemplars");
    for part in ids.chunks(TOGETHER) {
        let stored = super::stored(memory, part)?;
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
        progress.advance(part.len() as u64);
    }
    table.finish()?;
    Ok((ids.len(), vec![path]))
}
