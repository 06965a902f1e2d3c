//! `vismem import`: makes the memory again that `vismem export embeddings` wrote, or puts together what `vismem encode`
//! wrote in many places.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use vismem::{Batch, Editor, Memory, NewExemplar};
use vismem_data::embedding_folder::{Folder, Row};
use vismem_data::embeddings::fault;

use super::add::{KEPT, Report, add_taxonomies, interrupted};
use super::{Outcome, index};
use crate::args::{Args, Import};
use crate::output;
use crate::progress::Progress;

/// Embeddings that a transaction holds.
const COMMIT_EVERY: usize = 16_384;

pub fn run(args: &Args, options: &Import) -> Result<Outcome> {
    let report = import(&args.memory, &options.folders)?;
    index::update(&args.memory);
    report.print(&args.memory, args.format)
}

/// Adds the exemplars of folders, as one batch. Those of one folder that come into a memory that held nothing before keep
/// their ids.
pub fn import(memory: &Path, folders: &[PathBuf]) -> Result<Report> {
    let mut exported = Vec::new();
    for path in folders {
        let folder = Folder::open(path)?;
        // All of it is read once before anything is made.
        let listed = folder.rows()?.map(|row| row.map(|row| (row.id, row.content))).collect::<Result<Vec<_>, _>>()?;
        exported.push((folder, listed));
    }
    let mut editor = Editor::open_or_create(memory, &exported[0].0.description.encoder())?;
    for (folder, _) in &exported[1..] {
        editor.expect(&folder.description.encoder())?;
    }
    let was_empty = Memory::open(memory)?.is_empty();
    exported.iter().try_for_each(|(folder, _)| add_taxonomies(&mut editor, &folder.taxonomy))?;
    let total: usize = exported.iter().map(|(folder, _)| folder.description.exemplars).sum();
    let mut progress = Progress::new(total as u64, "embeddings");
    let mut report = Report::new("embedding");
    let keeps_ids = match &exported[..] {
        [(_, listed)] => keeps_ids(listed, &editor)?,
        _ => false,
    };
    let mut batch = editor.batch();
    for (folder, _) in &mut exported {
        add(&mut batch, folder, keeps_ids, &mut report, &mut progress)?;
    }
    report.batch = batch.id();
    drop(editor);
    if let [(folder, _)] = &exported[..]
        && let Some(expected) = &folder.description.digest
        && was_empty
        && report.all_in()
    {
        let digest = Memory::open(memory)?.digest().to_string();
        ensure!(
            digest == *expected,
            "{}: makes a memory of the digest {digest}, but was exported from one of {expected}: its files were changed \
             since; export again, or delete {} if this was not meant",
            folders[0].display(),
            memory.display()
        );
    }
    Ok(report)
}

fn add(
    batch: &mut Batch<'_>,
    folder: &mut Folder,
    keeps_ids: bool,
    report: &mut Report,
    progress: &mut Progress,
) -> Result<()> {
    let mut rows = folder.rows()?;
    let Some(embeddings) = &mut folder.embeddings else { return Ok(()) };
    for first in (0..embeddings.rows).step_by(COMMIT_EVERY) {
        if interrupted() {
            report.complete = false;
            break;
        }
        let values = embeddings.next_rows(COMMIT_EVERY).context(KEPT)?;
        let (mut exemplars, mut ids, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let part: Vec<Row> = rows.by_ref().take(COMMIT_EVERY).collect::<Result<_, _>>().context(KEPT)?;
        for ((place, embedding), row) in (first..).zip(values.chunks_exact(embeddings.dim)).zip(&part) {
            if let Some(fault) = fault(embedding) {
                let error = format!("{} {fault}", embeddings.name_of(place));
                progress.pause(|| output::note(format_args!("warning: {error}")));
                report.failed(embeddings.name_of(place), error);
                continue;
            }
            let Row { id, label, source, content, attributes } = row;
            let (source, content, attributes) = (source.clone(), *content, attributes.clone());
            exemplars.push(NewExemplar { embedding, label, source, content, attributes });
            ids.push(id.unwrap_or_default());
            places.push(place);
        }
        let added = if keeps_ids { batch.add_as(&exemplars, &ids) } else { batch.add(&exemplars) };
        for ((added, place), exemplar) in added.context(KEPT)?.into_iter().zip(places).zip(&exemplars) {
            report.added(added, exemplar.label, || embeddings.name_of(place));
        }
        progress.advance(part.len() as u64);
    }
    Ok(())
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
