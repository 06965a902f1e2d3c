//! Changing what the catalogue says of exemplars, in one transaction with its event. No embedding is touched, ids stay.

use rusqlite::{Transaction, TransactionBehavior};

use crate::error::{Result, SqlContext};
use crate::index::derived;
use crate::store::catalog::{self, Record};
use crate::store::event::{self, EventKind};
use crate::store::kill_point::kill_point;
use crate::store::state;
use crate::{Digest, EditError, Editor, Event, StoreError};

/// A change of exemplars.
pub(super) struct Change<'a> {
    pub kind: EventKind,
    /// Criteria by which they were selected.
    pub selected: &'a str,
    pub ids: &'a [u64],
    /// What is said of an exemplar from now on.
    pub now: &'a dyn Fn(&Record) -> Record,
    /// The digest that it must lead to, if that is known.
    pub expected: Option<Digest>,
    /// Writes what is changed as this event.
    pub write: &'a Write<'a>,
}

type Write<'a> = dyn Fn(&Transaction<'_>, u64, &[Changed]) -> rusqlite::Result<()> + 'a;

/// What was said of an exemplar, and what is said of it now.
pub(super) struct Changed {
    pub before: Record,
    pub now: Record,
}

impl Editor {
    /// Makes a change, all of it or nothing; `None` if it changes nothing.
    pub(super) fn change(&mut self, change: &Change<'_>) -> Result<Option<Event>, EditError> {
        self.upgrade()?;
        self.lock.begin()?;
        let changed = self.commit_change(change);
        if changed.is_err() {
            self.recover()?;
        }
        self.lock.dirty = false;
        self.shorten_log()?;
        match changed? {
            Some(event) => Ok(self.catalog.events_from(event)?.into_iter().next()),
            None => Ok(None),
        }
    }

    fn commit_change(&mut self, change: &Change<'_>) -> Result<Option<u64>> {
        let path = &self.catalog.path;
        let mut digest = self.catalog.header()?.digest;
        let before_all = digest.digest();
        let mut changed: Vec<Changed> = Vec::new();
        for id in change.ids {
            let before = self.catalog.record(*id)?.ok_or_else(|| catalog::is_torn(&self.dir, *id))?;
            let now = (change.now)(&before);
            if before != now {
                changed.push(Changed { before, now });
            }
        }
        if changed.is_empty() {
            return Ok(None);
        }
        for Changed { before, now } in &changed {
            digest.subtract(&before.element());
            digest.add(&now.element());
        }
        let after = digest.digest();
        if change.expected.is_some_and(|expected| expected != after) {
            let what = "what there was before the change is not what was kept of it".into();
            return Err(StoreError::Damaged { path: path.clone(), what });
        }
        let tx = self.catalog.db.transaction_with_behavior(TransactionBehavior::Immediate).at(path)?;
        tx.execute("UPDATE memory SET digest_state = ?1", [digest.to_bytes()]).at(path)?;
        let event =
            event::record(&tx, change.kind, changed.len(), Some(change.selected), &before_all, &after).at(path)?;
        (change.write)(&tx, event, &changed).at(path)?;
        derived::remove(&self.dir, &[derived::NOVELTY, derived::SLOTS])?;
        // No probability depends on a source.
        if change.kind != EventKind::Move {
            derived::remove(&self.dir, &[derived::CALIBRATION])?;
        }
        kill_point("change prepared");
        tx.commit().at(path)?;
        kill_point("change committed");
        state::announce(&self.dir, &self.catalog);
        self.indexes.follow(&before_all, &after);
        Ok(Some(event))
    }
}
