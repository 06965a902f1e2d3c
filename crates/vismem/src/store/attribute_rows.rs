//! The attributes of exemplars in the catalogue.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use rusqlite::types::{Type, Value, ValueRef};
use rusqlite::{Connection, Row, Transaction};
use serde::Serialize;

use crate::error::{Result, SqlContext};
use crate::store::attribute::{AttributeType, AttributeValue, Attributes};
use crate::store::catalog::Record;
use crate::store::upgrade;
use crate::{EditError, Editor, Memory};

/// An attribute that a memory knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: AttributeType,
    /// How many exemplars have it.
    pub exemplars: u64,
}

impl Memory {
    /// The attributes that its exemplars have, by name.
    ///
    /// # Errors
    /// When the catalogue cannot be read, or something was forgotten since this memory was opened.
    pub fn attributes(&self) -> Result<Vec<Attribute>> {
        let known = self.read(|catalog| known(&catalog.db).at(&catalog.path))?;
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let ids = self.ids();
        let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
        for part in self.parts() {
            for (exemplar, attribute) in self.read(|catalog| pairs(&catalog.db, &part.within).at(&catalog.path))? {
                // Those that were added since are others.
                if ids.binary_search(&exemplar).is_ok() {
                    *counts.entry(attribute).or_default() += 1;
                }
            }
        }
        let counted = known.into_iter().filter_map(|(name, (row, kind))| {
            let exemplars = *counts.get(&row)?;
            Some(Attribute { name, kind, exemplars })
        });
        Ok(counted.collect())
    }
}

impl Editor {
    /// The type of every attribute that the memory knows: what is added must have the same.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn attribute_types(&self) -> Result<BTreeMap<String, AttributeType>> {
        let known = known(&self.catalog.db).at(&self.catalog.path)?;
        Ok(known.into_iter().map(|(name, (_, kind))| (name, kind)).collect())
    }
}

/// Row and type of each attribute, by name.
pub(crate) type Known = BTreeMap<String, (i64, AttributeType)>;

pub(crate) fn known(db: &Connection) -> rusqlite::Result<Known> {
    if !upgrade::is_format_2(db)? {
        return Ok(Known::new());
    }
    let mut statement = db.prepare_cached("SELECT name, id, type FROM attributes")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, kind(row, 2)?))))?;
    rows.collect()
}

/// Which exemplar, of those with ids in a range, has which attribute.
fn pairs(db: &Connection, ids: &RangeInclusive<u64>) -> rusqlite::Result<Vec<(u64, i64)>> {
    let select = "SELECT exemplar, attribute FROM attribute_values WHERE exemplar BETWEEN ?1 AND ?2";
    let mut statement = db.prepare_cached(select)?;
    statement.query_map([ids.start(), ids.end()], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Checks that attributes have the types that the memory, or an exemplar before them, gives them.
///
/// # Errors
/// [`EditError::AttributeType`] names the first that has another.
pub(crate) fn check_types<'a>(
    known: &Known,
    exemplars: impl IntoIterator<Item = &'a Attributes>,
) -> Result<(), EditError> {
    let mut kinds: BTreeMap<&str, AttributeType> = known.iter().map(|(name, (_, kind))| (&**name, *kind)).collect();
    for (index, attributes) in exemplars.into_iter().enumerate() {
        for (name, value) in attributes.iter() {
            let kind = *kinds.entry(name).or_insert(value.kind());
            if value.kind() != kind {
                return Err(EditError::AttributeType { index, name: name.into(), kind, found: value.kind() });
            }
        }
    }
    Ok(())
}

/// Enters the attributes of a new exemplar; attributes that are not known yet are entered into `known`.
pub(crate) fn insert(
    tx: &Transaction<'_>,
    known: &mut Known,
    exemplar: u64,
    attributes: &Attributes,
) -> rusqlite::Result<()> {
    for (name, value) in attributes.iter() {
        let row = match known.get(name) {
            Some((row, _)) => *row,
            None => {
                let insert = "INSERT INTO attributes (name, type) VALUES (?1, ?2)";
                tx.prepare_cached(insert)?.execute((name, value.kind().name()))?;
                let row = tx.last_insert_rowid();
                known.insert(name.into(), (row, value.kind()));
                row
            }
        };
        let insert = "INSERT INTO attribute_values VALUES (?1, ?2, ?3)";
        tx.prepare_cached(insert)?.execute((exemplar, row, to_stored(value)))?;
    }
    Ok(())
}

/// Deletes the names of attributes that no exemplar has any more. The values go with their exemplars.
pub(crate) fn delete_unused(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.prepare_cached(&format!("DELETE FROM attributes WHERE {UNUSED}"))?.execute([]).map(|_| ())
}

const UNUSED: &str = "NOT EXISTS (SELECT 1 FROM attribute_values WHERE attribute = attributes.id)";

/// The names of attributes that no exemplar has: there should be none.
pub(crate) fn unused(db: &Connection) -> rusqlite::Result<Vec<String>> {
    if !upgrade::is_format_2(db)? {
        return Ok(Vec::new());
    }
    let select = format!("SELECT name FROM attributes WHERE {UNUSED}");
    db.prepare_cached(&select)?.query_map([], |row| row.get(0))?.collect()
}

/// Reads the attributes of these records.
pub(crate) fn fill(db: &Connection, records: &mut [Record]) -> rusqlite::Result<()> {
    if !upgrade::is_format_2(db)? {
        return Ok(());
    }
    let places: BTreeMap<u64, usize> = records.iter().map(|record| record.id).zip(0..).collect();
    // Numbers as Rust shows them are a JSON array. One parameter, however many numbers.
    let ids = format!("{:?}", places.keys().collect::<Vec<_>>());
    let mut statement = db.prepare_cached(
        "SELECT exemplar, attributes.name, attributes.type, attribute_values.value FROM json_each(?1) AS wanted \
         CROSS JOIN attribute_values ON exemplar = wanted.value JOIN attributes ON attributes.id = attribute",
    )?;
    let mut rows = statement.query([ids])?;
    while let Some(row) = rows.next()? {
        let (exemplar, name): (u64, String) = (row.get(0)?, row.get(1)?);
        let kind = kind(row, 2)?;
        let found = row.get_ref(3)?;
        let wrong = || rusqlite::Error::InvalidColumnType(3, format!("attribute {name:?}"), found.data_type());
        let value = from_stored(found, kind).ok_or_else(wrong)?;
        if let Some(&place) = places.get(&exemplar) {
            records[place].attributes.insert(&*name, value).map_err(|_| wrong())?;
        }
    }
    Ok(())
}

fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<AttributeType> {
    let unknown = || rusqlite::Error::InvalidColumnType(column, "type".into(), Type::Text);
    row.get_ref(column)?.as_str().ok().and_then(|name| name.parse().ok()).ok_or_else(unknown)
}

/// The value that is stored.
fn from_stored(stored: ValueRef<'_>, kind: AttributeType) -> Option<AttributeValue> {
    match (kind, stored) {
        (AttributeType::Boolean, ValueRef::Integer(boolean @ (0 | 1))) => Some(AttributeValue::Boolean(boolean == 1)),
        (AttributeType::Number, ValueRef::Real(number)) => Some(AttributeValue::Number(number)),
        (AttributeType::Date | AttributeType::Text, ValueRef::Text(text)) => {
            AttributeValue::parse(str::from_utf8(text).ok()?, kind)
        }
        _ => None,
    }
}

/// A value as it is to be stored, and compared with what is stored.
pub(crate) fn to_stored(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Text(text) => Value::Text(text.clone()),
        AttributeValue::Number(number) => Value::Real(*number),
        AttributeValue::Boolean(boolean) => Value::Integer((*boolean).into()),
        AttributeValue::Date(date) => Value::Text(date.to_string()),
    }
}
