//! What a memory holds, listed.

use serde::Serialize;
use vismem::{Exemplar, Label, Memory};

use crate::{Observer, Result, Selection, held};

/// The labels of a memory.
#[derive(Debug, Serialize)]
pub struct Labels {
    /// In the memory's order.
    pub labels: Vec<Label>,
}

/// Exemplars of a memory.
#[derive(Debug, Serialize)]
pub struct Exemplars {
    /// By id, ascending.
    pub exemplars: Vec<Exemplar>,
}

/// All labels.
pub fn labels(memory: &Memory) -> Labels {
    Labels { labels: memory.labels().to_vec() }
}

/// All exemplars.
///
/// # Errors
/// When the memory cannot be read.
pub fn all(memory: &Memory) -> Result<Exemplars> {
    let mut exemplars = Vec::with_capacity(memory.len());
    memory.for_each_exemplar(|exemplar| exemplars.push(exemplar))?;
    Ok(Exemplars { exemplars })
}

/// The exemplars that fit a selection.
///
/// # Errors
/// When the selection has no selector, see [`Selection::selector`], or the memory cannot be read.
pub fn selected(memory: &Memory, selection: &Selection, observer: &mut dyn Observer) -> Result<Exemplars> {
    let selector = selection.selector(held(memory), observer)?;
    let found = memory.exemplars(&memory.select(&selector)?)?;
    Ok(Exemplars { exemplars: found.into_iter().flatten().collect() })
}
