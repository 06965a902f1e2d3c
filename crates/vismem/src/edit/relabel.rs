//! Giving exemplars other labels, and taking that back. No embedding is touched, ids stay.

use std::collections::BTreeMap;

use rusqlite::Transaction;

use crate::decide::tuning;
use crate::edit::change::{Change, Changed};
use crate::edit::editor::label_id;
use crate::error::SqlContext;
use crate::store::catalog::Record;
use crate::store::event::EventKind;
use crate::{Digest, EditError, Editor, Event, Selector};

impl Editor {
    /// Gives every exemplar that the selector names the label `to`. `None` if all of them, or none, have it already. A
    /// label that is left without exemplars goes, unless the taxonomy knows it.
    ///
    /// # Errors
    /// When the label is empty, as [`crate::Memory::select`], and when the disk refuses; nothing is changed then.
    pub fn relabel(&mut self, selector: &Selector, to: &str) -> Result<Option<Event>, EditError> {
        let labels = self.select(selector)?.into_iter().map(|id| (id, to.to_owned())).collect();
        self.give(&labels, EventKind::Relabel, &selector.criteria().join(" "))
    }

    /// Gives each of these exemplars a label of its own; otherwise as [`Editor::relabel`].
    ///
    /// # Errors
    /// As [`Editor::relabel`].
    pub fn relabel_each(&mut self, labels: &BTreeMap<u64, String>) -> Result<Option<Event>, EditError> {
        self.select(&Selector { ids: labels.keys().copied().collect(), ..Selector::default() })?;
        self.give(labels, EventKind::Relabel, "id")
    }

    /// Takes back the latest change of labels, of the taxonomy or of the tuning that was not taken back yet:
    /// [`Editor::relabel`], [`Editor::set_taxonomy`], [`Editor::add_taxonomy`] or [`Editor::set_tuning`].
    ///
    /// # Errors
    /// [`EditError::NothingToUndo`] when there is none since the last [`Editor::forget`]: with what was forgotten goes what
    /// could have named it.
    pub fn undo(&mut self) -> Result<Event, EditError> {
        self.catalog.check_chain()?;
        let path = &self.catalog.path;
        let last = |table: &str| {
            let select = format!("SELECT max(event) FROM {table}");
            self.catalog.db.query_row(&select, [], |row| row.get::<_, Option<u64>>(0)).at(path)
        };
        let (labels, taxonomy) = (last("changes")?, last("former_taxonomies")?);
        let tuning = tuning::last_to_undo(&self.catalog.db).at(path)?;
        let undone = match labels.max(taxonomy).max(tuning) {
            None => None,
            latest @ Some(event) if latest == tuning => self.undo_tuning(event)?,
            latest @ Some(event) if latest == taxonomy => self.undo_taxonomy(event)?,
            Some(event) => self.undo_labels(event)?,
        };
        undone.ok_or_else(|| EditError::NothingToUndo { path: self.path().into() })
    }

    /// Gives back the labels that `event` replaced.
    fn undo_labels(&mut self, event: u64) -> Result<Option<Event>, EditError> {
        let path = &self.catalog.path;
        let mut statement = self.catalog.db.prepare("SELECT exemplar, label FROM changes WHERE event = ?1").at(path)?;
        let rows = statement.query_map([event], |row| Ok((row.get(0)?, row.get(1)?))).at(path)?;
        let before: BTreeMap<u64, String> = rows.collect::<rusqlite::Result<_>>().at(path)?;
        drop(statement);
        // Where nothing came after the change, taking it back leads to where it began.
        let changed = self.catalog.events_from(event)?;
        let expected = if let [only] = &changed[..] { Some(only.before) } else { None };
        self.give_expecting(&before, EventKind::Undo, "id", expected)
    }

    /// Gives labels, all of them or none.
    fn give(
        &mut self,
        labels: &BTreeMap<u64, String>,
        kind: EventKind,
        selected: &str,
    ) -> Result<Option<Event>, EditError> {
        self.give_expecting(labels, kind, selected, None)
    }

    fn give_expecting(
        &mut self,
        labels: &BTreeMap<u64, String>,
        kind: EventKind,
        selected: &str,
        expected: Option<Digest>,
    ) -> Result<Option<Event>, EditError> {
        if let Some(index) = labels.values().position(String::is_empty) {
            return Err(EditError::EmptyLabel { index });
        }
        self.change(&Change {
            kind,
            selected,
            ids: &labels.keys().copied().collect::<Vec<_>>(),
            now: &|record| Record { label: labels[&record.id].clone(), ..record.clone() },
            expected,
            write: &|tx, event, changed| write(tx, changed, (kind == EventKind::Relabel).then_some(event)),
        })
    }
}

/// Writes the new labels; keeps the old ones as changes of `event`, or else drops those of the event that is undone.
fn write(tx: &Transaction<'_>, changed: &[Changed], event: Option<u64>) -> rusqlite::Result<()> {
    if event.is_none() {
        tx.execute("DELETE FROM changes WHERE event = (SELECT max(event) FROM changes)", [])?;
    }
    let mut left: Vec<&str> = Vec::new();
    for Changed { before, now } in changed {
        let label = label_id(tx, &now.label)?;
        let updated = tx.prepare_cached("UPDATE exemplars SET label = ?2 WHERE id = ?1")?.execute((now.id, label))?;
        if updated != 1 {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        }
        if let Some(event) = event {
            let mut statement = tx.prepare_cached("INSERT INTO changes VALUES (?1, ?2, ?3)")?;
            statement.execute((event, now.id, &before.label))?;
        }
        left.push(&before.label);
    }
    left.sort_unstable();
    left.dedup();
    let unused = "DELETE FROM labels WHERE name = ?1 \
         AND NOT EXISTS (SELECT 1 FROM exemplars WHERE exemplars.label = labels.id) \
         AND NOT EXISTS (SELECT 1 FROM taxonomy WHERE taxonomy.label = labels.id)";
    left.iter().try_for_each(|label| tx.prepare_cached(unused)?.execute([label]).map(|_| ()))
}
