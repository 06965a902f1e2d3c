//! A memory that follows a folder.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vismem::{Editor, Memory, Selector};
use vismem_data::{LabelledPicture, Reading, inside};
use vismem_models::{EncoderRequest, Hub};

use crate::add::{AddReport, indexes, pictures};
use crate::{Error, IoContext, Observer, Result, datasets};

/// Which folder a memory is to follow, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyncRequest {
    /// The folder.
    pub folder: PathBuf,
    /// Whether exemplars are forgotten whose pictures are gone from the folder, or were replaced there.
    pub forget_missing: bool,
    /// The encoder of pictures.
    pub encoder: EncoderRequest,
    /// How data sets are read.
    pub reading: Reading,
}

/// What came of following a folder; see `docs/json.md`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SyncReport {
    /// What came of adding what is new.
    pub add: AddReport,
    /// The exemplars whose pictures are not in the folder any more. Empty if an observer ended it: of what was not looked
    /// at, nothing is known.
    pub missing: Vec<Missing>,
    /// How many of them were forgotten.
    pub forgotten: u64,
    /// The memory's digest now.
    pub digest: String,
}

/// An exemplar whose picture is not in the folder any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The exemplar.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where its picture was.
    pub source: String,
    /// Whether there is another picture in its place.
    pub replaced: bool,
}

/// Adds what is new in a folder, names what is gone, and forgets that if it is asked to. Brings the memory's indexes up to
/// date.
///
/// # Errors
/// When there is no such folder or no picture in it, so that one that is not mounted does not empty the memory; and as
/// [`add`](crate::add::add()).
pub fn sync(memory: &Path, request: &SyncRequest, hub: &Hub, observer: &mut dyn Observer) -> Result<SyncReport> {
    let folder = &request.folder;
    if !folder.is_dir() {
        return Err(Error::NotAFolder { path: folder.clone() });
    }
    let dataset = datasets::open_for(memory, std::slice::from_ref(folder), &request.reading, observer)?;
    let mut seen: HashMap<PathBuf, Option<[u8; 32]>> = HashMap::new();
    let options = pictures::Options { encoder: &request.encoder, hub, commit_every: None };
    let mut see = |picture: &LabelledPicture, content| {
        seen.insert(std::path::absolute(&picture.path).unwrap_or_else(|_| picture.path.clone()), content);
    };
    let tally = pictures::add(memory, &options, dataset, &mut see, observer)?;
    let missing = if tally.complete { missing(memory, folder, &seen)? } else { Vec::new() };
    let ids: Vec<u64> = missing.iter().map(|missing| missing.id).collect();
    let mut forgotten = 0;
    if request.forget_missing && !ids.is_empty() {
        let receipt = Editor::open(memory)?.forget(&Selector { ids, ..Selector::default() })?;
        forgotten = receipt.map_or(0, |receipt| receipt.exemplars);
    }
    if tally.complete {
        indexes::update(memory, observer);
    }
    let add = tally.report(memory)?;
    let digest = add.digest.clone();
    Ok(SyncReport { add, missing, forgotten, digest })
}

/// The exemplars from this folder whose pictures are gone or replaced. One that was moved within the folder is neither.
fn missing(memory: &Path, folder: &Path, seen: &HashMap<PathBuf, Option<[u8; 32]>>) -> Result<Vec<Missing>> {
    let memory = Memory::open(memory)?;
    let folder = std::path::absolute(folder).at("find", folder)?;
    let there: HashSet<&[u8; 32]> = seen.values().flatten().collect();
    let mut candidates = Vec::new();
    memory.for_each_exemplar(|exemplar| {
        let path = exemplar.source.as_ref().map(|source| source.as_path().to_owned());
        if let Some(path) = path.filter(|path| path.starts_with(&folder)) {
            candidates.push((exemplar, path));
        }
    })?;
    let mut missing = Vec::new();
    for (exemplar, path) in candidates {
        let replaced = match seen.get(&path) {
            // It is there and cannot be read, so nobody knows.
            Some(None) => continue,
            Some(Some(_)) => true,
            None if path.exists() || inside::holder(&path).is_some() => continue,
            None => false,
        };
        let content = memory.stored(exemplar.id)?.map(|stored| stored.content);
        if content.is_none_or(|content| there.contains(&content)) {
            continue;
        }
        missing.push(Missing { id: exemplar.id, label: exemplar.label, source: path.display().to_string(), replaced });
    }
    Ok(missing)
}
