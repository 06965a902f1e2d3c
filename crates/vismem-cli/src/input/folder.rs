//! Folders of pictures.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use vismem::Taxonomy;
use walkdir::WalkDir;

/// File names that are taken for pictures; what they are is decided by their content.
const EXTENSIONS: [&str; 9] = ["jpg", "jpeg", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff"];

/// All pictures below `folder`, sorted by path, so that every run sees the same order. Hidden files and folders are
/// left out; links are followed.
pub fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let visible =
        |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
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
                None => return Err(error).with_context(|| format!("cannot list {}", folder.display())),
            },
        }
    }
    anyhow::ensure!(
        !pictures.is_empty(),
        "{}: no pictures here (looked for {})",
        folder.display(),
        EXTENSIONS.join(", ")
    );
    Ok(pictures)
}

fn is_named_like_a_picture(path: &Path) -> bool {
    EXTENSIONS.iter().any(|known| super::has_extension(path, known))
}

/// The name of the folder that a picture lies in.
pub fn label_of(picture: &Path) -> Result<String> {
    let absolute = std::path::absolute(picture)?;
    let folder = absolute.parent().and_then(Path::file_name).context("lies in no folder that could name its label")?;
    let label = folder.to_str().context("its folder's name is not UTF-8 and cannot be a label; use --label")?;
    Ok(label.to_owned())
}

/// What the folders around the labels' folders say of the labels: the one next to the label's folder is its name at the
/// first of the `levels`, and so on up to `folder`, which says nothing itself.
pub fn taxonomy(folder: &Path, pictures: &[PathBuf], levels: &[String]) -> Result<Taxonomy> {
    let mut taxonomy = Taxonomy { levels: levels.to_vec(), ..Taxonomy::default() };
    for picture in pictures {
        let name = picture.display();
        let below = picture.strip_prefix(folder).ok().and_then(Path::parent);
        let mut folders: Vec<&str> = Vec::new();
        for part in below.into_iter().flat_map(Path::iter) {
            folders.push(part.to_str().with_context(|| format!("{name}: a folder's name is not UTF-8"))?);
        }
        folders.reverse();
        ensure!(
            folders.len() > levels.len(),
            "{name}: lies in {:?} of {}, too few folders for a label and the levels {}; name fewer levels, or a folder \
             further up",
            below.unwrap_or(Path::new("")),
            folder.display(),
            levels.join(", ")
        );
        let names: Vec<String> = folders[1..=levels.len()].iter().map(|&folder| folder.to_owned()).collect();
        taxonomy
            .insert(folders[0], &names)
            .with_context(|| format!("{name}, whose folders are levels of the taxonomy"))?;
    }
    Ok(taxonomy)
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
    fn folders_around_the_labels_are_levels() {
        let levels = ["family".to_owned(), "kingdom".to_owned()];
        let of = |paths: &[&str]| {
            let pictures: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            taxonomy(Path::new("data"), &pictures, &levels).map_err(|error| format!("{error:#}"))
        };
        let found = of(&["data/train/animals/felids/cat/1.png", "data/plants/beeches/oak/1.png"]).unwrap();
        assert_eq!(found.labels["cat"], ["felids", "animals"]);
        assert_eq!(found.labels["oak"], ["beeches", "plants"]);
        let shallow = of(&["data/felids/cat/1.png"]).unwrap_err();
        assert!(shallow.contains("lies in \"felids/cat\" of data") && shallow.contains("family, kingdom"), "{shallow}");
        let two = of(&["data/animals/felids/cat/1.png", "data/animals/pets/cat/2.png"]).unwrap_err();
        assert!(two.contains("pets/cat/2.png") && two.contains("is both"), "{two}");
    }

    #[test]
    fn a_folder_without_pictures_is_an_error_that_names_it() {
        let root = tempfile::tempdir().unwrap();
        let error = pictures(root.path()).unwrap_err().to_string();
        assert!(error.contains(root.path().to_str().unwrap()), "{error}");
    }
}
