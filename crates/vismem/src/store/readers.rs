//! Reading the catalogue while others write: by short transactions, none of which outlives a call.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::StoreError;
use crate::error::{Result, SqlContext};
use crate::store::catalog::{Catalog, Header};
use crate::store::state::{self, Commit};

/// Connections that are kept for later. More threads than this are served by connections of their own.
const KEPT: usize = 16;
/// Records that are read in one transaction, which then takes about a millisecond; for what a record is not, as many.
pub(crate) const TOGETHER: usize = 1_000;
/// How often reading in parts begins again because of a commit, until all is read in one transaction.
const ATTEMPTS: usize = 8;

/// Connections to the catalogue of a memory, for any number of threads.
pub(crate) struct Readers {
    dir: PathBuf,
    idle: Mutex<Vec<Catalog>>,
}

impl Readers {
    /// # Errors
    /// When there is no catalogue, or it cannot be read.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let first = Catalog::open_to_read(dir)?;
        Ok(Self { dir: dir.into(), idle: Mutex::new(vec![first]) })
    }

    /// One short transaction. What it reads is of one state, and that is the state when it begins.
    ///
    /// It must not wait for a writer, nor begin another one: the writer may be waiting for it.
    pub(crate) fn read<T, E: From<StoreError>>(&self, of: impl FnOnce(&Catalog) -> Result<T, E>) -> Result<T, E> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let catalog = idle.map_or_else(|| Catalog::open_to_read(&self.dir), Ok)?;
        let outcome = {
            let _inside = catalog.enter();
            let _transaction = catalog.db.unchecked_transaction().at(&catalog.path)?;
            of(&catalog)
        };
        // What is opened as if nobody changed it may not be read again once somebody did, elsewhere.
        if outcome.is_ok() && !catalog.immutable {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < KEPT {
                idle.push(catalog);
            }
        }
        outcome
    }

    /// The same where exemplars are read, which are those of a commit as long as none was erased or moved since.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] if one was.
    pub(crate) fn read_of<T, E: From<StoreError>>(
        &self,
        commit: &Commit,
        of: impl FnOnce(&Catalog) -> Result<T, E>,
    ) -> Result<T, E> {
        self.read(|catalog| match catalog.generation()? == commit.generation {
            true => of(catalog),
            false => Err(StoreError::Outdated { path: self.dir.clone() }.into()),
        })
    }

    /// Reads one state in parts, each a short transaction. Where commits keep coming in between, in one transaction at
    /// last.
    pub(crate) fn read_in_parts<T>(&self, of: impl Fn(&Parts<'_>, &Header) -> Result<T>) -> Result<T> {
        for _ in 0..ATTEMPTS {
            let header = self.read(Catalog::header)?;
            let parts = Parts { of: Source::Parts(self), commit: header.commit };
            match of(&parts, &header) {
                Err(StoreError::Outdated { .. }) => {}
                read => return read,
            }
        }
        self.read(|catalog| {
            let header = catalog.header()?;
            of(&Parts::whole(catalog, header.commit), &header)
        })
    }

    /// Whether this is the last commit.
    pub(crate) fn is_last(&self, commit: &Commit) -> Result<bool> {
        // A writer may be just about to say otherwise; the answer is that of a moment ago then.
        Ok(state::read(&self.dir) == Some(*commit) || self.read(Catalog::header)?.commit == *commit)
    }

    /// To be asked after rows of a commit were read: they were what the commit says, unless this is an error.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] if rows were erased or moved since.
    pub(crate) fn check(&self, commit: &Commit) -> Result<()> {
        let is_this = |now: &Commit| now.generation == commit.generation;
        if state::read(&self.dir).as_ref().is_some_and(is_this) || is_this(&self.read(Catalog::header)?.commit) {
            return Ok(());
        }
        Err(StoreError::Outdated { path: self.dir.clone() })
    }
}

/// One state of a memory, to be read in parts.
pub(crate) struct Parts<'r> {
    of: Source<'r>,
    commit: Commit,
}

enum Source<'r> {
    /// Each part is a transaction of its own.
    Parts(&'r Readers),
    /// All of it is in one.
    Whole(&'r Catalog),
}

impl<'r> Parts<'r> {
    /// Everything in the transaction that `catalog` is in, or while nobody else writes.
    pub(crate) fn whole(catalog: &'r Catalog, commit: Commit) -> Self {
        Self { of: Source::Whole(catalog), commit }
    }

    /// Reads a part.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] if there was a commit since the first part.
    pub(crate) fn read<T>(&self, of: impl FnOnce(&Catalog) -> Result<T>) -> Result<T> {
        match self.of {
            Source::Whole(catalog) => of(catalog),
            Source::Parts(readers) => readers.read(|catalog| {
                if catalog.header()?.commit != self.commit {
                    return Err(StoreError::Outdated { path: readers.dir.clone() });
                }
                of(catalog)
            }),
        }
    }
}
