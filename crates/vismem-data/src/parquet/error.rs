use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

/// Why a table cannot be read or written. Each message names the file and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The path is a folder, a pipe or a device.
    #[error("{}: is not a regular file; give the path of a .parquet file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file ends too early, was changed, or is none of Parquet.
    #[error("{}: is not a whole Parquet file ({what}); fetch or write it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file is packed in a way that is not read here.
    #[error("{}: {what}; write it with another compression", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is not read.
        what: String,
    },
    /// There is no such column.
    #[error("{}: has no column {wanted}; its columns are {}", path.display(), known.join(", "))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A column holds lists, or a type that is not read here.
    #[error("{}: the column {column} holds {what}, which is not read here; write it as plain numbers, text or bytes", path.display())]
    NoPlainColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        what: String,
    },
    /// Text that is not UTF-8.
    #[error("{}: row {row} (from 0) of {column} is not UTF-8; write the column as bytes, or mend the row", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The row.
        row: u64,
    },
}

/// What the library says of a file, with the file's name.
pub(crate) fn named(path: &Path, error: ParquetError) -> Error {
    match error {
        ParquetError::NYI(what) => Error::Unsupported { path: path.into(), what },
        ParquetError::General(what) if what.contains("Disabled feature at compile time") => {
            Error::Unsupported { path: path.into(), what: "is packed with a method that is not read here".into() }
        }
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                Error::Damaged { path: path.into(), what: "it ends too early".into() }
            }
            Ok(source) => Error::Io { path: path.into(), action: "read or write", source: *source },
            Err(other) => Error::Damaged { path: path.into(), what: other.to_string() },
        },
        other => Error::Damaged { path: path.into(), what: other.to_string() },
    }
}

/// Runs the library on a file that anybody may have made: a panic in it is one more way to say that the file is damaged.
pub(crate) fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, Error> {
    let text = |panic: Box<dyn Any + Send>| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => {
            other.downcast::<&str>().map_or_else(|_| "it cannot be decoded".into(), |text| (*text).to_owned())
        }
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| named(path, error)),
        Err(panic) => Err(Error::Damaged { path: path.into(), what: text(panic) }),
    }
}
