use std::path::PathBuf;

/// Why an experiment could not be done. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of neighbours cannot be read or written.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of neighbours is not in the authors' format.
    #[error("{}: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// No query has a known right label.
    #[error("there is no query whose right label is known; give labelled queries")]
    NoQueries,
    /// The experiment does not apply to this memory or these queries.
    #[error("{0}")]
    NotApplicable(String),
    /// The memory refused.
    #[error(transparent)]
    Memory(#[from] vismem::Error),
    /// Whoever heard of the progress ended it.
    #[error(transparent)]
    Cancelled(#[from] vismem::Cancelled),
}

/// An error of any group of a memory's operations is one of the memory.
macro_rules! from_memory {
    ($($group:ident),*) => {
        $(impl From<vismem::$group> for Error {
            fn from(error: vismem::$group) -> Self {
                Self::Memory(error.into())
            }
        })*
    };
}

from_memory!(EditError, EmbeddingError, ParameterError, QueryError, SelectError, StoreError);

/// Results of this crate.
pub type Result<T> = std::result::Result<T, Error>;
