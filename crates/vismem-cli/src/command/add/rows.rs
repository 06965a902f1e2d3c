//! Adding ready embeddings.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use vismem::{Attributes, Batch, Editor, EncoderIdentity, NewExemplar, Source, Taxonomy, content_of};
use vismem_data::clip_retrieval::{self, Shard};
use vismem_data::embeddings::{Embeddings, fault};
use vismem_data::labels;

use super::{KEPT, Report, add_taxonomies, encoder_of, interrupted};
use crate::args::{Add, wrong_use};
use crate::progress::Progress;
use crate::{encoder, output};

/// Embeddings that a transaction holds unless the user says otherwise.
const COMMIT_EVERY: usize = 16_384;

/// Adds a `.npy` file.
pub fn add_file(memory: &Path, options: &Add, file: &Path, taxonomy: Option<&Taxonomy>) -> Result<Report> {
    let labels = match (&options.labels, &options.reading.label) {
        (Some(file), _) => Labels::In(file.clone()),
        (None, Some(label)) => Labels::All(label.clone()),
        (None, None) => {
            let name = file.display();
            return Err(wrong_use(format!("{name}: say with --labels FILE or --label what its rows show")));
        }
    };
    // The row tells equal embeddings of one file apart, which may be different pictures; so the file can be moved.
    let part = Part { file: file.into(), labels, sources: None, name: String::new() };
    add(memory, options, vec![part], taxonomy)
}

/// Adds a folder in the layout of clip-retrieval.
pub fn add_shards(memory: &Path, options: &Add, folder: &Path, taxonomy: Option<&Taxonomy>) -> Result<Report> {
    let parts = clip_retrieval::shards(folder)?.into_iter().map(|shard| {
        let label = options.reading.label.clone();
        Part {
            labels: label.map_or_else(|| Labels::In(shard.metadata.clone()), Labels::All),
            name: shard.embeddings.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            file: shard.embeddings.clone(),
            sources: Some(shard),
        }
    });
    add(memory, options, parts.collect(), taxonomy)
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
    fn labels(&self, options: &Add, rows: usize) -> Result<Vec<String>> {
        let name = self.file.display();
        let labels = match &self.labels {
            Labels::All(label) => vec![label.clone(); rows],
            Labels::In(file) => labels::read(file, options.reading.label_column.as_deref().unwrap_or("label"))?,
        };
        ensure!(
            labels.len() == rows,
            "{name}: {} for {}; give one label for each row",
            output::counted(labels.len(), "label"),
            output::counted(rows, "row")
        );
        Ok(labels)
    }

    /// Where each row comes from, if something knows it.
    fn sources(&self, rows: usize) -> Result<Vec<Option<String>>> {
        let known = self.sources.as_ref().map(Shard::sources).transpose()?.flatten();
        Ok(known.unwrap_or_else(|| vec![None; rows]))
    }
}

fn add(memory: &Path, options: &Add, parts: Vec<Part>, taxonomy: Option<&Taxonomy>) -> Result<Report> {
    // All files are looked at before anything is added.
    let mut shapes = Vec::new();
    for part in &parts {
        let Embeddings { rows, dim, .. } = Embeddings::open(&part.file)?;
        part.labels(options, rows)?;
        shapes.push((rows, dim));
        let (name, first) = (part.file.display(), shapes[0].1);
        ensure!(dim == first, "{name}: its rows have {dim} values, those of {} have {first}", parts[0].file.display());
    }
    let total: usize = shapes.iter().map(|(rows, _)| rows).sum();
    let mut editor = Editor::open_or_create(memory, &encoder_for(memory, options, shapes[0].1)?)?;
    add_taxonomies(&mut editor, taxonomy)?;
    let mut adding = Adding {
        report: Report::new("embedding"),
        progress: Progress::new(total as u64, "embeddings"),
        batch: editor.batch(),
        commit_every: options.commit_every.map_or(COMMIT_EVERY, |n| n as usize),
    };
    for (part, (rows, _)) in parts.iter().zip(shapes) {
        adding.add(part, &part.labels(options, rows)?, &part.sources(rows)?)?;
        if !adding.report.complete {
            break;
        }
    }
    adding.report.batch = adding.batch.id();
    Ok(adding.report)
}

struct Adding<'e> {
    report: Report,
    progress: Progress,
    batch: Batch<'e>,
    commit_every: usize,
}

impl Adding<'_> {
    fn add(&mut self, part: &Part, labels: &[String], sources: &[Option<String>]) -> Result<()> {
        let mut embeddings = Embeddings::open(&part.file)?;
        let file = std::path::absolute(&part.file)?;
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
            if interrupted() {
                self.report.complete = false;
                break;
            }
            let values = embeddings.next_rows(labels.len()).context(KEPT)?;
            let (mut exemplars, mut rows) = (Vec::new(), Vec::new());
            let embedded = (number * self.commit_every..).zip(values.chunks_exact(embeddings.dim));
            for ((row, embedding), label) in embedded.zip(labels) {
                if let Some(fault) = fault(embedding) {
                    let error = format!("{} {fault}", embeddings.name_of(row));
                    self.progress.pause(|| output::note(format_args!("warning: {error}")));
                    self.report.failed(embeddings.name_of(row), error);
                    continue;
                }
                rows.push(row);
                let content = content_of(embedding, &discriminator(row));
                let (source, attributes) = (Some(source(row)), Attributes::new());
                exemplars.push(NewExemplar { embedding, label, source, content, attributes });
            }
            let added = self.batch.add(&exemplars).context(KEPT)?;
            for ((added, row), exemplar) in added.into_iter().zip(rows).zip(&exemplars) {
                self.report.added(added, exemplar.label, || embeddings.name_of(row));
            }
            self.progress.advance(labels.len() as u64);
        }
        Ok(())
    }
}

/// The encoder that these embeddings are taken to come from.
fn encoder_for(memory: &Path, options: &Add, dim: usize) -> Result<EncoderIdentity> {
    let held = encoder_of(memory)?;
    if options.encoding.encoder.is_some() {
        let encoder = vismem_models::identity(&encoder::load(&options.encoding, None)?);
        ensure!(encoder.dim == dim, "the rows have {dim} values, embeddings of {encoder} have {}", encoder.dim);
        return Ok(encoder);
    }
    match held {
        Some(held) if !held.hash.is_empty() => Err(wrong_use(format!(
            "{}: holds embeddings of {held}; say --encoder if the rows are of the same",
            memory.display()
        ))),
        _ => Ok(EncoderIdentity::unknown(dim)),
    }
}
