//! Forgetting: when it returns, no file of the memory holds a byte of what was forgotten.
//!
//! The commit point is the SQLite transaction that deletes the rows and frees the slots. What comes after it only
//! overwrites what no committed row names, so a kill before leaves everything and a kill after leaves work that
//! recovery finishes.

use std::collections::BTreeSet;
use std::fs::File;
use std::iter::once;
use std::time::{Duration, Instant};

use rusqlite::TransactionBehavior;

use crate::error::{Result, SqlContext};
use crate::index::derived;
use crate::store::catalog::{self, Record};
use crate::store::event::{self, EventKind};
use crate::store::kill_point::kill_point;
use crate::store::{attribute_rows, settings, state};
use crate::{Digest, EditError, Editor, Receipt, Selector, StoreError};

/// How long to wait for readers that keep the write-ahead log from being cut.
pub(crate) const READERS: Duration = if cfg!(test) { Duration::from_secs(1) } else { Duration::from_secs(5) };

/// What the transaction freed.
struct Freed {
    records: Vec<Record>,
    before: Digest,
    after: Digest,
    /// How many slots there are.
    slots: u64,
    event: u64,
}

impl Editor {
    /// Forgets every exemplar that the selector names; `None` if that is none. A label that no exemplar has any more
    /// goes as well, with what the taxonomy says of it, and so does an attribute. What was relabelled or set before cannot be undone any more.
    ///
    /// When this returns, no file of the memory holds a byte of their embeddings, codes, sources, hashes, attributes,
    /// or of such labels. When the process dies before, all of them are there or, once the memory was opened for writing again,
    /// none of them is.
    ///
    /// # Errors
    /// As [`crate::Memory::select`], when one of them cannot be freed, and when the disk refuses; nothing is changed then.
    /// When they are forgotten and something of them is still in files, see [`EditError::forgotten`], it is
    /// [`EditError::LogHeld`] where a reader that has been open since before keeps the write-ahead log from being cut, else
    /// [`EditError::NotErased`]; the next writer or [`crate::verify`] finishes it.
    pub fn forget(&mut self, selector: &Selector) -> Result<Option<Receipt>, EditError> {
        let started = Instant::now();
        let ids = self.select(selector)?;
        if ids.is_empty() {
            return Ok(None);
        }
        self.upgrade()?;
        self.lock.begin()?;
        match self.free(&ids, selector) {
            // What was forgotten is forgotten: where the quick way to overwrite it fails, recovery is tried.
            Ok(freed) => {
                if self.overwrite(&freed).is_err()
                    && let Err(source) = self.recover()
                {
                    // The lock keeps its mark, so that the next writer tries again.
                    let (path, source) = (self.path().into(), source.into());
                    return Err(EditError::NotErased { path, exemplars: ids.len(), source });
                }
                self.lock.dirty = false;
                if self.log_held {
                    return Err(EditError::LogHeld { path: self.path().into(), exemplars: ids.len() });
                }
                let event = self.catalog.events_from(freed.event)?.swap_remove(0);
                Ok(Some(Receipt::new(event, started.elapsed().as_micros() as u64)))
            }
            Err(error) => {
                self.recover()?;
                self.lock.dirty = false;
                Err(error.into())
            }
        }
    }

    /// The transaction: deletes the rows, frees their slots, takes them out of the digest.
    fn free(&mut self, ids: &[u64], selector: &Selector) -> Result<Freed> {
        let path = &self.catalog.path;
        let header = self.catalog.header()?;
        let (mut digest, slots) = (header.digest, header.slots);
        let before = digest.digest();
        let record = |id: &u64| {
            let record = self.catalog.record(*id)?.ok_or_else(|| catalog::is_torn(&self.dir, *id))?;
            // Its row is overwritten, and must be one of this memory.
            if record.slot as u64 >= slots {
                let what = format!("exemplar {id} is in slot {} of {slots}", record.slot);
                return Err(StoreError::Damaged { path: path.clone(), what });
            }
            Ok(record)
        };
        let records = ids.iter().map(record).collect::<Result<Vec<_>>>()?;
        let tx = self.catalog.db.transaction_with_behavior(TransactionBehavior::Immediate).at(path)?;
        // They may name what goes: exemplars, and labels that they have or once had.
        for kept_for_undo in ["DELETE FROM changes", "DELETE FROM former_taxonomies"] {
            tx.prepare_cached(kept_for_undo).and_then(|mut statement| statement.execute([])).at(path)?;
        }
        for record in &records {
            let delete = tx.prepare_cached("DELETE FROM exemplars WHERE id = ?1 AND slot = ?2");
            if delete.and_then(|mut statement| statement.execute((record.id, record.slot))).at(path)? != 1 {
                return Err(catalog::is_torn(&self.dir, record.id));
            }
            tx.prepare_cached("INSERT INTO free_slots VALUES (?1)")
                .and_then(|mut statement| statement.execute([record.slot]))
                .at(path)?;
            digest.subtract(&record.element());
        }
        attribute_rows::delete_unused(&tx).at(path)?;
        let labels: BTreeSet<&str> = records.iter().map(|record| record.label.as_str()).collect();
        let mut ended = 0;
        for label in labels {
            let delete = "DELETE FROM labels WHERE name = ?1 \
                 AND NOT EXISTS (SELECT 1 FROM exemplars WHERE exemplars.label = labels.id)";
            ended += tx.prepare_cached(delete).and_then(|mut statement| statement.execute([label])).at(path)?;
        }
        if ended > 0 {
            // What the taxonomy says of a label goes with it.
            settings::keep(&tx).at(path)?;
            // It names labels.
            derived::remove(&self.dir, &[derived::SLOTS])?;
        }
        let after = digest.digest();
        let header = "UPDATE memory SET digest_state = ?1, generation = generation + 1";
        tx.prepare_cached(header).and_then(|mut statement| statement.execute([digest.to_bytes()])).at(path)?;
        let selected = selector.criteria().join(" ");
        let event = event::record(&tx, EventKind::Forget, ids.len(), Some(&selected), &before, &after).at(path)?;
        derived::remove(&self.dir, &[derived::NOVELTY, derived::CALIBRATION])?;
        kill_point("forget prepared");
        tx.commit().at(path)?;
        kill_point("forget committed");
        Ok(Freed { records, before, after, slots, event })
    }

    /// Overwrites what the transaction freed, in every file; all of it is on disk when it returns.
    fn overwrite(&mut self, freed: &Freed) -> Result<()> {
        let assignments: Vec<(usize, u64)> = freed.records.iter().map(|record| (record.slot, record.id)).collect();
        // Before rows are overwritten, so that a reader notices that they were.
        state::publish(&self.dir, &self.catalog)?;
        self.indexes.begin(&freed.before, freed.slots);
        for record in &freed.records {
            // Indexes are told while the row is still there.
            self.indexes.remove(record.slot, &self.vectors, &record.vector_hash);
            self.vectors.zero(record.slot as u64)?;
            kill_point("row zeroed");
        }
        let indexes = self.indexes.erase(&assignments, &freed.before, &freed.after)?;
        let files: Vec<&File> = once(self.vectors.file()).chain(&indexes).collect();
        self.log_held = !self.catalog.fold_log(READERS, self.log_held, &files)?;
        self.log_cut = true;
        Ok(())
    }
}
