//! `vismem export`: what a memory holds, in files that other programs read.

use std::io::Write;

use anyhow::Result;
use vismem::Memory;
use vismem_app::Selection;
use vismem_app::export::{CatalogRequest, EmbeddingsRequest, NeighborsRequest, catalog, embeddings, neighbors};

use super::Outcome;
use crate::args::encoding::Encoding;
use crate::args::{Args, Export, Format};
use crate::output;
use crate::progress::Watch;
use crate::selector::SelectorArgs;

pub fn run(args: &Args, options: &Export) -> Result<Outcome> {
    let memory = Memory::open(&args.memory)?;
    let mut watch = Watch::default();
    let exported = match options {
        Export::Embeddings(options) => {
            let selection = selection(&options.selection, &options.encoding);
            let (output, metadata) = (options.output.clone(), options.metadata.into());
            embeddings(&memory, &EmbeddingsRequest { output, metadata, selection }, &mut watch)?
        }
        Export::Neighbors(options) => {
            let request = NeighborsRequest { output: options.output.clone(), k: options.k as usize };
            neighbors(&memory, &request, &mut watch)?
        }
        Export::Catalog(options) => {
            let selection = selection(&options.selection, &options.encoding);
            let (output, format) = (options.output.clone(), options.table.into());
            catalog(&memory, &CatalogRequest { output, format, selection }, &mut watch)?
        }
    };
    drop(watch);
    if args.format == Format::Json {
        output::json(&exported)?;
        return Ok(Outcome::Done);
    }
    let mut out = output::stdout();
    writeln!(out, "exported {}", output::counted(exported.exemplars, "exemplar"))?;
    for file in &exported.files {
        writeln!(out, "see {file}")?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// The exemplars that are meant, if the user names any.
fn selection(selection: &SelectorArgs, encoding: &Encoding) -> Option<Selection> {
    (!selection.is_empty()).then(|| selection.selection(encoding))
}
