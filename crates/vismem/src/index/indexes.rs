//! The indexes that one snapshot of a memory has found so far.

use std::fs::Metadata;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use crate::error::Result;
use crate::index::codes::{self, CodeMap};
use crate::index::novelty::ReferenceDistances;
use crate::index::partitions::{self, PartitionMap};
use crate::platform;
use crate::{Memory, QueryError};

/// A file that was changed so short a time ago may be changed again without showing it: clocks of files are coarse.
const COARSE: Duration = Duration::from_millis(100);

/// Indexes of a snapshot, each opened once it is there and needed. Shared by everyone who asks the snapshot.
#[derive(Default)]
pub(crate) struct Indexes {
    codes: Found<CodeMap>,
    partitions: Found<PartitionMap>,
    reference_distances: Mutex<Option<Arc<ReferenceDistances>>>,
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

    /// What the novelty of queries is measured by; computed once if no file has it.
    pub(crate) fn reference_distances(&self, memory: &Memory) -> Result<Arc<ReferenceDistances>, QueryError> {
        let mut known = self.reference_distances.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(distances) => Ok(distances.clone()),
            None => Ok(known.insert(Arc::new(ReferenceDistances::of(memory)?)).clone()),
        }
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
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(index) = &state.index {
                return Some(index.clone());
            }
            let stamp = Stamp::of(path)?;
            if state.refused.as_ref() == Some(&stamp) {
                return None;
            }
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.index.is_none() {
            // Taken before the look, so that what comes after it is not missed.
            let stamp = Stamp::of(path).filter(Stamp::is_settled);
            state.index = open().map(Arc::new);
            state.refused = stamp;
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
