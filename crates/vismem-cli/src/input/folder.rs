//! Folders of pictures.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
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
