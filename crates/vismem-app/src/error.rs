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
    #[error("{source}")]
    Load {
        /// The model that the request names.
        model: Option<String>,
        /// Why.
        source: Box<vismem_models::LoadError>,
    },
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
    /// It failed on the way. What was added before is kept, and the same call again goes on from there.
    #[error("stopped; what was added before is kept")]
    Kept {
        /// Why it failed.
        source: Box<Error>,
    },
    /// There are not as many labels as embeddings.
    #[error("{}: {labels} labels for {rows} rows; give one label for each row", path.display())]
    LabelCount {
        /// The file of embeddings.
        path: PathBuf,
        /// How many labels there are.
        labels: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// Two files of embeddings have rows of different lengths.
    #[error("{}: its rows have {dim} values, those of {} have {first}", path.display(), first_path.display())]
    UnequalRows {
        /// The file.
        path: PathBuf,
        /// How many values its rows have.
        dim: usize,
        /// The first file.
        first_path: PathBuf,
        /// How many values the rows of that one have.
        first: usize,
    },
    /// Embeddings have another dimension than those of the encoder that they are said to come from.
    #[error("the rows have {dim} values, embeddings of {encoder} have {}", encoder.dim)]
    RowsOfAnotherEncoder {
        /// How many values the rows have.
        dim: usize,
        /// The encoder that was named.
        encoder: vismem::EncoderIdentity,
    },
    /// An exported folder makes another memory than the one that it was exported from.
    #[error(
        "{}: makes a memory of the digest {digest}, but was exported from one of {expected}: its files were changed since; \
         export again, or delete {} if this was not meant",
        folder.display(),
        memory.display()
    )]
    ChangedSinceExport {
        /// The folder.
        folder: PathBuf,
        /// The memory that was made.
        memory: PathBuf,
        /// Its digest.
        digest: String,
        /// The digest of the memory that was exported.
        expected: String,
    },
    /// Nothing fits the selection of an export.
    #[error("nothing fits the selection, nothing was exported")]
    NothingToExport,
    /// Data sets that are to be encoded together have different levels above their labels.
    #[error("one data set has the levels {}, another {}", first.join(", "), other.join(", "))]
    UnequalLevels {
        /// The levels of the first.
        first: Vec<String>,
        /// The levels of another.
        other: Vec<String>,
    },
    /// Pictures were to be looked for in a place that cannot be read.
    #[error("cannot look for pictures in {}", path.display())]
    LookFor {
        /// The place.
        path: PathBuf,
        /// Why.
        source: vismem_data::ReadError,
    },
    /// There is no folder where a memory is to follow one.
    #[error("{}: is not a folder; give the folder that the memory is to follow", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// A selection fits no exemplar, so there is nothing to change.
    #[error("{}: no exemplar fits the selection", memory.display())]
    NothingSelected {
        /// The memory.
        memory: PathBuf,
    },
    /// No exemplar meets the condition under which a memory is evaluated.
    #[error("{}: no exemplar meets the condition", memory.display())]
    NoneMeets {
        /// The memory.
        memory: PathBuf,
    },
    /// None of the queries in a file or folder can be used.
    #[error("{}: none of its queries can be used", path.display())]
    NoUsableQuery {
        /// The file or folder.
        path: PathBuf,
    },
    /// No query has a label that the memory has, so that all answers would be wrong.
    #[error("none of the queries has a label of the memory: they say {example:?}")]
    ForeignLabels {
        /// A label of a query.
        example: String,
        /// The label of the memory that may be meant.
        similar: Option<String>,
    },
    /// An experiment failed.
    #[error("eval {experiment}")]
    Experiment {
        /// Its name.
        experiment: &'static str,
        /// Why.
        source: Box<Error>,
    },
    /// An observer ended it.
    #[error("stopped")]
    Cancelled,
}

/// A request that cannot be meant, whatever the memory and the files hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// There are not as many files of labels as files of embeddings.
    #[error("{files} files of labels for {arrays} files of embeddings")]
    LabelFiles {
        /// How many files of labels.
        files: usize,
        /// How many files of embeddings.
        arrays: usize,
    },
    /// Labels of queries where none are given.
    #[error("labels belong to queries, and none are given")]
    LabelsWithoutQueries,
    /// Several files of neighbours for another experiment than [`Shift`](crate::evaluate::Experiment::Shift).
    #[error("one file of neighbours is evaluated at a time, but for a comparison of several")]
    SeveralNeighborFiles,
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
    /// An explanation is written into a file of another kind.
    #[error("{}: an explanation is written as .html or .png", .0.display())]
    ExplanationFormat(PathBuf),
    /// Several explanations would be written into one file.
    #[error("{}: is one file, and there are several explanations", .0.display())]
    OneFileForSeveral(PathBuf),
    /// An explanation would take the place of the picture that it explains.
    #[error("{}: is the picture itself; write the explanation elsewhere", .0.display())]
    ThePictureItself(PathBuf),
    /// One embedding is explained, and a file of many was named.
    #[error("{}: holds embeddings, of which one is explained; name its row, counted from 0: {}#0", .0.display(), .0.display())]
    WholeArray(PathBuf),
    /// A page is written into a file of another kind.
    #[error("{}: the page is written as .html", .0.display())]
    Page(PathBuf),
    /// A field of [`Reading`](vismem_data::Reading) or [`EncoderRequest`](vismem_models::EncoderRequest) that is about
    /// pictures, beside embeddings.
    #[error("{field} belongs to pictures, not to embeddings")]
    ForPictures {
        /// The field's name.
        field: &'static str,
    },
    /// An exported folder with an encoder, a label or a taxonomy besides.
    #[error("an exported folder has encoder, labels and taxonomy of its own")]
    Exported,
    /// A file of labels beside something else than a file of embeddings.
    #[error("a file of labels belongs to a .npy file of embeddings")]
    LabelsOfPictures,
    /// Pictures and embeddings at once, or several files of embeddings.
    #[error("add one .npy file of embeddings at a time, and pictures by themselves")]
    Mixed,
    /// Embeddings without labels.
    #[error("{}: nothing says what its rows show", path.display())]
    NoLabels {
        /// The file of embeddings.
        path: PathBuf,
    },
    /// No path was named.
    #[error("nothing is named that is to be read")]
    NoPath,
    /// Nothing says that embeddings are of the memory's encoder.
    #[error("{}: holds embeddings of {held}; nothing says that the rows are of the same", memory.display())]
    RowsOfUnknownEncoder {
        /// The memory.
        memory: PathBuf,
        /// Its encoder.
        held: vismem::EncoderIdentity,
    },
    /// A memory is to be encoded anew with the encoder that it has.
    #[error("{}: holds embeddings of {encoder} already", memory.display())]
    SameEncoder {
        /// The memory.
        memory: PathBuf,
        /// Its encoder.
        encoder: vismem::EncoderIdentity,
    },
    /// There is no such share of the pictures.
    #[error("there is no share {number} of {of}")]
    Share {
        /// The share.
        number: u64,
        /// How many there are.
        of: u64,
    },
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

from_memory!(EditError, EmbeddingError, IndexError, ParameterError, QueryError, SelectError, StoreError, TaxonomyError);

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

/// Says of what fails on the way that the rest is kept.
pub(crate) trait KeptContext<T> {
    /// The error as [`Error::Kept`].
    fn kept(self) -> Result<T>;
}

impl<T, E: Into<Error>> KeptContext<T> for std::result::Result<T, E> {
    fn kept(self) -> Result<T> {
        self.map_err(|error| Error::Kept { source: Box::new(error.into()) })
    }
}
