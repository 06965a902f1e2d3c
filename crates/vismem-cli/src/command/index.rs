//! `vismem index`: builds, shows and drops what searches and counts are made fast by.

use std::io::Write;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;
use vismem::{BuildOptions, Built, Editor, IndexKind, IndexState, IndexStats, Memory, Search};

use super::Outcome;
use crate::args::{Args, BuildIndex, Format, Index, IndexAction, IndexName};
use crate::{output, progress};

#[derive(Serialize)]
struct BuildDocument {
    memory: String,
    exemplars: usize,
    indexes: Vec<BuiltIndex>,
}

#[derive(Serialize)]
struct BuiltIndex {
    kind: &'static str,
    outcome: &'static str,
    seconds: f64,
    bytes: u64,
}

#[derive(Serialize)]
struct ShowDocument {
    memory: String,
    exemplars: usize,
    indexes: Vec<ShownIndex>,
}

#[derive(Serialize)]
struct ShownIndex {
    kind: &'static str,
    file: &'static str,
    state: &'static str,
    bytes: u64,
    pays: bool,
    neighbors: Option<usize>,
}

#[derive(Serialize)]
struct DropDocument {
    memory: String,
    dropped: Vec<&'static str>,
    bytes: u64,
}

pub fn run(args: &Args, options: &Index) -> Result<Outcome> {
    match &options.action {
        None => build_all(args, &options.build)?,
        Some(IndexAction::Build(build)) => build_all(args, build)?,
        Some(IndexAction::Show) => show(args)?,
        Some(IndexAction::Drop { kinds }) => drop_all(args, kinds)?,
    }
    Ok(Outcome::Done)
}

/// Builds an index and shows how far it is. What was added meanwhile is in it.
pub fn build(memory: &Memory, kind: IndexKind, options: &BuildOptions) -> Result<Built> {
    Ok(memory.build_index(kind, options, &mut progress::Steps::default())?)
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
    let memory = Memory::open(&args.memory)?;
    let is_meant = |stats: &IndexStats| stats.pays || stats.state != IndexState::Absent;
    let kinds: Vec<IndexKind> = match &options.kinds[..] {
        [] => memory.index_stats()?.iter().filter(|stats| is_meant(stats)).map(|stats| stats.kind).collect(),
        named => named.iter().map(|name| (*name).into()).collect(),
    };
    let how = BuildOptions { rebuild: options.rebuild, neighbors: options.neighbors.map(|count| count as usize) };
    let mut outcomes = Vec::new();
    for kind in kinds {
        let started = Instant::now();
        let outcome = match build(&memory, kind, &how)? {
            Built::New => "built",
            Built::Current => "current",
            Built::TooSmall => "too_small",
        };
        outcomes.push((kind, outcome, started.elapsed().as_secs_f64()));
    }
    let stats = Memory::open(&args.memory)?.index_stats()?;
    let bytes = |kind| stats.iter().find(|stats| stats.kind == kind).map_or(0, |stats| stats.bytes);
    let indexes = outcomes
        .into_iter()
        .map(|(kind, outcome, seconds)| BuiltIndex { kind: kind.name(), outcome, seconds, bytes: bytes(kind) })
        .collect();
    let document = BuildDocument { memory: args.memory.display().to_string(), exemplars: memory.len(), indexes };
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
    let memory = Memory::open(&args.memory)?;
    let shown = |stats: IndexStats| ShownIndex {
        kind: stats.kind.name(),
        file: stats.kind.file_name(),
        state: match stats.state {
            IndexState::Current => "current",
            IndexState::Behind => "behind",
            IndexState::Absent => "absent",
        },
        bytes: stats.bytes,
        pays: stats.pays,
        neighbors: stats.neighbors,
    };
    let indexes = memory.index_stats()?.into_iter().map(shown).collect();
    let document = ShowDocument { memory: args.memory.display().to_string(), exemplars: memory.len(), indexes };
    if args.format == Format::Json {
        return output::json(&document);
    }
    let mut out = output::stdout();
    for ShownIndex { kind, state, bytes, pays, neighbors, .. } in &document.indexes {
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

fn drop_all(args: &Args, kinds: &[IndexName]) -> Result<()> {
    let kinds: Vec<IndexKind> =
        if kinds.is_empty() { IndexKind::ALL.into() } else { kinds.iter().map(|name| (*name).into()).collect() };
    let stats = Memory::open(&args.memory)?.index_stats()?;
    let mut document = DropDocument { memory: args.memory.display().to_string(), dropped: Vec::new(), bytes: 0 };
    let mut editor = Editor::open(&args.memory)?;
    for stats in stats.iter().filter(|stats| kinds.contains(&stats.kind)) {
        if editor.drop_index(stats.kind)? {
            document.dropped.push(stats.kind.name());
            document.bytes += stats.bytes;
        }
    }
    drop(editor);
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
