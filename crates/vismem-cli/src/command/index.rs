//! `vismem index`: builds, shows and drops what searches and counts are made fast by.

use std::io::Write;

use anyhow::Result;
use vismem::{BuildOptions, IndexKind, Memory, Search};
use vismem_app::index::{self, BuiltIndex};

use super::Outcome;
use crate::args::{Args, BuildIndex, Format, Index, IndexAction, IndexName};
use crate::output;
use crate::progress::Watch;

pub fn run(args: &Args, options: &Index) -> Result<Outcome> {
    match &options.action {
        None => build_all(args, &options.build)?,
        Some(IndexAction::Build(build)) => build_all(args, build)?,
        Some(IndexAction::Show) => show(args)?,
        Some(IndexAction::Drop { kinds }) => drop_all(args, kinds)?,
    }
    Ok(Outcome::Done)
}

/// Says what would make this search faster.
pub fn advise(memory: &Memory, search: Search) {
    for kind in memory.indexes_missing(search) {
        let what = match kind {
            IndexKind::Partitions => "it is searched exactly",
            _ => "every embedding is compared",
        };
        output::note(format_args!(
            "note: the memory has no {kind}, so that {what}; `vismem index --kind {kind}` builds them"
        ));
    }
}

fn build_all(args: &Args, options: &BuildIndex) -> Result<()> {
    let how = BuildOptions { rebuild: options.rebuild, neighbors: options.neighbors.map(|count| count as usize) };
    let memory = Memory::open(&args.memory)?;
    let document = index::build(&memory, &kinds(&options.kinds), &how, &mut Watch::default())?;
    if args.format == Format::Json {
        return output::json(&document);
    }
    let mut out = output::stdout();
    if document.indexes.is_empty() {
        let exemplars = output::counted(document.exemplars, "exemplar");
        writeln!(out, "nothing to build: {exemplars} are searched as fast without; name one with --kind")?;
    }
    for BuiltIndex { kind, outcome, seconds, bytes } in &document.indexes {
        match *outcome {
            "built" => writeln!(out, "{kind}: built in {seconds:.1} s, {}", output::bytes(*bytes))?,
            "current" => writeln!(out, "{kind}: up to date, {}", output::bytes(*bytes))?,
            _ => writeln!(out, "{kind}: the memory is too small")?,
        }
    }
    Ok(out.flush()?)
}

fn show(args: &Args) -> Result<()> {
    let document = index::show(&Memory::open(&args.memory)?)?;
    if args.format == Format::Json {
        return output::json(&document);
    }
    let mut out = output::stdout();
    for index::Index { kind, state, bytes, pays, neighbors, .. } in &document.indexes {
        let size = if *state == "absent" { String::new() } else { output::bytes(*bytes) };
        let lists = neighbors.map_or_else(String::new, |count| format!("{count} neighbours each, "));
        let worth = match (*kind, *pays) {
            ("codes", true) => "exact search reads them first",
            ("codes", false) => "pay from 8,388,608 values on",
            ("partitions", true) => "for searches with a recall below 1",
            ("partitions", false) => "pay from 200,000 exemplars on",
            ("neighbors", true) => "pruning counts by them",
            ("neighbors", false) => "pay where a pruning is set",
            (_, true) => "spares the first query some hundred searches",
            (_, false) => "pays from 8,388,608 values on",
        };
        writeln!(out, "{kind:<12} {state:<8} {size:>10}  {lists}{worth}")?;
    }
    Ok(out.flush()?)
}

fn kinds(names: &[IndexName]) -> Vec<IndexKind> {
    names.iter().map(|name| (*name).into()).collect()
}

fn drop_all(args: &Args, names: &[IndexName]) -> Result<()> {
    let document = index::drop_indexes(&args.memory, &kinds(names))?;
    if args.format == Format::Json {
        return output::json(&document);
    }
    let mut out = output::stdout();
    match &document.dropped[..] {
        [] => writeln!(out, "there was nothing to drop")?,
        dropped => writeln!(out, "dropped {}, {}", dropped.join(", "), output::bytes(document.bytes))?,
    }
    Ok(out.flush()?)
}
