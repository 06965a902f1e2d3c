//! How unlike everything in the memory a query is.
//!
//! The reference distances are those of the memory itself: the distance of each exemplar to its nearest neighbour
//! (leave-one-out). A query's novelty is the share of exemplars, in percent, whose nearest neighbour is nearer than the
//! query's nearest neighbour. The nearest distance alone was chosen over means and farther neighbours because it told unrelated pictures from
//! related ones best (docs/guarantees.md, "Novelty").

use std::fs::File;
use std::path::Path;

use vismem_search::{Filter, Neighbor, distance};

use crate::error::{IoContext, Result};
use crate::index::derived;
use crate::store::catalog::{Hashes, Record};
use crate::{Memory, QueryError};

/// How many exemplars the reference distances are taken from. They are those with the smallest vector hashes: a random sample
/// that depends on the content alone.
const SAMPLE: usize = 512;
/// How many are known with the sample, so that there are others when some of it are forgotten.
const KNOWN: usize = 2 * SAMPLE;
/// From so many added exemplars on, looking for all neighbours again costs no more.
const MANY: usize = SAMPLE;

/// The sorted nearest-neighbour distances of a sample of the memory.
#[derive(Debug, PartialEq)]
pub(crate) struct ReferenceDistances(Vec<f32>);

impl ReferenceDistances {
    /// Those of the file, if they belong to this state of the memory.
    pub(crate) fn load(memory: &Memory) -> Option<Self> {
        let bytes = derived::load(memory.path(), derived::NOVELTY, &memory.digest())?;
        Some(Self(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
    }

    /// Writes those of this state of a memory into a new file.
    pub(crate) fn write(&self, memory: &Memory, path: &Path, file: &File) -> Result<()> {
        derived::write(file, memory.digest().as_bytes(), &[bytemuck::cast_slice(&self.0)]).at(path, "write")
    }

    pub(crate) fn measure(memory: &Memory) -> Result<Self, QueryError> {
        let mut sample = Sample::read(memory)?;
        sample.look_on(memory, SAMPLE)?;
        Ok(sample.distances())
    }

    /// Percentile, 0..=100, of a query whose nearest neighbour lies at `distance`. `None` where the memory has no two
    /// exemplars to measure by.
    pub(crate) fn percentile(&self, distance: f32) -> Option<f64> {
        let nearer = self.0.partition_point(|own| *own < distance);
        (!self.0.is_empty()).then(|| 100.0 * nearer as f64 / self.0.len() as f64)
    }
}

/// The sample, those that come next, and the neighbours that were found so far, which stay those of a later state where
/// what came and went is nothing to them.
#[derive(Clone)]
pub(crate) struct Sample(Vec<Known>);

#[derive(Clone)]
struct Known {
    exemplar: Hashes,
    nearest: Nearest,
}

#[derive(Clone, Copy)]
enum Nearest {
    Unknown,
    /// `None` where there is nobody else.
    Found(Option<Neighbor>),
}

impl Sample {
    /// That of a memory; no neighbour is known yet.
    pub(crate) fn read(memory: &Memory) -> Result<Self> {
        let known = |exemplar| Known { exemplar, nearest: Nearest::Unknown };
        Ok(Self(memory.smallest_hashes(KNOWN, |_| true)?.into_iter().map(known).collect()))
    }

    /// What it is after `added` came into the memory `before` and others went, to what is there `now`. `None` where that
    /// cannot be told from what is known.
    pub(crate) fn after(&self, before: &Memory, now: &Memory, added: &[Record]) -> Option<Self> {
        let last = self.0.last().filter(|_| added.len() < MANY)?;
        let is_there = |slot: usize, id: u64| now.slots.ids.get(slot) == Some(&id);
        let stay = self.0.iter().filter(|known| is_there(known.exemplar.slot, known.exemplar.id));
        let stay = stay.map(|known| Known { nearest: known.nearest_after(now, added), ..known.clone() });
        // Of what comes after the last one nothing is known.
        let is_all = self.0.len() == before.len();
        let come_in = added.iter().map(Hashes::from).filter(|exemplar| is_all || *exemplar < last.exemplar);
        let come_in = come_in.map(|exemplar| Known { exemplar, nearest: Nearest::Unknown });
        let mut known: Vec<Known> = stay.chain(come_in).collect();
        known.sort_by(|a, b| a.exemplar.cmp(&b.exemplar));
        known.truncate(KNOWN);
        (known.len() >= SAMPLE.min(now.len())).then_some(Self(known))
    }

    /// Looks for the neighbours of up to `count` whose neighbour is not known; false where there are none.
    pub(crate) fn look_on(&mut self, memory: &Memory, count: usize) -> Result<bool, QueryError> {
        let is_unknown = |known: &&mut Known| matches!(known.nearest, Nearest::Unknown);
        let mut some: Vec<&mut Known> = self.0.iter_mut().take(SAMPLE).filter(is_unknown).take(count).collect();
        if some.is_empty() {
            return Ok(false);
        }
        let own: Vec<u64> = some.iter().map(|known| known.exemplar.id).collect();
        let queries: Vec<f32> = some.iter().flat_map(|known| memory.vector(known.exemplar.slot)).copied().collect();
        let found = memory.neighbors(&queries, 1, Filter { allowed: None, except: Some(&own) })?;
        for (known, found) in some.iter_mut().zip(found) {
            known.nearest = Nearest::Found(found.first().copied());
        }
        Ok(true)
    }

    /// The distances, once all neighbours are known.
    pub(crate) fn distances(&self) -> ReferenceDistances {
        let distance = |known: &Known| match known.nearest {
            Nearest::Found(Some(nearest)) => Some(nearest.distance),
            _ => None,
        };
        let mut distances: Vec<f32> = self.0.iter().take(SAMPLE).filter_map(distance).collect();
        distances.sort_by(f32::total_cmp);
        ReferenceDistances(distances)
    }
}

impl Known {
    /// Its nearest neighbour once `added` are there, and others may have gone.
    fn nearest_after(&self, now: &Memory, added: &[Record]) -> Nearest {
        let Nearest::Found(nearest) = self.nearest else { return Nearest::Unknown };
        if nearest.is_some_and(|nearest| now.slots.ids.get(nearest.slot as usize) != Some(&nearest.id)) {
            return Nearest::Unknown;
        }
        let added = added.iter().map(|&Record { id, slot, .. }| {
            let distance = distance(now.vector(self.exemplar.slot), now.vector(slot));
            Neighbor { id, slot: slot as u32, distance }
        });
        Nearest::Found(nearest.into_iter().chain(added).min_by(|a, b| a.distance.total_cmp(&b.distance)))
    }
}
