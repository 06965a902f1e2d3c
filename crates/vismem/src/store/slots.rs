//! Which exemplar is in which slot.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::Row;
use serde::Serialize;
use vismem_search::FREE;

use crate::StoreError;
use crate::error::{Result, SqlContext};
use crate::index::assignments::{self, Assignments};
use crate::index::{derived, grouped};
use crate::store::catalog::{self, Catalog, Header};
use crate::store::readers::{Parts, TOGETHER};

/// In a memory with this many bytes of embeddings or more, they are kept in a file. Tests and fuzzing have small memories.
#[allow(unexpected_cfgs, reason = "cargo-fuzz sets it")]
const KEPT_FROM: usize = if cfg!(any(test, fuzzing)) { 1 } else { 64 << 20 };

/// Which exemplar is in which slot, held in memory: 12 bytes a slot. The catalogue says so, and [`assignments`] keep it.
pub(crate) struct Slots {
    /// Id of each slot's exemplar; [`FREE`] for none.
    pub ids: Vec<u64>,
    /// Position in `labels` of each slot's label; meaningless for free slots.
    pub label_of: Vec<u32>,
    /// All labels by name.
    pub labels: Vec<Label>,
}

/// A label and how many exemplars have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The label.
    #[serde(rename = "label")]
    pub name: String,
    /// How many exemplars have it.
    pub exemplars: usize,
    #[serde(skip)]
    pub(crate) row: i64,
}

impl Slots {
    /// From the catalogue.
    pub(crate) fn load(dir: &Path, parts: &Parts<'_>, header: &Header) -> Result<Self> {
        let slots = header.slots as usize;
        let mut loaded = Self { ids: vec![FREE; slots], label_of: vec![0; slots], labels: labels(parts, 0)? };
        let positions = loaded.positions();
        let select = "SELECT slot, id, label FROM exemplars INDEXED BY exemplars_by_label \
             WHERE (label, slot) > (?1, ?2) ORDER BY label, slot LIMIT ?3";
        let mut last = (0, -1);
        loop {
            let some: Vec<Assigned> = parts.read(|catalog| {
                let mut statement = catalog.db.prepare_cached(select).at(&catalog.path)?;
                let rows = statement.query_map((last.0, last.1, TOGETHER), Assigned::from_row).at(&catalog.path)?;
                rows.collect::<rusqlite::Result<_>>().at(&catalog.path)
            })?;
            some.iter().try_for_each(|assigned| loaded.assign(dir, &positions, assigned))?;
            match some.last() {
                Some(assigned) if some.len() == TOGETHER => last = (assigned.label, assigned.slot as i64),
                _ => return Ok(loaded),
            }
        }
    }

    /// From `slots.u64` if it is there, whole, and of this state, else from the catalogue.
    pub(crate) fn load_kept(dir: &Path, parts: &Parts<'_>, header: &Header) -> Result<Self> {
        let kept = Assignments::load(dir, &header.digest.digest());
        match kept.map(|kept| Ok(Self::from_kept(kept, header.slots as usize, labels(parts, 0)?))).transpose()? {
            Some(Some(slots)) => Ok(slots),
            _ => Self::load(dir, parts, header),
        }
    }

    /// The same after nothing but additions, as many as `added`, which the slots of `header` have room for. `None` where
    /// they cannot be told from what was there before.
    pub(crate) fn with_additions(
        &self,
        dir: &Path,
        parts: &Parts<'_>,
        header: &Header,
        added: u64,
    ) -> Result<Option<Self>> {
        let new = labels(parts, self.labels.iter().map(|label| label.row).max().unwrap_or(0))?;
        let mut labels: Vec<Label> = self.labels.iter().cloned().chain(new).collect();
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        let (mut ids, label_of) = (self.ids.clone(), self.label_of.clone());
        ids.resize(header.slots as usize, FREE);
        let mut grown = Self { ids, label_of, labels };
        let positions = grown.positions();
        if grown.labels.len() > self.labels.len() {
            let moved: Vec<u32> = self.labels.iter().map(|label| positions[&label.row]).collect();
            // What stands in a free slot means nothing.
            grown.label_of.iter_mut().for_each(|label| *label = moved.get(*label as usize).copied().unwrap_or(0));
        }
        grown.label_of.resize(header.slots as usize, 0);
        let select = "SELECT slot, id, label FROM exemplars WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut last = self.ids.iter().copied().filter(|id| *id != FREE).max().unwrap_or(0);
        let mut found = 0;
        loop {
            let some: Vec<Assigned> = parts.read(|catalog| {
                let mut statement = catalog.db.prepare_cached(select).at(&catalog.path)?;
                let rows = statement.query_map((last, TOGETHER), Assigned::from_row).at(&catalog.path)?;
                rows.collect::<rusqlite::Result<_>>().at(&catalog.path)
            })?;
            some.iter().try_for_each(|assigned| grown.assign(dir, &positions, assigned))?;
            found += some.len() as u64;
            match some.last() {
                Some(assigned) if some.len() == TOGETHER => last = assigned.id,
                // An id that was given can be smaller than others.
                _ => return Ok((found == added).then_some(grown)),
            }
        }
    }

    /// The positions of labels by their rows in the catalogue.
    fn positions(&self) -> HashMap<i64, u32> {
        self.labels.iter().zip(0..).map(|(label, position)| (label.row, position)).collect()
    }

    fn assign(&mut self, dir: &Path, positions: &HashMap<i64, u32>, assigned: &Assigned) -> Result<()> {
        let &Assigned { slot, id, label } = assigned;
        let damaged = |what: String| Err(StoreError::Damaged { path: catalog::path(dir), what });
        let Some(&position) = positions.get(&label) else {
            return damaged(format!("exemplar {id} has a label that does not exist"));
        };
        let slots = self.ids.len();
        match self.ids.get_mut(slot) {
            Some(free) if *free == FREE => *free = id,
            Some(other) => return damaged(format!("exemplars {other} and {id} share slot {slot}")),
            None => return damaged(format!("exemplar {id} is in slot {slot} of {slots}")),
        }
        self.label_of[slot] = position;
        self.labels[position as usize].exemplars += 1;
        Ok(())
    }

    fn from_kept(kept: Assignments, slots: usize, mut labels: Vec<Label>) -> Option<Self> {
        let Assignments { mut ids, mut label_of, names } = kept;
        if ids.len() < slots {
            return None;
        }
        ids.truncate(slots);
        label_of.truncate(slots);
        let position_of = |name: &String| labels.binary_search_by(|label| label.name.cmp(name)).ok();
        let positions: Vec<Option<usize>> = names.iter().map(position_of).collect();
        for (_, label) in ids.iter().zip(&mut label_of).filter(|(id, _)| **id != FREE) {
            let position = (*positions.get(*label as usize)?)?;
            labels[position].exemplars += 1;
            *label = position as u32;
        }
        Some(Self { ids, label_of, labels })
    }

    /// Keeps them in `slots.u64` of the memory `dir` for later, if it is large; they belong to `digest`. The writer's lock
    /// must be held.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn keep(dir: &Path, catalog: &Catalog) -> Result<()> {
        let header = catalog.header()?;
        let bytes = header.slots as usize * header.encoder.dim * size_of::<f32>();
        let digest = header.digest.digest();
        if bytes < KEPT_FROM || grouped::belongs(&derived::path(dir, derived::SLOTS), &digest) {
            return Ok(());
        }
        assignments::write(dir, &Self::load(dir, &Parts::whole(catalog, header.commit), &header)?, &digest)
    }

    pub(crate) fn label(&self, slot: usize) -> &Label {
        &self.labels[self.label_of[slot] as usize]
    }

    pub(crate) fn exemplars(&self) -> usize {
        self.labels.iter().map(|label| label.exemplars).sum()
    }
}

/// An exemplar in its slot.
struct Assigned {
    slot: usize,
    id: u64,
    /// The label's row in the catalogue.
    label: i64,
}

impl Assigned {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { slot: row.get(0)?, id: row.get(1)?, label: row.get(2)? })
    }
}

/// The labels of rows after `last`, by name, as if nobody had them.
fn labels(parts: &Parts<'_>, mut last: i64) -> Result<Vec<Label>> {
    let select = "SELECT id, name FROM labels WHERE id > ?1 ORDER BY id LIMIT ?2";
    let mut labels: Vec<Label> = Vec::new();
    loop {
        let some: Vec<Label> = parts.read(|catalog| {
            let mut statement = catalog.db.prepare_cached(select).at(&catalog.path)?;
            let label = |row: &Row<'_>| Ok(Label { row: row.get(0)?, name: row.get(1)?, exemplars: 0 });
            let rows = statement.query_map((last, TOGETHER), label).at(&catalog.path)?;
            rows.collect::<rusqlite::Result<_>>().at(&catalog.path)
        })?;
        let is_full = some.len() == TOGETHER;
        last = some.last().map_or(last, |label| label.row);
        labels.extend(some);
        if !is_full {
            labels.sort_by(|a, b| a.name.cmp(&b.name));
            return Ok(labels);
        }
    }
}
