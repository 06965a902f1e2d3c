//! Everything that `vismem import` needs to make the memory again.

use std::path::PathBuf;

use anyhow::Result;
use vismem::Memory;
use vismem_data::embedding_folder::{Entry, FolderWriter};

use crate::args::ExportEmbeddings;
use crate::progress::Progress;

pub fn export(memory: &Memory, options: &ExportEmbeddings) -> Result<(usize, Vec<PathBuf>)> {
    let ids = super::ids(memory, &options.selection, &options.encoding)?;
    let mut folder = FolderWriter::create(&options.output, options.metadata.into(), memory.encoder().dim, true)?;
    let mut progress = Progress::new(ids.len() as u64, "exemplars");
    for part in ids.chunks(1_000) {
        for stored in super::stored(memory, part)? {
            folder.push(&Entry {
                id: Some((stored.id, stored.batch)),
                label: &stored.label,
                source: stored.source.as_ref(),
                content: stored.content,
                attributes: &stored.attributes,
                embedding: stored.embedding,
            })?;
            progress.advance(1);
        }
    }
    let exemplars = folder.len();
    // Of a part, nobody knows the digest until it is a memory of its own.
    let digest = (exemplars == memory.len()).then(|| memory.digest());
    let files = folder.finish(memory.encoder(), digest, &memory.taxonomy()?)?;
    Ok((exemplars, files))
}
