//! What people do with a visual memory: the use cases that every face (the command line, a server, Python) offers.
//!
//! Each is a function over a typed request. Its result serialises to the JSON that `docs/json.md` describes. Nothing here
//! prints, reads arguments or ends the process; an [`Observer`] hears how far a long call is and what is worth a word, and can
//! end it.

pub mod add;
mod datasets;
pub mod encode;
mod error;
pub mod export;
mod failure;
pub mod import;
pub mod models;
mod observer;
pub mod reencode;
pub mod sync;

pub use error::{Error, IoContext, RequestError, Result};
pub use failure::Failure;
pub use observer::{Observer, Silent};
