//! Conditions on what is known of exemplars: `camera = 'north' and year >= 2020`.

pub(crate) mod evaluate;
pub(crate) mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AttributeType, AttributeValue};

/// A condition that an exemplar meets or does not.
///
/// ```text
/// camera = 'north' and year >= 2020
/// day in ('2024-02-28', '2024-02-29') or not wild = true
/// "focal length" is not null and label like 'lynx%' and source glob '*/beach/*'
/// ```
///
/// Names are those of attributes, and `id`, `label`, `source` and `batch`, which every exemplar has but for the source. A
/// name in double quotes is always an attribute; it needs them where it is one of these four, one of the words below, or
/// holds anything but letters, digits, `_`, `-` and `.`. Case counts in names and does not in the words.
///
/// Values are numbers, `true`, `false`, and text in single quotes, doubled within (`'it''s'`). A date is such a text,
/// `'YYYY-MM-DD'`. A value must have the type of what it is compared with.
///
/// | condition | of types | met where |
/// |---|---|---|
/// | `=` `==` `!=` `<>` | all | the values are the same, or not |
/// | `<` `<=` `>` `>=` | number, date, text | in order; text by its bytes |
/// | `in (…, …)` | all | one of the values |
/// | `like '…'` | text | `%` is any text and `_` any character; ASCII letters fit in either case |
/// | `glob '…'` | text | `*` is any text, `?` any character, `[a-z]` one of a set; case counts |
/// | `is null` | all | the exemplar does not have it |
/// | `not` `and` `or` `( )` | | binding in this order |
///
/// A comparison with what the exemplar does not have is not met, `!=` and `not in` included; every condition is met or not,
/// so that `not year = 2020` is met where there is no year. `not` may also stand within: `not in`, `not like`, `not glob`,
/// `is not null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Where(pub(crate) Expression);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Test(Name, Test),
}

/// What is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Id,
    Label,
    Source,
    Batch,
    Attribute(String),
}

impl Name {
    pub(crate) const BUILT_IN: [(&str, Self); 4] =
        [("id", Self::Id), ("label", Self::Label), ("source", Self::Source), ("batch", Self::Batch)];
}

/// What must be true of it. A value is text, a number or a boolean: which text is a date, its name's type says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    Compare(Comparison, AttributeValue),
    In { values: Vec<AttributeValue>, negated: bool },
    Fits { pattern: Pattern, text: String, negated: bool },
    Null { negated: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// As SQL has it, and as it is shown.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    Like,
    Glob,
}

impl Pattern {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Like => "like",
            Self::Glob => "glob",
        }
    }
}

/// What is wrong with a condition.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WhereError {
    /// It cannot be read.
    #[error("condition, at character {at}: expected {expected}, found {found}")]
    Syntax {
        /// Where, counted in characters from 1.
        at: usize,
        /// What could stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// It is larger than any that somebody writes.
    #[error("condition: {what} more than {most}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        most: usize,
    },
    /// The memory has no such attribute.
    #[error("there is no attribute {name:?}{}There are {}", did_you_mean(similar.as_deref()), listed(known))]
    UnknownAttribute {
        /// The name.
        name: String,
        /// What may have been meant.
        similar: Option<String>,
        /// Names and types of those that there are.
        known: Vec<(String, AttributeType)>,
    },
    /// A value has another type than what it is compared with.
    #[error("{name} is a {kind}, so that it cannot be compared with {value}; {remedy}")]
    Type {
        /// What is compared.
        name: String,
        /// Its type.
        kind: AttributeType,
        /// The value.
        value: String,
        /// What to write.
        remedy: &'static str,
    },
    /// Values of this type have no order, or are no text that a pattern could fit.
    #[error("{name} is a {kind}, of which there is no {test:?}; {remedy}")]
    Test {
        /// What is tested.
        name: String,
        /// Its type.
        kind: AttributeType,
        /// The test.
        test: &'static str,
        /// What to write.
        remedy: &'static str,
    },
}

fn did_you_mean(similar: Option<&str>) -> String {
    similar.map_or_else(|| ". ".into(), |similar| format!("; did you mean {similar:?}? "))
}

fn listed(known: &[(String, AttributeType)]) -> String {
    let attributes = known.iter().map(|(name, kind)| format!("{name} ({kind}), "));
    attributes.collect::<String>() + "id, label, source and batch"
}

impl Where {
    /// Met where both are.
    pub fn and(self, other: Self) -> Self {
        Self(joined(self.0, other.0, Expression::All, |expression| match expression {
            Expression::All(parts) => Ok(parts),
            other => Err(other),
        }))
    }

    /// Met where one of the two is.
    pub fn or(self, other: Self) -> Self {
        Self(joined(self.0, other.0, Expression::Any, |expression| match expression {
            Expression::Any(parts) => Ok(parts),
            other => Err(other),
        }))
    }
}

/// Joins two expressions; what is joined in the same way already is not nested.
fn joined(
    one: Expression,
    other: Expression,
    join: fn(Vec<Expression>) -> Expression,
    parts: fn(Expression) -> Result<Vec<Expression>, Expression>,
) -> Expression {
    let [mut all, more] = [one, other].map(|expression| parts(expression).unwrap_or_else(|single| vec![single]));
    all.extend(more);
    join(all)
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Where> for String {
    fn from(condition: Where) -> Self {
        condition.to_string()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            for (place, part) in parts.iter().enumerate() {
                if place > 0 {
                    write!(f, " {word} ")?;
                }
                part.fmt_within(f)?;
            }
            Ok(())
        };
        match self {
            Self::All(parts) => joined(f, parts, "and"),
            Self::Any(parts) => joined(f, parts, "or"),
            Self::Not(part) => {
                f.write_str("not ")?;
                part.fmt_within(f)
            }
            Self::Test(name, test) => write!(f, "{name} {test}"),
        }
    }
}

impl Expression {
    /// In parentheses, where it is of several parts.
    fn fmt_within(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(_) | Self::Any(_) => write!(f, "({self})"),
            Self::Not(_) | Self::Test(..) => write!(f, "{self}"),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(name) if parse::is_bare(name) => f.write_str(name),
            Self::Attribute(name) => write!(f, "\"{}\"", name.replace('"', "\"\"")),
            other => {
                let known = Self::BUILT_IN.iter().find(|(_, known)| known == other);
                f.write_str(known.map_or("", |(name, _)| name))
            }
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = |negated: &bool| if *negated { "not " } else { "" };
        match self {
            Self::Compare(comparison, value) => write!(f, "{} {}", comparison.sign(), written(value)),
            Self::In { values, negated } => {
                let values: Vec<String> = values.iter().map(written).collect();
                write!(f, "{}in ({})", not(negated), values.join(", "))
            }
            Self::Fits { pattern, text, negated } => {
                write!(f, "{}{} {}", not(negated), pattern.word(), quoted(text))
            }
            Self::Null { negated } => write!(f, "is {}null", not(negated)),
        }
    }
}

/// A value as a condition has it.
fn written(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Text(text) => quoted(text),
        AttributeValue::Date(date) => quoted(&date.to_string()),
        plain => plain.to_string(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
