//! Files that a user names, opened without waiting: what is a pipe, a device or a folder is refused.

use std::fs::File;
use std::path::Path;

use crate::error::ReadError;
use crate::{Result, platform};

/// Opens a file and says how long it is. `wanted` is what the user should have given: `an archive`.
pub fn open(path: &Path, wanted: &'static str) -> Result<(File, u64)> {
    let opened = platform::open_regular(path).map_err(ReadError::io("read", path))?;
    opened.ok_or_else(|| ReadError::NotAFile { path: path.into(), wanted })
}
