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
    /// The request cannot be meant.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A receipt cannot be kept, or is not one.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// The file of embeddings that exemplars are to be like cannot be read.
    #[error("the embeddings in {}", path.display())]
    Like {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: vismem_data::ReadError,
    },
    /// Embeddings in a file are not those of the memory's encoder.
    #[error("{}: its rows have {dim} values, the memory's embeddings have {held}; use the memory's encoder", path.display())]
    Width {
        /// The file.
        path: PathBuf,
        /// Values in each of its rows.
        dim: usize,
        /// Values in each embedding of the memory.
        held: usize,
    },
    /// A row of embeddings has no direction.
    #[error("{row} {fault}")]
    Row {
        /// The row, as `FILE#ROW`.
        row: String,
        /// What is wrong with it, and the remedy.
        fault: &'static str,
    },
    /// The memory holds nothing of what is asked about.
    #[error("{}: {what}; add some first", memory.display())]
    Nothing {
        /// The memory.
        memory: PathBuf,
        /// What there is none of.
        what: &'static str,
    },
    /// All exemplars of the label that is to be split are selected.
    #[error("every exemplar of {label:?} fits the selection, so that nothing would be left of it")]
    WholeLabel {
        /// The label.
        label: String,
    },
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

/// A request that cannot be meant, whatever the memory holds.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Nothing says which exemplars are meant.
    #[error("no criterion says which exemplars are meant")]
    NoCriteria,
    /// No cosine distance.
    #[error("the distance {0} is out of range: must be within 0 to 2")]
    Distance(f32),
    /// The label that is split is among the criteria.
    #[error("{label:?} is the label that is split, and no criterion for its exemplars")]
    SplitByLabel {
        /// The label.
        label: String,
    },
    /// What is asked about are embeddings, not pictures: a folder that an export wrote.
    #[error("{}: holds embeddings, not pictures", path.display())]
    HoldsEmbeddings {
        /// The folder.
        path: PathBuf,
    },
    /// Where pictures are is said, and only embeddings are asked about.
    #[error("where pictures are says nothing of embeddings")]
    FindingOfEmbeddings {
        /// What was said.
        finding: vismem_data::Finding,
    },
    /// An explanation is written into a file of another kind.
    #[error("{}: an explanation is written as .html or .png", .0.display())]
    ExplanationFormat(PathBuf),
    /// An explanation would take the place of the picture that it explains.
    #[error("{}: is the picture itself; write the explanation elsewhere", .0.display())]
    ThePictureItself(PathBuf),
    /// A page is written into a file of another kind.
    #[error("{}: the page is written as .html", .0.display())]
    Page(PathBuf),
}

/// What is wrong with the receipt of a forgetting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Its file cannot be made. Nothing was forgotten.
    #[error("cannot make {}; nothing was forgotten: {source}", path.display())]
    NotMade {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It cannot be written. The exemplars are forgotten, and the memory's log has the event.
    #[error("cannot write {}; the exemplars are forgotten: {source}", path.display())]
    Lost {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{}: is not a receipt: {source}", path.display())]
    NotOne {
        /// The file.
        path: PathBuf,
        /// What its parser said.
        source: serde_json::Error,
    },
    /// Its hash does not fit it.
    #[error("{}: was changed since it was made, its hash does not fit", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

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
