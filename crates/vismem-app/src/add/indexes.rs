use std::path::Path;

use vismem::{BuildOptions, Memory};

use crate::observer::Steps;
use crate::{Observer, Result};

/// After something was added: brings the indexes up to date that are there, and builds those that pay. What goes wrong is
/// told and loses nothing.
pub(crate) fn update(memory: &Path, observer: &mut dyn Observer) {
    if let Err(error) = build(memory, observer) {
        observer.indexes_behind(error);
    }
}

fn build(memory: &Path, observer: &mut dyn Observer) -> Result<()> {
    let memory = Memory::open(memory)?;
    for kind in memory.indexes_behind()? {
        memory.build_index(kind, &BuildOptions::default(), &mut Steps(observer))?;
    }
    Ok(())
}
