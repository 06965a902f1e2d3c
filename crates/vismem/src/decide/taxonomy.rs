//! Levels above the label: species, genus, family, ...

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Transaction, TransactionBehavior};

use crate::edit::editor::label_id;
use crate::error::SqlContext;
use crate::store::event::{self, EventKind};
use crate::store::kill_point::kill_point;
use crate::store::{settings, upgrade};
use crate::{Editor, Error, Event, Memory, Result};

/// What each label is called at each level above it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    pub fn insert(&mut self, label: &str, names: &[String]) -> Result<()> {
        if label.is_empty() || names.len() != self.levels.len() || names.iter().any(String::is_empty) {
            let levels = self.levels.join(", ");
            return Err(Error::Taxonomy(format!("label {label:?} needs a name for each of: {levels}")));
        }
        match self.labels.get(label) {
            Some(known) if known != names => {
                let (known, names) = (known.join(" > "), names.join(" > "));
                Err(Error::Taxonomy(format!("label {label:?} is both {known} and {names}: keep one")))
            }
            Some(_) => Ok(()),
            None => {
                self.labels.insert(label.into(), names.to_vec());
                Ok(())
            }
        }
    }
}

impl Taxonomy {
    /// Names that stand below more than one name of the next level, such as a genus in two families, in order. Votes are
    /// summed all the same; but it is no tree, and usually a slip.
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub fn add_taxonomy(&mut self, taxonomy: &Taxonomy) -> Result<Option<Event>> {
        let path = self.catalog.path.clone();
        self.change_taxonomy(EventKind::Taxonomy, |tx| {
            let known = level_names(tx).at(&path)?;
            if known.is_empty() {
                enter_levels(tx, &taxonomy.levels).at(&path)?;
            } else if known != taxonomy.levels {
                let (known, new) = (known.join(", "), taxonomy.levels.join(", "));
                return Err(Error::Taxonomy(format!(
                    "the memory has the levels {known}; these are {new}: use the same"
                )));
            }
            enter(tx, taxonomy).at(&path)
        })
    }

    /// Puts a taxonomy in the place of the one that is there, levels included. Its labels are made if need be; labels
    /// that have no exemplars and are not in it go. `None` if it is there already. [`Editor::undo`] takes it back.
    ///
    /// # Errors
    /// When the disk refuses; nothing is changed then.
    pub fn set_taxonomy(&mut self, taxonomy: &Taxonomy) -> Result<Option<Event>> {
        let path = self.catalog.path.clone();
        self.change_taxonomy(EventKind::Taxonomy, |tx| {
            tx.execute_batch("DELETE FROM taxonomy; DELETE FROM levels;").at(&path)?;
            enter_levels(tx, &taxonomy.levels).at(&path)?;
            enter(tx, taxonomy).at(&path)
        })
    }

    /// Puts back the taxonomy that `event` replaced.
    pub(crate) fn undo_taxonomy(&mut self, event: u64) -> Result<Option<Event>> {
        let path = self.catalog.path.clone();
        self.change_taxonomy(EventKind::Undo, |tx| {
            Former::of_event(tx, event)
                .and_then(|former| former.put_back(tx))
                .and_then(|()| tx.execute("DELETE FROM former_taxonomies WHERE event = ?1", [event]))
                .map(|_| ())
                .at(&path)
        })
    }

    /// Changes the taxonomy in one transaction and writes the event down; `None` if that changes nothing.
    fn change_taxonomy(
        &mut self,
        kind: EventKind,
        change: impl FnOnce(&Transaction<'_>) -> Result<()>,
    ) -> Result<Option<Event>> {
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
        settings::keep(&tx).and_then(|()| upgrade::count_commit(&tx)).at(path)?;
        kill_point("taxonomy prepared");
        tx.commit().at(path)?;
        kill_point("taxonomy committed");
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
        level_names(&self.catalog.db).at(&self.catalog.path)
    }

    /// The whole taxonomy.
    pub fn taxonomy(&self) -> Result<Taxonomy> {
        let path = &self.catalog.path;
        let mut taxonomy = Taxonomy { levels: self.levels()?, labels: HashMap::new() };
        let select =
            "SELECT labels.name, taxonomy.name FROM taxonomy JOIN labels ON labels.id = label ORDER BY label, level";
        let mut statement = self.catalog.db.prepare(select).at(path)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).at(path)?;
        for row in rows {
            let (label, name): (String, String) = row.at(path)?;
            taxonomy.labels.entry(label).or_default().push(name);
        }
        Ok(taxonomy)
    }

    /// The levels with what each label is called there.
    pub(crate) fn ladder(&self) -> Result<&Ladder> {
        if self.ladder.get().is_none() {
            let _ = self.ladder.set(Ladder::of(self)?);
        }
        Ok(self.ladder.get().expect("set just now"))
    }
}

/// The label and the levels above it, rung by rung.
pub(crate) struct Ladder {
    /// Names of the levels above the label.
    pub levels: Vec<String>,
    /// For each rung, from the label itself up, what each label is called there, in the order of [`Memory::labels`]. A
    /// label that the taxonomy does not know keeps its own name.
    pub rungs: Vec<Vec<String>>,
}

impl Ladder {
    fn of(memory: &Memory) -> Result<Self> {
        let path = &memory.catalog.path;
        let levels = memory.levels()?;
        let own: Vec<String> = memory.labels().iter().map(|label| label.name.clone()).collect();
        let positions: HashMap<i64, usize> = memory.labels().iter().map(|label| label.row).zip(0..).collect();
        let mut rungs = vec![own; levels.len() + 1];
        let mut statement = memory.catalog.db.prepare("SELECT label, level, name FROM taxonomy").at(path)?;
        let mut rows = statement.query([]).at(path)?;
        while let Some(row) = rows.next().at(path)? {
            let (label, level): (i64, usize) = (row.get(0).at(path)?, row.get(1).at(path)?);
            if let (Some(&label), Some(rung)) = (positions.get(&label), rungs.get_mut(level + 1)) {
                rung[label] = row.get(2).at(path)?;
            }
        }
        Ok(Self { levels, rungs })
    }

    /// The rung of a level; the lowest for the label itself.
    ///
    /// # Errors
    /// When there is no such level.
    pub(crate) fn rung(&self, level: Option<&str>) -> Result<usize> {
        let Some(level) = level else { return Ok(0) };
        let position = self.levels.iter().position(|known| known == level);
        let unknown = || Error::Level { level: level.into(), known: self.levels.clone() };
        position.map(|position| position + 1).ok_or_else(unknown)
    }

    /// The name of a rung's level; `None` for the label itself.
    pub(crate) fn level(&self, rung: usize) -> Option<&String> {
        self.levels.get(rung.checked_sub(1)?)
    }
}

fn level_names(db: &rusqlite::Connection) -> rusqlite::Result<Vec<String>> {
    db.prepare("SELECT name FROM levels ORDER BY position")?.query_map([], |row| row.get(0))?.collect()
}
