//! What people do with a visual memory: the use cases that every face (the command line, a server, Python) offers.
//!
//! Each is a function over a typed request. Its result serialises to the JSON that `docs/json.md` describes. Nothing here
//! prints, reads arguments or ends the process; an [`Observer`] hears how far a long call is and what is worth a word, and can
//! end it.

pub mod add;
mod alike;
pub mod bench;
pub mod calibration;
pub mod classify;
pub mod compact;
mod datasets;
pub mod decision;
pub mod doctor;
mod embeddings;
pub mod encode;
mod encoder;
mod error;
pub mod evaluate;
pub mod explain;
pub mod export;
mod failure;
pub mod forget;
pub mod import;
pub mod index;
pub mod list;
pub mod log;
pub mod models;
mod observer;
pub mod picture;
pub mod prune;
pub mod reencode;
pub mod relabel;
mod select;
pub mod stats;
pub mod sync;
pub mod taxonomy;
pub mod tune;
pub mod verify;
pub mod what_if;

pub use encoder::Encoding;
pub use error::{Error, IoContext, ReceiptError, RequestError, Result};
pub use failure::Failure;
pub use observer::{Observer, Silent};
pub use select::{Criterion, Selection};

/// A memory as what an encoder must fit.
fn held(memory: &vismem::Memory, purpose: vismem_models::Purpose) -> vismem_models::Held<'_> {
    vismem_models::Held { memory: memory.path(), encoder: memory.encoder(), purpose }
}
