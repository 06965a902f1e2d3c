//! Exemplars drawn at random, by their content alone: the same ones whatever the order in which they came.

use std::collections::BinaryHeap;

use crate::error::Result;
use crate::store::catalog::Hashes;
use crate::{Label, Memory};

impl Memory {
    /// Up to `count` of the exemplars whose labels are kept, drawn at random: those whose embeddings have the smallest hashes.
    /// Their ids, in the order of the hashes.
    ///
    /// # Errors
    /// When the catalogue cannot be read or is damaged, and [`crate::StoreError::Outdated`].
    pub fn sample_by_content(&self, count: usize, keep: impl Fn(&Label) -> bool) -> Result<Vec<u64>> {
        let hashes = self.smallest_hashes(count, |slot| keep(self.slots.label(slot)))?;
        Ok(hashes.into_iter().map(|exemplar| exemplar.id).collect())
    }

    /// The exemplars in kept slots with the smallest hashes, in their order.
    pub(crate) fn smallest_hashes(&self, count: usize, keep: impl Fn(usize) -> bool) -> Result<Vec<Hashes>> {
        let mut smallest = BinaryHeap::new();
        for part in self.parts() {
            let mut some = self.read(|catalog| catalog.hashes_within(&part.within))?;
            some.retain(|exemplar| self.slots.ids.get(exemplar.slot) == Some(&exemplar.id));
            self.check_part(&part, some.iter().map(|exemplar| exemplar.id))?;
            for exemplar in some.into_iter().filter(|exemplar| keep(exemplar.slot)) {
                smallest.push(exemplar);
                if smallest.len() > count {
                    smallest.pop();
                }
            }
        }
        Ok(smallest.into_sorted_vec())
    }
}
