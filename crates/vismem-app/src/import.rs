//! Making a memory again that was exported, or putting together what was encoded in many places.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use vismem::{Batch, Editor, Memory, NewExemplar};
use vismem_data::embedding_folder::{Folder, Row};
use vismem_data::embeddings::fault;

use crate::add::{AddReport, ItemKind, Tally, add_taxonomies, indexes};
use crate::error::KeptContext;
use crate::{Error, Failure, Observer, RequestError, Result};

/// Embeddings that a transaction holds.
const COMMIT_EVERY: usize = 16_384;

/// Adds the exemplars of folders, as one batch, and brings the memory's indexes up to date. Those of one folder that come
/// into a memory that held nothing before keep their ids.
///
/// # Errors
/// When a folder cannot be read, its embeddings are not of the memory's encoder, or it makes another memory than the one
/// that was exported.
pub fn import(memory: &Path, folders: &[PathBuf], observer: &mut dyn Observer) -> Result<AddReport> {
    let tally = add(memory, folders, observer)?;
    if tally.complete {
        indexes::update(memory, observer);
    }
    tally.report(memory)
}

/// Adds the exemplars of folders.
pub(crate) fn add(memory: &Path, folders: &[PathBuf], observer: &mut dyn Observer) -> Result<Tally> {
    if folders.is_empty() {
        return Err(RequestError::NoPath.into());
    }
    let mut exported = Vec::new();
    for path in folders {
        let folder = Folder::open(path)?;
        // All of it is read once before anything is made.
        let listed = folder
            .rows()?
            .map(|row| row.map(|row| (row.id, row.content)))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        exported.push((folder, listed));
    }
    let mut editor = Editor::open_or_create(memory, &exported[0].0.description.encoder())?;
    for (folder, _) in &exported[1..] {
        editor.expect(&folder.description.encoder())?;
    }
    let was_empty = Memory::open(memory)?.is_empty();
    exported.iter().try_for_each(|(folder, _)| add_taxonomies(&mut editor, &folder.taxonomy))?;
    let total: usize = exported.iter().map(|(folder, _)| folder.description.exemplars).sum();
    let tally = Tally::new(ItemKind::Embedding);
    let keeps_ids = match &exported[..] {
        [(_, listed)] => keeps_ids(listed, &editor)?,
        _ => false,
    };
    let batch = editor.batch();
    let mut importing = Importing { batch, keeps_ids, tally, done: 0, total: total as u64, observer };
    for (folder, _) in &mut exported {
        importing.add(folder)?;
    }
    let tally = importing.tally.end(importing.batch.id());
    drop(editor);
    if let [(folder, _)] = &exported[..]
        && let Some(expected) = &folder.description.digest
        && was_empty
        && tally.all_in()
    {
        let digest = Memory::open(memory)?.digest().to_string();
        if digest != *expected {
            let (folder, memory, expected) = (folders[0].clone(), memory.into(), expected.clone());
            return Err(Error::ChangedSinceExport { folder, memory, digest, expected });
        }
    }
    Ok(tally)
}

struct Importing<'e, 'o> {
    batch: Batch<'e>,
    keeps_ids: bool,
    tally: Tally,
    done: u64,
    total: u64,
    observer: &'o mut dyn Observer,
}

impl Importing<'_, '_> {
    fn add(&mut self, folder: &mut Folder) -> Result<()> {
        let mut rows = folder.rows()?;
        let Some(embeddings) = &mut folder.embeddings else { return Ok(()) };
        for first in (0..embeddings.rows).step_by(COMMIT_EVERY) {
            if self.observer.step("embeddings", self.done, Some(self.total)).is_break() {
                self.tally.complete = false;
                break;
            }
            let values = embeddings.next_rows(COMMIT_EVERY).kept()?;
            let (mut exemplars, mut ids, mut places) = (Vec::new(), Vec::new(), Vec::new());
            let part: Vec<Row> = rows.by_ref().take(COMMIT_EVERY).collect::<std::result::Result<_, _>>().kept()?;
            for ((place, embedding), row) in (first..).zip(values.chunks_exact(embeddings.dim)).zip(&part) {
                if let Some(fault) = fault(embedding) {
                    self.tally.failed(Failure::of_row(embeddings.name_of(place), fault), self.observer);
                    continue;
                }
                let Row { id, label, source, content, attributes } = row;
                let (source, content, attributes) = (source.clone(), *content, attributes.clone());
                exemplars.push(NewExemplar { embedding, label, source, content, attributes });
                ids.push(id.unwrap_or_default());
                places.push(place);
            }
            let added = if self.keeps_ids { self.batch.add_as(&exemplars, &ids) } else { self.batch.add(&exemplars) };
            for ((added, place), exemplar) in added.kept()?.into_iter().zip(places).zip(&exemplars) {
                self.tally.added(added, exemplar.label, || embeddings.name_of(place));
            }
            self.done += part.len() as u64;
        }
        Ok(())
    }
}

/// Whether what is new can have the ids that it had: nobody else ever had them here. So it is in a new memory, also when an
/// import that was stopped goes on.
fn keeps_ids(listed: &[(Option<u64>, [u8; 32])], editor: &Editor) -> Result<bool> {
    let known = editor.contents()?;
    let mut given = HashSet::new();
    for (id, _) in listed.iter().filter(|(_, content)| !known.contains(content)) {
        match id {
            Some(id) if given.insert(*id) && editor.is_unused(*id)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}
