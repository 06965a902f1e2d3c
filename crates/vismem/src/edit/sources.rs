//! Saying where exemplars are found now whose pictures were moved.

use std::collections::BTreeMap;

use crate::edit::change::{Change, Changed};
use crate::store::catalog::Record;
use crate::store::event::EventKind;
use crate::{EditError, Editor, Event, Selector, Source};

impl Editor {
    /// Gives each of these exemplars another source, as when their pictures were moved. `None` if they have these sources
    /// already. It is no change of labels, so [`Editor::undo`] leaves it.
    ///
    /// # Errors
    /// When there is no exemplar of an id, and when the disk refuses; nothing is changed then.
    pub fn move_sources(&mut self, sources: &BTreeMap<u64, Source>) -> Result<Option<Event>, EditError> {
        let ids: Vec<u64> = sources.keys().copied().collect();
        self.select(&Selector { ids: ids.clone(), ..Selector::default() })?;
        self.change(&Change {
            kind: EventKind::Move,
            selected: "id",
            ids: &ids,
            now: &|record| Record { source: Some(sources[&record.id].clone()), ..record.clone() },
            expected: None,
            write: &|tx, _, changed| {
                for Changed { now, .. } in changed {
                    let mut statement = tx.prepare_cached("UPDATE exemplars SET source = ?2 WHERE id = ?1")?;
                    if statement.execute((now.id, &now.source))? != 1 {
                        return Err(rusqlite::Error::QueryReturnedNoRows);
                    }
                }
                Ok(())
            },
        })
    }
}
