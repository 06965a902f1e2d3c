//! What became of that which exemplars came from, and whether it is encoded today as it was.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Serialize;
use vismem::search::distance;
use vismem::{Memory, Stored};
use vismem_data::{Embeddings, Finding, LabelledPicture, SourceResolver, inside};
use vismem_encode::{Encoder, Outcome};
use vismem_models::{LoadError, Purpose};

use crate::embeddings::{checked_width, embedding_row};
use crate::{Encoding, Error, Observer, Result, held};

/// Runtimes, processors and versions of a decoder may differ so much, as a cosine distance; see `docs/encoders.md`.
const SAME_ENCODER: f32 = 0.002;

/// Up to this distance a row of embeddings is what it was.
const SAME_ROW: f32 = 1e-6;
/// Rows that are read together.
const TOGETHER: usize = 1024;

const NOT_THERE: &str = "is not there any more";
const OTHER_PICTURE: &str = "is another picture now";
const OTHER_ROW: &str = "is another embedding now";

/// What became of that which a sample of the exemplars came from.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sources {
    /// How many exemplars were looked at.
    pub sampled: usize,
    /// How many of them have no source, or a text that is no path.
    pub without_source: usize,
    /// Those whose picture or row is not there, cannot be read, or is another one now.
    pub gone: Vec<Gone>,
    /// What encoding the others again came to; `None` if there was nothing to encode, or no encoder.
    pub encoded: Option<Encoded>,
    /// Why nothing could be encoded.
    pub encoder_error: Option<String>,
}

/// An exemplar whose source is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// The exemplar.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where it came from.
    pub source: String,
    /// What is wrong.
    pub reason: String,
}

/// Pictures that are what they were, encoded again, beside what the memory has.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Encoded {
    /// How many.
    pub pictures: usize,
    /// What encoded them.
    pub encoder: String,
    /// What ran the encoder.
    pub runtime: String,
    /// The mean cosine distance between the embedding that the memory has and the one of today, 0..=2.
    pub mean_distance: f64,
    /// The largest.
    pub max_distance: f32,
    /// The distance up to which two are taken for the same encoding.
    pub tolerance: f32,
    /// The exemplars beyond it, the largest distance first.
    pub differing: Vec<Differing>,
}

/// An exemplar whose picture is encoded differently today.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Differing {
    /// The exemplar.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where it came from.
    pub source: String,
    /// The cosine distance between both embeddings, 0..=2.
    pub distance: f32,
}

impl Sources {
    pub(super) fn are_as_they_were(&self) -> bool {
        let differ = self.encoded.as_ref().is_some_and(|encoded| !encoded.differing.is_empty());
        self.gone.is_empty() && self.encoder_error.is_none() && !differ
    }
}

/// An exemplar of the sample.
pub(super) struct Sampled {
    pub id: u64,
    pub label: String,
    pub source: Option<PathBuf>,
    content: [u8; 32],
    embedding: Vec<f32>,
}

pub(super) fn sampled(memory: &Memory, ids: &[u64]) -> Result<Vec<Sampled>> {
    let sampled = |stored: Stored<'_>| Sampled {
        id: stored.id,
        label: stored.label,
        source: stored.source.map(|source| source.as_path().to_owned()),
        content: stored.content,
        embedding: stored.embedding.to_vec(),
    };
    Ok(memory.stored_all(ids)?.into_iter().map(sampled).collect())
}

pub(super) fn check(
    memory: &Memory,
    sampled: &[Sampled],
    encoding: &Encoding,
    observer: &mut dyn Observer,
) -> Result<Sources> {
    let mut by_source: HashMap<&Path, Vec<&Sampled>> = HashMap::new();
    let mut rows: BTreeMap<PathBuf, Vec<(usize, &Sampled)>> = BTreeMap::new();
    let (mut files, mut holders) = (Vec::new(), BTreeMap::new());
    let mut found = Sources { sampled: sampled.len(), ..Sources::default() };
    for exemplar in sampled {
        let Some(source) = exemplar.source.as_ref().filter(|source| source.is_absolute()) else {
            found.without_source += 1;
            continue;
        };
        if let Some((file, row)) = embedding_row(source).filter(|_| !source.exists()) {
            rows.entry(file).or_default().push((row, exemplar));
            continue;
        }
        by_source.entry(source).or_default().push(exemplar);
        match inside::holder(source) {
            Some((holder, name)) => drop(holders.insert(inside::column(holder, &name), ())),
            None => files.push(source.clone()),
        }
    }
    for (file, exemplars) in rows {
        found.gone.extend(changed_rows(memory, &file, exemplars));
    }
    files.dedup();
    let mut pictures: Box<dyn Iterator<Item = LabelledPicture> + Send> =
        Box::new(files.into_iter().map(|file| LabelledPicture::file(file, String::new())));
    for (holder, image_column) in holders.into_keys() {
        match vismem_data::open_unlabelled(&holder, &Finding { image_column, ..Finding::default() }) {
            Ok(dataset) => pictures = Box::new(pictures.chain(dataset.pictures)),
            // The pictures in it are then not found, for this reason.
            Err(error) => found.gone.extend(by_source.iter().flat_map(|(source, exemplars)| {
                let is_inside = inside::holder(source).is_some_and(|(path, _)| path == holder);
                exemplars.iter().filter(move |_| is_inside).map(|exemplar| gone(exemplar, error.to_string()))
            })),
        }
    }
    if !by_source.is_empty() {
        match encoding.load(Some(held(memory, Purpose::Exemplars)), observer) {
            Ok(encoder) => encode(&encoder, by_source, pictures, &mut found, observer)?,
            // That is no fault of the memory.
            Err(Error::Load { model, source }) if matches!(*source, LoadError::OtherViews { .. }) => {
                return Err(Error::Load { model, source });
            }
            Err(error) => {
                found.encoder_error = Some(error.to_string());
                found.gone.extend(by_source.into_values().flatten().filter_map(changed));
            }
        }
    }
    found.gone.sort_by_key(|gone| gone.id);
    found.gone.dedup_by_key(|gone| gone.id);
    Ok(found)
}

/// Encodes the pictures of the sample that are what they were. Those that do not come, or are others, are gone.
fn encode(
    encoder: &Encoder,
    mut waiting: HashMap<&Path, Vec<&Sampled>>,
    pictures: impl Iterator<Item = LabelledPicture> + Send,
    found: &mut Sources,
    observer: &mut dyn Observer,
) -> Result<()> {
    let total = waiting.values().map(Vec::len).sum::<usize>() as u64;
    let contents: HashMap<[u8; 32], &Sampled> =
        waiting.values().flatten().map(|exemplar| (exemplar.content, *exemplar)).collect();
    let sources: HashSet<PathBuf> = waiting.keys().map(|source| (*source).to_owned()).collect();
    let pictures = pictures.filter(|picture| sources.contains(&picture.path));
    let (mut encoded, mut sum, mut done) = (Encoded::of(encoder), 0.0, 0);
    let mut stopped = false;
    encoder.encode_stream(pictures, &|_, content| contents.contains_key(content), &mut |picture| {
        let exemplars = waiting.remove(picture.input.path.as_path()).unwrap_or_default();
        for exemplar in exemplars {
            done += 1;
            match &picture.outcome {
                Outcome::Embedded(embedding) if picture.hash == Some(exemplar.content) => {
                    let distance = distance(&exemplar.embedding, embedding).max(0.0);
                    encoded.add(exemplar, distance);
                    sum += f64::from(distance);
                }
                Outcome::Failed(error) => found.gone.push(gone(exemplar, error.kind().to_string())),
                Outcome::Embedded(_) | Outcome::Skipped => found.gone.push(gone(exemplar, OTHER_PICTURE)),
            }
        }
        let go_on = observer.step("pictures", done, Some(total));
        stopped = go_on.is_break();
        go_on
    });
    if stopped {
        return Err(Error::Cancelled);
    }
    found.gone.extend(waiting.into_values().flatten().map(|exemplar| gone(exemplar, NOT_THERE)));
    if encoded.pictures > 0 {
        encoded.mean_distance = sum / encoded.pictures as f64;
        encoded.differing.sort_by(|a, b| b.distance.total_cmp(&a.distance));
        found.encoded = Some(encoded);
    }
    Ok(())
}

impl Encoded {
    fn of(encoder: &Encoder) -> Self {
        let (name, runtime) = (vismem_models::identity(encoder).name, encoder.runtime().to_owned());
        Self { encoder: name, runtime, tolerance: SAME_ENCODER, ..Self::default() }
    }

    fn add(&mut self, exemplar: &Sampled, distance: f32) {
        self.pictures += 1;
        self.max_distance = self.max_distance.max(distance);
        if distance > SAME_ENCODER {
            let Gone { id, label, source, .. } = gone(exemplar, "");
            self.differing.push(Differing { id, label, source, distance });
        }
    }
}

/// The exemplars whose rows in a file of embeddings are not there or are others.
fn changed_rows(memory: &Memory, file: &Path, mut exemplars: Vec<(usize, &Sampled)>) -> Vec<Gone> {
    exemplars.sort_unstable_by_key(|(row, _)| *row);
    let mut changed = Vec::new();
    let opened = Embeddings::open(file).map_err(Error::from);
    let mut rows = match opened.and_then(|rows| checked_width(rows, file, memory.encoder().dim)) {
        Ok(rows) => rows,
        Err(error) => {
            let reason = error.to_string();
            return exemplars.into_iter().map(|(_, exemplar)| gone(exemplar, reason.clone())).collect();
        }
    };
    let dim = rows.dim;
    let (mut first, mut values) = (0, Vec::new());
    for (row, exemplar) in exemplars {
        while row >= first + values.len() / dim {
            first += values.len() / dim;
            // What cannot be read is not there.
            values = rows.next_rows(TOGETHER).unwrap_or_default();
            if values.is_empty() {
                break;
            }
        }
        let values = row.checked_sub(first).and_then(|at| values.get(at * dim..(at + 1) * dim));
        let unit = values.and_then(|values| vismem::unit(row, values, dim).ok());
        match unit {
            None => changed.push(gone(exemplar, NOT_THERE)),
            Some(unit) if distance(&unit, &exemplar.embedding) > SAME_ROW => changed.push(gone(exemplar, OTHER_ROW)),
            Some(_) => {}
        }
    }
    changed
}

/// What became of a picture, without an encoder.
fn changed(exemplar: &Sampled) -> Option<Gone> {
    let reason = match SourceResolver::default().open(exemplar.source.as_deref()?) {
        Ok(bytes) if blake3::hash(&bytes).as_bytes() == &exemplar.content => return None,
        Ok(_) => OTHER_PICTURE.to_owned(),
        Err(error) => error.to_string(),
    };
    Some(gone(exemplar, reason))
}

fn gone(exemplar: &Sampled, reason: impl Into<String>) -> Gone {
    let source = exemplar.source.as_ref().map_or_else(String::new, |source| source.display().to_string());
    Gone { id: exemplar.id, label: exemplar.label.clone(), source, reason: reason.into() }
}
