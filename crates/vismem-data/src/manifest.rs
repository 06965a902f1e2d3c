//! CSV manifests: `path,label[,source][,split][,level...][,attribute...]`.

use std::path::Path;

use vismem::{Attributes, Taxonomy};

use crate::attributes::{self, Chosen};
use crate::csv_file::{CsvFile, Row};
use crate::dataset::{Dataset, Reader};
use crate::error::{At, Field, ReadError};
use crate::picture::LabelledPicture;
use crate::{Result, label};

/// The columns that may have the path of a picture; the second is what Hugging Face's `ImageFolder` calls it.
pub(crate) const PATHS: [&str; 2] = ["path", "file_name"];

/// Opens a manifest as a data set. Relative paths start at the manifest's folder. Columns that are named as levels are
/// those of the taxonomy; those without another meaning are attributes.
pub(crate) fn open(file: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let reading = reader.reading;
    reader.survey.apply(&[Field::LabelColumn, Field::Levels, Field::Attributes, Field::ImageColumn]);
    let table = CsvFile::open(file)?;
    let path = match &reading.finding.image_column {
        Some(column) => table.column(column)?,
        None => match PATHS.iter().find_map(|path| table.find(path)) {
            Some(path) => path,
            None => table.column_or(PATHS[0], Some(Field::ImageColumn))?,
        },
    };
    let label_column = reading.label_column.as_deref().unwrap_or("label");
    let unnamed = reading.label_column.is_none().then_some(Field::LabelColumn);
    let label = reader.wants_labels().then(|| table.column_or(label_column, unnamed)).transpose()?;
    let source = table.find("source");
    table.all_named()?;
    let levels: &[String] = if reader.wants_labels() { &reading.levels } else { &[] };
    let levels = levels.iter().map(|level| table.column(level)).collect::<Result<Vec<_>>>()?;
    let chosen = Chosen::of(reader);
    if let Chosen::Named(names) = &chosen {
        names.iter().try_for_each(|name| table.column(name).map(drop))?;
    }
    let has_meaning = |column: usize| [Some(path), label, source].contains(&Some(column)) || levels.contains(&column);
    let attributes = (0..table.header.len()).filter(|&column| chosen.wants(&table.header[column], has_meaning(column)));
    let attributes: Vec<usize> = attributes.collect();
    let names: Vec<String> = attributes.iter().map(|&column| table.header[column].to_owned()).collect();

    let mut taxonomy = Taxonomy {
        levels: levels.iter().map(|&level| table.header[level].to_owned()).collect(),
        ..Taxonomy::default()
    };
    let folder = file.parent().unwrap_or(Path::new(""));
    let (mut pictures, mut cells) = (Vec::new(), Vec::new());
    for row in table.rows() {
        let Row { line, fields } = row?;
        if fields[path].is_empty() {
            return Err(ReadError::row(file, At::Line(line), "the path is empty"));
        }
        let label = label.map_or(Ok(String::new()), |label| reader.classes.label(&fields[label], label_column));
        let label = label.map_err(|fault| ReadError::row(file, At::Line(line), fault.reason))?;
        if !levels.is_empty() {
            let names: Vec<String> = levels.iter().map(|&level| label::tidy(&fields[level])).collect();
            let inserted = taxonomy.insert(&label, &names);
            let at = || At::LineOfLevels(line, taxonomy.levels.clone());
            inserted.map_err(|error| ReadError::taxonomy(file, at())(error))?;
        }
        pictures.push(LabelledPicture {
            path: folder.join(&fields[path]),
            bytes: None,
            label,
            source: source.map(|source| fields[source].to_owned()).filter(|source| !source.is_empty()),
            attributes: Attributes::default(),
        });
        cells.push(attributes.iter().map(|&column| fields[column].to_owned()).collect());
    }
    if pictures.is_empty() {
        return Err(ReadError::nothing(file, "lists no pictures"));
    }
    for (picture, attributes) in pictures.iter_mut().zip(attributes::of_cells(&names, &cells, &reading.attribute_types))
    {
        picture.attributes = attributes;
    }
    Ok(Dataset::listed(pictures, taxonomy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Wanted;
    use crate::request::Reading;

    fn read_text(text: &str) -> Result<(Vec<LabelledPicture>, Taxonomy)> {
        read_with(text, &Reading { levels: vec!["family".into()], ..Reading::default() })
    }

    fn read_with(text: &str, reading: &Reading) -> Result<(Vec<LabelledPicture>, Taxonomy)> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.csv");
        std::fs::write(&file, text).unwrap();
        let mut dataset = open(&file, &Reader::new(reading, Wanted::OneLabel)?)?;
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
    fn further_columns_are_attributes_unless_some_are_chosen() {
        let text = "path,label,family,year,split\na.jpg,cat,mammal,2019,train\nb.jpg,cat,bird,,train\n";
        let read = |attributes: Option<&[&str]>| {
            let attributes = attributes.map(|names| names.iter().map(|&name| name.to_owned()).collect());
            let read = read_with(text, &Reading { attributes, ..Reading::default() });
            read.map(|(pictures, taxonomy)| {
                assert!(taxonomy.levels.is_empty(), "levels are named");
                pictures.iter().map(|picture| picture.attributes.to_string()).collect::<Vec<_>>()
            })
        };
        assert_eq!(read(None).unwrap(), ["family=mammal year=2019", "family=bird"]);
        assert_eq!(read(Some(&["year"])).unwrap(), ["year=2019", ""]);
        assert_eq!(read(Some(&["split"])).unwrap(), ["split=train", "split=train"]);
        assert_eq!(read(Some(&[])).unwrap(), ["", ""]);
        let error = read(Some(&["camera"])).unwrap_err().to_string();
        assert!(error.contains("has no column camera; its columns are path, label, family"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, expected) in [
            ("file,label\nx,y\n", "no column path; its columns are file, label"),
            ("path,class\nx,y\n", "no column label"),
            ("path,label\n", "lists no pictures"),
            ("path,label\na,b\n,c\n", "line 3: the path is empty"),
            ("path,label\na,\n", "line 2: has no label"),
            ("path,label\na,b,c\n", "line 2: has 3 fields, the header has 2"),
            ("path,label,\na,b,c\n", "column 3 has no name"),
            ("path,label,label\na,b,c\n", "two columns are called \"label\""),
            ("path,label,family\na,cat,mammal\nb,cat,bird\n", "line 3"),
        ] {
            let levels = if text.contains("family") { vec!["family".into()] } else { Vec::new() };
            let error = read_with(text, &Reading { levels, ..Reading::default() }).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?} gave {error}");
        }
    }
}
