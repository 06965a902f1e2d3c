//! What else a data set says of its pictures: attributes, from columns of tables and keys of JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value as Json};
use vismem::{AttributeType, AttributeValue, Attributes};

use crate::dataset::{Reader, Wanted};
use crate::error::{Field, Remedy};
use crate::parquet::Value;
use crate::picture::Fault;

/// The column or key that says which part of a data set a picture belongs to, which is nothing of the picture.
const SPLIT: &str = "split";

/// Up to here every whole number is an `f64`.
const LARGEST_EXACT: u64 = 1 << 53;

/// Which attributes are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// Whatever has no other meaning.
    All,
    /// These.
    Named(Vec<String>),
}

impl Chosen {
    /// What the request chooses; only pictures that are to be learnt have attributes.
    pub fn of(reader: &Reader<'_>) -> Self {
        match &reader.reading.attributes {
            _ if reader.wanted != Wanted::OneLabel => Self::Named(Vec::new()),
            None => Self::All,
            Some(names) => Self::Named(names.clone()),
        }
    }

    pub fn is_none(&self) -> bool {
        *self == Self::Named(Vec::new())
    }

    /// Whether something of this name is wanted, which has another meaning where that is so.
    pub fn wants(&self, name: &str, has_meaning: bool) -> bool {
        match self {
            Self::All => !has_meaning && name != SPLIT && !name.is_empty(),
            Self::Named(names) => names.iter().any(|wanted| wanted == name),
        }
    }
}

/// The attributes in columns of text, row by row. Each column has the narrowest type that fits all of its cells, and what is
/// `known` of it; an empty cell is not a value.
pub(crate) fn of_cells(
    names: &[String],
    rows: &[Vec<String>],
    known: &BTreeMap<String, AttributeType>,
) -> Vec<Attributes> {
    let cells = |column: usize| rows.iter().map(move |row| row[column].as_str());
    let kind = |(column, name): (usize, &String)| AttributeType::infer(cells(column), known.get(name).copied());
    let kinds: Vec<_> = names.iter().enumerate().map(kind).collect();
    let row = |row: &Vec<String>| {
        let mut attributes = Attributes::default();
        for ((name, kind), cell) in names.iter().zip(&kinds).zip(row) {
            let value = kind.filter(|_| !cell.is_empty()).and_then(|kind| AttributeValue::parse(cell, kind));
            if let Some(value) = value {
                // Columns have names, and what is parsed is finite.
                let _ = attributes.insert(name, value);
            }
        }
        attributes
    };
    rows.iter().map(row).collect()
}

/// Sets the attribute that a cell of a Parquet table is, if there is a value. `classes` are names of numbers, if it has some.
pub(crate) fn set(attributes: &mut Attributes, name: &str, value: Value, classes: &[String]) -> Result<(), Fault> {
    let value = match value {
        Value::Integer(number) if !classes.is_empty() => {
            let class = usize::try_from(number).ok().and_then(|number| classes.get(number));
            class.cloned().map(AttributeValue::Text)
        }
        Value::Integer(number) => Some(exact(name, number.unsigned_abs(), number as f64)?),
        Value::Real(number) if number.is_nan() => None,
        Value::Real(number) => Some(AttributeValue::Number(number)),
        Value::Boolean(value) => Some(AttributeValue::Boolean(value)),
        Value::Date(date) => Some(AttributeValue::Date(date)),
        Value::Text(text) if !text.is_empty() => Some(AttributeValue::Text(text)),
        Value::Null | Value::Text(_) | Value::Bytes(_) => None,
    };
    insert(attributes, name, value)
}

/// The attributes among the keys of an object: texts, numbers and booleans. `is_label` tells the keys that have the label.
pub(crate) fn of_json(
    object: &Map<String, Json>,
    chosen: &Chosen,
    is_label: impl Fn(&str) -> bool,
) -> Result<Attributes, Fault> {
    let mut attributes = Attributes::default();
    for (name, value) in object.iter().filter(|(name, _)| chosen.wants(name, is_label(name))) {
        let value = match value {
            Json::String(text) if !text.is_empty() => Some(AttributeValue::Text(text.clone())),
            Json::Bool(value) => Some(AttributeValue::Boolean(*value)),
            Json::Number(number) => Some(of_number(name, number)?),
            Json::Null | Json::String(_) | Json::Array(_) | Json::Object(_) => None,
        };
        insert(&mut attributes, name, value)?;
    }
    Ok(attributes)
}

fn of_number(name: &str, number: &Number) -> Result<AttributeValue, Fault> {
    let whole = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
    let value = number.as_f64().unwrap_or(f64::INFINITY);
    whole.map_or(Ok(AttributeValue::Number(value)), |whole| exact(name, whole, value))
}

/// A whole number, if it is kept as it is.
fn exact(name: &str, size: u64, number: f64) -> Result<AttributeValue, Fault> {
    if size < LARGEST_EXACT {
        return Ok(AttributeValue::Number(number));
    }
    Err(unusable(format!("its {name} is too large to be kept exactly as a number; write it as text, or leave it out")))
}

fn insert(attributes: &mut Attributes, name: &str, value: Option<AttributeValue>) -> Result<(), Fault> {
    let Some(value) = value else { return Ok(()) };
    attributes.insert(name, value).map(drop).map_err(|error| unusable(error.to_string()))
}

fn unusable(reason: String) -> Fault {
    Fault::from(reason).with_remedy(Remedy::Choose(Field::Attributes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_column_of_cells_has_one_type() {
        let names = named(&["year", "code", "wild", "day", "none"]);
        let rows = [named(&["2019", "007", "true", "2024-02-29", ""]), named(&["7.5", "8", "", "2024-03-01", ""])];
        let known = BTreeMap::new();
        let found: Vec<String> = of_cells(&names, &rows, &known).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["code=007 day=2024-02-29 wild=true year=2019", "code=8 day=2024-03-01 year=7.5"]);
        let kind = |row: usize, name: &str| of_cells(&names, &rows, &known)[row].get(name).map(AttributeValue::kind);
        assert_eq!(kind(1, "code"), Some(AttributeType::Text), "as the other cells of its column");
        assert_eq!(kind(1, "wild"), None);
        let known = BTreeMap::from([("year".to_owned(), AttributeType::Text)]);
        assert_eq!(of_cells(&names, &rows, &known)[1].get("year"), Some(&"7.5".into()), "as in the memory");
    }

    #[test]
    fn keys_of_json_are_attributes_by_their_type() {
        let text = r#"{"label": "cat", "caption": "2020-01-01", "width": 640, "nsfw": false, "exif": {"a": 1}, "tags": [1],
            "license": "", "split": "train", "score": 0.5, "error": null}"#;
        let object: Map<String, Json> = serde_json::from_str(text).unwrap();
        let all = of_json(&object, &Chosen::All, |key| key == "label").unwrap();
        assert_eq!(all.to_string(), "caption=2020-01-01 nsfw=false score=0.5 width=640");
        assert_eq!(all.get("caption"), Some(&"2020-01-01".into()), "JSON has no dates");
        let some = of_json(&object, &Chosen::Named(named(&["split", "label", "none"])), |key| key == "label").unwrap();
        assert_eq!(some.to_string(), "label=cat split=train");
    }

    #[test]
    fn a_number_that_would_be_changed_is_refused() {
        let object: Map<String, Json> = serde_json::from_str(r#"{"id": 9007199254740993}"#).unwrap();
        let fault = of_json(&object, &Chosen::All, |_| false).unwrap_err();
        assert!(fault.reason.contains("its id is too large"), "{fault}");
        assert_eq!(fault.remedy, Some(Remedy::Choose(Field::Attributes)));
        let mut attributes = Attributes::default();
        assert!(set(&mut attributes, "id", Value::Integer(i64::MIN), &[]).is_err());
        assert!(set(&mut attributes, "id", Value::Real(f64::INFINITY), &[]).is_err());
        set(&mut attributes, "id", Value::Real(f64::NAN), &[]).unwrap();
        set(&mut attributes, "class", Value::Integer(-1), &named(&["a"])).unwrap();
        assert!(attributes.is_empty());
    }
}
