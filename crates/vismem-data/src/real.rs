//! JSON of ReaL's kind ("Are we done with ImageNet?", Beyer et al. 2020): a list that has, for each picture in the order of
//! their file names, the list of its classes.

use std::path::{Path, PathBuf};

use vismem::Taxonomy;

use crate::dataset::{Dataset, Reader, Wanted};
use crate::error::{Field, ReadError, Remedy};
use crate::picture::LabelledPicture;
use crate::{Result, folder};

/// Whether these bytes, of JSON, may be of this kind: a list, where COCO has an object.
pub(crate) fn is_one(json: &[u8]) -> bool {
    json.trim_ascii_start().first() == Some(&b'[')
}

/// Opens such a file as a data set. As ground truth, pictures without a class are left out, as its authors do.
pub(crate) fn open(file: &Path, json: &[u8], reader: &Reader<'_>) -> Result<Dataset> {
    reader.survey.apply(&[Field::Images]);
    let what = "not a JSON list with the list of classes of each picture, as ReaL has it";
    let lists: Vec<Vec<i64>> = serde_json::from_slice(json).map_err(ReadError::kind(file, what))?;
    if lists.is_empty() {
        return Err(ReadError::nothing(file, "lists no pictures"));
    }
    let folder = match reader.folder_of_pictures(file) {
        here if here.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    };
    let paths = by_file_name(folder)?;
    if paths.len() != lists.len() {
        let (listed, folder, there) = (lists.len(), folder.display(), paths.len());
        return Err(ReadError::Content {
            path: file.into(),
            what: format!("has the classes of {listed} pictures, but {folder} has {there}"),
            remedy: Some(Remedy::Say(Field::Images)),
        });
    }
    let mut pictures = Vec::with_capacity(paths.len());
    for (path, classes) in paths.into_iter().zip(lists) {
        if !reader.wants_labels() {
            pictures.push(LabelledPicture::file(path, String::new()));
        } else if !(classes.is_empty() && reader.wanted == Wanted::AllLabels) {
            let labels = classes.into_iter().map(|number| reader.classes.class(number));
            let labels = labels.collect::<std::result::Result<Vec<_>, _>>();
            let labels = labels.map_err(|fault| ReadError::content(file, format!("{}: {fault}", path.display())))?;
            pictures.extend(reader.labelled(&path, &labels, file));
        }
    }
    if pictures.is_empty() {
        return Err(ReadError::nothing(file, "no picture has a class"));
    }
    Ok(Dataset::listed(pictures, Taxonomy::default()))
}

/// The pictures below a folder in the order of their file names, whatever folders they lie in.
fn by_file_name(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = folder::pictures(folder)?;
    paths.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    if let Some([one, other]) = paths.array_windows().find(|[one, other]| one.file_name() == other.file_name()) {
        let (one, other) = (one.display(), other.display());
        let what = format!("{one} and {other} have the same name, so that their order is not known");
        return Err(ReadError::content(folder, what));
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::Classes;
    use crate::request::Reading;

    /// The file name and label of a picture, or why there is none.
    type Told = (String, std::result::Result<String, String>);

    fn read(json: &str, names: &[&str], wanted: Wanted) -> Result<Vec<Told>> {
        let folder = tempfile::tempdir().unwrap();
        for path in ["b/1.jpg", "a/2.jpg", "b/3.jpg"] {
            std::fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(path), "").unwrap();
        }
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let reading = Reading::default();
        let reader = Reader { classes: Classes::new(names), ..Reader::new(&reading, wanted)? };
        let dataset = open(&folder.path().join("real.json"), json.as_bytes(), &reader)?;
        let told = dataset.pictures.map(|picture| {
            let label = picture.bytes.map_or(Ok(picture.label), |bytes| Err(bytes.unwrap_err().reason));
            (picture.path.file_name().unwrap().to_string_lossy().into_owned(), label)
        });
        Ok(told.collect())
    }

    fn named(name: &str, label: &str) -> Told {
        (name.to_owned(), Ok(label.to_owned()))
    }

    #[test]
    fn classes_belong_to_the_pictures_in_the_order_of_their_file_names() {
        let truth = read("[[1, 0], [], [1]]", &["oak", "lion"], Wanted::AllLabels).unwrap();
        assert_eq!(truth, [named("1.jpg", "lion"), named("1.jpg", "oak"), named("3.jpg", "lion")]);
        let unnamed = read("[[7], [8], [9]]", &[], Wanted::OneLabel).unwrap();
        assert_eq!(unnamed, [named("1.jpg", "7"), named("2.jpg", "8"), named("3.jpg", "9")]);
        let asked = read("[[7], [], [9]]", &[], Wanted::NoLabel).unwrap();
        assert_eq!(asked, [named("1.jpg", ""), named("2.jpg", ""), named("3.jpg", "")]);
    }

    #[test]
    fn a_picture_to_learn_has_one_class() {
        let pictures = read("[[1, 0], [], [1]]", &["oak", "lion"], Wanted::OneLabel).unwrap();
        let reason = |place: usize| pictures[place].1.clone().unwrap_err();
        assert!(reason(0).contains("several labels") && reason(0).contains("lion and oak"), "{}", reason(0));
        assert!(reason(1).contains("no label"), "{}", reason(1));
        assert_eq!(pictures[2], named("3.jpg", "lion"));
    }

    #[test]
    fn what_does_not_fit_the_pictures_or_names_is_refused() {
        let refused = |json: &str, names: &[&str]| format!("{:#}", read(json, names, Wanted::AllLabels).unwrap_err());
        assert!(refused("[[1], [2]]", &[]).contains("classes of 2 pictures, but"), "{}", refused("[[1], [2]]", &[]));
        let beyond = refused("[[0], [0], [5]]", &["oak"]);
        assert!(beyond.contains("3.jpg: its class 5 is not among the 1 class names"), "{beyond}");
        assert!(refused("[1, 2, 3]", &[]).contains("as ReaL has it"));
        assert!(refused("[[], [], []]", &[]).contains("no picture has a class"));
    }
}
