//! What decisions depend on besides exemplars: encoder, taxonomy and pruning. The digest does not say anything of these,
//! so the catalogue keeps a hash of them, by which damage shows.

use rusqlite::Connection;

use crate::error::SqlContext;
use crate::store::catalog::Catalog;
use crate::{Error, Result};

const SETTINGS: &str = "vismem 2026-11 settings";

/// Each is one text, made by SQLite as JSON.
const PARTS: [&str; 4] = [
    "SELECT json_array(dim, encoder, encoder_hash) FROM memory",
    LEVELS,
    NAMES,
    "SELECT json_group_array(json_array(neighbors, votes, share, c, d)) FROM pruning",
];
/// Names of the levels, the one next to the label first.
pub(crate) const LEVELS: &str = "SELECT json_group_array(name) FROM (SELECT name FROM levels ORDER BY position)";
/// What every label is called at every level: label, level, name.
pub(crate) const NAMES: &str = "SELECT json_group_array(json_array(label, level, name)) FROM \
     (SELECT labels.name AS label, level, taxonomy.name AS name FROM taxonomy JOIN labels ON labels.id = label \
      ORDER BY 1, 2)";

fn hash(db: &Connection) -> rusqlite::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new_derive_key(SETTINGS);
    for part in PARTS {
        let text: String = db.query_row(part, [], |row| row.get(0))?;
        // A zero ends each, since no JSON holds one.
        hasher.update(text.as_bytes()).update(&[0]);
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Writes the hash down; for whoever changes a setting, in the same transaction.
pub(crate) fn keep(db: &Connection) -> rusqlite::Result<()> {
    db.execute("UPDATE memory SET settings = ?1", [hash(db)?]).map(|_| ())
}

/// Compares the settings with the hash.
///
/// # Errors
/// [`Error::Damaged`] when they are not what was written.
pub(crate) fn check(catalog: &Catalog) -> Result<()> {
    let kept: [u8; 32] = catalog.db.query_row("SELECT settings FROM memory", [], |row| row.get(0)).at(&catalog.path)?;
    if kept == hash(&catalog.db).at(&catalog.path)? {
        return Ok(());
    }
    let what = "encoder, taxonomy or pruning are not those that were stored".into();
    Err(Error::Damaged { path: catalog.path.clone(), what })
}
