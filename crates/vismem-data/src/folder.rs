//! Folders of pictures.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use vismem::Taxonomy;
use walkdir::{DirEntry, WalkDir};

use crate::dataset::{Dataset, Reader};
use crate::error::{At, Field, ReadError, Remedy};
use crate::file_kind::{self, HIDDEN};
use crate::picture::{self, LabelledPicture, PICTURE_EXTENSIONS, has_extension, is_named_like_a_picture};
use crate::survey::{About, Survey};
use crate::{Result, label};

/// What a folder holds, at any depth, in the order of paths.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub pictures: Vec<PathBuf>,
    /// Archives and tables that may hold pictures.
    pub shards: Vec<PathBuf>,
    /// Files that may tell the labels of the pictures.
    pub tables: Vec<PathBuf>,
    /// Files in which people outline what is in a picture: XML as Pascal VOC has it, text as YOLO has it.
    outlines: Vec<PathBuf>,
}

/// All pictures below `folder`, sorted by path, so that every run sees the same order. What is hidden, and what systems
/// keep for themselves, is left out; links are followed.
///
/// # Errors
/// When there are none, or a folder cannot be listed.
pub fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let pictures = list(folder, &Survey::default())?.pictures;
    if pictures.is_empty() { Err(nothing(folder)) } else { Ok(pictures) }
}

/// The files directly in `folder` that may tell the labels of many pictures: tables and JSON that are no companions of single
/// pictures. None where the folder cannot be listed.
pub fn label_tables(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut listing = Listing::default();
    for entry in entries.flatten().filter(|entry| !file_kind::is_hidden(&entry.file_name())) {
        if entry.path().is_file() {
            listing.add(entry.path(), &Survey::default());
        }
    }
    listing.tables_of_many(&listing.pictures).cloned().collect()
}

/// A folder has nothing that could be read.
pub(crate) fn nothing(folder: &Path) -> ReadError {
    ReadError::nothing(folder, format!("no pictures here (looked for {})", PICTURE_EXTENSIONS.join(", ")))
}

/// Lists a folder; what is passed over is counted.
pub(crate) fn list(folder: &Path, survey: &Survey) -> Result<Listing> {
    let mut listing = Listing::default();
    let is_of_interest = |entry: &DirEntry| {
        let hidden = entry.depth() > 0 && file_kind::is_hidden(entry.file_name());
        if hidden {
            survey.pass_over(HIDDEN);
        }
        !hidden
    };
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(is_of_interest) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => listing.add(entry.into_path(), survey),
            Ok(_) => {}
            // A link to a picture that is gone fails as that picture, not the whole folder.
            Err(error) => match error.path().filter(|path| is_named_like_a_picture(path)) {
                Some(path) => listing.pictures.push(path.to_owned()),
                None => return Err(ReadError::io("list", folder)(error.into())),
            },
        }
    }
    Ok(listing)
}

impl Listing {
    fn add(&mut self, path: PathBuf, survey: &Survey) {
        if is_named_like_a_picture(&path) {
            self.pictures.push(path);
        } else if file_kind::is_shard(&path) {
            self.shards.push(path);
        } else if file_kind::is_table(&path) {
            self.tables.push(path);
        } else {
            survey.pass_over(file_kind::ending(&path));
            if has_extension(&path, "xml") || has_extension(&path, "txt") {
                self.outlines.push(path);
            }
        }
    }

    /// Says that outlines were not read, where they have the names of pictures, wherever those lie.
    pub fn note_outlines(&self, survey: &Survey, pictures: &[PathBuf]) {
        let names: HashSet<&OsStr> = pictures.iter().filter_map(|picture| picture.file_stem()).collect();
        let is_of_picture = |path: &&PathBuf| path.file_stem().is_some_and(|stem| names.contains(stem));
        if let Some(first) = self.outlines.iter().find(is_of_picture) {
            survey.note(About::OutlinesNotRead, [], Some(first));
        }
    }

    /// Counts the tables as passed over, and says the first of those that are no companions of single pictures.
    pub fn pass_over_tables(&self, survey: &Survey, pictures: &[PathBuf]) {
        self.tables.iter().for_each(|table| survey.pass_over(file_kind::ending(table)));
        if let Some(table) = self.tables_of_many(pictures).next().filter(|_| !pictures.is_empty()) {
            survey.note(About::TableBesidePictures, [], Some(table));
        }
    }

    /// The tables that are no companions of single pictures.
    fn tables_of_many(&self, pictures: &[PathBuf]) -> impl Iterator<Item = &PathBuf> {
        let names: BTreeSet<PathBuf> = pictures.iter().map(|path| path.with_extension("")).collect();
        self.tables.iter().filter(move |table| !names.contains(&table.with_extension("")))
    }
}

/// Labels pictures with their folders.
pub(crate) fn labelled(root: &Path, pictures: Vec<PathBuf>, reader: &Reader<'_>) -> Result<Dataset> {
    note_doubtful(root, &pictures, &reader.survey);
    let labelled = pictures.into_iter().map(|path| {
        let label = label_of(&path)?;
        Ok(match reader.classes.label(label.as_str(), "label") {
            Ok(label) => LabelledPicture::file(path, label),
            Err(fault) => LabelledPicture::missing(path, fault),
        })
    });
    Ok(Dataset::listed(labelled.collect::<Result<_>>()?, Taxonomy::default()))
}

/// Says which folders may not be meant as labels, by where they lie.
fn note_doubtful(root: &Path, pictures: &[PathBuf], survey: &Survey) {
    let folders: BTreeSet<&Path> = pictures.iter().filter_map(|picture| picture.parent()).collect();
    let name = |folder: &Path| label_of(&folder.join("picture")).ok();
    if folders.contains(root) {
        let about = if folders.len() > 1 { About::PicturesAboveFolders } else { About::OneFlatFolder };
        survey.note(about, name(root), Some(root));
    }
    for folder in &folders {
        let above = folder.ancestors().skip(1).take_while(|above| *above != root);
        let outer = above.into_iter().find(|above| folders.contains(above));
        if let Some(labels) = outer.and_then(|outer| Some([name(folder)?, name(outer)?])) {
            survey.note(About::LabelWithinLabel, labels, Some(folder));
        }
    }
}

/// Labels pictures with their folders, and these with the folders above. `levels` names the folders between `folder` and
/// the label's, as a path.
pub(crate) fn nested(folder: &Path, pictures: Vec<PathBuf>, levels: &str) -> Result<Dataset> {
    let mut taxonomy = Taxonomy { levels: levels.rsplit('/').map(str::to_owned).collect(), ..Taxonomy::default() };
    let is_new = |(place, level): (usize, &String)| !level.is_empty() && !taxonomy.levels[..place].contains(level);
    if !taxonomy.levels.iter().enumerate().all(is_new) {
        let what =
            format!("its nested levels {levels} are not to be told apart; name each level once, as kingdom/family");
        return Err(ReadError::content(folder, what));
    }
    let expected = format!("{}/{levels}/LABEL/PICTURE", folder.display());
    let mut labelled = Vec::with_capacity(pictures.len());
    for path in pictures {
        let above = path.strip_prefix(folder).unwrap_or(&path).parent().unwrap_or(Path::new(""));
        let mut names = above.iter().map(|name| label_in(&path, name)).collect::<Result<Vec<_>>>()?;
        names.reverse();
        if names.len() != taxonomy.levels.len() + 1 {
            return Err(ReadError::content(&path, format!("lies in {} folders, not as {expected}", names.len())));
        }
        taxonomy.insert(&names[0], &names[1..]).map_err(ReadError::taxonomy(&path, At::Whole))?;
        labelled.push(LabelledPicture::file(path, names.swap_remove(0)));
    }
    Ok(Dataset::listed(labelled, taxonomy))
}

/// The name of the folder that a picture lies in.
///
/// # Errors
/// When it lies in none, or that is not UTF-8.
pub fn label_of(picture: &Path) -> Result<String> {
    let folder = picture.parent().unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let absolute = picture::absolute(folder).map_err(ReadError::io("find", picture))?;
    match absolute.file_name() {
        Some(name) => label_in(picture, name),
        None => Err(ReadError::content(picture, "lies in no folder that could name its label")),
    }
}

/// The label that is the name of a folder.
fn label_in(picture: &Path, name: &OsStr) -> Result<String> {
    let what = match name.to_str().map(label::tidy) {
        Some(label) if !label.is_empty() => return Ok(label),
        Some(_) => "its folder's name is blank and cannot be a label",
        None => "its folder's name is not UTF-8 and cannot be a label",
    };
    Err(ReadError::Content { path: picture.into(), what: what.into(), remedy: Some(Remedy::Say(Field::Label)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reading;
    use crate::survey::PassedOver;

    fn tree(names: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in names {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn pictures_are_found_in_order_and_labelled_by_their_folder() {
        let root = tree(&["b/2.JPG", "b/1.png", "a/deep/x.webp", "a/notes.txt", ".hidden/y.png", "b/.z.png"]);
        let found = pictures(root.path()).unwrap();
        let names: Vec<_> =
            found.iter().map(|path| path.strip_prefix(root.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a/deep/x.webp", "b/1.png", "b/2.JPG"]);
        let labels: Vec<_> = found.iter().map(|path| label_of(path).unwrap()).collect();
        assert_eq!(labels, ["deep", "b", "b"]);
    }

    #[test]
    fn a_folder_without_pictures_is_an_error_that_names_it() {
        let root = tempfile::tempdir().unwrap();
        let error = pictures(root.path()).unwrap_err().to_string();
        assert!(error.contains(root.path().to_str().unwrap()), "{error}");
    }

    #[test]
    fn what_is_passed_over_is_counted_by_kind() {
        let root = tree(&["a/1.png", "a/@eaDir/1.png/t.jpg", "a/@eaDir/2.png/t.jpg", "a/Thumbs.db", "a/x.psd", "a/y"]);
        let survey = Survey::default();
        assert_eq!(list(root.path(), &survey).unwrap().pictures.len(), 1);
        let of = |kind: &str, files| PassedOver { kind: kind.into(), files };
        assert_eq!(survey.passed_over(), [of(".psd", 1), of("hidden", 2), of("without extension", 1)]);
    }

    #[test]
    fn a_label_is_the_same_however_its_folder_is_reached() {
        let root = tree(&["cat/1.png", "dog/1.png"]);
        for way in ["cat/1.png", "dog/../cat/1.png", "cat/../cat/./1.png", "cat/../dog/../cat//1.png"] {
            assert_eq!(label_of(&root.path().join(way)).unwrap(), "cat", "{way}");
        }
    }

    #[test]
    fn folders_that_may_not_be_meant_as_labels_are_noted() {
        let notes = |names: &[&str]| {
            let root = tree(names);
            let survey = crate::open(&[root.path()], &Reading::default()).unwrap().survey;
            survey.notes().into_iter().map(|note| (note.about, note.labels)).collect::<Vec<_>>()
        };
        assert_eq!(notes(&["cat/1.png", "dog/1.png", "birds/owl/1.png"]), []);
        assert_eq!(
            notes(&["cat/1.png", "cat/close-up/deep/1.png"]),
            [(About::LabelWithinLabel, vec!["deep".to_owned(), "cat".to_owned()])]
        );
        assert_eq!(notes(&["1.png", "2.png"])[0].0, About::OneFlatFolder);
        assert_eq!(notes(&["1.png", "cat/2.png"])[0].0, About::PicturesAboveFolders);
    }
}
