//! Which exemplars meet a condition. SQLite compares, with every value as a parameter; what it finds is joined here, so that
//! no transaction is longer than a page of an index takes.

use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::{Comparison, Expression, Name, Test, Where, WhereError};
use crate::error::{Result, SqlContext};
use crate::store::attribute_rows::{self, Known, to_stored};
use crate::store::catalog::Catalog;
use crate::store::readers::TOGETHER;
use crate::{AttributeType, AttributeValue, SelectError, similar};

/// Makes a transaction of the catalogue and hands it over.
pub(crate) type Transact<'t> = &'t dyn Fn(&mut dyn FnMut(&Catalog) -> Result<()>) -> Result<()>;

/// The exemplars that a condition is about.
pub(crate) struct Population<'p> {
    /// Id and position of the label, by id.
    pub exemplars: Vec<(u64, usize)>,
    pub labels: Vec<&'p str>,
}

impl Where {
    /// Ids of those that meet it, ascending.
    ///
    /// # Errors
    /// When an attribute is not known, or is compared with a value of another type.
    pub(crate) fn evaluate(
        &self,
        population: &Population<'_>,
        transact: Transact<'_>,
    ) -> Result<Vec<u64>, SelectError> {
        let mut known = Known::new();
        transact(&mut |catalog| {
            known = attribute_rows::known(&catalog.db).at(&catalog.path)?;
            Ok(())
        })?;
        let met = Evaluation { population, transact, known }.expression(&self.0)?;
        Ok(population.exemplars.iter().zip(met).filter(|(_, met)| *met).map(|((id, _), _)| *id).collect())
    }
}

struct Evaluation<'e> {
    population: &'e Population<'e>,
    transact: Transact<'e>,
    known: Known,
}

/// A test may be of another type than what it is about.
type Checked<T> = std::result::Result<T, WhereError>;

/// What SQLite is to find true of a value: `= ?1`, with its parameters.
struct Condition {
    sql: String,
    parameters: Vec<Value>,
}

/// Values between which all that can meet a condition lies.
#[derive(Default)]
struct Bounds {
    least: Option<Value>,
    most: Option<Value>,
}

impl Evaluation<'_> {
    /// Whether each of the population meets it.
    fn expression(&self, expression: &Expression) -> Result<Vec<bool>, SelectError> {
        let joined = |parts: &[Expression], join: fn(bool, bool) -> bool| -> Result<Vec<bool>, SelectError> {
            let mut parts = parts.iter().map(|part| self.expression(part));
            let first = parts.next().unwrap_or_else(|| Ok(self.nobody()))?;
            parts.try_fold(first, |met, part| Ok(met.into_iter().zip(part?).map(|(a, b)| join(a, b)).collect()))
        };
        match expression {
            Expression::All(parts) => joined(parts, |a, b| a && b),
            Expression::Any(parts) => joined(parts, |a, b| a || b),
            Expression::Not(part) => Ok(self.expression(part)?.into_iter().map(|met| !met).collect()),
            Expression::Test(name, test) => self.test(name, test),
        }
    }

    fn nobody(&self) -> Vec<bool> {
        vec![false; self.population.exemplars.len()]
    }

    fn test(&self, name: &Name, test: &Test) -> Result<Vec<bool>, SelectError> {
        let (row, kind) = match name {
            Name::Id | Name::Batch => (0, AttributeType::Number),
            Name::Label | Name::Source => (0, AttributeType::Text),
            Name::Attribute(name) => *self.known.get(name).ok_or_else(|| self.unknown(name))?,
        };
        let (condition, bounds) = condition(name, kind, test)?;
        match name {
            Name::Id => self.by_column("id", &condition),
            Name::Batch => self.by_column("batch", &condition),
            // A path that is not UTF-8 is a blob. What is absent meets no comparison.
            Name::Source if matches!(test, Test::Null { .. }) => self.by_column("source", &condition),
            Name::Source => self.by_column("source IS NOT NULL AND CAST(source AS TEXT)", &condition),
            Name::Label => self.by_label(&condition),
            // There is no row for what is absent.
            Name::Attribute(_) if matches!(test, Test::Null { negated: false }) => {
                Ok(self.by_attribute(row, kind, &condition, bounds)?.into_iter().map(|has| !has).collect())
            }
            Name::Attribute(_) => self.by_attribute(row, kind, &condition, bounds),
        }
    }

    /// By what stands in the table of exemplars.
    fn by_column(&self, column: &str, Condition { sql, parameters }: &Condition) -> Result<Vec<bool>, SelectError> {
        let count = parameters.len();
        let select =
            format!("SELECT id FROM exemplars WHERE {column} {sql} AND id BETWEEN ?{} AND ?{}", count + 1, count + 2);
        let mut met = self.nobody();
        for some in self.population.exemplars.chunks(TOGETHER) {
            let (Some((first, _)), Some((last, _))) = (some.first(), some.last()) else { continue };
            let range = [*first, *last].map(|id| Value::Integer(id as i64));
            (self.transact)(&mut |catalog| {
                let mut statement = catalog.db.prepare_cached(&select).at(&catalog.path)?;
                let mut rows = statement.query(params_from_iter(parameters.iter().chain(&range))).at(&catalog.path)?;
                while let Some(row) = rows.next().at(&catalog.path)? {
                    self.meets(&mut met, row.get(0).at(&catalog.path)?);
                }
                Ok(())
            })?;
        }
        Ok(met)
    }

    /// By their labels, each of which is asked about once.
    fn by_label(&self, Condition { sql, parameters }: &Condition) -> Result<Vec<bool>, SelectError> {
        let select = format!("SELECT ?{} {sql}", parameters.len() + 1);
        let mut label_meets = Vec::with_capacity(self.population.labels.len());
        (self.transact)(&mut |catalog| {
            let mut statement = catalog.db.prepare_cached(&select).at(&catalog.path)?;
            for label in &self.population.labels {
                let label = Value::Text((*label).to_owned());
                let meets = statement.query_row(params_from_iter(parameters.iter().chain([&label])), |row| row.get(0));
                label_meets.push(meets.at(&catalog.path)?);
            }
            Ok(())
        })?;
        Ok(self.population.exemplars.iter().map(|(_, label)| label_meets[*label]).collect())
    }

    /// By an attribute, in the order of its index, a page at a time.
    fn by_attribute(
        &self,
        row: i64,
        kind: AttributeType,
        Condition { sql, parameters }: &Condition,
        Bounds { least, most }: Bounds,
    ) -> Result<Vec<bool>, SelectError> {
        let count = parameters.len();
        let [attribute, value, exemplar, last] = [1, 2, 3, 4].map(|place| count + place);
        let most_sql = if most.is_some() { format!("AND value <= ?{last}") } else { String::new() };
        let select = format!(
            "SELECT exemplar, value, value {sql} FROM attribute_values \
             WHERE attribute = ?{attribute} AND (value, exemplar) > (?{value}, ?{exemplar}) {most_sql} \
             ORDER BY value, exemplar LIMIT {TOGETHER}"
        );
        let mut met = self.nobody();
        let mut after = (least.unwrap_or_else(|| least_of(kind)), -1);
        loop {
            let mut found = 0;
            (self.transact)(&mut |catalog| {
                let path = &catalog.path;
                let mut statement = catalog.db.prepare_cached(&select).at(path)?;
                let place = [Value::Integer(row), after.0.clone(), Value::Integer(after.1)];
                let mut rows =
                    statement.query(params_from_iter(parameters.iter().chain(&place).chain(&most))).at(path)?;
                while let Some(row) = rows.next().at(path)? {
                    found += 1;
                    let exemplar: i64 = row.get(0).at(path)?;
                    if row.get(2).at(path)? {
                        self.meets(&mut met, exemplar as u64);
                    }
                    if found == TOGETHER {
                        after = (row.get(1).at(path)?, exemplar);
                    }
                }
                Ok(())
            })?;
            if found < TOGETHER {
                return Ok(met);
            }
        }
    }

    /// Those that were added since are not of the population.
    fn meets(&self, met: &mut [bool], id: u64) {
        if let Ok(place) = self.population.exemplars.binary_search_by_key(&id, |(id, _)| *id) {
            met[place] = true;
        }
    }

    fn unknown(&self, name: &str) -> WhereError {
        let known = self.known.iter().map(|(name, (_, kind))| (name.clone(), *kind)).collect();
        let built_in = Name::BUILT_IN.iter().map(|(name, _)| *name);
        let similar = similar(name, self.known.keys().map(String::as_str).chain(built_in)).map(str::to_owned);
        WhereError::UnknownAttribute { name: name.into(), similar, known }
    }
}

/// What is less than all values of a type, or the least of them.
fn least_of(kind: AttributeType) -> Value {
    match kind {
        AttributeType::Boolean => Value::Integer(0),
        AttributeType::Number => Value::Real(f64::NEG_INFINITY),
        AttributeType::Date | AttributeType::Text => Value::Text(String::new()),
    }
}

/// A test of something that has this type.
fn condition(name: &Name, kind: AttributeType, test: &Test) -> Checked<(Condition, Bounds)> {
    let numbered = |count: usize| (1..=count).map(|number| format!("?{number}")).collect::<Vec<_>>().join(", ");
    Ok(match test {
        Test::Compare(comparison, value) => {
            if kind == AttributeType::Boolean && !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
                let (name, test) = (name.to_string(), comparison.sign());
                return Err(WhereError::Test { name, kind, test, remedy: "compare it by = or !=" });
            }
            let value = of_kind(name, kind, value)?;
            let bound = || Some(value.clone());
            let bounds = match comparison {
                Comparison::Equal => Bounds { least: bound(), most: bound() },
                Comparison::Less | Comparison::LessOrEqual => Bounds { least: None, most: bound() },
                Comparison::Greater | Comparison::GreaterOrEqual => Bounds { least: bound(), most: None },
                Comparison::NotEqual => Bounds::default(),
            };
            (Condition { sql: format!("{} ?1", comparison.sign()), parameters: vec![value] }, bounds)
        }
        Test::In { values, negated } => {
            let parameters = values.iter().map(|value| of_kind(name, kind, value)).collect::<Checked<Vec<_>>>()?;
            let not = if *negated { "NOT " } else { "" };
            (Condition { sql: format!("{not}IN ({})", numbered(values.len())), parameters }, Bounds::default())
        }
        Test::Fits { pattern, text, negated } => {
            if kind != AttributeType::Text {
                let (name, test) = (name.to_string(), pattern.word());
                return Err(WhereError::Test { name, kind, test, remedy: "a pattern fits text alone" });
            }
            let not = if *negated { "NOT " } else { "" };
            let sql = format!("{not}{} ?1", pattern.word());
            (Condition { sql, parameters: vec![Value::Text(text.clone())] }, Bounds::default())
        }
        Test::Null { negated } => {
            // An attribute that is there is never null: whoever asks turns that round.
            let is_asked_of_rows = matches!(name, Name::Attribute(_));
            let sql = if *negated || is_asked_of_rows { "IS NOT NULL" } else { "IS NULL" };
            (Condition { sql: sql.into(), parameters: Vec::new() }, Bounds::default())
        }
    })
}

/// A value that must have this type, as a parameter.
fn of_kind(name: &Name, kind: AttributeType, value: &AttributeValue) -> Checked<Value> {
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
    Ok(to_stored(&of_kind))
}
