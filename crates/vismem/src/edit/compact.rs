//! Closing the gaps that forgetting leaves: rows in the order of ids, no free slot, a database without free pages.
//!
//! The rows are written into a file of their own, since readers map the old one. The commit point is the transaction
//! that moves the slots and says that the new file is to take the place of the old one; until it has, readers take it
//! from where it is. After a kill the next writer renames it.

use std::io::{BufWriter, Write};
use std::path::Path;

use rusqlite::TransactionBehavior;
use serde::Serialize;

use crate::edit::forget::READERS;
use crate::error::{IoContext, Result, SqlContext};
use crate::index::derived;
use crate::platform;
use crate::store::catalog::{Catalog, Header, is_torn};
use crate::store::kill_point::kill_point;
use crate::store::state;
use crate::store::vectors::{self, VectorMap, VectorWriter};
use crate::{Editor, StoreError};

/// What compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// Free slots that were closed.
    pub free_slots: u64,
    /// Bytes of the embeddings and the catalogue before.
    pub bytes_before: u64,
    /// Bytes of them after.
    pub bytes_after: u64,
}

impl Editor {
    /// Closes the gaps that forgetting leaves. `vectors.f32` holds the rows in the order of ids then, as in a memory to
    /// which what it holds was added in this order and which never held anything else. Ids, labels and the digest stay;
    /// indexes are deleted and can be built again. It takes room on the disk for a second copy, and memory for one of the
    /// catalogue.
    ///
    /// Readers that are open answer [`StoreError::Outdated`](crate::StoreError::Outdated) afterwards.
    ///
    /// # Errors
    /// When an embedding is damaged or the disk refuses; the memory is as it was then, or whole and without gaps.
    pub fn compact(&mut self) -> Result<Compacted> {
        let free_slots = self.catalog.count("free_slots")?;
        let bytes_before = self.bytes();
        self.upgrade()?;
        self.lock.begin()?;
        if let Err(error) = self.close_gaps() {
            self.recover()?;
            self.lock.dirty = false;
            return Err(error);
        }
        self.lock.dirty = false;
        Ok(Compacted { free_slots, bytes_before, bytes_after: self.bytes() })
    }

    fn bytes(&self) -> u64 {
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        length(&vectors::path(&self.dir)) + length(&self.catalog.path)
    }

    fn close_gaps(&mut self) -> Result<()> {
        let ids = self.write_rows()?;
        kill_point("rows copied");
        // What is derived belongs to a digest, which stays, and may belong to slots, which do not.
        self.indexes.delete()?;
        let path = &self.catalog.path;
        let slots = self.catalog.header()?.slots;
        let tx = self.catalog.db.transaction_with_behavior(TransactionBehavior::Immediate).at(path)?;
        // By way of slots beyond all of them, since no two exemplars may share one at any time.
        for (id, slot) in ids.iter().zip(slots..) {
            let mut statement = tx.prepare_cached("UPDATE exemplars SET slot = ?2 WHERE id = ?1").at(path)?;
            statement.execute((id, slot)).at(path)?;
        }
        for (id, slot) in ids.iter().zip(0u64..) {
            let mut statement = tx.prepare_cached("UPDATE exemplars SET slot = ?2 WHERE id = ?1").at(path)?;
            statement.execute((id, slot)).at(path)?;
        }
        tx.execute("DELETE FROM free_slots", []).at(path)?;
        let header = "UPDATE memory SET slots = ?1, generation = generation + 1, compacting = 1";
        tx.execute(header, [ids.len()]).at(path)?;
        kill_point("compaction prepared");
        tx.commit().at(path)?;
        kill_point("compaction committed");
        // Before the rows take their place, so that a reader notices that they did.
        state::publish(&self.dir, &self.catalog)?;
        finish(&self.dir, &self.catalog)?;
        self.vectors = VectorWriter::open(&self.dir, self.encoder().dim, ids.len() as u64)?;
        self.catalog.db.execute_batch("VACUUM").at(&self.catalog.path)?;
        kill_point("vacuumed");
        self.catalog.fold_log(READERS, true, &[])?;
        Ok(())
    }

    /// Writes the rows in the order of ids beside their place; returns the ids.
    fn write_rows(&self) -> Result<Vec<u64>> {
        let header = self.catalog.header()?;
        let rows = VectorMap::open(&self.dir, header.encoder.dim, header.slots as usize, false)?;
        let path = vectors::unfinished_path(&self.dir);
        let mut file = BufWriter::new(platform::create_regular(&path).at(&path, "create")?);
        let catalog = &self.catalog.path;
        let mut statement =
            self.catalog.db.prepare("SELECT id, slot, vector_hash FROM exemplars ORDER BY id").at(catalog)?;
        let mut exemplars = statement.query([]).at(catalog)?;
        let mut ids = Vec::new();
        while let Some(row) = exemplars.next().at(catalog)? {
            let (id, slot): (u64, usize) = (row.get(0).at(catalog)?, row.get(1).at(catalog)?);
            if slot as u64 >= header.slots || ids.last().is_some_and(|last| *last >= id) {
                return Err(is_torn(&self.dir, id));
            }
            let values = rows.row(slot);
            if row.get::<_, [u8; 32]>(2).at(catalog)? != vectors::hash(values) {
                return Err(vectors::damaged(&self.dir, slot, id));
            }
            ids.push(id);
            file.write_all(vectors::bytes(values)).at(&path, "write")?;
        }
        if ids.len() as u64 + self.catalog.count("free_slots")? != header.slots {
            let what = format!("{} exemplars, where there are {} slots", ids.len(), header.slots);
            return Err(StoreError::Damaged { path: catalog.clone(), what });
        }
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).at(&path, "write")?;
        file.sync_all().at(&path, "sync")?;
        Ok(ids)
    }
}

/// Puts the new rows in their place if they were committed, else throws them away. Whether there was anything to do.
pub(crate) fn finish(dir: &Path, catalog: &Catalog) -> Result<bool> {
    if !catalog.header()?.compacting {
        let left = std::fs::symlink_metadata(vectors::unfinished_path(dir)).is_ok();
        derived::remove(dir, &[vectors::UNFINISHED])?;
        return Ok(left);
    }
    let (from, to) = (vectors::unfinished_path(dir), vectors::path(dir));
    if platform::is_sole(&from).at(&from, "read")? {
        let Header { slots, encoder, .. } = catalog.header()?;
        let (found, expected) =
            (std::fs::symlink_metadata(&from).at(&from, "read")?.len(), slots * encoder.dim as u64 * 4);
        if found != expected {
            let what = format!("{found} bytes long, where {slots} rows of {} dimensions are to be", encoder.dim);
            return Err(StoreError::Damaged { path: from, what });
        }
        std::fs::rename(&from, &to).at(&to, "replace")?;
        platform::sync_directory(dir).at(dir, "sync")?;
    }
    kill_point("rows in place");
    catalog.db.execute("UPDATE memory SET compacting = 0", []).at(&catalog.path)?;
    Ok(true)
}
