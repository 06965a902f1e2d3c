//! What decisions depend on besides exemplars: encoder, taxonomy, pruning and tuning. The digest does not say anything of these,
//! so the catalogue keeps a hash of them, by which damage shows.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, Row};

use crate::decide::taxonomy;
use crate::decide::tuning::{self, Choice};
use crate::error::{Result, SqlContext};
use crate::store::catalog::{self, Header};
use crate::store::readers::{Parts, TOGETHER};
use crate::store::schema;
use crate::store::slots::Label;
use crate::{Pruning, StoreError};

const SETTINGS: &str = "vismem 2026-11 settings";

// Each is one text, made by SQLite as JSON.
const ENCODER: &str = "SELECT json_array(dim, encoder, encoder_hash) FROM memory";
const TUNINGS: &str = "SELECT json_group_array(json_array(event, undoes, chosen, vote, k, parameter, gamma, lambda)) FROM \
     (SELECT * FROM tunings ORDER BY event)";
const PRUNING: &str = "SELECT json_group_array(json_array(neighbors, votes, share, c, d)) FROM pruning";
/// Names of the levels, the one next to the label first.
pub(crate) const LEVELS: &str = "SELECT json_group_array(name) FROM (SELECT name FROM levels ORDER BY position)";
/// What every label is called at every level: label, level, name.
pub(crate) const NAMES: &str = "SELECT json_group_array(json_array(label, level, name)) FROM \
     (SELECT labels.name AS label, level, taxonomy.name AS name FROM taxonomy JOIN labels ON labels.id = label \
      ORDER BY 1, 2)";

/// Of encoder, levels, names, pruning, and of tunings where there is a table of them.
fn hash(texts: [&str; 4], tunings: Option<&str>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(SETTINGS);
    for text in texts.into_iter().chain(tunings) {
        // A zero ends each, since no JSON holds one.
        hasher.update(text.as_bytes()).update(&[0]);
    }
    *hasher.finalize().as_bytes()
}

fn text(db: &Connection, part: &str) -> rusqlite::Result<String> {
    db.prepare_cached(part)?.query_row([], |row| row.get(0))
}

/// `None` where no tuning was ever chosen.
fn tunings(db: &Connection) -> rusqlite::Result<Option<String>> {
    if schema::has(db, "tunings")? { text(db, TUNINGS).map(Some) } else { Ok(None) }
}

/// The hash of what the catalogue has.
pub(crate) fn hash_of(db: &Connection) -> rusqlite::Result<[u8; 32]> {
    let [encoder, levels, names, pruning] = [ENCODER, LEVELS, NAMES, PRUNING].map(|part| text(db, part));
    Ok(hash([&encoder?, &levels?, &names?, &pruning?], tunings(db)?.as_deref()))
}

/// Writes the hash down; for whoever changes a setting, in the same transaction.
pub(crate) fn keep(db: &Connection) -> rusqlite::Result<()> {
    db.execute("UPDATE memory SET settings = ?1", [hash_of(db)?]).map(|_| ())
}

/// What decisions depend on besides exemplars and encoder.
pub(crate) struct Settings {
    pub levels: Levels,
    pub pruning: Option<Pruning>,
    /// `None` where nothing is chosen.
    pub tuning: Option<Choice>,
    /// Of all of them and the encoder.
    pub hash: [u8; 32],
}

/// The taxonomy as it is in the catalogue.
pub(crate) struct Levels {
    /// Their names, the one next to the label first.
    pub names: Vec<String>,
    /// What labels are called there: the label's row, the level, the name.
    pub labels: Vec<(i64, usize, String)>,
}

/// Reads the settings and compares them with the hash. The labels are all that there are.
///
/// # Errors
/// [`StoreError::Damaged`] when they are not what was written.
pub(crate) fn load(dir: &Path, parts: &Parts<'_>, header: &Header, labels: &[Label]) -> Result<Settings> {
    let (texts, levels, pruning, (tunings, tuning)) = parts.read(|catalog| {
        let texts = [ENCODER, LEVELS, PRUNING].map(|part| text(&catalog.db, part).at(&catalog.path));
        let levels = taxonomy::level_names(&catalog.db).at(&catalog.path)?;
        let pruning = Pruning::load(&catalog.db).at(&catalog.path)?;
        let tuning = (tunings(&catalog.db).at(&catalog.path)?, tuning::current(catalog)?);
        Ok((texts, levels, pruning, tuning))
    })?;
    let [encoder, level_texts, pruning_text] = texts;
    let mut levels = Levels { names: levels, labels: Vec::new() };
    // JSON of each, and what puts it in the order that the hash is taken in.
    let mut names: Vec<((&str, usize), String)> = Vec::new();
    let by_row: HashMap<i64, &str> = labels.iter().map(|label| (label.row, label.name.as_str())).collect();
    let select = "SELECT label, level, taxonomy.name, json_array(labels.name, level, taxonomy.name) FROM taxonomy \
         JOIN labels ON labels.id = label WHERE (label, level) > (?1, ?2) ORDER BY label, level LIMIT ?3";
    loop {
        let last = levels.labels.last().map_or((0, 0), |(label, level, _)| (*label, *level));
        let some: Vec<((i64, usize, String), String)> = parts.read(|catalog| {
            let mut statement = catalog.db.prepare_cached(select).at(&catalog.path)?;
            let row = |row: &Row<'_>| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?));
            let rows = statement.query_map((last.0, last.1, TOGETHER), row).at(&catalog.path)?;
            rows.collect::<rusqlite::Result<_>>().at(&catalog.path)
        })?;
        let is_full = some.len() == TOGETHER;
        for ((label, level, name), json) in some {
            names.push(((by_row.get(&label).copied().unwrap_or_default(), level), json));
            levels.labels.push((label, level, name));
        }
        if !is_full {
            break;
        }
    }
    names.sort();
    let names: Vec<String> = names.into_iter().map(|(_, json)| json).collect();
    let texts = [&encoder?, &level_texts?, &format!("[{}]", names.join(",")), &pruning_text?];
    if header.settings == hash(texts.map(String::as_str), tunings.as_deref()) {
        return Ok(Settings { levels, pruning, tuning, hash: header.settings });
    }
    Err(others(&catalog::path(dir)))
}

/// They are not what the hash says.
pub(crate) fn others(path: &Path) -> StoreError {
    let what = "encoder, taxonomy, pruning or tuning are not those that were stored".into();
    StoreError::Damaged { path: path.into(), what }
}
