//! CSV manifests: `path,label[,source][,level...]`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use vismem::Taxonomy;

use super::LabelledPicture;
use super::dataset::{Dataset, Reader};
use super::table::{Row, Table};

/// Opens a manifest as a data set. Relative paths start at the manifest's folder. Unless levels are named, columns other
/// than `path`, `source` and the label's are levels of the taxonomy, the nearest to the label first.
pub fn open(file: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let reading = reader.reading;
    let table = Table::open(file)?;
    let name = table.name.clone();
    let path = table.column(reading.finding.image_column.as_deref().unwrap_or("path"))?;
    let label_column = reading.label_column.as_deref().unwrap_or("label");
    let label = reader.wants_labels().then(|| table.column(label_column)).transpose()?;
    let source = table.find("source");
    table.all_named()?;
    let is_level = |column: &usize| ![Some(path), label, source].contains(&Some(*column));
    let levels: Vec<usize> = match &reading.levels[..] {
        _ if !reader.wants_labels() => Vec::new(),
        [] => (0..table.header.len()).filter(is_level).collect(),
        named => named.iter().map(|level| table.column(level)).collect::<Result<_>>()?,
    };

    let mut taxonomy = Taxonomy {
        levels: levels.iter().map(|&level| table.header[level].to_owned()).collect(),
        ..Taxonomy::default()
    };
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut pictures = Vec::new();
    for row in table.rows() {
        let Row { line, fields } = row?;
        ensure!(!fields[path].is_empty(), "{name}, line {line}: the path is empty");
        let label = label.map_or("", |label| &fields[label]);
        ensure!(!reader.wants_labels() || !label.is_empty(), "{name}, line {line}: the label is empty");
        if !levels.is_empty() {
            let names: Vec<String> = levels.iter().map(|&level| fields[level].to_owned()).collect();
            taxonomy.insert(label, &names).with_context(|| {
                let levels = taxonomy.levels.join(", ");
                format!("{name}, line {line}, where these columns are levels of the taxonomy: {levels}")
            })?;
        }
        pictures.push(LabelledPicture {
            path: folder.join(&fields[path]),
            bytes: None,
            label: label.to_owned(),
            source: source.map(|source| fields[source].to_owned()).filter(|source| !source.is_empty()),
        });
    }
    ensure!(!pictures.is_empty(), "{name}: lists no pictures");
    Ok(Dataset::listed(pictures, taxonomy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::dataset::{Reading, Wanted};

    fn read_text(text: &str) -> Result<(Vec<LabelledPicture>, Taxonomy)> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.csv");
        std::fs::write(&file, text).unwrap();
        let mut dataset = open(&file, &Reader::new(&Reading::default(), Wanted::OneLabel)?)?;
        Ok((dataset.pictures.collect(), dataset.taxonomies.pop().unwrap_or_default()))
    }

    #[test]
    fn paths_labels_sources_and_levels_are_read() {
        let (pictures, taxonomy) =
            read_text("label,path,source,family\ncat,a.jpg,camera 1,mammal\ncat,/b.jpg,,mammal\n").unwrap();
        assert!(pictures[0].path.ends_with("a.jpg") && pictures[0].path.is_absolute());
        assert_eq!(pictures[0].source.as_deref(), Some("camera 1"));
        assert_eq!((pictures[1].path.to_str(), &pictures[1].source), (Some("/b.jpg"), &None));
        assert_eq!(taxonomy.levels, ["family"]);
        assert_eq!(taxonomy.labels["cat"], ["mammal"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, expected) in [
            ("file,label\nx,y\n", "no column path; its columns are file, label"),
            ("path,class\nx,y\n", "no column label"),
            ("path,label\n", "lists no pictures"),
            ("path,label\na,b\n,c\n", "line 3: the path is empty"),
            ("path,label\na,\n", "line 2: the label is empty"),
            ("path,label\na,b,c\n", "line 2: has 3 fields, the header has 2"),
            ("path,label,\na,b,c\n", "column 3 has no name"),
            ("path,label,label\na,b,c\n", "two columns are called \"label\""),
            ("path,label,family\na,cat,mammal\nb,cat,bird\n", "line 3"),
        ] {
            let error = format!("{:#}", read_text(text).unwrap_err());
            assert!(error.contains(expected), "{text:?} gave {error}");
        }
    }
}
