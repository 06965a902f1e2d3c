use std::sync::atomic::{AtomicU64, Ordering};

/// Slots whose rows were compared with the catalogue, by any thread.
pub(crate) struct CheckedSlots(Vec<AtomicU64>);

impl CheckedSlots {
    /// None of so many slots.
    pub(crate) fn none(slots: usize) -> Self {
        Self((0..slots.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// The same, of a memory that has grown to so many slots.
    pub(crate) fn grown(&self, slots: usize) -> Self {
        let grown = Self::none(slots);
        for (to, from) in grown.0.iter().zip(&self.0) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        grown
    }

    // A bit says nothing of other memory, so that no order is asked for.
    pub(crate) fn contains(&self, slot: usize) -> bool {
        self.0[slot / 64].load(Ordering::Relaxed) & (1 << (slot % 64)) != 0
    }

    pub(crate) fn insert(&self, slot: usize) {
        self.0[slot / 64].fetch_or(1 << (slot % 64), Ordering::Relaxed);
    }
}
