//! `--format json`: real answers, docs/json.md and docs/schemas agree.

mod schema;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::common::{Kind, Place, Run};
use crate::{models, npy};

const DOC: &str = include_str!("../../../../docs/json.md");

const SCHEMAS: [(&str, &str); 32] = [
    ("demo", include_str!("../../../../docs/schemas/demo.json")),
    ("add", include_str!("../../../../docs/schemas/add.json")),
    ("sync", include_str!("../../../../docs/schemas/sync.json")),
    ("encode", include_str!("../../../../docs/schemas/encode.json")),
    ("classify", include_str!("../../../../docs/schemas/classify.json")),
    ("explain", include_str!("../../../../docs/schemas/explain.json")),
    ("ls-labels", include_str!("../../../../docs/schemas/ls-labels.json")),
    ("ls-exemplars", include_str!("../../../../docs/schemas/ls-exemplars.json")),
    ("prune", include_str!("../../../../docs/schemas/prune.json")),
    ("prune-suggest", include_str!("../../../../docs/schemas/prune-suggest.json")),
    ("tune", include_str!("../../../../docs/schemas/tune.json")),
    ("tune-off", include_str!("../../../../docs/schemas/tune-off.json")),
    ("stats", include_str!("../../../../docs/schemas/stats.json")),
    ("bench", include_str!("../../../../docs/schemas/bench.json")),
    ("index", include_str!("../../../../docs/schemas/index.json")),
    ("index-show", include_str!("../../../../docs/schemas/index-show.json")),
    ("index-drop", include_str!("../../../../docs/schemas/index-drop.json")),
    ("eval", include_str!("../../../../docs/schemas/eval.json")),
    ("forget", include_str!("../../../../docs/schemas/forget.json")),
    ("receipt", include_str!("../../../../docs/schemas/receipt.json")),
    ("relabel", include_str!("../../../../docs/schemas/relabel.json")),
    ("compact", include_str!("../../../../docs/schemas/compact.json")),
    ("taxonomy", include_str!("../../../../docs/schemas/taxonomy.json")),
    ("taxonomy-check", include_str!("../../../../docs/schemas/taxonomy-check.json")),
    ("log", include_str!("../../../../docs/schemas/log.json")),
    ("export", include_str!("../../../../docs/schemas/export.json")),
    ("model-list", include_str!("../../../../docs/schemas/model-list.json")),
    ("model-pull", include_str!("../../../../docs/schemas/model-pull.json")),
    ("model-show", include_str!("../../../../docs/schemas/model-show.json")),
    ("reencode", include_str!("../../../../docs/schemas/reencode.json")),
    ("verify", include_str!("../../../../docs/schemas/verify.json")),
    ("doctor", include_str!("../../../../docs/schemas/doctor.json")),
];

fn schema_of(name: &str) -> Value {
    let (_, text) = SCHEMAS.iter().find(|(known, _)| *known == name).unwrap();
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The run's one document, which fits the schema.
#[track_caller]
pub fn fitting(run: &Run, schema: &str) -> Value {
    let document = run.json();
    assert_eq!(schema::faults(&schema_of(schema), &document), [""; 0], "{schema}: {document:#}");
    document
}

#[test]
fn answers_about_pictures_fit_their_schemas() {
    let place = Place::new();
    place.draw_two_labels("learn", 1);
    place.draw("learn/round/copy.png", Kind::Disc, 0);
    place.write("learn/disc/broken.png", "no picture");
    place.write("taxonomy.csv", "label,shape\ndisc,round\nstripes,straight\n");
    place.draw("ask/1.png", Kind::Disc, 3);
    place.write("ask/2.png", "no picture");

    let added = fitting(&place.vismem("add learn --taxonomy taxonomy.csv --format json"), "add");
    assert_eq!((&added["added"], &added["complete"]), (&2.into(), &true.into()));
    assert_eq!((added["failed"].as_array().unwrap().len(), added["other_label"].as_array().unwrap().len()), (1, 1));
    let again = fitting(&place.vismem("add learn --format json"), "add");
    assert_eq!((&again["batch"], &again["known"]), (&Value::Null, &2.into()));

    let answers = fitting(&place.vismem("classify ask --format json"), "classify");
    assert!(answers["results"][0]["neighbors"][0].get("votes_for").is_none());
    assert!(answers["results"][1]["error"].as_str().unwrap().starts_with("ask/2.png: "));
    let answers = fitting(&place.vismem("classify ask/1.png --level shape --format json"), "classify");
    assert_eq!(answers["results"][0]["label"], answers["results"][0]["neighbors"][0]["votes_for"]);

    for level in ["", "--level shape", "--flip", "--without label=disc"] {
        let explained = fitting(&place.vismem(&format!("explain ask/1.png --format json {level}")), "explain");
        assert_eq!(explained["files"], json!(["explanation.html"]));
    }
    let stats = fitting(&place.vismem("stats --format json"), "stats");
    assert_eq!(stats["levels"], json!(["shape"]));
}

#[test]
fn answers_about_embeddings_fit_their_schemas() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0]]));
    fitting(&place.vismem("add rows.npy --label x --format json"), "add");
    let answers = fitting(&place.vismem("classify rows.npy --format json"), "classify");
    assert_eq!(answers["results"][0]["novelty"], Value::Null, "one exemplar alone is no reference_distances");
    let labels = fitting(&place.vismem("ls --format json"), "ls-labels");
    assert_eq!(labels, json!({"labels": [{"label": "x", "exemplars": 1}]}));
    for args in ["ls x --format json", "ls --all --format json"] {
        assert_eq!(fitting(&place.vismem(args), "ls-exemplars")["exemplars"].as_array().unwrap().len(), 1);
    }
    let stats = fitting(&place.vismem("stats --format json"), "stats");
    assert_eq!(stats["encoder"], json!({"name": "unknown", "hash": "", "dim": 2}));

    assert_eq!(stats["since"], Value::Null);

    let sound = fitting(&place.vismem("verify --format json"), "verify");
    assert_eq!((&sound["sound"], &sound["digest"]), (&true.into(), &stats["digest"]));
    place.write("memory.vismem/vectors.f32", [0; 8]);
    let damaged = fitting(&place.vismem("verify --format json"), "verify");
    assert_eq!((&damaged["sound"], damaged["faults"].as_array().unwrap().len()), (&false.into(), 1));
    place.write("memory.vismem/catalog.sqlite", "nothing");
    let unreadable = fitting(&place.vismem("verify --format json"), "verify");
    assert_eq!(unreadable["digest"], Value::Null);
}

#[test]
fn answers_about_additions_fit_their_schema() {
    let place = Place::new();
    for (batch, (label, rows)) in [("x", [[1.0, 0.0], [0.9, 0.1]]), ("y", [[0.8, 0.2], [0.1, 1.0]])].iter().enumerate()
    {
        place.write(format!("{batch}.npy"), npy::rows(rows));
        place.vismem(&format!("add {batch}.npy --label {label}")).done();
    }
    let stats = fitting(&place.vismem("stats --since 2 -k 2 --format json").done(), "stats");
    let since = &stats["since"];
    assert_eq!(
        (&since["batch"], &since["k"], &since["vote"]),
        (&2.into(), &2.into(), &"kernel (γ = 2, λ = 0.1)".into())
    );
    assert_eq!((&since["added"]["new_labels"], &since["old"]["exemplars"]), (&json!(["y"]), &2.into()));
    // Nothing is left of what was added: nobody to be decided.
    place.vismem("forget --batch 2").done();
    let stats = fitting(&place.vismem("stats --since last --format json").done(), "stats");
    assert_eq!(stats["since"]["added"], json!({"exemplars": 0, "accuracy": null, "new_labels": []}));
    assert_eq!(stats["since"]["labels"][0]["taken_for"], Value::Null);
}

#[test]
fn measurements_fit_their_schema() {
    let place = Place::new();
    place.write("few.npy", npy::rows(&[[1.0, 0.0], [0.6, 0.8]]));
    place.vismem("add few.npy --label x").done();
    let few = fitting(&place.vismem("bench -k 1 --format json").done(), "bench");
    assert_eq!((&few["queries"], &few["partitioned"]), (&2.into(), &Value::Null));

    let rows: Vec<[f32; 4]> =
        (0..9000).map(|n| std::array::from_fn(|i| ((n + 1) as f32 * (i + 2) as f32 * 0.37).sin())).collect();
    place.write("many.npy", npy::rows(&rows));
    place.vismem("-m many.vismem add many.npy --label x").done();
    let measured = fitting(&place.vismem("-m many.vismem bench -k 10 --recall 0.9 --format json"), "bench");
    let partitioned = &measured["partitioned"];
    assert!(partitioned["recall"].as_f64().unwrap() > 0.8 && partitioned["build_s"].is_number(), "{measured}");
    place.write("ask.npy", npy::rows(&rows[..70]));
    let asked = fitting(&place.vismem("-m many.vismem bench --queries ask.npy --format json").done(), "bench");
    assert_eq!((&asked["queries"], &asked["partitioned"]["build_s"]), (&70.into(), &Value::Null));

    // The answers of a partitioned search say how many neighbours it finds.
    let partitioned =
        place.vismem("-m many.vismem classify ask.npy -k 10 --search partitioned --recall 0.9 --format json");
    let partitioned = fitting(&partitioned.done(), "classify");
    assert!((0.9..1.0).contains(&partitioned["results"][0]["recall"].as_f64().unwrap()));
    let exact = fitting(&place.vismem("-m many.vismem classify ask.npy -k 10 --format json").done(), "classify");
    assert_eq!(exact["results"][0]["recall"], 1.0);
    assert_eq!(partitioned["results"][0]["neighbors"][0], exact["results"][0]["neighbors"][0], "itself");
}

#[test]
fn answers_about_pruning_fit_their_schemas() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0], [0.9, 0.1], [0.8, 0.2], [0.1, 1.0]]));
    place.write("labels.txt", "x\ny\nx\ny\n");
    place.vismem("add rows.npy --labels labels.txt").done();
    for (args, hidden) in [
        ("hard --threshold 2 --neighbors 2", 2),
        ("hard --threshold 60% --neighbors 2 --dry-run --page worst.html", 2),
        ("show", 2),
        ("soft", 0),
        ("off", 0),
    ] {
        let answer = fitting(&place.vismem(&format!("prune {args} --format json")).done(), "prune");
        assert_eq!(answer["hidden"], hidden, "{args}: {answer}");
        fitting(&place.vismem("stats --format json").done(), "stats");
        fitting(&place.vismem("classify rows.npy --format json").done(), "classify");
    }
    let trials = fitting(&place.vismem("prune suggest --format json").done(), "prune-suggest");
    assert_eq!((&trials["advised"], &trials["command"]), (&Value::Null, &Value::Null), "nothing is set: {trials}");
    place.vismem("prune soft").done();
    let trials = fitting(&place.vismem("prune suggest --format json").done(), "prune-suggest");
    assert_eq!(trials["command"], "vismem prune off", "{trials}");
}

#[test]
fn answers_about_tuning_fit_their_schemas() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0], [0.9, 0.1], [0.1, 1.0], [0.2, 0.9], [0.7, 0.7]]));
    place.write("labels.txt", "x\nx\ny\ny\nz\n");
    place.vismem("add rows.npy --labels labels.txt").done();
    place.vismem("prune soft").done();
    let dry = fitting(&place.vismem("tune --dry-run --format json").done(), "tune");
    assert_eq!((&dry["event"], &dry["asked"], &dry["alone"]), (&Value::Null, &4.into(), &1.into()));
    assert_eq!(fitting(&place.vismem("tune off --format json").done(), "tune-off")["was"], Value::Null);
    let tuned = fitting(&place.vismem("tune --sample 3 --format json").says(&[]), "tune");
    assert_eq!((&tuned["event"], &tuned["asked"], &tuned["could_be_asked"]), (&2.into(), &3.into(), &4.into()));
    let stats = fitting(&place.vismem("stats --format json").done(), "stats");
    assert_eq!((&stats["tuning"]["vote"], &stats["tuning"]["event"]), (&tuned["chosen"]["vote"], &2.into()));
    let off = fitting(&place.vismem("tune off --format json").done(), "tune-off");
    assert_eq!((&off["was"]["vote"], &off["event"]), (&tuned["chosen"]["vote"], &3.into()));
    fitting(&place.vismem("undo --format json").done(), "relabel");
    let log = fitting(&place.vismem("log --format json").done(), "log");
    let kinds: Vec<_> =
        log["events"].as_array().unwrap().iter().map(|event| (event["kind"].clone(), event["undid"].clone())).collect();
    let expected = [("add", None), ("tune", None), ("tune", None), ("undo", Some("tune"))];
    assert_eq!(kinds, expected.map(|(kind, undid)| (json!(kind), json!(undid))));
}

#[test]
fn answers_about_forgetting_fit_their_schemas() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(8)));
    place.vismem("add rows.npy --label x").done();
    let dry = fitting(&place.vismem("forget --id 3 --dry-run --page gone.html --format json").done(), "forget");
    assert_eq!((&dry["exemplars"], &dry["receipt"], &dry["page"]), (&1.into(), &Value::Null, &"gone.html".into()));
    let none = fitting(&place.vismem("forget --source gone --format json"), "forget");
    assert_eq!((&none["exemplars"], &none["receipt"]), (&0.into(), &Value::Null));
    let gone = fitting(&place.vismem("forget --id 3,4 --batch 1 --receipt r.json --format json").done(), "forget");
    assert_eq!(gone["receipt"]["selected_by"], json!(["id", "batch"]));
    let receipt: Value = serde_json::from_slice(&std::fs::read(place.path("r.json")).unwrap()).unwrap();
    assert_eq!(schema::faults(&schema_of("receipt"), &receipt), [""; 0]);
    assert_eq!(receipt, gone["receipt"]);

    let compacted = fitting(&place.vismem("compact --format json").done(), "compact");
    assert_eq!(compacted["free_slots"], 2);
    let log = fitting(&place.vismem("log --format json").done(), "log");
    assert_eq!(log["events"][0]["after"], receipt["before"]);
    assert_eq!((&log["events"][1]["kind"], &log["events"][1]["after"]), (&"forget".into(), &receipt["after"]));
    let verified = fitting(&place.vismem("verify --receipt r.json --format json").done(), "verify");
    assert_eq!(verified["receipt"], json!({"belongs": true, "later_events": 0, "fault": null}));
}

#[test]
fn what_a_doctor_finds_fits_its_schema() {
    let place = Place::new();
    for (seed, label) in ["disc", "Disc", "test", "ring"].into_iter().enumerate() {
        place.draw(format!("learn/{label}/{seed}.png"), Kind::Disc, seed as u32);
    }
    place.vismem("add learn");
    place.draw("learn/ring/3.png", Kind::Disc, 30);
    place.write("learn/labels.csv", "path,label\ntest/2.png,ring\n");
    let run = place.vismem("doctor learn --distance 2 --format json");
    let found = fitting(&run, "doctor");
    assert_eq!((run.code, &found["healthy"]), (1, &false.into()));
    for list in
        ["/sources/gone", "/label_files/0/examples", "/classes/of_one_name", "/classes/doubtful", "/queries/0/shared"]
    {
        assert!(found.pointer(list).unwrap().as_array().is_some_and(|found| !found.is_empty()), "{list}: {found:#}");
    }
    assert_eq!(found["duplicates"]["across_labels"].as_array().unwrap().len(), 6);
}

#[test]
fn answers_about_relabelling_fit_their_schemas() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(4)));
    place.vismem("add rows.npy --label x").done();
    let relabelled = fitting(&place.vismem("relabel --id 1,2 --to y --format json").done(), "relabel");
    assert_eq!((&relabelled["exemplars"], &relabelled["event"]), (&2.into(), &2.into()));
    let again = fitting(&place.vismem("relabel --id 1,2 --to y --format json").done(), "relabel");
    assert_eq!((&again["exemplars"], &again["event"]), (&0.into(), &Value::Null));
    assert_eq!(again["digest"], relabelled["digest"]);
    fitting(&place.vismem("split y --into z --id 1 --format json").done(), "relabel");
    fitting(&place.vismem("undo --format json").done(), "relabel");
    fitting(&place.vismem("merge y --into x --format json").done(), "relabel");
    let undone = fitting(&place.vismem("undo --format json").done(), "relabel");
    assert_eq!(undone["digest"], relabelled["digest"]);
    let log = fitting(&place.vismem("log --format json").done(), "log");
    let kinds: Vec<&Value> = log["events"].as_array().unwrap().iter().map(|event| &event["kind"]).collect();
    assert_eq!(kinds, ["add", "relabel", "relabel", "undo", "relabel", "undo"]);
}

#[test]
fn answers_about_folders_and_encoded_files_fit_their_schemas() {
    let place = Place::new();
    place.draw_two_labels("learn", 1);
    place.write("learn/disc/broken.png", "no picture");
    let encoded = fitting(&place.vismem("encode learn -o out --format json"), "encode");
    assert_eq!((&encoded["encoded"], encoded["failed"].as_array().unwrap().len()), (&2.into(), 1));
    fitting(&place.vismem("-m other.vismem add out --format json").done(), "add");
    let synced = fitting(&place.vismem("sync learn --format json"), "sync");
    assert_eq!((&synced["add"]["added"], &synced["forgotten"]), (&2.into(), &0.into()));
    std::fs::remove_file(place.path("learn/disc/0.png")).unwrap();
    let asked = fitting(&place.vismem("sync learn --forget-missing --format json"), "sync");
    assert_eq!(asked["held_back"], json!({ "exemplars": 1, "share": 0.5, "labels": ["disc"] }));
    let synced = fitting(&place.vismem("sync learn --forget-missing --yes --format json"), "sync");
    assert_eq!((&synced["missing"][0]["replaced"], &synced["forgotten"]), (&false.into(), &1.into()));
}

#[test]
fn answers_about_models_fit_their_schemas() {
    let (place, server) = models::with_hub();
    fitting(&models::run(&place, &server, "model list --format json").done(), "model-list");
    fitting(&models::run(&place, &server, "model pull me/tiny --format json").done(), "model-pull");
    let shown = models::run(&place, &server, "model show --encoder hub:me/tiny --format json").done();
    assert!(fitting(&shown, "model-show")["file"].as_str().unwrap().ends_with("onnx/model.onnx"));
    assert_eq!(fitting(&place.vismem("model show --format json").done(), "model-show")["file"], Value::Null);
    place.vismem("add learn").done();
    std::fs::remove_file(place.path("learn/disc/0.png")).unwrap();
    let args = "reencode --encoder hub:me/tiny -o tiny.vismem --format json";
    let reencoded = fitting(&models::run(&place, &server, args), "reencode");
    assert_eq!((&reencoded["added"], &reencoded["missing"][0]["id"]), (&3.into(), &1.into()));
}

#[test]
fn answers_about_exports_fit_their_schemas() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(3)));
    place.vismem("add rows.npy --label x").done();
    for what in ["embeddings", "neighbors", "catalog"] {
        let exported = fitting(&place.vismem(&format!("export {what} -o out --format json")).done(), "export");
        assert_eq!(exported["exemplars"], 3);
        for file in exported["files"].as_array().unwrap() {
            assert!(place.path(file.as_str().unwrap()).exists(), "{file} was not written");
        }
    }
    let imported = fitting(&place.vismem("-m copy.vismem import out --format json").done(), "add");
    assert_eq!(imported["digest"], place.vismem("stats --format json").json()["digest"]);
}

#[test]
fn answers_about_the_taxonomy_fit_their_schemas() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(2)));
    place.vismem("add rows.npy --label cat").done();
    let none = fitting(&place.vismem("taxonomy show --format json").done(), "taxonomy");
    assert_eq!(none, json!({"levels": [], "labels": []}));
    let unplaced = fitting(&place.vismem("taxonomy check --format json"), "taxonomy-check");
    assert_eq!((&unplaced["whole"], &unplaced["unplaced"]), (&false.into(), &json!(["cat"])));
    place.write("t.csv", "label,genus,family\ncat,felis,felids\nserval,felis,canids\n");
    let set = fitting(&place.vismem("taxonomy set t.csv --format json").done(), "taxonomy");
    assert_eq!(set["labels"][1], json!({"label": "serval", "exemplars": 0, "names": ["felis", "canids"]}));
    let log = fitting(&place.vismem("log --format json").done(), "log");
    let (kind, exemplars) = (&log["events"][1]["kind"], &log["events"][1]["exemplars"]);
    assert_eq!((kind, exemplars), (&"taxonomy".into(), &0.into()));
    let two = fitting(&place.vismem("taxonomy check --format json"), "taxonomy-check");
    assert_eq!(two["two_places"], json!([{"level": "genus", "name": "felis", "above": ["canids", "felids"]}]));
    let undone = fitting(&place.vismem("undo --format json").done(), "relabel");
    assert_eq!((&undone["exemplars"], &undone["event"]), (&0.into(), &3.into()));
    assert_eq!(fitting(&place.vismem("taxonomy show --format json").done(), "taxonomy"), none);
}

#[test]
fn answers_of_experiments_fit_their_schema() {
    let place = Place::new();
    crate::eval::four_labels(&place, 12);
    // `shift` compares sets.
    let sets = "queries.npy queries.npy --labels queries.txt --labels queries.txt";
    let all = fitting(&place.vismem(&format!("eval all {sets} -k 40 --seeds 1,2 --format json")).done(), "eval");
    assert!(all["results"].as_object().unwrap().values().all(|result| !result.is_null()), "{all:#}");
    let own = fitting(&place.vismem("eval all -k 5 --seeds 1 -o out --format json").done(), "eval");
    assert_eq!(own["left_out"][0]["experiment"], "shift");
    let kept: Value = serde_json::from_slice(&std::fs::read(place.path("out/results.json")).unwrap()).unwrap();
    assert_eq!(schema::faults(&schema_of("eval"), &kept), [""; 0]);
}

#[test]
fn the_demos_answer_fits_its_schema() {
    let place = Place::new();
    let run = place.vismem("demo --format json").done();
    let demo = fitting(&run, "demo");
    for file in demo["files"].as_array().unwrap() {
        assert!(place.path(file.as_str().unwrap()).exists(), "{file} was not written");
    }
}

#[test]
fn the_documents_examples_fit_their_schemas() {
    for (name, _) in SCHEMAS {
        let example = section(name).split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
        let example = example.unwrap_or_else(|| panic!("{name} has no example"));
        let example: Value = serde_json::from_str(example).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(schema::faults(&schema_of(name), &example), [""; 0], "{name}");
    }
}

#[test]
fn the_document_describes_every_field_and_no_other() {
    for (name, _) in SCHEMAS {
        let rows = section(name).lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        let (shapes, fields): (Vec<_>, Vec<_>) = rows.partition(|(field, _)| field.starts_with('<'));
        let mut described = BTreeSet::new();
        fields.into_iter().for_each(|(field, rest)| describe(field, rest, &shapes, &mut described));
        assert_eq!(described, schema::fields(&schema_of(name)), "{name}");
    }
}

/// Enters a field, and what it is made of where its type is a shape that is described once, as `<shape>.field`.
fn describe(field: &str, rest: &str, shapes: &[(&str, &str)], described: &mut BTreeSet<String>) {
    described.insert(field.to_owned());
    let kind = rest.split(" | ").next().unwrap_or_default();
    let kind = kind.strip_suffix(" or null").unwrap_or(kind);
    let (kind, item) = kind.strip_prefix("list of ").map_or((kind, ""), |kind| (kind, "[]"));
    for (shape, rest) in shapes {
        if let Some(part) = shape.strip_prefix(&format!("<{kind}>.")) {
            describe(&format!("{field}{item}.{part}"), rest, shapes, described);
        }
    }
}

/// The section of docs/json.md that describes a schema: it begins with a heading that ends in the schema's link.
fn section(name: &str) -> &'static str {
    let link = format!("([schema](schemas/{name}.json))");
    let mut sections = DOC.split("\n## ").filter(|section| section.lines().next().unwrap().ends_with(&link));
    sections.next().unwrap_or_else(|| panic!("docs/json.md has no section for {name}"))
}

#[test]
fn the_schemas_are_strict() {
    for (name, _) in SCHEMAS {
        schema::each_object(&schema_of(name), "", &mut |at, object| {
            assert_eq!(object["type"], "object", "{name} {at}");
            assert_eq!(object["additionalProperties"], false, "{name} {at}");
            let required = object["required"].as_array().unwrap();
            for property in object["properties"].as_object().unwrap().keys() {
                // The one field that is there only if it was asked for.
                let must = property != "votes_for";
                assert_eq!(required.contains(&property.as_str().into()), must, "{name} {at} {property}");
            }
        });
    }
}

#[test]
fn what_does_not_fit_is_found() {
    let schema = schema_of("classify");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0], [0.0, 1.0]]));
    place.vismem("add rows.npy --label x").done();
    let sound = fitting(&place.vismem("classify rows.npy --format json"), "classify");
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut document = sound.clone();
        change(&mut document);
        assert_ne!(schema::faults(&schema, &document), [""; 0], "{document}");
    };
    broken(&|document| document["more"] = 1.into());
    broken(&|document| document["results"] = json!({}));
    broken(&|document| document["results"][1]["confidence"] = 1.5.into());
    broken(&|document| document["results"][1]["confidence"] = Value::Null);
    broken(&|document| document["results"][0]["labels"] = json!([]));
    broken(&|document| document["results"][0]["error"] = "both".into());
    broken(&|document| document["results"][0]["neighbors"][0]["id"] = 1.5.into());
    broken(&|document| document["results"][0]["neighbors"][0]["source"] = 1.into());
    broken(&|document| {
        document["results"][0]["neighbors"][0].as_object_mut().unwrap().remove("source");
    });
    let stats = fitting(&place.vismem("stats --format json"), "stats");
    let mut short = stats.clone();
    short["digest"] = "abc".into();
    assert_ne!(schema::faults(&schema_of("stats"), &short), [""; 0]);
}
