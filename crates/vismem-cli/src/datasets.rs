//! Data sets as the options say how to read them, with faults of pictures in the words of the command line.

use std::path::Path;

use anyhow::Result;
use vismem_data::{Dataset, PassedOver};

use crate::args::reading::{Finding, Reading};
use crate::{output, remedy};

/// Opens everything that is named; what is not kept of it is said.
pub fn open(paths: &[impl AsRef<Path>], reading: &Reading) -> Result<Dataset> {
    open_as(paths, &reading.into())
}

fn open_as(paths: &[impl AsRef<Path>], reading: &vismem_data::Reading) -> Result<Dataset> {
    let dataset = vismem_data::open(paths, reading)?;
    for PassedOver { path, columns } in &dataset.passed_over {
        let (path, columns) = (path.display(), columns.join(", "));
        output::note(format_args!("note: {path}: of bytes, lists or groups, and so no attributes: {columns}"));
    }
    Ok(with_remedies(dataset))
}

/// Opens a data set of ground truth; see [`vismem_data::open_truth`].
pub fn open_truth(path: &Path, reading: &Reading) -> Result<Dataset> {
    Ok(with_remedies(vismem_data::open_truth(path, &reading.into())?))
}

/// Opens a data set of which the pictures alone are of interest.
pub fn open_unlabelled(path: &Path, finding: &Finding) -> Result<Dataset> {
    Ok(with_remedies(vismem_data::open_unlabelled(path, &finding.into())?))
}

fn with_remedies(dataset: Dataset) -> Dataset {
    let pictures = dataset.pictures.map(|mut picture| {
        if let Some(Err(fault)) = &mut picture.bytes
            && let Some(remedy) = fault.remedy
        {
            fault.reason = format!("{}; {}", fault.reason, remedy::option(remedy));
        }
        picture
    });
    Dataset { pictures: Box::new(pictures), ..dataset }
}
