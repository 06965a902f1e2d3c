//! `vismem reencode`: the same exemplars with another encoder, in a new memory.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use vismem::{Added, Attributes, Batch, Editor, Memory, NewExemplar, Source, Stored};
use vismem_data::{LabelledPicture, inside};
use vismem_encode::{Encoded, Outcome as Encoding};

use super::Outcome;
use crate::args::reading::Finding;
use crate::args::{Args, Format, Reencode, wrong_use};
use crate::datasets;
use crate::interrupt::interrupted;
use crate::progress::Progress;
use crate::{encoder, output};

/// Exemplars that a transaction holds.
const COMMIT_EVERY: usize = 256;

/// How many exemplars without a picture people are shown; programs get them all.
const SHOWN: usize = 10;

#[derive(Serialize)]
struct Document {
    memory: String,
    from: String,
    encoder: String,
    added: u64,
    known: u64,
    missing: Vec<Missing>,
    complete: bool,
    exemplars: usize,
    digest: String,
}

/// An exemplar whose picture was not found.
#[derive(Serialize)]
struct Missing {
    id: u64,
    label: String,
    source: Option<String>,
    reason: String,
}

/// What an exemplar of the old memory is, apart from its embedding.
struct Wanted {
    id: u64,
    label: String,
    source: Option<Source>,
    attributes: Attributes,
}

pub fn run(args: &Args, options: &Reencode) -> Result<Outcome> {
    let old = Memory::open(&args.memory)?;
    if old.is_empty() {
        return Err(vismem::QueryError::Empty { path: args.memory.clone() }.into());
    }
    let encoder = encoder::load(&options.encoding, None)?;
    let identity = vismem_models::identity(&encoder);
    if old.encoder().same(&identity) {
        return Err(wrong_use(format!("{}: holds embeddings of {identity} already", args.memory.display())));
    }
    let mut wanted = wanted(&old)?;
    let pictures = places(&wanted, &options.from)?;

    let mut editor = Editor::open_or_create(&options.output, &identity)?;
    editor.add_taxonomy(&old.taxonomy()?)?;
    let known = editor.contents()?;
    let all = wanted.len();
    wanted.retain(|content, _| !known.contains(content));
    let mut adding = Adding {
        batch: editor.batch(),
        pending: Vec::new(),
        reasons: HashMap::new(),
        progress: Progress::new(wanted.len() as u64, "exemplars"),
        added: 0,
        wanted,
    };
    let hashes: HashSet<[u8; 32]> = adding.wanted.keys().copied().collect();
    let is_wanted = |_: &LabelledPicture, hash: &[u8; 32]| hashes.contains(hash);
    let (mut outcome, mut complete) = (Ok(()), true);
    encoder.encode_stream(pictures, &is_wanted, &mut |encoded| {
        if interrupted() {
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

    let new = Memory::open(&options.output)?;
    let document = Document {
        memory: options.output.display().to_string(),
        from: args.memory.display().to_string(),
        encoder: identity.to_string(),
        added,
        known: (all - missing.len()) as u64 - added,
        complete,
        missing,
        exemplars: new.len(),
        digest: new.digest().to_string(),
    };
    let outcome = if complete && document.missing.is_empty() { Outcome::Done } else { Outcome::Incomplete };
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Text => print(&document)?,
    }
    Ok(outcome)
}

fn print(document: &Document) -> Result<()> {
    let mut out = output::stdout();
    writeln!(out, "encoded {} anew with {}", output::counted(document.added, "exemplar"), document.encoder)?;
    for Missing { id, label, source, reason } in document.missing.iter().take(SHOWN) {
        writeln!(out, "left out: exemplar {id} ({label}), {}: {reason}", source.as_deref().unwrap_or("no source"))?;
    }
    if let Some(more @ 1..) = document.missing.len().checked_sub(SHOWN) {
        writeln!(out, "left out: {} more, --format json lists them", output::count(more))?;
    }
    if !document.complete {
        writeln!(out, "stopped before the end; the same command again goes on from here")?;
    }
    writeln!(out, "{} holds {}", document.memory, output::counted(document.exemplars, "exemplar"))?;
    Ok(out.flush()?)
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
            Some((holder, _)) => drop(holders.insert(holder)),
            None => files.push(LabelledPicture::file(source.into(), String::new())),
        }
    }
    let mut pictures: Box<dyn Iterator<Item = LabelledPicture> + Send> = Box::new(files.into_iter());
    for place in holders.iter().chain(more) {
        // Labels are the old memory's.
        let dataset = datasets::open_unlabelled(place, &Finding::default());
        let dataset = dataset.with_context(|| format!("cannot look for pictures in {}", place.display()))?;
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
    progress: Progress,
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
        let added = self
            .batch
            .add_as(&exemplars, &ids)
            .context("stopped; what was added before is kept, and the same command again goes on from there")?;
        let new = added.iter().filter(|added| matches!(added, Added::New(_))).count() as u64;
        self.added += new;
        self.progress.advance(new);
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
                let reason = path.and_then(|path| self.reasons.get(path)).cloned();
                let unknown = match path {
                    _ if !complete => "not looked for yet",
                    Some(_) => "its picture was not found; say with --from where else to look",
                    None => "nobody knows where its picture is; say with --from where to look",
                };
                Missing {
                    id: wanted.id,
                    label: wanted.label,
                    source: wanted.source.as_ref().map(Source::to_string),
                    reason: reason.unwrap_or_else(|| unknown.to_owned()),
                }
            })
            .collect();
        missing.sort_unstable_by_key(|missing| missing.id);
        (self.added, missing)
    }
}
