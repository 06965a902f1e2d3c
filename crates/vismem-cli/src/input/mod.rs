//! What users bring: folders, manifests, embeddings.

pub mod embeddings;
pub mod folder;
pub mod labels;
pub mod manifest;
mod npy;
pub mod table;
pub mod taxonomy;

use std::path::{Path, PathBuf};

/// A picture that is to be read, with what the user said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledPicture {
    pub path: PathBuf,
    pub label: String,
    /// Instead of the path.
    pub source: Option<String>,
}

impl AsRef<Path> for LabelledPicture {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// Whether the file name ends in `.extension`, whatever its case.
pub fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}
