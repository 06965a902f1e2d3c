//! What a memory holds, listed.

use serde::Serialize;
use vismem::search::distance;
use vismem::{Exemplar, Label, Memory, Selector};
use vismem_models::Purpose;

use crate::{Observer, Result, Selection, held};

/// The labels of a memory.
#[derive(Debug, Serialize)]
pub struct Labels {
    /// In the memory's order.
    pub labels: Vec<Label>,
}

/// Exemplars of a memory.
#[derive(Debug, Serialize)]
pub struct Exemplars {
    /// By id, ascending; where likeness was asked for the nearest first.
    pub exemplars: Vec<Listed>,
}

/// An exemplar in a list.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// The exemplar.
    #[serde(flatten)]
    pub exemplar: Exemplar,
    /// The cosine distance, 0..=2, to the nearest of what it is to be like; `None` where that was not asked for.
    pub distance: Option<f32>,
}

/// All labels.
pub fn labels(memory: &Memory) -> Labels {
    Labels { labels: memory.labels().to_vec() }
}

/// All exemplars.
///
/// # Errors
/// When the memory cannot be read.
pub fn all(memory: &Memory) -> Result<Exemplars> {
    let mut exemplars = Vec::with_capacity(memory.len());
    memory.for_each_exemplar(|exemplar| exemplars.push(Listed { exemplar, distance: None }))?;
    Ok(Exemplars { exemplars })
}

/// The exemplars that fit a selection.
///
/// # Errors
/// When the selection has no selector, see [`Selection::selector`], or the memory cannot be read.
pub fn selected(memory: &Memory, selection: &Selection, observer: &mut dyn Observer) -> Result<Exemplars> {
    let selector = selection.selector(held(memory, Purpose::Queries), observer)?;
    let ids = memory.select(&selector)?;
    let distances = distances(memory, &ids, &selector)?;
    let found = memory.exemplars(&ids)?.into_iter().zip(distances);
    let mut exemplars: Vec<Listed> =
        found.filter_map(|(exemplar, distance)| Some(Listed { exemplar: exemplar?, distance })).collect();
    // Of equal distances, or none, by id as before.
    exemplars.sort_by(|a, b| a.distance.unwrap_or(0.0).total_cmp(&b.distance.unwrap_or(0.0)));
    Ok(Exemplars { exemplars })
}

/// How far each exemplar is from the nearest of what it is to be like.
fn distances(memory: &Memory, ids: &[u64], selector: &Selector) -> Result<Vec<Option<f32>>> {
    /// Rows that are read together.
    const TOGETHER: usize = 1024;
    if selector.near.is_empty() {
        return Ok(vec![None; ids.len()]);
    }
    let dim = memory.encoder().dim;
    let like: Vec<_> = selector
        .near
        .iter()
        .map(|near| vismem::unit(0, &near.embedding, dim))
        .collect::<std::result::Result<_, _>>()?;
    let mut distances = Vec::with_capacity(ids.len());
    for some in ids.chunks(TOGETHER) {
        let rows = memory.embeddings(some)?;
        let nearest = |row: &[f32]| like.iter().map(|like| distance(like, row)).reduce(f32::min);
        // Rounding can take the distance of the same direction a hair below zero.
        distances.extend(rows.chunks_exact(dim).map(|row| nearest(row).map(|distance| distance.clamp(0.0, 2.0))));
    }
    Ok(distances)
}
