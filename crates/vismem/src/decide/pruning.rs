//! Pruning: exemplars that mislead the others are hidden (hard) or count less (soft). Reversible: a setting, no edit
//! (paper, section 3.6 and appendix I).

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use vismem_search::MAX_K;

use crate::error::{Result, SqlContext};
use crate::index::derived;
use crate::store::kill_point::kill_point;
use crate::store::{settings, state};
use crate::{EditError, Editor, Memory, ParameterError, Progress, QueryError, Reliability, Votes};

/// What becomes of exemplars that were wrong neighbours when the memory was queried with itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pruning {
    /// From a threshold on they do not vote.
    Hard {
        /// How many neighbours each exemplar asked, 1..=10,000; the paper takes 100.
        neighbors: usize,
        /// Where it begins; the paper takes 128 wrong votes, for 1.28 million exemplars of 1,000 labels.
        threshold: Threshold,
    },
    /// Their votes are multiplied by γ = d / (c + v), where they were wrong v ≥ 1 times.
    Soft {
        /// How many neighbours each exemplar asked, 1..=10,000; the paper takes 10.
        neighbors: usize,
        /// c ≥ 0; the paper takes 1.
        c: f64,
        /// d > 0; the paper takes 1.75.
        d: f64,
    },
}

/// From where on an exemplar is hidden.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// From so many wrong votes on, at least 1.
    Votes(u32),
    /// From this share of its retrievals on, 0 < share ≤ 1: means the same whatever the size of the memory.
    Share(f64),
}

/// What a neighbour's vote is worth under pruning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Standing {
    /// Its weight is multiplied by this.
    Counts(f64),
    /// It does not vote and takes up no rank.
    Hidden,
}

/// The numbers of either kind of pruning, as the catalogue and results have them: those of the other kind are `None`.
#[derive(Default)]
struct Numbers {
    votes: Option<u32>,
    share: Option<f64>,
    c: Option<f64>,
    d: Option<f64>,
}

impl Pruning {
    /// Soft pruning with the paper's numbers: 10 neighbours, c = 1, d = 1.75.
    pub const SOFT: Self = Self::Soft { neighbors: 10, c: 1.0, d: 1.75 };

    /// How many neighbours each exemplar asked.
    pub fn neighbors(&self) -> usize {
        let (Self::Hard { neighbors, .. } | Self::Soft { neighbors, .. }) = self;
        *neighbors
    }

    /// Whether it hides exemplars; else it makes them count less.
    pub fn is_hard(&self) -> bool {
        matches!(self, Self::Hard { .. })
    }

    /// The numbers apart from how many neighbours were asked.
    fn numbers(&self) -> Numbers {
        let none = Numbers::default();
        match *self {
            Self::Hard { threshold: Threshold::Votes(votes), .. } => Numbers { votes: Some(votes), ..none },
            Self::Hard { threshold: Threshold::Share(share), .. } => Numbers { share: Some(share), ..none },
            Self::Soft { c, d, .. } => Numbers { c: Some(c), d: Some(d), ..none },
        }
    }

    /// The pruning itself, once its numbers are known to make sense.
    ///
    /// # Errors
    /// When one of them is out of range.
    pub fn checked(self) -> Result<Self, ParameterError> {
        let out = |name, value, range| Err(ParameterError { name, value, range });
        if !(1..=MAX_K).contains(&self.neighbors()) {
            return out("neighbors", self.neighbors() as f64, "must be within 1..=10000");
        }
        match self {
            Self::Hard { threshold: Threshold::Votes(0), .. } => out("threshold", 0.0, "must be at least 1 wrong vote"),
            Self::Hard { threshold: Threshold::Share(share), .. } if !(share > 0.0 && share <= 1.0) => {
                out("threshold", 100.0 * share, "must be more than 0 % and at most 100 %")
            }
            Self::Soft { c, .. } if !(0.0..=1e6).contains(&c) => out("c", c, "must be within 0..=1e6"),
            Self::Soft { d, .. } if !(1e-6..=1e6).contains(&d) => out("d", d, "must be within 1e-6..=1e6"),
            _ => Ok(self),
        }
    }

    /// What the vote of an exemplar with these counts is worth. One that was never wrong counts whole.
    pub fn standing(&self, votes: Votes) -> Standing {
        match *self {
            _ if votes.wrong == 0 => Standing::Counts(1.0),
            Self::Hard { threshold: Threshold::Votes(least), .. } if votes.wrong >= least => Standing::Hidden,
            Self::Hard { threshold: Threshold::Share(least), .. } if votes.wrong_share() >= least => Standing::Hidden,
            Self::Hard { .. } => Standing::Counts(1.0),
            Self::Soft { c, d, .. } => Standing::Counts(d / (c + f64::from(votes.wrong))),
        }
    }

    /// The same where it does not count what an exemplar itself said, which had this one among its neighbours at `rank` (from
    /// 0), rightly or wrongly.
    pub(crate) fn standing_without(&self, votes: Votes, rank: usize, is_wrong: bool) -> Standing {
        self.standing(if rank < self.neighbors() { votes.without_one(is_wrong) } else { votes })
    }

    /// The one that is set in the catalogue.
    pub(crate) fn load(db: &Connection) -> rusqlite::Result<Option<Self>> {
        db.query_row("SELECT * FROM pruning", [], Self::from_row).optional()
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let neighbors = row.get("neighbors")?;
        let share = |share| Ok(Threshold::Share(share));
        Ok(match row.get::<_, Option<f64>>("c")? {
            Some(c) => Self::Soft { neighbors, c, d: row.get("d")? },
            None => {
                let votes = || row.get("votes").map(Threshold::Votes);
                Self::Hard { neighbors, threshold: row.get::<_, Option<f64>>("share")?.map_or_else(votes, share)? }
            }
        })
    }
}

/// `kind` (`hard` or `soft`), `neighbors`, and all of `votes`, `share`, `c` and `d`, null where they do not apply.
impl Serialize for Pruning {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Numbers { votes, share, c, d } = self.numbers();
        let mut pruning = serializer.serialize_struct("Pruning", 6)?;
        pruning.serialize_field("kind", if self.is_hard() { "hard" } else { "soft" })?;
        pruning.serialize_field("neighbors", &self.neighbors())?;
        pruning.serialize_field("votes", &votes)?;
        pruning.serialize_field("share", &share)?;
        pruning.serialize_field("c", &c)?;
        pruning.serialize_field("d", &d)?;
        pruning.end()
    }
}

impl fmt::Display for Pruning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hard { neighbors, threshold } => write!(f, "hard (from {threshold}, {neighbors} neighbours)"),
            Self::Soft { neighbors, c, d } => write!(f, "soft (c = {c}, d = {d}, {neighbors} neighbours)"),
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Votes(1) => write!(f, "1 wrong vote"),
            Self::Votes(votes) => write!(f, "{votes} wrong votes"),
            // 0.3 * 100 is not a whole number; nobody means more digits than these.
            Self::Share(share) => write!(f, "{} % of retrievals", (share * 1e10).round() / 1e8),
        }
    }
}

/// A pruning with the counts that it goes by.
#[derive(Debug, Clone, PartialEq)]
pub struct Pruned {
    /// The rule.
    pub pruning: Pruning,
    /// How often each exemplar was a neighbour, and a wrong one.
    pub reliability: Reliability,
}

impl Pruned {
    /// Ids of the exemplars that do not vote, ascending.
    pub fn hidden(&self) -> Vec<u64> {
        self.ids(|standing| standing == Standing::Hidden)
    }

    /// Ids of the exemplars whose votes do not count whole, ascending; the hidden ones are not among them.
    pub fn reduced(&self) -> Vec<u64> {
        self.ids(|standing| matches!(standing, Standing::Counts(factor) if factor != 1.0))
    }

    fn ids(&self, keep: impl Fn(Standing) -> bool) -> Vec<u64> {
        let kept = self.reliability.iter().filter(|(_, votes)| keep(self.pruning.standing(*votes)));
        let mut ids: Vec<u64> = kept.map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids
    }

    pub(crate) fn standing(&self, slot: usize) -> Standing {
        self.pruning.standing(self.reliability.in_slot(slot))
    }
}

impl Editor {
    /// Sets the pruning that decisions honour from now on; `None` for none. No exemplar is changed, and neither is the
    /// digest.
    ///
    /// # Errors
    /// When one of its numbers is out of range, or the disk refuses.
    pub fn set_pruning(&mut self, pruning: Option<Pruning>) -> Result<(), EditError> {
        let pruning = pruning.map(Pruning::checked).transpose()?;
        self.upgrade()?;
        let path = self.catalog.path.clone();
        let tx = self.catalog.db.transaction().at(&path)?;
        tx.execute("DELETE FROM pruning", []).at(&path)?;
        if let Some(pruning) = pruning {
            let Numbers { votes, share, c, d } = pruning.numbers();
            let row = (pruning.neighbors(), votes, share, c, d);
            tx.execute("INSERT INTO pruning VALUES (1, ?1, ?2, ?3, ?4, ?5)", row).at(&path)?;
        }
        settings::keep(&tx).at(&path)?;
        derived::remove(&self.dir, &[derived::CALIBRATION])?;
        kill_point("pruning prepared");
        tx.commit().at(&path)?;
        kill_point("pruning committed");
        state::announce(&self.dir, &self.catalog);
        Ok(())
    }
}

impl Memory {
    /// The pruning that decisions honour; `None` for none.
    pub fn pruning(&self) -> Result<Option<Pruning>> {
        Ok(self.settings.pruning)
    }

    /// The pruning that decisions honour with its counts; `None` for none. Counting can take long the first time, see
    /// [`Memory::reliability`]; a decision that needs the counts waits for them in the same way.
    pub fn pruned(&self, progress: &mut dyn Progress) -> Result<Option<&Pruned>, QueryError> {
        if self.pruned.get().is_none() {
            let pruned = self.pruning()?.map(|pruning| self.pruned_by(pruning, progress)).transpose()?;
            let _ = self.pruned.set(pruned);
        }
        Ok(self.pruned.get().and_then(Option::as_ref))
    }

    /// What a pruning would come to, without setting it.
    ///
    /// # Errors
    /// When one of its numbers is out of range, or a row that would be cited is damaged.
    pub fn pruned_by(&self, pruning: Pruning, progress: &mut dyn Progress) -> Result<Pruned, QueryError> {
        let pruning = pruning.checked()?;
        Ok(Pruned { pruning, reliability: self.reliability(pruning.neighbors(), progress)? })
    }

    /// Ids of the exemplars that hard pruning hides, ascending; none if none is set.
    pub fn hidden(&self) -> Result<Vec<u64>, QueryError> {
        Ok(self.pruned(&mut ())?.map_or_else(Vec::new, Pruned::hidden))
    }
}
