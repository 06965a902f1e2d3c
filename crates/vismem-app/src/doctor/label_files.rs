//! Label files that lie beside the pictures of a memory and say something else than it does.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::Serialize;
use vismem::Memory;
use vismem_data::{LabelledPicture, Reading, absolute, fold_label, folder};

use super::sources::Sampled;
use crate::Result;

/// How many disagreements are named.
const NAMED: usize = 10;
/// How many folders are looked into.
const FOLDERS: usize = 1_000;
/// Larger files are no label files for this purpose.
const LARGEST: u64 = 64 << 20;

/// A label file that does not agree with the memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelFile {
    /// The file.
    pub path: PathBuf,
    /// How many pictures it names.
    pub pictures: usize,
    /// How many of them are not there.
    pub absent: usize,
    /// How many of them the memory has, by their paths.
    pub held: usize,
    /// How many of those have another label in the memory.
    pub other_label: usize,
    /// The first of these.
    pub examples: Vec<Disagreement>,
}

/// A picture that has one label in a file and another in the memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// The exemplar.
    pub id: u64,
    /// Where it came from.
    pub source: String,
    /// Its label.
    pub label: String,
    /// The label in the file.
    pub in_file: String,
}

/// The label files beside the pictures of the sample, and in the folders above them up to the one that is above all of them,
/// that give pictures other labels, or name nothing but pictures that are not there.
pub(super) fn check(memory: &Memory, sampled: &[Sampled]) -> Result<Vec<LabelFile>> {
    let files: Vec<&Path> = sampled.iter().filter_map(|exemplar| exemplar.source.as_deref()).collect();
    let tables: BTreeSet<PathBuf> =
        folders(&files).into_iter().flat_map(|folder| folder::label_tables(&folder)).collect();
    let said: Vec<_> = tables.into_iter().filter_map(|table| Some((pictures(&table)?, table))).collect();
    if said.is_empty() {
        return Ok(Vec::new());
    }
    let mut held: HashMap<PathBuf, (u64, String)> = HashMap::new();
    memory.for_each_exemplar(|exemplar| {
        if let Some(source) = exemplar.source {
            held.insert(source.as_path().to_owned(), (exemplar.id, exemplar.label));
        }
    })?;
    Ok(said.into_iter().filter_map(|(pictures, table)| compare(table, &pictures, &held)).collect())
}

/// The folders of files, and those above up to one above what they have in common.
fn folders(files: &[&Path]) -> BTreeSet<PathBuf> {
    let mut parents = files.iter().filter_map(|file| file.parent());
    let Some(first) = parents.next() else { return BTreeSet::new() };
    let common = parents.fold(first, |common, parent| {
        common.ancestors().find(|above| parent.starts_with(above)).unwrap_or(Path::new(""))
    });
    let top = common.parent().unwrap_or(common);
    let mut folders = BTreeSet::new();
    for file in files {
        let above = file.ancestors().skip(1).take_while(|folder| folder.starts_with(top));
        folders.extend(above.map(Path::to_owned));
        if folders.len() >= FOLDERS {
            break;
        }
    }
    folders
}

/// What a file says of pictures, if it is one that does.
fn pictures(table: &Path) -> Option<Vec<LabelledPicture>> {
    if table.metadata().ok()?.len() > LARGEST {
        return None;
    }
    // A file that cannot be read so is about something else.
    let dataset = vismem_data::open_truth(table, &Reading::default()).ok()?;
    Some(dataset.pictures.filter(|picture| picture.bytes.is_none()).collect())
}

fn compare(path: PathBuf, said: &[LabelledPicture], held: &HashMap<PathBuf, (u64, String)>) -> Option<LabelFile> {
    // A picture may be listed under several labels.
    let mut labels: HashMap<PathBuf, Vec<&str>> = HashMap::new();
    for picture in said {
        let path = absolute(&picture.path).unwrap_or_else(|_| picture.path.clone());
        labels.entry(path).or_default().push(&picture.label);
    }
    let absent = labels.keys().filter(|picture| !picture.exists()).count();
    // A file that names pictures in folders below it without these is read by nobody, but belongs to them.
    let names: HashSet<&OsStr> = held.keys().filter_map(|source| source.file_name()).collect();
    let is_named = |picture: &PathBuf| picture.file_name().is_some_and(|name| names.contains(name));
    if absent == labels.len() && labels.keys().any(is_named) {
        return None;
    }
    let ours = labels.iter().filter_map(|(picture, labels)| Some((picture, held.get(picture)?, labels)));
    let ours: Vec<_> = ours.collect();
    // What says nothing that is a label here is about something else: a rating, a number of a class.
    let known: HashSet<String> = held.values().map(|(_, label)| fold_label(label)).collect();
    let is_about_labels =
        ours.iter().any(|(_, _, labels)| labels.iter().any(|label| known.contains(&fold_label(label))));
    let mut others: Vec<Disagreement> = Vec::new();
    for (picture, (id, label), labels) in ours.iter().filter(|_| is_about_labels) {
        if !labels.iter().any(|said| fold_label(said) == fold_label(label)) {
            let (source, in_file) = (picture.display().to_string(), labels.join(", "));
            others.push(Disagreement { id: *id, source, label: label.clone(), in_file });
        }
    }
    others.sort_by_key(|other| other.id);
    let belongs = others.is_empty() && (absent == 0 || absent < labels.len());
    let (pictures, held, other_label) = (labels.len(), ours.len(), others.len());
    others.truncate(NAMED);
    (!belongs).then_some(LabelFile { path, pictures, absent, held, other_label, examples: others })
}
