//! Conditions as SQL over exemplars and their attributes. Every value is a parameter.

use rusqlite::types::Value;

use super::{Comparison, Expression, Name, TESTS, Test, VALUES, Where, WhereError, at_most};
use crate::store::attribute_rows::{Known, to_stored};
use crate::{AttributeType, AttributeValue, similar};

impl Where {
    /// As a condition of a row of `exemplars`. Its parameters are pushed onto `values` and numbered by their place there.
    ///
    /// # Errors
    /// When an attribute is not `known`, or is compared with a value of another type.
    pub(crate) fn to_sql(&self, known: &Known, values: &mut Vec<Value>) -> Result<String, WhereError> {
        let before = values.len();
        let mut translation = Translation { known, values, tests: 0 };
        let sql = translation.expression(&self.0)?;
        // Joined conditions may be larger than any that is read.
        at_most(translation.tests, "comparisons,", TESTS)?;
        at_most(translation.values.len() - before, "values,", VALUES + TESTS)?;
        Ok(sql)
    }
}

struct Translation<'a> {
    known: &'a Known,
    values: &'a mut Vec<Value>,
    tests: usize,
}

impl Translation<'_> {
    fn expression(&mut self, expression: &Expression) -> Result<String, WhereError> {
        match expression {
            Expression::All(parts) => self.joined(parts, " AND "),
            Expression::Any(parts) => self.joined(parts, " OR "),
            Expression::Not(part) => Ok(format!("NOT {}", self.expression(part)?)),
            Expression::Test(name, test) => self.test(name, test),
        }
    }

    fn joined(&mut self, parts: &[Expression], word: &str) -> Result<String, WhereError> {
        let parts = parts.iter().map(|part| self.expression(part)).collect::<Result<Vec<_>, _>>()?;
        Ok(format!("({})", parts.join(word)))
    }

    fn test(&mut self, name: &Name, test: &Test) -> Result<String, WhereError> {
        self.tests += 1;
        let (kind, row) = match name {
            Name::Id | Name::Batch => (AttributeType::Number, None),
            Name::Label | Name::Source => (AttributeType::Text, None),
            Name::Attribute(name) => {
                let (row, kind) = self.known.get(name).ok_or_else(|| self.unknown(name))?;
                (*kind, Some(self.parameter(Value::Integer(*row))))
            }
        };
        let condition = match test {
            Test::Compare(comparison, value) => {
                if kind == AttributeType::Boolean && !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
                    let (name, test) = (name.to_string(), comparison.sign());
                    return Err(WhereError::Test { name, kind, test, remedy: "compare it by = or !=" });
                }
                format!("{} {}", comparison.sign(), self.value(name, kind, value)?)
            }
            Test::In { values, negated } => {
                let values = values.iter().map(|value| self.value(name, kind, value)).collect::<Result<Vec<_>, _>>()?;
                format!("{} ({})", if *negated { "NOT IN" } else { "IN" }, values.join(", "))
            }
            Test::Fits { pattern, text, negated } => {
                if kind != AttributeType::Text {
                    let (name, test) = (name.to_string(), pattern.word());
                    return Err(WhereError::Test { name, kind, test, remedy: "a pattern fits text alone" });
                }
                let not = if *negated { "NOT " } else { "" };
                format!("{not}{} {}", pattern.word(), self.parameter(Value::Text(text.clone())))
            }
            Test::Null { negated } => {
                let has = match name {
                    Name::Id | Name::Batch | Name::Label => "TRUE".to_owned(),
                    Name::Source => "source IS NOT NULL".to_owned(),
                    Name::Attribute(_) => has_value(&row.unwrap_or_default(), ""),
                };
                return Ok(if *negated { format!("({has})") } else { format!("NOT ({has})") });
            }
        };
        // None of these is ever null.
        Ok(match name {
            Name::Id => format!("(exemplars.id {condition})"),
            Name::Batch => format!("(exemplars.batch {condition})"),
            Name::Label => format!("exemplars.label IN (SELECT id FROM labels WHERE name {condition})"),
            // A path that is not UTF-8 is a blob.
            Name::Source => format!("(source IS NOT NULL AND CAST(source AS TEXT) {condition})"),
            Name::Attribute(_) => has_value(&row.unwrap_or_default(), &format!(" AND value {condition}")),
        })
    }

    /// A parameter for a value that must have this type.
    fn value(&mut self, name: &Name, kind: AttributeType, value: &AttributeValue) -> Result<String, WhereError> {
        let of_kind = match (value, kind) {
            (AttributeValue::Text(_), AttributeType::Date) => value.clone().cast(kind),
            (value, kind) => (value.kind() == kind).then(|| value.clone()),
        };
        let of_kind = of_kind.ok_or_else(|| WhereError::Type {
            name: name.to_string(),
            kind,
            value: super::written(value),
            remedy: match kind {
                AttributeType::Boolean => "write true or false",
                AttributeType::Number => "write a number, without quotes",
                AttributeType::Date => "write 'YYYY-MM-DD'",
                AttributeType::Text => "write text in single quotes",
            },
        })?;
        Ok(self.parameter(to_stored(&of_kind)))
    }

    fn parameter(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    fn unknown(&self, name: &str) -> WhereError {
        let known = || self.known.iter().map(|(name, (_, kind))| (name.clone(), *kind));
        let built_in = Name::BUILT_IN.iter().map(|(name, _)| *name);
        let similar = similar(name, self.known.keys().map(String::as_str).chain(built_in)).map(str::to_owned);
        WhereError::UnknownAttribute { name: name.into(), similar, known: known().collect() }
    }
}

/// Whether the exemplar has a value of an attribute that meets a condition.
fn has_value(attribute: &str, condition: &str) -> String {
    format!("exemplars.id IN (SELECT exemplar FROM attribute_values WHERE attribute = {attribute}{condition})")
}
