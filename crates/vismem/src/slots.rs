use std::collections::HashMap;
use std::path::Path;

use vismem_search::FREE;

use crate::catalog::{self, Catalog};
use crate::error::SqlContext;
use crate::{Error, Result};

/// Who sits in which slot, held in memory: 12 bytes a slot.
pub(crate) struct Slots {
    /// Id of each slot's exemplar; [`FREE`] for none.
    pub ids: Vec<u64>,
    /// Position in `labels` of each slot's label; meaningless for free slots.
    pub label_of: Vec<u32>,
    /// All labels by name.
    pub labels: Vec<Label>,
}

/// A label and how many exemplars have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The label.
    pub name: String,
    /// How many exemplars have it.
    pub exemplars: usize,
    pub(crate) row: i64,
}

impl Slots {
    pub(crate) fn load(dir: &Path, catalog: &Catalog, slots: usize) -> Result<Self> {
        let path = &catalog.path;
        let mut statement = catalog.db.prepare("SELECT id, name FROM labels ORDER BY name").at(path)?;
        let mut labels: Vec<Label> = statement
            .query_map([], |row| Ok(Label { row: row.get(0)?, name: row.get(1)?, exemplars: 0 }))
            .at(path)?
            .collect::<rusqlite::Result<_>>()
            .at(path)?;
        let positions: HashMap<i64, u32> =
            labels.iter().zip(0..).map(|(label, position)| (label.row, position)).collect();

        let mut ids = vec![FREE; slots];
        let mut label_of = vec![0; slots];
        let damaged = |what: String| Error::Damaged { path: catalog::path(dir), what };
        let mut statement =
            catalog.db.prepare("SELECT slot, id, label FROM exemplars INDEXED BY exemplars_by_label").at(path)?;
        let mut rows = statement.query([]).at(path)?;
        while let Some(row) = rows.next().at(path)? {
            let (slot, id, label): (usize, u64, i64) =
                (row.get(0).at(path)?, row.get(1).at(path)?, row.get(2).at(path)?);
            let Some(&position) = positions.get(&label) else {
                return Err(damaged(format!("exemplar {id} has a label that does not exist")));
            };
            match ids.get_mut(slot) {
                Some(free) if *free == FREE => *free = id,
                Some(other) => return Err(damaged(format!("exemplars {other} and {id} share slot {slot}"))),
                None => return Err(damaged(format!("exemplar {id} is in slot {slot} of {slots}"))),
            }
            label_of[slot] = position;
            labels[position as usize].exemplars += 1;
        }
        Ok(Self { ids, label_of, labels })
    }

    pub(crate) fn label(&self, slot: usize) -> &Label {
        &self.labels[self.label_of[slot] as usize]
    }

    pub(crate) fn exemplars(&self) -> usize {
        self.labels.iter().map(|label| label.exemplars).sum()
    }
}
