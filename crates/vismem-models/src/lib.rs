//! Which encoder somebody means, and where its files come from: the built-in model, a folder, an ONNX file, a model with a
//! name, a repository of the Hugging Face hub, or whatever filled a memory.
//!
//! ```
//! use vismem_models::{EncoderRequest, Hub, no_progress};
//!
//! // Nothing is named: the built-in model, without files and without a network.
//! let request = EncoderRequest::default();
//! let loaded = request.load(&Hub::from_environment(), None, &mut no_progress())?;
//! assert_eq!(loaded.identity().name, "efficientnet-lite0");
//! assert_eq!(loaded.identity().dim, 1280);
//! # Ok::<(), vismem_models::LoadError>(())
//! ```
//!
//! # The cache
//!
//! Fetched files are kept as `huggingface_hub` in Python keeps them, so that what one has fetched the other finds:
//!
//! ```text
//! models--OWNER--NAME/
//!   blobs/HASH                   content, named by its hash
//!   refs/main                    the commit that a revision was when it was last fetched
//!   snapshots/COMMIT/FILE        links to blobs
//! ```
//!
//! Nobody is asked for what the cache has. Without the feature `hub` nobody is asked at all, and the crate has no network
//! code.

mod cache;
#[cfg(feature = "hub")]
mod download;
mod error;
mod hash;
mod hub;
mod hub_model;
mod listing;
mod load;
mod named;
#[cfg(feature = "hub")]
mod network;
#[cfg(feature = "hub")]
mod place;
#[cfg(feature = "hub")]
mod platform;
mod progress;
mod repository;
mod request;
#[cfg(feature = "hub")]
mod verify;

pub use cache::Snapshot;
pub use error::{HubError, LoadError};
pub use hash::Hash;
pub use hub::Hub;
pub use hub_model::{CachedModel, HubModel};
pub use listing::{Listing, ListingError, RemoteFile};
pub use load::{Held, Loaded, Purpose, identity};
pub use named::{NAMED, NamedModel};
pub use progress::{Fetching, Progress, no_progress};
pub use repository::{NotARepository, Repository};
pub use request::{EncoderRequest, PreprocessingChoice};
