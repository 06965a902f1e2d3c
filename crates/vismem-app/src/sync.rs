//! A memory that follows a folder.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vismem::{Editor, Exemplar, Memory, Selector, Source};
use vismem_data::{LabelledPicture, Reading, absolute, inside};
use vismem_models::{EncoderRequest, Hub};

use crate::add::{AddReport, OtherLabel, Tally, indexes, pictures};
use crate::calibration::Before;
use crate::{Error, IoContext, Observer, Result, datasets};

/// The share of what comes from a folder that is forgotten without asking: more looks like a disk that is not there.
const UNASKED: f64 = 0.1;

/// Exemplars that are looked up together.
const TOGETHER: usize = 1_000;

/// Which folder a memory is to follow, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyncRequest {
    /// The folder.
    pub folder: PathBuf,
    /// Whether exemplars are forgotten whose pictures are gone from the folder, or were replaced there.
    pub forget_missing: bool,
    /// Whether that is done even if it empties a label or takes more than a tenth of what comes from the folder.
    pub confirmed: bool,
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
    /// The exemplars whose pictures were moved to the folder of another label, and have that label now.
    pub relabelled: Vec<Relabelled>,
    /// Pictures whose exemplars keep the label that they were given in the memory, though their folder says another one.
    pub kept: Vec<OtherLabel>,
    /// The exemplars whose pictures were found in another place, which is their source now.
    pub moved: Vec<Moved>,
    /// The exemplars whose pictures are not in the folder any more. Empty if an observer ended it: of what was not looked
    /// at, nothing is known.
    pub missing: Vec<Missing>,
    /// How many of them were forgotten.
    pub forgotten: u64,
    /// Why they were not forgotten, though it was asked for; [`SyncRequest::confirmed`] does it.
    pub held_back: Option<HeldBack>,
    /// The memory's digest now.
    pub digest: String,
}

/// An exemplar whose picture was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The exemplar.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where its picture was.
    pub from: String,
    /// Where its picture is.
    pub to: String,
}

/// An exemplar whose picture was moved to the folder of another label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Relabelled {
    /// The exemplar.
    pub id: u64,
    /// The label that it had.
    pub from: String,
    /// The label that it has.
    pub to: String,
    /// Where its picture is now.
    pub source: String,
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

/// What forgetting would take, which is more than what may be an accident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeldBack {
    /// How many exemplars.
    pub exemplars: u64,
    /// Their share of those that come from the folder, 0 to 1.
    pub share: f64,
    /// The labels that would have none left.
    pub labels: Vec<String>,
}

/// Adds what is new in a folder, follows pictures that were moved, gives those that were moved to the folder of another label
/// that label, names what is gone, and forgets that if it is asked to. A picture that is there and cannot be read is not gone. Brings the memory's indexes up to
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
    let mut seen = Seen::default();
    let before = Before::of(memory);
    let options = pictures::Options { encoder: &request.encoder, hub, commit_every: None };
    let mut tally =
        pictures::add(memory, &options, dataset, &mut |picture, content| seen.add(picture, content), observer)?;
    let (mut relabelled, mut kept, mut moved, mut missing) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut held_back, mut forgotten) = (None, 0);
    if tally.complete {
        (relabelled, kept) = relabel_moved(memory, &mut tally, &seen)?;
        moved = follow_moved(memory, &seen)?;
        let ours = ours(memory, folder)?;
        missing = seen.missing(&ours, &Memory::open(memory)?)?;
        if request.forget_missing && !missing.is_empty() {
            held_back = too_much(&ours, &missing, &Memory::open(memory)?).filter(|_| !request.confirmed);
            if held_back.is_none() {
                let ids = missing.iter().map(|missing| missing.id).collect();
                let receipt = Editor::open(memory)?.forget(&Selector { ids, ..Selector::default() })?;
                forgotten = receipt.map_or(0, |receipt| receipt.exemplars);
            }
        }
        indexes::update(memory, observer);
        before.renew(observer);
    }
    let add = tally.report(memory)?;
    let digest = add.digest.clone();
    Ok(SyncReport { add, relabelled, kept, moved, missing, forgotten, held_back, digest })
}

/// The pictures of the folder: for each path the content, or none where it cannot be read.
#[derive(Default)]
struct Seen(HashMap<PathBuf, Option<[u8; 32]>>);

impl Seen {
    fn add(&mut self, picture: &LabelledPicture, content: Option<[u8; 32]>) {
        self.0.insert(absolute(&picture.path).unwrap_or_else(|_| picture.path.clone()), content);
    }

    /// Whether the picture of a source is there, whatever it is now.
    fn is_there(&self, source: &Path) -> bool {
        self.0.contains_key(source) || source.exists() || inside::holder(source).is_some()
    }

    /// Whether the picture of an exemplar is where it was, as far as anybody knows.
    fn is_in_place(&self, source: &Path, content: &[u8; 32]) -> bool {
        match self.0.get(source) {
            Some(Some(found)) => found == content,
            Some(None) | None => self.is_there(source),
        }
    }

    /// Which of the exemplars from this folder have lost their pictures. One that was moved within the folder has not.
    fn missing(&self, ours: &[(Exemplar, PathBuf)], memory: &Memory) -> Result<Vec<Missing>> {
        let there: HashSet<&[u8; 32]> = self.0.values().flatten().collect();
        let mut missing = Vec::new();
        for (exemplar, source) in ours {
            let replaced = match self.0.get(source) {
                // It is there and cannot be read, so nobody knows.
                Some(None) => continue,
                Some(Some(_)) => true,
                None if self.is_there(source) => continue,
                None => false,
            };
            let content = memory.stored(exemplar.id)?.map(|stored| stored.content);
            if content.is_some_and(|content| !there.contains(&content)) {
                let (id, label, source) = (exemplar.id, exemplar.label.clone(), source.display().to_string());
                missing.push(Missing { id, label, source, replaced });
            }
        }
        Ok(missing)
    }
}

/// The exemplars that come from this folder, with their sources.
fn ours(memory: &Path, folder: &Path) -> Result<Vec<(Exemplar, PathBuf)>> {
    let folder = absolute(folder).at("find", folder)?;
    let mut ours = Vec::new();
    Memory::open(memory)?.for_each_exemplar(|exemplar| {
        let source = exemplar.source.as_ref().map(|source| source.as_path().to_owned());
        if let Some(source) = source.filter(|source| source.starts_with(&folder)) {
            ours.push((exemplar, source));
        }
    })?;
    Ok(ours)
}

/// Gives exemplars whose pictures were moved to the folder of another label that label. Where the picture is still in its
/// old place it is a copy, and there are two labels for it, which is for people to decide. Where its folder has the name that
/// it had, as when a folder above was renamed, the label that differs from it was given here, and stays.
fn relabel_moved(memory: &Path, tally: &mut Tally, seen: &Seen) -> Result<(Vec<Relabelled>, Vec<OtherLabel>)> {
    if tally.other_label.is_empty() {
        return Ok(Default::default());
    }
    let opened = Memory::open(memory)?;
    let ids: Vec<u64> = tally.other_label.iter().map(|other| other.id).collect();
    let mut held: HashMap<u64, (Option<Source>, [u8; 32])> = HashMap::new();
    for ids in ids.chunks(TOGETHER) {
        held.extend(opened.stored_all(ids)?.into_iter().map(|stored| (stored.id, (stored.source, stored.content))));
    }
    let (mut moved, mut labels): (Vec<Relabelled>, BTreeMap<u64, String>) = Default::default();
    let (mut copies, mut kept) = (Vec::new(), Vec::new());
    for other in std::mem::take(&mut tally.other_label) {
        let is_gone = match held.get(&other.id) {
            Some((Some(source), content)) => {
                let (from, to) = (source.as_path(), Path::new(&other.source));
                let is_in_place = seen.is_in_place(from, content);
                if folder_name(from) == folder_name(to) && (!is_in_place || is_same_place(from, to)) {
                    kept.push(other);
                    continue;
                }
                !is_in_place
            }
            _ => false,
        };
        // Of two copies in new places the first has moved.
        if !is_gone || labels.contains_key(&other.id) {
            copies.push(other);
            continue;
        }
        let OtherLabel { source, label, held_as, id } = other;
        labels.insert(id, label.clone());
        moved.push(Relabelled { id, from: held_as, to: label, source });
    }
    tally.other_label = copies;
    if !labels.is_empty() {
        Editor::open(memory)?.relabel_each(&labels)?;
    }
    Ok((moved, kept))
}

/// Gives exemplars whose pictures are gone from where they were, and are in the folder under another name, that place as
/// their source.
fn follow_moved(memory: &Path, seen: &Seen) -> Result<Vec<Moved>> {
    let opened = Memory::open(memory)?;
    let mut ids = Vec::with_capacity(opened.len());
    opened.for_each_exemplar(|exemplar| {
        // A text that is no path is no place.
        if exemplar.source.is_some_and(|source| source.as_path().is_absolute()) {
            ids.push(exemplar.id);
        }
    })?;
    let (mut in_place, mut gone): (HashSet<PathBuf>, Vec<u64>) = Default::default();
    for ids in ids.chunks(TOGETHER) {
        for stored in opened.stored_all(ids)? {
            let Some(source) = &stored.source else { continue };
            match seen.is_in_place(source.as_path(), &stored.content) {
                true => drop(in_place.insert(source.as_path().to_owned())),
                false => gone.push(stored.id),
            }
        }
    }
    // Places that are no exemplar's source yet. Of several with one content the first by name is taken.
    let mut places: BTreeMap<[u8; 32], &Path> = BTreeMap::new();
    for (path, content) in seen.0.iter().filter(|(path, _)| !in_place.contains(*path)) {
        if let Some(content) = content {
            let place = places.entry(*content).or_insert(path);
            *place = (*place).min(path);
        }
    }
    let (mut moved, mut now): (Vec<Moved>, BTreeMap<u64, Source>) = Default::default();
    for ids in gone.chunks(TOGETHER) {
        for stored in opened.stored_all(ids)? {
            let (Some(to), Some(from)) = (places.get(&stored.content), &stored.source) else { continue };
            let (from, to_shown) = (from.to_string(), to.display().to_string());
            moved.push(Moved { id: stored.id, label: stored.label, from, to: to_shown });
            now.insert(stored.id, Source::from(*to));
        }
    }
    if !now.is_empty() {
        Editor::open(memory)?.move_sources(&now)?;
    }
    Ok(moved)
}

/// The folder that a picture lies in, by which folders label them.
fn folder_name(picture: &Path) -> Option<&OsStr> {
    let name = picture.parent()?.file_name()?;
    // The first folder in an archive comes after its name.
    let inner = name.to_str().and_then(|name| name.rsplit_once('#')).map(|(_, folder)| OsStr::new(folder));
    Some(inner.unwrap_or(name))
}

fn is_same_place(source: &Path, found: &Path) -> bool {
    absolute(found).is_ok_and(|found| found == source)
}

/// What forgetting would take, if that should be confirmed.
fn too_much(ours: &[(Exemplar, PathBuf)], missing: &[Missing], memory: &Memory) -> Option<HeldBack> {
    let share = missing.len() as f64 / ours.len() as f64;
    let mut of_label: HashMap<&str, usize> = HashMap::new();
    missing.iter().for_each(|missing| *of_label.entry(&missing.label).or_default() += 1);
    let is_emptied = |label: &&vismem::Label| of_label.get(label.name.as_str()) == Some(&label.exemplars);
    let labels: Vec<String> = memory.labels().iter().filter(is_emptied).map(|label| label.name.clone()).collect();
    let exemplars = missing.len() as u64;
    (share > UNASKED || !labels.is_empty()).then_some(HeldBack { exemplars, share, labels })
}
