//! What a memory holds, in files that other programs read.

mod catalog;
mod embeddings;
mod neighbors;

use std::path::{Path, PathBuf};

use serde::Serialize;
use vismem::Memory;
use vismem_data::output_folder;
use vismem_models::Purpose;

pub use self::catalog::{CatalogFormat, CatalogRequest, catalog};
pub use self::embeddings::{EmbeddingsRequest, embeddings};
pub use self::neighbors::{NeighborsRequest, neighbors};
use crate::{Error, Observer, Result, Selection, held};

/// What was written; see `docs/json.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Exported {
    /// The memory.
    pub memory: String,
    /// How many exemplars were written.
    pub exemplars: usize,
    /// The memory's digest.
    pub digest: String,
    /// The files.
    pub files: Vec<String>,
}

impl Exported {
    fn new(memory: &Memory, exemplars: usize, files: &[PathBuf]) -> Self {
        Self {
            memory: memory.path().display().to_string(),
            exemplars,
            digest: memory.digest().to_string(),
            files: files.iter().map(|file| file.display().to_string()).collect(),
        }
    }
}

/// The ids that are to be exported: those selected, or all.
fn ids(memory: &Memory, selection: Option<&Selection>, observer: &mut dyn Observer) -> Result<Vec<u64>> {
    if memory.is_empty() {
        return Err(vismem::QueryError::Empty { path: memory.path().into() }.into());
    }
    let Some(selection) = selection else { return Ok(memory.ids()) };
    let ids = memory.select(&selection.selector(held(memory, Purpose::Queries), observer)?)?;
    if ids.is_empty() { Err(Error::NothingToExport) } else { Ok(ids) }
}

/// Tells how far it is. What is written of an export that is ended is not whole.
fn step(observer: &mut dyn Observer, done: usize, total: usize) -> Result<()> {
    match observer.step("exemplars", done as u64, Some(total as u64)) {
        std::ops::ControlFlow::Continue(()) => Ok(()),
        std::ops::ControlFlow::Break(()) => Err(Error::Cancelled),
    }
}

/// A file in a folder, which is made if need be.
fn file_in(folder: &Path, name: impl AsRef<Path>) -> Result<PathBuf> {
    output_folder::make(folder)?;
    Ok(folder.join(name))
}
