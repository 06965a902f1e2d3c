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
//! use vismem::{Attributes, ClassifyOptions, Editor, EncoderIdentity, Memory, NewExemplar, content_of};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("fruit.vismem");
//! // Four embeddings of two dimensions: two of each fruit.
//! let encoder = EncoderIdentity { name: "toy".into(), hash: "00".into(), dim: 2 };
//! let fruit = [("apple", [1.0, 0.1]), ("apple", [1.0, 0.2]), ("pear", [0.1, 1.0]), ("pear", [0.3, 1.0])];
//! let exemplars: Vec<NewExemplar> = fruit
//!     .iter()
//!     .map(|(label, embedding)| NewExemplar {
//!         embedding,
//!         label,
//!         source: Some("orchard".into()),
//!         content: content_of(embedding, b""),
//!         attributes: Attributes::new(),
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

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests damage files and look into them"))]

mod decide;
mod edit;
mod error;
mod index;
mod inspect;
mod memory;
mod platform;
mod progress;
mod selector;
mod store;
#[cfg(test)]
mod tests;

pub use decide::among::{Among, NeighborOptions};
pub use decide::calibration::{Calibration, CalibrationStats, NotCalibrated, OwnAnswer, OwnAnswers};
pub use decide::classify::ClassifyOptions;
pub use decide::decider::{Candidate, Decider};
pub use decide::decision::{Decision, LabelScore, LabelSet, Step, Sureness, Voter};
pub use decide::influence::Flip;
pub use decide::kernel_voting::Pairwise;
pub use decide::leave_one_out::PruningTrial;
pub use decide::levels::Levels;
pub use decide::pruning::{Pruned, Pruning, Standing, Threshold};
pub use decide::taxonomy::{Taxonomy, TwoPlaces};
pub use decide::tuning::{Tuning, TuningState};
pub use decide::vote::Vote;
pub use decide::voting::{Scores, Voting};
pub use edit::compact::Compacted;
pub use edit::editor::{Added, Batch, Editor, NewExemplar, content_of};
pub use edit::receipt::{ChangedReceipt, KeptReceipt, Receipt, ReceiptCheck};
pub use error::{
    AnyResult as Result, Cancelled, DatabaseError, EditError, EmbeddingError, Error, IndexError, ParameterError,
    QueryError, SelectError, StoreError, TaxonomyError, UnknownName,
};
pub use index::build::{BuildOptions, Built, IndexKind, IndexState, IndexStats};
pub use index::calibration::is_calibrated;
pub use index::reliability::{Reliability, Votes};
pub use index::search::{PartitionStats, Search};
pub use inspect::similar::similar;
pub use inspect::since::{AddedSince, LabelSince, OldSince, Since};
pub use inspect::verify::{Fault, Verification, verify};
pub use memory::{Exemplar, Memory, Stats};
pub use progress::Progress;
pub use selector::{Near, Selector};
pub use store::attribute::{AttributeError, AttributeType, AttributeValue, Attributes, Date, NotADate, UnknownType};
pub use store::attribute_rows::Attribute;
pub use store::catalog::{FORMAT, MOST_DIMENSIONS};
pub use store::digest::Digest;
pub use store::encoder::EncoderIdentity;
pub use store::event::{Event, EventKind};
pub use store::slots::Label;
pub use store::source::Source;
pub use store::stored::Stored;
pub use store::unit::unit;
pub use store::where_expression::{Where, WhereError};
/// Where neighbours come from: what [`Memory::nearest`] gives, and why a search may be refused.
pub mod search {
    pub use vismem_search::{Error, MAX_K, Neighbor, distance, parallel};
}
