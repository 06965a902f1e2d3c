//! How unlike everything in the memory a query is.
//!
//! The reference distances are those of the memory itself: the distance of each exemplar to its nearest neighbour
//! (leave-one-out). A query's novelty is the share of exemplars, in percent, whose nearest neighbour is nearer than the
//! query's nearest neighbour. The nearest distance alone was chosen over means and farther neighbours because it told unrelated pictures from
//! related ones best (docs/guarantees.md, "Novelty").

use std::collections::BinaryHeap;
use std::fs::File;
use std::path::Path;

use vismem_search::Filter;

use crate::error::{IoContext, Result};
use crate::index::derived;
use crate::store::catalog::Record;
use crate::{Memory, QueryError};

/// How many exemplars the reference distances are taken from. They are those with the smallest vector hashes: a random sample
/// that depends on the content alone.
const SAMPLE: usize = 512;

/// The sorted nearest-neighbour distances of a sample of the memory.
pub(crate) struct ReferenceDistances(Vec<f32>);

impl ReferenceDistances {
    /// Those of the file, if they belong to this state of the memory.
    pub(crate) fn load(memory: &Memory) -> Option<Self> {
        let bytes = derived::load(memory.path(), derived::NOVELTY, &memory.digest())?;
        Some(Self(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
    }

    /// Those of the file, else measured.
    pub(crate) fn of(memory: &Memory) -> Result<Self, QueryError> {
        Self::load(memory).map_or_else(|| Self::measure(memory), Ok)
    }

    /// Writes those of this state of a memory into a new file.
    pub(crate) fn write(&self, memory: &Memory, path: &Path, file: &File) -> Result<()> {
        derived::write(file, &memory.digest(), &[bytemuck::cast_slice(&self.0)]).at(path, "write")
    }

    pub(crate) fn measure(memory: &Memory) -> Result<Self, QueryError> {
        let mut sample = BinaryHeap::new();
        memory.for_each_record(|record, _| {
            if let Some(Record { id, slot, vector_hash, content, .. }) = memory.of_snapshot(record) {
                sample.push((vector_hash, content, slot, id));
                if sample.len() > SAMPLE {
                    sample.pop();
                }
            }
        })?;
        let sample = sample.into_sorted_vec();
        let queries: Vec<f32> = sample.iter().flat_map(|(.., slot, _)| memory.vector(*slot)).copied().collect();
        let own: Vec<u64> = sample.iter().map(|(.., id)| *id).collect();
        let nearest = memory.neighbors(&queries, 1, Filter { allowed: None, except: Some(&own) })?;
        let mut distances: Vec<f32> = nearest.iter().flatten().map(|neighbor| neighbor.distance).collect();
        distances.sort_by(f32::total_cmp);
        Ok(Self(distances))
    }

    /// Percentile, 0..=100, of a query whose nearest neighbour lies at `distance`. `None` where the memory has no two
    /// exemplars to measure by.
    pub(crate) fn percentile(&self, distance: f32) -> Option<f64> {
        let nearer = self.0.partition_point(|own| *own < distance);
        (!self.0.is_empty()).then(|| 100.0 * nearer as f64 / self.0.len() as f64)
    }
}
