//! Folders with a table that says the labels of their pictures, as Hugging Face's `ImageFolder` has them: `metadata.csv`,
//! `metadata.jsonl` or `metadata.parquet` beside the pictures, with their paths in a column `file_name`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use vismem::Taxonomy;

use crate::csv_file::CsvFile;
use crate::dataset::{Dataset, Reader};
use crate::folder::Listing;
use crate::parquet::Table;
use crate::picture::{LabelledPicture, has_extension};
use crate::{Result, image_table, json_lines, manifest};

/// The column that makes a table such a one.
const FILE_NAME: &str = "file_name";

/// The pictures that such tables describe; they and the tables are taken out of the listing. A picture that lies where such
/// a table says the labels, and is not in it, fails as that picture: its folder is no label.
pub(crate) fn described(listing: &mut Listing, reader: &Reader<'_>) -> Result<Vec<Dataset>> {
    let mut parts = Vec::new();
    let tables = listing.tables.iter().chain(&listing.shards).filter(|path| is_metadata(path));
    for table in tables.cloned().collect::<Vec<_>>() {
        if !says_labels(&table, reader)? {
            continue;
        }
        let dataset = if has_extension(&table, "parquet") {
            image_table::open(&table, reader)?
        } else if has_extension(&table, "jsonl") {
            json_lines::open(&table, reader)?
        } else {
            manifest::open(&table, reader)?
        };
        let Dataset { pictures, taxonomies, unused_columns, .. } = dataset;
        let mut pictures: Vec<LabelledPicture> = pictures.collect();
        let named: HashSet<&Path> = pictures.iter().map(|picture| picture.path.as_path()).collect();
        let folder = table.parent().unwrap_or(Path::new(""));
        let (below, others): (Vec<PathBuf>, _) =
            std::mem::take(&mut listing.pictures).into_iter().partition(|picture| picture.starts_with(folder));
        let unnamed: Vec<PathBuf> = below.into_iter().filter(|picture| !named.contains(picture.as_path())).collect();
        let missing = |path| LabelledPicture::missing(path, format!("is not in {}", table.display()));
        pictures.extend(unnamed.into_iter().map(missing));
        listing.pictures = others;
        listing.tables.retain(|path| *path != table);
        listing.shards.retain(|path| *path != table);
        parts.push(Dataset { taxonomies, unused_columns, ..Dataset::listed(pictures, Taxonomy::default()) });
    }
    Ok(parts)
}

fn is_metadata(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "metadata")
        && ["csv", "jsonl", "parquet"].iter().any(|extension| has_extension(path, extension))
}

/// Whether a table has the paths of pictures and their labels. One without labels describes pictures that have the names of
/// their folders.
fn says_labels(table: &Path, reader: &Reader<'_>) -> Result<bool> {
    let label = reader.reading.label_column.as_deref().unwrap_or("label");
    Ok(if has_extension(table, "parquet") {
        let table = Table::open(table)?;
        table.find(FILE_NAME).is_some() && table.find(label).is_some()
    } else if has_extension(table, "jsonl") {
        let first = json_lines::first(table)?;
        first.is_some_and(|object| object.contains_key(FILE_NAME) && object.contains_key(label))
    } else {
        let table = CsvFile::open(table)?;
        table.find(FILE_NAME).is_some() && table.find(label).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reading;
    use crate::survey::About;

    type Outcome = std::result::Result<String, String>;

    fn read(files: &[(&str, &str)]) -> (Vec<(String, Outcome)>, Vec<About>) {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let dataset = crate::open(&[root.path()], &Reading::default()).unwrap();
        let survey = dataset.survey.clone();
        let outcome = |picture: LabelledPicture| {
            let name = picture.path.strip_prefix(root.path()).unwrap().display().to_string();
            let label = match picture.bytes {
                Some(Err(fault)) => Err(fault.reason.replace(root.path().to_str().unwrap(), "")),
                _ => Ok(format!("{} {}", picture.label, picture.attributes)),
            };
            (name, label)
        };
        let found = dataset.pictures.map(outcome).collect();
        (found, survey.notes().into_iter().map(|note| note.about).collect())
    }

    #[test]
    fn pictures_have_the_labels_of_the_table_beside_them_or_fail_but_never_that_of_the_folder() {
        let csv = "file_name,label,year\n1.png,cat,2020\nsub/2.png,dog,2021\n";
        let lines = "{\"file_name\": \"1.png\", \"label\": \"cat\", \"year\": 2020}\n\n\
            {\"file_name\": \"sub/2.png\", \"label\": \"dog\", \"year\": 2021}\n";
        for (name, table) in [("train/metadata.csv", csv), ("train/metadata.jsonl", lines)] {
            let files =
                [(name, table), ("train/1.png", ""), ("train/sub/2.png", ""), ("train/3.png", ""), ("bird/4.png", "")];
            let (found, notes) = read(&files);
            let expected = [
                ("train/1.png", Ok("cat year=2020".to_owned())),
                ("train/sub/2.png", Ok("dog year=2021".to_owned())),
                ("train/3.png", Err(format!("is not in /{name}"))),
                ("bird/4.png", Ok("bird ".to_owned())),
            ];
            assert_eq!(found, expected.map(|(name, label)| (name.to_owned(), label)));
            assert_eq!(notes, []);
        }
    }

    #[test]
    fn a_table_of_another_kind_beside_pictures_is_noted() {
        let (found, notes) = read(&[("labels.csv", "id,breed\n1,collie\n"), ("dog/1.png", "")]);
        assert_eq!(found, [("dog/1.png".to_owned(), Ok("dog ".to_owned()))]);
        assert_eq!(notes, [About::TableBesidePictures]);
    }

    #[test]
    fn outlines_of_what_is_in_pictures_are_no_labels_and_are_said_wherever_they_lie() {
        for files in [
            [("JPEGImages/1.jpg", ""), ("Annotations/1.xml", "<annotation/>")],
            [("images/1.jpg", ""), ("labels/1.txt", "0 0.5 0.5 0.1 0.1")],
        ] {
            assert!(read(&files).1.contains(&About::OutlinesNotRead), "{files:?}");
        }
        let others = [("cat/1.jpg", ""), ("cat/README.txt", "cats"), ("cat/pom.xml", "")];
        assert!(!read(&others).1.contains(&About::OutlinesNotRead));
    }
}
