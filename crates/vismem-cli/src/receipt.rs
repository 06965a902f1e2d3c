//! Receipts as JSON; see docs/json.md.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use vismem::{Digest, Receipt};

/// A receipt as it is printed and kept in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    event: u64,
    exemplars: u64,
    selected_by: Vec<String>,
    before: String,
    after: String,
    at: i64,
    microseconds: u64,
    engine: String,
    hash: String,
}

impl From<&Receipt> for Document {
    fn from(receipt: &Receipt) -> Self {
        Self {
            event: receipt.event,
            exemplars: receipt.exemplars,
            selected_by: receipt.selected_by.clone(),
            before: receipt.before.to_string(),
            after: receipt.after.to_string(),
            at: receipt.at,
            microseconds: receipt.microseconds,
            engine: receipt.engine.clone(),
            hash: receipt.hash().to_string(),
        }
    }
}

/// Reads a receipt whose hash fits it.
pub fn read(file: &Path) -> Result<Receipt> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let document: Document =
        serde_json::from_str(&text).with_context(|| format!("{name}: is no receipt of `vismem forget --receipt`"))?;
    let digest = |text: &str| Digest::from_hex(text).with_context(|| format!("{name}: {text:?} is no digest"));
    let receipt = Receipt {
        event: document.event,
        exemplars: document.exemplars,
        selected_by: document.selected_by,
        before: digest(&document.before)?,
        after: digest(&document.after)?,
        at: document.at,
        microseconds: document.microseconds,
        engine: document.engine,
    };
    ensure!(
        digest(&document.hash)? == receipt.hash(),
        "{name}: was changed since it was made, its hash does not fit; use the receipt as `vismem forget` wrote it"
    );
    Ok(receipt)
}
