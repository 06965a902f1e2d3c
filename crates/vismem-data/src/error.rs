//! What can be wrong with a data set, and with what is written.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

use crate::parquet;

/// Why a data set, or another file that a user brings, cannot be read. Each message names the file.
///
/// What would mend it is part of the message where that is in the file; where it is in the request,
/// [`ReadError::remedy`] has it, because every face has its own words for that.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The request cannot be meant.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: `read`, `list` or `find`.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The path is a folder, a pipe or a device.
    #[error("{}: is not a regular file; give the path of {wanted}", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it should be: `an archive`, `a .npy file`.
        wanted: &'static str,
    },
    /// The file is not of the kind that its name promises.
    #[error("{}: is {what}{}", path.display(), because(source.as_deref()))]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it is not, as `not a whole zip archive; fetch or pack it again`.
        what: &'static str,
        /// What its parser said, if that is known.
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// There is nothing in it: no pictures, no rows, no values.
    #[error("{}: {what}", path.display())]
    Nothing {
        /// The file or folder.
        path: PathBuf,
        /// What there is none of, as `lists no pictures`.
        what: String,
    },
    /// A table has no column of this name, or none of this kind.
    #[error("{}: has no column {wanted}; its columns are {}", path.display(), known.join(", "))]
    NoColumn {
        /// The table.
        path: PathBuf,
        /// What was looked for: a name, or a name and what was expected of it.
        wanted: String,
        /// What there is.
        known: Vec<String>,
        /// The field of the request that can name another one.
        field: Option<Field>,
    },
    /// Several columns may be meant.
    #[error("{}: has the {what} {}", path.display(), columns.join(", "))]
    SeveralColumns {
        /// The table.
        path: PathBuf,
        /// What they hold: `pictures` or `labels`.
        what: &'static str,
        /// Their names.
        columns: Vec<String>,
        /// The field of the request that chooses.
        field: Field,
    },
    /// Something in a row, line or entry is wrong.
    #[error("{}{at}{what}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        at: At,
        /// What is wrong, with the remedy.
        what: String,
    },
    /// What the file says of its labels contradicts itself.
    #[error("{}{at}{source}", path.display())]
    Taxonomy {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        at: At,
        /// The contradiction.
        source: vismem::TaxonomyError,
    },
    /// Anything else about the file as a whole.
    #[error("{}: {what}", path.display())]
    Content {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, with the remedy.
        what: String,
        /// What would mend it, where that is no matter of the file.
        remedy: Option<Remedy>,
    },
    /// A folder was expected that an export had written, and it has no description.
    #[error("cannot read {}: {source}", path.display())]
    NotExported {
        /// The description.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The description of a folder is not one that an export writes.
    #[error("{}: is not what an export writes: {source}", path.display())]
    Description {
        /// The description.
        path: PathBuf,
        /// What its parser said.
        source: serde_json::Error,
    },
    /// A Parquet file.
    #[error(transparent)]
    Parquet(#[from] parquet::Error),
}

/// Where in a file something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum At {
    /// The line, counted from 1, where it begins.
    Line(u64),
    /// The line, counted from 1, in a table of which these columns are levels of the taxonomy.
    LineOfLevels(u64, Vec<String>),
    /// The row, counted from 0.
    Row(u64),
    /// The file as a whole.
    Whole,
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => write!(f, ", line {line}: "),
            Self::LineOfLevels(line, levels) => {
                write!(f, ", line {line}, where these columns are levels of the taxonomy: {}: ", levels.join(", "))
            }
            Self::Row(row) => write!(f, ", row {row} (from 0): "),
            Self::Whole => f.write_str(": "),
        }
    }
}

/// A request that cannot be meant, whatever the files hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// [`Reading::nested`](crate::Reading::nested) beside something that is not a folder.
    #[error("{}: is not a folder, so no folders in it are levels", path.display())]
    NestedFile {
        /// What is not a folder.
        path: PathBuf,
    },
    /// [`Reading::nested`](crate::Reading::nested) for a folder that has archives or tables, which have no such folders.
    #[error("{}: is no picture, and the folders of pictures alone are levels", path.display())]
    NestedShards {
        /// The first archive or table.
        path: PathBuf,
    },
    /// [`Reading::nested`](crate::Reading::nested) beside [`Reading::label`](crate::Reading::label).
    #[error("nested folders are labels, there cannot be one label for everything")]
    NestedAndLabel,
    /// [`Reading::label`](crate::Reading::label) beside a file that has labels.
    #[error("{}: has labels of its own, there cannot be one label for everything", path.display())]
    LabelOfLabelled {
        /// The file.
        path: PathBuf,
    },
    /// A field that is set and means nothing to any of the data sets.
    #[error("nothing that is named has what this is about: {field:?}")]
    NotApplied {
        /// The field.
        field: Field,
    },
    /// A picture by itself without [`Reading::label`](crate::Reading::label).
    #[error("{}: a picture by itself needs a label", path.display())]
    NoLabel {
        /// The picture.
        path: PathBuf,
    },
}

/// A field of a [`Reading`](crate::Reading) or [`Finding`](crate::Finding).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Field {
    /// [`Reading::label`](crate::Reading::label)
    Label,
    /// [`Reading::label_column`](crate::Reading::label_column)
    LabelColumn,
    /// [`Finding::image_column`](crate::Finding::image_column)
    ImageColumn,
    /// [`Finding::images`](crate::Finding::images)
    Images,
    /// [`Reading::attributes`](crate::Reading::attributes)
    Attributes,
    /// [`Reading::levels`](crate::Reading::levels)
    Levels,
}

/// What would mend an error, where it is not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Say it by this field.
    Say(Field),
    /// Name another column by this field.
    Name(Field),
    /// Choose among columns by this field.
    Choose(Field),
    /// Give a folder of embeddings as [`FolderWriter`](crate::embedding_folder::FolderWriter) makes them.
    Export,
}

impl ReadError {
    /// Whether the request is wrong rather than a file.
    pub fn is_request(&self) -> bool {
        matches!(self, Self::Request(_))
    }

    /// What would mend it, if that is not said by the message.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::NoColumn { field: Some(field), .. } => Some(Remedy::Name(*field)),
            Self::SeveralColumns { field, .. } => Some(Remedy::Choose(*field)),
            Self::Content { remedy, .. } => *remedy,
            Self::NotExported { .. } => Some(Remedy::Export),
            _ => None,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.into(), action, source }
    }

    /// A [`ReadError::Kind`] that a parser found.
    pub(crate) fn kind<E>(path: &Path, what: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        move |source| Self::Kind { path: path.into(), what, source: Some(source.into()) }
    }

    pub(crate) fn nothing(path: &Path, what: impl Into<String>) -> Self {
        Self::Nothing { path: path.into(), what: what.into() }
    }

    pub(crate) fn content(path: &Path, what: impl Into<String>) -> Self {
        Self::Content { path: path.into(), what: what.into(), remedy: None }
    }

    pub(crate) fn row(path: &Path, at: At, what: impl Into<String>) -> Self {
        Self::Row { path: path.into(), at, what: what.into() }
    }

    pub(crate) fn taxonomy(path: &Path, at: At) -> impl FnOnce(vismem::TaxonomyError) -> Self {
        move |source| Self::Taxonomy { path: path.into(), at, source }
    }
}

fn because(source: Option<&(dyn StdError + Send + Sync + 'static)>) -> String {
    source.map(|source| format!(": {source}")).unwrap_or_default()
}

/// Why files cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: `write`, `replace` or `make the folder`.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The folder is a memory, and files of other kinds would lie in it.
    #[error("{}: is a memory; choose another folder for the files", path.display())]
    IsAMemory {
        /// The folder.
        path: PathBuf,
    },
    /// A Parquet file.
    #[error(transparent)]
    Parquet(#[from] parquet::Error),
}

impl WriteError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.into(), action, source }
    }
}

/// Why a picture is not opened. Messages do not repeat the source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// It lies in none of the folders that pictures may lie in. Whether it is there is not said.
    #[error("lies outside of the folders that pictures may lie in")]
    Outside,
    /// A folder, a pipe or a device.
    #[error("is not a regular file")]
    NotAFile,
    /// It is larger than a picture may be.
    #[error("is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The file system refused.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// What stands behind the name of a table is not a number of a row.
    #[error("is not the number of a row")]
    NoRow,
    /// The archive or table is there, but not the picture in it.
    #[error("it is not in the {from} any more")]
    Gone {
        /// `archive` or `table`.
        from: &'static str,
    },
    /// The archive or table cannot be read.
    #[error(transparent)]
    Holder(#[from] ReadError),
}
