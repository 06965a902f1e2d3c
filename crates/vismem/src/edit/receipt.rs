//! What a forget leaves in the hands of whoever asked for it.

use crate::store::catalog::Catalog;
use crate::store::event::{Event, EventKind};
use crate::{Digest, Memory, Result};

/// Says that something was forgotten, and nothing of what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// How a receipt and a memory go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptCheck {
    /// How many events came after it; their digests link the receipt's to the memory's own.
    pub later_events: u64,
    /// Why the receipt does not belong to this memory; `None` if it does.
    pub fault: Option<String>,
}

impl Receipt {
    pub(crate) fn new(event: Event, microseconds: u64) -> Self {
        let Event { id, kind: _, at, engine, exemplars, selected_by, before, after } = event;
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
