//! Nearest-neighbour search over unit vectors: vectors in, neighbours out.
//!
//! This crate knows nothing of labels, pictures or files. It is handed rows (`N × D` f32, row-major, usually a
//! memory map) with one id per row, and answers with the `k` rows of smallest cosine distance for each query.
//!
//! **Exact** means: the distance of a query and a row is `1 − Σ qᵢ·rᵢ`, summed in f64 in one fixed order and rounded
//! once to f32; neighbours come by growing distance, equal distances by growing id. The result therefore depends on
//! nothing but the vectors and ids: not on the kernel that the processor allows, the number of threads, the split of
//! a batch, or the slot a row happens to occupy.
//!
//! ```
//! use vismem_search::{Exact, Filter, Queries, Rows};
//!
//! let vectors = [1.0, 0.0, /**/ 0.0, 1.0, /**/ 0.6, 0.8];
//! let rows = Rows::new(&vectors, &[10, 11, 12], 2)?;
//! let found = Exact::new(rows).search(Queries::new(&[1.0, 0.0], 2)?, 2, Filter::default())?;
//! let ids: Vec<u64> = found[0].iter().map(|neighbor| neighbor.id).collect();
//! assert_eq!(ids, [10, 12]);
//! # Ok::<(), vismem_search::Error>(())
//! ```

mod coded;
pub mod codes;
mod error;
mod exact;
mod filter;
mod k_means;
mod kernel;
pub mod parallel;
mod partitioned;
mod partitions;
mod placement;
mod plain;
mod query_state;
mod rows;
mod search_params;
mod top_k;

pub use codes::Codes;
pub use error::Error;
pub use exact::Exact;
pub use filter::{Filter, SlotSet};
pub use kernel::{distance, dot_products};
pub use partitioned::Partitioned;
pub use partitions::{Directory, Partitions};
pub use placement::{Groups, Placement};
pub use rows::{FREE, Queries, Rows};
pub use search_params::SearchParams;
pub use top_k::Neighbor;

/// The most neighbours that one search returns for a query.
pub const MAX_K: usize = 10_000;
