//! The same exemplars with another encoder, in a new memory.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vismem::{Added, Attributes, Batch, Editor, Memory, NewExemplar, Source, Stored};
use vismem_data::{Finding, LabelledPicture, inside};
use vismem_encode::{Encoded, Outcome as Encoding};
use vismem_models::{EncoderRequest, Hub, Purpose};

use crate::error::KeptContext;
use crate::models::load_encoder;
use crate::{Error, Observer, RequestError, Result, held};

/// Exemplars that a transaction holds.
const COMMIT_EVERY: usize = 256;

/// With which encoder a memory is to be made anew, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReencodeRequest {
    /// The new memory.
    pub output: PathBuf,
    /// Where else to look for pictures that were moved: folders, archives, tables. They are known by their content.
    pub from: Vec<PathBuf>,
    /// Whether the encoder may be the one that the memory has: what was encoded by another version, or is to be encoded in
    /// other views, is encoded again.
    pub again: bool,
    /// The encoder. `None` is the built-in one, or, encoding again, the memory's.
    pub encoder: EncoderRequest,
}

/// What came of encoding anew; see `docs/json.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReencodeReport {
    /// The new memory.
    pub memory: String,
    /// The old one.
    pub from: String,
    /// The new encoder.
    pub encoder: String,
    /// How many exemplars are new in the new memory.
    pub added: u64,
    /// How many it had already.
    pub known: u64,
    /// Exemplars whose pictures were not found.
    pub missing: Vec<Missing>,
    /// `false` if an observer ended it before everything was looked at.
    pub complete: bool,
    /// How many exemplars the new memory has now.
    pub exemplars: usize,
    /// Its digest now.
    pub digest: String,
    /// Whether the old one was tuned, which the new one is not: another vote may suit other embeddings.
    #[serde(skip)]
    pub was_tuned: bool,
}

/// An exemplar whose picture was not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The exemplar, as both memories number it.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where its picture was, if that is known.
    pub source: Option<String>,
    /// Why it was not found.
    pub reason: String,
    /// Whether it may be found by naming more places in [`ReencodeRequest::from`].
    #[serde(skip)]
    pub may_be_elsewhere: bool,
}

/// What an exemplar of the old memory is, apart from its embedding.
struct Wanted {
    id: u64,
    label: String,
    source: Option<Source>,
    attributes: Attributes,
}

/// Makes a new memory of the same exemplars, with the same ids, from their pictures. What was added before an error or
/// before the observer ended it is kept, and the same call again goes on from there.
///
/// # Errors
/// When the memory is empty or of the same encoder already, the encoder cannot be loaded, a place as a whole cannot be read,
/// or the new memory cannot be written. A picture that is not found is in [`ReencodeReport::missing`].
pub fn reencode(
    old: &Memory,
    request: &ReencodeRequest,
    hub: &Hub,
    observer: &mut dyn Observer,
) -> Result<ReencodeReport> {
    if old.is_empty() {
        return Err(vismem::QueryError::Empty { path: old.path().into() }.into());
    }
    let encoder =
        load_encoder(&request.encoder, hub, request.again.then(|| held(old, Purpose::AnotherMemory)), observer)?;
    let identity = vismem_models::identity(&encoder);
    if old.encoder().same(&identity) && !request.again {
        return Err(RequestError::SameEncoder { memory: old.path().into(), encoder: identity }.into());
    }
    let mut wanted = wanted(old)?;
    let pictures = places(&wanted, &request.from)?;

    let mut editor = Editor::open_or_create(&request.output, &identity)?;
    editor.add_taxonomy(&old.taxonomy()?)?;
    let known = editor.contents()?;
    let all = wanted.len();
    wanted.retain(|content, _| !known.contains(content));
    let hashes: HashSet<[u8; 32]> = wanted.keys().copied().collect();
    let mut adding = Adding { batch: editor.batch(), pending: Vec::new(), reasons: HashMap::new(), added: 0, wanted };
    let is_wanted = |_: &LabelledPicture, hash: &[u8; 32]| hashes.contains(hash);
    let (mut outcome, mut complete) = (Ok(()), true);
    encoder.encode_stream(pictures, &is_wanted, &mut |encoded| {
        if observer.step("exemplars", adding.added, Some(hashes.len() as u64)).is_break() {
            complete = false;
            return ControlFlow::Break(());
        }
        outcome = adding.take(encoded);
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    outcome?;
    adding.commit()?;
    let (added, missing) = adding.end(complete);
    drop(editor);

    let new = Memory::open(&request.output)?;
    Ok(ReencodeReport {
        memory: request.output.display().to_string(),
        from: old.path().display().to_string(),
        encoder: identity.to_string(),
        added,
        known: (all - missing.len()) as u64 - added,
        complete,
        missing,
        exemplars: new.len(),
        digest: new.digest().to_string(),
        was_tuned: old.tuning()?.is_some(),
    })
}

/// The exemplars by what their embeddings were made from.
fn wanted(old: &Memory) -> Result<HashMap<[u8; 32], Wanted>> {
    let mut wanted = HashMap::with_capacity(old.len());
    for part in old.ids().chunks(1_000) {
        for stored in old.stored_all(part)? {
            let Stored { id, label, source, content, attributes, .. } = stored;
            wanted.insert(content, Wanted { id, label, source, attributes });
        }
    }
    Ok(wanted)
}

/// Where the pictures may be: the exemplars' own files, the archives and tables that they came from, and what the user
/// named. Pictures are known by their content, so it does not matter what they are called there.
fn places(
    wanted: &HashMap<[u8; 32], Wanted>,
    more: &[PathBuf],
) -> Result<Box<dyn Iterator<Item = LabelledPicture> + Send>> {
    let mut sources: Vec<(u64, &Path)> =
        wanted.values().filter_map(|wanted| Some((wanted.id, wanted.source.as_ref()?.as_path()))).collect();
    sources.sort_unstable();
    let (mut files, mut holders) = (Vec::new(), BTreeSet::new());
    for (_, source) in sources {
        match inside::holder(source) {
            Some((holder, name)) => drop(holders.insert(inside::column(holder, &name))),
            None => files.push(LabelledPicture::file(source.into(), String::new())),
        }
    }
    let mut pictures: Box<dyn Iterator<Item = LabelledPicture> + Send> = Box::new(files.into_iter());
    holders.extend(more.iter().map(|place| (place.clone(), None)));
    for (place, image_column) in holders {
        // Labels are the old memory's.
        let dataset = vismem_data::open_unlabelled(&place, &Finding { image_column, ..Finding::default() });
        let dataset = dataset.map_err(|source| Error::LookFor { path: place, source })?;
        pictures = Box::new(pictures.chain(dataset.pictures));
    }
    Ok(pictures)
}

struct Adding<'e> {
    batch: Batch<'e>,
    pending: Vec<([u8; 32], Vec<f32>)>,
    /// What is still to be found.
    wanted: HashMap<[u8; 32], Wanted>,
    /// Why a path gave no picture.
    reasons: HashMap<PathBuf, String>,
    added: u64,
}

impl Adding<'_> {
    fn take(&mut self, encoded: Encoded<LabelledPicture>) -> Result<()> {
        match (encoded.outcome, encoded.hash) {
            (Encoding::Embedded(embedding), Some(content)) => {
                self.pending.push((content, embedding));
                if self.pending.len() == COMMIT_EVERY {
                    self.commit()?;
                }
            }
            (Encoding::Failed(error), _) => drop(self.reasons.insert(encoded.input.path, error.kind().to_string())),
            // Of no interest, or another picture than the one that was added.
            _ => drop(self.reasons.insert(encoded.input.path, "is another picture now".into())),
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        let found = pending.iter().filter_map(|(content, embedding)| {
            let wanted = self.wanted.get(content)?;
            Some((wanted.id, content, wanted, embedding))
        });
        let mut found: Vec<_> = found.collect();
        found.sort_unstable_by_key(|(id, ..)| *id);
        // The same picture may lie in two places.
        found.dedup_by_key(|(id, ..)| *id);
        let ids: Vec<u64> = found.iter().map(|(id, ..)| *id).collect();
        let exemplars: Vec<NewExemplar<'_>> = found
            .iter()
            .map(|(_, content, wanted, embedding)| NewExemplar {
                embedding,
                label: &wanted.label,
                source: wanted.source.clone(),
                content: **content,
                attributes: wanted.attributes.clone(),
            })
            .collect();
        let added = self.batch.add_as(&exemplars, &ids).kept()?;
        let new = added.iter().filter(|added| matches!(added, Added::New(_))).count() as u64;
        self.added += new;
        let contents: Vec<[u8; 32]> = found.iter().map(|(_, content, ..)| **content).collect();
        contents.iter().for_each(|content| drop(self.wanted.remove(content)));
        Ok(())
    }

    /// How many were added, and what was not found.
    fn end(self, complete: bool) -> (u64, Vec<Missing>) {
        let mut missing: Vec<Missing> = self
            .wanted
            .into_values()
            .map(|wanted| {
                let path = wanted.source.as_ref().map(Source::as_path);
                let known = path.and_then(|path| self.reasons.get(path)).cloned();
                let may_be_elsewhere = complete && known.is_none();
                let unknown = match path {
                    _ if !complete => "not looked for yet",
                    Some(_) => "its picture was not found",
                    None => "nobody knows where its picture is",
                };
                Missing {
                    id: wanted.id,
                    label: wanted.label,
                    source: wanted.source.as_ref().map(Source::to_string),
                    reason: known.unwrap_or_else(|| unknown.to_owned()),
                    may_be_elsewhere,
                }
            })
            .collect();
        missing.sort_unstable_by_key(|missing| missing.id);
        (self.added, missing)
    }
}
