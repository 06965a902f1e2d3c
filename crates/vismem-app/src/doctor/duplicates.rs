//! Exemplars that are nearly the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use vismem::search::Neighbor;
use vismem::{Memory, NeighborOptions};

use crate::observer::Steps;
use crate::{Observer, Result, index};

/// How many neighbours of an exemplar are looked at.
const NEIGHBORS: usize = 10;
/// Up to so many exemplars all are looked at; of a larger memory only where lists of neighbours are kept.
const ALL: usize = 50_000;
/// How many of a larger memory are looked at without them.
const SAMPLE: usize = 2_000;

/// Pairs of exemplars that are nearly the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duplicates {
    /// How many exemplars were looked at, each with its 10 nearest.
    pub looked_at: usize,
    /// The cosine distance up to which two are taken for the same.
    pub distance: f32,
    /// How many pairs have one label.
    pub within_labels: usize,
    /// The pairs of different labels, the nearest first: at least one of the two labels is wrong, or the labels overlap.
    pub across_labels: Vec<Pair>,
}

/// Two exemplars of different labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// Their cosine distance.
    pub distance: f32,
    /// The one of the smaller id.
    pub first: Side,
    /// The other.
    pub second: Side,
}

/// An exemplar of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// The exemplar.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where it came from, if that is known.
    pub source: Option<String>,
}

pub(super) fn check(memory: &Memory, distance: f32, observer: &mut dyn Observer) -> Result<Duplicates> {
    let k = NEIGHBORS.min(memory.len().saturating_sub(1));
    let (looked_at, lists) = if k == 0 { (memory.len(), Vec::new()) } else { lists(memory, k, observer)? };
    let mut pairs: BTreeMap<(u64, u64), f32> = BTreeMap::new();
    for (id, list) in lists {
        for near in list.into_iter().filter(|near| near.distance <= distance) {
            // Rounding can take the distance of the same direction a hair below zero.
            pairs.insert((id.min(near.id), id.max(near.id)), near.distance.max(0.0));
        }
    }
    let ids: BTreeSet<u64> = pairs.keys().flat_map(|(a, b)| [*a, *b]).collect();
    let ids: Vec<u64> = ids.into_iter().collect();
    let found = memory.exemplars(&ids)?.into_iter().flatten().map(|exemplar| (exemplar.id, exemplar));
    let found: BTreeMap<u64, _> = found.collect();
    let side = |id| {
        let exemplar = found.get(&id)?;
        let source = exemplar.source.as_ref().map(ToString::to_string);
        Some(Side { id, label: exemplar.label.clone(), source })
    };
    let (mut within_labels, mut across_labels) = (0, Vec::new());
    for ((a, b), distance) in pairs {
        match (side(a), side(b)) {
            (Some(first), Some(second)) if first.label != second.label => {
                across_labels.push(Pair { distance, first, second });
            }
            _ => within_labels += 1,
        }
    }
    across_labels.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    Ok(Duplicates { looked_at, distance, within_labels, across_labels })
}

type List = (u64, Vec<Neighbor>);

/// How many exemplars are looked at, and the nearest others of each.
fn lists(memory: &Memory, k: usize, observer: &mut dyn Observer) -> Result<(usize, Vec<List>)> {
    if memory.len() <= ALL || index::has_lists(memory, k)? {
        index::keep_lists(memory, k, observer);
        return Ok((memory.len(), memory.neighbor_lists(k, &mut Steps(observer))?));
    }
    let (ids, embeddings) = memory.sample(SAMPLE);
    let found =
        memory.nearest(&embeddings, &NeighborOptions { k, except: Some(&ids), ..NeighborOptions::default() })?;
    Ok((ids.len(), ids.into_iter().zip(found).collect()))
}
