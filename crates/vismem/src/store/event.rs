//! What changed a memory's exemplars, taxonomy or tuning, in order: a chain, each event going on from the digest that the one
//! before left.

use rusqlite::{Connection, Row};
use serde::Serialize;

use crate::error::{Result, SqlContext};
use crate::store::catalog::Catalog;
use crate::store::digest::DigestState;
use crate::store::schema;
use crate::{Digest, Memory, StoreError};

/// The engine, as events and receipts name it.
pub(crate) const ENGINE: &str = concat!("vismem ", env!("CARGO_PKG_VERSION"));

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// Exemplars were added, by one batch.
    Add,
    /// Exemplars were forgotten.
    Forget,
    /// Exemplars were given other labels.
    Relabel,
    /// Exemplars were given other sources, because their pictures were moved.
    Move,
    /// The taxonomy was set or added to.
    Taxonomy,
    /// The vote that the memory decides by was chosen, or the choice was given up.
    Tune,
    /// Exemplars were given back the labels that they had before a relabelling, or the taxonomy or the tuning was put back.
    Undo,
}

impl EventKind {
    const ALL: [Self; 7] = [Self::Add, Self::Forget, Self::Relabel, Self::Move, Self::Taxonomy, Self::Tune, Self::Undo];

    /// The word for it, as in the catalogue.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Forget => "forget",
            Self::Relabel => "relabel",
            Self::Move => "move",
            Self::Taxonomy => "taxonomy",
            Self::Tune => "tune",
            Self::Undo => "undo",
        }
    }

    fn of(name: &str) -> rusqlite::Result<Self> {
        let unknown = || rusqlite::Error::InvalidColumnType(1, "kind".into(), rusqlite::types::Type::Text);
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or_else(unknown)
    }

    /// The kind that it is written as: the table of events knows those of format 1. Which of them it is the tables `moves`
    /// and `tunings` say.
    fn as_written(self) -> Self {
        match self {
            Self::Move => Self::Relabel,
            Self::Tune => Self::Taxonomy,
            kind => kind,
        }
    }
}

/// One change of a memory. It says nothing of which exemplars it was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its number; never used twice.
    pub id: u64,
    /// What was done.
    pub kind: EventKind,
    /// What an undo took back; `None` of what is no undo.
    pub undid: Option<EventKind>,
    /// When, in seconds since 1970, UTC.
    pub at: i64,
    /// The engine that did it.
    pub engine: String,
    /// How many exemplars it was about; 0 for what concerned the taxonomy or the tuning alone.
    pub exemplars: u64,
    /// Criteria by which they were selected, such as `label`; none for additions.
    pub selected_by: Vec<String>,
    /// The digest before.
    pub before: Digest,
    /// The digest after.
    pub after: Digest,
}

impl Catalog {
    /// How many exemplars were added since the memory had this digest, up to an event; `None` where anything else was done
    /// that changes what exemplars say, or the memory never had it.
    pub(crate) fn added_since(&self, digest: &[u8; 32], last: u64) -> Result<Option<u64>> {
        let select = "SELECT kind, exemplars, before FROM events WHERE id <= ?1 ORDER BY id DESC";
        let mut statement = self.db.prepare_cached(select).at(&self.path)?;
        let mut events = statement.query([last]).at(&self.path)?;
        let mut added = 0;
        while let Some(row) = events.next().at(&self.path)? {
            let (kind, exemplars): (String, u64) = (row.get(0).at(&self.path)?, row.get(1).at(&self.path)?);
            match kind {
                kind if kind == EventKind::Add.name() => added += exemplars,
                // Nothing goes by sources.
                kind if kind == EventKind::Move.name() => {}
                _ => return Ok(None),
            }
            if row.get::<_, [u8; 32]>(2).at(&self.path)? == *digest {
                return Ok(Some(added));
            }
        }
        Ok(None)
    }
}

impl Event {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (kind, undid): (String, Option<String>) = (row.get(1)?, row.get(8)?);
        let selected: Option<String> = row.get(5)?;
        Ok(Self {
            id: row.get(0)?,
            kind: EventKind::of(&kind)?,
            undid: undid.as_deref().map(EventKind::of).transpose()?,
            at: row.get(2)?,
            engine: row.get(3)?,
            exemplars: row.get(4)?,
            selected_by: selected.iter().flat_map(|criteria| criteria.split(' ')).map(str::to_owned).collect(),
            before: Digest(row.get(6)?),
            after: Digest(row.get(7)?),
        })
    }
}

/// Writes an event down; returns its number.
pub(crate) fn record(
    db: &Connection,
    kind: EventKind,
    exemplars: usize,
    selected: Option<&str>,
    before: &Digest,
    after: &Digest,
) -> rusqlite::Result<u64> {
    let mut statement = db.prepare_cached(
        "INSERT INTO events (kind, at, engine, exemplars, selected, before, after) \
         VALUES (?1, unixepoch(), ?2, ?3, ?4, ?5, ?6)",
    )?;
    statement.execute((kind.as_written().name(), ENGINE, exemplars, selected, before.as_bytes(), after.as_bytes()))?;
    let event = db.last_insert_rowid();
    if kind == EventKind::Move {
        if !schema::has(db, "moves")? {
            db.execute_batch(schema::MOVES)?;
        }
        db.prepare_cached("INSERT INTO moves VALUES (?1)")?.execute([event])?;
    }
    Ok(event as u64)
}

/// Adds to an event that goes on: further transactions of one batch.
pub(crate) fn extend(db: &Connection, event: u64, exemplars: usize, after: &Digest) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached("UPDATE events SET exemplars = exemplars + ?2, after = ?3 WHERE id = ?1")?;
    statement.execute((event, exemplars, after.as_bytes())).map(|_| ())
}

impl Catalog {
    /// The events from a number on, oldest first.
    pub(crate) fn events_from(&self, id: u64) -> Result<Vec<Event>> {
        let is_in = |table| match schema::has(&self.db, table).at(&self.path)? {
            true => Ok(format!("id IN (SELECT event FROM {table})")),
            false => Ok("FALSE".to_owned()),
        };
        let (moved, tuned) = (is_in("moves")?, is_in("tunings")?);
        let select = format!(
            "SELECT id, CASE WHEN {moved} THEN 'move' WHEN kind = 'taxonomy' AND {tuned} THEN 'tune' ELSE kind END, \
                 at, engine, exemplars, selected, before, after, \
                 CASE WHEN kind <> 'undo' THEN NULL WHEN exemplars > 0 THEN 'relabel' WHEN {tuned} THEN 'tune' \
                      ELSE 'taxonomy' END \
             FROM events WHERE id >= ?1 ORDER BY id"
        );
        let mut statement = self.db.prepare_cached(&select).at(&self.path)?;
        let events = statement.query_map([i64::try_from(id).unwrap_or(i64::MAX)], Event::from_row).at(&self.path)?;
        events.collect::<rusqlite::Result<_>>().at(&self.path)
    }

    /// What was done since an event that had to do with so many exemplars; `None` if it was not additions and forgets alone.
    pub(crate) fn changes_since(&self, (id, exemplars): (u64, u64)) -> Result<Option<Changes>> {
        let select = "SELECT coalesce(sum(exemplars - iif(id = ?1, ?2, 0)) FILTER (WHERE kind = 'add'), 0), \
                 coalesce(sum(exemplars) FILTER (WHERE kind = 'forget' AND id > ?1), 0), \
                 count(*) FILTER (WHERE kind = 'forget' AND id > ?1), \
                 count(*) FILTER (WHERE kind NOT IN ('add', 'forget') AND id > ?1) \
             FROM events WHERE id >= ?1";
        let mut statement = self.db.prepare_cached(select).at(&self.path)?;
        let changes = |row: &Row<'_>| {
            Ok((Changes { added: row.get(0)?, forgotten: row.get(1)?, forgets: row.get(2)? }, row.get::<_, u64>(3)?))
        };
        let (changes, others) = statement.query_row([id, exemplars], changes).at(&self.path)?;
        Ok((others == 0).then_some(changes))
    }

    /// How many exemplars were added, forgotten or given another label after one event and up to another; one to which that
    /// happened twice counts twice.
    pub(crate) fn changed_between(&self, after: u64, last: u64) -> Result<u64> {
        let moved = match schema::has(&self.db, "moves").at(&self.path)? {
            true => "AND id NOT IN (SELECT event FROM moves)",
            false => "",
        };
        let select = format!("SELECT coalesce(sum(exemplars), 0) FROM events WHERE id > ?1 AND id <= ?2 {moved}");
        self.db
            .prepare_cached(&select)
            .and_then(|mut sum| sum.query_row([after, last], |row| row.get(0)))
            .at(&self.path)
    }

    /// What is wrong with the chain from the event `from` on, which must end at the digest that the memory has.
    pub(crate) fn broken_chain(&self, from: u64) -> Result<Option<String>> {
        let events = self.events_from(from)?;
        // Before the first event of all there was nothing.
        let nothing = DigestState::empty().digest();
        if let Some(first) = events.first().filter(|first| from == 0 && first.before != nothing) {
            return Ok(Some(format!("event {} does not go on from nothing, and there is none before it", first.id)));
        }
        let broken = events.windows(2).find(|pair| pair[0].after != pair[1].before);
        if let Some(pair) = broken {
            return Ok(Some(format!(
                "event {} does not go on from the digest that event {} left",
                pair[1].id, pair[0].id
            )));
        }
        let now = self.header()?.digest.digest();
        let last = events.last().filter(|last| last.after != now);
        Ok(last.map(|last| format!("the digest is not the one that event {} left", last.id)))
    }
}

impl Catalog {
    /// That the events are a chain from nothing to what the memory holds.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if they are not.
    pub(crate) fn check_chain(&self) -> Result<()> {
        match self.broken_chain(0)? {
            None => Ok(()),
            Some(what) => Err(StoreError::Damaged { path: self.path.clone(), what }),
        }
    }
}

/// Additions and forgets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changes {
    /// How many exemplars were added.
    pub added: u64,
    /// How many were forgotten.
    pub forgotten: u64,
    /// By how many events.
    pub forgets: u64,
}

impl Memory {
    /// What changed it up to now, oldest first. The log goes on beyond the state that this memory is a handle on.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn events(&self) -> Result<Vec<Event>> {
        self.readers.read(|catalog| {
            catalog.check_chain()?;
            catalog.events_from(0)
        })
    }
}
