//! What is kept in the directory of the results, so that it is not done again. It is no part of the memory: whoever deletes
//! the directory deletes it.

mod embeddings;
mod finished;
mod neighbors;

use std::path::Path;

pub use self::embeddings::Embeddings;
pub use self::finished::Finished;
pub use self::neighbors::Neighbors;
use crate::{IoContext, Result};

const HASH: usize = 32;
type Hash = [u8; HASH];

/// Writes a file that is there whole or not at all, and the folders above it.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let unfinished = path.with_file_name(name);
    let write = || {
        std::fs::create_dir_all(path.parent().unwrap_or(path))?;
        std::fs::write(&unfinished, content)?;
        std::fs::rename(&unfinished, path)
    };
    write().at("write", path)
}

/// Writes a document as [`write_whole`] does.
pub fn write_json(path: &Path, document: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_vec_pretty(document).map_err(std::io::Error::from).at("write", path)?;
    write_whole(path, &text)
}

/// Writes content that belongs to a key: 32 bytes for the key, the content, 32 bytes, BLAKE3 of all before.
fn write_sealed(path: &Path, key: &Hash, content: Vec<u8>) -> Result<()> {
    let mut bytes = [&key[..], &content].concat();
    let hash = blake3::hash(&bytes);
    bytes.extend_from_slice(hash.as_bytes());
    write_whole(path, &bytes)
}

/// The content of such a file, if it is there, whole, and belongs to the key.
fn sealed(path: &Path, key: &Hash) -> Option<Vec<u8>> {
    let mut bytes = std::fs::read(path).ok()?;
    let (content, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH)?)?;
    if !content.starts_with(key) || blake3::hash(content).as_bytes() != hash {
        return None;
    }
    bytes.truncate(bytes.len() - HASH);
    bytes.drain(..HASH);
    Some(bytes)
}
