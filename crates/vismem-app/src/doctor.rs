//! Looking for what is wrong with a memory though all its files are sound: embeddings that the encoder would not give today,
//! pictures that were changed, label files that say something else, classes of one name, duplicates under different labels,
//! and queries that the memory has seen.

mod classes;
mod duplicates;
mod label_files;
mod shared;
mod sources;

use std::path::PathBuf;

use serde::Serialize;
use vismem::Memory;
use vismem_data::Finding;

pub use self::classes::{Classes, Doubtful};
pub use self::duplicates::{Duplicates, Pair, Side};
pub use self::label_files::{Disagreement, LabelFile};
pub use self::shared::{Shared, SharedQueries};
pub use self::sources::{Differing, Encoded, Gone, Sources};
use crate::{Encoding, Observer, RequestError, Result};

/// What is looked at.
#[derive(Clone)]
pub struct Request {
    /// How many exemplars are compared with what they came from; they are spread evenly over the memory.
    pub sample: usize,
    /// Up to this cosine distance, 0 to 2, two pictures are taken for the same.
    pub distance: f32,
    /// Sets of queries that should have nothing in common with the memory: pictures in any form, `.npy` files, folders of
    /// embeddings.
    pub queries: Vec<PathBuf>,
    /// Where the pictures of the queries are.
    pub finding: Finding,
    /// What encodes pictures.
    pub encoding: Encoding,
}

impl Request {
    /// How many exemplars are compared with what they came from, if nothing else is asked for.
    pub const SAMPLE: usize = 200;
    /// Pictures that are this near are mostly copies in another size or compression, or cut a little.
    pub const DISTANCE: f32 = 0.1;
}

/// What was found; see `docs/json.md`.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The memory.
    pub memory: String,
    /// How many exemplars it has.
    pub exemplars: usize,
    /// Whether nothing was found that should be looked into.
    pub healthy: bool,
    /// What became of that which a sample of the exemplars came from.
    pub sources: Sources,
    /// Label files beside the pictures of the sample that do not agree with the memory.
    pub label_files: Vec<LabelFile>,
    /// Labels that look like mistakes by their names.
    pub classes: Classes,
    /// Exemplars that are nearly the same.
    pub duplicates: Duplicates,
    /// What each set of queries has in common with the memory.
    pub queries: Vec<SharedQueries>,
}

/// Looks for everything of that kind. Nothing is changed, but that lists of neighbours may be kept.
///
/// # Errors
/// When the distance is out of range, the queries or the memory cannot be read, or an observer ends it. A picture or an
/// encoder that cannot be read is a finding, not an error, unless queries need that encoder.
pub fn doctor(memory: &Memory, request: &Request, observer: &mut dyn Observer) -> Result<Diagnosis> {
    if !(0.0..=2.0).contains(&request.distance) {
        return Err(RequestError::Distance(request.distance).into());
    }
    let (ids, _) = memory.sample(request.sample);
    let sampled = sources::sampled(memory, &ids)?;
    let sources = sources::check(memory, &sampled, &request.encoding, observer)?;
    let label_files = label_files::check(memory, &sampled)?;
    let classes = classes::check(memory);
    let duplicates = duplicates::check(memory, request.distance, observer)?;
    let queries = shared::check(memory, request, observer)?;
    let healthy = sources.are_as_they_were()
        && label_files.is_empty()
        && classes.are_sound()
        && duplicates.across_labels.is_empty()
        && queries.iter().all(|set| set.shared.is_empty() && set.failed.is_empty());
    Ok(Diagnosis {
        memory: memory.path().display().to_string(),
        exemplars: memory.len(),
        healthy,
        sources,
        label_files,
        classes,
        duplicates,
        queries,
    })
}
