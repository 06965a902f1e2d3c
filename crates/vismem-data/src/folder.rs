//! Folders of pictures.

use std::path::{Path, PathBuf};

use vismem::Taxonomy;
use walkdir::{DirEntry, WalkDir};

use crate::Result;
use crate::dataset::Dataset;
use crate::error::{At, Field, ReadError, Remedy};
use crate::picture::{LabelledPicture, PICTURE_EXTENSIONS, is_named_like_a_picture};

/// All pictures below `folder`, sorted by path, so that every run sees the same order. Hidden files and folders are
/// left out; links are followed.
///
/// # Errors
/// When there are none, or a folder cannot be listed.
pub fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut pictures = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible) {
        match entry {
            Ok(entry) if entry.file_type().is_file() && is_named_like_a_picture(entry.path()) => {
                pictures.push(entry.into_path());
            }
            Ok(_) => {}
            // A link to a picture that is gone fails as that picture, not the whole folder.
            Err(error) => match error.path().filter(|path| is_named_like_a_picture(path)) {
                Some(path) => pictures.push(path.to_owned()),
                None => return Err(cannot_list(folder, error)),
            },
        }
    }
    if pictures.is_empty() {
        let what = format!("no pictures here (looked for {})", PICTURE_EXTENSIONS.join(", "));
        return Err(ReadError::nothing(folder, what));
    }
    Ok(pictures)
}

/// All files below `folder`, sorted by path; links and hidden files as for pictures.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible);
    let entries = entries.collect::<std::result::Result<Vec<_>, _>>().map_err(|error| cannot_list(folder, error))?;
    Ok(entries.into_iter().map(DirEntry::into_path).filter(|path| path.is_file()).collect())
}

fn cannot_list(folder: &Path, error: walkdir::Error) -> ReadError {
    ReadError::io("list", folder)(error.into())
}

fn visible(entry: &DirEntry) -> bool {
    entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
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
        let names = above.iter().map(|name| name.to_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
        let mut names = names.ok_or_else(|| ReadError::content(&path, "a folder's name is not UTF-8"))?;
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
    let absolute = std::path::absolute(picture).map_err(ReadError::io("find", picture))?;
    let Some(folder) = absolute.parent().and_then(Path::file_name) else {
        return Err(ReadError::content(picture, "lies in no folder that could name its label"));
    };
    folder.to_str().map(str::to_owned).ok_or_else(|| ReadError::Content {
        path: picture.into(),
        what: "its folder's name is not UTF-8 and cannot be a label".into(),
        remedy: Some(Remedy::Say(Field::Label)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found_in_order_and_labelled_by_their_folder() {
        let root = tempfile::tempdir().unwrap();
        for name in ["b/2.JPG", "b/1.png", "a/deep/x.webp", "a/notes.txt", ".hidden/y.png", "b/.z.png"] {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
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
}
