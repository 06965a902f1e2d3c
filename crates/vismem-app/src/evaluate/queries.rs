//! Labelled queries: read as `add` reads them, and encoded.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use vismem::Memory;
use vismem_data::embeddings::fault;
use vismem_data::{Dataset, Embeddings, LabelledPicture, Reading, embedding_folder, has_extension, labels};
use vismem_encode::{Encoder, Outcome as Encoding};
use vismem_eval::gather::{Kind, Labelled, QuerySet};
use vismem_models::Purpose;

use super::ground::name_of;
use super::{Asked, kept};
use crate::add::for_pictures;
use crate::{Error, Failure, Observer, RequestError, Result, embeddings, held};

/// The queries, a set for each path, and how many could not be read.
pub fn read(
    memory: &Memory,
    asked: &Asked<'_>,
    output: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<(Vec<QuerySet>, usize)> {
    let (encoded, others): (Vec<_>, Vec<_>) = asked.queries.iter().partition(|path| embedding_folder::is_one(path));
    let (arrays, pictures): (Vec<_>, Vec<_>) = others.into_iter().partition(|path| has_extension(path, "npy"));
    if !encoded.is_empty() && asked.reading.label.is_some() {
        return Err(RequestError::Exported.into());
    }
    if !asked.labels.is_empty() && asked.labels.len() != arrays.len() {
        return Err(RequestError::LabelFiles { files: asked.labels.len(), arrays: arrays.len() }.into());
    }
    if let Some(field) = for_pictures(&asked.reading).filter(|_| pictures.is_empty()) {
        return Err(RequestError::ForPictures { field }.into());
    }
    if asked.encoding.request.views.is_some() && pictures.is_empty() {
        return Err(RequestError::ForPictures { field: "views" }.into());
    }
    // Whatever is wrong with a whole file is said before anything is encoded.
    let datasets =
        pictures.iter().map(|path| Ok(vismem_data::open_truth(path, &asked.reading)?)).collect::<Result<Vec<_>>>()?;
    let mut pictures = match datasets.is_empty() {
        true => None,
        false => {
            let encoder = asked.encoding.load(Some(held(memory, Purpose::Queries)), observer)?;
            // Not the memory's: queries may be encoded in other views.
            let kept = kept::Embeddings::open(output, &vismem_models::identity(&encoder));
            Some(Pictures { encoder, kept })
        }
    };
    let (mut datasets, mut label_files) = (datasets.into_iter(), asked.labels.iter().map(PathBuf::as_path));

    let mut unreadable = 0;
    let mut sets = Vec::with_capacity(asked.queries.len());
    for path in asked.queries {
        let (queries, failed) = match &mut pictures {
            _ if embedding_folder::is_one(path) => encoded_rows(memory, path, observer)?,
            Some(pictures) if !has_extension(path, "npy") => {
                pictures.encode(datasets.next().expect("one was opened for each of these paths"), observer)?
            }
            _ => rows(memory, path, label_files.next(), &asked.reading, observer)?,
        };
        unreadable += failed;
        if queries.is_empty() {
            return Err(Error::NoUsableQuery { path: path.clone() });
        }
        sets.push(QuerySet::new(&name_of(path), memory.encoder().dim, queries)?);
    }
    // Sets are told apart by their names.
    let names: Vec<String> = sets.iter().map(|set: &QuerySet| set.name.clone()).collect();
    for (set, path) in sets.iter_mut().zip(asked.queries) {
        if names.iter().filter(|name| **name == set.name).count() > 1 {
            set.name = path.display().to_string();
        }
    }
    Ok((sets, unreadable))
}

/// The rows of a `.npy` file.
fn rows(
    memory: &Memory,
    file: &Path,
    labels_file: Option<&Path>,
    reading: &Reading,
    observer: &mut dyn Observer,
) -> Result<(Vec<Labelled>, usize)> {
    let mut rows = embeddings::checked_width(Embeddings::open(file)?, file, memory.encoder().dim)?;
    let labels = match (labels_file, &reading.label) {
        (Some(file), _) => labels::read(file, reading.label_column.as_deref().unwrap_or("label"))?,
        (None, Some(label)) => vec![label.clone(); rows.rows],
        (None, None) => return Err(RequestError::NoLabels { path: file.into() }.into()),
    };
    if labels.len() != rows.rows {
        return Err(Error::LabelCount { path: file.into(), labels: labels.len(), rows: rows.rows });
    }
    let values = rows.next_rows(rows.rows)?;
    let (mut queries, mut failed) = (Vec::with_capacity(labels.len()), 0);
    for (row, (embedding, label)) in values.chunks_exact(rows.dim).zip(labels).enumerate() {
        match fault(embedding) {
            Some(fault) => {
                observer.failed(&Failure::of_row(rows.name_of(row), fault));
                failed += 1;
            }
            None => {
                let (name, embedding) = (rows.name_of(row), embedding.to_vec());
                queries.push(Labelled { name, truth: vec![label], kind: Kind::Row, embedding })
            }
        }
    }
    Ok((queries, failed))
}

/// The rows of a folder of embeddings, which knows what they are called.
fn encoded_rows(memory: &Memory, folder: &Path, observer: &mut dyn Observer) -> Result<(Vec<Labelled>, usize)> {
    let (mut queries, mut failed) = (Vec::new(), 0);
    for embeddings::Encoded { name, label, embedding } in embeddings::encoded(folder, memory)? {
        match embedding {
            Ok(embedding) => {
                let kind = if Path::new(&name).is_file() { Kind::File } else { Kind::Packed };
                queries.push(Labelled { name, truth: vec![label], kind, embedding });
            }
            Err(fault) => {
                observer.failed(&Failure::of_row(name, fault));
                failed += 1;
            }
        }
    }
    Ok((queries, failed))
}

/// Encodes pictures, and keeps their embeddings.
struct Pictures {
    encoder: Encoder,
    kept: kept::Embeddings,
}

impl Pictures {
    /// The queries of a data set, and how many could not be read, each of which gets a warning. A picture that is listed
    /// again has all the labels that it is listed under.
    fn encode(&mut self, dataset: Dataset, observer: &mut dyn Observer) -> Result<(Vec<Labelled>, usize)> {
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
        let (mut encoded, mut new, mut failed) = (Vec::new(), Vec::new(), 0);
        let (mut done, mut stopped) = (0, false);
        let kept = &self.kept;
        self.encoder.encode_stream(
            pictures.filter(at_first),
            &|_, content| kept.get(content).is_none(),
            &mut |picture| {
                done += 1;
                let embedding = match (picture.outcome, picture.hash) {
                    (Encoding::Embedded(embedding), content) => {
                        new.extend(content.map(|content| (content, embedding.clone())));
                        Some(embedding)
                    }
                    (Encoding::Skipped, content) => content.and_then(|content| kept.get(&content)).map(<[f32]>::to_vec),
                    (Encoding::Failed(error), _) => {
                        observer.failed(&Failure::of_picture(&picture.input, error.to_string()));
                        None
                    }
                };
                match embedding {
                    Some(embedding) => encoded.push((picture.input.path, embedding)),
                    None => failed += 1,
                }
                let go_on = observer.step("pictures", done, count);
                stopped = go_on.is_break();
                go_on
            },
        );
        self.kept.add(new)?;
        if stopped {
            return Err(Error::Cancelled);
        }
        let mut labels = labels.into_inner().unwrap_or_else(PoisonError::into_inner);
        let query = |(path, embedding): (PathBuf, _)| Labelled {
            name: path.display().to_string(),
            truth: labels.remove(&path).unwrap_or_default(),
            kind: if path.is_file() { Kind::File } else { Kind::Packed },
            embedding,
        };
        Ok((encoded.into_iter().map(query).collect(), failed))
    }
}
