//! Naming exemplars: by id, label, source, batch, attributes, or nearness to an embedding.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params_from_iter};

use crate::error::{Result, SqlContext};
use crate::store::catalog::Catalog;
use crate::store::unit::unit;
use crate::store::where_expression::evaluate::Population;
use crate::{Editor, Memory, ParameterError, SelectError, UnknownName, Where, similar};

/// Which exemplars are meant. Values of one field are alternatives, different fields narrow each other: two labels and
/// a batch name the exemplars of either label in that batch. A selector with no value at all means nothing and is an
/// error, so that nothing becomes "all" by accident.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selector {
    /// Ids of exemplars.
    pub ids: Vec<u64>,
    /// Labels, spelt out.
    pub labels: Vec<String>,
    /// Patterns of sources: `*` is any text, `/` included, `?` any character, `[a-z]` one of a set. A pattern fits a
    /// whole source or its end after a `/`: `beach/*` fits `/home/ada/beach/1.jpg`. Case counts. An exemplar without a
    /// source fits none. Where a source is spelt exactly as the pattern, those that are spelt so are meant, and no others:
    /// `IMG[1].png` is a file's name before it is a pattern.
    pub sources: Vec<String>,
    /// Batches, as [`crate::Batch::id`] names them.
    pub batches: Vec<u64>,
    /// Nearness to embeddings.
    pub near: Vec<Near>,
    /// What must be true of attributes.
    pub filter: Option<Where>,
    /// Only exemplars that hard pruning hides, see [`Memory::hidden`].
    pub pruned: bool,
}

/// All exemplars within a distance of an embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct Near {
    /// The memory's dimension of finite values, not all zero; brought to unit length when it is used.
    pub embedding: Vec<f32>,
    /// Cosine distance, 0..=2; an exemplar at exactly this distance is meant too.
    pub distance: f32,
}

impl Selector {
    /// Whether no criterion is given.
    pub fn is_empty(&self) -> bool {
        self.criteria().is_empty()
    }

    /// The criteria that are given, without their values: `id`, `label`, `source`, `batch`, `like`, `where`, `pruned`.
    pub fn criteria(&self) -> Vec<&'static str> {
        let Self { ids, labels, sources, batches, near, filter, pruned } = self;
        let given = [
            (ids.is_empty(), "id"),
            (labels.is_empty(), "label"),
            (sources.is_empty(), "source"),
            (batches.is_empty(), "batch"),
            (near.is_empty(), "like"),
            (filter.is_none(), "where"),
            (!pruned, "pruned"),
        ];
        given.into_iter().filter(|(empty, _)| !empty).map(|(_, name)| name).collect()
    }
}

impl Memory {
    /// The ids of the exemplars that the selector names, ascending; none where patterns or distances fit none.
    ///
    /// # Errors
    /// When the selector is empty, an id, label, batch or attribute is not in the memory, an attribute is compared with a
    /// value of another type, or an embedding or distance is unusable.
    pub fn select(&self, selector: &Selector) -> Result<Vec<u64>, SelectError> {
        let mut candidates = self.named_by(selector)?;
        if selector.pruned {
            let hidden = self.hidden()?;
            candidates.retain(|(id, _)| hidden.binary_search(id).is_ok());
        }
        if selector.near.is_empty() {
            return Ok(candidates.into_iter().map(|(id, _)| id).collect());
        }
        let mut centres = Vec::with_capacity(selector.near.len());
        for (index, near) in selector.near.iter().enumerate() {
            if !(0.0..=2.0).contains(&near.distance) {
                let range = "must be within 0..=2, as cosine distances are";
                return Err(ParameterError { name: "distance", value: near.distance.into(), range }.into());
            }
            centres.push((unit(index, &near.embedding, self.encoder().dim)?, near.distance));
        }
        candidates.retain(|(_, slot)| {
            let row = self.vector(*slot);
            centres.iter().any(|(centre, within)| vismem_search::distance(centre, row) <= *within)
        });
        self.unless_outdated(self.check_rows(&candidates))?;
        Ok(candidates.into_iter().map(|(id, _)| id).collect())
    }

    /// Id and slot of every exemplar that the selector names apart from nearness and pruning, by id.
    fn named_by(&self, selector: &Selector) -> Result<Vec<(u64, usize)>, SelectError> {
        if selector.is_empty() {
            return Err(SelectError::Empty);
        }
        // Labels are those of this state; of an exemplar nothing else changes.
        let label = |label: &String| {
            let position = self.labels().iter().position(|known| known.name == *label);
            position
                .ok_or_else(|| unknown_label(self.path(), label, self.labels().iter().map(|known| known.name.as_str())))
        };
        let labels = selector.labels.iter().map(label).collect::<Result<Vec<usize>, UnknownName>>()?;
        let rest = Selector { labels: Vec::new(), near: Vec::new(), filter: None, pruned: false, ..selector.clone() };
        let mut candidates: Vec<(u64, usize)> = if rest.is_empty() {
            let live = (0..self.slots.ids.len()).filter(|&slot| !self.is_free(slot));
            live.map(|slot| (self.slots.ids[slot], slot)).collect()
        } else {
            let criteria = self.read(|catalog| catalog.criteria(&rest))?;
            // Patterns are compared with every source, in transactions that are short all the same.
            let ranges = if rest.ids.is_empty() { self.id_ranges() } else { vec![0..=i64::MAX as u64] };
            let found = ranges.iter().map(|ids| self.read(|catalog| catalog.matching(&criteria, ids)));
            let found = found.collect::<Result<Vec<_>>>()?.concat();
            found.into_iter().filter(|(id, slot)| self.slots.ids.get(*slot) == Some(id)).collect()
        };
        if !labels.is_empty() {
            candidates.retain(|(_, slot)| labels.contains(&(self.slots.label_of[*slot] as usize)));
        }
        candidates.sort_unstable();
        if let Some(filter) = &selector.filter {
            let meeting = filter.evaluate(&self.population(), &|of| self.read(|catalog| of(catalog)))?;
            candidates.retain(|(id, _)| meeting.binary_search(id).is_ok());
        }
        Ok(candidates)
    }
}

impl Memory {
    fn population(&self) -> Population<'_> {
        let live = (0..self.slots.ids.len()).filter(|&slot| !self.is_free(slot));
        let mut exemplars: Vec<_> =
            live.map(|slot| (self.slots.ids[slot], self.slots.label_of[slot] as usize)).collect();
        exemplars.sort_unstable();
        Population { exemplars, labels: self.labels().iter().map(|label| label.name.as_str()).collect() }
    }
}

impl Editor {
    /// As [`Memory::select`], of what the memory holds now. Nobody else changes it while this editor is open.
    ///
    /// # Errors
    /// As [`Memory::select`].
    pub fn select(&self, selector: &Selector) -> Result<Vec<u64>, SelectError> {
        if selector.near.is_empty() && !selector.pruned {
            let mut ids: Vec<u64> = self.catalog.select(selector)?.into_iter().map(|(id, _)| id).collect();
            if let Some(filter) = &selector.filter {
                let (exemplars, labels) = self.catalog.labelled()?;
                let population = Population { exemplars, labels: labels.iter().map(String::as_str).collect() };
                let meeting = filter.evaluate(&population, &|of| of(&self.catalog))?;
                ids.retain(|id| meeting.binary_search(id).is_ok());
            }
            return Ok(ids);
        }
        Memory::open(self.path())?.select(selector)
    }
}

/// A selector as SQL: what a row must be like, and the parameters, of which the first two are a range of ids.
struct Criteria {
    conditions: String,
    values: Vec<Value>,
}

/// Id and position of the label of exemplars, and the labels.
type Labelled = (Vec<(u64, usize)>, Vec<String>);

impl Catalog {
    /// Id and position of the label of every exemplar, by id; and the labels.
    fn labelled(&self) -> Result<Labelled> {
        let mut statement = self.db.prepare_cached("SELECT id, name FROM labels").at(&self.path)?;
        let labels = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).at(&self.path)?;
        let labels: Vec<(i64, String)> = labels.collect::<rusqlite::Result<_>>().at(&self.path)?;
        let (rows, names): (Vec<i64>, Vec<String>) = labels.into_iter().unzip();
        let positions: HashMap<i64, usize> = rows.into_iter().zip(0..).collect();
        let position = |row: i64| positions.get(&row).copied().ok_or(rusqlite::Error::QueryReturnedNoRows);
        let mut statement = self.db.prepare_cached("SELECT id, label FROM exemplars ORDER BY id").at(&self.path)?;
        let exemplars = statement.query_map([], |row| Ok((row.get(0)?, position(row.get(1)?)?))).at(&self.path)?;
        Ok((exemplars.collect::<rusqlite::Result<_>>().at(&self.path)?, names))
    }

    /// Id and slot of every exemplar that the selector names apart from nearness and its filter, by id.
    fn select(&self, selector: &Selector) -> Result<Vec<(u64, usize)>, SelectError> {
        if selector.is_empty() {
            return Err(SelectError::Empty);
        }
        Ok(self.matching(&self.criteria(selector)?, &(0..=i64::MAX as u64))?)
    }

    /// Id and slot of every exemplar with an id in a range that the criteria name, by id.
    fn matching(&self, criteria: &Criteria, ids: &RangeInclusive<u64>) -> Result<Vec<(u64, usize)>> {
        let select = format!("SELECT id, slot FROM exemplars WHERE {} ORDER BY id", criteria.conditions);
        let mut statement = self.db.prepare_cached(&select).at(&self.path)?;
        let ids = [*ids.start(), *ids.end()].map(|id| Value::Integer(id as i64));
        let values = params_from_iter(ids.iter().chain(&criteria.values));
        let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?))).at(&self.path)?;
        rows.collect::<rusqlite::Result<_>>().at(&self.path)
    }

    /// The selector as SQL.
    fn criteria(&self, selector: &Selector) -> Result<Criteria, SelectError> {
        let mut conditions = vec!["id BETWEEN ?1 AND ?2".to_owned()];
        // From the third parameter on.
        let mut values = Vec::new();
        let labels =
            selector.labels.iter().map(|label| self.label_row(label)).collect::<Result<Vec<_>, SelectError>>()?;
        let ids = self.present("exemplars", &selector.ids)?;
        let batches = self.present("batches", &selector.batches)?;
        for (column, wanted) in [("id", ids), ("label", labels), ("batch", batches)] {
            if !wanted.is_empty() {
                // Numbers as Rust shows them are a JSON array. One parameter, however many numbers.
                values.push(Value::Text(format!("{wanted:?}")));
                conditions.push(format!("{column} IN (SELECT value FROM json_each(?{}))", values.len() + 2));
            }
        }
        if !selector.sources.is_empty() {
            let first = values.len() + 3;
            for glob in &selector.sources {
                let glob = if is_pattern(glob) && self.has_source(glob)? { escaped(glob) } else { glob.clone() };
                values.extend([format!("*/{glob}"), glob].map(Value::Text));
            }
            let globs: Vec<String> = (first..=values.len() + 2).map(|number| format!("(?{number})")).collect();
            let globs = globs.join(", ");
            // A path that is not UTF-8 is a blob.
            conditions.push(format!("EXISTS (SELECT 1 FROM (VALUES {globs}) WHERE CAST(source AS TEXT) GLOB column1)"));
        }
        Ok(Criteria { conditions: conditions.join(" AND "), values })
    }

    /// Whether a source is spelt like this, or ends so after a `/`.
    fn has_source(&self, source: &str) -> Result<bool> {
        let select = "SELECT EXISTS (SELECT 1 FROM exemplars WHERE CAST(source AS TEXT) = ?1 \
             OR substr(CAST(source AS TEXT), -length(?1) - 1) = '/' || ?1)";
        self.db.query_row(select, [source], |row| row.get(0)).at(&self.path)
    }

    /// The ids, all of which must be in the table.
    fn present(&self, table: &'static str, ids: &[u64]) -> Result<Vec<i64>, SelectError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let select = format!("SELECT id FROM {table} WHERE id = ?1");
        let mut statement = self.db.prepare_cached(&select).at(&self.path)?;
        let row_of = |&id: &u64| {
            // An id beyond what SQLite can hold is in no table.
            let known = i64::try_from(id).ok().map(|id| statement.query_row([id], |row| row.get(0)).optional());
            let unknown = || UnknownName {
                path: self.path.parent().unwrap_or(&self.path).into(),
                what: if table == "batches" { "batch" } else { "exemplar" },
                name: id.to_string(),
                similar: None,
            };
            Ok(known.transpose().at(&self.path)?.flatten().ok_or_else(unknown)?)
        };
        ids.iter().map(row_of).collect()
    }

    /// The row of a label, which must be there.
    pub(crate) fn label_row(&self, label: &str) -> Result<i64, SelectError> {
        let select = "SELECT id FROM labels WHERE name = ?1";
        let row = self.db.query_row(select, [label], |row| row.get(0)).optional().at(&self.path)?;
        if let Some(row) = row {
            return Ok(row);
        }
        let mut statement = self.db.prepare("SELECT name FROM labels").at(&self.path)?;
        let known = statement.query_map([], |row| row.get(0)).at(&self.path)?;
        let known: Vec<String> = known.collect::<rusqlite::Result<_>>().at(&self.path)?;
        Err(unknown_label(self.path.parent().unwrap_or(&self.path), label, known.iter().map(String::as_str)).into())
    }
}

fn is_pattern(glob: &str) -> bool {
    glob.contains(['*', '?', '['])
}

/// A pattern that fits this text alone.
fn escaped(text: &str) -> String {
    let escape = |c: char| if matches!(c, '*' | '?' | '[') { format!("[{c}]") } else { c.to_string() };
    text.chars().map(escape).collect()
}

fn unknown_label<'a>(memory: &Path, label: &str, known: impl IntoIterator<Item = &'a str>) -> UnknownName {
    UnknownName {
        path: memory.into(),
        what: "label",
        name: format!("{label:?}"),
        similar: similar(label, known).map(str::to_owned),
    }
}
