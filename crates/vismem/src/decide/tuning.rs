//! The vote that a memory decides by where nobody says otherwise.

use crate::error::Result;
use crate::{Memory, Vote};

/// A vote and how many neighbours take part in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// The vote.
    pub vote: Vote,
    /// How many neighbours vote; all of them where the memory holds fewer.
    pub k: usize,
}

impl Default for Tuning {
    /// What a memory decides by that was not tuned.
    fn default() -> Self {
        Self::usual(Vote::default())
    }
}

impl Tuning {
    /// A vote with as many neighbours as are usual for it: 100 in kernel voting, else 20.
    pub fn usual(vote: Vote) -> Self {
        let k = if matches!(vote, Vote::Kernel { .. }) { 100 } else { 20 };
        Self { vote, k }
    }
}

impl Memory {
    /// What was chosen for this memory; `None` where nothing was.
    pub fn tuning(&self) -> Result<Option<Tuning>> {
        Ok(None)
    }

    /// What it decides by where nobody says otherwise: what was chosen for it, or the default.
    pub fn decides_by(&self) -> Result<Tuning> {
        Ok(self.tuning()?.unwrap_or_default())
    }
}
