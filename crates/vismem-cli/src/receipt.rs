//! Receipts in files; see docs/json.md.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use vismem::{ChangedReceipt, KeptReceipt, Receipt};

/// Reads a receipt whose hash fits it.
pub fn read(file: &Path) -> Result<Receipt> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let kept: KeptReceipt =
        serde_json::from_str(&text).with_context(|| format!("{name}: is no receipt of `vismem forget --receipt`"))?;
    Receipt::try_from(kept).map_err(|ChangedReceipt| {
        anyhow!(
            "{name}: was changed since it was made, its hash does not fit; use the receipt as `vismem forget` wrote it"
        )
    })
}
