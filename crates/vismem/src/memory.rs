//! Reading a memory.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};

use vismem_search::{FREE, Filter, Neighbor, SlotSet};

use crate::decide::taxonomy::Ladder;
use crate::index::indexes::Indexes;
use crate::inspect::verify::audit;
use crate::store::catalog::{Catalog, Header};
use crate::store::digest::DigestState;
use crate::store::settings;
use crate::store::slots::{Label, Slots};
use crate::store::vectors::{self, VectorMap};
use crate::store::watch::Watch;
use crate::{Digest, EncoderIdentity, Error, Pruned, Pruning, Result, Search, Source};

/// A memory with fewer bytes of embeddings than this is checked whole whenever it is opened; of a larger one, each
/// exemplar is checked when it is first cited.
const CHECKED_AT_ONCE: usize = 64 << 20;

/// A memory opened for reading: one snapshot of it, whatever is added meanwhile. Once something is forgotten or
/// moved, what needs embeddings answers [`Error::Outdated`] until it is opened again.
///
/// Opening does not read the embeddings of a large memory. No answer cites an exemplar that was not checked against
/// the catalogue.
pub struct Memory {
    dir: PathBuf,
    pub(crate) catalog: Catalog,
    encoder: EncoderIdentity,
    pub(crate) digest: DigestState,
    pub(crate) slots: Slots,
    vectors: VectorMap,
    /// Slots whose rows were compared with the catalogue.
    checked: RefCell<SlotSet>,
    pub(crate) watch: Watch,
    pub(crate) indexes: Indexes,
    pub(crate) pruned: OnceCell<Option<Pruned>>,
    pub(crate) ladder: OnceCell<Ladder>,
}

/// What a memory knows of an exemplar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemplar {
    /// Its id, never used twice.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where it came from.
    pub source: Option<Source>,
    /// The batch that it was added with.
    pub batch: u64,
}

/// Size and make-up of a memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// How many exemplars it holds.
    pub exemplars: usize,
    /// How many labels it knows, those without exemplars included.
    pub labels: usize,
    /// How many of them have no exemplar.
    pub labels_without_exemplars: usize,
    /// How many slots wait to be used again.
    pub free_slots: u64,
    /// How many batches were added.
    pub batches: u64,
    /// Levels of its taxonomy, the one next to the label first.
    pub levels: Vec<String>,
    /// Its encoder.
    pub encoder: EncoderIdentity,
    /// What it holds, in 32 bytes.
    pub digest: Digest,
    /// Bytes of its files.
    pub bytes: u64,
    /// The pruning that decisions honour.
    pub pruning: Option<Pruning>,
}

impl Memory {
    /// Opens the memory in the directory `dir`.
    ///
    /// # Errors
    /// When there is none, or a file of it is damaged.
    pub fn open(dir: &Path) -> Result<Self> {
        let mut memory = Self::open_whole(dir);
        // Rows that are overwritten while they are compared say nothing of damage.
        for _ in 0..9 {
            match memory {
                Err(Error::Outdated { .. }) => memory = Self::open_whole(dir),
                opened => return opened,
            }
        }
        memory
    }

    fn open_whole(dir: &Path) -> Result<Self> {
        let memory = Self::open_with(dir, Slots::load_kept)?;
        if size_of_val(memory.vectors.all()) <= CHECKED_AT_ONCE {
            if let Some(fault) = memory.unless_outdated(audit(&memory))?.faults.into_iter().next() {
                return Err(Error::Damaged { path: fault.file, what: fault.what });
            }
            *memory.checked.borrow_mut() = (0..memory.slots.ids.len()).collect();
        }
        Ok(memory)
    }

    /// Opens without comparing rows with the catalogue.
    pub(crate) fn open_unchecked(dir: &Path) -> Result<Self> {
        Self::open_with(dir, Slots::load)
    }

    fn open_with(dir: &Path, load: fn(&Path, &Catalog, &Header) -> Result<Slots>) -> Result<Self> {
        if !dir.exists() {
            return Err(Error::NotFound { path: dir.into() });
        }
        if !dir.is_dir() || !Catalog::exists(dir)? {
            return Err(Error::NotAMemory { path: dir.into() });
        }
        let catalog = Catalog::open_to_read(dir)?;
        let header = catalog.header()?;
        let watch = Watch::new(&catalog, header.generation)?;
        settings::check(&catalog)?;
        let slots = load(dir, &catalog, &header)?;
        let vectors = VectorMap::open(dir, header.encoder.dim, slots.ids.len(), header.compacting);
        // The file may have been replaced since the snapshot was taken.
        let vectors = watch.check(&catalog).and(vectors)?;
        Ok(Self {
            dir: dir.into(),
            catalog,
            encoder: header.encoder,
            digest: header.digest,
            slots,
            vectors,
            checked: RefCell::default(),
            watch,
            indexes: Indexes::default(),
            pruned: OnceCell::new(),
            ladder: OnceCell::new(),
        })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The encoder whose embeddings it holds.
    pub fn encoder(&self) -> &EncoderIdentity {
        &self.encoder
    }

    /// What it holds, in 32 bytes: independent of ids, slots, order and history.
    pub fn digest(&self) -> Digest {
        self.digest.digest()
    }

    /// How many exemplars it holds.
    pub fn len(&self) -> usize {
        self.slots.exemplars()
    }

    /// Whether it holds no exemplar.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All labels by name, with the number of their exemplars.
    pub fn labels(&self) -> &[Label] {
        &self.slots.labels
    }

    /// The exemplar with this id, if there is one.
    pub fn exemplar(&self, id: u64) -> Result<Option<Exemplar>> {
        Ok(self.catalog.record(id)?.map(Exemplar::from))
    }

    /// Hands every exemplar to `each`, in the order of ids.
    pub fn for_each_exemplar(&self, mut each: impl FnMut(Exemplar)) -> Result<()> {
        self.catalog.for_each_record(|record| {
            each(record.into());
            Ok(())
        })
    }

    /// Size and make-up.
    pub fn stats(&self) -> Result<Stats> {
        let files = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        Ok(Stats {
            exemplars: self.len(),
            labels: self.labels().len(),
            labels_without_exemplars: self.labels().iter().filter(|label| label.exemplars == 0).count(),
            free_slots: self.catalog.count("free_slots")?,
            batches: self.catalog.count("batches")?,
            levels: self.levels()?,
            encoder: self.encoder.clone(),
            digest: self.digest(),
            pruning: self.pruning()?,
            bytes: files.filter_map(|file| Some(file.metadata().ok()?.len())).sum(),
        })
    }

    /// The `k` nearest exemplars of each query, nearest first. `queries` are `Q × D` values at unit length.
    ///
    /// # Errors
    /// When `k` or a dimension is out of range, or a row that would be cited is damaged.
    pub fn neighbors(&self, queries: &[f32], k: usize, filter: Filter<'_>) -> Result<Vec<Vec<Neighbor>>> {
        self.neighbors_by(Search::Exact, queries, k, filter)
    }

    /// The embeddings of exemplars, one after the other, each of unit length.
    ///
    /// # Errors
    /// When there is no exemplar of an id, or a row is damaged.
    pub fn embeddings(&self, ids: &[u64]) -> Result<Vec<f32>> {
        let mut embeddings = Vec::with_capacity(ids.len() * self.encoder.dim);
        for &id in ids {
            let record = self.catalog.record(id)?;
            let record = record.ok_or_else(|| Error::NothingOfThisName {
                path: self.path().into(),
                what: "exemplar",
                name: id.to_string(),
                similar: None,
            })?;
            self.unless_outdated(self.check_row(id, record.slot))?;
            embeddings.extend_from_slice(self.vector(record.slot));
        }
        Ok(embeddings)
    }

    /// The outcome of reading rows, unless something was forgotten before that had come to its end.
    pub(crate) fn unless_outdated<T>(&self, outcome: Result<T>) -> Result<T> {
        self.watch.check(&self.catalog).and(outcome)
    }

    /// Compares a row with the catalogue, unless that was done before.
    pub(crate) fn check_row(&self, id: u64, slot: usize) -> Result<()> {
        if self.checked.borrow().contains(slot) {
            return Ok(());
        }
        let record = self.catalog.record(id)?;
        if record.is_none_or(|record| record.vector_hash != vectors::hash(self.vector(slot))) {
            let what = format!("row {slot} (exemplar {id}) is not what was stored");
            return Err(Error::Damaged { path: vectors::path(&self.dir), what });
        }
        self.checked.borrow_mut().insert(slot);
        Ok(())
    }

    /// All embeddings, slot by slot; zeros in free slots.
    pub(crate) fn vectors(&self) -> &[f32] {
        self.vectors.all()
    }

    /// The embedding in a slot.
    pub(crate) fn vector(&self, slot: usize) -> &[f32] {
        self.vectors.row(slot)
    }

    /// Whether a slot holds an exemplar.
    pub(crate) fn is_free(&self, slot: usize) -> bool {
        self.slots.ids[slot] == FREE
    }

    /// How unlike everything in the memory a query is whose nearest neighbour lies at `distance`: the share of
    /// exemplars, in percent, that have a nearer neighbour. `None` where there are not two exemplars to measure by.
    pub(crate) fn novelty(&self, distance: f32) -> Result<Option<f64>> {
        Ok(self.indexes.reference_distances(self)?.percentile(distance))
    }
}

impl From<crate::store::catalog::Record> for Exemplar {
    fn from(record: crate::store::catalog::Record) -> Self {
        Self { id: record.id, label: record.label, source: record.source, batch: record.batch }
    }
}
