//! Adding pictures and embeddings to a memory.

pub(crate) mod indexes;
pub(crate) mod pictures;
pub(crate) mod report;
mod rows;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vismem::{Editor, Memory, Taxonomy};
use vismem_data::{Reading, clip_retrieval, embedding_folder, has_extension, taxonomy};
use vismem_models::{EncoderRequest, Hub};

pub(crate) use self::report::Tally;
pub use self::report::{AddReport, ItemKind, OtherLabel};
use crate::calibration::Before;
use crate::{Observer, RequestError, Result, datasets, import};

/// What is to be added, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AddRequest {
    /// Data sets of pictures in any form that [`vismem_data::open`] knows; or one `.npy` file of embeddings, or one folder
    /// of clip-retrieval; or folders that an export or encoding wrote.
    pub paths: Vec<PathBuf>,
    /// The file that has the labels of the rows of a `.npy` file.
    pub labels: Option<PathBuf>,
    /// A CSV of levels above the labels.
    pub taxonomy: Option<PathBuf>,
    /// How many exemplars each transaction holds: what a kill can cost. `None` is 256 pictures, 16,384 embeddings.
    pub commit_every: Option<NonZeroUsize>,
    /// The encoder of pictures, or the one that embeddings come from.
    pub encoder: EncoderRequest,
    /// How data sets are read.
    pub reading: Reading,
}

/// What a path brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brings {
    Pictures,
    /// A file of embeddings.
    Rows,
    /// Embeddings in many files, with tables of metadata.
    ClipRetrieval,
    /// What an export wrote.
    Exported,
}

impl Brings {
    fn of(path: &Path) -> Self {
        if has_extension(path, "npy") {
            Self::Rows
        } else if embedding_folder::is_one(path) {
            Self::Exported
        } else if clip_retrieval::is_one(path) {
            Self::ClipRetrieval
        } else {
            Self::Pictures
        }
    }
}

/// Adds pictures or embeddings to the memory at a path, which is made if there is none, and brings its indexes up to date.
/// What was added before an error or before the observer ended it is kept, and the same call again goes on from there.
///
/// # Errors
/// When the request cannot be meant, the encoder cannot be loaded or is not the memory's, or a file as a whole cannot be
/// read. A picture or a row that cannot be read is in [`AddReport::failed`].
pub fn add(memory: &Path, request: &AddRequest, hub: &Hub, observer: &mut dyn Observer) -> Result<AddReport> {
    let before = Before::of(memory);
    let tally = add_what_is_named(memory, request, hub, observer)?;
    // Who ended it does not wait for indexes.
    if tally.complete {
        indexes::update(memory, observer);
        // A data set may have brought a taxonomy.
        before.renew(observer);
    }
    tally.report(memory)
}

fn add_what_is_named(memory: &Path, request: &AddRequest, hub: &Hub, observer: &mut dyn Observer) -> Result<Tally> {
    let taxonomy = request.taxonomy.as_deref().map(taxonomy::read).transpose()?;
    let first = request.paths.first().ok_or(RequestError::NoPath)?;
    let brings = Brings::of(first);
    if request.paths.iter().any(|path| Brings::of(path) != brings) {
        return Err(RequestError::Mixed.into());
    }
    if request.labels.is_some() && brings != Brings::Rows {
        return Err(RequestError::LabelsOfPictures.into());
    }
    if let Some(field) = for_pictures(&request.reading).filter(|_| brings != Brings::Pictures) {
        return Err(RequestError::ForPictures { field }.into());
    }
    let encodes = brings == Brings::Pictures || request.encoder.model.is_some();
    if request.encoder.views.is_some() && !encodes {
        return Err(RequestError::ForPictures { field: "views" }.into());
    }
    match (brings, &request.paths[..]) {
        (Brings::Pictures, paths) => {
            let mut dataset = datasets::open_for(memory, paths, &request.reading, observer)?;
            dataset.taxonomies.extend(taxonomy);
            let options = pictures::Options { encoder: &request.encoder, hub, commit_every: request.commit_every };
            pictures::add(memory, &options, dataset, &mut |_, _| {}, observer)
        }
        (Brings::Exported, paths) => {
            if request.encoder.model.is_some() || request.reading.label.is_some() || taxonomy.is_some() {
                return Err(RequestError::Exported.into());
            }
            import::add(memory, paths, observer)
        }
        (Brings::Rows, [file]) => rows::add_file(memory, request, file, taxonomy.as_ref(), hub, observer),
        (Brings::ClipRetrieval, [folder]) => {
            rows::add_shards(memory, request, folder, taxonomy.as_ref(), hub, observer)
        }
        _ => Err(RequestError::Mixed.into()),
    }
}

/// A field that is set and makes sense for pictures alone.
pub(crate) fn for_pictures(reading: &Reading) -> Option<&'static str> {
    let given = [
        (!reading.levels.is_empty(), "levels"),
        (reading.attributes.is_some(), "attributes"),
        (reading.nested.is_some(), "nested"),
        (reading.class_names.is_some(), "class_names"),
        (reading.finding.image_column.is_some(), "image_column"),
        (reading.finding.images.is_some(), "images"),
    ];
    given.into_iter().find(|(given, _)| *given).map(|(_, field)| field)
}

/// The memory's encoder, where there is a memory already.
fn encoder_of(memory: &Path) -> Result<Option<vismem::EncoderIdentity>> {
    match Memory::open(memory) {
        Ok(memory) => Ok(Some(memory.encoder().clone())),
        Err(vismem::StoreError::NotFound { .. } | vismem::StoreError::NotAMemory { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn add_taxonomies<'t>(
    editor: &mut Editor,
    taxonomies: impl IntoIterator<Item = &'t Taxonomy>,
) -> Result<()> {
    taxonomies.into_iter().try_for_each(|taxonomy| editor.add_taxonomy(taxonomy).map(|_| ()).map_err(Into::into))
}
