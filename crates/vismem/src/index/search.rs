//! How neighbours are searched for: exactly, or by partitions.

use serde::Serialize;
use vismem_search::{Effort, Exact, Filter, Neighbor, Partitioned, Queries, Rows};

use crate::index::codes::CodeMap;
use crate::index::partitions::PartitionMap;
use crate::{Error, Memory, Result};

/// From so many exemplars on a search that need not be exact goes by partitions; an exact one of fewer takes a few
/// milliseconds.
#[allow(unexpected_cfgs, reason = "cargo-fuzz sets it")]
const LARGE: usize = if cfg!(any(test, fuzzing)) { 100 } else { 200_000 };
/// Below so many exemplars there are no partitions, whatever is asked for. Tests and fuzzing have small memories.
#[allow(unexpected_cfgs, reason = "cargo-fuzz sets it")]
const LEAST: usize = if cfg!(any(test, fuzzing)) { 32 } else { 1 << 13 };

/// How to search for neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Search {
    /// All exemplars count: the answer is proved to be that of comparing every one.
    Exact,
    /// By partitions where the memory is large (from 200,000 exemplars on) and `recall` is below 1, else exactly.
    Auto {
        /// The share of the nearest neighbours that must be found on average, within 0.5..=1.
        recall: f64,
    },
    /// By partitions, from 8,192 exemplars on.
    Partitioned {
        /// As for [`Search::Auto`].
        recall: f64,
    },
}

impl Search {
    /// The search itself, once its recall is known to make sense.
    ///
    /// # Errors
    /// When the recall is out of range.
    pub fn checked(self) -> Result<Self> {
        match self {
            Self::Auto { recall } | Self::Partitioned { recall } if !(0.5..=1.0).contains(&recall) => {
                Err(Error::Parameter { name: "recall", value: recall, range: "must be within 0.5..=1" })
            }
            fine => Ok(fine),
        }
    }

    /// The recall that partitions must have in a memory of so many exemplars; `None` to search exactly.
    fn recall_of_partitions(self, exemplars: usize) -> Option<f64> {
        match self {
            Self::Partitioned { recall } if exemplars >= LEAST => Some(recall),
            Self::Auto { recall } if exemplars >= LARGE => Some(recall),
            _ => None,
        }
        .filter(|recall| *recall < 1.0)
    }
}

/// The partitions of a memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartitionStats {
    /// How many there are.
    pub partitions: usize,
    /// How many exemplars were there when their centres were found.
    pub trained: u64,
    /// How many exemplars were forgotten since.
    pub forgotten_since: u64,
    /// How unevenly exemplars are spread: how many a query visits, over how many it would were all partitions of one
    /// size. 1 is the best.
    pub imbalance: f64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Distinct recalls that can be had at 100 neighbours, each as it was measured on exemplars that training had not
    /// seen, in increasing order.
    pub recalls: Vec<f64>,
}

impl Memory {
    /// The `k` nearest exemplars of each query, nearest first, or most of them where the search is not exact.
    ///
    /// # Errors
    /// As for [`Memory::nearest`].
    pub(crate) fn neighbors_by(
        &self,
        search: Search,
        queries: &[f32],
        k: usize,
        filter: Filter<'_>,
    ) -> Result<Vec<Vec<Neighbor>>> {
        let index = self.exact()?;
        let asked = Queries::new(queries, self.encoder().dim)?;
        let found = match self.partitions(search.checked()?, k) {
            Some((map, effort)) => {
                let index = Partitioned::new(index, map.codes(), &map.partitions, &map.directory)?;
                index.search(asked, k, filter, effort)?
            }
            None => self.with_codes(index)?.search(asked, k, filter)?,
        };
        let cited: Vec<(u64, usize)> = found.iter().flatten().map(|found| (found.id, found.slot as usize)).collect();
        self.unless_outdated(self.check_rows(&cited))?;
        Ok(found)
    }

    /// The recall that a search for `k` neighbours is expected to have: 1 where it is exact. It is measured when
    /// partitions are made, on exemplars that training had not seen. Makes partitions if need be, which takes a while.
    ///
    /// # Errors
    /// When a recall is out of range.
    pub fn expected_recall(&self, search: Search, k: usize) -> Result<f64> {
        let partitions = self.partitions(search.checked()?, k);
        let recall =
            |(map, _): (&PartitionMap, Effort)| Some(map.effort(k, search.recall_of_partitions(self.len())?)?.recall);
        Ok(partitions.and_then(recall).unwrap_or(1.0))
    }

    /// Whether this search will make partitions first, which takes a while.
    pub fn lacks_partitions(&self, search: Search) -> bool {
        search.recall_of_partitions(self.len()).is_some() && self.partition_map.get().is_none() && {
            let kept = PartitionMap::open(self);
            let lacks = kept.is_none();
            if kept.is_some() {
                let _ = self.partition_map.set(kept);
            }
            lacks
        }
    }

    /// Finds partitions anew, whatever there is; `false` where somebody is writing or the memory is too small.
    pub fn make_partitions(&self) -> bool {
        self.len() >= LEAST && PartitionMap::build(self).is_some()
    }

    /// What partitions there are, if any.
    pub fn partition_stats(&self) -> Option<PartitionStats> {
        PartitionMap::open(self).map(|map| map.stats())
    }

    /// Up to `count` exemplars, evenly spread over the memory: their ids, and their embeddings one after the other.
    pub fn sample(&self, count: usize) -> (Vec<u64>, Vec<f32>) {
        let live: Vec<usize> = (0..self.slots.ids.len()).filter(|&slot| !self.is_free(slot)).collect();
        let count = count.min(live.len());
        let slots = (0..count).map(|i| live[i * live.len() / count]);
        let (ids, rows): (Vec<u64>, Vec<&[f32]>) = slots.map(|slot| (self.slots.ids[slot], self.vector(slot))).unzip();
        (ids, rows.concat())
    }

    /// Bytes of embeddings and of the codes that exact search reads first.
    pub fn search_bytes(&self) -> (u64, u64) {
        let codes = std::fs::metadata(crate::index::codes::path(self.path())).map_or(0, |file| file.len());
        (size_of_val(self.vectors()) as u64, codes)
    }

    /// Partitions and effort for such a search; `None` to search exactly.
    fn partitions(&self, search: Search, k: usize) -> Option<(&PartitionMap, Effort)> {
        let recall = search.recall_of_partitions(self.len())?;
        let map = self.partition_map.get_or_init(|| PartitionMap::of(self)).as_ref()?;
        Some((map, map.effort(k, recall)?.effort))
    }

    /// Search that compares every exemplar.
    pub(crate) fn exact(&self) -> Result<Exact<'_>> {
        Ok(Exact::new(Rows::new(self.vectors(), &self.slots.ids, self.encoder().dim)?))
    }

    /// The same, by codes first where the memory is large.
    pub(crate) fn with_codes<'m>(&'m self, index: Exact<'m>) -> Result<Exact<'m>> {
        match self.codes.get_or_init(|| CodeMap::of(self)) {
            Some(map) => Ok(index.with_codes(map.codes())?),
            None => Ok(index),
        }
    }
}
