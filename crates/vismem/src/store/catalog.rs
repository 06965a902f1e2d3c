//! `catalog.sqlite`: the truth about what a memory holds.

use std::collections::HashMap;
use std::fs::File;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row};

use crate::error::{IoContext, Result, SqlContext};
use crate::platform::{self, FileExt};
use crate::store::digest::{DigestState, Element, STATE_BYTES};
use crate::store::kill_point::kill_point;
use crate::store::state::Commit;
use crate::store::turnstile::{Inside, Turnstile};
use crate::store::{attribute_rows, schema, scrub, settings};
use crate::{Attributes, DatabaseError, EncoderIdentity, Source, StoreError};

/// Newest format that this engine reads, and the one it writes.
pub const FORMAT: i64 = 2;
/// `PRAGMA application_id`: "vism".
const APPLICATION_ID: i64 = 0x7669_736d;

/// What an embedding and a memory can have; beyond it a catalogue is damaged, and numbers made of it might overflow.
pub const MOST_DIMENSIONS: usize = 1 << 20;
const MOST_SLOTS: u64 = u32::MAX as u64;

/// How long SQLite waits for a lock that another process holds for a moment.
const BUSY: Duration = Duration::from_secs(10);
/// How long a writer that need not cut the log waits for readers all the same: many of their transactions.
const BRIEFLY: Duration = Duration::from_millis(20);

/// An open catalogue.
pub(crate) struct Catalog {
    pub db: Connection,
    pub path: PathBuf,
    /// Opened as a file that nobody changes.
    pub immutable: bool,
    /// `None` where nobody can write.
    turnstile: Option<Turnstile>,
}

/// The one row of the table `memory`.
pub(crate) struct Header {
    pub encoder: EncoderIdentity,
    pub slots: u64,
    pub digest: DigestState,
    /// Whether `vectors.f32.new` holds the rows, if it is there.
    pub compacting: bool,
    /// Hash of encoder, taxonomy, pruning and tuning.
    pub settings: [u8; 32],
    /// The last event and how many exemplars it was about so far; zeros if there is none.
    pub last_event: (u64, u64),
    /// The last batch; 0 if there is none.
    pub last_batch: u64,
    /// Which state all of this is.
    pub commit: Commit,
}

/// What ties an exemplar to its row and its label.
pub(crate) struct Key {
    pub slot: usize,
    /// The label's row.
    pub label: i64,
    pub vector_hash: [u8; 32],
}

/// What an exemplar is made of. Ordered by that, exemplars are in random order, whatever their ids are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hashes {
    pub vector_hash: [u8; 32],
    pub content: [u8; 32],
    pub slot: usize,
    pub id: u64,
}

impl From<&Record> for Hashes {
    fn from(record: &Record) -> Self {
        let &Record { vector_hash, content, slot, id, .. } = record;
        Self { vector_hash, content, slot, id }
    }
}

/// All that the catalogue knows of an exemplar.
#[derive(Clone, PartialEq)]
pub(crate) struct Record {
    pub id: u64,
    pub slot: usize,
    pub label: String,
    pub batch: u64,
    pub source: Option<Source>,
    pub content: [u8; 32],
    pub vector_hash: [u8; 32],
    pub attributes: Attributes,
}

impl Record {
    /// What it contributes to the digest.
    pub(crate) fn element(&self) -> Element<'_> {
        Element {
            vector: &self.vector_hash,
            content: &self.content,
            label: &self.label,
            source: self.source.as_ref().map(Source::as_bytes),
            attributes: &self.attributes,
        }
    }

    pub(crate) const SELECT: &str = "SELECT exemplars.id, slot, labels.name, batch, source, content, vector_hash \
         FROM exemplars JOIN labels ON labels.id = exemplars.label";

    /// Without attributes, which [`attribute_rows::fill`] reads.
    pub(crate) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            slot: row.get(1)?,
            label: row.get(2)?,
            batch: row.get(3)?,
            source: row.get(4)?,
            content: row.get(5)?,
            vector_hash: row.get(6)?,
            attributes: Attributes::new(),
        })
    }
}

pub(crate) const NAME: &str = "catalog.sqlite";
/// The write-ahead log beside the catalogue.
pub(crate) const LOG: &str = "catalog.sqlite-wal";
/// What SQLite keeps beside the catalogue.
const BESIDE: [&str; 3] = [LOG, "catalog.sqlite-shm", "catalog.sqlite-journal"];

/// What came of copying the log.
struct Checkpoint {
    /// Whether no reader was in the way.
    is_cut: bool,
    /// Whether all of the log is in the database.
    is_copied: bool,
}

pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// The row of an exemplar is missing, or is another than an index says.
pub(crate) fn is_torn(dir: &Path, id: u64) -> StoreError {
    StoreError::Damaged { path: path(dir), what: format!("table and index disagree on exemplar {id}") }
}

impl Catalog {
    /// Makes the catalogue beside its place and moves it there whole, so that a kill or a full disk on the way leaves
    /// nothing that could be taken for a catalogue.
    pub(crate) fn create(dir: &Path, encoder: &EncoderIdentity) -> Result<()> {
        let (path, unfinished) = (path(dir), dir.join("catalog.sqlite.new"));
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).at(&unfinished, "delete"),
            _ => {}
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut db = Connection::open_with_flags(&unfinished, flags).at(&unfinished)?;
        // No journal file beside it: the whole file is thrown away if this does not come to its end.
        db.pragma_update(None, "journal_mode", "MEMORY").at(&unfinished)?;
        db.pragma_update(None, "synchronous", "FULL").at(&unfinished)?;
        let tx = db.transaction().at(&unfinished)?;
        tx.execute_batch(schema::TABLES).at(&unfinished)?;
        tx.execute_batch(schema::FORMAT_2).at(&unfinished)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID).at(&unfinished)?;
        tx.pragma_update(None, "user_version", FORMAT).at(&unfinished)?;
        tx.execute(
            "INSERT INTO memory VALUES (1, ?1, ?2, ?3, 0, ?4, zeroblob(32), 0, 0)",
            (encoder.dim, &encoder.name, &encoder.hash, DigestState::empty().to_bytes()),
        )
        .at(&unfinished)?;
        settings::keep(&tx).at(&unfinished)?;
        tx.commit().at(&unfinished)?;
        scrub::scrub(&db, None).and_then(|_| scrub::sync(&db)).at(&unfinished)?;
        drop(db);
        // In WAL mode from the first byte on (18 and 19 of the header say so): going over to it would take a rollback
        // journal, and a reader that comes after a kill could not roll that back.
        let file = platform::change_regular(&unfinished).at(&unfinished, "open")?;
        file.write_all_at(&[2, 2], 18).and_then(|()| file.sync_all()).at(&unfinished, "write")?;
        std::fs::rename(&unfinished, &path).at(&path, "create")?;
        platform::sync_directory(dir).at(dir, "sync")
    }

    /// Whether `dir` holds a catalogue.
    pub(crate) fn exists(dir: &Path) -> Result<bool> {
        let path = path(dir);
        platform::is_regular(&path).at(&path, "read")
    }

    /// Copies the write-ahead log into the database, overwrites what moving cells left in the pages, and cuts the log to
    /// nothing. False where an open reader keeps the log from being cut for longer than `patience`.
    ///
    /// `everywhere` overwrites in all pages and not only in those that the log holds: after a kill. `unsynced` are other
    /// files that must be on disk when it returns; all are synced at once, which takes hardly longer than one alone.
    pub(crate) fn fold_log(&self, patience: Duration, everywhere: bool, unsynced: &[&File]) -> Result<bool> {
        let log = self.path.with_file_name(LOG);
        let pages = scrub::pages_in_log(&log).at(&log, "read")?;
        let pages = (!everywhere).then_some(&pages[..]);
        // What is not copied yet stays in the log, and its pages are met again.
        let mut scrubbed = false;
        if pages.is_none_or(|pages| !pages.is_empty()) || !unsynced.is_empty() {
            // What is in the log is on disk since its commit, so that copying it need not wait for the disk: the database
            // is synced below, before the log is cut.
            self.db.pragma_update(None, "synchronous", "OFF").at(&self.path)?;
            let mut copied = self.checkpoint("PASSIVE");
            if matches!(copied, Ok(Checkpoint { is_copied: false, .. })) {
                // A reader that came before the last commit is in the way.
                let _alone = self.alone(patience);
                copied = self.checkpoint("PASSIVE");
            }
            self.db.pragma_update(None, "synchronous", "FULL").at(&self.path)?;
            scrubbed = copied?.is_copied;
            kill_point("log copied");
            if scrubbed {
                scrub::scrub(&self.db, pages).at(&self.path)?;
            }
            self.sync(unsynced)?;
            kill_point("files synced");
        }
        let Checkpoint { is_cut, is_copied } = self.cut_log(patience)?;
        kill_point("log cut");
        if is_copied && !scrubbed && scrub::scrub(&self.db, pages).at(&self.path)? > 0 {
            self.sync(&[])?;
        }
        Ok(is_cut)
    }

    fn cut_log(&self, patience: Duration) -> Result<Checkpoint> {
        let _alone = self.alone(patience);
        // Readers that do not know the turnstile.
        self.db.busy_timeout(patience).at(&self.path)?;
        let cut = self.checkpoint("TRUNCATE");
        self.db.busy_timeout(BUSY).at(&self.path)?;
        cut
    }

    /// Keeps readers out until it is dropped, if that is to be had.
    fn alone(&self, patience: Duration) -> Option<Inside<'_>> {
        self.turnstile.as_ref()?.enter_alone(patience.max(BRIEFLY))
    }

    fn checkpoint(&self, mode: &str) -> Result<Checkpoint> {
        let select = format!("PRAGMA wal_checkpoint({mode})");
        let outcome = self.db.query_row(&select, [], |row| {
            let (busy, in_log, copied): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Checkpoint { is_cut: busy == 0, is_copied: in_log == copied })
        });
        outcome.at(&self.path)
    }

    /// Waits until the database and these files are on disk.
    fn sync(&self, others: &[&File]) -> Result<()> {
        let dir = self.path.parent().unwrap_or(&self.path);
        std::thread::scope(|scope| {
            let others: Vec<_> = others.iter().map(|file| scope.spawn(|| file.sync_data())).collect();
            let own = scrub::sync(&self.db).at(&self.path);
            for other in others {
                other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).at(dir, "sync")?;
            }
            own
        })
    }

    pub(crate) fn open_to_write(dir: &Path) -> Result<Self> {
        let catalog = Self::open(dir, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare_to_write(&catalog.db).at(&catalog.path)?;
        catalog.check_format()?;
        Ok(catalog)
    }

    /// Opens for reading; for [`crate::store::readers::Readers`], where a transaction is short.
    pub(crate) fn open_to_read(dir: &Path) -> Result<Self> {
        let usual = Self::open(dir, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .and_then(|catalog| catalog.check_format().map(|()| catalog));
        match usual {
            // Without a log there is nothing to share with writers; where nothing can be written SQLite cannot make the
            // files with which it would.
            Err(StoreError::Database { source, .. }) if cannot_make_files(&source) && can_have_no_log(dir) => {
                let catalog = Self::open(dir, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?;
                catalog.check_format().map(|()| catalog)
            }
            opened => opened,
        }
    }

    /// Opens; by `SQLITE_OPEN_URI` as a file that nobody changes.
    fn open(dir: &Path, flags: OpenFlags) -> Result<Self> {
        let path = path(dir);
        // What is beside it readers write to as well.
        for file in BESIDE.map(|name| dir.join(name)) {
            platform::is_sole(&file).at(&file, "read")?;
        }
        let is_written = flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE);
        if is_written { platform::is_sole(&path) } else { platform::is_regular(&path) }.at(&path, "read")?;
        // SQLite can refuse links, but then everywhere in a path.
        let mut name = std::fs::canonicalize(dir).at(dir, "open")?.join(NAME);
        let immutable = flags.contains(OpenFlags::SQLITE_OPEN_URI);
        if immutable {
            let escaped = |byte: &u8| match byte {
                b'/' | b'.' | b'_' | b'-' => char::from(*byte).to_string(),
                byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
                byte => format!("%{byte:02x}"),
            };
            let escaped: String = platform::path_bytes(&name).iter().map(escaped).collect();
            name = format!("file:{escaped}?immutable=1").into();
        }
        let flags = flags | OpenFlags::SQLITE_OPEN_NOFOLLOW | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&name, flags).at(&path)?;
        db.busy_timeout(BUSY).at(&path)?;
        schema::distrust(&db).at(&path)?;
        let turnstile = if immutable { None } else { Turnstile::open(dir) };
        Ok(Self { db, path, immutable, turnstile })
    }

    /// Goes in as a reader among others, until what it gives is dropped.
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        self.turnstile.as_ref()?.enter()
    }

    fn check_format(&self) -> Result<()> {
        let pragma = |name| self.db.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).at(&self.path);
        let (application, found) = (pragma("application_id")?, pragma("user_version")?);
        if application != APPLICATION_ID {
            return Err(StoreError::Damaged { path: self.path.clone(), what: "is not a catalogue of a memory".into() });
        }
        if found > FORMAT {
            return Err(StoreError::Format { path: self.path.clone(), found, known: FORMAT });
        }
        schema::check(&self.db, &self.path)
    }

    pub(crate) fn header(&self) -> Result<Header> {
        let select = "SELECT dim, encoder, encoder_hash, slots, digest_state, generation, compacting, settings, \
             coalesce((SELECT max(id) FROM events), 0), \
             coalesce((SELECT exemplars FROM events ORDER BY id DESC LIMIT 1), 0), \
             coalesce((SELECT max(id) FROM batches), 0) FROM memory";
        let mut statement = self.db.prepare_cached(select).at(&self.path)?;
        let header = statement
            .query_row([], |row| {
                let (digest, generation, settings): ([u8; STATE_BYTES], u64, [u8; 32]) =
                    (row.get(4)?, row.get(5)?, row.get(7)?);
                let last_event: (u64, u64) = (row.get(8)?, row.get(9)?);
                let mut hasher = blake3::Hasher::new_derive_key("vismem 2026-11 commit");
                hasher.update(&generation.to_le_bytes()).update(&last_event.0.to_le_bytes());
                hasher.update(&settings).update(&digest);
                Ok(Header {
                    encoder: EncoderIdentity { dim: row.get(0)?, name: row.get(1)?, hash: row.get(2)? },
                    slots: row.get(3)?,
                    digest: DigestState::from_bytes(&digest),
                    compacting: row.get(6)?,
                    settings,
                    last_event,
                    last_batch: row.get(10)?,
                    commit: Commit { generation, hash: *hasher.finalize().as_bytes() },
                })
            })
            .at(&self.path)?;
        let dim = header.encoder.dim;
        if !(1..=MOST_DIMENSIONS).contains(&dim) || header.slots > MOST_SLOTS {
            let what = format!("{} rows of {dim} dimensions cannot be", header.slots);
            return Err(StoreError::Damaged { path: self.path.clone(), what });
        }
        Ok(header)
    }

    /// Raised when rows are erased or moved.
    pub(crate) fn generation(&self) -> Result<u64> {
        let mut statement = self.db.prepare_cached("SELECT generation FROM memory").at(&self.path)?;
        statement.query_row([], |row| row.get(0)).at(&self.path)
    }

    pub(crate) fn record(&self, id: u64) -> Result<Option<Record>> {
        let select = format!("{} WHERE exemplars.id = ?1", Record::SELECT);
        let mut statement = self.db.prepare_cached(&select).at(&self.path)?;
        let mut record = statement.query_row([id], Record::from_row).optional().at(&self.path)?;
        attribute_rows::fill(&self.db, record.as_mut_slice()).at(&self.path)?;
        Ok(record)
    }

    /// The records of these exemplars, in the order of ids; those of ids that are not there are missing.
    pub(crate) fn records(&self, ids: &[u64]) -> Result<Vec<Record>> {
        // Numbers as Rust shows them are a JSON array. One parameter, however many numbers.
        let select =
            format!("{} WHERE exemplars.id IN (SELECT value FROM json_each(?1)) ORDER BY exemplars.id", Record::SELECT);
        self.records_by(&select, [format!("{ids:?}")])
    }

    /// Those with ids in a range, in their order.
    pub(crate) fn records_within(&self, ids: &RangeInclusive<u64>) -> Result<Vec<Record>> {
        let select = format!("{} WHERE exemplars.id BETWEEN ?1 AND ?2 ORDER BY exemplars.id", Record::SELECT);
        self.records_by(&select, [ids.start(), ids.end()])
    }

    /// The hashes of those with ids in a range.
    pub(crate) fn hashes_within(&self, ids: &RangeInclusive<u64>) -> Result<Vec<Hashes>> {
        let select = "SELECT vector_hash, content, slot, id FROM exemplars WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
        let mut statement = self.db.prepare_cached(select).at(&self.path)?;
        let hashes = |row: &Row<'_>| {
            Ok(Hashes { vector_hash: row.get(0)?, content: row.get(1)?, slot: row.get(2)?, id: row.get(3)? })
        };
        let hashes = statement.query_map([ids.start(), ids.end()], hashes).at(&self.path)?;
        hashes.collect::<rusqlite::Result<_>>().at(&self.path)
    }

    fn records_by(&self, select: &str, parameters: impl Params) -> Result<Vec<Record>> {
        let mut statement = self.db.prepare_cached(select).at(&self.path)?;
        let records = statement.query_map(parameters, Record::from_row).at(&self.path)?;
        let mut records: Vec<Record> = records.collect::<rusqlite::Result<_>>().at(&self.path)?;
        attribute_rows::fill(&self.db, &mut records).at(&self.path)?;
        Ok(records)
    }

    /// What ties these exemplars to their rows and labels, as the table has it.
    pub(crate) fn keys(&self, ids: &[u64]) -> Result<HashMap<u64, Key>> {
        let select = "SELECT id, slot, label, vector_hash FROM exemplars WHERE id IN (SELECT value FROM json_each(?1))";
        let mut statement = self.db.prepare_cached(select).at(&self.path)?;
        let key =
            |row: &Row<'_>| Ok((row.get(0)?, Key { slot: row.get(1)?, label: row.get(2)?, vector_hash: row.get(3)? }));
        let keys = statement.query_map([format!("{ids:?}")], key).at(&self.path)?;
        keys.collect::<rusqlite::Result<_>>().at(&self.path)
    }

    /// How many batches there are up to this one.
    pub(crate) fn batches_up_to(&self, last: u64) -> Result<u64> {
        let select = "SELECT count(*) FROM batches WHERE id <= ?1";
        self.db.query_row(select, [last], |row| row.get(0)).at(&self.path)
    }

    /// The sources of these exemplars; `None` of one that has none.
    pub(crate) fn sources(&self, ids: &[u64]) -> Result<HashMap<u64, Option<Source>>> {
        let select = "SELECT id, source FROM exemplars WHERE id IN (SELECT value FROM json_each(?1))";
        let mut statement = self.db.prepare_cached(select).at(&self.path)?;
        let sources = statement.query_map([format!("{ids:?}")], |row| Ok((row.get(0)?, row.get(1)?))).at(&self.path)?;
        sources.collect::<rusqlite::Result<_>>().at(&self.path)
    }

    pub(crate) fn count(&self, table: &str) -> Result<u64> {
        self.db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).at(&self.path)
    }

    pub(crate) fn free_slots(&self) -> Result<Vec<u64>> {
        self.free_slots_from(0, usize::MAX)
    }

    /// That rows are as long as they were, free slots are slots, and nobody's, and all others are somebody's: recovery
    /// overwrites what is free and cuts off what lies beyond.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if that is not so.
    pub(crate) fn check_slots(&self) -> Result<()> {
        let Header { slots, settings, .. } = self.header()?;
        if settings::hash_of(&self.db).at(&self.path)? != settings {
            return Err(settings::others(&self.path));
        }
        let select = "SELECT (SELECT count(*) FROM exemplars) + (SELECT count(*) FROM free_slots), \
             (SELECT coalesce(max(slot) + 1, 0) FROM exemplars)";
        let (known, beyond): (u64, u64) =
            self.db.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?))).at(&self.path)?;
        if known != slots || beyond > slots {
            let what = format!("{known} slots are free or somebody's, where there are {slots}");
            return Err(StoreError::Damaged { path: self.path.clone(), what });
        }
        let select = "SELECT slot FROM free_slots WHERE slot < 0 OR slot >= (SELECT slots FROM memory) \
             OR EXISTS (SELECT 1 FROM exemplars WHERE exemplars.slot = free_slots.slot) LIMIT 1";
        let wrong = self.db.query_row(select, [], |row| row.get(0)).optional().at(&self.path)?;
        wrong.map_or(Ok(()), |slot: i64| Err(not_free(&self.path, slot)))
    }

    /// A table whose ids go on from a number that is behind them, so that one might be used twice, or whose last row is
    /// missing where none is ever deleted.
    pub(crate) fn fallen_sequence(&self) -> Result<Option<String>> {
        let last = ["labels", "batches", "exemplars", "events"]
            .map(|table| format!("SELECT '{table}' AS of, (SELECT max(id) FROM {table}) AS last"))
            .join(" UNION ALL ");
        let select = format!(
            "SELECT of FROM ({last}) LEFT JOIN \
             (SELECT name, max(seq) AS seq FROM sqlite_sequence GROUP BY name) ON name = of \
             WHERE last > coalesce(seq, 0) OR (of IN ('batches', 'events') AND last IS NOT seq)"
        );
        self.db.query_row(&select, [], |row| row.get(0)).optional().at(&self.path)
    }

    /// The first `count` free slots from `first` on.
    pub(crate) fn free_slots_from(&self, first: u64, count: usize) -> Result<Vec<u64>> {
        let select = "SELECT slot FROM free_slots WHERE slot >= ?1 ORDER BY slot LIMIT ?2";
        let mut statement = self.db.prepare_cached(select).at(&self.path)?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let slots = statement.query_map((first, count), |row| row.get(0)).at(&self.path)?;
        slots.collect::<rusqlite::Result<_>>().at(&self.path)
    }

    /// The first batch that has more exemplars than were added with it, as its event says; or that has no event.
    pub(crate) fn overfull_batch(&self) -> Result<Option<u64>> {
        let select = "WITH added AS (SELECT row_number() OVER (ORDER BY id) AS n, exemplars FROM events WHERE kind = 'add'), \
                 numbered AS (SELECT row_number() OVER (ORDER BY id) AS n, id FROM batches), \
                 held AS (SELECT batch, count(*) AS count FROM exemplars GROUP BY batch) \
             SELECT numbered.id FROM numbered LEFT JOIN added USING (n) LEFT JOIN held ON held.batch = numbered.id \
             WHERE added.n IS NULL OR held.count > added.exemplars ORDER BY numbered.id LIMIT 1";
        self.db.query_row(select, [], |row| row.get(0)).optional().at(&self.path)
    }

    /// The first fault of a table and its indexes, if the table is there.
    pub(crate) fn index_fault(&self, table: &str) -> Result<Option<String>> {
        if !schema::has(&self.db, table).at(&self.path)? {
            return Ok(None);
        }
        let check = format!("PRAGMA integrity_check({table})");
        let fault: String = self.db.query_row(&check, [], |row| row.get(0)).at(&self.path)?;
        Ok((fault != "ok").then_some(fault))
    }

    /// What SQLite finds wrong with the file's structure, references included.
    pub(crate) fn structural_faults(&self) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        for check in ["PRAGMA integrity_check", "PRAGMA foreign_key_check"] {
            let mut statement = self.db.prepare(check).at(&self.path)?;
            let mut rows = statement.query([]).at(&self.path)?;
            while let Some(row) = rows.next().at(&self.path)? {
                let fault: String = row.get(0).at(&self.path)?;
                match check {
                    _ if fault == "ok" => {}
                    "PRAGMA foreign_key_check" => faults.push(format!("table {fault} names a row that is not there")),
                    _ => faults.push(fault),
                }
            }
        }
        Ok(faults)
    }
}

/// That a slot below `slots` that was free until now is nobody's.
///
/// # Errors
/// [`StoreError::Damaged`] if it is not.
pub(crate) fn check_free_slot(db: &Connection, path: &Path, slot: u64, slots: u64) -> Result<()> {
    let mut statement = db.prepare_cached("SELECT EXISTS (SELECT 1 FROM exemplars WHERE slot = ?1)").at(path)?;
    let is_taken: bool = statement.query_row([slot], |row| row.get(0)).at(path)?;
    if is_taken || slot >= slots { Err(not_free(path, slot as i64)) } else { Ok(()) }
}

fn not_free(path: &Path, slot: i64) -> StoreError {
    StoreError::Damaged { path: path.into(), what: format!("slot {slot} is listed as free and is not") }
}

/// Whether SQLite could not make the files that go with the log, or not write to them.
fn cannot_make_files(error: &DatabaseError) -> bool {
    error.is_permission() || error.is_disk()
}

/// Whether there is no log, and none can be written either.
fn can_have_no_log(dir: &Path) -> bool {
    use std::io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem};
    let log = dir.join(LOG);
    let is_empty = match std::fs::symlink_metadata(&log) {
        Ok(log) => log.len() == 0,
        Err(error) => error.kind() == NotFound,
    };
    let opened = platform::open_regular(&log, File::options().write(true).create(true).truncate(false));
    is_empty && opened.is_err_and(|error| matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem))
}

fn prepare_to_write(db: &Connection) -> rusqlite::Result<()> {
    // A commit is on disk when it returns; what is deleted is overwritten, in the file and (truncated) in the log.
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "secure_delete", "ON")?;
    db.pragma_update(None, "foreign_keys", "ON")?;
    // Nothing of the catalogue goes into files elsewhere, and the log is copied by [`Catalog::fold_log`] alone.
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(|_| ())
}
