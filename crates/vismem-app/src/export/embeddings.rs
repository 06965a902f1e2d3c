//! Everything that is needed to make the memory again.

use std::path::PathBuf;

use vismem::{Memory, Selector};
use vismem_data::TableFormat;
use vismem_data::embedding_folder::{Entry, FolderWriter};

use super::Exported;
use crate::{Observer, Result};

/// Exemplars that are read together.
const TOGETHER: usize = 1_000;

/// Which embeddings are to be written.
#[derive(Debug, Clone)]
pub struct EmbeddingsRequest {
    /// The folder, which is made if need be. What an export left there before is replaced.
    pub output: PathBuf,
    /// How the metadata is written.
    pub metadata: TableFormat,
    /// The exemplars; all without it.
    pub selector: Option<Selector>,
}

/// Writes embeddings as `.npy`, with labels, sources, attributes and taxonomy beside them: what
/// [`import`](crate::import::import()) reads.
///
/// # Errors
/// When the memory is empty, nothing fits the selector, a file cannot be written, or the observer ends it.
pub fn embeddings(memory: &Memory, request: &EmbeddingsRequest, observer: &mut dyn Observer) -> Result<Exported> {
    let ids = super::ids(memory, request.selector.as_ref())?;
    let mut folder = FolderWriter::create(&request.output, request.metadata, memory.encoder().dim, true)?;
    for part in ids.chunks(TOGETHER) {
        super::step(observer, folder.len(), ids.len())?;
        for stored in memory.stored_all(part)? {
            folder.push(&Entry {
                id: Some((stored.id, stored.batch)),
                label: &stored.label,
                source: stored.source.as_ref(),
                content: stored.content,
                attributes: &stored.attributes,
                embedding: stored.embedding,
            })?;
        }
    }
    let exemplars = folder.len();
    // Of a part, nobody knows the digest until it is a memory of its own.
    let digest = (exemplars == memory.len()).then(|| memory.digest());
    let files = folder.finish(memory.encoder(), digest, &memory.taxonomy()?)?;
    Ok(Exported::new(memory, exemplars, &files))
}
