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
use crate::store::event::Changes;
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
    /// From the catalogue: an index of it, which must be in order and have as many as there are slots that are not free.
    pub(crate) fn load(dir: &Path, parts: &Parts<'_>, header: &Header) -> Result<Self> {
        let mut loaded = Self::empty(dir, header.slots as usize, labels(parts, 0)?)?;
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
            for assigned in &some {
                let place = (assigned.label, assigned.slot as i64);
                if place <= last {
                    return Err(catalog::is_torn(dir, assigned.id));
                }
                last = place;
                loaded.assign(dir, &positions, assigned)?;
            }
            if some.len() < TOGETHER {
                break;
            }
        }
        let (found, free) = (loaded.exemplars() as u64, parts.read(|catalog| catalog.count("free_slots"))?);
        if found + free != header.slots {
            let what = format!("{found} exemplars and {free} free slots, where there are {} slots", header.slots);
            return Err(StoreError::Damaged { path: catalog::path(dir), what });
        }
        Ok(loaded)
    }

    /// So many free slots.
    fn empty(dir: &Path, slots: usize, labels: Vec<Label>) -> Result<Self> {
        let (mut ids, mut label_of) = (Vec::new(), Vec::new());
        // A file with holes can claim more than a machine has.
        let room = ids.try_reserve_exact(slots).and_then(|()| label_of.try_reserve_exact(slots));
        if room.is_err() {
            let what = format!("{slots} slots are more than there is memory for");
            return Err(StoreError::Damaged { path: catalog::path(dir), what });
        }
        ids.resize(slots, FREE);
        label_of.resize(slots, 0);
        Ok(Self { ids, label_of, labels })
    }

    /// From `slots.u64` if it is there, whole, and of this state, else from the catalogue.
    pub(crate) fn load_kept(dir: &Path, parts: &Parts<'_>, header: &Header) -> Result<Self> {
        let kept = Assignments::load(dir, &header.digest.digest());
        let Some(kept) = kept else { return Self::load(dir, parts, header) };
        let free = parts.read(|catalog| catalog.count("free_slots"))?;
        match Self::from_kept(kept, header.slots as usize, labels(parts, 0)?) {
            Some(slots) if slots.exemplars() as u64 + free == header.slots => Ok(slots),
            _ => Self::load(dir, parts, header),
        }
    }

    /// The same after nothing but these changes, to the state of `header`. `None` where they cannot be told from what was
    /// there before.
    pub(crate) fn after(
        &self,
        changes: &Changes,
        dir: &Path,
        parts: &Parts<'_>,
        header: &Header,
    ) -> Result<Option<Self>> {
        let slots = header.slots as usize;
        if slots < self.ids.len() {
            return Ok(None);
        }
        let mut after = Self { ids: self.ids.clone(), label_of: self.label_of.clone(), labels: labels(parts, 0)? };
        after.ids.resize(slots, FREE);
        after.label_of.resize(slots, 0);
        if changes.forgotten > 0 {
            after.vacate(parts)?;
        }
        let position_of = |label: &Label| after.labels.binary_search_by(|other| other.name.cmp(&label.name)).ok();
        let positions: Vec<Option<usize>> = self.labels.iter().map(position_of).collect();
        for (id, label) in after.ids.iter_mut().zip(&mut after.label_of).filter(|(id, _)| **id != FREE) {
            match positions[*label as usize] {
                Some(position) => {
                    *label = position as u32;
                    after.labels[position].exemplars += 1;
                }
                // Its label went with it; somebody else has the slot.
                None => *id = FREE,
            }
        }
        after.admit(self, dir, parts)?;
        // An id that was given can be smaller than others, but no exemplar with such an id takes a slot that was freed.
        let expected = (self.exemplars() as u64 + changes.added).checked_sub(changes.forgotten);
        Ok((Some(after.exemplars() as u64) == expected).then_some(after))
    }

    /// Empties the slots that are free now.
    fn vacate(&mut self, parts: &Parts<'_>) -> Result<()> {
        let mut next = Some(0);
        while let Some(first) = next {
            let some = parts.read(|catalog| catalog.free_slots_from(first, TOGETHER))?;
            for slot in &some {
                self.ids.get_mut(*slot as usize).into_iter().for_each(|id| *id = FREE);
            }
            next = some.last().filter(|_| some.len() == TOGETHER).map(|last| last + 1);
        }
        Ok(())
    }

    /// Enters exemplars whose ids are larger than all of `earlier`, some of which take slots of those that are gone.
    fn admit(&mut self, earlier: &Self, dir: &Path, parts: &Parts<'_>) -> Result<()> {
        let positions = self.positions();
        let select = "SELECT slot, id, label FROM exemplars WHERE id > ?1 ORDER BY id LIMIT ?2";
        let known = earlier.ids.iter().copied().filter(|id| *id != FREE).max().unwrap_or(0);
        let mut last = Some(known);
        while let Some(after) = last {
            let some: Vec<Assigned> = parts.read(|catalog| {
                let mut statement = catalog.db.prepare_cached(select).at(&catalog.path)?;
                let rows = statement.query_map((after, TOGETHER), Assigned::from_row).at(&catalog.path)?;
                rows.collect::<rusqlite::Result<_>>().at(&catalog.path)
            })?;
            for assigned in &some {
                if let Some(gone) = self.ids.get_mut(assigned.slot).filter(|id| **id <= known) {
                    *gone = FREE;
                    self.labels[self.label_of[assigned.slot] as usize].exemplars -= 1;
                }
                self.assign(dir, &positions, assigned)?;
            }
            last = some.last().map(|assigned| assigned.id).filter(|_| some.len() == TOGETHER);
        }
        Ok(())
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
            _ if id == 0 => return damaged("an exemplar has the id 0".into()),
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
