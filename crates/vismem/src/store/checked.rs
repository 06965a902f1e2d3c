use std::sync::atomic::{AtomicU64, Ordering};

/// Slots whose rows were compared with the catalogue, by any thread.
pub(crate) struct CheckedSlots(Vec<AtomicU64>);

impl CheckedSlots {
    /// None of so many slots.
    pub(crate) fn none(slots: usize) -> Self {
        Self((0..slots.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// The same but for slots that hold others now.
    pub(crate) fn after(&self, before: &[u64], now: &[u64]) -> Self {
        let after = Self::none(now.len());
        for (to, from) in after.0.iter().zip(&self.0) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        let others = before.iter().zip(now).enumerate().filter(|(_, (before, now))| before != now);
        others.for_each(|(slot, _)| after.remove(slot));
        after
    }

    // A bit says nothing of other memory, so that no order is asked for.
    pub(crate) fn contains(&self, slot: usize) -> bool {
        self.0[slot / 64].load(Ordering::Relaxed) & (1 << (slot % 64)) != 0
    }

    fn remove(&self, slot: usize) {
        self.0[slot / 64].fetch_and(!(1 << (slot % 64)), Ordering::Relaxed);
    }

    pub(crate) fn insert(&self, slot: usize) {
        self.0[slot / 64].fetch_or(1 << (slot % 64), Ordering::Relaxed);
    }
}
