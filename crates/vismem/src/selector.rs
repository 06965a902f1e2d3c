//! Naming exemplars: by id, label, source, batch, attributes, or nearness to an embedding.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params_from_iter};

use crate::error::SqlContext;
use crate::store::attribute_rows;
use crate::store::catalog::Catalog;
use crate::store::unit::unit;
use crate::{Editor, Error, Memory, Result, Where, similar};

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
    /// source fits none.
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
    pub fn select(&self, selector: &Selector) -> Result<Vec<u64>> {
        let mut candidates = self.catalog.select(selector)?;
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
                return Err(Error::Parameter { name: "distance", value: near.distance.into(), range });
            }
            centres.push((unit(index, &near.embedding, self.encoder().dim)?, near.distance));
        }
        candidates.retain(|(_, slot)| {
            let row = self.vector(*slot);
            centres.iter().any(|(centre, within)| vismem_search::distance(centre, row) <= *within)
        });
        let checked = candidates.into_iter().map(|(id, slot)| self.check_row(id, slot).map(|()| id)).collect();
        self.unless_outdated(checked)
    }
}

impl Editor {
    /// As [`Memory::select`], of what the memory holds now. Nobody else changes it while this editor is open.
    ///
    /// # Errors
    /// As [`Memory::select`].
    pub fn select(&self, selector: &Selector) -> Result<Vec<u64>> {
        if selector.near.is_empty() && !selector.pruned {
            return Ok(self.catalog.select(selector)?.into_iter().map(|(id, _)| id).collect());
        }
        Memory::open(self.path())?.select(selector)
    }
}

impl Catalog {
    /// Id and slot of every exemplar that the selector names apart from nearness, by id.
    fn select(&self, selector: &Selector) -> Result<Vec<(u64, usize)>> {
        if selector.is_empty() {
            return Err(Error::EmptySelector);
        }
        let (conditions, values) = self.conditions(selector)?;
        let select = format!("SELECT id, slot FROM exemplars WHERE {conditions} ORDER BY id");
        let mut statement = self.db.prepare_cached(&select).at(&self.path)?;
        let rows = statement.query_map(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)));
        rows.at(&self.path)?.collect::<rusqlite::Result<_>>().at(&self.path)
    }

    /// The selector as SQL, with its parameters.
    fn conditions(&self, selector: &Selector) -> Result<(String, Vec<Value>)> {
        let mut conditions = vec!["TRUE".to_owned()];
        let mut values = Vec::new();
        let labels = selector.labels.iter().map(|label| self.label_row(label)).collect::<Result<Vec<_>>>()?;
        let ids = self.present("exemplars", &selector.ids)?;
        let batches = self.present("batches", &selector.batches)?;
        for (column, wanted) in [("id", ids), ("label", labels), ("batch", batches)] {
            if !wanted.is_empty() {
                // Numbers as Rust shows them are a JSON array. One parameter, however many numbers.
                values.push(Value::Text(format!("{wanted:?}")));
                conditions.push(format!("{column} IN (SELECT value FROM json_each(?{}))", values.len()));
            }
        }
        if !selector.sources.is_empty() {
            let first = values.len() + 1;
            values
                .extend(selector.sources.iter().flat_map(|glob| [glob.clone(), format!("*/{glob}")]).map(Value::Text));
            let globs: Vec<String> = (first..=values.len()).map(|number| format!("(?{number})")).collect();
            let globs = globs.join(", ");
            // A path that is not UTF-8 is a blob.
            conditions.push(format!("EXISTS (SELECT 1 FROM (VALUES {globs}) WHERE CAST(source AS TEXT) GLOB column1)"));
        }
        if let Some(filter) = &selector.filter {
            let known = attribute_rows::known(&self.db).at(&self.path)?;
            conditions.push(filter.to_sql(&known, &mut values)?);
        }
        Ok((conditions.join(" AND "), values))
    }

    /// The ids, all of which must be in the table.
    fn present(&self, table: &'static str, ids: &[u64]) -> Result<Vec<i64>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let select = format!("SELECT id FROM {table} WHERE id = ?1");
        let mut statement = self.db.prepare_cached(&select).at(&self.path)?;
        let row_of = |&id: &u64| {
            // An id beyond what SQLite can hold is in no table.
            let known = i64::try_from(id).ok().map(|id| statement.query_row([id], |row| row.get(0)).optional());
            known.transpose().at(&self.path)?.flatten().ok_or_else(|| Error::NothingOfThisName {
                path: self.path.parent().unwrap_or(&self.path).into(),
                what: if table == "batches" { "batch" } else { "exemplar" },
                name: id.to_string(),
                similar: None,
            })
        };
        ids.iter().map(row_of).collect()
    }

    /// The row of a label, which must be there.
    pub(crate) fn label_row(&self, label: &str) -> Result<i64> {
        let select = "SELECT id FROM labels WHERE name = ?1";
        let row = self.db.query_row(select, [label], |row| row.get(0)).optional().at(&self.path)?;
        if let Some(row) = row {
            return Ok(row);
        }
        let mut statement = self.db.prepare("SELECT name FROM labels").at(&self.path)?;
        let known = statement.query_map([], |row| row.get(0)).at(&self.path)?;
        let known: Vec<String> = known.collect::<rusqlite::Result<_>>().at(&self.path)?;
        Err(Error::NothingOfThisName {
            path: self.path.parent().unwrap_or(&self.path).into(),
            what: "label",
            name: format!("{label:?}"),
            similar: similar(label, known.iter().map(String::as_str)).map(str::to_owned),
        })
    }
}
