//! Checking the files of a memory, and receipts.

use std::path::Path;

use serde::Serialize;
use vismem::{ChangedReceipt, KeptReceipt, Memory, Receipt, ReceiptCheck, Verification};

use crate::evaluate::left_beside;
use crate::{IoContext, ReceiptError, Result};

/// What checking a memory came to.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// The memory.
    pub memory: String,
    /// What was found in its files.
    #[serde(flatten)]
    pub verification: Verification,
    /// Whether the receipt belongs to it; `None` without one, or where the memory cannot be read.
    pub receipt: Option<ReceiptCheck>,
}

/// Checks every file of the memory against its catalogue, whether a killed evaluation left a copy of it, and whether a receipt belongs to it.
///
/// # Errors
/// When there is no memory, or the receipt cannot be read.
pub fn verify(memory: &Path, receipt: Option<&Path>) -> Result<Verified> {
    let receipt = receipt.map(read_receipt).transpose()?;
    let mut verification = vismem::verify(memory)?;
    verification.faults.extend(left_beside(memory)?);
    // A memory that cannot be read has no log either.
    let receipt =
        receipt.filter(|_| verification.digest.is_some()).map(|receipt| Memory::open(memory)?.check_receipt(&receipt));
    let receipt = receipt.transpose().or_else(|error: vismem::StoreError| match error {
        vismem::StoreError::Damaged { .. } => Ok(None),
        error => Err(error),
    })?;
    Ok(Verified { memory: memory.display().to_string(), verification, receipt })
}

/// Reads a receipt whose hash fits it.
fn read_receipt(file: &Path) -> Result<Receipt> {
    let text = std::fs::read_to_string(file).at("read", file)?;
    let kept: KeptReceipt =
        serde_json::from_str(&text).map_err(|source| ReceiptError::NotOne { path: file.into(), source })?;
    let changed = |ChangedReceipt| ReceiptError::Changed { path: file.into() };
    Ok(Receipt::try_from(kept).map_err(changed)?)
}
