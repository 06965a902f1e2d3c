//! What a forget leaves in the hands of whoever asked for it.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::error::Result;
use crate::store::catalog::Catalog;
use crate::store::event::{Event, EventKind};
use crate::{Digest, Memory};

/// Says that something was forgotten, and nothing of what it was.
///
/// Serialised, it has its `hash` beside its fields; what is read must fit its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "KeptReceipt", try_from = "KeptReceipt")]
pub struct Receipt {
    /// The event of the memory's log, which keeps all of this but `microseconds`.
    pub event: u64,
    /// How many exemplars were forgotten.
    pub exemplars: u64,
    /// Criteria by which they were selected, such as `label`.
    pub selected_by: Vec<String>,
    /// The memory's digest before.
    pub before: Digest,
    /// The memory's digest after.
    pub after: Digest,
    /// When, in seconds since 1970, UTC.
    pub at: i64,
    /// How long it took, from the request until nothing was left in any file.
    pub microseconds: u64,
    /// The engine that did it.
    pub engine: String,
}

/// A receipt as it is kept in a file, with its hash, for whoever tells a receipt that was changed from what is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptReceipt {
    event: u64,
    exemplars: u64,
    selected_by: Vec<String>,
    before: Digest,
    after: Digest,
    at: i64,
    microseconds: u64,
    engine: String,
    hash: Digest,
}

impl From<Receipt> for KeptReceipt {
    fn from(receipt: Receipt) -> Self {
        let hash = receipt.hash();
        let Receipt { event, exemplars, selected_by, before, after, at, microseconds, engine } = receipt;
        Self { event, exemplars, selected_by, before, after, at, microseconds, engine, hash }
    }
}

impl TryFrom<KeptReceipt> for Receipt {
    type Error = ChangedReceipt;

    fn try_from(kept: KeptReceipt) -> std::result::Result<Self, Self::Error> {
        let KeptReceipt { event, exemplars, selected_by, before, after, at, microseconds, engine, hash } = kept;
        let receipt = Self { event, exemplars, selected_by, before, after, at, microseconds, engine };
        if receipt.hash() == hash { Ok(receipt) } else { Err(ChangedReceipt) }
    }
}

/// The hash of a receipt does not fit the rest of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("was changed since it was made, its hash does not fit; use the receipt as it was written")]
pub struct ChangedReceipt;

/// How a receipt and a memory go together. Serialised, it says besides whether the receipt `belongs` to the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptCheck {
    /// How many events came after it; their digests link the receipt's to the memory's own.
    pub later_events: u64,
    /// Why the receipt does not belong to this memory; `None` if it does.
    pub fault: Option<String>,
}

impl ReceiptCheck {
    /// Whether the receipt belongs to the memory.
    pub fn belongs(&self) -> bool {
        self.fault.is_none()
    }
}

impl Serialize for ReceiptCheck {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut check = serializer.serialize_struct("ReceiptCheck", 3)?;
        check.serialize_field("belongs", &self.belongs())?;
        check.serialize_field("later_events", &self.later_events)?;
        check.serialize_field("fault", &self.fault)?;
        check.end()
    }
}

impl Receipt {
    pub(crate) fn new(event: Event, microseconds: u64) -> Self {
        let Event { id, kind: _, undid: _, at, engine, exemplars, selected_by, before, after } = event;
        Self { event: id, exemplars, selected_by, before, after, at, microseconds, engine }
    }

    /// BLAKE3 over all of it, so that a slip in copying it shows. It is no signature: whoever changes a receipt can
    /// compute it again.
    pub fn hash(&self) -> Digest {
        let Self { event, exemplars, selected_by, before, after, at, microseconds, engine } = self;
        let selected_by = selected_by.join(" ");
        let text = format!("{event}\n{exemplars}\n{selected_by}\n{before}\n{after}\n{at}\n{microseconds}\n{engine}\n");
        Digest(blake3::derive_key("vismem 2026-11 receipt", text.as_bytes()))
    }
}

impl Memory {
    /// Compares a receipt with the memory's log: it must be there, and the digests of all later events must lead from
    /// the receipt's to the one that the memory has now. [`crate::verify`] says whether that one is true to what the
    /// memory holds.
    pub fn check_receipt(&self, receipt: &Receipt) -> Result<ReceiptCheck> {
        self.readers.read(|catalog| catalog.check_receipt(receipt))
    }
}

impl Catalog {
    fn check_receipt(&self, receipt: &Receipt) -> Result<ReceiptCheck> {
        let events = self.events_from(receipt.event)?;
        let fault = match events.first() {
            Some(event) if event.id == receipt.event && event.kind == EventKind::Forget => {
                if Receipt::new(event.clone(), receipt.microseconds) == *receipt {
                    self.broken_chain(receipt.event)?
                } else {
                    Some(format!("the memory's log says otherwise of event {}", receipt.event))
                }
            }
            _ => Some(format!("the memory's log has no forget with the number {}", receipt.event)),
        };
        Ok(ReceiptCheck { later_events: events.len().saturating_sub(1) as u64, fault })
    }
}
