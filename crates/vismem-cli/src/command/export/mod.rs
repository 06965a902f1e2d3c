//! `vismem export`: what a memory holds, in files that other programs read.

mod catalog;
mod embeddings;
mod neighbors;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::Serialize;
use vismem::{Memory, Stored};
use vismem_data::output_folder;

use super::Outcome;
use crate::args::{Args, Encoding, Export, Format};
use crate::output;
use crate::selector::SelectorArgs;

#[derive(Serialize)]
struct Document {
    memory: String,
    exemplars: usize,
    digest: String,
    files: Vec<String>,
}

pub fn run(args: &Args, options: &Export) -> Result<Outcome> {
    let memory = Memory::open(&args.memory)?;
    let (exemplars, files) = match options {
        Export::Embeddings(options) => embeddings::export(&memory, options)?,
        Export::Neighbors(options) => neighbors::export(&memory, options)?,
        Export::Catalog(options) => catalog::export(&memory, options)?,
    };
    let document = Document {
        memory: args.memory.display().to_string(),
        exemplars,
        digest: memory.digest().to_string(),
        files: files.iter().map(|file| file.display().to_string()).collect(),
    };
    if args.format == Format::Json {
        output::json(&document)?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    writeln!(out, "exported {}", output::counted(exemplars, "exemplar"))?;
    for file in &document.files {
        writeln!(out, "see {file}")?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// The ids that are to be exported: those selected, or all.
fn ids(memory: &Memory, selection: &SelectorArgs, encoding: &Encoding) -> Result<Vec<u64>> {
    if memory.is_empty() {
        return Err(vismem::QueryError::Empty { path: memory.path().into() }.into());
    }
    if selection.is_empty() {
        return Ok(memory.ids());
    }
    let ids = memory.select(&selection.selector(encoding, memory.path(), memory.encoder())?)?;
    if ids.is_empty() {
        bail!("nothing fits the selection, nothing was exported");
    }
    Ok(ids)
}

/// The exemplars with these ids, which are the memory's.
fn stored<'m>(memory: &'m Memory, ids: &[u64]) -> Result<Vec<Stored<'m>>> {
    Ok(memory.stored_all(ids)?)
}

/// A file in a folder, which is made if need be.
fn file_in(folder: &Path, name: impl AsRef<Path>) -> Result<PathBuf> {
    output_folder::make(folder)?;
    Ok(folder.join(name))
}
