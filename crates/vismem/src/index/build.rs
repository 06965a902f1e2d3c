//! Building indexes: from a snapshot, into a file of its own, without the writer's lock, which is held only while the file
//! takes its name.
//!
//! Nothing of what is forgotten meanwhile may stay. So a builder first creates its file, empty, and then looks whether
//! its snapshot is still good; and a forget deletes all unfinished files after its commit. One of the two sees the other.

use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{IoContext, Result};
use crate::index::codes::{self, OpenCodes};
use crate::index::derived::{self, Unfinished};
use crate::index::grouped;
use crate::index::neighbor_lists::{self, NeighborLists};
use crate::index::novelty::ReferenceDistances;
use crate::index::partitions::{self, OpenPartitions, PartitionMap};
use crate::index::search::{LARGE, LEAST};
use crate::store::kill_point::kill_point;
use crate::{Editor, IndexError, Memory, Progress, StoreError};

/// From so many values on, exact search is faster with codes.
const CODES_FROM: usize = 1 << 23;
/// How long the neighbour lists are if nothing is said and no pruning is set: what hard pruning takes in the paper.
const NEIGHBORS: usize = 100;
/// How much work on neighbour lists can be lost when the process ends.
const KEEP_EVERY: Duration = Duration::from_secs(30);
/// How long a finished index waits for a writer to let go of the lock.
const PATIENCE: Duration = if cfg!(test) { Duration::from_millis(300) } else { Duration::from_secs(60) };
/// How often what was added meanwhile is entered while others may add more.
const ROUNDS: usize = 8;
/// How often it tries to take the lock.
const RETRY: Duration = Duration::from_millis(50);

/// What can be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKind {
    /// `codes.i8`: 8-bit and 4-bit codes of all embeddings. Exact search reads them first, and most embeddings never.
    Codes,
    /// `partitions.i4`: exemplars by partition, for searches that need not be exact ([`crate::Search::Partitioned`]).
    Partitions,
    /// `neighbor_lists.u32`: the nearest neighbours of each exemplar, for pruning, leave-one-out and reliability.
    NeighborLists,
    /// `novelty.f32`: what the novelty of queries is measured by.
    Novelty,
}

impl IndexKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Codes, Self::Partitions, Self::NeighborLists, Self::Novelty];

    /// Its name: `codes`, `partitions`, `neighbors` or `novelty`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Codes => "codes",
            Self::Partitions => "partitions",
            Self::NeighborLists => "neighbors",
            Self::Novelty => "novelty",
        }
    }

    /// The file that holds it.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Codes => codes::NAME,
            Self::Partitions => partitions::NAME,
            Self::NeighborLists => derived::NEIGHBOR_LISTS,
            Self::Novelty => derived::NOVELTY,
        }
    }
}

impl fmt::Display for IndexKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How to build an index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// Whether to build it anew where it is up to date.
    pub rebuild: bool,
    /// How long neighbour lists are at least, 1..=10,000. `None` for what the pruning that is set asks for, else what
    /// there is, else 100.
    pub neighbors: Option<usize>,
}

/// What came of building an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Built {
    /// It was built, or brought up to date.
    New,
    /// It was up to date already.
    Current,
    /// The memory is too small for it: partitions need 8,192 exemplars, the others one.
    TooSmall,
}

/// Whether an index can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexState {
    /// It belongs to the memory as it is.
    Current,
    /// It is there, but not of use, or not for all exemplars, before it is built again.
    Behind,
    /// There is none.
    Absent,
}

/// What there is of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexStats {
    /// Which one.
    pub kind: IndexKind,
    /// Whether it can be used.
    pub state: IndexState,
    /// Bytes of its file; 0 where there is none.
    pub bytes: u64,
    /// Whether it is worth its room in a memory of this size: codes and novelty from 8,388,608 values on, partitions from
    /// 200,000 exemplars on, neighbour lists where a pruning is set.
    pub pays: bool,
    /// How long neighbour lists are; `None` for other kinds, and where there are none.
    pub neighbors: Option<usize>,
}

impl Memory {
    /// Builds an index of this snapshot, or brings it up to date. It takes no lock but for the last milliseconds, in which
    /// the index takes its place; what was added meanwhile is entered before. Building can take minutes; `progress` hears
    /// of it and can end it, and the memory is then as it was.
    ///
    /// Neighbour lists are put in their place every half minute while they are searched for, so that a process that ends
    /// on the way loses no more.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] when something was forgotten or moved meanwhile: the index is thrown away.
    /// [`StoreError::Locked`] when a writer has not let go of the memory a minute after it was finished. [`Cancelled`](crate::Cancelled).
    /// When `neighbors` is out of range, an embedding is damaged, or the disk refuses.
    pub fn build_index(
        &self,
        kind: IndexKind,
        options: &BuildOptions,
        progress: &mut dyn Progress,
    ) -> Result<Built, IndexError> {
        if self.len() < if kind == IndexKind::Partitions { LEAST } else { 1 } {
            return Ok(Built::TooSmall);
        }
        derived::remove_abandoned(self.path())?;
        let current = !options.rebuild && self.index_state(kind) == IndexState::Current;
        match kind {
            IndexKind::NeighborLists => {
                let depth = self.list_length(options)?;
                let mut lists = NeighborLists::begun(self, depth)?;
                if current && lists.missing(self) == 0 {
                    return Ok(Built::Current);
                }
                if options.rebuild {
                    lists.clear();
                }
                let mut kept = Instant::now();
                lists.catch_up(self, progress, |lists| {
                    // What goes wrong now goes wrong again at the end.
                    if kept.elapsed() >= KEEP_EVERY {
                        let write = |file: &Unfinished, _: &mut dyn Progress| {
                            Ok(lists.write(self, &file.path, file.file()?)?)
                        };
                        let _ = self.make(kind, Duration::ZERO, &mut (), write);
                        kept = Instant::now();
                    }
                })?;
                self.make(kind, PATIENCE, progress, |file, _| Ok(lists.write(self, &file.path, file.file()?)?))?;
            }
            _ if current => return Ok(Built::Current),
            IndexKind::Codes => {
                self.make(kind, PATIENCE, progress, |file, progress| {
                    codes::write(self, &file.path, file.file()?, progress)
                })?;
            }
            IndexKind::Partitions => {
                self.make(kind, PATIENCE, progress, |file, progress| {
                    Ok(partitions::write(self, &file.path, file.file()?, progress)?)
                })?;
            }
            IndexKind::Novelty => {
                let distances = ReferenceDistances::measure(self)?;
                self.make(kind, PATIENCE, progress, |file, _| Ok(distances.write(self, &file.path, &file.file()?)?))?;
            }
        }
        Ok(Built::New)
    }

    /// What there is of each index.
    ///
    /// # Errors
    /// When the pruning cannot be read.
    pub fn index_stats(&self) -> Result<Vec<IndexStats>, IndexError> {
        let values = self.len() * self.encoder().dim;
        let is_pruned = self.pruning()?.is_some();
        let stats = |kind: IndexKind| {
            let file = std::fs::symlink_metadata(derived::path(self.path(), kind.file_name()));
            let lists = (kind == IndexKind::NeighborLists).then(|| NeighborLists::load(self)).flatten();
            IndexStats {
                kind,
                state: self.index_state(kind),
                bytes: file.map_or(0, |file| file.len()),
                pays: match kind {
                    IndexKind::Codes | IndexKind::Novelty => values >= CODES_FROM,
                    IndexKind::Partitions => self.len() >= LARGE,
                    IndexKind::NeighborLists => is_pruned,
                },
                neighbors: lists.map(|lists| lists.depth()),
            }
        };
        Ok(IndexKind::ALL.map(stats).into())
    }

    fn index_state(&self, kind: IndexKind) -> IndexState {
        let is_current = match kind {
            IndexKind::Codes => self.indexes.codes(self).is_some(),
            IndexKind::Partitions => self.indexes.partitions(self).is_some(),
            IndexKind::NeighborLists => NeighborLists::load(self).is_some_and(|lists| lists.missing(self) == 0),
            IndexKind::Novelty => ReferenceDistances::load(self).is_some(),
        };
        match is_current {
            // One that is mapped may have lost its name.
            true if derived::path(self.path(), kind.file_name()).exists() => IndexState::Current,
            false if derived::path(self.path(), kind.file_name()).exists() => IndexState::Behind,
            _ => IndexState::Absent,
        }
    }

    /// How long neighbour lists are to be.
    fn list_length(&self, options: &BuildOptions) -> Result<usize, IndexError> {
        if let Some(neighbors) = options.neighbors {
            return Ok(neighbors);
        }
        let kept = || NeighborLists::load(self).map_or(NEIGHBORS, |lists| lists.depth());
        Ok(self.pruning()?.map_or_else(kept, |pruning| pruning.neighbors()))
    }

    /// Makes the file of an index and puts it in its place, for which it waits no longer than `patience` for a writer.
    fn make(
        &self,
        kind: IndexKind,
        patience: Duration,
        progress: &mut dyn Progress,
        write: impl FnOnce(&Unfinished, &mut dyn Progress) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let file = Unfinished::create(self.path(), kind.file_name())?;
        // Only now, see above.
        self.check_commit()?;
        kill_point("index begun");
        write(&file, progress)?;
        kill_point("index written");
        self.install(kind, file, patience, progress)
    }

    /// Puts a finished file in its place, after it was brought up to date with what was added while it was made.
    fn install(
        &self,
        kind: IndexKind,
        file: Unfinished,
        patience: Duration,
        progress: &mut dyn Progress,
    ) -> Result<(), IndexError> {
        let dir = self.path();
        let mut later: Option<Memory> = None;
        let started = Instant::now();
        let mut rounds = 0;
        loop {
            let of = later.as_ref().unwrap_or(self);
            let mut editor = match Editor::open_unchecked(dir) {
                Err(StoreError::Locked { .. }) if started.elapsed() < patience => {
                    progress.advance("indexes waiting for a writer", 0, 1)?;
                    sleep(RETRY);
                    continue;
                }
                opened => opened?,
            };
            self.check_commit()?;
            if editor.catalog.header()?.digest.digest() == of.digest() {
                // Vismem 0.1 would not erase from a file that it does not know.
                if kind == IndexKind::NeighborLists {
                    editor.upgrade()?;
                }
                // Recovery after a killed writer may have taken it away.
                let installed = file.install(dir, kind.file_name())?;
                return if installed { Ok(()) } else { Err(StoreError::Outdated { path: dir.into() }.into()) };
            }
            // Without the lock, since it takes a while; what comes meanwhile is entered the next time. Only if that goes on
            // and on, others wait.
            rounds += 1;
            let _held = Some(editor).filter(|_| rounds > ROUNDS);
            let now = Memory::open(dir)?;
            self.unless_outdated(follow(kind, &file, of, &now))?;
            later = Some(now);
        }
    }

    /// The memory's indexes that are to be built or brought up to date after something was added: those that are there,
    /// and codes and novelty where they pay.
    pub fn indexes_behind(&self) -> Vec<IndexKind> {
        let is_large = self.len() * self.encoder().dim >= CODES_FROM;
        let is_due = |kind: &IndexKind| {
            let path = derived::path(self.path(), kind.file_name());
            match kind {
                _ if !path.exists() => is_large && matches!(kind, IndexKind::Codes | IndexKind::Novelty),
                // Whether they are whole is asked when they are used: reading them takes longer than a small addition.
                IndexKind::Codes => !grouped::belongs(&path, &self.digest()),
                IndexKind::Partitions => !grouped::belongs(&path, &self.digest()) || !PartitionMap::suits_size(self),
                IndexKind::NeighborLists | IndexKind::Novelty => self.index_state(*kind) != IndexState::Current,
            }
        };
        IndexKind::ALL.into_iter().filter(is_due).collect()
    }

    /// Which indexes would make this search faster, and are not there.
    pub fn indexes_missing(&self, search: crate::Search) -> Vec<IndexKind> {
        let partitions = search.recall_of_partitions(self.len()).is_some();
        let codes = !partitions && self.len() * self.encoder().dim >= CODES_FROM;
        let lacks_partitions = partitions && self.indexes.partitions(self).is_none();
        let lacks_codes = codes && self.indexes.codes(self).is_none();
        let lacks = [(IndexKind::Partitions, lacks_partitions), (IndexKind::Codes, lacks_codes)];
        lacks.into_iter().filter(|(_, lacks)| *lacks).map(|(kind, _)| kind).collect()
    }
}

impl Editor {
    /// Deletes an index. Whether there was one.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn drop_index(&mut self, kind: IndexKind) -> Result<bool> {
        let there = derived::path(&self.dir, kind.file_name()).exists();
        self.indexes.close();
        derived::remove(&self.dir, &[kind.file_name()])?;
        Ok(there)
    }
}

/// Enters into a file what was added since `before`, in which nothing was forgotten or moved until `now`.
fn follow(kind: IndexKind, file: &Unfinished, before: &Memory, now: &Memory) -> Result<(), IndexError> {
    let (old, new) = (&before.slots.ids, &now.slots.ids);
    let added = || (0..new.len()).filter(|&slot| !now.is_free(slot) && old.get(slot) != Some(&new[slot]));
    let (path, dim) = (&file.path, now.encoder().dim);
    let entered = match kind {
        IndexKind::Codes => enter(
            OpenCodes::open(path, dim, &before.digest()),
            |codes| added().try_for_each(|slot| codes.add(slot, now.vector(slot))),
            |codes| codes.finish(&now.digest()).map(drop),
        ),
        IndexKind::Partitions => enter(
            OpenPartitions::open(path, dim, old.len(), &before.digest()),
            |partitions| added().try_for_each(|slot| partitions.add(slot, now.vector(slot))),
            |partitions| partitions.finish(&now.digest()).map(drop),
        ),
        IndexKind::NeighborLists => {
            let assignments: Vec<(usize, u64)> = added().map(|slot| (slot, new[slot])).collect();
            neighbor_lists::admit(path, &assignments, &before.digest(), &now.digest());
            Ok(())
        }
        IndexKind::Novelty => return Ok(ReferenceDistances::measure(now)?.write(now, path, &file.emptied()?)?),
    };
    Ok(entered.at(path, "write")?)
}

fn enter<T>(
    opened: std::io::Result<Option<T>>,
    add: impl FnOnce(&mut T) -> std::io::Result<()>,
    finish: impl FnOnce(&mut T) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut open = opened?.ok_or(std::io::ErrorKind::NotFound)?;
    add(&mut open)?;
    finish(&mut open)
}
