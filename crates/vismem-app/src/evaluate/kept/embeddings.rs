//! `cache/embeddings.f32`: embeddings of query pictures, since encoding takes longer than all that follows. For each picture
//! 32 bytes, BLAKE3 of its content, and its embedding, f32, little-endian.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use vismem::EncoderIdentity;

use super::{HASH, Hash, sealed, write_sealed};
use crate::Result;

/// Embeddings by the content of their pictures.
pub struct Embeddings {
    path: Option<PathBuf>,
    encoder: Hash,
    by_content: HashMap<Hash, Vec<f32>>,
}

impl Embeddings {
    /// What is kept in `output` for this encoder; nothing where no directory is given or the file is of another encoder.
    pub fn open(output: Option<&Path>, encoder: &EncoderIdentity) -> Self {
        let path = output.map(|output| output.join("cache").join("embeddings.f32"));
        let dim = encoder.dim;
        let encoder = *blake3::hash(format!("{} {dim}", encoder.hash).as_bytes()).as_bytes();
        let rows = path.as_deref().and_then(|path| sealed(path, &encoder));
        let row = |row: &[u8]| {
            let (content, values) = row.split_first_chunk::<HASH>()?;
            let values = values.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
            Some((*content, values.collect()))
        };
        let rows = rows.iter().flat_map(|rows| rows.chunks_exact(HASH + 4 * dim));
        Self { encoder, by_content: rows.filter_map(row).collect(), path }
    }

    /// The embedding of a picture with this content.
    pub fn get(&self, content: &Hash) -> Option<&[f32]> {
        self.by_content.get(content).map(Vec::as_slice)
    }

    /// Keeps more.
    pub fn add(&mut self, new: Vec<(Hash, Vec<f32>)>) -> Result<()> {
        let Some(path) = self.path.as_deref().filter(|_| !new.is_empty()) else { return Ok(()) };
        self.by_content.extend(new);
        let mut rows = Vec::new();
        for (content, embedding) in &self.by_content {
            rows.extend_from_slice(content);
            embedding.iter().for_each(|value| rows.extend(value.to_le_bytes()));
        }
        write_sealed(path, &self.encoder, rows)
    }
}
