//! What is known of exemplars besides their labels, as one sees it and asks by it.

use serde_json::{Value, json};
use vismem::{Attributes, Date, Editor, EncoderIdentity, NewExemplar, content_of};

use crate::common::Place;
use crate::npy;

/// Six rows of three labels, ever farther from the query; each has a camera, a year and a day, but for the last.
fn place() -> Place {
    let place = Place::new();
    let encoder = EncoderIdentity { name: "unknown".into(), hash: String::new(), dim: 2 };
    let mut editor = Editor::open_or_create(&place.path("memory.vismem"), &encoder).unwrap();
    let rows: Vec<[f32; 2]> = (1..=6).map(|n| [1.0, 0.1 * n as f32]).collect();
    let new = |n: usize| {
        let mut attributes = Attributes::new();
        if n < 5 {
            attributes.insert("camera", if n.is_multiple_of(2) { "north" } else { "south gate" }.into()).unwrap();
            attributes.insert("day", Date::new(2024, 2, 25 + n as u8).unwrap().into()).unwrap();
            attributes.insert("year", (2018.0 + n as f64).into()).unwrap();
        }
        NewExemplar {
            embedding: &rows[n],
            label: ["a", "a", "b", "b", "c", "c"][n],
            source: Some(format!("{n}.jpg").into()),
            content: content_of(&rows[n], &n.to_le_bytes()),
            attributes,
        }
    };
    editor.batch().add(&(0..6).map(new).collect::<Vec<_>>()).unwrap();
    place.write("ask.npy", npy::rows(&[[1.0, 0.0]]));
    place
}

fn listed(place: &Place, condition: &str) -> Vec<u64> {
    let run = place.vismem_with(["ls", "--where", condition, "--format", "json"]);
    let list = run.json();
    assert_eq!(run.code, i32::from(list["exemplars"].as_array().unwrap().is_empty()), "nothing is an answer, and told");
    list["exemplars"].as_array().unwrap().iter().map(|exemplar| exemplar["id"].as_u64().unwrap()).collect()
}

#[test]
fn attributes_are_shown_and_counted() {
    let place = place();
    let list = place.vismem("ls --id 1,6 --format json").done().json();
    let attributes = |at: usize| &list["exemplars"][at]["attributes"];
    assert_eq!(attributes(0), &json!({"camera": "north", "day": "2024-02-25", "year": 2018}));
    assert_eq!(attributes(1), &json!({}));
    assert_eq!(
        place.vismem("ls --id 2,6").done().stdout,
        "        2  a  1.jpg  camera=\"south gate\" day=2024-02-26 year=2019\n        6  c  5.jpg\n"
    );
    let stats = place.vismem("stats --format json").done().json();
    let known = |name: &str, kind: &str| json!({"name": name, "type": kind, "exemplars": 5});
    assert_eq!(stats["attributes"], json!([known("camera", "text"), known("day", "date"), known("year", "number")]));
    place.vismem("stats").done().says(&["attributes  camera (text), of 5 exemplars\n            day (date), of 5"]);
}

#[test]
fn conditions_select_in_every_command() {
    let place = place();
    assert_eq!(listed(&place, "camera = 'north' and year >= 2019"), [3, 5]);
    assert_eq!(listed(&place, "not year < 2022"), [5, 6]);
    assert_eq!(listed(&place, "day in ('2024-02-25', '2024-02-29') or label = 'c'"), [1, 5, 6]);
    let two = ["ls", "--where", "year = 2018", "--where", "camera is null", "--label", "a", "--format", "json"];
    let list = place.vismem_with(two).done().json();
    assert_eq!(list["exemplars"].as_array().unwrap().len(), 1, "values of one option are alternatives, options narrow");

    let ids = |options: &[&str]| -> Vec<u64> {
        let args = ["classify", "ask.npy", "-k", "2", "--format", "json"];
        let answer = place.vismem_with(args.iter().chain(options)).done().json();
        let neighbors = answer["results"][0]["neighbors"].as_array().unwrap().clone();
        neighbors.iter().map(|neighbor| neighbor["id"].as_u64().unwrap()).collect()
    };
    assert_eq!(ids(&["--where", "camera = 'north'"]), [1, 3]);
    assert_eq!(ids(&["--only", "where=camera = 'north'", "--without", "id=1"]), [3, 5]);
    assert_eq!(ids(&["--where", "camera = 'north'", "--only", "label=b"]), [3]);
    assert_eq!(ids(&["--where", "year = 2018", "--where", "year = 2020"]), [1, 3]);
    assert_eq!(ids(&["--without", "where=year is not null"]), [6]);

    let dry = place.vismem_with(["forget", "--where", "camera is null", "--dry-run", "--format", "json"]).done().json();
    assert_eq!(dry["exemplars"], 1);
    let receipt = place.vismem_with(["forget", "--where", "camera is null", "--format", "json"]).done().json();
    assert_eq!(receipt["receipt"]["selected_by"], json!(["where"]));
    assert_eq!(listed(&place, "camera is null"), [] as [u64; 0]);
}

#[test]
fn an_experiment_can_be_done_on_some_of_the_memory() {
    let place = place();
    let digest = || place.vismem("stats --format json").done().json()["digest"].clone();
    let before = digest();
    let on = |options: &[&str]| -> Value {
        let args = ["eval", "reliability", "-k", "2", "--format", "json"];
        place.vismem_with(args.iter().chain(options)).done().json()
    };
    let whole = on(&[]);
    assert_eq!((&whole["about"]["exemplars"], &whole["about"]["where"]), (&json!(6), &Value::Null));
    let some = on(&["--where", "camera = 'north' or year = 2019"]);
    assert_eq!(some["about"]["where"], "camera = 'north' or year = 2019");
    assert_eq!((&some["about"]["exemplars"], &some["about"]["labels"]), (&json!(4), &json!(3)));
    assert_eq!(some["about"]["memory"], "memory.vismem");
    assert_ne!(some["about"]["inputs"], whole["about"]["inputs"]);
    place
        .vismem_with(["eval", "reliability", "--where", "year = 1"])
        .refused(1, &["no exemplar meets the condition of --where"]);
    assert_eq!(digest(), before, "nothing was changed");
    let left: Vec<_> = std::fs::read_dir(place.path("")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
