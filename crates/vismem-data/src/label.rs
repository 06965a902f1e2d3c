//! Labels as data sets write them: texts, numbers, and classes that have names. All sources read them here, so that a label
//! is the same whatever it was read from.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value as Json;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::parquet::Value;
use crate::picture::Fault;

/// The most bytes of a label: what is longer is a text that came into the wrong place.
const LONGEST: usize = 1 << 16;

/// A text as a label: without spaces and invisible characters around it, in Unicode's normal form NFC. File systems and
/// spreadsheets do not agree on either, and what looks the same should be the same label.
pub fn tidy(text: &str) -> String {
    let text = text.trim_matches(is_blank);
    if is_nfc(text) { text.to_owned() } else { text.nfc().collect() }
}

/// What two labels have in common that differ in capitals, spaces, or the forms of their characters alone.
pub fn fold(label: &str) -> String {
    label.nfkc().filter(|&c| !is_blank(c)).collect::<String>().to_lowercase().nfkc().collect()
}

/// Whether a character at the end of a label cannot be seen.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\0' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// A label as it is written somewhere.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Written<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Integer(i64),
    Real(f64),
    Boolean(bool),
    /// Something that is no label, in words.
    Other(&'static str),
}

impl<'a> From<&'a str> for Written<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<&'a Json> for Written<'a> {
    fn from(value: &'a Json) -> Self {
        match value {
            Json::Null => Self::Nothing,
            Json::String(text) => Self::Text(text.into()),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => Self::Integer(number),
                (None, Some(number)) => Self::Real(number),
                (None, None) => Self::Other("a number out of range"),
            },
            Json::Bool(value) => Self::Boolean(*value),
            Json::Array(_) => Self::Other("a list"),
            Json::Object(_) => Self::Other("an object"),
        }
    }
}

impl From<Value> for Written<'static> {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Text(text) => Self::Text(text.into()),
            Value::Integer(number) => Self::Integer(number),
            Value::Real(number) => Self::Real(number),
            Value::Boolean(value) => Self::Boolean(value),
            Value::Date(_) => Self::Other("a date"),
            Value::Bytes(_) => Self::Other("bytes"),
        }
    }
}

/// The names of the classes 0, 1, ..., of which there may be none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Classes {
    names: Arc<[String]>,
    used: Arc<AtomicBool>,
}

impl Classes {
    pub fn new(names: Vec<String>) -> Self {
        Self { names: names.into(), used: Arc::default() }
    }

    pub fn are_none(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether any label was a number, and got a name.
    pub fn were_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// The label that is written under this name: a column, a key.
    pub fn label<'a>(&self, written: impl Into<Written<'a>>, called: &str) -> Result<String, Fault> {
        let missing = || Err(format!("has no {called}").into());
        match written.into() {
            Written::Nothing => missing(),
            Written::Real(number) if number.is_nan() => missing(),
            // Data sets of the Hugging Face hub have −1 where the class is not known.
            Written::Integer(-1) if !self.are_none() => missing(),
            Written::Integer(number) => self.class(number),
            Written::Real(number) => match whole(number) {
                Some(number) => self.class(number),
                None => Err(format!("its {called} {number} is not a whole number").into()),
            },
            Written::Boolean(value) => Ok(value.to_string()),
            Written::Text(text) if text.len() > LONGEST => {
                Err(format!("its {called} has {} bytes; a label has up to {LONGEST}", text.len()).into())
            }
            Written::Text(text) => match tidy(&text) {
                text if text.is_empty() => missing(),
                text if self.are_none() => Ok(text),
                text => number(&text).map_or(Ok(text), |number| self.class(number)),
            },
            Written::Other(what) => Err(format!("its {called} is {what}, neither text nor a whole number").into()),
        }
    }

    /// What a class is called: its name where classes have names, else the number.
    pub fn class(&self, number: i64) -> Result<String, Fault> {
        if self.are_none() {
            return Ok(number.to_string());
        }
        self.used.store(true, Ordering::Relaxed);
        let name = usize::try_from(number).ok().and_then(|number| self.names.get(number));
        name.cloned()
            .ok_or_else(|| format!("its class {number} is not among the {} class names", self.names.len()).into())
    }
}

/// A number without a fraction, as tables have it in which some rows have none.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = (1_i64 << 53) as f64;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// The number of a class that is written as text: `7`, `007`, `+7`, `7.0`.
fn number(text: &str) -> Option<i64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    text.parse().ok().or_else(|| is_plain.then(|| text.parse().ok().and_then(whole))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(names: &[&str]) -> Classes {
        Classes::new(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn what_looks_the_same_is_the_same_label() {
        for text in ["café", "cafe\u{301}", " café\u{a0}", "\u{feff}café\u{200b}", "café\r\n"] {
            assert_eq!(tidy(text), "café", "{text:?}");
        }
        assert_eq!(tidy("a\nb"), "a\nb", "what is within a label is part of it");
        assert_eq!(tidy("👩\u{200d}🌾"), "👩\u{200d}🌾");
    }

    #[test]
    fn labels_fold_to_the_same_if_they_differ_in_capitals_spaces_or_forms_alone() {
        for label in ["Great Tit", "great tit", "GREATTIT", "ｇｒｅａｔ tit", "great\u{a0}tit", "gre\u{200b}at tit"]
        {
            assert_eq!(fold(label), "greattit", "{label:?}");
        }
        assert_ne!(fold("great tit"), fold("great tits"));
    }

    #[test]
    fn every_source_writes_the_same_label_for_the_same_class() {
        let named = classes(&["cat", "dog"]);
        let json = serde_json::json!(1.0);
        let dog: [Written<'_>; 7] = [
            "1".into(),
            " 01\n".into(),
            "+1".into(),
            "1.0".into(),
            Written::Integer(1),
            Written::Real(1.0),
            (&json).into(),
        ];
        for written in dog {
            assert_eq!(named.label(written.clone(), "label").as_deref(), Ok("dog"), "{written:?}");
        }
        assert_eq!(named.label("bird", "label").as_deref(), Ok("bird"));
        assert!(named.were_used() && !classes(&["cat"]).were_used());
    }

    #[test]
    fn without_names_a_text_is_the_label_as_it_is_written() {
        for text in ["007", "+5", "1.0", "-1"] {
            assert_eq!(Classes::default().label(text, "label").as_deref(), Ok(text));
        }
        assert_eq!(Classes::default().label(Written::Real(3.0), "label").as_deref(), Ok("3"));
        assert_eq!(Classes::default().label(Written::Boolean(true), "label").as_deref(), Ok("true"));
    }

    #[test]
    fn what_is_no_label_is_said() {
        let named = classes(&["cat"]);
        let reason = |written: Written<'_>| named.label(written, "kind").unwrap_err().reason;
        for nothing in [Written::Nothing, " \u{feff}".into(), Written::Real(f64::NAN), Written::Integer(-1)] {
            assert_eq!(reason(nothing), "has no kind");
        }
        assert_eq!(reason(Written::Real(0.5)), "its kind 0.5 is not a whole number");
        assert_eq!(reason(Written::Real(1e300)), format!("its kind {} is not a whole number", 1e300));
        assert_eq!(reason((&serde_json::json!(["cat"])).into()), "its kind is a list, neither text nor a whole number");
        assert_eq!(reason("x".repeat(65_537).as_str().into()), "its kind has 65537 bytes; a label has up to 65536");
        assert_eq!(reason("7".into()), "its class 7 is not among the 1 class names");
        assert_eq!(reason("-3".into()), "its class -3 is not among the 1 class names");
    }
}
