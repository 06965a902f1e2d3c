use rusqlite::{Connection, OpenFlags};

use crate::catalog::Catalog;
use crate::error::SqlContext;
use crate::{Error, Result};

/// Notices that something was forgotten since a snapshot was taken. The rows of a snapshot are overwritten then and may
/// be used again, so what was read from them before the look is what it was, and what is read after it may not be.
pub(crate) struct Watch {
    /// Outside the snapshot; `None` where nobody can write.
    db: Option<Connection>,
    erasures: u64,
}

impl Watch {
    /// Watches for erasures beyond those that the snapshot `catalog` knows of.
    pub(crate) fn new(catalog: &Catalog, erasures: u64) -> Result<Self> {
        let db = if catalog.immutable {
            None
        } else {
            Some(Connection::open_with_flags(&catalog.path, OpenFlags::SQLITE_OPEN_READ_ONLY).at(&catalog.path)?)
        };
        Ok(Self { db, erasures })
    }

    /// # Errors
    /// [`Error::Outdated`] if something was forgotten.
    pub(crate) fn check(&self, catalog: &Catalog) -> Result<()> {
        let Some(db) = &self.db else { return Ok(()) };
        let select = "SELECT erasures FROM memory";
        let erasures =
            db.prepare_cached(select).and_then(|mut statement| statement.query_row([], |row| row.get::<_, u64>(0)));
        if erasures.at(&catalog.path)? == self.erasures {
            return Ok(());
        }
        Err(Error::Outdated { path: catalog.path.parent().unwrap_or(&catalog.path).into() })
    }
}
