//! The part of JSON Schema (draft 2020-12) that docs/schemas uses. An unknown keyword is an error, so that no schema
//! can say something that is not checked.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What is wrong with `value`, a line each with the place.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, value, "$", &mut faults);
    faults
}

fn check(schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap_or_else(|| panic!("{at}: a schema is an object")) {
        let fits = match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" => true,
            "type" => match rule {
                Value::Array(types) => types.iter().any(|name| has_type(value, name)),
                name => has_type(value, name),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "pattern" => value.as_str().is_none_or(|text| matches(text, rule.as_str().unwrap())),
            "oneOf" => {
                let fitting = rule.as_array().unwrap().iter().filter(|one| self::faults(one, value).is_empty());
                fitting.count() == 1
            }
            "properties" => {
                for (name, rule) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        check(rule, value, &format!("{at}.{name}"), faults);
                    }
                }
                true
            }
            "required" => match value.as_object() {
                Some(object) => rule.as_array().unwrap().iter().all(|name| object.contains_key(name.as_str().unwrap())),
                None => true,
            },
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                let others = value.as_object().into_iter().flatten();
                let mut others = others.filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
                if *rule != false {
                    others.by_ref().for_each(|(name, value)| check(rule, value, &format!("{at}.{name}"), faults));
                }
                others.next().is_none()
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &format!("{at}[{index}]"), faults);
                }
                true
            }
            unknown => panic!("{at}: the keyword {unknown} is not checked here"),
        };
        if !fits {
            faults.push(format!("{at}: {value} against {keyword} {rule}"));
        }
    }
}

fn has_type(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        unknown => panic!("the type {unknown} is not checked here"),
    }
}

/// The two patterns that are in use: a BLAKE3 hash in hexadecimal digits, which may be empty in the second.
fn matches(text: &str, pattern: &str) -> bool {
    let is_hash = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match pattern {
        "^[0-9a-f]{64}$" => is_hash,
        "^([0-9a-f]{64})?$" => is_hash || text.is_empty(),
        unknown => panic!("the pattern {unknown} is not checked here"),
    }
}

/// Hands every object schema in `schema` to `each`, with the place of what it describes, such as `results[].labels[]`.
pub fn each_object(schema: &Value, at: &str, each: &mut dyn FnMut(&str, &Map<String, Value>)) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        each(at, schema.as_object().unwrap());
        for (name, property) in properties {
            let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            each_object(property, &at, each);
        }
    }
    if let Some(items) = schema.get("items") {
        each_object(items, &format!("{at}[]"), each);
    }
    for one in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        each_object(one, at, each);
    }
}

/// Every field that a schema knows, such as `results[].labels[].score`.
pub fn fields(schema: &Value) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    each_object(schema, "", &mut |at, object| {
        for name in object["properties"].as_object().unwrap().keys() {
            fields.insert(if at.is_empty() { name.clone() } else { format!("{at}.{name}") });
        }
    });
    fields
}
