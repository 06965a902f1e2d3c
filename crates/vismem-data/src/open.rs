//! Opening a data set by what it is.

use std::path::{Path, PathBuf};

use vismem::Taxonomy;

use crate::dataset::{Dataset, Reader, Wanted};
use crate::error::{Field, ReadError, RequestError};
use crate::folder::Listing;
use crate::picture::{LabelledPicture, has_extension};
use crate::request::{Finding, Reading};
use crate::survey::About;
use crate::{
    Result, archive, coco, file_kind, folder, image_folder, image_table, inside, json_lines, manifest, real, text,
};

/// Opens everything that is named, in that order. Whatever is wrong with a whole file is found here, before any picture
/// is read; files are closed again, and opened one at a time as their turn comes.
///
/// # Errors
/// When a file cannot be read or is not what its name says, and when the request does not fit the files.
pub fn open(paths: &[impl AsRef<Path>], reading: &Reading) -> Result<Dataset> {
    let reader = Reader::new(reading, Wanted::OneLabel)?;
    let parts = paths.iter().map(|path| any(path.as_ref(), &reader)).collect::<Result<_>>()?;
    if let Some(field) = reading.fields().find(|field| !reader.survey.has_applied(*field)) {
        return Err(RequestError::NotApplied { field }.into());
    }
    Ok(Dataset::joined(parts, &reader.survey))
}

/// Opens a data set of ground truth: a picture of several labels comes once for each.
///
/// # Errors
/// As [`open`].
pub fn open_truth(path: &Path, reading: &Reading) -> Result<Dataset> {
    only(path, &Reader::new(reading, Wanted::AllLabels)?)
}

/// Opens a data set of which the pictures alone are of interest: they need no labels, and get none.
///
/// # Errors
/// As [`open`].
pub fn open_unlabelled(path: &Path, finding: &Finding) -> Result<Dataset> {
    let reading = Reading { finding: finding.clone(), ..Reading::default() };
    only(path, &Reader::new(&reading, Wanted::NoLabel)?)
}

/// One picture that may lie in an archive or a table, or nowhere: then it says so.
pub fn open_picture(path: &Path, finding: &Finding) -> Dataset {
    let picture = inside::picture(path, finding.image_column.as_deref());
    let dataset = Dataset::listed(vec![picture], Taxonomy::default());
    if inside::holder(path).is_some_and(|(holder, _)| has_extension(&holder, "parquet")) {
        dataset.survey.apply(&[Field::ImageColumn]);
    }
    dataset
}

fn only(path: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    Ok(Dataset::joined(vec![any(path, reader)?], &reader.survey))
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
    let brings_labels = ["csv", "tsv", "parquet", "json", "jsonl"];
    match brings_labels.into_iter().find(|extension| has_extension(path, extension)) {
        Some(_) if reader.reading.label.is_some() => Err(RequestError::LabelOfLabelled { path: path.into() }.into()),
        Some("csv" | "tsv") => manifest::open(path, reader),
        Some("parquet") => image_table::open(path, reader),
        Some("jsonl") => json_lines::open(path, reader),
        Some(_) => any_json(path, reader),
        None => {
            archive::refuse_other_kinds(path)?;
            let label = reader.one_label().ok_or_else(|| RequestError::NoLabel { path: path.into() })?;
            Ok(Dataset::listed(vec![LabelledPicture::file(path.into(), label)], Taxonomy::default()))
        }
    }
}

/// JSON of COCO's kind or of ReaL's.
fn any_json(path: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let json = text::bytes(path)?;
    if real::is_one(&json) { real::open(path, &json, reader) } else { coco::open(path, &json, reader) }
}

/// A folder: its pictures, by the tables that say their labels or by their folders, and its archives and tables.
fn any_folder(path: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let mut listing = folder::list(path, &reader.survey)?;
    if listing.pictures.is_empty() && listing.shards.is_empty() {
        return Err(folder::nothing(path));
    }
    let mut parts = Vec::new();
    match (reader.one_label(), &reader.reading.nested) {
        (Some(_), Some(_)) => return Err(RequestError::NestedAndLabel.into()),
        (None, Some(_)) if !listing.shards.is_empty() => {
            return Err(RequestError::NestedShards { path: listing.shards.swap_remove(0) }.into());
        }
        (None, Some(levels)) => parts.push(folder::nested(path, std::mem::take(&mut listing.pictures), levels)?),
        (Some(label), None) => {
            let pictures = std::mem::take(&mut listing.pictures).into_iter();
            let labelled = pictures.map(|path| LabelledPicture::file(path, label.clone()));
            parts.push(Dataset::listed(labelled.collect(), Taxonomy::default()));
        }
        (None, None) => {
            parts.extend(image_folder::described(&mut listing, reader)?);
            if !listing.shards.is_empty() {
                pass_over_beside_shards(path, &mut listing, reader);
            }
            let pictures = std::mem::take(&mut listing.pictures);
            listing.pass_over_tables(&reader.survey, &pictures);
            listing.note_outlines(&reader.survey, &pictures);
            parts.push(folder::labelled(path, pictures, reader)?);
        }
    }
    for shard in &listing.shards {
        parts.push(any(shard, reader)?);
    }
    Ok(Dataset::joined(parts, &reader.survey))
}

/// Pictures directly in a folder of archives and tables are figures about them, as data sets of the Hugging Face hub have
/// them: the folder is no label.
fn pass_over_beside_shards(folder: &Path, listing: &mut Listing, reader: &Reader<'_>) {
    let (beside, labelled) = std::mem::take(&mut listing.pictures)
        .into_iter()
        .partition(|picture: &PathBuf| picture.parent() == Some(folder));
    let beside: Vec<PathBuf> = beside;
    listing.pictures = labelled;
    beside.iter().for_each(|picture| reader.survey.pass_over(file_kind::ending(picture)));
    if let Some(first) = beside.first() {
        reader.survey.note(About::PicturesBesideShards, [], Some(first));
    }
}
