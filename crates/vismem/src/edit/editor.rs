//! Changing a memory: one writer at a time, every change one transaction.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use crate::edit::compact;
use crate::edit::forget::READERS;
use crate::error::{IoContext, Result, SqlContext};
use crate::index::derived;
use crate::index::writer::IndexWriter;
use crate::inspect::verify::{OTHER_DIGEST, overfull};
use crate::memory::CHECKED_AT_ONCE;
use crate::platform;
use crate::store::catalog::{self, Catalog};
use crate::store::digest::{DigestState, Element};
use crate::store::event::{self, EventKind};
use crate::store::kill_point::kill_point;
use crate::store::lock::{Lock, PATIENCE};
use crate::store::slots::Slots;
use crate::store::unit::unit;
use crate::store::vectors::{self, VectorWriter};
use crate::store::{attribute_rows, state, stored, upgrade};
use crate::{Attributes, EditError, EncoderIdentity, Memory, Source, StoreError};

/// Bytes of a log that is copied into the catalogue on the way.
const LONG_LOG: u64 = 4 << 20;

/// A memory opened for writing. Holds the writer's lock until it is dropped.
pub struct Editor {
    pub(crate) dir: PathBuf,
    encoder: EncoderIdentity,
    pub(crate) catalog: Catalog,
    pub(crate) vectors: VectorWriter,
    pub(crate) lock: Lock,
    pub(crate) indexes: IndexWriter,
    /// Whether an erasure waits for a reader to let go of the log.
    pub(crate) log_held: bool,
    /// Whether the log was cut because something was forgotten, which the disk may hear of then, too.
    pub(crate) log_cut: bool,
}

/// An exemplar to be added.
#[derive(Debug, Clone)]
pub struct NewExemplar<'a> {
    /// The memory's dimension of finite values, not all zero; brought to unit length on the way in.
    pub embedding: &'a [f32],
    /// Its label; not empty.
    pub label: &'a str,
    /// Where it came from, usually a path.
    pub source: Option<Source>,
    /// Hash of what the embedding was made from (the bytes of the picture): the same content is held once only.
    /// See [`content_of`] for embeddings that have nothing behind them.
    pub content: [u8; 32],
    /// What else is known of it. All values of one attribute in a memory have one type.
    pub attributes: Attributes,
}

/// Content hash for an embedding that is all there is: its values and whatever tells it from an equal one, such as
/// its row in a file.
pub fn content_of(embedding: &[f32], discriminator: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("vismem 2026-11 content of an embedding");
    hasher.update(&(embedding.len() as u64).to_le_bytes()).update(vectors::bytes(embedding)).update(discriminator);
    *hasher.finalize().as_bytes()
}

/// What became of an exemplar that was to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// It is in, under this id.
    New(u64),
    /// The same content with the same label was there already.
    Known(u64),
    /// The same content is there under another label. Nothing was changed.
    OtherLabel {
        /// Id of the exemplar that holds the content.
        id: u64,
        /// Its label.
        label: String,
    },
}

impl Editor {
    /// Opens the memory `dir`, or makes it if there is none. Finishes what a killed writer left half-done.
    ///
    /// # Errors
    /// When the memory holds embeddings of another encoder, another process is writing, or something else is there.
    pub fn open_or_create(dir: &Path, encoder: &EncoderIdentity) -> Result<Self, EditError> {
        if dir.exists() && !dir.is_dir() {
            return Err(StoreError::NotAMemory { path: dir.into() }.into());
        }
        if dir.is_dir() && !Catalog::exists(dir)? && holds_foreign_files(dir)? {
            return Err(StoreError::NotAMemory { path: dir.into() }.into());
        }
        create_directory(dir).at(dir, "create")?;
        let lock = Lock::take(dir, PATIENCE)?;
        if !Catalog::exists(dir)? {
            Catalog::create(dir, encoder)?;
        }
        let editor = Self::with_lock(dir, lock)?;
        editor.check()?;
        editor.expect(encoder)?;
        Ok(editor)
    }

    /// Whether embeddings of `encoder` may come into this memory.
    ///
    /// # Errors
    /// When the memory holds those of another encoder.
    pub fn expect(&self, encoder: &EncoderIdentity) -> Result<(), EditError> {
        if self.encoder.same(encoder) {
            return Ok(());
        }
        let (memory, offered) = (self.encoder.to_string(), encoder.to_string());
        Err(EditError::Encoder { path: self.dir.clone(), memory, offered })
    }

    /// Opens the memory `dir` for writing. Finishes what a killed writer left half-done.
    ///
    /// # Errors
    /// When there is no memory, or another process is writing.
    pub fn open(dir: &Path) -> Result<Self> {
        let editor = Self::open_unchecked(dir)?;
        editor.check()?;
        Ok(editor)
    }

    /// The same without comparing records with the digest, to find out what is wrong.
    pub(crate) fn open_unchecked(dir: &Path) -> Result<Self> {
        if !dir.exists() {
            return Err(StoreError::NotFound { path: dir.into() });
        }
        if !dir.is_dir() || !Catalog::exists(dir)? {
            return Err(StoreError::NotAMemory { path: dir.into() });
        }
        let lock = Lock::take(dir, PATIENCE)?;
        Self::with_lock(dir, lock)
    }

    fn with_lock(dir: &Path, mut lock: Lock) -> Result<Self> {
        let interrupted = std::mem::replace(&mut lock.dirty, true);
        let catalog = Catalog::open_to_write(dir)?;
        let header = catalog.header()?;
        // What a killed writer had no time to say, before anything of what it left is overwritten.
        state::publish(dir, &catalog)?;
        if interrupted {
            compact::finish(dir, &catalog)?;
        }
        let vectors = VectorWriter::open(dir, header.encoder.dim, header.slots)?;
        let indexes = IndexWriter::new(dir, header.encoder.dim);
        let (dir, encoder) = (dir.into(), header.encoder);
        let mut editor = Self { dir, encoder, catalog, vectors, lock, indexes, log_held: false, log_cut: false };
        if interrupted {
            editor.recover()?;
        }
        editor.lock.dirty = false;
        Ok(editor)
    }

    /// Compares the catalogue of a memory that is compared whenever it is opened with itself and the digest: an index that
    /// lacks a row lets a change pass it by. Embeddings are left out: a damaged one may be forgotten.
    fn check(&self) -> Result<()> {
        if let Some(table) = self.catalog.fallen_sequence()? {
            let what = format!("the last id of table {table:?} is not that of its rows");
            return Err(StoreError::Damaged { path: self.catalog.path.clone(), what });
        }
        let memory = match Memory::open_to_select(&self.dir) {
            // Embeddings that are lost, which may be forgotten as well.
            Err(StoreError::Damaged { path, .. }) if path == vectors::path(&self.dir) => return Ok(()),
            opened => opened?,
        };
        let catalog = &self.catalog.path;
        let is_small = std::fs::symlink_metadata(catalog).at(catalog, "read")?.len() <= CHECKED_AT_ONCE as u64;
        if !memory.is_checked_at_once() || !is_small {
            return Ok(());
        }
        if let Some(what) = self.catalog.structural_faults()?.into_iter().next() {
            return Err(StoreError::Damaged { path: catalog.clone(), what });
        }
        if let Some(batch) = self.catalog.overfull_batch()? {
            return Err(StoreError::Damaged { path: catalog.clone(), what: overfull(batch) });
        }
        let mut digest = DigestState::empty();
        memory.for_each_record(|record| digest.add(&record.element()))?;
        if digest == memory.digest {
            return Ok(());
        }
        Err(StoreError::Damaged { path: catalog.clone(), what: OTHER_DIGEST.into() })
    }

    /// Removes what no committed row names: rows beyond the last slot, and whatever stands in free slots.
    pub(crate) fn recover(&mut self) -> Result<()> {
        // Readers must know that rows are about to be overwritten.
        state::publish(&self.dir, &self.catalog)?;
        if compact::finish(&self.dir, &self.catalog)? {
            self.vectors = VectorWriter::open(&self.dir, self.encoder.dim, self.catalog.header()?.slots)?;
        }
        self.catalog.check_slots()?;
        self.vectors.truncate(self.catalog.header()?.slots)?;
        for slot in self.catalog.free_slots()? {
            self.vectors.zero(slot)?;
        }
        self.vectors.sync()?;
        self.indexes.delete()?;
        upgrade::remove_former_files(&self.dir)?;
        self.log_held = !self.catalog.fold_log(READERS, true, &[])?;
        self.log_cut = true;
        Ok(())
    }

    /// Copies a long log into the catalogue. A reader that holds a snapshot delays this to a later call.
    pub(crate) fn shorten_log(&self) -> Result<()> {
        let log = self.dir.join(catalog::LOG);
        if std::fs::metadata(log).is_ok_and(|log| log.len() > LONG_LOG) {
            self.catalog.fold_log(Duration::ZERO, false, &[])?;
        }
        Ok(())
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The memory's encoder.
    pub fn encoder(&self) -> &EncoderIdentity {
        &self.encoder
    }

    /// Begins a batch: what one run adds, so that it can be named later.
    pub fn batch(&mut self) -> Batch<'_> {
        Batch { editor: self, id: None, event: None }
    }

    /// The content hashes that are held.
    pub fn contents(&self) -> Result<HashSet<[u8; 32]>> {
        let path = &self.catalog.path;
        let mut statement = self.catalog.db.prepare("SELECT content FROM exemplars").at(path)?;
        let contents = statement.query_map([], |row| row.get(0)).at(path)?;
        contents.collect::<rusqlite::Result<_>>().at(path)
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // A convenience for who opens the memory next: it can be read from the catalogue.
        let _ = Slots::keep(&self.dir, &self.catalog);
        // A lock that is let go says that files are, on disk, what edits have made of them.
        if self.indexes.sync().is_err() {
            self.lock.dirty = true;
        }
        // Every change was durable when its call returned; an emptied log is tidiness that the next writer can do too,
        // unless it holds what was forgotten.
        let folded = self.catalog.fold_log(Duration::ZERO, self.log_held, &[]);
        if self.log_cut && derived::sync(&self.dir, &[catalog::LOG]).is_err() {
            self.lock.dirty = true;
        }
        if matches!(folded, Ok(true)) {
            // SQLite may take the empty log away.
            let _ = self.catalog.db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
        } else if self.log_held {
            self.lock.dirty = true;
        }
    }
}

/// What one run adds. Each [`Batch::add`] is one transaction.
pub struct Batch<'e> {
    editor: &'e mut Editor,
    id: Option<u64>,
    event: Option<u64>,
}

impl Batch<'_> {
    /// The batch's id, once something was added.
    pub fn id(&self) -> Option<u64> {
        self.id
    }

    /// What adding content with this hash under `label` would come to, if it is held already: for callers that can
    /// spare themselves the embedding then.
    pub fn holder_of(&self, content: &[u8; 32], label: &str) -> Result<Option<Added>> {
        holder_of(&self.editor.catalog.db, content, label).at(&self.editor.catalog.path)
    }

    /// Adds exemplars, all of them or none: when this returns `Ok` they are on disk, when the process dies before,
    /// none of them is. The answers are in the order of `exemplars`.
    ///
    /// # Errors
    /// When an embedding or a label is unusable, an attribute has another type than the memory's, or the disk refuses;
    /// nothing is changed then.
    pub fn add(&mut self, exemplars: &[NewExemplar<'_>]) -> Result<Vec<Added>, EditError> {
        self.add_all(exemplars, None)
    }

    /// As [`Batch::add`], under these ids, one for each exemplar: for exemplars that come from another memory.
    ///
    /// # Errors
    /// As [`Batch::add`], and when an id was used already, see [`Editor::is_unused`].
    ///
    /// # Panics
    /// When there are not as many ids as exemplars.
    pub fn add_as(&mut self, exemplars: &[NewExemplar<'_>], ids: &[u64]) -> Result<Vec<Added>, EditError> {
        assert_eq!(exemplars.len(), ids.len(), "one id for each exemplar");
        self.add_all(exemplars, Some(ids))
    }

    fn add_all(&mut self, exemplars: &[NewExemplar<'_>], ids: Option<&[u64]>) -> Result<Vec<Added>, EditError> {
        let editor = &mut *self.editor;
        let mut rows = Vec::with_capacity(exemplars.len());
        for (index, exemplar) in exemplars.iter().enumerate() {
            if exemplar.label.is_empty() {
                return Err(EditError::EmptyLabel { index });
            }
            rows.push(unit(index, exemplar.embedding, editor.encoder.dim)?);
        }
        editor.upgrade()?;
        let known = attribute_rows::known(&editor.catalog.db).at(&editor.catalog.path)?;
        attribute_rows::check_types(&known, exemplars.iter().map(|exemplar| &exemplar.attributes))?;
        editor.lock.begin()?;
        let added = Self::commit(editor, (&mut self.id, &mut self.event), exemplars, ids, &rows, known);
        if added.is_err() {
            editor.recover()?;
        }
        editor.lock.dirty = false;
        editor.shorten_log()?;
        added
    }

    fn commit(
        editor: &mut Editor,
        (batch, event): (&mut Option<u64>, &mut Option<u64>),
        exemplars: &[NewExemplar<'_>],
        ids: Option<&[u64]>,
        rows: &[std::borrow::Cow<'_, [f32]>],
        attributes: attribute_rows::Known,
    ) -> Result<Vec<Added>, EditError> {
        let path = &editor.catalog.path;
        let header = editor.catalog.header()?;
        let mut last_id = editor.catalog.last_id()?;
        let tx = editor.catalog.db.transaction_with_behavior(TransactionBehavior::Immediate).at(path)?;
        let before = header.digest.digest();
        editor.indexes.begin(&before, header.slots);
        let (digest, slots) = (header.digest, header.slots);
        let mut insertion = Insertion { tx: &tx, digest, slots, batch: *batch, attributes };
        let mut added = Vec::with_capacity(exemplars.len());
        let mut assignments = Vec::new();
        for (place, (exemplar, row)) in exemplars.iter().zip(rows).enumerate() {
            added.push(match holder_of(&tx, &exemplar.content, exemplar.label).at(path)? {
                Some(known) => known,
                None => {
                    let id = ids.map_or(last_id + 1, |ids| ids[place]);
                    if !stored::is_unused(&tx, id).at(path)? {
                        return Err(EditError::IdUsed { id });
                    }
                    last_id = last_id.max(id);
                    let slot = insertion.take_slot().at(path)?;
                    catalog::check_free_slot(&tx, path, slot, insertion.slots)?;
                    editor.vectors.write(slot, row)?;
                    editor.indexes.add(slot as usize, id, exemplar.label, row);
                    kill_point("row written");
                    insertion.insert(exemplar, id, slot, vectors::hash(row)).at(path)?;
                    assignments.push((slot as usize, id));
                    Added::New(id)
                }
            });
        }
        let new = added.iter().filter(|added| matches!(added, Added::New(_))).count();
        if new == 0 {
            return Ok(added);
        }
        insertion.write_header().at(path)?;
        let (id, digest) = (insertion.batch, insertion.digest.digest());
        let recorded = match *event {
            None => event::record(&tx, EventKind::Add, new, None, &before, &digest),
            Some(event) => event::extend(&tx, event, new, &digest).map(|()| event),
        };
        let recorded = recorded.at(path)?;
        // The commit point promises rows that are on disk, so they are synced before it.
        editor.vectors.sync()?;
        kill_point("rows synced");
        derived::remove(&editor.dir, &[derived::NOVELTY])?;
        tx.commit().at(path)?;
        kill_point("committed");
        state::announce(&editor.dir, &editor.catalog);
        editor.indexes.finish_adding(&assignments, &before, &digest);
        (*batch, *event) = (id, Some(recorded));
        Ok(added)
    }
}

/// The catalogue's side of an `add`.
struct Insertion<'t> {
    tx: &'t Transaction<'t>,
    digest: DigestState,
    slots: u64,
    batch: Option<u64>,
    attributes: attribute_rows::Known,
}

impl Insertion<'_> {
    /// A free slot, else a new one at the end.
    fn take_slot(&mut self) -> rusqlite::Result<u64> {
        let mut statement = self
            .tx
            .prepare_cached("DELETE FROM free_slots WHERE slot = (SELECT min(slot) FROM free_slots) RETURNING slot")?;
        let free = statement.query_row([], |row| row.get(0)).optional()?;
        Ok(free.unwrap_or_else(|| {
            self.slots += 1;
            self.slots - 1
        }))
    }

    fn insert(
        &mut self,
        exemplar: &NewExemplar<'_>,
        id: u64,
        slot: u64,
        vector_hash: [u8; 32],
    ) -> rusqlite::Result<()> {
        let batch = self.batch()?;
        let label = label_id(self.tx, exemplar.label)?;
        let mut statement = self.tx.prepare_cached(
            "INSERT INTO exemplars (id, slot, label, batch, source, content, vector_hash) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        statement.execute((id, slot, label, batch, &exemplar.source, exemplar.content, vector_hash))?;
        self.digest.add(&Element {
            vector: &vector_hash,
            content: &exemplar.content,
            label: exemplar.label,
            source: exemplar.source.as_ref().map(Source::as_bytes),
            attributes: &exemplar.attributes,
        });
        attribute_rows::insert(self.tx, &mut self.attributes, id, &exemplar.attributes)
    }

    fn batch(&mut self) -> rusqlite::Result<u64> {
        if let Some(id) = self.batch {
            return Ok(id);
        }
        self.tx.execute("INSERT INTO batches (started) VALUES (unixepoch())", [])?;
        let id = self.tx.last_insert_rowid() as u64;
        self.batch = Some(id);
        Ok(id)
    }

    fn write_header(&self) -> rusqlite::Result<()> {
        self.tx.execute("UPDATE memory SET slots = ?1, digest_state = ?2", (self.slots, self.digest.to_bytes()))?;
        Ok(())
    }
}

/// What adding this content under `label` would come to, if it is held already.
fn holder_of(db: &Connection, content: &[u8; 32], label: &str) -> rusqlite::Result<Option<Added>> {
    let select = "SELECT exemplars.id, labels.name FROM exemplars JOIN labels ON labels.id = label WHERE content = ?1";
    let holder = db.prepare_cached(select)?.query_row([content], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
    let known = |(id, held)| if held == label { Added::Known(id) } else { Added::OtherLabel { id, label: held } };
    Ok(holder.optional()?.map(known))
}

/// The id of a label, which is made if need be.
pub(crate) fn label_id(tx: &Transaction<'_>, name: &str) -> rusqlite::Result<i64> {
    let known = tx.prepare_cached("SELECT id FROM labels WHERE name = ?1")?.query_row([name], |row| row.get(0));
    if let Some(id) = known.optional()? {
        return Ok(id);
    }
    tx.prepare_cached("INSERT INTO labels (name) VALUES (?1)")?.execute([name])?;
    Ok(tx.last_insert_rowid())
}

/// Makes a directory and those above it that are missing; their names are on disk when it returns.
fn create_directory(dir: &Path) -> std::io::Result<()> {
    let above = |dir: &Path| dir.parent().filter(|above| !above.as_os_str().is_empty()).map(Path::to_path_buf);
    let mut missing = Vec::new();
    let mut next = Some(dir.to_path_buf());
    while let Some(dir) = next.filter(|dir| !dir.exists()) {
        next = above(&dir);
        missing.push(dir);
    }
    std::fs::create_dir_all(dir)?;
    // A directory's own entries are synced when a file in it is made.
    missing.iter().try_for_each(|made| platform::sync_directory(&above(made).unwrap_or_else(|| ".".into())))
}

/// Whether the directory holds anything but what a memory that was never committed leaves.
fn holds_foreign_files(dir: &Path) -> Result<bool> {
    for entry in std::fs::read_dir(dir).at(dir, "list")? {
        let name = entry.at(dir, "list")?.file_name();
        if name != "lock" && name != "catalog.sqlite.new" {
            return Ok(true);
        }
    }
    Ok(false)
}
