//! Receipts in files; see docs/json.md.

use std::path::Path;

use anyhow::{Context, Result};
use vismem::Receipt;

/// Reads a receipt whose hash fits it.
pub fn read(file: &Path) -> Result<Receipt> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    serde_json::from_str(&text).with_context(|| format!("{name}: is no receipt of `vismem forget --receipt`"))
}
