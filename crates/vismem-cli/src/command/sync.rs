//! `vismem sync`: a memory follows a folder.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use vismem::{Editor, Memory, Selector};
use vismem_data::inside;

use super::add::{pictures, report};
use super::{Outcome, index};
use crate::args::{Add, Args, Format, Sync};
use crate::{datasets, output};

/// How many exemplars without a picture people are shown; programs get them all.
const SHOWN: usize = 10;

#[derive(Serialize)]
struct Document<'a> {
    add: report::Document<'a>,
    missing: Vec<Missing>,
    forgotten: u64,
    digest: String,
}

/// An exemplar whose picture is not in the folder any more.
#[derive(Serialize)]
struct Missing {
    id: u64,
    label: String,
    source: String,
    /// Whether there is another picture in its place.
    replaced: bool,
}

pub fn run(args: &Args, options: &Sync) -> Result<Outcome> {
    let folder = &options.folder;
    ensure!(folder.is_dir(), "{}: is no folder; give the folder that the memory is to follow", folder.display());
    let add = Add::plain(vec![folder.clone()], options.encoding.clone(), options.reading.clone());
    // A folder without any picture is refused here, so that one that is not mounted does not empty the memory.
    let dataset = datasets::open_for(&args.memory, &add.paths, &add.reading)?;
    let mut seen: HashMap<PathBuf, Option<[u8; 32]>> = HashMap::new();
    let report = pictures::add(&args.memory, &add, dataset, &mut |picture, content| {
        seen.insert(std::path::absolute(&picture.path).unwrap_or_else(|_| picture.path.clone()), content);
    })?;
    // Of what was not looked at, nothing is known.
    let missing = if report.complete { missing(&args.memory, folder, &seen)? } else { Vec::new() };
    let ids: Vec<u64> = missing.iter().map(|missing| missing.id).collect();
    let mut forgotten = 0;
    if options.forget_missing && !ids.is_empty() {
        let receipt = Editor::open(&args.memory)?.forget(&Selector { ids, ..Selector::default() })?;
        forgotten = receipt.map_or(0, |receipt| receipt.exemplars);
    }
    index::update(&args.memory);
    let digest = Memory::open(&args.memory)?.digest().to_string();
    let document = Document { add: report.document(&args.memory)?, missing, forgotten, digest };
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Text => {
            report.print_text(&document.add)?;
            print(&document, options)?;
        }
    }
    Ok(if report.all_in() { Outcome::Done } else { Outcome::Incomplete })
}

fn print(document: &Document<'_>, options: &Sync) -> Result<()> {
    let mut out = output::stdout();
    for Missing { id, label, source, replaced } in document.missing.iter().take(SHOWN) {
        let why = if *replaced { "was replaced" } else { "is gone" };
        writeln!(out, "{source} {why} (exemplar {id}, {label})")?;
    }
    if let Some(more @ 1..) = document.missing.len().checked_sub(SHOWN) {
        writeln!(out, "and {} more, --format json lists them", output::count(more))?;
    }
    let missing = output::counted(document.missing.len(), "exemplar");
    match (document.missing.len(), options.forget_missing) {
        (0, _) => {}
        (_, true) => writeln!(out, "forgot {missing} without a picture")?,
        (_, false) => writeln!(out, "{missing} without a picture; --forget-missing forgets them")?,
    }
    Ok(out.flush()?)
}

/// The exemplars from this folder whose pictures are gone or replaced. One that was moved within the folder is neither.
fn missing(memory: &Path, folder: &Path, seen: &HashMap<PathBuf, Option<[u8; 32]>>) -> Result<Vec<Missing>> {
    let memory = Memory::open(memory)?;
    let folder = std::path::absolute(folder).with_context(|| format!("cannot find {}", folder.display()))?;
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
