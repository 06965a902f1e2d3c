//! Which exemplars neighbours are looked for among.

use std::collections::HashSet;

use vismem_search::{Filter, Neighbor, SlotSet};

use crate::error::Result;
use crate::{Memory, QueryError, Search, Selector};

/// What if only some exemplars were there. Every call works out which they are, in the state of the memory that it
/// answers from.
#[derive(Debug, Clone, PartialEq)]
pub enum Among {
    /// Only the exemplars with these ids. Ids that are not there do not matter.
    Only(Vec<u64>),
    /// All but the exemplars with these ids. Ids that are not there do not matter.
    Without(Vec<u64>),
    /// Only those that [`Memory::select`] finds.
    Selected(Selector),
}

/// How to look for neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeighborOptions<'a> {
    /// How many of each query, 1..=10,000; all of them where there are fewer.
    pub k: usize,
    /// Exactly, or by partitions.
    pub search: Search,
    /// Which exemplars may be found; `None` for all.
    pub among: Option<&'a Among>,
    /// For each query the id of an exemplar that it must not find, usually its own (leave-one-out).
    pub except: Option<&'a [u64]>,
}

impl Default for NeighborOptions<'_> {
    /// 20 neighbours, found exactly, of all that is there.
    fn default() -> Self {
        Self { k: 20, search: Search::Exact, among: None, except: None }
    }
}

impl Memory {
    /// The nearest exemplars of each query, nearest first. `queries` are `Q × D` values, each query of unit length (see
    /// [`crate::unit`]). Among nothing, nothing is found.
    ///
    /// # Errors
    /// When `k`, a recall or a dimension is out of range, what is selected is not there, or a row that would be cited is
    /// damaged.
    pub fn nearest(&self, queries: &[f32], options: &NeighborOptions<'_>) -> Result<Vec<Vec<Neighbor>>, QueryError> {
        let allowed = options.among.map(|among| self.slots_among(among)).transpose()?;
        let filter = Filter { allowed: allowed.as_ref(), except: options.except };
        self.neighbors_by(options.search, queries, options.k, filter)
    }

    /// The slots of these exemplars.
    ///
    /// # Errors
    /// As [`Memory::select`], where they are selected.
    pub(crate) fn slots_among(&self, among: &Among) -> Result<SlotSet, QueryError> {
        let selected;
        let (ids, keeps) = match among {
            Among::Only(ids) => (ids, true),
            Among::Without(ids) => (ids, false),
            Among::Selected(selector) => {
                selected = self.select(selector)?;
                (&selected, true)
            }
        };
        let ids: HashSet<u64> = ids.iter().copied().collect();
        let is_meant = |slot: &usize| !self.is_free(*slot) && ids.contains(&self.slots.ids[*slot]) == keeps;
        Ok((0..self.slots.ids.len()).filter(is_meant).collect())
    }
}
