//! What a memory is, and what additions changed in its decisions.

use serde::Serialize;
use vismem::{Memory, Since, Vote};

use crate::observer::Steps;
use crate::{Error, Observer, Result, index};

/// Which decisions are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The first batch of additions that counts as new; `None`: the last one.
    pub batch: Option<u64>,
    /// How many neighbours vote.
    pub k: usize,
    /// How they vote.
    pub vote: Vote,
}

/// What a memory is.
#[derive(Debug, Serialize)]
pub struct Stats {
    /// The memory.
    pub memory: String,
    /// Its numbers.
    #[serde(flatten)]
    pub stats: vismem::Stats,
    /// What additions changed, if that was asked for.
    pub since: Option<Since>,
}

/// What the memory is; with a comparison, what additions changed in the decisions on older exemplars.
///
/// # Errors
/// When nothing was ever added, there is no such batch, or the memory cannot be read.
pub fn stats(memory: &Memory, comparison: Option<Comparison>, observer: &mut dyn Observer) -> Result<Stats> {
    let since = comparison.map(|comparison| compare(memory, comparison, observer)).transpose()?;
    // After the comparison, which may have made a file.
    Ok(Stats { memory: memory.path().display().to_string(), stats: memory.stats()?, since })
}

fn compare(memory: &Memory, comparison: Comparison, observer: &mut dyn Observer) -> Result<Since> {
    let Comparison { batch, k, vote } = comparison;
    let batch = match batch {
        Some(batch) => batch,
        None => memory
            .last_batch()?
            .ok_or_else(|| Error::Nothing { memory: memory.path().into(), what: "nothing was ever added" })?,
    };
    index::keep_lists(memory, k, observer);
    Ok(memory.changed_since(batch, k, vote, &mut Steps(observer))?)
}
