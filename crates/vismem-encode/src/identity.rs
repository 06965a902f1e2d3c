//! What makes two encoders the same.

use std::fmt;
use std::fs::File;
use std::io;

use serde::Serialize;

use crate::error::LoadError;
use crate::head::Head;
use crate::model::Model;
use crate::runtime::Onnx;

/// Who computed an embedding. Embeddings can be compared if and only if their encoders' hashes are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Name for people.
    pub name: String,
    /// BLAKE3, in hex, over the model's bytes and the description of preprocessing, output and pooling. Neither the
    /// name nor the runtime is part of it.
    pub hash: String,
    /// Length of the embeddings.
    pub dim: usize,
    /// The description that was hashed, in words.
    pub description: String,
}

impl Identity {
    pub(crate) fn of(model: &Model, onnx: &Onnx, head: &Head, dim: usize) -> Result<Self, LoadError> {
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
        let description =
            format!("{};output:{};pooling:{:?}", model.preprocessing().describe(), head.output, head.pooling);
        let mut all = blake3::Hasher::new();
        all.update(b"vismem encoder 1\n").update(bytes.finalize().as_bytes()).update(description.as_bytes());
        Ok(Self { name: model.name().to_owned(), hash: all.finalize().to_hex().to_string(), dim, description })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, &self.hash[..12])
    }
}
