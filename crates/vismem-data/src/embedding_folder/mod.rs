//! Folders of embeddings with all that a memory wants to know of them.
//!
//! | file | what |
//! |---|---|
//! | `embeddings.npy` | N × D, f32, of length 1 |
//! | `metadata.parquet` or `metadata.csv` | N rows in the same order, see `COLUMNS` |
//! | `taxonomy.csv` | levels above the labels, where there are some |
//! | `memory.json` | the encoder, how many there are, what they make; written last |

mod reader;
mod writer;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use reader::{Folder, Row};
pub use writer::{Entry, FolderWriter};

use crate::error::WriteError;
use crate::parquet::Kind;

const DESCRIPTION: &str = "memory.json";
const EMBEDDINGS: &str = "embeddings.npy";
const TAXONOMY: &str = "taxonomy.csv";

/// The columns of the metadata. The first two are there if the exemplars were in a memory.
const COLUMNS: [(&str, Kind); 6] = [
    ("id", Kind::Integer),
    ("batch", Kind::Integer),
    ("label", Kind::Text),
    // Nothing where there is no source, or where it is a path that is not UTF-8: then `source_bytes` has it, in
    // hexadecimal digits.
    ("source", Kind::Text),
    ("source_bytes", Kind::Text),
    // Hash of what the embedding was made from, in hexadecimal digits.
    ("content", Kind::Text),
];

/// `memory.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Description {
    /// Version of this layout.
    format: u32,
    engine: String,
    encoder: EncoderDescription,
    /// How many rows there are.
    pub exemplars: usize,
    /// The digest of a memory that holds these exemplars and no others.
    pub digest: Option<String>,
    /// Name of the table.
    metadata: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct EncoderDescription {
    name: String,
    hash: String,
    dim: usize,
}

/// The layout that is written and read.
const FORMAT: u32 = 1;

/// Whether there is such a folder.
pub fn is_one(path: &Path) -> bool {
    path.join(DESCRIPTION).is_file() && path.join(EMBEDDINGS).is_file()
}

impl Description {
    /// What made the embeddings.
    pub fn encoder(&self) -> vismem::EncoderIdentity {
        let EncoderDescription { name, hash, dim } = &self.encoder;
        vismem::EncoderIdentity { name: name.clone(), hash: hash.clone(), dim: *dim }
    }
}

/// Removes a file, if it is there.
fn remove(file: &Path) -> Result<(), WriteError> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(WriteError::io("replace", file)(error)),
        _ => Ok(()),
    }
}
