//! Which files of folders and archives are of interest: one rule for both.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use crate::picture::has_extension;
use crate::{archive, csv_file};

/// The kind under which hidden files and folders are counted.
pub(crate) const HIDDEN: &str = "hidden";

/// Names beside those that begin with a dot: what network drives, macOS and Windows keep for themselves.
const SYSTEM: [&str; 14] = [
    "@eadir",
    "@recycle",
    "@recently-snapshot",
    "#recycle",
    "#snapshot",
    "__macosx",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "thumbs.db",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "icon\r",
];

/// The longest end of a name that is a kind of its own, in bytes.
const LONGEST: usize = 16;

/// Whether files and folders of this name are passed over wherever they lie.
pub(crate) fn is_hidden(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    let is_system = || SYSTEM.iter().any(|system| bytes.eq_ignore_ascii_case(system.as_bytes()));
    (bytes.starts_with(b".") && !matches!(bytes, b"." | b"..")) || is_system()
}

/// The hidden file or folder that a path in an archive leads to or through, if it does: its beginning up to that.
pub(crate) fn hidden_part(path: &Path) -> Option<PathBuf> {
    let mut parts = path.components();
    let mut so_far = PathBuf::new();
    parts
        .any(|part| {
            so_far.push(part);
            matches!(part, Component::Normal(name) if is_hidden(name))
        })
        .then_some(so_far)
}

/// Whether a file of a folder is a data set of its own: an archive, or a table that may hold pictures.
pub(crate) fn is_shard(path: &Path) -> bool {
    archive::is_named_like_one(path) || has_extension(path, "parquet")
}

/// Whether a file may tell the labels of pictures that lie beside it.
pub(crate) fn is_table(path: &Path) -> bool {
    csv_file::is_named_like_one(path) || has_extension(path, "json") || has_extension(path, "jsonl")
}

/// The kind under which a file that is not read is counted.
pub(crate) fn ending(name: &Path) -> String {
    let Some(extension) = name.extension() else { return "without extension".into() };
    let mut ending = format!(".{}", extension.to_string_lossy().to_lowercase());
    let is_packed = ["bz2", "xz", "zst", "lz4", "lzma", "gz", "z"].contains(&&ending[1..]);
    if is_packed && name.file_stem().is_some_and(|stem| has_extension(stem.as_ref(), "tar")) {
        ending.insert_str(0, ".tar");
    }
    plain(ending)
}

/// An end of a name as a kind, if it is short and of plain characters.
pub(crate) fn plain(ending: String) -> String {
    let is_plain = ending.chars().all(|c| c.is_alphanumeric() || ['.', '_', '-'].contains(&c));
    if is_plain && ending.len() <= LONGEST { ending } else { "other".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_in_a_folder_is_hidden_in_an_archive() {
        for (path, hidden) in [
            ("photos/.thumbnails/t.png", Some("photos/.thumbnails")),
            ("photos/__MACOSX/cat/a.png", Some("photos/__MACOSX")),
            ("cat/@eaDir/1.png/thumb.jpg", Some("cat/@eaDir")),
            ("#recycle/1.png", Some("#recycle")),
            (".Trash-1000/files/old.png", Some(".Trash-1000")),
            ("cat/._1.png", Some("cat/._1.png")),
            ("cat/THUMBS.DB", Some("cat/THUMBS.DB")),
            ("./cat/1.png", None),
            ("../cat/1.png", None),
            ("a.b/c.png", None),
        ] {
            assert_eq!(hidden_part(Path::new(path)), hidden.map(PathBuf::from), "{path}");
        }
    }

    #[test]
    fn files_are_counted_by_the_end_of_their_names() {
        for (name, kind) in [
            ("x/1.PPM", ".ppm"),
            ("a.tar.BZ2", ".tar.bz2"),
            ("y.png.1", ".1"),
            ("9f8e", "without extension"),
            ("a.b\u{1b}[31m", "other"),
            ("a.an_end_that_goes_on_and_on", "other"),
        ] {
            assert_eq!(ending(Path::new(name)), kind);
        }
    }
}
