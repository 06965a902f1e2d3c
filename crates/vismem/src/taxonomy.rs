//! Levels above the label: species, genus, family, ...

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::Transaction;

use crate::editor::label_id;
use crate::error::SqlContext;
use crate::{Editor, Error, Memory, Result};

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
    /// what was said before.
    ///
    /// # Errors
    /// When the memory has other levels already.
    pub fn add_taxonomy(&mut self, taxonomy: &Taxonomy) -> Result<()> {
        let path = self.catalog.path.clone();
        let tx = self.catalog.db.transaction().at(&path)?;
        let known = level_names(&tx).at(&path)?;
        if known.is_empty() {
            for (position, name) in taxonomy.levels.iter().enumerate() {
                tx.execute("INSERT INTO levels VALUES (?1, ?2)", (position, name)).at(&path)?;
            }
        } else if known != taxonomy.levels {
            let (known, new) = (known.join(", "), taxonomy.levels.join(", "));
            return Err(Error::Taxonomy(format!("the memory has the levels {known}; these are {new}: use the same")));
        }
        enter(&tx, taxonomy).at(&path)?;
        tx.commit().at(&path)
    }

    /// Puts a taxonomy in the place of the one that is there, levels included. Its labels are made if need be; labels
    /// that have no exemplars and are not in it go.
    ///
    /// # Errors
    /// When the disk refuses; nothing is changed then.
    pub fn set_taxonomy(&mut self, taxonomy: &Taxonomy) -> Result<()> {
        let path = self.catalog.path.clone();
        let tx = self.catalog.db.transaction().at(&path)?;
        tx.execute_batch("DELETE FROM taxonomy; DELETE FROM levels;").at(&path)?;
        for (position, name) in taxonomy.levels.iter().enumerate() {
            tx.execute("INSERT INTO levels VALUES (?1, ?2)", (position, name)).at(&path)?;
        }
        enter(&tx, taxonomy).at(&path)?;
        let unused = "DELETE FROM labels WHERE id NOT IN (SELECT label FROM exemplars) \
             AND id NOT IN (SELECT label FROM taxonomy)";
        tx.execute(unused, []).at(&path)?;
        tx.commit().at(&path)
    }
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

    /// What each label is called at `level`, in the order of [`Memory::labels`]. A label that the taxonomy does not
    /// know keeps its own name.
    pub(crate) fn names_at(&self, level: &str) -> Result<Vec<String>> {
        let path = &self.catalog.path;
        let levels = self.levels()?;
        let Some(position) = levels.iter().position(|known| known == level) else {
            return Err(Error::Level { level: level.into(), known: levels });
        };
        let mut statement = self.catalog.db.prepare("SELECT label, name FROM taxonomy WHERE level = ?1").at(path)?;
        let rows = statement.query_map([position], |row| Ok((row.get(0)?, row.get(1)?))).at(path)?;
        let names: HashMap<i64, String> = rows.collect::<rusqlite::Result<_>>().at(path)?;
        let name_of = |label: &crate::Label| names.get(&label.row).unwrap_or(&label.name).clone();
        Ok(self.labels().iter().map(name_of).collect())
    }
}

fn level_names(db: &rusqlite::Connection) -> rusqlite::Result<Vec<String>> {
    db.prepare("SELECT name FROM levels ORDER BY position")?.query_map([], |row| row.get(0))?.collect()
}
