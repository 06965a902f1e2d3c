//! What makes two encoders the same.

use std::fmt;
use std::fs::File;
use std::io;

use serde::Serialize;

use crate::error::LoadError;
use crate::head::Head;
use crate::model::Model;
use crate::runtime::Onnx;
use crate::views::Views;

/// Who computed an embedding. Embeddings can be compared if their encoders' hashes are equal, or differ for no other reason
/// than their [`Views`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Name for people.
    pub name: String,
    /// BLAKE3, in hex, over the model's bytes and the description of preprocessing, output, pooling and, where they are
    /// others than [`Views::One`], views. Neither the name nor the runtime is part of it.
    pub hash: String,
    /// Length of the embeddings.
    pub dim: usize,
    /// The description that was hashed, in words.
    pub description: String,
}

impl Identity {
    /// `bytes` is the hash of the model's bytes, see [`hash_of`].
    pub(crate) fn of(model: &Model, bytes: &blake3::Hash, head: &Head, dim: usize, views: Views) -> Self {
        let mut description =
            format!("{};output:{};pooling:{:?}", model.preprocessing().describe(), head.output, head.pooling);
        // The hashes of memories that are older than views stay as they are.
        if views != Views::One {
            description.push_str(&format!(";views:{views}"));
        }
        let mut all = blake3::Hasher::new();
        all.update(b"vismem encoder 1\n").update(bytes.as_bytes()).update(description.as_bytes());
        Self { name: model.name().to_owned(), hash: all.finalize().to_hex().to_string(), dim, description }
    }
}

/// BLAKE3 of a model's bytes.
pub(crate) fn hash_of(onnx: &Onnx) -> Result<blake3::Hash, LoadError> {
    let mut bytes = blake3::Hasher::new();
    match onnx {
        Onnx::Static(onnx) => drop(bytes.update(onnx)),
        Onnx::Files(files) => {
            for path in files.paths() {
                let hashed = File::open(path).and_then(|file| bytes.update_reader(file).map(drop));
                hashed.map_err(|source: io::Error| LoadError::Read { path: path.to_owned(), source })?;
            }
        }
    }
    Ok(bytes.finalize())
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, &self.hash[..12])
    }
}
