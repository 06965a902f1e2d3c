//! Folders that files are written into.

use std::path::Path;

use crate::error::WriteError;

/// Makes a folder, if need be. A memory is none: files of other kinds would lie in it.
///
/// # Errors
/// When it is a memory, or the file system refuses.
pub fn make(path: &Path) -> Result<(), WriteError> {
    if path.join("catalog.sqlite").exists() {
        return Err(WriteError::IsAMemory { path: path.into() });
    }
    std::fs::create_dir_all(path).map_err(WriteError::io("make the folder", path))
}
