//! What users bring: folders, manifests, archives, tables, embeddings.

mod archive;
pub mod clip_retrieval;
mod coco;
pub mod dataset;
pub mod embeddings;
pub mod folder;
pub mod inside;
pub mod labels;
pub mod manifest;
mod npy;
mod parquet;
mod real;
pub mod table;
pub mod taxonomy;

use std::io;
use std::path::{Path, PathBuf};

use vismem::Source;
use vismem_encode::{Input, Picture};

/// A picture that is to be read, with what the user said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledPicture {
    /// Its file; or what holds it and its name there: `shard.tar#cat/1.jpg`, `train.parquet#17`.
    pub path: PathBuf,
    /// Its bytes, if it has no file of its own; or why there are none.
    pub bytes: Option<Result<Vec<u8>, String>>,
    pub label: String,
    /// Instead of the path.
    pub source: Option<String>,
}

impl LabelledPicture {
    /// A picture in a file of its own.
    pub fn file(path: PathBuf, label: String) -> Self {
        Self { path, bytes: None, label, source: None }
    }

    /// Something that was to be a picture, and why it is none.
    pub fn missing(path: PathBuf, reason: String) -> Self {
        Self { path, bytes: Some(Err(reason)), label: String::new(), source: None }
    }

    /// Where it comes from; a path is absolute, so that the picture is found again from wherever the memory is asked.
    pub fn source(&self) -> io::Result<Source> {
        match &self.source {
            Some(source) => Ok(Source::from(source)),
            None => std::path::absolute(&self.path).map(Source::from),
        }
    }
}

impl Input for LabelledPicture {
    fn picture(&self) -> Picture<'_> {
        match &self.bytes {
            None => Picture::File(&self.path),
            Some(Ok(bytes)) => Picture::Bytes(&self.path, bytes),
            Some(Err(reason)) => Picture::Missing(&self.path, reason),
        }
    }

    fn release(&mut self) {
        if let Some(Ok(bytes)) = &mut self.bytes {
            *bytes = Vec::new();
        }
    }
}

/// Whether the file name ends in `.extension`, whatever its case.
pub fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}
