//! Levels above the label: species, genus, family, ...

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rusqlite::{Transaction, TransactionBehavior};
use serde::Serialize;

use crate::edit::editor::label_id;
use crate::error::{Result, SqlContext};
use crate::index::derived;
use crate::store::event::{self, EventKind};
use crate::store::kill_point::kill_point;
use crate::store::{settings, state};
use crate::{EditError, Editor, Event, Levels, Memory, TaxonomyError};

/// What each label is called at each level above it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Taxonomy {
    /// Names of the levels, the one next to the label first, such as `["family", "kingdom"]`.
    pub levels: Vec<String>,
    /// For each label its name at every level.
    pub labels: HashMap<String, Vec<String>>,
}

impl Taxonomy {
    /// Enters a label. Saying the same again is fine.
    ///
    /// # Errors
    /// When names are missing or contradict what was said before.
    pub fn insert(&mut self, label: &str, names: &[String]) -> Result<(), TaxonomyError> {
        if label.is_empty() || names.len() != self.levels.len() || names.iter().any(String::is_empty) {
            let levels = self.levels.join(", ");
            return Err(TaxonomyError(format!("label {label:?} needs a name for each of: {levels}")));
        }
        match self.labels.get(label) {
            Some(known) if known != names => {
                let (known, names) = (known.join(" > "), names.join(" > "));
                Err(TaxonomyError(format!("label {label:?} is both {known} and {names}: keep one")))
            }
            Some(_) => Ok(()),
            None => {
                self.labels.insert(label.into(), names.to_vec());
                Ok(())
            }
        }
    }

    /// What a label is called at a level: 0 is the label itself, 1 the first of `levels`, and so on. A label that the
    /// taxonomy does not know keeps its own name.
    pub fn name_of<'a>(&'a self, label: &'a str, level: usize) -> &'a str {
        let above = || self.labels.get(label)?.get(level.checked_sub(1)?);
        above().map_or(label, String::as_str)
    }

    /// Names that stand below more than one name of the next level, such as a genus in two families, in order. Votes are
    /// summed all the same; but it is not a tree, and usually a slip.
    pub fn names_in_two_places(&self) -> Vec<TwoPlaces> {
        let mut above: BTreeMap<(usize, &str), BTreeSet<&str>> = BTreeMap::new();
        for names in self.labels.values() {
            for (level, pair) in names.windows(2).enumerate() {
                above.entry((level, &pair[0])).or_default().insert(&pair[1]);
            }
        }
        let two = above.into_iter().filter(|(_, above)| above.len() > 1);
        two.map(|((level, name), above)| TwoPlaces {
            level: self.levels[level].clone(),
            name: name.into(),
            above: above.into_iter().map(str::to_owned).collect(),
        })
        .collect()
    }
}

/// A name that stands below more than one name of the next level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TwoPlaces {
    /// The name's level.
    pub level: String,
    /// The name.
    pub name: String,
    /// What it stands below.
    pub above: Vec<String>,
}

impl Editor {
    /// Enters a taxonomy beside what is there: its labels are made if need be, what it says of known labels replaces
    /// what was said before. `None` if all of that is there already. [`Editor::undo`] takes it back.
    ///
    /// # Errors
    /// When the memory has other levels already, or the disk refuses; nothing is changed then.
    pub fn add_taxonomy(&mut self, taxonomy: &Taxonomy) -> Result<Option<Event>, EditError> {
        let path = self.catalog.path.clone();
        self.change_taxonomy(EventKind::Taxonomy, |tx| {
            let known = level_names(tx).at(&path)?;
            if known.is_empty() {
                enter_levels(tx, &taxonomy.levels).at(&path)?;
            } else if known != taxonomy.levels {
                let (known, new) = (known.join(", "), taxonomy.levels.join(", "));
                let what = format!("the memory has the levels {known}; these are {new}: use the same");
                return Err(TaxonomyError(what).into());
            }
            Ok(enter(tx, taxonomy).at(&path)?)
        })
    }

    /// Puts a taxonomy in the place of the one that is there, levels included. Its labels are made if need be; labels
    /// that have no exemplars and are not in it go. `None` if it is there already. [`Editor::undo`] takes it back.
    ///
    /// # Errors
    /// When the disk refuses; nothing is changed then.
    pub fn set_taxonomy(&mut self, taxonomy: &Taxonomy) -> Result<Option<Event>, EditError> {
        let path = self.catalog.path.clone();
        self.change_taxonomy(EventKind::Taxonomy, |tx| {
            tx.execute_batch("DELETE FROM taxonomy; DELETE FROM levels;").at(&path)?;
            enter_levels(tx, &taxonomy.levels).at(&path)?;
            Ok(enter(tx, taxonomy).at(&path)?)
        })
    }

    /// Puts back the taxonomy that `event` replaced.
    pub(crate) fn undo_taxonomy(&mut self, event: u64) -> Result<Option<Event>, EditError> {
        let path = self.catalog.path.clone();
        self.change_taxonomy(EventKind::Undo, |tx| {
            Former::of_event(tx, event)
                .and_then(|former| former.put_back(tx))
                .and_then(|()| tx.execute("DELETE FROM former_taxonomies WHERE event = ?1", [event]))
                .at(&path)?;
            Ok(())
        })
    }

    /// Changes the taxonomy in one transaction and writes the event down; `None` if that changes nothing.
    fn change_taxonomy(
        &mut self,
        kind: EventKind,
        change: impl FnOnce(&Transaction<'_>) -> Result<(), EditError>,
    ) -> Result<Option<Event>, EditError> {
        self.upgrade()?;
        let path = &self.catalog.path;
        let digest = self.catalog.header()?.digest.digest();
        let tx = self.catalog.db.transaction_with_behavior(TransactionBehavior::Immediate).at(path)?;
        let former = Former::of_now(&tx).at(path)?;
        change(&tx)?;
        let unused = "DELETE FROM labels WHERE id NOT IN (SELECT label FROM exemplars) \
             AND id NOT IN (SELECT label FROM taxonomy)";
        tx.execute(unused, []).at(path)?;
        if Former::of_now(&tx).at(path)? == former {
            return Ok(None);
        }
        let event = event::record(&tx, kind, 0, None, &digest, &digest).at(path)?;
        if kind == EventKind::Taxonomy {
            former.keep(&tx, event).at(path)?;
        }
        settings::keep(&tx).at(path)?;
        derived::remove(&self.dir, &[derived::CALIBRATION])?;
        kill_point("taxonomy prepared");
        tx.commit().at(path)?;
        kill_point("taxonomy committed");
        state::announce(&self.dir, &self.catalog);
        self.shorten_log()?;
        Ok(self.catalog.events_from(event)?.into_iter().next())
    }
}

/// A whole taxonomy as the catalogue keeps it for [`Editor::undo`]: by SQLite, as JSON.
#[derive(PartialEq)]
struct Former {
    levels: String,
    names: String,
}

impl Former {
    fn of_now(tx: &Transaction<'_>) -> rusqlite::Result<Self> {
        let text = |select: &str| tx.query_row(select, [], |row| row.get(0));
        Ok(Self { levels: text(settings::LEVELS)?, names: text(settings::NAMES)? })
    }

    fn of_event(tx: &Transaction<'_>, event: u64) -> rusqlite::Result<Self> {
        let select = "SELECT levels, names FROM former_taxonomies WHERE event = ?1";
        tx.query_row(select, [event], |row| Ok(Self { levels: row.get(0)?, names: row.get(1)? }))
    }

    fn keep(&self, tx: &Transaction<'_>, event: u64) -> rusqlite::Result<()> {
        tx.execute("INSERT INTO former_taxonomies VALUES (?1, ?2, ?3)", (event, &self.levels, &self.names)).map(|_| ())
    }

    /// Puts it in the place of the taxonomy that is there.
    fn put_back(&self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        tx.execute_batch("DELETE FROM taxonomy; DELETE FROM levels;")?;
        tx.execute("INSERT INTO levels SELECT key, value FROM json_each(?1)", [&self.levels])?;
        let labels = "INSERT OR IGNORE INTO labels (name) SELECT DISTINCT value ->> 0 FROM json_each(?1)";
        tx.execute(labels, [&self.names])?;
        let names = "INSERT INTO taxonomy SELECT labels.id, value ->> 1, value ->> 2 \
             FROM json_each(?1) JOIN labels ON labels.name = value ->> 0";
        tx.execute(names, [&self.names]).map(|_| ())
    }
}

fn enter_levels(tx: &Transaction<'_>, levels: &[String]) -> rusqlite::Result<()> {
    let enter = |(position, name)| tx.execute("INSERT INTO levels VALUES (?1, ?2)", (position, name)).map(|_| ());
    levels.iter().enumerate().try_for_each(enter)
}

fn enter(tx: &Transaction<'_>, taxonomy: &Taxonomy) -> rusqlite::Result<()> {
    for (label, names) in &taxonomy.labels {
        let label = label_id(tx, label)?;
        for (level, name) in names.iter().enumerate() {
            tx.execute("INSERT OR REPLACE INTO taxonomy VALUES (?1, ?2, ?3)", (label, level, name))?;
        }
    }
    Ok(())
}

impl Memory {
    /// Names of the taxonomy's levels, the one next to the label first.
    pub fn levels(&self) -> Result<Vec<String>> {
        Ok(self.settings.levels.names.clone())
    }

    /// The whole taxonomy.
    pub fn taxonomy(&self) -> Result<Taxonomy> {
        let mut taxonomy = Taxonomy { levels: self.levels()?, labels: HashMap::new() };
        let labels: HashMap<i64, &str> = self.labels().iter().map(|label| (label.row, label.name.as_str())).collect();
        // Label by label, levels in order.
        for (label, _, name) in &self.settings.levels.labels {
            if let Some(label) = labels.get(label) {
                taxonomy.labels.entry((*label).to_owned()).or_default().push(name.clone());
            }
        }
        Ok(taxonomy)
    }

    /// The levels that decisions can be made at.
    pub(crate) fn label_levels(&self) -> Result<&Levels> {
        if self.levels.get().is_none() {
            let seen = self.labels().iter().filter(|label| label.exemplars > 0);
            let seen: HashSet<&str> = seen.map(|label| label.name.as_str()).collect();
            let _ = self.levels.set(Levels::new(self.taxonomy()?, |label| seen.contains(label)));
        }
        Ok(self.levels.get().expect("set just now"))
    }
}

pub(crate) fn level_names(db: &rusqlite::Connection) -> rusqlite::Result<Vec<String>> {
    db.prepare("SELECT name FROM levels ORDER BY position")?.query_map([], |row| row.get(0))?.collect()
}
