//! All that a memory holds of an exemplar, for taking it elsewhere.

use rusqlite::Connection;

use crate::error::{Result, SqlContext};
use crate::store::catalog::{self, Record};
use crate::store::vectors;
use crate::{Attributes, Editor, Memory, Source};

/// An exemplar with its embedding. Added to another memory, it contributes the same to that memory's digest.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<'m> {
    /// Its id.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where it came from.
    pub source: Option<Source>,
    /// The batch that it was added with.
    pub batch: u64,
    /// Hash of what the embedding was made from, see [`crate::NewExemplar::content`].
    pub content: [u8; 32],
    /// What else is known of it.
    pub attributes: Attributes,
    /// The embedding, of length 1.
    pub embedding: &'m [f32],
}

impl Memory {
    /// The ids of all exemplars, ascending.
    pub fn ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.slots.ids.iter().copied().filter(|&id| id != vismem_search::FREE).collect();
        ids.sort_unstable();
        ids
    }

    /// The exemplar with this id, if there is one.
    ///
    /// # Errors
    /// When its embedding is damaged, or rows were erased or moved since this memory was opened.
    pub fn stored(&self, id: u64) -> Result<Option<Stored<'_>>> {
        Ok(self.stored_all(&[id])?.pop())
    }

    /// The exemplars with these ids, in the order of `ids`, without those that are not there. They are looked up together.
    ///
    /// # Errors
    /// As [`Memory::stored`].
    pub fn stored_all(&self, ids: &[u64]) -> Result<Vec<Stored<'_>>> {
        let records = self.records(ids)?;
        let stored = |record: &Record| {
            let embedding = self.vector(record.slot);
            if record.vector_hash != vectors::hash(embedding) {
                return Err(vectors::damaged(self.path(), record.slot, record.id));
            }
            let Record { id, label, batch, source, content, attributes, .. } = record.clone();
            Ok(Stored { id, label, source, batch, content, attributes, embedding })
        };
        self.unless_outdated(ids.iter().filter_map(|id| records.get(id)).map(stored).collect())
    }
}

impl Editor {
    /// Whether an exemplar may get this id, because none ever had it: it is above all that were used, or no exemplar has it
    /// and none was ever forgotten.
    pub fn is_unused(&self, id: u64) -> Result<bool> {
        is_unused(&self.catalog.db, id).at(&self.catalog.path)
    }
}

pub(crate) fn is_unused(db: &Connection, id: u64) -> rusqlite::Result<bool> {
    let Ok(id) = i64::try_from(id) else { return Ok(false) };
    let mut statement = db.prepare_cached(
        "SELECT ?1 > coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'exemplars'), 0) OR (?1 > 0 \
         AND NOT EXISTS (SELECT 1 FROM exemplars WHERE id = ?1) AND NOT EXISTS (SELECT 1 FROM events WHERE kind = 'forget'))",
    )?;
    statement.query_row([id], |row| row.get(0))
}

impl catalog::Catalog {
    /// The largest id that was ever used; 0 for none.
    pub(crate) fn last_id(&self) -> Result<u64> {
        let select = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'exemplars'";
        self.db.query_row(select, [], |row| row.get(0)).at(&self.path)
    }
}
