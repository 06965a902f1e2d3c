//! The levels that decisions can be made at.

use crate::error::Result;
use crate::{QueryError, Taxonomy};

/// The labels themselves (level 0) and the levels of a taxonomy above them, from the one next to the label (level 1) up:
/// what each label is called there, and which labels nobody can vote for. The default has no level above the labels.
#[derive(Debug, Clone, Default)]
pub struct Levels {
    taxonomy: Taxonomy,
    /// Labels of the taxonomy without exemplars, by name.
    unseen: Vec<String>,
}

impl Levels {
    /// The levels of a taxonomy. `has_exemplars` says of each of its labels whether there are exemplars of it, in any of the
    /// places that neighbours come from; the others are what [`crate::Decision::unseen`] tells of.
    pub fn new(taxonomy: Taxonomy, has_exemplars: impl Fn(&str) -> bool) -> Self {
        let mut unseen: Vec<String> = taxonomy.labels.keys().filter(|label| !has_exemplars(label)).cloned().collect();
        unseen.sort_unstable();
        Self { taxonomy, unseen }
    }

    /// The number of a level: 0 for the labels themselves (`None`).
    pub(crate) fn number(&self, level: Option<&str>) -> Result<usize, QueryError> {
        let Some(level) = level else { return Ok(0) };
        let position = self.taxonomy.levels.iter().position(|known| known == level);
        let unknown = || QueryError::Level { level: level.into(), known: self.taxonomy.levels.clone() };
        position.map(|position| position + 1).ok_or_else(unknown)
    }

    /// The name of a level; `None` for the labels themselves.
    pub(crate) fn name(&self, level: usize) -> Option<&String> {
        self.taxonomy.levels.get(level.checked_sub(1)?)
    }

    /// The number of the highest level.
    pub(crate) fn highest(&self) -> usize {
        self.taxonomy.levels.len()
    }

    /// What a label is called at a level.
    pub(crate) fn name_of<'a>(&'a self, label: &'a str, level: usize) -> &'a str {
        self.taxonomy.name_of(label, level)
    }

    /// Labels without exemplars under a name of a level; none where that is the label itself.
    pub(crate) fn unseen(&self, level: usize, name: &str) -> Vec<String> {
        if level == 0 {
            return Vec::new();
        }
        self.unseen.iter().filter(|label| self.name_of(label, level) == name).cloned().collect()
    }
}
