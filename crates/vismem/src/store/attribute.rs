//! What else is known of an exemplar: named values of four types.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest whole number up to which every whole number is an `f64`.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// The type of an attribute. All values of one attribute in a memory have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeType {
    /// `true` or `false`.
    Boolean,
    /// A finite number; whole numbers and fractions are one type.
    Number,
    /// A day of the calendar.
    Date,
    /// Any text.
    Text,
}

impl AttributeType {
    /// All types, the narrowest first: as [`AttributeType::infer`] tries them.
    pub const ALL: [Self; 4] = [Self::Boolean, Self::Number, Self::Date, Self::Text];

    /// The narrowest type that every cell of a column of text has, see [`AttributeValue::parse`]. Empty cells say nothing.
    /// `None` where all are empty.
    ///
    /// One that is met cell by cell: pass what came out so far as `so_far`.
    ///
    /// ```
    /// use vismem::AttributeType;
    ///
    /// assert_eq!(AttributeType::infer(["2019", "", "7.5"], None), Some(AttributeType::Number));
    /// assert_eq!(AttributeType::infer(["2019-03-01", "2020-02-29"], None), Some(AttributeType::Date));
    /// assert_eq!(AttributeType::infer(["north"], Some(AttributeType::Date)), Some(AttributeType::Text));
    /// assert_eq!(AttributeType::infer(["007"], None), Some(AttributeType::Text));
    /// ```
    pub fn infer<'a>(cells: impl IntoIterator<Item = &'a str>, so_far: Option<Self>) -> Option<Self> {
        cells.into_iter().filter(|cell| !cell.is_empty()).fold(so_far, |found, cell| {
            let here = AttributeValue::infer(cell).kind();
            Some(found.map_or(here, |found| found.join(here)))
        })
    }

    /// The type that values of both have as text: the type itself where they are the same, else text.
    pub fn join(self, other: Self) -> Self {
        if self == other { self } else { Self::Text }
    }

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Date => "date",
            Self::Text => "text",
        }
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AttributeType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, UnknownType> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| UnknownType { text: text.into() })
    }
}

/// A text that names no [`AttributeType`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a type of attributes; there are boolean, number, date and text")]
pub struct UnknownType {
    /// The text.
    pub text: String,
}

/// A day of the calendar, of the years 0 to 9999. Written and read as `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// The day, if the calendar has it: year 0 to 9999, month 1 to 12, day 1 to 31.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let (year, month, day) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        jiff::civil::Date::new(year, month, day).ok().map(Self)
    }

    /// The day that is `days` after 1970-01-01 (before it, where negative), as Parquet and Arrow count.
    pub fn from_days_since_1970(days: i32) -> Option<Self> {
        let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
        (date.year() >= 0).then_some(Self(date))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads `YYYY-MM-DD` and nothing else: no time of day, no shorter form.
impl FromStr for Date {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, NotADate> {
        let has_shape = text.len() == 10
            && text
                .bytes()
                .enumerate()
                .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
        let date = has_shape.then(|| text.parse().ok()).flatten();
        date.map(Self).ok_or_else(|| NotADate { text: text.into() })
    }
}

/// A text that is not a day of the calendar as `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a date of the form YYYY-MM-DD")]
pub struct NotADate {
    /// The text.
    pub text: String,
}

/// The value of an attribute.
///
/// In JSON it is the plain value: a string, a number, `true` or `false`; a date is the string `"YYYY-MM-DD"`. A string is
/// read as text, even where it looks like a date, because only the attribute's type tells: see [`AttributeValue::cast`].
///
/// Values of one type are ordered as one expects, text by its bytes; values of different types by their types.
#[derive(Debug, Clone)]
pub enum AttributeValue {
    /// Any text.
    Text(String),
    /// A finite number: [`Attributes::insert`] refuses others.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// A day of the calendar.
    Date(Date),
}

impl AttributeValue {
    /// Its type.
    pub fn kind(&self) -> AttributeType {
        match self {
            Self::Text(_) => AttributeType::Text,
            Self::Number(_) => AttributeType::Number,
            Self::Boolean(_) => AttributeType::Boolean,
            Self::Date(_) => AttributeType::Date,
        }
    }

    /// The value of this type that a cell of text stands for, if it stands for one.
    ///
    /// Booleans are `true` and `false` in any case. Numbers are decimal, such as `12`, `-0.5` or `1e-3`; those that an
    /// `f64` would change are text, and so are codes that begin with a zero, such as `007`. Dates are `YYYY-MM-DD`.
    pub fn parse(cell: &str, kind: AttributeType) -> Option<Self> {
        match kind {
            AttributeType::Boolean if cell.eq_ignore_ascii_case("true") => Some(Self::Boolean(true)),
            AttributeType::Boolean if cell.eq_ignore_ascii_case("false") => Some(Self::Boolean(false)),
            AttributeType::Boolean => None,
            AttributeType::Number => number(cell).map(Self::Number),
            AttributeType::Date => cell.parse().ok().map(Self::Date),
            AttributeType::Text => Some(Self::Text(cell.into())),
        }
    }

    /// The value of the narrowest type that a cell of text stands for. Where a column is at hand, let
    /// [`AttributeType::infer`] choose for all of it.
    pub fn infer(cell: &str) -> Self {
        let narrow = AttributeType::ALL.into_iter().find_map(|kind| Self::parse(cell, kind));
        narrow.unwrap_or_else(|| Self::Text(cell.into()))
    }

    /// This value as one of the type `kind`: itself where it has that type, its text where text is asked for, and the
    /// date that a text spells. `None` for all else, so that nothing is guessed.
    pub fn cast(self, kind: AttributeType) -> Option<Self> {
        match (self, kind) {
            (value, kind) if value.kind() == kind => Some(value),
            (value, AttributeType::Text) => Some(Self::Text(value.to_string())),
            (Self::Text(text), AttributeType::Date) => text.parse().ok().map(Self::Date),
            _ => None,
        }
    }
}

/// A decimal number that an `f64` holds as it is written, apart from rounding of a fraction.
fn number(cell: &str) -> Option<f64> {
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    let is_decimal =
        digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+'));
    let is_code = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    if !is_decimal || is_code || !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let value: f64 = cell.parse().ok()?;
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    (value.is_finite() && !(is_whole && value.abs() >= LARGEST_EXACT)).then_some(canonical(value))
}

/// There is one zero.
fn canonical(number: f64) -> f64 {
    if number == 0.0 { 0.0 } else { number }
}

/// As people write it: whole numbers without a fraction, dates as `YYYY-MM-DD`, text without quotes.
impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) if number.abs() < LARGEST_EXACT => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number:e}"),
            Self::Boolean(boolean) => write!(f, "{boolean}"),
            Self::Date(date) => write!(f, "{date}"),
        }
    }
}

impl Ord for AttributeValue {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => canonical(*one).total_cmp(&canonical(*other)),
            (Self::Boolean(one), Self::Boolean(other)) => one.cmp(other),
            (Self::Date(one), Self::Date(other)) => one.cmp(other),
            _ => self.kind().cmp(&other.kind()),
        }
    }
}

impl PartialOrd for AttributeValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for AttributeValue {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for AttributeValue {}

impl From<&str> for AttributeValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for AttributeValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for AttributeValue {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for AttributeValue {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

impl From<Date> for AttributeValue {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

impl Serialize for AttributeValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            // 2020 and not 2020.0.
            Self::Number(number) if number.fract() == 0.0 && number.abs() < LARGEST_EXACT => {
                serializer.serialize_i64(*number as i64)
            }
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Boolean(boolean) => serializer.serialize_bool(*boolean),
            Self::Date(date) => serializer.collect_str(date),
        }
    }
}

impl<'de> Deserialize<'de> for AttributeValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = AttributeValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true or false")
            }

            fn visit_str<E>(self, text: &str) -> Result<AttributeValue, E> {
                Ok(AttributeValue::Text(text.into()))
            }

            fn visit_string<E>(self, text: String) -> Result<AttributeValue, E> {
                Ok(AttributeValue::Text(text))
            }

            fn visit_bool<E>(self, boolean: bool) -> Result<AttributeValue, E> {
                Ok(AttributeValue::Boolean(boolean))
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<AttributeValue, E> {
                if !number.is_finite() {
                    return Err(E::custom("an attribute is a finite number"));
                }
                Ok(AttributeValue::Number(canonical(number)))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<AttributeValue, E> {
                exact(number as f64, number)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<AttributeValue, E> {
                exact(number as f64, number)
            }
        }
        fn exact<E: serde::de::Error>(number: f64, written: impl fmt::Display) -> Result<AttributeValue, E> {
            if number.abs() >= LARGEST_EXACT {
                let what = "is too large to be kept exactly as a number; write it as a text";
                return Err(E::custom(format_args!("{written} {what}")));
            }
            Ok(AttributeValue::Number(number))
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The attributes of one exemplar, in the order of their names. In JSON an object.
///
/// ```
/// use vismem::{Attributes, AttributeValue};
///
/// let mut attributes = Attributes::default();
/// attributes.insert("camera", "north".into())?;
/// attributes.insert("year", 2020.0.into())?;
/// assert_eq!(attributes.get("year"), Some(&AttributeValue::Number(2020.0)));
/// assert_eq!(attributes.to_string(), "camera=north year=2020");
/// # Ok::<(), vismem::AttributeError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Attributes(BTreeMap<String, AttributeValue>);

/// What cannot be an attribute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// The name is empty.
    #[error("an attribute has no name")]
    NoName,
    /// The number is infinite or is not a number.
    #[error("attribute {name:?} is {value}; it must be a finite number")]
    NotFinite {
        /// The attribute.
        name: String,
        /// Its value, in words.
        value: String,
    },
}

impl Attributes {
    /// No attributes.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets an attribute; the value that it had before.
    ///
    /// # Errors
    /// When the name is empty or the number not finite.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        value: AttributeValue,
    ) -> Result<Option<AttributeValue>, AttributeError> {
        let name = name.into();
        if name.is_empty() {
            return Err(AttributeError::NoName);
        }
        let value = match value {
            AttributeValue::Number(number) if !number.is_finite() => {
                return Err(AttributeError::NotFinite { name, value: number.to_string() });
            }
            AttributeValue::Number(number) => AttributeValue::Number(canonical(number)),
            other => other,
        };
        Ok(self.0.insert(name, value))
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.get(name)
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `camera=north year=2020`: each on its own is not meant to be read back. Text with spaces is quoted.
impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            match value {
                AttributeValue::Text(text)
                    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == '"') =>
                {
                    write!(f, "{name}={text:?}")?;
                }
                value => write!(f, "{name}={value}")?,
            }
        }
        Ok(())
    }
}

impl IntoIterator for Attributes {
    type Item = (String, AttributeValue);
    type IntoIter = std::collections::btree_map::IntoIter<String, AttributeValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Fields that are `null` are left out.
impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut attributes = Self::default();
        for (name, value) in BTreeMap::<String, Option<AttributeValue>>::deserialize(deserializer)? {
            if let Some(value) = value {
                attributes.insert(name, value).map_err(D::Error::custom)?;
            }
        }
        Ok(attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_become_values_of_the_narrowest_type_that_loses_nothing() {
        let kinds = [
            ("true", AttributeType::Boolean),
            ("FALSE", AttributeType::Boolean),
            ("yes", AttributeType::Text),
            ("0", AttributeType::Number),
            ("-12", AttributeType::Number),
            ("+3", AttributeType::Number),
            (".5", AttributeType::Number),
            ("0.50", AttributeType::Number),
            ("1e-3", AttributeType::Number),
            ("007", AttributeType::Text),
            ("-01", AttributeType::Text),
            ("1e999", AttributeType::Text),
            ("nan", AttributeType::Text),
            ("inf", AttributeType::Text),
            ("e5", AttributeType::Text),
            ("1-2", AttributeType::Text),
            ("9007199254740991", AttributeType::Number),
            ("9007199254740993", AttributeType::Text),
            ("2024-02-29", AttributeType::Date),
            ("2023-02-29", AttributeType::Text),
            ("2024-2-9", AttributeType::Text),
            ("20240209", AttributeType::Number),
            ("2024-02-09T10:00", AttributeType::Text),
            (" 5", AttributeType::Text),
            ("", AttributeType::Text),
        ];
        for (cell, kind) in kinds {
            assert_eq!(AttributeValue::infer(cell).kind(), kind, "{cell:?}");
        }
        assert_eq!(AttributeType::infer(["", ""], None), None);
        assert_eq!(AttributeType::infer(["1", "x", "true"], None), Some(AttributeType::Text));
        assert_eq!(AttributeType::infer(["1", "2"], Some(AttributeType::Boolean)), Some(AttributeType::Text));
    }

    #[test]
    fn dates_are_days_of_the_calendar_and_sort_by_time() {
        assert_eq!("1999-12-31".parse::<Date>().unwrap(), Date::new(1999, 12, 31).unwrap());
        assert_eq!(Date::new(2023, 2, 29), None);
        assert_eq!(Date::new(10_000, 1, 1), None);
        assert_eq!(Date::from_days_since_1970(19_782).unwrap().to_string(), "2024-02-29");
        assert_eq!(Date::from_days_since_1970(-1).unwrap().to_string(), "1969-12-31");
        assert_eq!(Date::from_days_since_1970(i32::MAX), None);
        assert_eq!(Date::from_days_since_1970(i32::MIN), None);
        assert!("0999-01-01".parse::<Date>().unwrap() < "1000-01-01".parse().unwrap());
        for nonsense in ["2024-13-01", "-024-01-01", "2024/01/01", "2024-W01-1", "２０24-1", ""] {
            assert!(nonsense.parse::<Date>().is_err(), "{nonsense}");
        }
    }

    #[test]
    fn json_is_the_plain_value() {
        let mut attributes = Attributes::default();
        attributes.insert("camera", "north gate".into()).unwrap();
        attributes.insert("day", Date::new(2024, 2, 29).unwrap().into()).unwrap();
        attributes.insert("ratio", 0.5.into()).unwrap();
        attributes.insert("year", 2020.0.into()).unwrap();
        attributes.insert("wild", true.into()).unwrap();
        let json = r#"{"camera":"north gate","day":"2024-02-29","ratio":0.5,"wild":true,"year":2020}"#;
        assert_eq!(serde_json::to_string(&attributes).unwrap(), json);
        assert_eq!(attributes.to_string(), "camera=\"north gate\" day=2024-02-29 ratio=0.5 wild=true year=2020");
        let back: Attributes = serde_json::from_str(json).unwrap();
        assert_eq!(back.get("day"), Some(&"2024-02-29".into()), "only the type tells a date from a text");
        assert_eq!(back.get("day").cloned().unwrap().cast(AttributeType::Date).as_ref(), attributes.get("day"));
        assert_eq!(serde_json::from_str::<Attributes>(r#"{"a":null}"#).unwrap(), Attributes::default());
        for refused in [r#"{"":1}"#, r#"{"a":[1]}"#, r#"{"a":{}}"#, r#"{"a":9007199254740993}"#] {
            assert!(serde_json::from_str::<Attributes>(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn what_is_no_finite_number_is_refused() {
        let mut attributes = Attributes::default();
        assert!(matches!(attributes.insert("a", f64::NAN.into()), Err(AttributeError::NotFinite { .. })));
        assert!(matches!(attributes.insert("a", f64::INFINITY.into()), Err(AttributeError::NotFinite { .. })));
        assert_eq!(attributes.insert("", true.into()), Err(AttributeError::NoName));
        attributes.insert("zero", (-0.0).into()).unwrap();
        assert_eq!(attributes.to_string(), "zero=0");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_as_it_was(number in proptest::num::f64::NORMAL | proptest::num::f64::ZERO, days in 0..2_900_000i32) {
            let number = AttributeValue::Number(canonical(number));
            prop_assert_eq!(AttributeValue::parse(&number.to_string(), AttributeType::Number), Some(number));
            if let Some(date) = Date::from_days_since_1970(days) {
                prop_assert_eq!(date.to_string().parse(), Ok(date));
            }
        }
    }
}
