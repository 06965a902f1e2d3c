//! Building, showing and dropping what searches and counts are made fast by.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use vismem::{BuildOptions, Editor, IndexKind, IndexState, Memory};

use crate::observer::Steps;
use crate::{Observer, Result};

/// What building came to.
#[derive(Debug, Serialize)]
pub struct Built {
    /// The memory.
    pub memory: String,
    /// How many exemplars it holds.
    pub exemplars: usize,
    /// The indexes that were asked for.
    pub indexes: Vec<BuiltIndex>,
}

/// What building an index came to.
#[derive(Debug, Serialize)]
pub struct BuiltIndex {
    /// Its name.
    pub kind: &'static str,
    /// `built`, `current` or `too_small`.
    pub outcome: &'static str,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How large its file is, in bytes.
    pub bytes: u64,
}

/// The indexes of a memory.
#[derive(Debug, Serialize)]
pub struct Indexes {
    /// The memory.
    pub memory: String,
    /// How many exemplars it holds.
    pub exemplars: usize,
    /// Every kind of index.
    pub indexes: Vec<Index>,
}

/// An index of a memory.
#[derive(Debug, Serialize)]
pub struct Index {
    /// Its name.
    pub kind: &'static str,
    /// The name of its file.
    pub file: &'static str,
    /// `current`, `behind` or `absent`.
    pub state: &'static str,
    /// How large its file is, in bytes.
    pub bytes: u64,
    /// Whether it makes this memory faster.
    pub pays: bool,
    /// How many neighbours each of its lists has.
    pub neighbors: Option<usize>,
}

/// What was dropped.
#[derive(Debug, Serialize)]
pub struct Dropped {
    /// The memory.
    pub memory: String,
    /// Names of indexes.
    pub dropped: Vec<&'static str>,
    /// How large their files were, in bytes.
    pub bytes: u64,
}

/// Builds indexes of these kinds; without any, those that pay and those that are there.
///
/// # Errors
/// When the memory cannot be read or an index not be written, or the observer ends it.
pub fn build(
    memory: &Memory,
    kinds: &[IndexKind],
    options: &BuildOptions,
    observer: &mut dyn Observer,
) -> Result<Built> {
    let kinds = match kinds {
        [] => {
            let stats = memory.index_stats()?;
            let meant = stats.iter().filter(|stats| stats.pays || stats.state != IndexState::Absent);
            meant.map(|stats| stats.kind).collect()
        }
        named => named.to_vec(),
    };
    let mut indexes = Vec::new();
    for kind in &kinds {
        let started = Instant::now();
        let outcome = match memory.build_index(*kind, options, &mut Steps(observer))? {
            vismem::Built::New => "built",
            vismem::Built::Current => "current",
            vismem::Built::TooSmall => "too_small",
        };
        let seconds = started.elapsed().as_secs_f64();
        indexes.push(BuiltIndex { kind: kind.name(), outcome, seconds, bytes: 0 });
    }
    let stats = Memory::open(memory.path())?.index_stats()?;
    for (index, kind) in indexes.iter_mut().zip(kinds) {
        index.bytes = stats.iter().find(|stats| stats.kind == kind).map_or(0, |stats| stats.bytes);
    }
    Ok(Built { memory: memory.path().display().to_string(), exemplars: memory.len(), indexes })
}

/// After something was added: brings the indexes up to date that are there, and builds those that pay.
///
/// # Errors
/// As [`build`]. What was added is kept.
pub fn update(memory: &Path, observer: &mut dyn Observer) -> Result<()> {
    let memory = Memory::open(memory)?;
    for kind in memory.indexes_behind() {
        memory.build_index(kind, &BuildOptions::default(), &mut Steps(observer))?;
    }
    Ok(())
}

/// Keeps neighbour lists at least so long, so that nobody has to search for them again. Where that cannot be, as on a disk
/// that is only read, or would be a change of the memory's format, they are searched for in memory.
pub fn keep_lists(memory: &Memory, neighbors: usize, observer: &mut dyn Observer) {
    if memory.format().is_ok_and(|format| format < vismem::FORMAT) {
        return;
    }
    let options = BuildOptions { neighbors: Some(neighbors), ..BuildOptions::default() };
    let _ = memory.build_index(IndexKind::NeighborLists, &options, &mut Steps(observer));
}

/// Whether lists of so many neighbours are kept, of this state of the memory.
pub(crate) fn has_lists(memory: &Memory, neighbors: usize) -> Result<bool> {
    let stats = memory.index_stats()?;
    let is_long = |stats: &vismem::IndexStats| stats.neighbors.is_some_and(|kept| kept >= neighbors);
    let is_current = |stats: &vismem::IndexStats| stats.state == IndexState::Current && is_long(stats);
    Ok(stats.iter().any(|stats| stats.kind == IndexKind::NeighborLists && is_current(stats)))
}

/// All indexes of a memory.
///
/// # Errors
/// When the memory cannot be read.
pub fn show(memory: &Memory) -> Result<Indexes> {
    let shown = |stats: vismem::IndexStats| Index {
        kind: stats.kind.name(),
        file: stats.kind.file_name(),
        state: match stats.state {
            IndexState::Current => "current",
            IndexState::Behind => "behind",
            IndexState::Absent => "absent",
        },
        bytes: stats.bytes,
        pays: stats.pays,
        // There are no more than the others.
        neighbors: stats.neighbors.map(|count| count.min(memory.len().saturating_sub(1))),
    };
    let indexes = memory.index_stats()?.into_iter().map(shown).collect();
    Ok(Indexes { memory: memory.path().display().to_string(), exemplars: memory.len(), indexes })
}

/// Drops indexes of these kinds; without any, all.
///
/// # Errors
/// When the memory cannot be changed.
pub fn drop_indexes(memory: &Path, kinds: &[IndexKind]) -> Result<Dropped> {
    let kinds = if kinds.is_empty() { &IndexKind::ALL[..] } else { kinds };
    let stats = Memory::open(memory)?.index_stats()?;
    let mut result = Dropped { memory: memory.display().to_string(), dropped: Vec::new(), bytes: 0 };
    let mut editor = Editor::open(memory)?;
    for stats in stats.iter().filter(|stats| kinds.contains(&stats.kind)) {
        if editor.drop_index(stats.kind)? {
            result.dropped.push(stats.kind.name());
            result.bytes += stats.bytes;
        }
    }
    Ok(result)
}
