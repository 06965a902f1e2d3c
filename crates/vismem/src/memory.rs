//! Reading a memory.

use std::collections::{HashMap, HashSet};
use std::ops::{Deref, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use serde::Serialize;
use vismem_search::{FREE, Filter, Neighbor};

use crate::error::{AnyResult, Result, SqlContext};
use crate::index::indexes::Indexes;
use crate::inspect::verify::audit;
use crate::store::catalog::{self, Catalog, Header, Record};
use crate::store::checked::CheckedSlots;
use crate::store::digest::DigestState;
use crate::store::readers::{Parts, Readers, TOGETHER};
use crate::store::settings::{self, Settings};
use crate::store::slots::{Label, Slots};
use crate::store::state::Commit;
use crate::store::turn::Turn;
use crate::store::upgrade;
use crate::store::vectors::{self, VectorMap};
use crate::{
    Attribute, Attributes, CalibrationStats, Digest, EncoderIdentity, Error, Levels, Pruned, Pruning, QueryError,
    Search, Source, StoreError, TuningState, UnknownName,
};

/// A memory with fewer bytes of embeddings than this is checked whole whenever it is opened; of a larger one, each
/// exemplar is checked when it is first cited.
pub(crate) const CHECKED_AT_ONCE: usize = 64 << 20;

/// How often something is tried that others who forget may disturb.
const ATTEMPTS: usize = 100;

/// A memory opened for reading: a handle on one state of it, whatever others do meanwhile. Clones share that state, any
/// number of threads may ask them at once, and [`Memory::refresh`] goes on to what was committed since. Once something is
/// forgotten or moved, what needs the catalogue or embeddings answers [`StoreError::Outdated`] until then; [`Memory::latest`]
/// sees to that.
///
/// Nothing that others wait for outlives a call. Opening does not read the embeddings of a large memory. No answer cites an
/// exemplar that was not checked against the catalogue.
#[derive(Clone)]
pub struct Memory(Arc<Snapshot>);

/// The last state that one of a handle and its clones has gone on to, as long as somebody has it: the others need not read it
/// again.
#[derive(Default)]
struct Latest {
    snapshot: Mutex<Weak<Snapshot>>,
    reading: Turn,
}

impl Latest {
    fn get(&self) -> Option<Memory> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).upgrade().map(Memory)
    }

    fn set(&self, memory: &Memory) {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&memory.0);
    }
}

/// One state of a memory.
pub struct Snapshot {
    dir: PathBuf,
    pub(crate) readers: Arc<Readers>,
    latest: Arc<Latest>,
    pub(crate) commit: Commit,
    pub(crate) last_event: (u64, u64),
    pub(crate) last_batch: u64,
    encoder: EncoderIdentity,
    pub(crate) digest: DigestState,
    pub(crate) settings: Settings,
    pub(crate) slots: Slots,
    vectors: VectorMap,
    checked: CheckedSlots,
    pub(crate) indexes: Indexes,
    pub(crate) pruned: OnceLock<Option<Pruned>>,
    pub(crate) levels: OnceLock<Levels>,
}

#[doc(hidden)]
impl Deref for Memory {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

const fn is_shared_among_threads<T: Send + Sync + Clone>() {}
const _: () = is_shared_among_threads::<Memory>();

/// Exemplars that are read together.
pub(crate) struct Part {
    /// The range that they are all of this state in.
    pub within: RangeInclusive<u64>,
    /// Their ids, ascending.
    pub ids: Vec<u64>,
}

/// What a memory knows of an exemplar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exemplar {
    /// Its id, never used twice.
    pub id: u64,
    /// Its label.
    pub label: String,
    /// Where it came from.
    pub source: Option<Source>,
    /// The batch that it was added with.
    pub batch: u64,
    /// What else is known of it.
    pub attributes: Attributes,
}

/// Size and make-up of a memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// How many exemplars it holds.
    pub exemplars: usize,
    /// How many labels it knows, those without exemplars included.
    pub labels: usize,
    /// How many of them have no exemplar.
    #[serde(skip)]
    pub labels_without_exemplars: usize,
    /// Levels of its taxonomy, the one next to the label first.
    pub levels: Vec<String>,
    /// The attributes of its exemplars, by name.
    pub attributes: Vec<Attribute>,
    /// How many batches were added.
    pub batches: u64,
    /// How many slots wait to be used again.
    pub free_slots: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// The pruning that decisions honour.
    pub pruning: Option<Pruning>,
    /// The choice of a vote that decisions go by, and whether it is stale.
    pub tuning: Option<TuningState>,
    /// What says how probable its answers are; `None` where nothing does.
    pub calibration: Option<CalibrationStats>,
    /// Its encoder.
    pub encoder: EncoderIdentity,
    /// What it holds, in 32 bytes.
    pub digest: Digest,
}

impl Memory {
    /// Opens the memory in the directory `dir`.
    ///
    /// # Errors
    /// When there is none, or a file of it is damaged.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::undisturbed(|| Self::open_whole(dir))
    }

    /// Opens, again if something was forgotten or moved on the way: rows that are overwritten while they are compared say
    /// nothing of damage.
    fn undisturbed<T>(open: impl Fn() -> Result<T>) -> Result<T> {
        for _ in 1..ATTEMPTS {
            match open() {
                Err(StoreError::Outdated { .. }) => {}
                opened => return opened,
            }
        }
        open()
    }

    fn open_whole(dir: &Path) -> Result<Self> {
        let memory = Self::open_with(dir, Slots::load_kept)?;
        if memory.is_checked_at_once() {
            if let Some(fault) = memory.unless_outdated(audit(&memory))?.faults.into_iter().next() {
                return Err(StoreError::Damaged { path: fault.file, what: fault.what });
            }
            (0..memory.slots.ids.len()).for_each(|slot| memory.checked.insert(slot));
        }
        Ok(memory)
    }

    /// Opens without comparing rows and records with each other, for whoever holds the writer's lock and did that, or does
    /// it when it changes them.
    pub(crate) fn open_to_select(dir: &Path) -> Result<Self> {
        Self::undisturbed(|| Self::open_with(dir, Slots::load_kept))
    }

    /// Whether all of it is compared whenever it is opened.
    pub(crate) fn is_checked_at_once(&self) -> bool {
        size_of_val(self.vectors.all()) <= CHECKED_AT_ONCE
    }

    /// The same, from the catalogue alone and without any check, to find out what is wrong.
    pub(crate) fn open_unchecked(dir: &Path) -> Result<Self> {
        Self::open_with(dir, Slots::load)
    }

    fn open_with(dir: &Path, load: fn(&Path, &Parts<'_>, &Header) -> Result<Slots>) -> Result<Self> {
        if !dir.exists() {
            return Err(StoreError::NotFound { path: dir.into() });
        }
        if !dir.is_dir() || !Catalog::exists(dir)? {
            return Err(StoreError::NotAMemory { path: dir.into() });
        }
        let (readers, latest) = (Arc::new(Readers::open(dir)?), Arc::default());
        let map = |header: &Header| VectorMap::open(dir, header.encoder.dim, header.slots as usize, header.compacting);
        Self::read_with(dir, (&readers, &latest), map, |parts, header| {
            let slots = load(dir, parts, header)?;
            let settings = settings::load(dir, parts, header, &slots.labels)?;
            let checked = CheckedSlots::none(slots.ids.len());
            Ok(Some((slots, settings, checked)))
        })
        .and_then(|memory| memory.ok_or_else(|| StoreError::Outdated { path: dir.into() }))
    }

    /// Lets `map` map the rows of one state, and `load` read the rest of it.
    fn read_with(
        dir: &Path,
        (readers, latest): (&Arc<Readers>, &Arc<Latest>),
        map: impl Fn(&Header) -> Result<VectorMap>,
        load: impl Fn(&Parts<'_>, &Header) -> Result<Option<(Slots, Settings, CheckedSlots)>>,
    ) -> Result<Option<Self>> {
        let (commit, snapshot) = readers.read_in_parts(|parts, header| {
            let snapshot = || -> Result<Option<Snapshot>> {
                let vectors = map(header)?;
                let Some((slots, settings, checked)) = load(parts, header)? else { return Ok(None) };
                Ok(Some(Snapshot {
                    dir: dir.into(),
                    readers: readers.clone(),
                    latest: latest.clone(),
                    commit: header.commit,
                    last_event: header.last_event,
                    last_batch: header.last_batch,
                    encoder: header.encoder.clone(),
                    digest: header.digest.clone(),
                    settings,
                    slots,
                    vectors,
                    checked,
                    indexes: Indexes::default(),
                    pruned: OnceLock::new(),
                    levels: OnceLock::new(),
                }))
            };
            match snapshot() {
                Err(error @ StoreError::Outdated { .. }) => Err(error),
                outcome => Ok((header.commit, outcome)),
            }
        })?;
        // The file of the rows may have been replaced before it was mapped.
        let snapshot = readers.check(&commit).and(snapshot)?;
        Ok(snapshot.map(|snapshot| Self(Arc::new(snapshot))))
    }

    /// Whether nothing was committed since the state that this is a handle on. A server can ask at every request: as long
    /// as the answer is yes it takes a few microseconds.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn is_current(&self) -> Result<bool> {
        self.readers.is_last(&self.commit)
    }

    /// Goes on to what is committed now; `false` if that is what it has already. Clones stay where they are. After
    /// additions and forgets alone it reads what they changed.
    ///
    /// # Errors
    /// As [`Memory::open`]; it stays at the state that it had then.
    pub fn refresh(&mut self) -> Result<bool> {
        if self.is_current()? {
            return Ok(false);
        }
        let latest = self.latest.clone();
        let _turn = latest.reading.wait();
        if let Some(other) = latest.get() {
            // It may be of a state before this one.
            if other.is_current()? {
                *self = other;
                return Ok(true);
            }
        }
        *self = match Self::undisturbed(|| self.followed())? {
            Some(followed) => followed,
            None => Self::open(&self.dir)?,
        };
        latest.set(self);
        Ok(true)
    }

    /// What `ask` answers of the state that is committed now: goes on to it first, and asks again where something was forgotten
    /// or moved under the answer. For those who keep a memory open and answer from it.
    ///
    /// ```no_run
    /// # fn answer(memory: &mut vismem::Memory, query: &[f32]) -> vismem::Result<Vec<vismem::Decision>> {
    /// memory.latest(|memory| memory.classify(query, &vismem::ClassifyOptions::default()))
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Memory::refresh`] and `ask`; [`StoreError::Outdated`] where that was so a hundred times in a row.
    pub fn latest<T, E: Into<Error>>(&mut self, mut ask: impl FnMut(&Self) -> Result<T, E>) -> AnyResult<T> {
        let mut outcome = self.ask_latest(&mut ask);
        for _ in 1..ATTEMPTS {
            match outcome {
                Err(error) if error.is_outdated() => outcome = self.ask_latest(&mut ask),
                outcome => return outcome,
            }
        }
        outcome
    }

    fn ask_latest<T, E: Into<Error>>(&mut self, ask: &mut impl FnMut(&Self) -> Result<T, E>) -> AnyResult<T> {
        self.refresh()?;
        ask(self).map_err(Into::into)
    }

    /// What it has become by additions and forgets; `None` where more was done. What was added is compared with the catalogue
    /// as far as this one was.
    pub(crate) fn followed(&self) -> Result<Option<Self>> {
        let map = |header: &Header| self.vectors.reopen(&self.dir, header.slots as usize, header.compacting);
        let followed = Self::read_with(&self.dir, (&self.readers, &self.latest), map, |parts, header| {
            let Some(changes) = parts.read(|catalog| catalog.changes_since(self.last_event))? else { return Ok(None) };
            // Something was moved.
            if header.commit.generation != self.commit.generation + changes.forgets {
                return Ok(None);
            }
            let Some(slots) = self.slots.after(&changes, &self.dir, parts, header)? else { return Ok(None) };
            let settings = settings::load(&self.dir, parts, header, &slots.labels)?;
            let checked = self.checked.after(&self.slots.ids, &slots.ids);
            Ok(Some((slots, settings, checked)))
        })?;
        let Some(followed) = followed else { return Ok(None) };
        let is_new =
            |slot: &usize| !followed.is_free(*slot) && self.slots.ids.get(*slot) != Some(&followed.slots.ids[*slot]);
        let new: Vec<usize> = (0..followed.slots.ids.len()).filter(is_new).collect();
        let ids: Vec<u64> = new.iter().map(|&slot| followed.slots.ids[slot]).collect();
        // Of a large memory each exemplar is checked when it is cited.
        if size_of_val(followed.vectors.all()) > CHECKED_AT_ONCE && ids.len() > TOGETHER {
            return Ok(Some(followed));
        }
        let added: Vec<Record> = followed.records(&ids)?.into_values().collect();
        let cited: Vec<(u64, usize)> = ids.into_iter().zip(new).collect();
        followed.unless_outdated(followed.check_rows(&cited))?;
        let mut digest = self.digest.clone();
        added.iter().for_each(|record| digest.add(&record.element()));
        // What was forgotten cannot be taken out of a digest any more.
        if followed.commit.generation == self.commit.generation && digest != followed.digest {
            return Ok(None);
        }
        followed.indexes.take_over(self, &followed, &added);
        Ok(Some(followed))
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

    /// The format of its files, see `docs/format.md`: that of an earlier version until something is changed.
    pub fn format(&self) -> Result<i64> {
        self.readers.read(|catalog| upgrade::format(&catalog.db).at(&catalog.path))
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
        Ok(self.exemplars(&[id])?.swap_remove(0))
    }

    /// The exemplars with these ids, in the order of `ids`; `None` for one that is not there. They are looked up together.
    ///
    /// # Errors
    /// When the catalogue cannot be read, and [`StoreError::Outdated`].
    pub fn exemplars(&self, ids: &[u64]) -> Result<Vec<Option<Exemplar>>> {
        let records = self.records(ids)?;
        Ok(ids.iter().map(|id| records.get(id).cloned().map(Exemplar::from)).collect())
    }

    /// Hands every exemplar to `each`, in the order of ids.
    ///
    /// # Errors
    /// When the catalogue cannot be read, and [`StoreError::Outdated`]; `each` has heard of some of them then.
    pub fn for_each_exemplar(&self, mut each: impl FnMut(Exemplar)) -> Result<()> {
        self.for_each_record(|record| each(record.into()))
    }

    /// Size and make-up.
    pub fn stats(&self) -> Result<Stats> {
        let files = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        Ok(Stats {
            exemplars: self.len(),
            labels: self.labels().len(),
            labels_without_exemplars: self.labels().iter().filter(|label| label.exemplars == 0).count(),
            free_slots: (0..self.slots.ids.len()).filter(|&slot| self.is_free(slot)).count() as u64,
            batches: self.readers.read(|catalog| catalog.batches_up_to(self.last_batch))?,
            levels: self.levels()?,
            attributes: self.attributes()?,
            encoder: self.encoder.clone(),
            digest: self.digest(),
            pruning: self.pruning()?,
            tuning: self.tuning_state()?,
            calibration: self.calibration().map(|calibration| calibration.stats()),
            bytes: files.filter_map(|file| Some(file.metadata().ok()?.len())).sum(),
        })
    }

    /// The `k` nearest exemplars of each query, nearest first. `queries` are `Q × D` values at unit length.
    ///
    /// # Errors
    /// When `k` or a dimension is out of range, or a row that would be cited is damaged.
    pub(crate) fn neighbors(
        &self,
        queries: &[f32],
        k: usize,
        filter: Filter<'_>,
    ) -> Result<Vec<Vec<Neighbor>>, QueryError> {
        self.neighbors_by(Search::Exact, queries, k, filter)
    }

    /// The embeddings of exemplars, one after the other, each of unit length.
    ///
    /// # Errors
    /// When there is no exemplar of an id, or a row is damaged.
    pub fn embeddings(&self, ids: &[u64]) -> Result<Vec<f32>, QueryError> {
        let records = self.records(ids)?;
        let cited = ids.iter().map(|id| {
            let record = records.get(id).ok_or_else(|| UnknownName {
                path: self.path().into(),
                what: "exemplar",
                name: id.to_string(),
                similar: None,
            })?;
            Ok((*id, record.slot))
        });
        let cited: Vec<(u64, usize)> = cited.collect::<Result<_, UnknownName>>()?;
        let sound = self.check_rows(&cited);
        let embeddings = cited.iter().flat_map(|(_, slot)| self.vector(*slot)).copied().collect();
        self.unless_outdated(sound)?;
        Ok(embeddings)
    }

    /// A short transaction for what the catalogue knows of exemplars.
    pub(crate) fn read<T, E: From<StoreError>>(&self, of: impl FnOnce(&Catalog) -> Result<T, E>) -> Result<T, E> {
        self.readers.read_of(&self.commit, of)
    }

    /// Whether the rows of this state are still what they were.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] if some were erased or moved since.
    pub(crate) fn check_commit(&self) -> Result<()> {
        self.readers.check(&self.commit)
    }

    /// The outcome of reading rows, unless something was forgotten before that had come to its end.
    pub(crate) fn unless_outdated<T, E: From<StoreError>>(&self, outcome: Result<T, E>) -> Result<T, E> {
        self.check_commit()?;
        outcome
    }

    /// Compares rows, id and slot, with the catalogue, but for those with which that was done before.
    pub(crate) fn check_rows(&self, rows: &[(u64, usize)]) -> Result<()> {
        let unchecked: Vec<(u64, usize)> =
            rows.iter().copied().filter(|(_, slot)| !self.checked.contains(*slot)).collect();
        for some in unchecked.chunks(TOGETHER) {
            let ids: Vec<u64> = some.iter().map(|(id, _)| *id).collect();
            let read = |catalog: &Catalog| Ok((catalog.keys(&ids)?, catalog.header()?.commit == self.commit));
            let (keys, is_last) = self.read(read)?;
            for &(id, slot) in some {
                let key = keys.get(&id).filter(|key| key.slot == slot).ok_or_else(|| self.is_torn(id))?;
                // It may have got another label since.
                if is_last && key.label != self.slots.label(slot).row {
                    return Err(self.is_torn(id));
                }
                if key.vector_hash != vectors::hash(self.vector(slot)) {
                    return Err(vectors::damaged(&self.dir, slot, id));
                }
                self.checked.insert(slot);
            }
        }
        Ok(())
    }

    /// What the catalogue knows of these exemplars, as far as they are of this state.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where one of this state has no row.
    pub(crate) fn records(&self, ids: &[u64]) -> Result<HashMap<u64, Record>> {
        let mut records = HashMap::with_capacity(ids.len());
        for some in ids.chunks(TOGETHER) {
            let found = self.read(|catalog| catalog.records(some))?;
            records.extend(
                found.into_iter().filter_map(|record| self.of_snapshot(record)).map(|record| (record.id, record)),
            );
        }
        let missing: HashSet<u64> = ids.iter().copied().filter(|id| !records.contains_key(id)).collect();
        if !missing.is_empty()
            && let Some(id) = self.slots.ids.iter().find(|id| missing.contains(id))
        {
            return Err(self.is_torn(*id));
        }
        Ok(records)
    }

    /// The row of an exemplar is missing, or is another than the index of the catalogue says.
    fn is_torn(&self, id: u64) -> StoreError {
        catalog::is_torn(&self.dir, id)
    }

    /// A record as it was in this state; `None` if it was not there. Of an exemplar nothing changes but its label, unless
    /// the state is outdated.
    pub(crate) fn of_snapshot(&self, record: Record) -> Option<Record> {
        let is_here = self.slots.ids.get(record.slot) == Some(&record.id);
        is_here.then(|| Record { label: self.slots.label(record.slot).name.clone(), ..record })
    }

    /// Hands the record of every exemplar to `each`, in the order of ids.
    pub(crate) fn for_each_record(&self, mut each: impl FnMut(Record)) -> Result<()> {
        for part in self.parts() {
            let records = self.read(|catalog| catalog.records_within(&part.within))?;
            let records: Vec<Record> = records.into_iter().filter_map(|record| self.of_snapshot(record)).collect();
            self.check_part(&part, records.iter().map(|record| record.id))?;
            records.into_iter().for_each(&mut each);
        }
        Ok(())
    }

    /// All exemplars by ids, in parts of as many as are read together.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let mut next = 0;
        let part = |ids: &[u64]| {
            let last = ids.last().copied()?;
            Some(Part { within: std::mem::replace(&mut next, last + 1)..=last, ids: ids.to_vec() })
        };
        self.ids().chunks(TOGETHER).filter_map(part).collect()
    }

    /// Whether what was read of a part is all of it, and in order.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] names the first exemplar that is missing.
    pub(crate) fn check_part(&self, part: &Part, found: impl IntoIterator<Item = u64>) -> Result<()> {
        let mut found = found.into_iter();
        let missing = part.ids.iter().find(|id| found.next() != Some(**id));
        missing.map_or(Ok(()), |id| Err(self.is_torn(*id)))
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
    /// exemplars, in percent, that have a nearer neighbour, measured on up to 512 of them. `None` where there are not two
    /// exemplars to measure by.
    ///
    /// # Errors
    /// When a row of the memory is damaged.
    pub fn novelty(&self, distance: f32) -> Result<Option<f64>, QueryError> {
        Ok(self.indexes.reference_distances(self)?.percentile(distance))
    }
}

impl From<Record> for Exemplar {
    fn from(record: Record) -> Self {
        let Record { id, label, source, batch, attributes, .. } = record;
        Self { id, label, source, batch, attributes }
    }
}
