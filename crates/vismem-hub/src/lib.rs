//! Files of repositories on the Hugging Face hub: fetched once, checked by their hashes, kept where other programs look
//! for them too.
//!
//! The cache is laid out as that of `huggingface_hub` in Python, so that what one has fetched the other finds:
//!
//! ```text
//! models--OWNER--NAME/
//!   blobs/HASH                   content, named by its hash
//!   refs/main                    the commit that a revision was when it was last fetched
//!   snapshots/COMMIT/FILE        links to blobs
//! ```
//!
//! Nothing is sent anywhere unless [`Hub::pull`] is called. This crate knows nothing of models.

mod cache;
mod download;
mod error;
mod hash;
mod hub;
mod listing;
mod repository;

pub use cache::Snapshot;
pub use error::Error;
pub use hub::{Hub, Progress};
pub use repository::Repository;
