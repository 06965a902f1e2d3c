use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Comparison, Expression, Name, Pattern, Test, Where, WhereError};
use crate::tests::{DIM, encoder, sample};
use crate::{
    AttributeType, AttributeValue, Attributes, Date, Editor, Exemplar, Memory, NewExemplar, SelectError, Selector,
    content_of,
};

fn parse(text: &str) -> Result<Where, WhereError> {
    text.parse()
}

#[test]
fn conditions_are_read_as_they_are_meant() {
    let shown = [
        ("year=2020", "year = 2020"),
        ("a == 1 and b <> 2 or c != -3.5", "(a = 1 and b != 2) or c != -3.5"),
        ("a=1 AND (b=2 OR NOT c=TRUE)", "a = 1 and (b = 2 or not c = true)"),
        ("not not a=1", "a = 1"),
        ("not (not (a=1))", "a = 1"),
        ("not (a=1 or b=2)", "not (a = 1 or b = 2)"),
        ("((a=1))", "a = 1"),
        ("camera in('north','it''s')", "camera in ('north', 'it''s')"),
        ("\"label\" not like '%x_' and label Is Not Null", "\"label\" not like '%x_' and label is not null"),
        (
            "\"focal length\" >= 1e2 and \"say \"\"x\"\"\" is null",
            "\"focal length\" >= 100 and \"say \"\"x\"\"\" is null",
        ),
        ("gps.lat<=.5 and f-stop>2 and größe='ß'", "gps.lat <= 0.5 and f-stop > 2 and größe = 'ß'"),
        (
            "source glob '*/beach/*' and id in (1, 2) and batch=1",
            "source glob '*/beach/*' and id in (1, 2) and batch = 1",
        ),
        ("day > '2024-02-28'", "day > '2024-02-28'"),
    ];
    for (text, expected) in shown {
        let read = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(read.to_string(), expected);
        assert_eq!(parse(&read.to_string()).as_ref(), Ok(&read), "{text}");
        let json = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Where>(&json).unwrap(), read);
    }
}

#[test]
fn what_cannot_be_read_says_where_and_what_could_stand_there() {
    let faults = [
        ("", "at character 1: expected the name of an attribute, id, label, source or batch, found the end"),
        (
            "camera = north",
            "at character 10: expected a number, true, false, or text in single quotes, such as 'north'",
        ),
        ("camera = \"north\"", "text in single quotes"),
        ("camera 'north'", "at character 8: expected a comparison"),
        ("größe = ", "at character 9: expected a value"),
        ("a = 'x", "expected a closing ', found the end"),
        ("(a = 1", "a closing parenthesis, found the end"),
        ("a = 1)", "expected and, or, or the end, found )"),
        ("a = 1 b = 2", "expected and, or, or the end, found b"),
        ("a ! 1", "expected a comparison, found !"),
        ("a = 007", "single quotes, found 007"),
        ("a = 9007199254740993", "can be kept exactly"),
        ("a = 1x", "found 1x"),
        ("a is 1", "expected null, found 1"),
        ("a in ()", "expected a value"),
        ("a in (1", "expected a comma or a closing parenthesis"),
        ("a like 5", "a pattern in single quotes"),
        ("and = 1", "found and"),
        ("a = 1; DROP TABLE exemplars", "found ;"),
    ];
    for (text, expected) in faults {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let deep = |depth: usize| format!("{}a = 1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&deep(50)).is_ok());
    assert!(parse(&"not ".repeat(100_000)).is_err());
    let many = |tests: usize| vec!["a = 1"; tests].join(" or ");
    let values = |values: usize| format!("a in ({})", vec!["1"; values].join(","));
    let pattern = |bytes: usize| format!("a like '{}'", "x".repeat(bytes));
    for too_large in [deep(51), deep(100_000), many(501), values(10_001), pattern(50_001)] {
        assert!(matches!(parse(&too_large), Err(WhereError::TooLarge { .. })));
    }
}

/// A memory of these exemplars, in this order, in one batch each.
fn memory(exemplars: &[(Attributes, Option<String>)]) -> (tempfile::TempDir, Memory) {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::open_or_create(folder.path(), &encoder()).unwrap();
    let new: Vec<_> = (0..).zip(exemplars).map(|(n, exemplar)| (sample(n), exemplar)).collect();
    let new: Vec<NewExemplar<'_>> = new
        .iter()
        .map(|(sample, (attributes, source))| NewExemplar {
            embedding: &sample.embedding,
            label: &sample.label,
            source: source.as_deref().map(Into::into),
            content: content_of(&sample.embedding, &sample.n.to_le_bytes()),
            attributes: attributes.clone(),
        })
        .collect();
    for part in new.chunks(3) {
        editor.batch().add(part).unwrap();
    }
    drop(editor);
    let memory = Memory::open(folder.path()).unwrap();
    assert_eq!(memory.encoder().dim, DIM);
    (folder, memory)
}

fn attributes(pairs: &[(&str, AttributeValue)]) -> Attributes {
    let mut attributes = Attributes::new();
    pairs.iter().for_each(|(name, value)| drop(attributes.insert(*name, value.clone()).unwrap()));
    attributes
}

fn ids(memory: &Memory, text: &str) -> Result<Vec<u64>, SelectError> {
    memory.select(&Selector { filter: Some(text.parse()?), ..Selector::default() })
}

fn three() -> (tempfile::TempDir, Memory) {
    let day = |text: &str| AttributeValue::Date(text.parse().unwrap());
    memory(&[
        (attributes(&[("camera", "north".into()), ("year", 2019.0.into()), ("day", day("2019-03-01"))]), None),
        (
            attributes(&[("camera", "South".into()), ("year", 2020.0.into()), ("wild", true.into())]),
            Some("a/b.jpg".into()),
        ),
        (attributes(&[("id", "x".into())]), Some("a/c.jpg".into())),
    ])
}

#[test]
fn a_comparison_with_what_is_absent_is_not_met_and_not_turns_that_round() {
    let (_folder, memory) = three();
    let cases: [(&str, &[u64]); 18] = [
        ("camera = 'north'", &[1]),
        ("camera != 'north'", &[2]),
        ("not camera = 'north'", &[2, 3]),
        ("camera not in ('north')", &[2]),
        ("not camera in ('north')", &[2, 3]),
        ("camera is null", &[3]),
        ("camera is not null", &[1, 2]),
        ("not camera is null", &[1, 2]),
        ("camera like 's%'", &[2]),
        ("camera glob 's*'", &[]),
        ("camera not like 'n%'", &[2]),
        ("day = '2019-03-01'", &[1]),
        ("day < '2020-01-01' or wild = true", &[1, 2]),
        ("id >= 2 and batch = 1", &[2, 3]),
        ("\"id\" = 'x'", &[3]),
        ("source is null or source like '%c.jpg'", &[1, 3]),
        ("source != 'a/b.jpg'", &[3]),
        ("label in ('label-0', 'label-2') and label is not null", &[1, 3]),
    ];
    for (text, expected) in cases {
        assert_eq!(ids(&memory, text).unwrap(), expected, "{text}");
    }
    // It narrows what else is selected.
    let selector = Selector { filter: Some(parse("not year = 2019").unwrap()), ids: vec![1, 2], ..Selector::default() };
    assert_eq!(memory.select(&selector).unwrap(), [2]);
    assert_eq!(selector.criteria(), ["id", "where"]);
}

#[test]
fn an_unknown_attribute_or_a_wrong_type_names_what_there_is() {
    let (_folder, memory) = three();
    let faults = [
        (
            "camra = 'north'",
            "no attribute \"camra\"; did you mean \"camera\"? There are camera (text), day (date), id (text), wild",
        ),
        ("\"source\" = 'x'", "no attribute \"source\""),
        (
            "year = 'north'",
            "year is a number, so that it cannot be compared with 'north'; write a number, without quotes",
        ),
        ("camera = 5", "camera is a text, so that it cannot be compared with 5; write text in single quotes"),
        ("day = '1.3.2019'", "day is a date, so that it cannot be compared with '1.3.2019'; write 'YYYY-MM-DD'"),
        ("day in ('2019-03-01', 5)", "day is a date"),
        ("wild = 'true'", "write true or false"),
        ("wild < true", "wild is a boolean, of which there is no \"<\"; compare it by = or !="),
        ("year like '2%'", "year is a number, of which there is no \"like\""),
        ("id = 'x'", "id is a number"),
        ("nothing is null", "no attribute \"nothing\". There are"),
    ];
    for (text, expected) in faults {
        let error = ids(&memory, text).unwrap_err();
        assert!(matches!(error, SelectError::Where(_)), "{text}: {error}");
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
}

#[test]
fn the_largest_condition_that_is_read_is_evaluated() {
    let (_folder, memory) = three();
    let deepest = format!("{}year = 2019{}", "not (year = 1 or ".repeat(50), ")".repeat(50));
    assert_eq!(ids(&memory, &deepest).unwrap().len(), 1);
    let longest = |word: &str| format!("not ({})", vec!["not year in (2019, 1)"; 499].join(word));
    assert_eq!(ids(&memory, &longest(" or ")).unwrap(), [1]);
    assert_eq!(ids(&memory, &longest(" and ")).unwrap(), [1]);
    let select = |filter: Where| memory.select(&Selector { filter: Some(filter), ..Selector::default() });
    assert_eq!(select(parse("id = 2").unwrap().or(parse("id = 3").unwrap())).unwrap(), [2, 3]);
    assert_eq!(select(parse("id = 2").unwrap().and(parse("id > 1").unwrap())).unwrap(), [2]);
    let values: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
    assert_eq!(ids(&memory, &format!("year in ({})", values.join(","))).unwrap(), [1, 2]);
    assert_eq!(ids(&memory, &format!("camera not like '{}'", "%x".repeat(25_000))).unwrap(), [1, 2]);
}

/// The meaning of conditions, written down a second time.
fn meets(exemplar: &Exemplar, expression: &Expression) -> bool {
    match expression {
        Expression::All(parts) => parts.iter().all(|part| meets(exemplar, part)),
        Expression::Any(parts) => parts.iter().any(|part| meets(exemplar, part)),
        Expression::Not(part) => !meets(exemplar, part),
        Expression::Test(name, test) => {
            let value = match name {
                Name::Id => Some(AttributeValue::Number(exemplar.id as f64)),
                Name::Batch => Some(AttributeValue::Number(exemplar.batch as f64)),
                Name::Label => Some(AttributeValue::Text(exemplar.label.clone())),
                Name::Source => exemplar.source.as_ref().map(|source| AttributeValue::Text(source.to_string())),
                Name::Attribute(name) => exemplar.attributes.get(name).cloned(),
            };
            match (value, test) {
                (value, Test::Null { negated }) => value.is_none() != *negated,
                (None, _) => false,
                (Some(value), Test::Compare(comparison, other)) => {
                    let order = value.cmp(&other.clone().cast(value.kind()).unwrap());
                    match comparison {
                        Comparison::Equal => order.is_eq(),
                        Comparison::NotEqual => order.is_ne(),
                        Comparison::Less => order.is_lt(),
                        Comparison::LessOrEqual => order.is_le(),
                        Comparison::Greater => order.is_gt(),
                        Comparison::GreaterOrEqual => order.is_ge(),
                    }
                }
                (Some(value), Test::In { values, negated }) => {
                    values.iter().any(|other| other.clone().cast(value.kind()).as_ref() == Some(&value)) != *negated
                }
                (Some(value), Test::Fits { pattern, text, negated }) => {
                    let fits = match pattern {
                        Pattern::Like => fits(
                            &value.to_string().to_ascii_lowercase().chars().collect::<Vec<_>>(),
                            &text.to_ascii_lowercase().chars().collect::<Vec<_>>(),
                            ('%', '_'),
                        ),
                        Pattern::Glob => {
                            let chars = |text: &str| text.chars().collect::<Vec<_>>();
                            fits(&chars(&value.to_string()), &chars(text), ('*', '?'))
                        }
                    };
                    fits != *negated
                }
            }
        }
    }
}

fn fits(text: &[char], pattern: &[char], (any, one): (char, char)) -> bool {
    match pattern {
        [] => text.is_empty(),
        [first, rest @ ..] if *first == any => (0..=text.len()).any(|skip| fits(&text[skip..], rest, (any, one))),
        [first, rest @ ..] => text
            .split_first()
            .is_some_and(|(here, after)| (*first == one || first == here) && fits(after, rest, (any, one))),
    }
}

const TEXTS: &[&str] = &["", "a", "A", "ab", "b%", "a_b", "é", "It's", "2020-01-02", "10", "zz*"];

fn value(kind: AttributeType) -> BoxedStrategy<AttributeValue> {
    let days = |n: u8| Date::from_days_since_1970(18_000 + i32::from(n)).unwrap();
    match kind {
        AttributeType::Text => prop::sample::select(TEXTS).prop_map(AttributeValue::from).boxed(),
        AttributeType::Number => {
            prop::sample::select(vec![-2.5, 0.0, 1.0, 1.5, 2020.0, 1e15, 0.1]).prop_map(AttributeValue::from).boxed()
        }
        AttributeType::Boolean => any::<bool>().prop_map(AttributeValue::from).boxed(),
        AttributeType::Date => (0u8..5).prop_map(move |n| AttributeValue::from(days(n))).boxed(),
    }
}

/// Names that can be tested, with their types.
fn names() -> BTreeMap<&'static str, (Name, AttributeType)> {
    let attribute = |name: &str| Name::Attribute(name.to_owned());
    [
        ("id", (Name::Id, AttributeType::Number)),
        ("batch", (Name::Batch, AttributeType::Number)),
        ("label", (Name::Label, AttributeType::Text)),
        ("source", (Name::Source, AttributeType::Text)),
        ("t", (attribute("t"), AttributeType::Text)),
        ("a \"b\"", (attribute("a \"b\""), AttributeType::Text)),
        ("n", (attribute("n"), AttributeType::Number)),
        ("flag", (attribute("flag"), AttributeType::Boolean)),
        ("day", (attribute("day"), AttributeType::Date)),
    ]
    .into()
}

fn expression() -> impl Strategy<Value = Expression> {
    let names: Vec<_> = names().into_values().collect();
    // As the parser leaves it: dates are texts.
    let literal = |kind| {
        value(kind).prop_map(|value| match value {
            AttributeValue::Date(date) => AttributeValue::Text(date.to_string()),
            other => other,
        })
    };
    let test =
        prop::sample::select(names).prop_flat_map(move |(name, kind)| {
            let comparisons = match kind {
                AttributeType::Boolean => vec![Comparison::Equal, Comparison::NotEqual],
                _ => vec![
                    Comparison::Equal,
                    Comparison::NotEqual,
                    Comparison::Less,
                    Comparison::LessOrEqual,
                    Comparison::Greater,
                    Comparison::GreaterOrEqual,
                ],
            };
            let compare = (prop::sample::select(comparisons), literal(kind)).prop_map(|(c, v)| Test::Compare(c, v));
            let one_of = (prop::collection::vec(literal(kind), 1..4), any::<bool>())
                .prop_map(|(values, negated)| Test::In { values, negated });
            let null = any::<bool>().prop_map(|negated| Test::Null { negated });
            let fits = (any::<bool>(), "[aAb%_*?é1]{0,4}", any::<bool>()).prop_map(|(like, text, negated)| {
                Test::Fits { pattern: if like { Pattern::Like } else { Pattern::Glob }, text, negated }
            });
            let test = match kind {
                AttributeType::Text => prop_oneof![compare, one_of, null, fits].boxed(),
                _ => prop_oneof![compare, one_of, null].boxed(),
            };
            (Just(name), test).prop_map(|(name, test)| Expression::Test(name, test))
        });
    test.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::All),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::Any),
            inner.prop_map(|inner| match inner {
                Expression::Not(inner) => *inner,
                inner => Expression::Not(Box::new(inner)),
            }),
        ]
    })
}

fn exemplar() -> impl Strategy<Value = (Attributes, Option<String>)> {
    let some = |name: &'static str, kind| prop::option::of(value(kind)).prop_map(move |value| value.map(|v| (name, v)));
    let all = (
        some("t", AttributeType::Text),
        some("a \"b\"", AttributeType::Text),
        some("n", AttributeType::Number),
        some("flag", AttributeType::Boolean),
        some("day", AttributeType::Date),
    );
    let attributes = all.prop_map(|(a, b, c, d, e)| {
        let pairs: Vec<_> = [a, b, c, d, e].into_iter().flatten().collect();
        attributes(&pairs)
    });
    (attributes, prop::option::of(prop::sample::select(TEXTS).prop_map(str::to_owned)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn sql_finds_what_meets_the_condition(
        mut exemplars in prop::collection::vec(exemplar(), 1..12),
        expressions in prop::collection::vec(expression(), 20),
    ) {
        // So that every attribute is known.
        let day = Date::from_days_since_1970(18_002).unwrap();
        let all = [("t", "a".into()), ("a \"b\"", "".into()), ("n", 1.0.into()), ("flag", true.into()), ("day", day.into())];
        exemplars.push((attributes(&all), None));
        let (_folder, memory) = memory(&exemplars);
        let mut found = Vec::new();
        memory.for_each_exemplar(|exemplar| found.push(exemplar)).unwrap();
        for expression in expressions {
            let condition = Where(expression);
            let text = condition.to_string();
            prop_assert_eq!(parse(&text), Ok(condition.clone()), "{}", &text);
            let expected: Vec<u64> =
                found.iter().filter(|exemplar| meets(exemplar, &condition.0)).map(|exemplar| exemplar.id).collect();
            prop_assert_eq!(ids(&memory, &text).unwrap(), expected, "{}", text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_is_shown_as_it_was_read(
        text in prop_oneof!["\\PC{0,60}", "(a|b|'|\"|\\(|\\)|=|<| |not |and |or |in |1|,|is |null|like ){0,24}"],
    ) {
        if let Ok(read) = parse(&text) {
            prop_assert_eq!(parse(&read.to_string()), Ok(read));
        }
    }
}
