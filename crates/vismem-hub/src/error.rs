use std::io;
use std::path::PathBuf;

use crate::Repository;

/// Why files of a repository are not to be had. Each message names what was asked for and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The hub may not be asked (`HF_HUB_OFFLINE`), and the cache does not have it.
    #[error(
        "{repository} is not in {}, and HF_HUB_OFFLINE forbids to fetch it; fetch it where there is a network and copy that \
         folder, or name a folder with the model's files",
        cache.display()
    )]
    Offline {
        /// What was asked for.
        repository: Repository,
        /// Where was looked.
        cache: PathBuf,
    },
    /// The hub cannot be reached, or the connection broke.
    #[error(
        "{repository}: cannot fetch it from {endpoint}: {reason}; give the command again and it goes on where it was; without \
         a network, fetch the files elsewhere (`hf download {}`) and name their folder, or copy them into {}",
        repository.name,
        cache.display()
    )]
    Network {
        /// What was asked for.
        repository: Repository,
        /// Who was asked.
        endpoint: String,
        /// What went wrong.
        reason: String,
        /// Where the files are looked for.
        cache: PathBuf,
    },
    /// The hub does not know it, or does not show it to everybody.
    #[error(
        "{repository}: {endpoint} has no such repository or revision for you; check its name, and set HF_TOKEN if it is \
         private or asks for consent"
    )]
    NotFound {
        /// What was asked for.
        repository: Repository,
        /// Who was asked.
        endpoint: String,
    },
    /// The hub refused with another status.
    #[error("{repository}: {endpoint} answers with status {status}; try again later")]
    Refused {
        /// What was asked for.
        repository: Repository,
        /// Who was asked.
        endpoint: String,
        /// The status.
        status: u16,
    },
    /// The hub's list of files is not what it should be.
    #[error("{repository}: the list of files from {endpoint} cannot be used: {reason}")]
    Listing {
        /// What was asked for.
        repository: Repository,
        /// Who was asked.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file is not what the hub says that it is.
    #[error("{repository}: {file} was damaged on the way ({what}); it is thrown away, give the command again")]
    Damaged {
        /// What was asked for.
        repository: Repository,
        /// The file.
        file: String,
        /// What does not fit.
        what: String,
    },
    /// The file system refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Adds the path and the attempt to an I/O error.
pub(crate) trait IoContext<T> {
    fn at(self, path: &std::path::Path, action: &'static str) -> Result<T, Error>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn at(self, path: &std::path::Path, action: &'static str) -> Result<T, Error> {
        self.map_err(|source| Error::Io { path: path.into(), action, source })
    }
}
