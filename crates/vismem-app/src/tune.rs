//! Choosing the vote that a memory decides by, by leave-one-out, and giving the choice up.

use std::path::Path;

use serde::Serialize;
use vismem::{Editor, Memory, Tuning};
use vismem_eval::{TuningChoice, choose_tuning};

use crate::calibration::{self, Before};
use crate::observer::Steps;
use crate::{Observer, Result};

/// How many exemplars are asked where nobody says otherwise: enough to tell differences of a point or two.
pub const SAMPLE: usize = 2000;

/// What was chosen, and why.
#[derive(Debug, Serialize)]
pub struct Tuned {
    /// The memory.
    pub memory: String,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// What was tried, and how it did.
    #[serde(flatten)]
    pub choice: TuningChoice,
    /// The event of the log; `None` if nothing was changed.
    pub event: Option<u64>,
}

/// What was given up.
#[derive(Debug, Serialize)]
pub struct Untuned {
    /// The memory.
    pub memory: String,
    /// What was chosen until now; `None` if nothing was.
    pub was: Option<Tuning>,
    /// What it decides by from now on: the default.
    pub decides_by: Tuning,
    /// The event of the log; `None` if nothing was changed.
    pub event: Option<u64>,
}

/// Chooses vote, parameters and number of neighbours by asking up to `sample` exemplars without themselves, see
/// [`choose_tuning`], has the memory decide by that, and [calibrates](calibration::renew) it for that; only says what it would do, if it is a `dry_run`.
///
/// # Errors
/// When nobody can be asked, the memory cannot be read or changed, or the observer ends it.
pub fn tune(memory: &Path, sample: usize, dry_run: bool, observer: &mut dyn Observer) -> Result<Tuned> {
    let choice = choose_tuning(&Memory::open(memory)?, sample, &mut Steps(observer))?;
    let mut event = None;
    if !dry_run {
        event = Editor::open(memory)?.set_tuning(Some(choice.chosen.tuning))?;
        if calibration::renew(memory, observer)?.is_none() {
            observer.note("too few exemplars share their labels to say how probable answers are");
        }
    }
    Ok(Tuned { memory: memory.display().to_string(), dry_run, choice, event: event.map(|event| event.id) })
}

/// Gives the choice up: the memory decides by the default.
///
/// # Errors
/// When the memory cannot be changed.
pub fn off(memory: &Path, observer: &mut dyn Observer) -> Result<Untuned> {
    let was = Memory::open(memory)?.tuning()?;
    let before = Before::of(memory);
    let event = Editor::open(memory)?.set_tuning(None)?;
    before.renew(observer);
    let memory = memory.display().to_string();
    Ok(Untuned { memory, was, decides_by: Tuning::default(), event: event.map(|event| event.id) })
}
