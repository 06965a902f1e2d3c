//! Naming exemplars: by id, label, source, batch, attributes, or nearness to an embedding.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use crate::error::{Result, SqlContext};
use crate::store::catalog::Catalog;
use crate::store::unit::unit;
use crate::store::where_expression::evaluate::Population;
use crate::{Editor, Memory, ParameterError, SelectError, StoreError, UnknownName, Where, similar};

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
        let live = (0..self.slots.ids.len()).filter(|&slot| !self.is_free(slot));
        let live = live.map(|slot| (self.slots.ids[slot], slot));
        let mut candidates: Vec<(u64, usize)> = if !selector.ids.is_empty() {
            let wanted: HashSet<u64> = selector.ids.iter().copied().collect();
            let named: HashMap<u64, usize> = live.filter(|(id, _)| wanted.contains(id)).collect();
            if let Some(id) = selector.ids.iter().find(|id| !named.contains_key(id)) {
                return Err(unknown_id(self.path(), "exemplar", *id).into());
            }
            named.into_iter().collect()
        } else {
            live.collect()
        };
        if !selector.sources.is_empty() || !selector.batches.is_empty() {
            let criteria = self.read(|catalog| catalog.criteria(selector))?;
            // Patterns are compared with every source, in transactions that are short all the same.
            let mut fitting = HashSet::new();
            for part in self.parts() {
                let mut looked_at = self.read(|catalog| catalog.compared(&criteria, &part.within))?;
                looked_at.retain(|compared| self.slots.ids.get(compared.slot) == Some(&compared.id));
                self.check_part(&part, looked_at.iter().map(|compared| compared.id))?;
                fitting.extend(looked_at.iter().filter(|compared| compared.fits).map(|compared| compared.id));
            }
            candidates.retain(|(id, _)| fitting.contains(id));
        }
        if !labels.is_empty() {
            candidates.retain(|(_, slot)| labels.contains(&(self.slots.label_of[*slot] as usize)));
        }
        candidates.sort_unstable();
        if let Some(filter) = &selector.filter {
            self.check_attributes()?;
            let meeting = filter.evaluate(&self.population(), &|of| self.read(|catalog| of(catalog)))?;
            candidates.retain(|(id, _)| meeting.binary_search(id).is_ok());
        }
        Ok(candidates)
    }
}

impl Memory {
    /// That the index by which attributes are compared is that of their table, where all of the memory is checked whenever it
    /// is opened. What an index leaves out is not found, and nothing would say so.
    fn check_attributes(&self) -> Result<(), StoreError> {
        if !self.is_checked_at_once() {
            return Ok(());
        }
        self.read(|catalog| match catalog.index_fault("attribute_values")? {
            None => Ok(()),
            Some(what) => Err(StoreError::Damaged { path: catalog.path.clone(), what }),
        })
    }

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
        // What ids alone name needs no look at all others.
        if selector.criteria() == ["id"] {
            if let Err(unknown) = self.catalog.require("exemplars", &selector.ids) {
                // It may be there, and the table be damaged.
                let memory = Memory::open_to_select(self.path())?;
                memory.records(&memory.select(selector)?)?;
                return Err(unknown);
            }
            let mut ids = selector.ids.clone();
            ids.sort_unstable();
            ids.dedup();
            return Ok(ids);
        }
        Memory::open_to_select(self.path())?.select(selector)
    }
}

/// What a selector says of sources and batches as SQL: what a row must be like, and the parameters, of which the first two are a range of ids.
struct Criteria {
    conditions: String,
    values: Vec<Value>,
}

/// An exemplar that was compared with criteria.
struct Compared {
    id: u64,
    slot: usize,
    fits: bool,
}

impl Catalog {
    /// Every exemplar with an id in a range, by id, and whether the criteria name it.
    fn compared(&self, criteria: &Criteria, ids: &RangeInclusive<u64>) -> Result<Vec<Compared>> {
        let select =
            format!("SELECT id, slot, {} FROM exemplars WHERE id BETWEEN ?1 AND ?2 ORDER BY id", criteria.conditions);
        let mut statement = self.db.prepare_cached(&select).at(&self.path)?;
        let ids = [*ids.start(), *ids.end()].map(|id| Value::Integer(id as i64));
        let values = params_from_iter(ids.iter().chain(&criteria.values));
        let compared = |row: &Row<'_>| Ok(Compared { id: row.get(0)?, slot: row.get(1)?, fits: row.get(2)? });
        let rows = statement.query_map(values, compared).at(&self.path)?;
        rows.collect::<rusqlite::Result<_>>().at(&self.path)
    }

    /// What the selector says of sources and batches as SQL.
    fn criteria(&self, selector: &Selector) -> Result<Criteria, SelectError> {
        let mut conditions = Vec::new();
        // From the third parameter on.
        let mut values = Vec::new();
        if !selector.batches.is_empty() {
            self.require("batches", &selector.batches)?;
            // Numbers as Rust shows them are a JSON array. One parameter, however many numbers.
            values.push(Value::Text(format!("{:?}", selector.batches)));
            conditions.push(format!("batch IN (SELECT value FROM json_each(?{}))", values.len() + 2));
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

    /// That all of these ids are in the table.
    fn require(&self, table: &'static str, ids: &[u64]) -> Result<(), SelectError> {
        let select = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE id = ?1)");
        let mut statement = self.db.prepare_cached(&select).at(&self.path)?;
        for &id in ids {
            // An id beyond what SQLite can hold is in no table.
            let is_there = i64::try_from(id).map_or(Ok(false), |id| statement.query_row([id], |row| row.get(0)));
            if !is_there.at(&self.path)? {
                let what = if table == "batches" { "batch" } else { "exemplar" };
                return Err(unknown_id(self.path.parent().unwrap_or(&self.path), what, id).into());
            }
        }
        Ok(())
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

fn unknown_id(memory: &Path, what: &'static str, id: u64) -> UnknownName {
    UnknownName { path: memory.into(), what, name: id.to_string(), similar: None }
}

fn unknown_label<'a>(memory: &Path, label: &str, known: impl IntoIterator<Item = &'a str>) -> UnknownName {
    UnknownName {
        path: memory.into(),
        what: "label",
        name: format!("{label:?}"),
        similar: similar(label, known).map(str::to_owned),
    }
}
