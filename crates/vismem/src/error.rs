use std::path::{Path, PathBuf};

use crate::AttributeType;
use crate::platform::NotRegular;

/// Why a memory could not be opened, changed or asked. Each message names the file and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no memory at this path.
    #[error("{}: no memory here; `vismem add` makes one", path.display())]
    NotFound {
        /// The directory that was asked for.
        path: PathBuf,
    },
    /// A memory was to be made where something else is.
    #[error("{}: exists but is no memory; choose another path", path.display())]
    NotAMemory {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The memory was written by a newer engine.
    #[error("{}: written in format {found}, this engine reads up to {known}; use a newer vismem", path.display())]
    Format {
        /// The catalogue.
        path: PathBuf,
        /// Format version found.
        found: i64,
        /// Newest format version that this engine reads.
        known: i64,
    },
    /// Another process is writing.
    #[error("{}: being changed by {holder}; wait until it is done", path.display())]
    Locked {
        /// The memory.
        path: PathBuf,
        /// What the holder wrote into the lock file.
        holder: String,
    },
    /// A file contradicts the catalogue. The memory is not answered from.
    #[error("{}: damaged: {what}; restore it from a copy, `vismem verify` lists what is wrong", path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
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
    /// SQLite refused.
    #[error("{}: {source}{}", path.display(), remedy(source))]
    Catalog {
        /// The catalogue.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The vectors come from another encoder than the memory's.
    #[error(
        "{}: holds embeddings of {memory}, not of {offered}; use that encoder, or another memory for the new one",
        path.display()
    )]
    Encoder {
        /// The memory.
        path: PathBuf,
        /// The memory's encoder.
        memory: String,
        /// The encoder that was offered.
        offered: String,
    },
    /// An embedding has another dimension than the memory's.
    #[error("embedding {index} has {found} dimensions, the memory has {expected}: use the memory's encoder")]
    Dimension {
        /// Position in the call.
        index: usize,
        /// Dimension of the embedding.
        found: usize,
        /// Dimension of the memory.
        expected: usize,
    },
    /// An embedding holds NaN or an infinity, or is all zeros.
    #[error("embedding {index} {what}, so it has no direction: leave it out or compute it again")]
    NoDirection {
        /// Position in the call.
        index: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Labels must not be empty.
    #[error("exemplar {index} has an empty label: give it a name")]
    EmptyLabel {
        /// Position in the call.
        index: usize,
    },
    /// An attribute has another type than in the memory, or than in an exemplar before this one.
    #[error(
        "attribute {name:?} of exemplar {index} is a {found}, but all values of this attribute are of type {kind}; give them \
         one type, or the attribute another name"
    )]
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
    #[error("id {id} cannot be given: ids are never used twice; leave out the ids")]
    IdUsed {
        /// The id.
        id: u64,
    },
    /// The taxonomy has no such level.
    #[error("there is no level {level:?}; the memory has {}", if known.is_empty() { "none".into() } else { known.join(", ") })]
    Level {
        /// What was asked for.
        level: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A taxonomy contradicts itself.
    #[error("taxonomy: {0}")]
    Taxonomy(String),
    /// A vote's parameter is out of range.
    #[error("{name} = {value} is out of range: {range}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed.
        range: &'static str,
    },
    /// The memory is empty, so there is nothing to decide by.
    #[error("{}: holds no exemplar yet; add some first", path.display())]
    Empty {
        /// The memory.
        path: PathBuf,
    },
    /// A what-if question leaves no exemplar that could vote.
    #[error("{}: nothing is left to decide by; leave out less", path.display())]
    NothingLeft {
        /// The memory.
        path: PathBuf,
    },
    /// No exemplar can be asked without itself.
    #[error("{}: holds fewer than two exemplars, so that none can be asked without itself; add some first", path.display())]
    TooFewExemplars {
        /// The memory.
        path: PathBuf,
    },
    /// No two exemplars are older than a batch, so that there are no old decisions.
    #[error(
        "{}: held fewer than two of its exemplars before batch {batch}, so that there are no decisions to compare with; \
         name a later batch",
        path.display()
    )]
    NothingBefore {
        /// The memory.
        path: PathBuf,
        /// The batch.
        batch: u64,
    },
    /// Something was forgotten or the memory compacted since this reader was opened, so its rows are not what they were.
    #[error("{}: exemplars were forgotten or moved since it was opened; open it again, or give the command again", path.display())]
    Outdated {
        /// The memory.
        path: PathBuf,
    },
    /// Exemplars are forgotten, but pages of the write-ahead log that name them are still there.
    #[error(
        "{}: {exemplars} exemplars are forgotten, but another process that was reading before still holds the log with \
         their labels, sources and hashes; once it has ended, `vismem verify` or any change finishes the erasure",
        path.display()
    )]
    LogHeld {
        /// The memory.
        path: PathBuf,
        /// How many exemplars were forgotten.
        exemplars: usize,
    },
    /// No relabelling can be taken back.
    #[error(
        "{}: there is nothing to undo; a forget cannot be undone and ends what could be undone before it, an add is \
         undone with `vismem forget --batch`",
        path.display()
    )]
    NothingToUndo {
        /// The memory.
        path: PathBuf,
    },
    /// A selector without any criterion.
    #[error("nothing is selected: name ids, labels, sources, batches or a picture to be near to")]
    EmptySelector,
    /// A selector names an exemplar, label or batch that the memory does not have.
    #[error("{}: has no {what} {name}{}; `vismem ls` lists what it holds", path.display(), meant(similar.as_deref()))]
    NothingOfThisName {
        /// The memory.
        path: PathBuf,
        /// What kind of thing was named.
        what: &'static str,
        /// Its name.
        name: String,
        /// What may have been meant.
        similar: Option<String>,
    },
    /// A condition cannot be read, or asks for what the memory does not have.
    #[error(transparent)]
    Where(#[from] crate::WhereError),
    /// Who heard of the progress ended the call.
    #[error("cancelled")]
    Cancelled,
    /// A search was asked for something impossible.
    #[error(transparent)]
    Search(#[from] vismem_search::Error),
}

fn meant(similar: Option<&str>) -> String {
    similar.map_or_else(String::new, |similar| format!(", but {similar:?}"))
}

/// What to do where the disk, not the file's content, is at fault.
fn remedy(error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode::{CannotOpen, DiskFull, ReadOnly, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(DiskFull | SystemIoFailure) => "; make room on its disk, or have the disk checked",
        Some(CannotOpen | ReadOnly) => "; check that the file and its directory may be read and written",
        _ => "",
    }
}

/// Results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Adds the path and the attempt to an I/O error.
pub(crate) trait IoContext<T> {
    fn at(self, path: &Path, action: &'static str) -> Result<T>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn at(self, path: &Path, action: &'static str) -> Result<T> {
        self.map_err(|source| match NotRegular::caused(&source) {
            true => Error::Damaged { path: path.to_path_buf(), what: source.to_string() },
            false => Error::Io { path: path.to_path_buf(), action, source },
        })
    }
}

/// Adds the catalogue's path to an SQLite error and tells damage from refusal.
pub(crate) trait SqlContext<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> SqlContext<T> for rusqlite::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        self.map_err(|source| match &source {
            rusqlite::Error::SqliteFailure(code, _) if matches!(code.code, DatabaseCorrupt | NotADatabase) => {
                Error::Damaged { path: path.to_path_buf(), what: source.to_string() }
            }
            // Every statement is one that a whole catalogue understands and answers.
            rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::SqlInputError { .. }
            | rusqlite::Error::QueryReturnedNoRows => {
                Error::Damaged { path: path.to_path_buf(), what: source.to_string() }
            }
            _ => Error::Catalog { path: path.to_path_buf(), source },
        })
    }
}
