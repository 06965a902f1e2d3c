//! Which exemplar is in which slot.

use std::collections::HashMap;
use std::path::Path;

use vismem_search::FREE;

use crate::error::{IoContext, SqlContext};
use crate::index::derived::{self, Unfinished};
use crate::store::catalog::{self, Catalog, Header};
use crate::{Error, Result};

/// In a memory with this many bytes of embeddings or more, they are kept in a file. Tests and fuzzing have small memories.
#[allow(unexpected_cfgs, reason = "cargo-fuzz sets it")]
const KEPT_FROM: usize = if cfg!(any(test, fuzzing)) { 1 } else { 64 << 20 };
/// What ends a name in the file.
const END: &str = "\0";

/// Which exemplar is in which slot, held in memory: 12 bytes a slot.
///
/// The catalogue says so, but asking it takes most of the time that opening a large memory takes. `slots.u64` keeps the
/// answer: an id for each slot (u64, [`FREE`] for none), the position of its label (u32), the labels by name, each ended by
/// a zero. It is derived, as [`derived`] describes. Labels are kept by name, since their rows in the catalogue may change
/// while digest and slots do not.
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
    /// From the catalogue.
    pub(crate) fn load(dir: &Path, catalog: &Catalog, header: &Header) -> Result<Self> {
        let (path, slots) = (&catalog.path, header.slots as usize);
        let labels = labels(catalog)?;
        let positions: HashMap<i64, u32> =
            labels.iter().zip(0..).map(|(label, position)| (label.row, position)).collect();
        let mut loaded = Self { ids: vec![FREE; slots], label_of: vec![0; slots], labels };
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
            match loaded.ids.get_mut(slot) {
                Some(free) if *free == FREE => *free = id,
                Some(other) => return Err(damaged(format!("exemplars {other} and {id} share slot {slot}"))),
                None => return Err(damaged(format!("exemplar {id} is in slot {slot} of {slots}"))),
            }
            loaded.label_of[slot] = position;
            loaded.labels[position as usize].exemplars += 1;
        }
        Ok(loaded)
    }

    /// From `slots.u64` if it is there, whole, and of this state, else from the catalogue.
    pub(crate) fn load_kept(dir: &Path, catalog: &Catalog, header: &Header) -> Result<Self> {
        let labels = labels(catalog)?;
        let kept = derived::load(dir, derived::SLOTS, &header.digest.digest());
        match kept.and_then(|bytes| Self::from_bytes(&bytes, header.slots as usize, labels)) {
            Some(slots) => Ok(slots),
            None => Self::load(dir, catalog, header),
        }
    }

    fn from_bytes(bytes: &[u8], slots: usize, mut labels: Vec<Label>) -> Option<Self> {
        let (ids, bytes) = bytes.split_at_checked(slots * size_of::<u64>())?;
        let (label_of, names) = bytes.split_at_checked(slots * size_of::<u32>())?;
        let position_of = |name| labels.binary_search_by(|label| label.name.as_str().cmp(name)).ok();
        let names = std::str::from_utf8(names).ok()?.split_terminator(END);
        let positions = names.map(position_of).collect::<Vec<Option<usize>>>();
        let ids: Vec<u64> = ids.as_chunks().0.iter().map(|id| u64::from_le_bytes(*id)).collect();
        let mut label_of: Vec<u32> = label_of.as_chunks().0.iter().map(|label| u32::from_le_bytes(*label)).collect();
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
        if bytes < KEPT_FROM || derived::path(dir, derived::SLOTS).exists() {
            return Ok(());
        }
        let slots = Self::load(dir, catalog, &header)?;
        if slots.labels.iter().any(|label| label.name.contains(END)) {
            return Ok(());
        }
        let names: String = slots.labels.iter().flat_map(|label| [label.name.as_str(), END]).collect();
        let parts = [bytemuck::cast_slice(&slots.ids), bytemuck::cast_slice(&slots.label_of), names.as_bytes()];
        let unfinished = Unfinished::create(dir, derived::SLOTS)?;
        derived::write(&unfinished.file()?, &header.digest.digest(), &parts).at(&unfinished.path, "write")?;
        unfinished.install(dir, derived::SLOTS).map(drop)
    }

    pub(crate) fn label(&self, slot: usize) -> &Label {
        &self.labels[self.label_of[slot] as usize]
    }

    pub(crate) fn exemplars(&self) -> usize {
        self.labels.iter().map(|label| label.exemplars).sum()
    }
}

/// All labels by name, as if nobody had them.
fn labels(catalog: &Catalog) -> Result<Vec<Label>> {
    let path = &catalog.path;
    let mut statement = catalog.db.prepare("SELECT id, name FROM labels ORDER BY name").at(path)?;
    let labels = statement.query_map([], |row| Ok(Label { row: row.get(0)?, name: row.get(1)?, exemplars: 0 }));
    labels.at(path)?.collect::<rusqlite::Result<_>>().at(path)
}
