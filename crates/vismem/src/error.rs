//! Why a memory could not be opened, changed or asked: an enum for each group of operations, and [`Error`] for callers who
//! tell them apart no further. Messages say what is wrong; what to do about it is for the caller to say, in its own words.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::platform::Unfit;
use crate::{AttributeType, NotCalibrated, WhereError};

/// Why a memory cannot be opened or read, or its files not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no memory at this path.
    #[error("{}: no memory here", path.display())]
    NotFound {
        /// The directory that was asked for.
        path: PathBuf,
    },
    /// Something other than a memory is there.
    #[error("{}: exists but is not a memory", path.display())]
    NotAMemory {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The memory was written by a newer engine.
    #[error("{}: written in format {found}, this engine reads up to {known}", path.display())]
    Format {
        /// The catalogue.
        path: PathBuf,
        /// Format version found.
        found: i64,
        /// Newest format version that this engine reads.
        known: i64,
    },
    /// Another process is writing.
    #[error("{}: being changed by {holder}", path.display())]
    Locked {
        /// The memory.
        path: PathBuf,
        /// What the holder wrote into the lock file.
        holder: String,
    },
    /// A file contradicts the catalogue. The memory is not answered from.
    #[error("{}: damaged: {what}", path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file that would be written to has other names, so that what they stand for would be changed with it.
    #[error("{}: has other names (hard links), which would be changed with it", path.display())]
    Shared {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database refused.
    #[error("{}: {source}", path.display())]
    Database {
        /// The catalogue.
        path: PathBuf,
        /// Why.
        source: DatabaseError,
    },
    /// Something was forgotten or the memory compacted since this reader was opened, so its rows are not what they were.
    #[error("{}: exemplars were forgotten or moved since it was opened", path.display())]
    Outdated {
        /// The memory.
        path: PathBuf,
    },
}

/// What the database said.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DatabaseError(rusqlite::Error);

impl DatabaseError {
    /// Whether the disk is full or failing.
    pub fn is_disk(&self) -> bool {
        use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
        matches!(self.0.sqlite_error_code(), Some(DiskFull | SystemIoFailure))
    }

    /// Whether the file or its directory may not be read or written.
    pub fn is_permission(&self) -> bool {
        use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
        matches!(self.0.sqlite_error_code(), Some(CannotOpen | ReadOnly))
    }

    /// Whether a transaction is to be rolled back first, which a reader may not do.
    pub fn is_unfinished(&self) -> bool {
        self.0.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_READONLY_ROLLBACK)
    }
}

/// Why an embedding cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddingError {
    /// An embedding has another dimension than the memory's.
    #[error("embedding {index} has {found} dimensions, the memory has {expected}")]
    Dimension {
        /// Position in the call.
        index: usize,
        /// Dimension of the embedding.
        found: usize,
        /// Dimension of the memory.
        expected: usize,
    },
    /// An embedding holds NaN or an infinity, or is all zeros.
    #[error("embedding {index} {what}, so it has no direction")]
    NoDirection {
        /// Position in the call.
        index: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// A parameter is out of range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name} = {value} is out of range: {range}")]
pub struct ParameterError {
    /// Name of the parameter.
    pub name: &'static str,
    /// What was given.
    pub value: f64,
    /// What is allowed.
    pub range: &'static str,
}

/// Something was named that the memory does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: has no {what} {name}", path.display())]
pub struct UnknownName {
    /// The memory.
    pub path: PathBuf,
    /// What kind of thing was named.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// What may have been meant.
    pub similar: Option<String>,
}

/// Whoever heard of the progress ended the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// A taxonomy contradicts itself, or the memory's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("taxonomy: {0}")]
pub struct TaxonomyError(pub(crate) String);

/// Why exemplars cannot be selected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// A selector without any criterion.
    #[error("nothing is selected")]
    Empty,
    /// It names an exemplar, label or batch that the memory does not have.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A condition cannot be read, or asks for what the memory does not have.
    #[error(transparent)]
    Where(#[from] WhereError),
    /// A distance is out of range.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// What it is to be near to is not an embedding.
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    /// The memory cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Which exemplars pruning hides cannot be told.
    #[error(transparent)]
    Query(Box<QueryError>),
}

impl From<QueryError> for SelectError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Store(error) => Self::Store(error),
            QueryError::Select(error) => error,
            error => Self::Query(Box::new(error)),
        }
    }
}

/// Why a memory cannot answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The memory is empty, so there is nothing to decide by.
    #[error("{}: holds no exemplar yet", path.display())]
    Empty {
        /// The memory.
        path: PathBuf,
    },
    /// A what-if question leaves no exemplar that could vote.
    #[error("{}: nothing is left to decide by", path.display())]
    NothingLeft {
        /// The memory.
        path: PathBuf,
    },
    /// No exemplar can be asked without itself.
    #[error("{}: holds fewer than two exemplars, so that none can be asked without itself", path.display())]
    TooFewExemplars {
        /// The memory.
        path: PathBuf,
    },
    /// No two exemplars are older than a batch, so that there are no old decisions.
    #[error(
        "{}: held fewer than two of its exemplars before batch {batch}, so that there are no decisions to compare with",
        path.display()
    )]
    NothingBefore {
        /// The memory.
        path: PathBuf,
        /// The batch.
        batch: u64,
    },
    /// A coverage was asked for, and there is no calibration for this question.
    #[error("{}: no set of labels has a known coverage: {why}", path.display())]
    NotCalibrated {
        /// The memory.
        path: PathBuf,
        /// Why there is none.
        why: NotCalibrated,
    },
    /// The taxonomy has no such level.
    #[error("there is no level {level:?}; the memory has {}", if known.is_empty() { "none".into() } else { known.join(", ") })]
    Level {
        /// What was asked for.
        level: String,
        /// What there is.
        known: Vec<String>,
    },
    /// An option is out of range.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// An option names what the memory does not have.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A query is not an embedding.
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    /// Who may vote cannot be selected.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// A search was asked for something impossible.
    #[error(transparent)]
    Search(#[from] vismem_search::Error),
    /// The memory cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was ended.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Why a memory was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The embeddings come from another encoder than the memory's.
    #[error("{}: holds embeddings of {memory}, not of {offered}", path.display())]
    Encoder {
        /// The memory.
        path: PathBuf,
        /// The memory's encoder.
        memory: String,
        /// The encoder that was offered.
        offered: String,
    },
    /// Labels must not be empty.
    #[error("exemplar {index} has an empty label")]
    EmptyLabel {
        /// Position in the call.
        index: usize,
    },
    /// An attribute has another type than in the memory, or than in an exemplar before this one.
    #[error("attribute {name:?} of exemplar {index} is a {found}, but all values of this attribute are of type {kind}")]
    AttributeType {
        /// Position in the call.
        index: usize,
        /// The attribute.
        name: String,
        /// Its type.
        kind: AttributeType,
        /// The type of the value that was offered.
        found: AttributeType,
    },
    /// An exemplar was to get an id that another one has or had.
    #[error("id {id} cannot be given: ids are never used twice")]
    IdUsed {
        /// The id.
        id: u64,
    },
    /// A taxonomy does not fit the memory's.
    #[error(transparent)]
    Taxonomy(#[from] TaxonomyError),
    /// Exemplars are forgotten, but pages of the write-ahead log that name them are still there.
    #[error(
        "{}: {exemplars} exemplars are forgotten; their erasure is unfinished: another process that was reading before \
         still holds the log with their labels, sources and hashes",
        path.display()
    )]
    LogHeld {
        /// The memory.
        path: PathBuf,
        /// How many exemplars were forgotten.
        exemplars: usize,
    },
    /// Exemplars are forgotten, but what is left of them in files could not be overwritten.
    #[error("{}: {exemplars} exemplars are forgotten; their erasure is unfinished: {source}", path.display())]
    NotErased {
        /// The memory.
        path: PathBuf,
        /// How many exemplars were forgotten.
        exemplars: usize,
        /// Why.
        source: Box<StoreError>,
    },
    /// No relabelling can be taken back.
    #[error(
        "{}: there is nothing to undo; a forget cannot be undone and ends what could be undone before it",
        path.display()
    )]
    NothingToUndo {
        /// The memory.
        path: PathBuf,
    },
    /// A number is out of range.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// What is to be added is not an embedding.
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    /// What is to be changed cannot be selected.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The memory cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an index was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The memory cannot be read or written, or was changed so that the index would not be its own.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it is built from cannot be found.
    #[error(transparent)]
    Query(QueryError),
    /// It was ended.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl From<QueryError> for IndexError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Store(error) => Self::Store(error),
            QueryError::Cancelled(error) => Self::Cancelled(error),
            error => Self::Query(error),
        }
    }
}

/// Any of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A memory cannot be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Exemplars cannot be selected.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// A memory cannot answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A memory was not changed.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// An index was not built.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// An embedding cannot be used.
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    /// A parameter is out of range.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// A taxonomy contradicts itself.
    #[error(transparent)]
    Taxonomy(#[from] TaxonomyError),
}

impl SelectError {
    /// Why the memory could not be read, if that is what went wrong.
    pub fn as_store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Query(error) => error.as_store(),
            _ => None,
        }
    }
}

impl QueryError {
    /// Why the memory could not be read, if that is what went wrong.
    pub fn as_store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Select(error) => error.as_store(),
            _ => None,
        }
    }
}

impl EditError {
    /// How many exemplars are forgotten, for everyone who opens the memory from now on, if the error is that something of
    /// them is still in its files. The next writer or [`crate::verify`] finishes their erasure.
    pub fn forgotten(&self) -> Option<usize> {
        match self {
            Self::LogHeld { exemplars, .. } | Self::NotErased { exemplars, .. } => Some(*exemplars),
            _ => None,
        }
    }

    /// Why the memory could not be read or written, if that is what went wrong.
    pub fn as_store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::NotErased { source, .. } => Some(source),
            Self::Select(error) => error.as_store(),
            _ => None,
        }
    }
}

impl IndexError {
    /// Why the memory could not be read or written, if that is what went wrong.
    pub fn as_store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Query(error) => error.as_store(),
            Self::Cancelled(_) => None,
        }
    }
}

impl Error {
    /// Why a memory could not be read or written, if that is what went wrong: [`StoreError::Outdated`] asks for
    /// [`crate::Memory::refresh`], wherever it came from.
    pub fn as_store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Select(error) => error.as_store(),
            Self::Query(error) => error.as_store(),
            Self::Edit(error) => error.as_store(),
            Self::Index(error) => error.as_store(),
            Self::Embedding(_) | Self::Parameter(_) | Self::Taxonomy(_) => None,
        }
    }

    /// Whether something was forgotten or moved since the state that was asked: [`StoreError::Outdated`].
    pub fn is_outdated(&self) -> bool {
        matches!(self.as_store(), Some(StoreError::Outdated { .. }))
    }
}

/// Results of this crate, for callers who tell errors apart no further.
pub type AnyResult<T> = std::result::Result<T, Error>;

/// Results of reading and writing files, and of other groups of operations.
pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Adds the path and the attempt to an I/O error.
pub(crate) trait IoContext<T> {
    fn at(self, path: &Path, action: &'static str) -> Result<T>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn at(self, path: &Path, action: &'static str) -> Result<T> {
        self.map_err(|source| match Unfit::of(&source) {
            Some(Unfit::Shared) => StoreError::Shared { path: path.to_path_buf() },
            None if source.kind() != ErrorKind::IsADirectory => {
                StoreError::Io { path: path.to_path_buf(), action, source }
            }
            _ => StoreError::Damaged { path: path.to_path_buf(), what: Unfit::NotRegular.to_string() },
        })
    }
}

/// Adds the catalogue's path to an SQLite error and tells damage from refusal.
pub(crate) trait SqlContext<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> SqlContext<T> for rusqlite::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        use rusqlite::ErrorCode::{ConstraintViolation, DatabaseCorrupt, NotADatabase};
        self.map_err(|source| match &source {
            // Every statement is one that a whole catalogue understands, answers and allows.
            rusqlite::Error::SqliteFailure(code, _)
                if matches!(code.code, DatabaseCorrupt | NotADatabase | ConstraintViolation)
                    || code.extended_code == rusqlite::ffi::SQLITE_ERROR =>
            {
                StoreError::Damaged { path: path.to_path_buf(), what: source.to_string() }
            }
            rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::SqlInputError { .. }
            | rusqlite::Error::QueryReturnedNoRows => {
                StoreError::Damaged { path: path.to_path_buf(), what: source.to_string() }
            }
            _ => StoreError::Database { path: path.to_path_buf(), source: DatabaseError(source) },
        })
    }
}
