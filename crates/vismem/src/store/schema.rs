//! Whether a catalogue has the tables and indexes that vismem makes, and nothing else: a trigger would run with every change,
//! a view could stand for a table, and what another program keeps beside (statistics with samples, a copy) is forgotten by
//! nobody.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::StoreError;
use crate::error::{Result, SqlContext};
use crate::store::upgrade;

pub(crate) const TABLES: &str = include_str!("schema.sql");
pub(crate) const FORMAT_2: &str = include_str!("format_2.sql");
pub(crate) const MOVES: &str = include_str!("moves.sql");
pub(crate) const TUNINGS: &str = include_str!("tunings.sql");

/// Kind and name of each table, index, view and trigger, and the statement that made it.
type Objects = BTreeMap<(String, String), Option<String>>;

/// That a database which somebody else may have made cannot run anything of its own.
///
/// # Errors
/// When SQLite refuses.
pub(crate) fn distrust(db: &Connection) -> rusqlite::Result<()> {
    for (option, on) in [
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    ] {
        db.set_db_config(option, on)?;
    }
    // A page whose cells overlap its end is damage, not data.
    db.pragma_update(None, "cell_size_check", true)
}

/// Compares a catalogue with what its format has.
///
/// # Errors
/// [`StoreError::Damaged`] names the first that is missing, foreign or another.
pub(crate) fn check(db: &Connection, path: &Path) -> Result<()> {
    static EXPECTED: OnceLock<[Objects; 5]> = OnceLock::new();
    let [first, second, moved, tuned, both] = EXPECTED.get_or_init(|| {
        let second = [TABLES, FORMAT_2];
        let [moved, tuned] = [MOVES, TUNINGS].map(|more| [TABLES, FORMAT_2, more]);
        [&[TABLES][..], &second, &moved, &tuned, &[TABLES, FORMAT_2, MOVES, TUNINGS]].map(made_by)
    });
    let expected = match (upgrade::is_format_2(db).at(path)?, has(db, "moves").at(path)?, has(db, "tunings").at(path)?)
    {
        (false, ..) => first,
        (true, false, false) => second,
        (true, true, false) => moved,
        (true, false, true) => tuned,
        (true, true, true) => both,
    };
    let found = objects(db).at(path)?;
    let is_as_made = |objects: &Objects, key, sql| objects.get(key) == Some(sql);
    let foreign = found.iter().find(|(key, sql)| !is_as_made(expected, key, sql));
    let missing = expected.iter().find(|(key, sql)| !is_as_made(&found, key, sql));
    let what = match (foreign, missing) {
        (None, None) => return Ok(()),
        (Some(((kind, name), _)), _) if !expected.contains_key(&(kind.clone(), name.clone())) => {
            format!("the {kind} {name:?} is none of a memory's")
        }
        (Some(((kind, name), _)), _) => format!("the {kind} {name:?} is not as vismem makes it"),
        (None, Some(((kind, name), _))) => format!("the {kind} {name:?} is missing"),
    };
    Err(StoreError::Damaged { path: path.into(), what })
}

/// Whether there is a table of this name: some are made when they are needed first.
pub(crate) fn has(db: &Connection, table: &str) -> rusqlite::Result<bool> {
    let select = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
    db.prepare_cached(select)?.query_row([table], |row| row.get(0))
}

fn made_by(statements: &[&str]) -> Objects {
    let db = Connection::open_in_memory().expect("a database in memory");
    statements.iter().for_each(|some| db.execute_batch(some).expect("statements that SQLite understands"));
    objects(&db).expect("a schema of text")
}

fn objects(db: &Connection) -> rusqlite::Result<Objects> {
    let mut statement = db.prepare("SELECT type, name, sql FROM sqlite_schema")?;
    statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?.collect()
}
