//! Data sets in and out.
//!
//! **In:** [`open`] reads labelled pictures in whatever form they come: folders, CSV manifests, Parquet tables and image
//! data sets of the Hugging Face hub, WebDataset's shards and packed folders, JSON as COCO and ReaL have it. Nothing is
//! unpacked to disk, and shards are opened one at a time. [`Embeddings`], [`labels`], [`clip_retrieval`] and
//! [`embedding_folder`] read embeddings that were computed before; [`SourceResolver`] opens the picture that a source
//! names.
//!
//! **Out:** [`embedding_folder::FolderWriter`] writes embeddings with what is known of them, [`TableWriter`] tables that
//! other programs read, [`npy::NpyWriter`] arrays for NumPy.
//!
//! What a user brings may be damaged or made by somebody else: every reader answers with an error or a value, does not
//! hold more than a picture at a time, and follows no name out of an archive.
//!
//! ```
//! use vismem_data::Reading;
//!
//! # let folder = tempfile::tempdir().unwrap();
//! std::fs::create_dir(folder.path().join("zebra"))?;
//! std::fs::write(folder.path().join("zebra/1.jpg"), "bytes of a picture")?;
//! let dataset = vismem_data::open(&[folder.path()], &Reading::default())?;
//! assert_eq!(dataset.count, Some(1));
//! let picture = dataset.pictures.into_iter().next().unwrap();
//! assert_eq!(picture.label, "zebra");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod attributes;
pub mod clip_retrieval;
mod coco;
pub mod csv_file;
mod dataset;
mod doubtful;
pub mod embedding_folder;
pub mod embeddings;
mod error;
mod file_kind;
pub mod folder;
mod image_folder;
mod image_table;
pub mod inside;
mod json_lines;
mod label;
pub mod labels;
mod manifest;
pub mod npy;
mod open;
pub mod output_folder;
pub mod parquet;
mod picture;
mod platform;
mod real;
mod regular_file;
mod request;
mod resolver;
mod survey;
mod table_writer;
pub mod taxonomy;
mod text;

pub use dataset::{Dataset, UnusedColumns};
pub use doubtful::doubtful;
pub use embeddings::Embeddings;
pub use error::{At, Field, ReadError, Remedy, RequestError, ResolveError, WriteError};
pub use label::{fold as fold_label, tidy as tidy_label};
pub use open::{open, open_picture, open_truth, open_unlabelled};
pub use picture::{Fault, LabelledPicture, absolute, has_extension};
pub use request::{Finding, Reading};
pub use resolver::SourceResolver;
pub use survey::{About, Note, PassedOver, Survey};
pub use table_writer::{Column, TableFormat, TableWriter, from_spreadsheet};

/// What reading a data set comes to.
type Result<T> = std::result::Result<T, ReadError>;
