//! Memories of older formats: read as they are, brought to the current format by the first change.
//!
//! | format | what is new |
//! |---|---|
//! | 2 | the tables `attributes` and `attribute_values`; `neighbor_lists.u32` in the place of `fellows.u32`; the files `state`, `turnstile` and `readers` |
//!
//! The commit point is one SQLite transaction, which nothing else is part of. What comes after it only deletes files that
//! the new format does not have; after a kill, recovery deletes them.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::Editor;
use crate::error::{Result, SqlContext};
use crate::index::derived;
use crate::store::catalog::FORMAT;
use crate::store::kill_point::kill_point;
use crate::store::schema;

/// Derived files of format 1 that format 2 does not have.
pub(crate) const FORMER_FILES: [&str; 2] = ["fellows.u32", "fellows.u32.new"];

/// The format of an open catalogue.
pub(crate) fn format(db: &Connection) -> rusqlite::Result<i64> {
    db.prepare_cached("PRAGMA user_version")?.query_row([], |row| row.get(0))
}

/// Whether a catalogue has the tables that format 2 adds.
pub(crate) fn is_format_2(db: &Connection) -> rusqlite::Result<bool> {
    Ok(format(db)? >= 2)
}

/// Deletes the files that a memory of the current format does not have.
pub(crate) fn remove_former_files(dir: &Path) -> Result<()> {
    derived::remove(dir, &FORMER_FILES)
}

impl Editor {
    /// Brings the memory to the current format, before its first change. Of a memory of that format it asks nothing but
    /// the format.
    ///
    /// # Errors
    /// When the disk refuses; the memory is of the format that it was then.
    pub(crate) fn upgrade(&mut self) -> Result<()> {
        if format(&self.catalog.db).at(&self.catalog.path)? >= FORMAT {
            return Ok(());
        }
        self.lock.begin()?;
        let upgraded = self.add_what_is_new();
        if upgraded.is_err() {
            self.recover()?;
        }
        self.lock.dirty = false;
        upgraded
    }

    fn add_what_is_new(&mut self) -> Result<()> {
        let path = &self.catalog.path;
        let tx = self.catalog.db.transaction_with_behavior(TransactionBehavior::Immediate).at(path)?;
        tx.execute_batch(schema::FORMAT_2).at(path)?;
        tx.pragma_update(None, "user_version", FORMAT).at(path)?;
        kill_point("upgrade prepared");
        tx.commit().at(path)?;
        kill_point("upgrade committed");
        remove_former_files(&self.dir)
    }
}
