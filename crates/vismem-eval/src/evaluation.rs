//! All results of a run in one document: what `--format json` prints and `results.json` holds.

use serde::{Deserialize, Serialize};

use crate::{About, Aggregation, Table};

/// The results of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// What they were measured on.
    pub about: About,
    /// What was measured.
    pub results: Results,
    /// Experiments that were asked for and do not apply.
    pub left_out: Vec<LeftOut>,
}

/// The result of each experiment; `None` for those that were not done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// See [`crate::aggregation`].
    pub aggregation: Option<Aggregation>,
}

/// An experiment that does not apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub experiment: String,
    /// Why it does not apply, and what it would need.
    pub why: String,
}

impl Results {
    /// Everything as tables, experiment by experiment.
    pub fn tables(&self) -> Vec<Table> {
        let Self { aggregation } = self;
        aggregation.iter().flat_map(Aggregation::tables).collect()
    }
}
