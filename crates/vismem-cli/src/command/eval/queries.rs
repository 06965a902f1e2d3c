//! Labelled queries: read as `add` reads them, and encoded.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail, ensure};
use vismem::Memory;
use vismem_data::embeddings::{Embeddings, fault};
use vismem_data::{Dataset, LabelledPicture, has_extension, labels};
use vismem_encode::{Encoder, Outcome as Encoding};
use vismem_eval::gather::{Labelled, QuerySet};

use super::ground::name_of;
use super::kept;
use crate::args::eval::Asked;
use crate::args::reading::Reading;
use crate::args::wrong_use;
use crate::interrupt::interrupted;
use crate::progress::Progress;
use crate::{datasets, encoder, output};

/// The queries, a set for each path, and how many could not be read.
pub fn read(memory: &Memory, asked: &Asked) -> Result<(Vec<QuerySet>, usize)> {
    let (arrays, pictures): (Vec<_>, Vec<_>) = asked.queries.iter().partition(|path| has_extension(path, "npy"));
    if !asked.labels.is_empty() && asked.labels.len() != arrays.len() {
        let (given, arrays) = (output::counted(asked.labels.len(), "file"), arrays.len());
        return Err(wrong_use(format!("--labels gives {given} for {arrays} .npy; give one for each")));
    }
    if let Some(option) = asked.reading.for_pictures().filter(|_| pictures.is_empty()) {
        return Err(wrong_use(format!("{option} belongs to pictures, not to embeddings")));
    }
    // Whatever is wrong with a whole file is said before anything is encoded.
    let datasets =
        pictures.iter().map(|path| datasets::open_truth(path, &asked.reading)).collect::<Result<Vec<_>>>()?;
    let mut pictures = match datasets.is_empty() {
        true => None,
        false => Some(Pictures::new(memory, asked)?),
    };
    let (mut datasets, mut label_files) = (datasets.into_iter(), asked.labels.iter().map(PathBuf::as_path));

    let mut unreadable = 0;
    let mut sets = Vec::with_capacity(asked.queries.len());
    for path in &asked.queries {
        let (queries, failed) = match &mut pictures {
            Some(pictures) if !has_extension(path, "npy") => {
                pictures.encode(datasets.next().expect("one was opened for each of these paths"))?
            }
            _ => rows(memory, path, label_files.next(), &asked.reading)?,
        };
        unreadable += failed;
        ensure!(!queries.is_empty(), "{}: none of its queries can be used", path.display());
        sets.push(QuerySet::new(&name_of(path), memory.encoder().dim, queries)?);
    }
    Ok((sets, unreadable))
}

/// The rows of a `.npy` file.
fn rows(memory: &Memory, file: &Path, labels_file: Option<&Path>, reading: &Reading) -> Result<(Vec<Labelled>, usize)> {
    let (name, held) = (file.display(), memory.encoder().dim);
    let mut rows = Embeddings::open(file)?;
    ensure!(
        rows.dim == held,
        "{name}: its rows have {} values, the memory's embeddings have {held}; use the memory's encoder",
        rows.dim
    );
    let labels = match (labels_file, &reading.label) {
        (Some(file), _) => labels::read(file, reading.label_column.as_deref().unwrap_or("label"))?,
        (None, Some(label)) => vec![label.clone(); rows.rows],
        (None, None) => return Err(wrong_use(format!("{name}: say with --labels FILE or --label what its rows show"))),
    };
    ensure!(
        labels.len() == rows.rows,
        "{name}: {} for {}; give one label for each row",
        output::counted(labels.len(), "label"),
        output::counted(rows.rows, "row")
    );
    let values = rows.next_rows(rows.rows)?;
    let (mut queries, mut failed) = (Vec::with_capacity(labels.len()), 0);
    for (row, (embedding, label)) in values.chunks_exact(rows.dim).zip(labels).enumerate() {
        match fault(embedding) {
            Some(fault) => {
                output::note(format_args!("warning: {} {fault}", rows.name_of(row)));
                failed += 1;
            }
            None => {
                queries.push(Labelled { name: rows.name_of(row), truth: vec![label], embedding: embedding.to_vec() })
            }
        }
    }
    Ok((queries, failed))
}

/// Encodes pictures, and keeps their embeddings.
struct Pictures {
    encoder: Encoder,
    kept: kept::Embeddings,
    is_kept: bool,
}

impl Pictures {
    fn new(memory: &Memory, asked: &Asked) -> Result<Self> {
        Ok(Self {
            encoder: encoder::load(&asked.encoding, Some((memory.path(), memory.encoder())))?,
            kept: kept::Embeddings::open(asked.output.as_deref(), memory.encoder()),
            is_kept: asked.output.is_some(),
        })
    }

    /// The queries of a data set, and how many could not be read, each of which gets a warning. A picture that is listed
    /// again has all the labels that it is listed under.
    fn encode(&mut self, dataset: Dataset) -> Result<(Vec<Labelled>, usize)> {
        let Dataset { pictures, count, .. } = dataset;
        let labels: Mutex<HashMap<PathBuf, Vec<String>>> = Mutex::default();
        let at_first = |picture: &LabelledPicture| {
            let mut all = labels.lock().unwrap_or_else(PoisonError::into_inner);
            let labels = all.entry(picture.path.clone()).or_default();
            let is_first = labels.is_empty();
            if !labels.contains(&picture.label) {
                labels.push(picture.label.clone());
            }
            is_first
        };
        let mut progress = Progress::up_to(count, "pictures");
        let (mut encoded, mut new, mut failed) = (Vec::new(), Vec::new(), 0);
        let mut stopped = false;
        let kept = &self.kept;
        self.encoder.encode_stream(
            pictures.filter(at_first),
            &|_, content| kept.get(content).is_none(),
            &mut |picture| {
                progress.advance(1);
                let embedding = match (picture.outcome, picture.hash) {
                    (Encoding::Embedded(embedding), content) => {
                        new.extend(content.map(|content| (content, embedding.clone())));
                        Some(embedding)
                    }
                    (Encoding::Skipped, content) => content.and_then(|content| kept.get(&content)).map(<[f32]>::to_vec),
                    (Encoding::Failed(error), _) => {
                        progress.pause(|| output::note(format_args!("warning: {error}")));
                        None
                    }
                };
                match embedding {
                    Some(embedding) => encoded.push((picture.input.path, embedding)),
                    None => failed += 1,
                }
                stopped = interrupted();
                if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        self.kept.add(new)?;
        if stopped {
            bail!("stopped{}", if self.is_kept { "; the same command again goes on from there" } else { "" });
        }
        let mut labels = labels.into_inner().unwrap_or_else(PoisonError::into_inner);
        let query = |(path, embedding): (PathBuf, _)| Labelled {
            name: path.display().to_string(),
            truth: labels.remove(&path).unwrap_or_default(),
            embedding,
        };
        Ok((encoded.into_iter().map(query).collect(), failed))
    }
}
