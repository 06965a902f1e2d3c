//! Labels that look like mistakes by their names alone.

use serde::Serialize;
use vismem::Memory;
use vismem_data::{About, doubtful};

use crate::alike::alike;

/// Labels that look like mistakes by their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Classes {
    /// Groups of labels that differ in capitals, spaces or the forms of their characters alone; in each the one of most
    /// exemplars comes first.
    pub of_one_name: Vec<Vec<String>>,
    /// Labels that are seldom meant: parts of data sets, "no label", folders of anything.
    pub doubtful: Vec<Doubtful>,
}

/// A label that is seldom meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubtful {
    /// The label.
    pub label: String,
    /// What such a name mostly is.
    pub about: About,
    /// How many exemplars have it.
    pub exemplars: usize,
}

impl Classes {
    pub(super) fn are_sound(&self) -> bool {
        self.of_one_name.is_empty() && self.doubtful.is_empty()
    }
}

pub(super) fn check(memory: &Memory) -> Classes {
    let filled = || memory.labels().iter().filter(|label| label.exemplars > 0);
    let of_one_name = alike(filled()).into_iter().map(|mut labels| {
        labels.sort_by_key(|label| std::cmp::Reverse(label.exemplars));
        labels.into_iter().map(|label| label.name.clone()).collect()
    });
    let doubtful = filled().filter_map(|label| {
        Some(Doubtful { label: label.name.clone(), about: doubtful(&label.name)?, exemplars: label.exemplars })
    });
    Classes { of_one_name: of_one_name.collect(), doubtful: doubtful.collect() }
}
