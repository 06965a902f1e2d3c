//! Folders that files are written into.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Makes a folder, if need be. A memory is none: files of other kinds would lie in it.
pub fn make(path: &Path) -> Result<()> {
    let name = path.display();
    ensure!(!path.join("catalog.sqlite").exists(), "{name}: is a memory; choose another folder for the files");
    std::fs::create_dir_all(path).with_context(|| format!("cannot make the folder {name}"))
}
