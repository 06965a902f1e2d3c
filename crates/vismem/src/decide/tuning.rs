//! The vote that a memory decides by where nobody says otherwise: a setting that is chosen for it, and that can be taken back.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior};
use serde::Serialize;

use crate::error::{Result, SqlContext};
use crate::index::derived;
use crate::store::catalog::Catalog;
use crate::store::event::{self, EventKind};
use crate::store::kill_point::kill_point;
use crate::store::{schema, settings, state};
use crate::{EditError, Editor, Event, Memory, ParameterError, QueryError, StoreError, Vote};

/// A vote and how many neighbours take part in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tuning {
    /// The vote.
    pub vote: Vote,
    /// How many neighbours vote; all of them where the memory holds fewer.
    pub k: usize,
}

impl Default for Tuning {
    /// What a memory decides by that was not tuned.
    fn default() -> Self {
        Self::usual(Vote::default())
    }
}

impl Tuning {
    /// A vote with as many neighbours as are usual for it: 100 in kernel voting, else 20.
    pub fn usual(vote: Vote) -> Self {
        let k = if matches!(vote, Vote::Kernel { .. }) { 100 } else { 20 };
        Self { vote, k }
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let Some(name) = row.get::<_, Option<String>>("vote")? else { return Ok(None) };
        let parameter = || row.get("parameter");
        let vote = match name.as_str() {
            "plurality" => Vote::Plurality,
            "distance" => Vote::Distance { xi: parameter()? },
            "softmax" => Vote::Softmax { tau: parameter()? },
            "rank" => Vote::Rank { alpha: parameter()? },
            "kernel" => Vote::Kernel { gamma: row.get("gamma")?, lambda: row.get("lambda")? },
            _ => return Err(rusqlite::Error::InvalidColumnType(0, "vote".into(), Type::Text)),
        };
        let k = row.get("k")?;
        let fits = vote.checked_for(k);
        fits.map(|vote| Some(Self { vote, k }))
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Real, error.to_string().into()))
    }
}

/// A row of `tunings` that says what was chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Choice {
    tuning: Tuning,
    /// The event that chose it.
    chosen: u64,
}

impl Choice {
    /// What is chosen from the row's event on; `None` for the default.
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let tuning = Tuning::from_row(row)?;
        tuning.map(|tuning| Ok(Self { tuning, chosen: row.get("chosen")? })).transpose()
    }
}

/// What is chosen now; `None` where nothing is.
///
/// # Errors
/// [`StoreError::Damaged`] where the last row is none that can have been written.
pub(crate) fn current(catalog: &Catalog) -> Result<Option<Choice>> {
    let Catalog { db, path, .. } = catalog;
    if !schema::has(db, "tunings").at(path)? {
        return Ok(None);
    }
    let select = "SELECT tunings.*, (undoes IS NULL) = (kind = 'taxonomy') AND (undoes IS NULL) <> (kind = 'undo') \
             AND coalesce(chosen <= event, TRUE) AND coalesce(undoes < event, TRUE) AS fits \
         FROM tunings LEFT JOIN events ON events.id = event ORDER BY event DESC LIMIT 1";
    let row = |row: &Row<'_>| {
        let fits = row.get::<_, Option<bool>>("fits")?.unwrap_or(false);
        Ok(fits.then(|| Choice::from_row(row)).transpose())
    };
    let damaged = |what: &str| {
        let what = format!("the tuning makes no sense: {what}");
        StoreError::Damaged { path: path.clone(), what }
    };
    match db.prepare_cached(select).and_then(|mut statement| statement.query_row([], row).optional()).at(path)? {
        // Tables that are made get their first row in the same transaction.
        None => Err(damaged("there is no choice")),
        Some(Ok(Some(choice))) => Ok(choice),
        Some(Ok(None)) => Err(damaged("its event is another one")),
        Some(Err(error)) => Err(damaged(&error.to_string())),
    }
}

/// The last choice that was not taken back, if nothing was forgotten since: [`Editor::undo`] goes back no further, whatever it
/// is that is taken back.
pub(crate) fn last_to_undo(db: &Connection) -> rusqlite::Result<Option<u64>> {
    if !schema::has(db, "tunings")? {
        return Ok(None);
    }
    let select = "SELECT max(event) FROM tunings WHERE undoes IS NULL \
         AND event NOT IN (SELECT undoes FROM tunings WHERE undoes IS NOT NULL) \
         AND event > (SELECT coalesce(max(id), 0) FROM events WHERE kind = 'forget')";
    db.query_row(select, [], |row| row.get(0))
}

/// What a memory decides by, and how much of it has changed since that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TuningState {
    /// What was chosen.
    #[serde(flatten)]
    pub tuning: Tuning,
    /// The event of the log that chose it.
    pub event: u64,
    /// How many exemplars were added, forgotten or given another label since; one to which that happened twice counts twice.
    pub changed: u64,
    /// Whether that is more than a tenth of the exemplars that there are, so that another choice may be better now.
    pub stale: bool,
}

/// From more than one change to so many exemplars on a choice is stale.
const STALE: u64 = 10;

impl Editor {
    /// Chooses the vote that decisions go by where nobody says otherwise; `None` for the default. No exemplar is changed, and
    /// neither is the digest. `None` if that is chosen already, and no exemplar came, went or got another label since.
    /// [`Editor::undo`] takes it back, as long as nothing was forgotten since.
    ///
    /// A choice stays through a forget, for it names no exemplar: a vote and a few numbers.
    ///
    /// # Errors
    /// When a number is out of range, or the disk refuses; nothing is changed then.
    pub fn set_tuning(&mut self, tuning: Option<Tuning>) -> Result<Option<Event>, EditError> {
        if let Some(Tuning { vote, k }) = tuning {
            let beyond = ParameterError { name: "k", value: k as f64, range: "must be within 1..=10000" };
            vote.checked_for(k).map_err(|error| match error {
                QueryError::Parameter(error) => error,
                _ => beyond,
            })?;
        }
        let now = current(&self.catalog)?;
        if now.map(|choice| choice.tuning) == tuning {
            let last = self.catalog.header()?.last_event.0;
            let changed = now.map(|now| self.catalog.changed_between(now.chosen, last)).transpose()?;
            if changed.unwrap_or(0) == 0 {
                return Ok(None);
            }
        }
        self.upgrade()?;
        let event = self.change_tuning(EventKind::Tune, |tx, event| {
            let chosen = tuning.map(|tuning| Choice { tuning, chosen: event });
            insert(tx, event, None, chosen)
        })?;
        Ok(Some(event))
    }

    /// Puts back the choice that `event` replaced.
    pub(crate) fn undo_tuning(&mut self, event: u64) -> Result<Option<Event>, EditError> {
        let select = "SELECT * FROM tunings WHERE event < ?1 ORDER BY event DESC LIMIT 1";
        let before = self.catalog.db.query_row(select, [event], Choice::from_row).optional();
        let before = before.at(&self.catalog.path)?.flatten();
        let undone = self.change_tuning(EventKind::Undo, |tx, undo| insert(tx, undo, Some(event), before))?;
        Ok(Some(undone))
    }

    /// Writes down an event and, by `insert`, what is chosen from it on, in one transaction.
    fn change_tuning(
        &mut self,
        kind: EventKind,
        insert: impl FnOnce(&Transaction<'_>, u64) -> rusqlite::Result<()>,
    ) -> Result<Event, EditError> {
        let path = &self.catalog.path;
        let digest = self.catalog.header()?.digest.digest();
        let tx = self.catalog.db.transaction_with_behavior(TransactionBehavior::Immediate).at(path)?;
        if !schema::has(&tx, "tunings").at(path)? {
            tx.execute_batch(schema::TUNINGS).at(path)?;
        }
        let event = event::record(&tx, kind, 0, None, &digest, &digest).at(path)?;
        insert(&tx, event).and_then(|()| settings::keep(&tx)).at(path)?;
        derived::remove(&self.dir, &[derived::CALIBRATION])?;
        kill_point("tuning prepared");
        tx.commit().at(path)?;
        kill_point("tuning committed");
        state::announce(&self.dir, &self.catalog);
        self.shorten_log()?;
        Ok(self.catalog.events_from(event)?.swap_remove(0))
    }
}

fn insert(tx: &Transaction<'_>, event: u64, undoes: Option<u64>, choice: Option<Choice>) -> rusqlite::Result<()> {
    // What is given up was chosen by nobody.
    let Some(Choice { tuning: Tuning { vote, k }, chosen }) = choice else {
        return tx.execute("INSERT INTO tunings (event, undoes) VALUES (?1, ?2)", (event, undoes)).map(|_| ());
    };
    let (name, parameter, kernel) = match vote {
        Vote::Plurality => ("plurality", None, None),
        Vote::Distance { xi } => ("distance", Some(xi), None),
        Vote::Softmax { tau } => ("softmax", Some(tau), None),
        Vote::Rank { alpha } => ("rank", Some(alpha), None),
        Vote::Kernel { gamma, lambda } => ("kernel", None, Some((gamma, lambda))),
    };
    let (gamma, lambda) = kernel.unzip();
    let row = (event, undoes, chosen, name, k, parameter, gamma, lambda);
    tx.execute("INSERT INTO tunings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", row).map(|_| ())
}

impl Memory {
    /// What was chosen for this memory; `None` where nothing was.
    pub fn tuning(&self) -> Result<Option<Tuning>> {
        Ok(self.settings.tuning.map(|choice| choice.tuning))
    }

    /// The same with what has changed since, as the log says.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn tuning_state(&self) -> Result<Option<TuningState>> {
        let Some(Choice { tuning, chosen }) = self.settings.tuning else { return Ok(None) };
        let changed = self.readers.read(|catalog| catalog.changed_between(chosen, self.last_event.0))?;
        let stale = changed.saturating_mul(STALE) > self.len() as u64;
        Ok(Some(TuningState { tuning, event: chosen, changed, stale }))
    }

    /// What it decides by where nobody says otherwise: what was chosen for it, or the default.
    pub fn decides_by(&self) -> Result<Tuning> {
        Ok(self.tuning()?.unwrap_or_default())
    }
}
