use rusqlite::{Connection, OpenFlags};

use crate::error::SqlContext;
use crate::store::catalog::Catalog;
use crate::{Error, Result};

/// Notices that rows were erased or moved since a snapshot was taken. What was read from them before the look is what it
/// was, and what is read after it may not be.
pub(crate) struct Watch {
    /// Outside the snapshot; `None` where nobody can write.
    db: Option<Connection>,
    generation: u64,
}

impl Watch {
    /// Watches for generations after that of the snapshot `catalog`.
    pub(crate) fn new(catalog: &Catalog, generation: u64) -> Result<Self> {
        let db = if catalog.immutable {
            None
        } else {
            Some(Connection::open_with_flags(&catalog.path, OpenFlags::SQLITE_OPEN_READ_ONLY).at(&catalog.path)?)
        };
        Ok(Self { db, generation })
    }

    /// # Errors
    /// [`Error::Outdated`] if there is another generation.
    pub(crate) fn check(&self, catalog: &Catalog) -> Result<()> {
        let Some(db) = &self.db else { return Ok(()) };
        let select = "SELECT generation FROM memory";
        let generation =
            db.prepare_cached(select).and_then(|mut statement| statement.query_row([], |row| row.get::<_, u64>(0)));
        if generation.at(&catalog.path)? == self.generation {
            return Ok(());
        }
        Err(Error::Outdated { path: catalog.path.parent().unwrap_or(&catalog.path).into() })
    }
}
