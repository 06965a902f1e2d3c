//! Why a use case cannot be done.

use std::path::{Path, PathBuf};

/// Why a use case cannot be done. What would mend it in the words of a face is for the face to say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The memory cannot be opened, asked or changed.
    #[error(transparent)]
    Memory(#[from] vismem::Error),
    /// Data cannot be read.
    #[error(transparent)]
    Read(#[from] vismem_data::ReadError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] vismem_data::WriteError),
    /// An encoder cannot be loaded.
    #[error(transparent)]
    Load(#[from] vismem_models::LoadError),
    /// A model cannot be fetched.
    #[error(transparent)]
    Hub(#[from] vismem_models::HubError),
    /// A picture cannot be encoded.
    #[error(transparent)]
    Encode(#[from] vismem_encode::EncodeError),
    /// An experiment cannot be done.
    #[error(transparent)]
    Eval(#[from] vismem_eval::Error),
    /// A page or a picture cannot be made.
    #[error(transparent)]
    Report(#[from] vismem_report::Error),
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: `read`, `write`.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// An observer ended it.
    #[error("stopped")]
    Cancelled,
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

from_memory!(EditError, EmbeddingError, IndexError, ParameterError, QueryError, SelectError, StoreError);

/// Results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Adds the path and the attempt to an I/O error.
pub trait IoContext<T> {
    /// The error says that `action` on `path` failed.
    ///
    /// # Errors
    /// The same as before, as [`Error::Io`].
    fn at(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Io { path: path.into(), action, source })
    }
}
