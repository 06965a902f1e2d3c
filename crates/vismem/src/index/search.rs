//! How neighbours are searched for: exactly, or by partitions.

use std::sync::Arc;

use vismem_search::{Exact, Filter, Neighbor, Partitioned, Queries, Rows, SearchParams};

use crate::error::Result;
use crate::index::partitions::PartitionMap;
use crate::{Memory, ParameterError, QueryError};

/// From so many exemplars on a search that need not be exact goes by partitions; an exact one of fewer takes a few
/// milliseconds.
#[allow(unexpected_cfgs, reason = "cargo-fuzz sets it")]
pub(crate) const LARGE: usize = if cfg!(any(test, fuzzing)) { 100 } else { 200_000 };
/// Below so many exemplars there are no partitions, whatever is asked for. Tests and fuzzing have small memories.
#[allow(unexpected_cfgs, reason = "cargo-fuzz sets it")]
pub(crate) const LEAST: usize = if cfg!(any(test, fuzzing)) { 32 } else { 1 << 13 };

/// How to search for neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Search {
    /// All exemplars count: the answer is proved to be that of comparing every one. Faster where the memory has codes.
    Exact,
    /// By partitions where the memory has some, is large (from 200,000 exemplars on) and `recall` is below 1, else exactly.
    Auto {
        /// The share of the nearest neighbours that must be found on average, within 0.5..=1.
        recall: f64,
    },
    /// By partitions where the memory has some, which it can from 8,192 exemplars on, else exactly.
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
    pub fn checked(self) -> Result<Self, ParameterError> {
        match self {
            Self::Auto { recall } | Self::Partitioned { recall } if !(0.5..=1.0).contains(&recall) => {
                Err(ParameterError { name: "recall", value: recall, range: "must be within 0.5..=1" })
            }
            fine => Ok(fine),
        }
    }

    /// The recall that partitions must have in a memory of so many exemplars; `None` to search exactly.
    pub(crate) fn recall_of_partitions(self, exemplars: usize) -> Option<f64> {
        match self {
            Self::Partitioned { recall } if exemplars >= LEAST => Some(recall),
            Self::Auto { recall } if exemplars >= LARGE => Some(recall),
            _ => None,
        }
        .filter(|recall| *recall < 1.0)
    }
}

/// The partitions of a memory.
#[derive(Debug, Clone, PartialEq)]
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
    /// The `k` nearest exemplars of each query, nearest first, exactly or most of them, as `search` says. `queries` holds
    /// embeddings of unit length, one after the other.
    ///
    /// # Errors
    /// When `k` or a recall is out of range, the queries are not embeddings of the memory's encoder, or the memory cannot
    /// be read.
    pub fn neighbors_by(
        &self,
        search: Search,
        queries: &[f32],
        k: usize,
        filter: Filter<'_>,
    ) -> Result<Vec<Vec<Neighbor>>, QueryError> {
        let index = self.exact()?;
        let asked = Queries::new(queries, self.encoder().dim)?;
        let found = match self.partitions(search.checked()?, k) {
            Some((map, params)) => {
                let index = Partitioned::new(index, map.codes(), &map.partitions, &map.directory)?;
                index.search(asked, k, filter, params)?
            }
            None => match self.indexes.codes(self) {
                Some(codes) => index.with_codes(codes.codes())?.search(asked, k, filter)?,
                None => index.search(asked, k, filter)?,
            },
        };
        let cited: Vec<(u64, usize)> = found.iter().flatten().map(|found| (found.id, found.slot as usize)).collect();
        self.unless_outdated(self.check_rows(&cited))?;
        Ok(found)
    }

    /// The recall that a search for `k` neighbours is expected to have: 1 where it is exact. It was measured when
    /// partitions were built, on exemplars that training had not seen.
    ///
    /// # Errors
    /// When a recall is out of range.
    pub fn expected_recall(&self, search: Search, k: usize) -> Result<f64, QueryError> {
        let partitions = self.partitions(search.checked()?, k);
        let recall = |(map, _): (Arc<PartitionMap>, SearchParams)| {
            Some(map.params(k, search.recall_of_partitions(self.len())?)?.recall)
        };
        Ok(partitions.and_then(recall).unwrap_or(1.0))
    }

    /// What partitions there are, if any.
    pub fn partition_stats(&self) -> Option<PartitionStats> {
        self.indexes.partitions(self).map(|map| map.stats())
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
        let codes = std::fs::symlink_metadata(crate::index::codes::path(self.path())).map_or(0, |file| file.len());
        (size_of_val(self.vectors()) as u64, codes)
    }

    /// Partitions and search parameters for such a search; `None` to search exactly.
    fn partitions(&self, search: Search, k: usize) -> Option<(Arc<PartitionMap>, SearchParams)> {
        let recall = search.recall_of_partitions(self.len())?;
        let map = self.indexes.partitions(self)?;
        let params = map.params(k, recall)?.params;
        Some((map, params))
    }

    /// Search that compares every exemplar.
    pub(crate) fn exact(&self) -> Result<Exact<'_>, QueryError> {
        Ok(Exact::new(Rows::new(self.vectors(), &self.slots.ids, self.encoder().dim)?))
    }
}
