//! CSV manifests: `path,label[,source][,level...]`.

use std::path::Path;

use vismem::Taxonomy;

use crate::Result;
use crate::csv_file::{CsvFile, Row};
use crate::dataset::{Dataset, Reader};
use crate::error::{At, ReadError};
use crate::picture::LabelledPicture;

/// Opens a manifest as a data set. Relative paths start at the manifest's folder. Unless levels are named, columns other
/// than `path`, `source` and the label's are levels of the taxonomy, the nearest to the label first.
pub(crate) fn open(file: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let reading = reader.reading;
    let table = CsvFile::open(file)?;
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
        if fields[path].is_empty() {
            return Err(ReadError::row(file, At::Line(line), "the path is empty"));
        }
        let label = label.map_or("", |label| &fields[label]);
        if reader.wants_labels() && label.is_empty() {
            return Err(ReadError::row(file, At::Line(line), "the label is empty"));
        }
        if !levels.is_empty() {
            let names: Vec<String> = levels.iter().map(|&level| fields[level].to_owned()).collect();
            let inserted = taxonomy.insert(label, &names);
            let at = || At::LineOfLevels(line, taxonomy.levels.clone());
            inserted.map_err(|error| ReadError::taxonomy(file, at())(error))?;
        }
        pictures.push(LabelledPicture {
            path: folder.join(&fields[path]),
            bytes: None,
            label: label.to_owned(),
            source: source.map(|source| fields[source].to_owned()).filter(|source| !source.is_empty()),
        });
    }
    if pictures.is_empty() {
        return Err(ReadError::nothing(file, "lists no pictures"));
    }
    Ok(Dataset::listed(pictures, taxonomy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Wanted;
    use crate::request::Reading;

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
