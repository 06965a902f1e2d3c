//! Data sets that a use case reads; what is not kept of them is said.

use std::path::{Path, PathBuf};

use vismem::Memory;
use vismem_data::{Dataset, Reading, UnusedColumns};

use crate::{Observer, RequestError, Result};

/// Opens everything that is named, with attributes of the types that they have in this memory.
pub(crate) fn open_for(
    memory: &Path,
    paths: &[PathBuf],
    reading: &Reading,
    observer: &mut dyn Observer,
) -> Result<Dataset> {
    // A memory that cannot be read is found out when it is written.
    let known = Memory::open(memory).and_then(|memory| memory.attributes()).unwrap_or_default();
    let attribute_types = known.into_iter().map(|attribute| (attribute.name, attribute.kind)).collect();
    open(paths, &Reading { attribute_types, ..reading.clone() }, observer)
}

/// Opens everything that is named.
pub(crate) fn open(paths: &[PathBuf], reading: &Reading, observer: &mut dyn Observer) -> Result<Dataset> {
    if paths.is_empty() {
        return Err(RequestError::NoPath.into());
    }
    let dataset = vismem_data::open(paths, reading)?;
    for UnusedColumns { path, columns } in &dataset.unused_columns {
        let (path, columns) = (path.display(), columns.join(", "));
        observer.note(&format!("{path}: of bytes, lists or groups, and so no attributes: {columns}"));
    }
    Ok(dataset)
}
