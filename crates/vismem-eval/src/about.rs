//! What results were measured on, so that they can be measured again.

use serde::{Deserialize, Serialize};

/// What results were measured on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The memory's path; `None` where neighbours came from files.
    pub memory: Option<String>,
    /// The condition of those of its exemplars that counted as the memory; `None` where all did.
    pub r#where: Option<String>,
    /// The files of neighbours that took its place.
    pub neighbor_files: Vec<String>,
    /// What the memory holds, in 64 hexadecimal digits.
    pub digest: Option<String>,
    /// Name of the encoder.
    pub encoder: String,
    /// Hash of its model and preprocessing; empty where nobody knows.
    pub encoder_hash: String,
    /// How many exemplars counted as the memory; of neighbours from files, how many are named there.
    pub exemplars: usize,
    /// How many labels these have.
    pub labels: usize,
    /// The sets of queries.
    pub queries: Vec<QueriesFacts>,
    /// Whether the memory was asked about its own exemplars, each without itself.
    pub leave_one_out: bool,
    /// How many neighbours were searched for.
    pub k: usize,
    /// The share of the nearest exemplars that such a search finds on average: 1 where it is exact.
    pub recall: f64,
    /// Hash of all that results depend on apart from seeds and options: exemplars, queries and their labels, k, search,
    /// program. 64 hexadecimal digits.
    pub inputs: String,
    /// Seeds of what is drawn at random.
    pub seeds: Vec<u64>,
    /// The program that measured.
    pub vismem: String,
    /// The command that it was given.
    pub command: String,
}

/// A set of queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueriesFacts {
    /// What it is called.
    pub name: String,
    /// The path that it was given as; `None` for the memory's own exemplars and for files of neighbours.
    pub path: Option<String>,
    /// How many queries it has.
    pub queries: usize,
    /// Those that could not be read, which are not among `queries`.
    pub unreadable: usize,
    /// Those without a known label, which no accuracy counts.
    pub unlabelled: usize,
    /// Those none of whose labels the memory has, which count as wrong.
    pub unknown: usize,
    /// Where the memory was asked about itself: those that are the only exemplar of their label, so that no answer without
    /// them can be right.
    pub alone: usize,
    /// Those with a novelty of 95 or more: farther from the memory than nearly all exemplars are from each other.
    pub far: usize,
    /// Those at distance 0 (within 1e-6) of an exemplar: most likely pictures that the memory holds, which flatter it.
    pub in_memory: usize,
}

impl QueriesFacts {
    /// The facts of a table.
    pub fn of(name: &str, table: &crate::Neighborhoods) -> Self {
        let mut has_exemplars = vec![false; table.labels.len()];
        table.exemplars.iter().for_each(|exemplar| has_exemplars[exemplar.label as usize] = true);
        let count = |is: &dyn Fn(&crate::Query) -> bool| table.queries.iter().filter(|query| is(query)).count();
        Self {
            name: name.into(),
            path: None,
            queries: table.queries.len(),
            unreadable: 0,
            unlabelled: count(&|query| query.truth.is_empty()),
            unknown: count(&|q| !q.truth.is_empty() && !q.truth.iter().any(|label| has_exemplars[*label as usize])),
            alone: 0,
            far: 0,
            in_memory: count(&|query| query.neighbors.first().is_some_and(|near| near.distance <= 1e-6)),
        }
    }
}
