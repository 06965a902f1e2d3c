//! Files that a user names, opened without waiting: what is a pipe, a device or a folder is refused.

use std::fs::File;
use std::path::Path;

use crate::error::ReadError;
use crate::{Result, platform};

/// Opens a file and says how long it is. `wanted` is what the user should have given: `an archive`.
pub fn open(path: &Path, wanted: &'static str) -> Result<(File, u64)> {
    let file = platform::open_at_once(path).map_err(ReadError::io("read", path))?;
    let metadata = file.metadata().map_err(ReadError::io("read", path))?;
    match metadata.is_file() {
        true => Ok((file, metadata.len())),
        false => Err(ReadError::NotAFile { path: path.into(), wanted }),
    }
}
