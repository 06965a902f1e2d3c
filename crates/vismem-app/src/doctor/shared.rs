//! What sets of queries have in common with the memory: what it was shown is no test of what it knows.

use std::path::Path;

use serde::Serialize;
use vismem::{Memory, NeighborOptions};
use vismem_data::embeddings::fault;
use vismem_data::{Embeddings, ReadError, embedding_folder, has_extension};
use vismem_encode::{Encoder, Outcome};
use vismem_models::Purpose;

use super::Request;
use crate::embeddings::{self, checked_width};
use crate::{Error, Failure, Observer, Result, held};

/// Queries that are searched together.
const TOGETHER: usize = 256;

/// What a set of queries has in common with the memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedQueries {
    /// The set.
    pub path: String,
    /// How many queries were compared.
    pub compared: usize,
    /// Those that could not be read.
    pub failed: Vec<Failure>,
    /// Those that the memory has, or has nearly.
    pub shared: Vec<Shared>,
}

/// A query that the memory has, or has nearly.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shared {
    /// The query.
    pub query: String,
    /// The nearest exemplar.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where it came from, if that is known.
    pub source: Option<String>,
    /// The cosine distance of both.
    pub distance: f32,
    /// Whether both were made from the same bytes.
    pub same_content: bool,
}

struct Query {
    name: String,
    content: Option<[u8; 32]>,
    embedding: Vec<f32>,
}

pub(super) fn check(memory: &Memory, request: &Request, observer: &mut dyn Observer) -> Result<Vec<SharedQueries>> {
    let mut encoder = None;
    let mut applied = Vec::new();
    let mut sets = Vec::with_capacity(request.queries.len());
    for path in &request.queries {
        let mut set = Comparing::new(memory, path, request.distance);
        if embedding_folder::is_one(path) {
            set.encoded(embeddings::encoded(path, memory)?)?;
        } else if has_extension(path, "npy") && !path.is_dir() {
            set.rows(checked_width(Embeddings::open(path)?, path, memory.encoder().dim)?)?;
        } else {
            let dataset = vismem_data::open_unlabelled(path, &request.finding)?;
            applied.push(dataset.survey.clone());
            let encoder = match &encoder {
                Some(encoder) => encoder,
                None => encoder.insert(request.encoding.load(Some(held(memory, Purpose::Exemplars)), observer)?),
            };
            set.pictures(encoder, dataset, observer)?;
        }
        sets.push(set.end()?);
    }
    let mut fields = request.finding.fields();
    if let Some(field) = fields.find(|field| !applied.iter().any(|survey| survey.has_applied(*field))) {
        return Err(ReadError::from(vismem_data::RequestError::NotApplied { field }).into());
    }
    Ok(sets)
}

/// A set that is being compared.
struct Comparing<'m> {
    memory: &'m Memory,
    distance: f32,
    waiting: Vec<Query>,
    found: SharedQueries,
}

impl<'m> Comparing<'m> {
    fn new(memory: &'m Memory, path: &Path, distance: f32) -> Self {
        let found =
            SharedQueries { path: path.display().to_string(), compared: 0, failed: Vec::new(), shared: Vec::new() };
        Self { memory, distance, waiting: Vec::new(), found }
    }

    fn encoded(&mut self, rows: Vec<embeddings::Encoded>) -> Result<()> {
        for embeddings::Encoded { name, embedding, .. } in rows {
            match embedding {
                Ok(embedding) => self.ask(Query { name, content: None, embedding })?,
                Err(fault) => self.found.failed.push(Failure::of_row(name, fault)),
            }
        }
        Ok(())
    }

    fn rows(&mut self, mut rows: Embeddings) -> Result<()> {
        for first in (0..rows.rows).step_by(TOGETHER) {
            let values = rows.next_rows(TOGETHER)?;
            for (row, values) in (first..).zip(values.chunks_exact(rows.dim)) {
                match fault(values) {
                    None => self.ask(Query { name: rows.name_of(row), content: None, embedding: values.to_vec() })?,
                    Some(fault) => self.found.failed.push(Failure::of_row(rows.name_of(row), fault)),
                }
            }
        }
        Ok(())
    }

    fn pictures(
        &mut self,
        encoder: &Encoder,
        dataset: vismem_data::Dataset,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let vismem_data::Dataset { pictures, count, .. } = dataset;
        let (mut done, mut outcome) = (0, Ok(()));
        encoder.encode_stream(pictures, &|_, _| true, &mut |encoded| {
            done += 1;
            outcome = match encoded.outcome {
                Outcome::Embedded(embedding) => {
                    let name = encoded.input.path.display().to_string();
                    self.ask(Query { name, content: encoded.hash, embedding })
                }
                Outcome::Failed(error) => {
                    self.found.failed.push(Failure::of_picture(&encoded.input, error.to_string()));
                    Ok(())
                }
                Outcome::Skipped => Ok(()),
            };
            if outcome.is_ok() && observer.step("pictures", done, count).is_break() {
                outcome = Err(Error::Cancelled);
            }
            if outcome.is_ok() { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) }
        });
        outcome
    }

    fn ask(&mut self, query: Query) -> Result<()> {
        self.waiting.push(query);
        if self.waiting.len() == TOGETHER { self.search() } else { Ok(()) }
    }

    fn search(&mut self) -> Result<()> {
        let queries = std::mem::take(&mut self.waiting);
        self.found.compared += queries.len();
        if self.memory.is_empty() || queries.is_empty() {
            return Ok(());
        }
        let dim = self.memory.encoder().dim;
        let mut values = Vec::with_capacity(queries.len() * dim);
        for (at, query) in queries.iter().enumerate() {
            let unit = vismem::unit(at, &query.embedding, dim).map_err(vismem::QueryError::from)?;
            values.extend_from_slice(&unit);
        }
        let found = self.memory.nearest(&values, &NeighborOptions { k: 1, ..NeighborOptions::default() })?;
        for (query, nearest) in queries.into_iter().zip(found) {
            let Some(nearest) = nearest.first().filter(|nearest| nearest.distance <= self.distance) else { continue };
            let Some(stored) = self.memory.stored(nearest.id)? else { continue };
            self.found.shared.push(Shared {
                query: query.name,
                id: stored.id,
                same_content: query.content == Some(stored.content),
                source: stored.source.as_ref().map(ToString::to_string),
                label: stored.label,
                // Rounding can take the distance of the same direction a hair below zero.
                distance: nearest.distance.max(0.0),
            });
        }
        Ok(())
    }

    fn end(mut self) -> Result<SharedQueries> {
        self.search()?;
        Ok(self.found)
    }
}
