//! Adding ready embeddings.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use vismem::{Attributes, Batch, Editor, EncoderIdentity, NewExemplar, Source, Taxonomy, content_of};
use vismem_data::clip_retrieval::{self, Shard};
use vismem_data::embeddings::{Embeddings, fault};
use vismem_data::labels;
use vismem_models::Hub;

use super::{AddRequest, ItemKind, Tally, add_taxonomies, encoder_of};
use crate::error::KeptContext;
use crate::models::load_encoder;
use crate::{Error, Failure, IoContext, Observer, RequestError, Result};

/// Embeddings that a transaction holds unless the user says otherwise.
const COMMIT_EVERY: usize = 16_384;

/// Adds a `.npy` file.
pub(crate) fn add_file(
    memory: &Path,
    request: &AddRequest,
    file: &Path,
    taxonomy: Option<&Taxonomy>,
    hub: &Hub,
    observer: &mut dyn Observer,
) -> Result<Tally> {
    let labels = match (&request.labels, &request.reading.label) {
        (Some(file), _) => Labels::In(file.clone()),
        (None, Some(label)) => Labels::All(label.clone()),
        (None, None) => return Err(RequestError::NoLabels { path: file.into() }.into()),
    };
    // The row tells equal embeddings of one file apart, which may be different pictures; so the file can be moved.
    let part = Part { file: file.into(), labels, sources: None, name: String::new() };
    add(memory, request, vec![part], taxonomy, hub, observer)
}

/// Adds a folder in the layout of clip-retrieval.
pub(crate) fn add_shards(
    memory: &Path,
    request: &AddRequest,
    folder: &Path,
    taxonomy: Option<&Taxonomy>,
    hub: &Hub,
    observer: &mut dyn Observer,
) -> Result<Tally> {
    let parts = clip_retrieval::shards(folder)?.into_iter().map(|shard| {
        let label = request.reading.label.clone();
        Part {
            labels: label.map_or_else(|| Labels::In(shard.metadata.clone()), Labels::All),
            name: shard.embeddings.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            file: shard.embeddings.clone(),
            sources: Some(shard),
        }
    });
    add(memory, request, parts.collect(), taxonomy, hub, observer)
}

/// A file of embeddings that is to be added.
struct Part {
    file: PathBuf,
    labels: Labels,
    /// What may know the rows' sources.
    sources: Option<Shard>,
    /// What tells its rows from those of other files.
    name: String,
}

enum Labels {
    All(String),
    In(PathBuf),
}

impl Part {
    fn labels(&self, request: &AddRequest, rows: usize) -> Result<Vec<String>> {
        let labels = match &self.labels {
            Labels::All(label) => vec![label.clone(); rows],
            Labels::In(file) => labels::read(file, request.reading.label_column.as_deref().unwrap_or("label"))?,
        };
        if labels.len() != rows {
            return Err(Error::LabelCount { path: self.file.clone(), labels: labels.len(), rows });
        }
        Ok(labels)
    }

    /// Where each row comes from, if something knows it.
    fn sources(&self, rows: usize) -> Result<Vec<Option<String>>> {
        let known = self.sources.as_ref().map(Shard::sources).transpose()?.flatten();
        Ok(known.unwrap_or_else(|| vec![None; rows]))
    }
}

fn add(
    memory: &Path,
    request: &AddRequest,
    parts: Vec<Part>,
    taxonomy: Option<&Taxonomy>,
    hub: &Hub,
    observer: &mut dyn Observer,
) -> Result<Tally> {
    // All files are looked at before anything is added.
    let mut shapes = Vec::new();
    for part in &parts {
        let Embeddings { rows, dim, .. } = Embeddings::open(&part.file)?;
        part.labels(request, rows)?;
        shapes.push((rows, dim));
        let (first_path, first) = (&parts[0].file, shapes[0].1);
        if dim != first {
            return Err(Error::UnequalRows { path: part.file.clone(), dim, first_path: first_path.clone(), first });
        }
    }
    let total: usize = shapes.iter().map(|(rows, _)| rows).sum();
    let mut editor = Editor::open_or_create(memory, &encoder_for(memory, request, shapes[0].1, hub, observer)?)?;
    add_taxonomies(&mut editor, taxonomy)?;
    let mut adding = Adding {
        tally: Tally::new(ItemKind::Embedding),
        done: 0,
        total: total as u64,
        batch: editor.batch(),
        commit_every: request.commit_every.map_or(COMMIT_EVERY, NonZeroUsize::get),
        observer,
    };
    for (part, (rows, _)) in parts.iter().zip(shapes) {
        adding.add(part, &part.labels(request, rows)?, &part.sources(rows)?)?;
        if !adding.tally.complete {
            break;
        }
    }
    Ok(adding.tally.end(adding.batch.id()))
}

struct Adding<'e, 'o> {
    tally: Tally,
    done: u64,
    total: u64,
    batch: Batch<'e>,
    commit_every: usize,
    observer: &'o mut dyn Observer,
}

impl Adding<'_, '_> {
    fn add(&mut self, part: &Part, labels: &[String], sources: &[Option<String>]) -> Result<()> {
        let mut embeddings = Embeddings::open(&part.file)?;
        let file = std::path::absolute(&part.file).at("find", &part.file)?;
        let source = |row: usize| match sources.get(row) {
            Some(Some(source)) => Source::from(source),
            _ => {
                let mut source = file.clone().into_os_string();
                source.push(format!("#{row}"));
                Source::from(source)
            }
        };
        let discriminator = |row: usize| [part.name.as_bytes(), &(row as u64).to_le_bytes()].concat();
        for (number, labels) in labels.chunks(self.commit_every).enumerate() {
            if self.observer.step("embeddings", self.done, Some(self.total)).is_break() {
                self.tally.complete = false;
                break;
            }
            let values = embeddings.next_rows(labels.len()).kept()?;
            let (mut exemplars, mut rows) = (Vec::new(), Vec::new());
            let embedded = (number * self.commit_every..).zip(values.chunks_exact(embeddings.dim));
            for ((row, embedding), label) in embedded.zip(labels) {
                if let Some(fault) = fault(embedding) {
                    self.tally.failed(Failure::of_row(embeddings.name_of(row), fault), self.observer);
                    continue;
                }
                rows.push(row);
                let content = content_of(embedding, &discriminator(row));
                let (source, attributes) = (Some(source(row)), Attributes::new());
                exemplars.push(NewExemplar { embedding, label, source, content, attributes });
            }
            let added = self.batch.add(&exemplars).kept()?;
            for ((added, row), exemplar) in added.into_iter().zip(rows).zip(&exemplars) {
                self.tally.added(added, exemplar.label, || embeddings.name_of(row));
            }
            self.done += labels.len() as u64;
        }
        Ok(())
    }
}

/// The encoder that these embeddings are taken to come from.
fn encoder_for(
    memory: &Path,
    request: &AddRequest,
    dim: usize,
    hub: &Hub,
    observer: &mut dyn Observer,
) -> Result<EncoderIdentity> {
    let held = encoder_of(memory)?;
    if request.encoder.model.is_some() {
        let encoder = vismem_models::identity(&load_encoder(&request.encoder, hub, None, observer)?);
        return if encoder.dim == dim { Ok(encoder) } else { Err(Error::RowsOfAnotherEncoder { dim, encoder }) };
    }
    match held {
        Some(held) if !held.hash.is_empty() => {
            Err(RequestError::RowsOfUnknownEncoder { memory: memory.into(), held }.into())
        }
        _ => Ok(EncoderIdentity::unknown(dim)),
    }
}
