//! Pruning: setting it, seeing what it does, and trying which does best.

mod advice;
mod page;

use std::path::Path;

use serde::Serialize;
use vismem::{Editor, Memory, Pruned, Pruning, Vote};

pub use self::advice::{Suggestion, Trial};
pub use self::page::{Correction, Page, Suspect};
use crate::calibration::Before;
use crate::index::keep_lists;
use crate::observer::Steps;
use crate::{Observer, Result, forget};

/// Where right neighbours run out, a pruning that hides a larger share of the memory is hardly meant.
const MANY: f64 = 0.25;

/// What pruning does in a memory.
#[derive(Debug, Serialize)]
pub struct Effect {
    /// The memory.
    pub memory: String,
    /// The pruning; `None` for none.
    pub pruning: Option<Pruning>,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// How many exemplars the memory holds.
    pub exemplars: usize,
    /// How many of them are hidden.
    pub hidden: usize,
    /// Labels all of whose exemplars are hidden, by name.
    pub hidden_labels: Vec<String>,
    /// How many of them vote with another weight.
    pub reduced: usize,
    /// The page of the exemplars that mislead most, the first of several.
    pub page: Option<String>,
    /// Who is on the pages, in their order; `None` without them.
    pub suspects: Option<Vec<Suspect>>,
    /// Whether so many are hidden because labels have fewer exemplars than neighbours are asked.
    #[serde(skip)]
    pub hides_too_many: bool,
}

/// Sets a pruning; only says what it would do, if it is a `dry_run`. A page shows the exemplars that mislead most.
///
/// # Errors
/// When the pruning is out of range, the memory cannot be read or changed, the page not be written, or the observer ends
/// it.
pub fn set(
    memory: &Path,
    pruning: Pruning,
    dry_run: bool,
    page: Option<&Page<'_>>,
    observer: &mut dyn Observer,
) -> Result<Effect> {
    let pruning = pruning.checked()?;
    if let Some(page) = page {
        forget::checked_page(page.file)?;
    }
    let path = memory;
    // Counted before it is set, so that no decision has to wait for it.
    let memory = Memory::open(path)?;
    keep_lists(&memory, pruning.neighbors(), observer);
    let pruned = memory.pruned_by(pruning, &mut Steps(observer))?;
    let pages = page.map(|page| page.write(&memory, &pruned, observer)).transpose()?;
    let mut effect = effect(&memory, Some(&pruned));
    let runs_out = pruning.neighbors() > usual_exemplars(&memory);
    effect.hides_too_many = runs_out && effect.hidden as f64 > MANY * effect.exemplars as f64;
    effect.dry_run = dry_run;
    if let Some((suspects, files)) = pages {
        effect.page = files.first().map(|file| file.display().to_string());
        effect.suspects = Some(suspects);
    }
    drop(memory);
    if !dry_run {
        let before = Before::of(path);
        Editor::open(path)?.set_pruning(Some(pruning))?;
        before.renew(observer);
    }
    Ok(effect)
}

/// Ends pruning: every exemplar counts as it is.
///
/// # Errors
/// When the memory cannot be changed.
pub fn off(memory: &Path, observer: &mut dyn Observer) -> Result<Effect> {
    let before = Before::of(memory);
    Editor::open(memory)?.set_pruning(None)?;
    before.renew(observer);
    Ok(effect(&Memory::open(memory)?, None))
}

/// Says what is set, and what it does.
///
/// # Errors
/// When the memory cannot be read, or the observer ends it.
pub fn show(memory: &Memory, observer: &mut dyn Observer) -> Result<Effect> {
    Ok(effect(memory, memory.pruned(&mut Steps(observer))?))
}

/// Tries prunings on the memory itself. For hard ones each exemplar asks `neighbors` others.
///
/// # Errors
/// When `k` or the vote is out of range, the memory cannot be read, or the observer ends it.
pub fn suggest(
    memory: &Memory,
    neighbors: usize,
    k: usize,
    vote: Vote,
    observer: &mut dyn Observer,
) -> Result<Suggestion> {
    keep_lists(memory, neighbors.max(k).max(Pruning::SOFT.neighbors()), observer);
    let trials = memory.try_prunings(neighbors, k, vote, &mut Steps(observer))?;
    Ok(Suggestion::of(memory, k, vote, trials))
}

/// How many exemplars half of the labels have.
fn usual_exemplars(memory: &Memory) -> usize {
    let mut counts: Vec<usize> = memory.labels().iter().map(|label| label.exemplars).collect();
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied().unwrap_or(0)
}

fn effect(memory: &Memory, pruned: Option<&Pruned>) -> Effect {
    Effect {
        memory: memory.path().display().to_string(),
        pruning: pruned.map(|pruned| pruned.pruning),
        dry_run: false,
        exemplars: memory.len(),
        hidden: pruned.map_or(0, |pruned| pruned.hidden().len()),
        hidden_labels: pruned.map_or_else(Vec::new, |pruned| memory.hidden_labels(pruned)),
        reduced: pruned.map_or(0, |pruned| pruned.reduced().len()),
        page: None,
        suspects: None,
        hides_too_many: false,
    }
}
