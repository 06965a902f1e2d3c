//! Embeddings of labelled pictures into files, to be added later and elsewhere.

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use vismem::{EncoderIdentity, Taxonomy};
use vismem_data::embedding_folder::{self, Entry, FolderWriter};
use vismem_data::{Dataset, Note, PassedOver, Reading, TableFormat};
use vismem_encode::Outcome as Encoding;
use vismem_models::{EncoderRequest, Hub};
use vismem_report::words;

use crate::models::load_encoder;
use crate::{Error, Failure, IoContext, Observer, RequestError, Result, datasets};

/// What is to be encoded, and where the embeddings go.
#[derive(Debug, Clone)]
pub struct EncodeRequest {
    /// Data sets in any form that [`vismem_data::open`] knows.
    pub paths: Vec<PathBuf>,
    /// The folder, which is made if need be. What an export left there before is replaced.
    pub output: PathBuf,
    /// Only a share of the pictures.
    pub share: Option<Share>,
    /// How the metadata is written.
    pub metadata: TableFormat,
    /// The encoder.
    pub encoder: EncoderRequest,
    /// How data sets are read.
    pub reading: Reading,
}

/// A share of the pictures: every `of`-th one, from the `number`-th on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Which share, from 1 to `of`.
    pub number: NonZeroU64,
    /// How many shares there are.
    pub of: NonZeroU64,
}

/// What came of encoding; see `docs/json.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EncodeReport {
    /// The encoder.
    pub encoder: EncoderReport,
    /// How many pictures were encoded.
    pub encoded: usize,
    /// What could not be encoded.
    pub failed: Vec<Failure>,
    /// Files that were not read, by kind.
    pub passed_over: Vec<PassedOver>,
    /// What was read as it is and may be meant differently.
    pub notes: Vec<Note>,
    /// The files that were written.
    pub files: Vec<String>,
}

/// What embeddings come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EncoderReport {
    /// Its name.
    pub name: String,
    /// The hash of everything that makes its embeddings.
    pub hash: String,
    /// How many values an embedding has.
    pub dim: usize,
}

/// Encodes labelled pictures and writes their embeddings into a folder that [`add`](crate::add::add()) and
/// [`import`](crate::import::import()) read.
///
/// # Errors
/// When the request cannot be meant, the encoder cannot be loaded, a data set as a whole cannot be read, a file cannot be
/// written, or the observer ends it: then the folder is not whole, and nothing reads it. A picture that cannot be encoded is
/// in [`EncodeReport::failed`].
pub fn encode(request: &EncodeRequest, hub: &Hub, observer: &mut dyn Observer) -> Result<EncodeReport> {
    let (number, of) = request.share.map_or((1, 1), |share| (share.number.get(), share.of.get()));
    if number > of {
        return Err(RequestError::Share { number, of }.into());
    }
    let Dataset { pictures, count, taxonomies, survey, .. } =
        datasets::open(&request.paths, &request.reading, observer)?;
    let taxonomy = joined(taxonomies)?;
    let encoder = load_encoder(&request.encoder, hub, None, observer)?;
    let identity = vismem_models::identity(&encoder);
    if let Some(before) = embeddings_in(&request.output) {
        let (folder, before) =
            (request.output.display(), words::counted(before, "embedding").replace(words::NBSP, " "));
        observer.note(&format!("{folder} held {before} of an earlier run, which this one replaces"));
    }
    let mut folder = FolderWriter::create(&request.output, request.metadata, identity.dim, false)?;
    let count = count.map(|count| count / of + u64::from(count % of >= number));
    let mine = pictures.zip(0..).filter(move |(_, place)| place % of == number - 1).map(|(picture, _)| picture);
    let (mut failed, mut outcome, mut done) = (Vec::new(), Ok(()), 0);
    encoder.encode_stream(mine, &|_, _| true, &mut |encoded| {
        done += 1;
        if observer.step("pictures", done, count).is_break() {
            outcome = Err(Error::Cancelled);
            return ControlFlow::Break(());
        }
        let picture = encoded.input;
        match (encoded.outcome, encoded.hash) {
            (Encoding::Embedded(embedding), Some(content)) => {
                outcome = picture.source().at("find", &picture.path).and_then(|source| {
                    let (label, source, attributes) = (picture.label.as_str(), Some(&source), &picture.attributes);
                    Ok(folder.push(&Entry { id: None, label, source, content, attributes, embedding: &embedding })?)
                });
            }
            (Encoding::Failed(error), _) => {
                let failure = Failure::of_picture(&picture, error.to_string());
                observer.failed(&failure);
                failed.push(failure);
            }
            _ => {}
        }
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    outcome?;
    let encoded = folder.len();
    let files = folder.finish(&identity, None, &taxonomy)?;
    let EncoderIdentity { name, hash, dim } = identity;
    Ok(EncodeReport {
        encoder: EncoderReport { name, hash, dim },
        encoded,
        failed,
        passed_over: survey.passed_over(),
        notes: survey.notes(),
        files: files.iter().map(|file| file.display().to_string()).collect(),
    })
}

/// How many embeddings a folder has from an earlier run.
fn embeddings_in(folder: &Path) -> Option<usize> {
    let rows = embedding_folder::Folder::open(folder).ok()?.embeddings?;
    Some(rows.rows).filter(|rows| *rows > 0)
}

/// One taxonomy that says what all of them say.
fn joined(taxonomies: Vec<Taxonomy>) -> Result<Taxonomy> {
    let mut all = Taxonomy::default();
    for taxonomy in taxonomies {
        if all.levels.is_empty() {
            all.levels.clone_from(&taxonomy.levels);
        } else if all.levels != taxonomy.levels {
            return Err(Error::UnequalLevels { first: all.levels, other: taxonomy.levels });
        }
        for (label, names) in &taxonomy.labels {
            all.insert(label, names)?;
        }
    }
    Ok(all)
}
