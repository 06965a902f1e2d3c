//! Data sets as the options say how to read them, with faults of pictures in the words of the command line.

use std::path::Path;

use anyhow::Result;
use vismem_data::Dataset;

use crate::args::reading::{Finding, Reading};
use crate::remedy;

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
