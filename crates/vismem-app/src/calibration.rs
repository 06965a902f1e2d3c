//! How probable a memory's answers are: found out, and kept true while the memory is changed.

use std::path::Path;

use vismem::{CalibrationStats, Memory, is_calibrated};

use crate::observer::Steps;
use crate::{Observer, Result};

/// Calibrates a memory for the vote that it decides by, and keeps that with it. `None` where too few of its exemplars share
/// their labels.
///
/// # Errors
/// When the memory cannot be read or written, or the observer ends it.
pub fn renew(memory: &Path, observer: &mut dyn Observer) -> Result<Option<CalibrationStats>> {
    let memory = Memory::open(memory)?;
    let Some(calibration) = memory.calibrate(&mut Steps(observer))? else { return Ok(None) };
    memory.keep_calibration(&calibration)?;
    Ok(Some(calibration.stats()))
}

/// Whether a memory was calibrated before something is changed that may end that.
pub(crate) struct Before<'m> {
    memory: &'m Path,
    is_calibrated: bool,
}

impl<'m> Before<'m> {
    pub(crate) fn of(memory: &'m Path) -> Self {
        Self { memory, is_calibrated: is_calibrated(memory) }
    }

    /// Calibrates it again if it was before the change and is not now. The change is made, so what goes wrong is worth a note.
    pub(crate) fn renew(self, observer: &mut dyn Observer) {
        if !self.is_calibrated || is_calibrated(self.memory) {
            return;
        }
        match renew(self.memory, observer) {
            Ok(Some(_)) => {}
            Ok(None) => observer.note(
                "too few exemplars share their labels now to say how probable answers are; the memory is not calibrated \
                 any more",
            ),
            Err(error) => observer.note(&format!("the memory is not calibrated any more: {error}")),
        }
    }
}
