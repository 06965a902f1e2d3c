//! Opening a data set by what it is.

use std::path::{Path, PathBuf};

use vismem::Taxonomy;

use crate::dataset::{Dataset, Reader, Wanted};
use crate::error::{ReadError, RequestError};
use crate::picture::{LabelledPicture, has_extension};
use crate::request::{Finding, Reading};
use crate::{Result, archive, coco, folder, image_table, manifest, real};

/// Opens everything that is named, in that order. Whatever is wrong with a whole file is found here, before any picture
/// is read; files are closed again, and opened one at a time as their turn comes.
///
/// # Errors
/// When a file cannot be read or is not what its name says, and when the request does not fit the files.
pub fn open(paths: &[impl AsRef<Path>], reading: &Reading) -> Result<Dataset> {
    let reader = Reader::new(reading, Wanted::OneLabel)?;
    let parts = paths.iter().map(|path| any(path.as_ref(), &reader)).collect::<Result<_>>()?;
    Ok(Dataset::joined(parts))
}

/// Opens a data set of ground truth: a picture of several labels comes once for each.
///
/// # Errors
/// As [`open`].
pub fn open_truth(path: &Path, reading: &Reading) -> Result<Dataset> {
    any(path, &Reader::new(reading, Wanted::AllLabels)?)
}

/// Opens a data set of which the pictures alone are of interest: they need no labels, and get none.
///
/// # Errors
/// As [`open`].
pub fn open_unlabelled(path: &Path, finding: &Finding) -> Result<Dataset> {
    let reading = Reading { finding: finding.clone(), ..Reading::default() };
    any(path, &Reader::new(&reading, Wanted::NoLabel)?)
}

fn any(path: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let is_folder = std::fs::metadata(path).map_err(ReadError::io("read", path))?.is_dir();
    if reader.reading.nested.is_some() && !is_folder {
        return Err(RequestError::NestedFile { path: path.into() }.into());
    }
    if is_folder {
        return any_folder(path, reader);
    }
    if archive::is_named_like_one(path) {
        return archive::open(path, reader);
    }
    let brings_labels = ["csv", "parquet", "json"].into_iter().find(|extension| has_extension(path, extension));
    match brings_labels {
        Some(_) if reader.reading.label.is_some() => Err(RequestError::LabelOfLabelled { path: path.into() }.into()),
        Some("csv") => manifest::open(path, reader),
        Some("parquet") => image_table::open(path, reader),
        Some(_) => any_json(path, reader),
        None => {
            let label = reader.one_label().ok_or_else(|| RequestError::NoLabel { path: path.into() })?;
            Ok(Dataset::listed(vec![LabelledPicture::file(path.into(), label)], Taxonomy::default()))
        }
    }
}

/// JSON of COCO's kind or of ReaL's.
fn any_json(path: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let json = std::fs::read(path).map_err(ReadError::io("read", path))?;
    if real::is_one(&json) { real::open(path, &json, reader) } else { coco::open(path, &json, reader) }
}

/// A folder of pictures, else of archives and tables.
fn any_folder(path: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let none = match (folder::pictures(path), reader.one_label(), &reader.reading.nested) {
        (Ok(_), Some(_), Some(_)) => return Err(RequestError::NestedAndLabel.into()),
        (Ok(pictures), None, Some(levels)) => return folder::nested(path, pictures, levels),
        (Ok(pictures), label, _) => {
            let labelled = pictures.into_iter().map(|path| {
                let label = label.clone().map_or_else(|| folder::label_of(&path), Ok)?;
                Ok(LabelledPicture::file(path, label))
            });
            return Ok(Dataset::listed(labelled.collect::<Result<_>>()?, Taxonomy::default()));
        }
        (Err(none), ..) => none,
    };
    let is_shard = |path: &Path| archive::is_named_like_one(path) || has_extension(path, "parquet");
    let shards: Vec<PathBuf> = folder::files(path)?.into_iter().filter(|path| is_shard(path)).collect();
    if shards.is_empty() {
        return Err(none);
    }
    Ok(Dataset::joined(shards.iter().map(|shard| any(shard, reader)).collect::<Result<_>>()?))
}
