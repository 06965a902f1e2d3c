use std::path::Path;

use crate::{Observer, index};

/// After something was added: brings the indexes up to date that are there, and builds those that pay. What goes wrong is
/// told and loses nothing.
pub(crate) fn update(memory: &Path, observer: &mut dyn Observer) {
    if let Err(error) = index::update(memory, observer) {
        observer.indexes_behind(error);
    }
}
