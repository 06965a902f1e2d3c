//! An editable visual memory: exemplars on disk, decisions by the votes of the nearest ones.
//!
//! A *memory* is a directory that holds *exemplars*: embeddings of one encoder, each with a label and a source.
//! A query is decided by its `k` nearest exemplars, which vote for their labels; the *decision* says who they were and
//! how much each counted. Knowledge is added and removed without training. The method is that of "Towards flexible
//! perception with visual memory" (Geirhos et al., ICML 2025); the layout on disk is in `docs/format.md`.
//!
//! This crate knows neither pictures nor encoders: it takes embeddings from wherever they come.
//!
//! ```
//! use vismem::{ClassifyOptions, Editor, Encoder, Memory, NewExemplar, content_of};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("fruit.vismem");
//! // Four embeddings of two dimensions: two of each fruit.
//! let encoder = Encoder { name: "toy".into(), hash: "00".into(), dim: 2 };
//! let fruit = [("apple", [1.0, 0.1]), ("apple", [1.0, 0.2]), ("pear", [0.1, 1.0]), ("pear", [0.3, 1.0])];
//! let exemplars: Vec<NewExemplar> = fruit
//!     .iter()
//!     .map(|(label, embedding)| NewExemplar {
//!         embedding,
//!         label,
//!         source: Some("orchard".into()),
//!         content: content_of(embedding, b""),
//!     })
//!     .collect();
//!
//! // Adding is one transaction; the editor holds the writer's lock until it goes.
//! let mut editor = Editor::open_or_create(&path, &encoder)?;
//! editor.batch().add(&exemplars)?;
//! drop(editor);
//!
//! let memory = Memory::open(&path)?;
//! let decisions = memory.classify(&[0.9, 0.3], &ClassifyOptions { k: 3, ..Default::default() })?;
//! assert_eq!(decisions[0].label(), "apple");
//! assert!(decisions[0].confidence() > 0.7);
//! for voter in &decisions[0].neighbors {
//!     println!("{} at distance {:.3} counts {:.2}", voter.label, voter.distance, voter.share);
//! }
//! # Ok::<(), vismem::Error>(())
//! ```

mod audit;
mod catalog;
mod checksum;
mod codes;
mod compact;
mod decision;
mod derived;
mod digest;
mod editor;
mod encoder;
mod error;
mod event;
mod fellows;
mod forget;
mod influence;
mod kill_point;
mod leads;
mod leave_one_out;
mod lock;
mod memory;
mod novelty;
mod panel;
mod partition_file;
mod pruning;
mod receipt;
mod relabel;
mod reliability;
mod scrub;
mod search_mode;
mod selector;
mod settings;
mod similar;
mod since;
mod slots;
mod smallest_flip;
mod source;
mod stored;
mod taxonomy;
#[cfg(test)]
mod tests;
mod unit;
mod vectors;
mod vote;
mod watch;

pub use audit::{Fault, Verification, verify};
pub use compact::Compacted;
pub use decision::{ClassifyOptions, Decision, LabelScore, Step, Voter};
pub use digest::Digest;
pub use editor::{Added, Batch, Editor, NewExemplar, content_of};
pub use encoder::Encoder;
pub use error::{Error, Result};
pub use event::{Event, EventKind};
pub use influence::Flip;
pub use leave_one_out::PruningTrial;
pub use memory::{Exemplar, Memory, Stats};
pub use pruning::{Pruned, Pruning, Standing, Threshold};
pub use receipt::{Receipt, ReceiptCheck};
pub use reliability::{Reliability, Votes};
pub use search_mode::{PartitionStats, Search};
pub use selector::{Near, Selector};
pub use similar::similar;
pub use since::{LabelSince, Since};
pub use slots::Label;
pub use source::Source;
pub use stored::Stored;
pub use taxonomy::{Taxonomy, TwoPlaces};
pub use unit::unit;
/// Where neighbours come from: the types that [`Memory::neighbors`] takes and gives.
pub use vismem_search as search;
pub use vote::{Tally, Vote, decisions_at_every_k, pruned_decisions_at_every_k};
