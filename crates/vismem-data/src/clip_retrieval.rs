//! Embeddings in the layout of clip-retrieval: `img_emb/img_emb_0.npy` with `metadata/metadata_0.parquet`, and so on.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::error::ReadError;
use crate::parquet::{Kind, Table, Value};
use crate::picture::has_extension;

/// A file of embeddings and the table that says what its rows are.
#[derive(Debug, PartialEq, Eq)]
pub struct Shard {
    /// `.npy`, a row for each picture.
    pub embeddings: PathBuf,
    /// `.parquet`, a row for each picture.
    pub metadata: PathBuf,
}

/// Whether a folder has this layout.
pub fn is_one(folder: &Path) -> bool {
    folder.join("img_emb").is_dir() && folder.join("metadata").is_dir()
}

/// The shards of a folder, in the order of their numbers.
///
/// # Errors
/// When there are none, one has no number in its name, or its table is not there.
pub fn shards(folder: &Path) -> Result<Vec<Shard>> {
    let embeddings = numbered(&folder.join("img_emb"), "npy")?;
    let metadata = numbered(&folder.join("metadata"), "parquet")?;
    if embeddings.is_empty() {
        return Err(ReadError::nothing(&folder.join("img_emb"), "holds no .npy files"));
    }
    let shards = embeddings.into_iter().map(|(number, embeddings)| {
        let metadata = metadata.iter().find(|(other, _)| *other == number).map(|(_, path)| path.clone());
        let metadata = metadata.ok_or_else(|| {
            let wanted = folder.join("metadata").join(format!("metadata_{number}.parquet"));
            ReadError::content(&embeddings, format!("there is no {} for it", wanted.display()))
        })?;
        Ok(Shard { embeddings, metadata })
    });
    shards.collect()
}

/// The files of a kind by the number at the end of their names.
fn numbered(folder: &Path, extension: &str) -> Result<Vec<(u64, PathBuf)>> {
    let entries = std::fs::read_dir(folder).map_err(ReadError::io("list", folder))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(ReadError::io("list", folder))?.path();
        if !has_extension(&path, extension) {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let digits = stem.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        let Ok(number) = digits.parse() else {
            let what = format!("has no number at the end of its name, as {stem}_0.{extension} has");
            return Err(ReadError::content(&path, what));
        };
        found.push((number, path));
    }
    found.sort();
    Ok(found)
}

impl Shard {
    /// The paths of the pictures, where the metadata has them: its column `image_path`. `None` where it has no such
    /// column.
    ///
    /// # Errors
    /// When the metadata cannot be read.
    pub fn sources(&self) -> Result<Option<Vec<Option<String>>>> {
        let table = Table::open(&self.metadata)?;
        if table.find("image_path").and_then(|column| column.kind) != Some(Kind::Text) {
            return Ok(None);
        }
        let text = |value| match value {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        };
        let rows = table.rows(&["image_path"])?;
        rows.map(|row| Ok(text(row?.swap_remove(0)))).collect::<Result<_>>().map(Some)
    }
}
