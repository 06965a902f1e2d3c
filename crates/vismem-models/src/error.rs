use std::io;
use std::path::PathBuf;

use vismem_encode::Views;

use crate::{NotARepository, Repository};

/// Why files of a repository are not to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The hub may not be asked, and the cache does not have it.
    #[error("{repository} is not in {}, and HF_HUB_OFFLINE forbids to fetch it", cache.display())]
    Offline {
        /// What was asked for.
        repository: Repository,
        /// Where was looked.
        cache: PathBuf,
    },
    /// The cache does not have it, and this build cannot fetch: it has no feature `hub`.
    #[error("{repository} is not in {}, and this program was built without the part that fetches", cache.display())]
    WithoutNetwork {
        /// What was asked for.
        repository: Repository,
        /// Where was looked.
        cache: PathBuf,
    },
    /// The hub cannot be reached, or the connection broke. What has come by then is kept.
    #[error("{repository}: cannot fetch it from {endpoint}: {reason}")]
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
    /// Whoever was told of the progress ended it. What has come by then is kept.
    #[error("{repository}: fetching it was cancelled")]
    Cancelled {
        /// What was asked for.
        repository: Repository,
    },
    /// The hub does not know it, or does not show it to everybody.
    #[error("{repository}: {endpoint} has no such repository or revision for you")]
    NotFound {
        /// What was asked for.
        repository: Repository,
        /// Who was asked.
        endpoint: String,
    },
    /// The hub refused with another status.
    #[error("{repository}: {endpoint} answers with status {status}")]
    Refused {
        /// What was asked for.
        repository: Repository,
        /// Who was asked.
        endpoint: String,
        /// The status.
        status: u16,
    },
    /// The hub sends on to where must not be followed: another scheme.
    #[error("{repository}: {endpoint} sends on to {location:?}, which is not followed")]
    Redirected {
        /// What was asked for.
        repository: Repository,
        /// Who was asked.
        endpoint: String,
        /// Where it sends.
        location: String,
    },
    /// The hub does not say how large a file is, and it is larger than what is taken on trust.
    #[error("{repository}: {endpoint} does not say how large {file} is, and more than {limit} bytes of it came")]
    Unlisted {
        /// What was asked for.
        repository: Repository,
        /// Who was asked.
        endpoint: String,
        /// The file.
        file: String,
        /// How much is taken.
        limit: u64,
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
    #[error("{repository}: {file} was damaged on the way ({what}); it is thrown away")]
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

/// Why the encoder that somebody means cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The text names nothing: not the built-in model, a path that exists, or a model in [`NAMED`](crate::NAMED).
    #[error("{model}: is neither a folder nor a model's name{}", did_you_mean(*similar))]
    Unknown {
        /// The text.
        model: String,
        /// The name that may have been meant.
        similar: Option<&'static str>,
    },
    /// The text, of a model that is to be fetched, names neither a model in [`NAMED`](crate::NAMED) nor a repository.
    #[error("{text:?} is not a model's name or a repository{}", did_you_mean(*similar))]
    NotOnTheHub {
        /// The text.
        text: String,
        /// The name that may have been meant.
        similar: Option<&'static str>,
    },
    /// What stands behind `hub:` is not the name of a repository.
    #[error(transparent)]
    NotARepository(#[from] NotARepository),
    /// A model was to be fetched that is compiled in.
    #[error("{model} is built in, there is nothing to fetch")]
    BuiltIn {
        /// Its name.
        model: String,
    },
    /// Another pooling was asked for, of a model that leaves no choice.
    #[error("{model} has one output")]
    OneOutput {
        /// The model's name.
        model: String,
    },
    /// The paper's preprocessing was asked for, of a model that the paper did not use.
    #[error("{model}: the paper used DINOv2 and CLIP alone")]
    NotInThePaper {
        /// The model's name.
        model: String,
    },
    /// The memory was filled with embeddings, and nobody said of which encoder. Pictures cannot be compared with them.
    #[error("{}: holds embeddings of an unknown encoder", memory.display())]
    UnknownEncoder {
        /// The memory.
        memory: PathBuf,
    },
    /// No model was named, and the name that the memory has for its encoder does not say where it is.
    #[error("{}: holds embeddings of {held}, and that name is neither a model's nor a repository's", memory.display())]
    Nowhere {
        /// The memory.
        memory: PathBuf,
        /// Its encoder.
        held: vismem::EncoderIdentity,
    },
    /// No model was named, and the folder or file that the memory was filled with is not there any more.
    #[error("{}: holds embeddings of {held}, and there is nothing there any more", memory.display())]
    Gone {
        /// The memory.
        memory: PathBuf,
        /// Its encoder, named by its place.
        held: vismem::EncoderIdentity,
    },
    /// No model was named, and the memory's is not on this machine. Nobody was asked for it.
    #[error("{}: holds embeddings of {held}, which is not in {}", memory.display(), cache.display())]
    NotHere {
        /// The memory.
        memory: PathBuf,
        /// Its encoder.
        held: vismem::EncoderIdentity,
        /// Where was looked.
        cache: PathBuf,
    },
    /// The encoder is not the one whose embeddings the memory holds.
    #[error("{}: holds embeddings of {held}, not of {found}", memory.display())]
    AnotherEncoder {
        /// The memory.
        memory: PathBuf,
        /// Its encoder.
        held: Box<vismem::EncoderIdentity>,
        /// The encoder that was loaded.
        found: Box<vismem::EncoderIdentity>,
        /// Whether the request named that model; otherwise it is the one that the memory's name for its encoder means.
        is_named: bool,
    },
    /// Exemplars were to be encoded in other views than those that the memory holds.
    #[error("{}: its exemplars are encoded with the views `{held}`, not `{asked}`", memory.display())]
    OtherViews {
        /// The memory.
        memory: PathBuf,
        /// The views of its exemplars.
        held: Views,
        /// The views that were asked for.
        asked: Views,
    },
    /// The model's files cannot be fetched.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The model's files are here and make no encoder.
    #[error(transparent)]
    Model(#[from] vismem_encode::LoadError),
}

impl LoadError {
    /// Whether the request itself is at fault, in words or because it leaves something out, so that the same request
    /// will not do another time either.
    pub fn is_wrong_request(&self) -> bool {
        match self {
            Self::NotOnTheHub { .. }
            | Self::NotARepository(_)
            | Self::BuiltIn { .. }
            | Self::OneOutput { .. }
            | Self::NotInThePaper { .. }
            | Self::Nowhere { .. }
            | Self::Gone { .. }
            | Self::NotHere { .. }
            | Self::OtherViews { .. } => true,
            Self::AnotherEncoder { is_named, .. } => !is_named,
            Self::Unknown { .. } | Self::UnknownEncoder { .. } | Self::Hub(_) | Self::Model(_) => false,
        }
    }
}

fn did_you_mean(similar: Option<&str>) -> String {
    similar.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

/// Adds the path and the attempt to an I/O error.
#[cfg(feature = "hub")]
pub(crate) trait IoContext<T> {
    fn at(self, path: &std::path::Path, action: &'static str) -> Result<T, HubError>;
}

#[cfg(feature = "hub")]
impl<T> IoContext<T> for io::Result<T> {
    fn at(self, path: &std::path::Path, action: &'static str) -> Result<T, HubError> {
        self.map_err(|source| HubError::Io { path: path.into(), action, source })
    }
}
