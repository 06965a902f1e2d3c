//! Exemplars as people name them.

use std::fmt;
use std::path::{Path, PathBuf};

use vismem::{Near, Selector, Where};
use vismem_data::{Embeddings, has_extension, inside};
use vismem_models::Held;

use crate::{Encoding, Error, Observer, RequestError, Result, embeddings};

/// A criterion for exemplars. Its text form is short: `label=tench`.
#[derive(Debug, Clone, PartialEq)]
pub enum Criterion {
    /// By id.
    Ids(Vec<u64>),
    /// By label.
    Label(String),
    /// By source, or its end after a `/`, with the wildcards of [`Selector::sources`].
    Source(String),
    /// By the run of additions that brought them.
    Batch(u64),
    /// By likeness to a picture, or to the rows of a `.npy` file: up to this cosine distance, 0 to 2.
    Like(PathBuf, f32),
    /// By attributes.
    Where(Where),
    /// Those that hard pruning hides.
    Pruned,
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ids(ids) => {
                write!(f, "id={}", ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
            }
            Self::Label(label) => write!(f, "label={label}"),
            Self::Source(glob) => write!(f, "source={glob}"),
            Self::Batch(batch) => write!(f, "batch={batch}"),
            Self::Like(file, distance) => write!(f, "like={},{distance}", file.display()),
            Self::Where(condition) => write!(f, "where={condition}"),
            Self::Pruned => write!(f, "pruned"),
        }
    }
}

/// Which exemplars are meant: criteria of one kind are alternatives, different kinds narrow each other.
#[derive(Clone)]
pub struct Selection {
    /// The criteria.
    pub criteria: Vec<Criterion>,
    /// What encodes the pictures of [`Criterion::Like`]; nothing is loaded without one.
    pub encoding: Encoding,
}

impl Selection {
    /// The selector, with pictures encoded as those of the memory are.
    ///
    /// # Errors
    /// When there is no criterion, a distance is out of range, or a file cannot be read or encoded.
    pub fn selector(&self, held: Held<'_>, observer: &mut dyn Observer) -> Result<Selector> {
        if self.criteria.is_empty() {
            return Err(RequestError::NoCriteria.into());
        }
        selector(&self.criteria, &self.encoding, held, observer)
    }
}

/// The selector of some criteria.
pub(crate) fn selector(
    criteria: &[Criterion],
    encoding: &Encoding,
    held: Held<'_>,
    observer: &mut dyn Observer,
) -> Result<Selector> {
    for criterion in criteria {
        if let Criterion::Like(_, distance) = criterion
            && !(0.0..=2.0).contains(distance)
        {
            return Err(RequestError::Distance(*distance).into());
        }
    }
    let mut selector = Selector::default();
    for criterion in criteria {
        match criterion {
            Criterion::Ids(ids) => selector.ids.extend(ids),
            Criterion::Label(label) => selector.labels.push(label.clone()),
            Criterion::Source(glob) => selector.sources.push(glob.clone()),
            Criterion::Batch(batch) => selector.batches.push(*batch),
            Criterion::Like(file, distance) => {
                let near = |embedding| Near { embedding, distance: *distance };
                selector.near.extend(like(file, encoding, held, observer)?.into_iter().map(near));
            }
            Criterion::Where(condition) => {
                let before = selector.filter.take();
                selector.filter = any_of(before.into_iter().chain([condition.clone()]));
            }
            Criterion::Pruned => selector.pruned = true,
        }
    }
    Ok(selector)
}

/// The condition that is met where one of these is; `None` for none.
pub(crate) fn any_of(conditions: impl IntoIterator<Item = Where>) -> Option<Where> {
    conditions.into_iter().reduce(Where::or)
}

/// The embedding of a picture, those in a `.npy` file, or the one that `FILE.npy#ROW` names.
fn like(file: &Path, encoding: &Encoding, held: Held<'_>, observer: &mut dyn Observer) -> Result<Vec<Vec<f32>>> {
    if let Some((rows, row)) = embeddings::embedding_row(file).filter(|_| !file.exists()) {
        return Ok(vec![embeddings::one(&rows, row, held.encoder.dim)?]);
    }
    if !has_extension(file, "npy") {
        let encoder = encoding.load(Some(held), observer)?;
        return Ok(vec![encoder.encode_file(inside::picture(file, None))?]);
    }
    let rows = Embeddings::open(file).map_err(|source| Error::Like { path: file.into(), source })?;
    let rows = embeddings::checked_width(rows, file, held.encoder.dim)?;
    let dim = rows.dim;
    Ok(embeddings::all(rows)?.chunks_exact(dim).map(<[f32]>::to_vec).collect())
}
