//! `cache/finished.json`: which experiments are finished, for which inputs and options; their results are in `results.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vismem_eval::{Evaluation, Results};

use super::write_json;
use crate::Result;

/// See [`Finished`].
const KEYS: &str = "cache/finished.json";

/// Experiments that are finished in the directory of the results.
pub struct Finished {
    results: Results,
    keys: Keys,
    /// Tables of results for other inputs, whose files must not stay beside the new ones.
    pub stale: Vec<&'static str>,
}

#[derive(Default, Serialize, Deserialize)]
struct Keys {
    inputs: String,
    /// By experiment the options that it was done with.
    options: BTreeMap<String, String>,
}

impl Finished {
    /// What is finished in `output` for these inputs.
    pub fn open(output: Option<&Path>, inputs: &str) -> Self {
        let read = |name: &str| output.and_then(|output| std::fs::read(output.join(name)).ok());
        let evaluation = read("results.json").and_then(|bytes| serde_json::from_slice::<Evaluation>(&bytes).ok());
        let keys = read(KEYS).and_then(|bytes| serde_json::from_slice::<Keys>(&bytes).ok());
        match (evaluation, keys) {
            (Some(evaluation), Some(keys)) if keys.inputs == inputs && evaluation.about.inputs == inputs => {
                Self { results: evaluation.results, keys, stale: Vec::new() }
            }
            (evaluation, _) => Self {
                stale: evaluation.iter().flat_map(|old| old.results.tables()).map(|table| table.name).collect(),
                results: Results::default(),
                keys: Keys { inputs: inputs.into(), options: BTreeMap::new() },
            },
        }
    }

    /// Enters the result of an experiment that was done with these options, if there is one.
    pub fn take_up(&self, experiment: &str, options: &str, results: &mut Results) -> bool {
        self.keys.options.get(experiment).is_some_and(|known| known == options)
            && results.take_over(experiment, &self.results)
    }

    /// An experiment was done with these options.
    pub fn done(&mut self, experiment: &str, options: String) {
        self.keys.options.insert(experiment.into(), options);
    }

    /// These results, and what else is finished.
    pub fn with(&self, results: &Results) -> Results {
        let mut all = results.clone();
        all.fill_from(self.results.clone());
        all
    }

    /// Writes down what is finished.
    pub fn keep(&self, output: &Path) -> Result<()> {
        write_json(&output.join(KEYS), &self.keys)
    }
}
