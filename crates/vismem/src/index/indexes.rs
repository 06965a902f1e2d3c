//! The indexes that one snapshot of a memory has found so far.

use std::fs::Metadata;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use crate::error::Result;
use crate::index::codes::{self, CodeMap};
use crate::index::derived;
use crate::index::novelty::{ReferenceDistances, Sample};
use crate::index::partitions::{self, PartitionMap};
use crate::platform;
use crate::store::catalog::Record;
use crate::store::turn::Turn;
use crate::{Calibration, Memory, QueryError};

/// A file that was changed so short a time ago may be changed again without showing it: clocks of files are coarse.
const COARSE: Duration = Duration::from_millis(100);

/// Indexes of a snapshot, each opened once it is there and needed. Shared by everyone who asks the snapshot.
///
/// Nothing is locked while an index is opened: that work is shared out over a pool, whose threads may meanwhile take up
/// another question to the same snapshot. Two who ask at the same time may both do it.
#[derive(Default)]
pub(crate) struct Indexes {
    codes: Found<CodeMap>,
    partitions: Found<PartitionMap>,
    calibration: Found<Calibration>,
    reference_distances: OnceLock<ReferenceDistances>,
    measuring: Turn,
    /// What they are measured by, as far as that went.
    sample: Mutex<Option<Sample>>,
}

impl Indexes {
    /// The memory's codes, if it has some.
    pub(crate) fn codes(&self, memory: &Memory) -> Option<Arc<CodeMap>> {
        self.codes.get(&codes::path(memory.path()), || CodeMap::open(memory))
    }

    /// The memory's partitions, if it has some that suit it.
    pub(crate) fn partitions(&self, memory: &Memory) -> Option<Arc<PartitionMap>> {
        self.partitions.get(&partitions::path(memory.path()), || PartitionMap::open(memory))
    }

    /// The memory's calibration, if it has one that holds for it.
    pub(crate) fn calibration(&self, memory: &Memory) -> Option<Arc<Calibration>> {
        self.calibration.get(&derived::path(memory.path(), derived::CALIBRATION), || Calibration::load(memory))
    }

    /// What the novelty of queries is measured by; computed once if no file has it.
    pub(crate) fn reference_distances(&self, memory: &Memory) -> Result<&ReferenceDistances, QueryError> {
        if let Some(known) = self.reference_distances.get() {
            return Ok(known);
        }
        let _turn = self.measuring.wait();
        if let Some(known) = self.reference_distances.get() {
            return Ok(known);
        }
        // Nobody need measure what is not asked for any more.
        memory.check_commit()?;
        let distances = match ReferenceDistances::load(memory) {
            Some(distances) => distances,
            None => self.measured(memory)?,
        };
        Ok(self.reference_distances.get_or_init(|| distances))
    }

    /// Goes on from what was found before. What is found stays for [`Indexes::take_over`], even if all of it cannot be found
    /// because others forget.
    fn measured(&self, memory: &Memory) -> Result<ReferenceDistances, QueryError> {
        let begun = self.sample().clone();
        let mut sample = begun.map_or_else(|| Sample::read(memory), Ok)?;
        // Few at first, so that something is found between any two forgets; many together take less.
        let mut count = 8;
        while sample.look_on(memory, count)? {
            *self.sample() = Some(sample.clone());
            count *= 2;
        }
        Ok(sample.distances())
    }

    fn sample(&self) -> MutexGuard<'_, Option<Sample>> {
        self.sample.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over from the state `before` what `now`, which is what it became by `added` and by forgets, need not compute again.
    pub(crate) fn take_over(&self, before: &Memory, now: &Memory, added: &[Record]) {
        let sample = before.indexes.sample().as_ref().and_then(|sample| sample.after(before, now, added));
        *self.sample() = sample;
    }
}

/// An index, once it was there. As long as it is not, each call looks whether the file has changed.
struct Found<T> {
    state: RwLock<State<T>>,
}

struct State<T> {
    index: Option<Arc<T>>,
    /// The file that was not an index of this snapshot when it was looked into.
    refused: Option<Stamp>,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self { state: RwLock::new(State { index: None, refused: None }) }
    }
}

impl<T> Found<T> {
    fn get(&self, path: &Path, open: impl FnOnce() -> Option<T>) -> Option<Arc<T>> {
        // Taken before the look, so that what comes after it is not missed.
        let stamp = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(index) = &state.index {
                return Some(index.clone());
            }
            let stamp = Stamp::of(path)?;
            if state.refused.as_ref() == Some(&stamp) {
                return None;
            }
            stamp
        };
        let opened = open().map(Arc::new);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.index.is_none() {
            state.refused = Some(stamp).filter(|stamp| opened.is_none() && stamp.is_settled());
            state.index = opened;
        }
        state.index.clone()
    }
}

/// What tells a file from what was there before.
#[derive(PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    changed: SystemTime,
}

impl Stamp {
    /// `None` where there is no file.
    fn of(path: &Path) -> Option<Self> {
        let file: Metadata = std::fs::symlink_metadata(path).ok()?;
        Some(Self { inode: platform::inode(&file), length: file.len(), changed: file.modified().ok()? })
    }

    fn is_settled(&self) -> bool {
        self.changed.elapsed().is_ok_and(|age| age > COARSE)
    }
}
