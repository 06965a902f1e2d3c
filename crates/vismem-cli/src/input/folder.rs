//! Folders of pictures.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use vismem::Taxonomy;
use walkdir::{DirEntry, WalkDir};

use super::dataset::Dataset;
use super::{LabelledPicture, archive, has_extension};

/// File names that are taken for pictures; what they are is decided by their content. Those of the last three cannot be
/// read, but a telephone writes them, and to pass over them in silence would hide that.
const EXTENSIONS: [&str; 12] =
    ["jpg", "jpeg", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif"];

/// All pictures below `folder`, sorted by path, so that every run sees the same order. Hidden files and folders are
/// left out; links are followed.
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
                None => return Err(error).with_context(|| format!("cannot list {}", folder.display())),
            },
        }
    }
    ensure!(!pictures.is_empty(), "{}: no pictures here (looked for {})", folder.display(), EXTENSIONS.join(", "));
    Ok(pictures)
}

/// Archives and tables of pictures below `folder`, sorted by path; links and hidden files as for pictures.
pub fn shards(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible);
    let entries =
        entries.collect::<Result<Vec<_>, _>>().with_context(|| format!("cannot list {}", folder.display()))?;
    let is_shard = |path: &Path| archive::is_named_like_one(path) || has_extension(path, "parquet");
    Ok(entries.into_iter().map(DirEntry::into_path).filter(|path| is_shard(path) && path.is_file()).collect())
}

fn visible(entry: &DirEntry) -> bool {
    entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// Labels pictures with their folders, and these with the folders above. `levels` names the folders between `folder` and
/// the label's, as a path.
pub fn nested(folder: &Path, pictures: Vec<PathBuf>, levels: &str) -> Result<Dataset> {
    let mut taxonomy = Taxonomy { levels: levels.rsplit('/').map(str::to_owned).collect(), ..Taxonomy::default() };
    ensure!(
        taxonomy
            .levels
            .iter()
            .enumerate()
            .all(|(place, level)| !level.is_empty() && !taxonomy.levels[..place].contains(level)),
        "--nested {levels}: name each level once, as kingdom/family"
    );
    let expected = format!("{}/{levels}/LABEL/PICTURE", folder.display());
    let mut labelled = Vec::with_capacity(pictures.len());
    for path in pictures {
        let name = path.display();
        let above = path.strip_prefix(folder).unwrap_or(&path).parent().unwrap_or(Path::new(""));
        let mut names = above.iter().map(|name| name.to_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
        let names = names.as_mut().with_context(|| format!("{name}: a folder's name is not UTF-8"))?;
        names.reverse();
        ensure!(names.len() == taxonomy.levels.len() + 1, "{name}: lies in {} folders, not as {expected}", names.len());
        taxonomy.insert(&names[0], &names[1..]).with_context(|| name.to_string())?;
        labelled.push(LabelledPicture::file(path.clone(), names[0].clone()));
    }
    Ok(Dataset::listed(labelled, taxonomy))
}

pub fn is_named_like_a_picture(path: &Path) -> bool {
    EXTENSIONS.iter().any(|known| has_extension(path, known))
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
