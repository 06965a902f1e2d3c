//! What a query holds besides its nearest neighbour: the neighbours of the query, then of the residual q − n₁ (paper,
//! figure 17).

use serde::{Deserialize, Serialize};
use vismem::search::Neighbor;
use vismem::{Memory, NeighborOptions, Search};

use crate::gather::{QuerySet, Roster};
use crate::{Cell, Error, Result, Share, Table};

/// Neighbours that are listed.
const LISTED: usize = 5;
/// A residual shorter than this has no direction that means anything.
const SHORT: f64 = 1e-3;

/// How many to look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompositionOptions {
    /// Queries whose neighbours are listed, evenly spread.
    pub shown: usize,
    /// Queries that are counted, evenly spread.
    pub counted: usize,
    /// How neighbours are searched for.
    pub search: Search,
}

/// Queries and their residuals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Composition {
    /// How often the residual's nearest exemplar has a right label of the query: large where one label fills the picture.
    pub residual_is_right: Share,
    /// Some of the queries.
    pub shown: Vec<Composed>,
}

/// A query and its residual.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Composed {
    /// What the query is called.
    pub query: String,
    /// Its right labels.
    pub truth: Vec<String>,
    /// Its five nearest exemplars; the first is n₁.
    pub neighbors: Vec<Found>,
    /// Length of q − n₁, 0..=2.
    pub residual_length: f64,
    /// The five exemplars nearest to the residual's direction.
    pub residual_neighbors: Vec<Found>,
}

/// An exemplar that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Its id.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where it came from.
    pub source: String,
    /// Cosine distance, 0..=2.
    pub distance: f64,
}

/// Computes it.
///
/// # Errors
/// When no query with a known label has a residual, or the memory refuses.
pub fn composition(
    memory: &Memory,
    roster: &Roster,
    queries: &QuerySet,
    options: &CompositionOptions,
) -> Result<Composition> {
    let count = options.counted.min(queries.len());
    let positions: Vec<usize> = (0..count).map(|at| at * queries.len() / count.max(1)).collect();
    let some = queries.select(&positions, memory);
    let found = some.search(memory, LISTED, None, options.search, &mut ())?;
    let (dim, vectors) = (memory.encoder().dim, some.embeddings(memory)?);

    // The residuals that have a direction, by position in `some`.
    let (mut places, mut lengths, mut residuals) = (Vec::new(), Vec::new(), Vec::new());
    for (place, (query, found)) in vectors.chunks_exact(dim).zip(&found).enumerate() {
        let Some(first) = found.first() else { continue };
        let nearest = memory.embeddings(&[first.id])?;
        let residual: Vec<f32> = query.iter().zip(&nearest).map(|(q, n)| q - n).collect();
        let length = residual.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if length >= SHORT {
            residuals.extend_from_slice(&vismem::unit(place, &residual, dim)?);
            places.push(place);
            lengths.push(length);
        }
    }
    if places.is_empty() && some.truth.iter().any(|truth| !truth.is_empty()) {
        let why = "every query lies at its nearest exemplar, so that nothing is left without it; give queries that are not in the \
                   memory";
        return Err(Error::NotApplicable(why.into()));
    }
    let own: Option<Vec<u64>> = some.own_ids().map(|ids| places.iter().map(|place| ids[*place]).collect());
    let how = NeighborOptions { k: LISTED, search: options.search, among: None, except: own.as_deref() };
    let of_residuals = memory.nearest(&residuals, &how)?;

    let list = |found: &[Neighbor]| -> Vec<Found> { found.iter().map(|near| roster.found(near)).collect() };
    let all: Vec<Composed> = places
        .iter()
        .zip(lengths)
        .zip(&of_residuals)
        .map(|((&place, residual_length), of_residual)| Composed {
            query: some.names[place].clone(),
            truth: some.truth[place].clone(),
            neighbors: list(&found[place]),
            residual_length,
            residual_neighbors: list(of_residual),
        })
        .collect();
    let judged = || all.iter().filter(|composed| !composed.truth.is_empty());
    let right = judged().filter(|c| c.residual_neighbors.first().is_some_and(|near| c.truth.contains(&near.label)));
    let residual_is_right = Share::of(right.count() as u64, judged().count() as u64).ok_or(Error::NoQueries)?;
    let shown = options.shown.min(all.len());
    let shown = (0..shown).map(|at| all[at * all.len() / shown].clone()).collect();
    Ok(Composition { residual_is_right, shown })
}

impl Roster {
    fn found(&self, near: &Neighbor) -> Found {
        let exemplar = &self.exemplars[self.position(near.id) as usize];
        Found {
            id: near.id,
            label: self.labels[exemplar.label as usize].clone(),
            source: exemplar.name.clone(),
            distance: f64::from(near.distance.clamp(0.0, 2.0)),
        }
    }
}

impl Composition {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let Share { value, low, high, n } = self.residual_is_right;
        let caption = format!(
            "Labels near the query, and near what is left without its nearest neighbour; the latter is right for {:.1} % \
             ({:.1} to {:.1}) of {}",
            100.0 * value,
            100.0 * low,
            100.0 * high,
            crate::report::count(n)
        );
        let columns = ["query", "truth", "neighbors", "residual_length", "residual_neighbors"];
        let mut table = Table::new("composition", caption, columns);
        let columns = ["query", "of", "rank", "id", "label", "distance", "source"];
        let mut neighbors = Table::long("composition-neighbors", "The neighbours themselves", columns);
        for composed in &self.shown {
            let labels = |found: &[Found]| {
                Cell::Text(found.iter().map(|found| found.label.as_str()).collect::<Vec<_>>().join(" "))
            };
            table.row([
                (&composed.query).into(),
                composed.truth.join(" | ").as_str().into(),
                labels(&composed.neighbors),
                Cell::Number(composed.residual_length),
                labels(&composed.residual_neighbors),
            ]);
            for (of, found) in [("query", &composed.neighbors), ("residual", &composed.residual_neighbors)] {
                for (rank, found) in found.iter().enumerate() {
                    neighbors.row([
                        (&composed.query).into(),
                        of.into(),
                        rank.into(),
                        Cell::Count(found.id),
                        (&found.label).into(),
                        Cell::Number(found.distance),
                        (&found.source).into(),
                    ]);
                }
            }
        }
        vec![table, neighbors]
    }
}
