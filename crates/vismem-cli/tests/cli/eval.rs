//! The paper's experiments as commands.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::common::{Kind, Place};
use crate::npy;

/// `count` exemplars of each of the labels a, b, c, d, and two queries of each, 16 values wide: a direction of its own for
/// each label, and noise.
pub fn four_labels(place: &Place, count: usize) {
    let noise = npy::scattered(4 * (count + 2));
    let row = |at: usize| -> [f32; 16] {
        std::array::from_fn(|value| noise[at][value] + if value % 4 == at % 4 { 1.0 } else { 0.0 })
    };
    let rows = |from: usize, to: usize| (from..to).map(row).collect::<Vec<_>>();
    let labels = |count: usize| (0..count).map(|at| format!("{}\n", ["a", "b", "c", "d"][at % 4])).collect::<String>();
    place.write("rows.npy", npy::rows(&rows(0, 4 * count)));
    place.write("rows.txt", labels(4 * count));
    place.write("queries.npy", npy::rows(&rows(4 * count, 4 * count + 8)));
    place.write("queries.txt", labels(8));
    place.write("taxonomy.csv", "label,half\na,first\nb,first\nc,second\nd,second\n");
    place.vismem("add rows.npy --labels rows.txt --taxonomy taxonomy.csv").done();
}

#[test]
fn the_authors_neighbour_files_give_their_tables() {
    for goldens in vismem_goldens::neighbor_files().unwrap() {
        give_their_tables(goldens.path());
    }
}

fn give_their_tables(goldens: &Path) {
    let place = Place::new();
    let folder = goldens.display();
    let command = format!(
        "eval aggregation --neighbors {folder}/neighbors_query.json --memory-neighbors {folder}/neighbors_memory.json \
         --threshold 24 --format json"
    );
    let answer = place.vismem(&command).done().json();
    let official: Value =
        serde_json::from_slice(&std::fs::read(goldens.join("official_predictions.json")).unwrap()).unwrap();
    let mut compared = 0;
    for curve in answer["results"]["aggregation"]["curves"].as_array().unwrap() {
        let (vote, pruning) = (curve["rule"]["vote"].as_str().unwrap(), curve["pruning"].as_str().unwrap());
        // Pruned ones differ where nobody of the first k is left, see the tests of the evaluations themselves.
        if pruning != "none" {
            continue;
        }
        let expected = &official["accuracy"][vote];
        for at in curve["accuracy"].as_array().unwrap() {
            let (ours, theirs) =
                (at["accuracy"]["value"].as_f64().unwrap(), expected[at["k"].to_string()].as_f64().unwrap());
            assert!((ours - theirs).abs() < 1e-9, "{vote}, {at}: not {theirs}");
            compared += 1;
        }
    }
    assert_eq!(compared, 400);
}

#[test]
fn neighbours_that_were_written_give_what_the_memory_gave() {
    let place = Place::new();
    four_labels(&place, 6);
    let asked = "queries.npy --labels queries.txt -k 9 --format json";
    let searched = place.vismem(&format!("eval reliability {asked} --write-neighbors n.json")).done().json();
    let read = place.vismem("eval reliability --neighbors n.json --format json").done().json();
    assert_eq!(searched["results"], read["results"]);
    assert_eq!((&searched["about"]["exemplars"], &searched["about"]["k"]), (&24.into(), &9.into()));
    let classes: Value = serde_json::from_slice(&std::fs::read(place.path("n.classes.json")).unwrap()).unwrap();
    assert_eq!(classes, serde_json::json!({"a": 1, "b": 2, "c": 3, "d": 4}));
}

#[test]
fn without_queries_each_exemplar_is_asked_without_itself() {
    let place = Place::new();
    four_labels(&place, 6);
    let answer = place.vismem("eval aggregation -k 5 --format json").done().json();
    assert_eq!(
        (&answer["about"]["leave_one_out"], &answer["about"]["queries"][0]["queries"]),
        (&true.into(), &24.into())
    );
    assert_eq!(answer["about"]["queries"][0]["in_memory"], 0, "none finds itself");
    // What `prune suggest` says without pruning, by another way.
    let trials = place.vismem("prune suggest -k 5 --format json").done().json();
    let unpruned = trials["trials"].as_array().unwrap().iter().find(|trial| trial["pruning"].is_null()).unwrap();
    let curves = answer["results"]["aggregation"]["curves"].as_array().unwrap().iter();
    let kernel = curves.clone().find(|curve| curve["rule"]["vote"] == "kernel" && curve["pruning"] == "none").unwrap();
    let at_5 = kernel["accuracy"][4]["accuracy"]["value"].as_f64().unwrap();
    assert!((at_5 - unpruned["accuracy"].as_f64().unwrap()).abs() < 1e-12);
}

#[test]
fn all_experiments_are_one_report_that_is_taken_up_again() {
    let place = Place::new();
    four_labels(&place, 12);
    let digest = place.vismem("stats --format json").done().json()["digest"].clone();
    // `shift` compares sets.
    let command = "eval all queries.npy queries.npy --labels queries.txt --labels queries.txt -k 40 --seeds 3,4 -o out \
                   --format json";
    let first = place.vismem(command).done().json();
    assert_eq!(first["left_out"], serde_json::json!([]));
    assert_eq!(first["about"]["seeds"], serde_json::json!([3, 4]));
    let results = first["results"].as_object().unwrap();
    assert!(results.values().all(|result| !result.is_null()) && results.len() == 12);
    for table in ["aggregation", "reliability", "scaling", "granularity", "unlearning-times", "errors", "composition"] {
        let csv = std::fs::read_to_string(place.path(format!("out/{table}.csv"))).unwrap();
        let columns = |line: &str| line.split(',').count();
        assert!(csv.lines().count() > 1 || table == "errors", "{table}: {csv}");
        assert!(columns(csv.lines().next().unwrap()) > 3, "{table}: {csv}");
    }
    // The same once more is not measured again: times would differ.
    let again = place.vismem(command).done().json();
    assert_eq!(again["results"], first["results"]);
    let kept: Value = serde_json::from_slice(&std::fs::read(place.path("out/results.json")).unwrap()).unwrap();
    assert_eq!(kept["results"], first["results"]);
    // Other options are, and only what they concern.
    let other = place.vismem(&command.replace("3,4", "3")).done().json();
    let (before, after) = (&first["results"], &other["results"]);
    assert_eq!(before["aggregation"], after["aggregation"]);
    assert_ne!(before["corruption"], after["corruption"]);

    // Nothing happened to the memory, and no copy of it stays.
    assert_eq!(place.vismem("stats --format json").done().json()["digest"], digest);
    let names = std::fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<String> = names.map(|name| name.into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.contains("vismem-eval")), "{names:?}");

    // Another memory is another measurement.
    place.vismem("forget --id 1").done();
    let changed =
        place.vismem(&command.replace("eval all", "eval reliability").replace("--seeds 3,4", "")).done().json();
    assert_ne!(changed["about"]["inputs"], first["about"]["inputs"]);
    assert!(!place.path("out/aggregation.csv").exists(), "a table of another memory must not stay beside it");
}

#[test]
fn memories_are_put_side_by_side() {
    let place = Place::new();
    four_labels(&place, 12);
    let asked = "queries.npy --labels queries.txt --voters 5 --format json";
    let first = place.vismem(&format!("eval scaling {asked} -o first")).done().json();
    let both = place.vismem(&format!("eval scaling {asked} --beside first/results.json -o both")).done().json();
    let beside = &both["results"]["scaling"]["beside"][0];
    assert_eq!(beside["points"], first["results"]["scaling"]["points"]);
    assert_eq!(beside["memory"], "memory.vismem");
    let csv = std::fs::read_to_string(place.path("both/scaling-beside.csv")).unwrap();
    assert!(csv.lines().count() > 3, "{csv}");
    let other = format!("eval scaling {asked} --beside first/results.json").replace("--voters 5", "--voters 3");
    place.vismem(&other).refused(1, &["measure both alike"]);
    place.vismem(&format!("eval scaling {asked} --beside queries.txt")).refused(1, &["queries.txt", "results.json"]);
}

#[test]
fn novel_classes_are_learned_and_nothing_is_forgotten() {
    let place = Place::new();
    four_labels(&place, 12);
    let command = "eval novel-classes queries.npy --labels queries.txt --hold-out c --format json";
    let answer = place.vismem(command).done().json();
    let run = &answer["results"]["novel_classes"]["runs"][0];
    assert_eq!((&run["held_out"], &run["inserted"]), (&serde_json::json!(["c"]), &12.into()));
    assert_eq!((&run["old_before"]["n"], &run["new"]["n"]), (&6.into(), &2.into()));
    let wrong = place.vismem(&command.replace("-out c", "-out nobody"));
    wrong.refused(1, &["nobody"]);
}

#[test]
fn a_wrong_label_is_found_and_the_command_mends_it() {
    let place = Place::new();
    four_labels(&place, 12);
    place.vismem("relabel --id 5 --to b").done();
    let answer = place.vismem("eval errors --voters 5 --format json").done().json();
    let mistakes = answer["results"]["errors"]["mistakes"].as_array().unwrap();
    let planted = mistakes.iter().find(|mistake| mistake["id"] == 5).unwrap();
    assert_eq!((&planted["decision"], &planted["blame"]), (&"a".into(), &"query_label".into()), "{planted:#}");
    let command = planted["commands"][0].as_str().unwrap();
    assert_eq!(command, "vismem relabel --id 5 --to a");
    place.vismem(command.strip_prefix("vismem ").unwrap()).done();
    let after = place.vismem("eval errors --voters 5 --format json").done().json();
    let left = after["results"]["errors"]["wrong"]["value"].as_f64().unwrap();
    assert!(left < answer["results"]["errors"]["wrong"]["value"].as_f64().unwrap());
}

#[test]
fn unlearning_leaves_what_building_again_would_give() {
    let place = Place::new();
    four_labels(&place, 12);
    let answer = place.vismem("eval unlearning --count 10 --format json").done().json();
    let result = &answer["results"]["unlearning"];
    assert_eq!((&result["forgotten"], &result["as_rebuilt"]["value"]), (&10.into(), &1.0.into()));
    // A member lies at distance 0 of itself.
    assert_eq!(result["membership_before"]["value"], 1.0);
    assert!(result["membership_after"]["low"].as_f64().unwrap() < 0.7, "{result:#}");
    assert!(result["forget_ms"]["median"].as_f64().unwrap() > 0.0);
}

#[test]
fn what_a_taxonomy_knows_of_a_class_without_exemplars() {
    let place = Place::new();
    four_labels(&place, 12);
    let answer = place.vismem("eval granularity queries.npy --labels queries.txt --format json").done().json();
    let result = &answer["results"]["granularity"];
    let at = |exemplars: u64, level: &str| {
        let points = result["points"].as_array().unwrap().iter();
        let mut points = points.filter(|point| point["exemplars"] == exemplars && point["level"] == level);
        points.next().unwrap()["accuracy"]["value"].as_f64().unwrap()
    };
    assert_eq!(at(0, "label"), 0.0, "nobody can vote for it");
    assert!(at(10, "label") > 0.5 && at(10, "half") >= at(10, "label"));
    let none = Place::new();
    none.write("rows.npy", npy::rows(&npy::scattered(4)));
    none.vismem("add rows.npy --label x").done();
    none.vismem("eval granularity").refused(1, &["no taxonomy", "vismem taxonomy set"]);
}

#[test]
fn labels_as_real_has_them_belong_to_the_pictures_in_the_order_of_their_names() {
    let place = Place::new();
    place.draw_two_labels("learn", 3);
    place.vismem("add learn").done();
    place.draw("val/a/1.png", Kind::Disc, 7);
    place.draw("val/b/0.png", Kind::Stripes, 8);
    place.draw("val/b/2.png", Kind::Stripes, 9);
    // 0.png is both, 1.png neither, 2.png a disc: by no means.
    place.write("real.json", "[[0, 1], [], [0]]");
    place.write("names.txt", "disc\nstripes\n");
    let options = "--images val --class-names names.txt -k 3 --format json";
    let answer = place.vismem(&format!("eval shift real.json learn {options}")).done().json();
    let set = &answer["results"]["shift"]["sets"][0];
    assert_eq!((&set["name"], &set["several_labels"]), (&"real.json".into(), &1.into()));
    assert_eq!(answer["about"]["queries"][0]["queries"], 2, "a picture without a class is none");
    assert_eq!(set["votes"][0]["best"]["accuracy"]["value"], 0.5);
}

#[test]
fn a_picture_that_a_manifest_lists_under_two_labels_is_right_with_either() {
    let place = Place::new();
    place.draw_two_labels("learn", 3);
    place.vismem("add learn").done();
    place.write("real.csv", "path,label\nlearn/disc/0.png,disc\nlearn/disc/0.png,stripes\nlearn/stripes/0.png,disc\n");
    let answer = place.vismem("eval shift real.csv learn -k 3 --format json").done().json();
    let sets = answer["results"]["shift"]["sets"].as_array().unwrap();
    assert_eq!((&sets[0]["name"], &sets[1]["name"]), (&"real.csv".into(), &"learn".into()));
    assert_eq!((&sets[0]["several_labels"], &sets[1]["several_labels"]), (&1.into(), &0.into()));
    assert_eq!(answer["about"]["queries"][0]["queries"], 2);
    assert_eq!(answer["about"]["queries"][1]["in_memory"], 6, "the memory holds them");
    let nearest_alone = sets[0]["votes"][0]["best"]["accuracy"]["value"].as_f64().unwrap();
    assert_eq!(nearest_alone, 0.5);
}

#[test]
fn tables_are_printed_with_the_papers_own_beside_them() {
    let place = Place::new();
    four_labels(&place, 12);
    let run = place.vismem("eval aggregation queries.npy --labels queries.txt").done();
    run.says(&[
        "memory.vismem: 48 exemplars of 4 labels",
        "8 queries of queries.npy, 48 neighbours",
        "The paper's, ImageNet-1K",
    ]);
    place.vismem("eval all -k 20 --seeds 1").done().says(&["shift: not done", "seeds 1"]);
}

#[test]
fn as_many_neighbours_vote_in_an_evaluation_as_it_says_however_many_that_are() {
    let place = Place::new();
    // 160 of one label and 40 of another with much noise: who votes matters.
    let rows: Vec<[f32; 16]> = npy::scattered(240)
        .into_iter()
        .enumerate()
        .map(|(at, mut row)| {
            row[usize::from(at % 5 == 0)] += 0.5;
            row
        })
        .collect();
    let labels =
        |rows: std::ops::Range<usize>| rows.map(|at| ["b\n", "a\n"][usize::from(at % 5 > 0)]).collect::<String>();
    place.write("rows.npy", npy::rows(&rows[..200]));
    place.write("rows.txt", labels(0..200));
    place.write("queries.npy", npy::rows(&rows[200..]));
    place.write("queries.txt", labels(200..240));
    place.vismem("add rows.npy --labels rows.txt").done();
    let classified = |k: u32| {
        let answer = place.vismem(&format!("classify queries.npy -k {k} --format json")).done().json();
        let decisions = answer["results"].as_array().unwrap().iter().map(|of| of["label"].as_str().unwrap().to_owned());
        let wrong = decisions.zip(labels(200..240).lines()).filter(|(decision, label)| decision != label).count();
        wrong as f64 / 40.0
    };
    assert_ne!(classified(100), classified(180), "the test could not fail");
    let asked = "queries.npy --labels queries.txt --voters 180 --format json";
    for command in ["errors", "calibration", "all"] {
        let answer = place.vismem(&format!("eval {command} {asked}")).done().json();
        assert_eq!(answer["about"]["k"], 180);
        let results = &answer["results"];
        if let Some(wrong) = results["errors"]["wrong"]["value"].as_f64() {
            assert_eq!((wrong, &results["errors"]["k"]), (classified(180), &180.into()), "{command}");
        }
        if let Some(parts) = results["calibration"]["confidence"]["parts"].as_array() {
            let wrong = |part: &Value| {
                let accuracy = &part["accuracy"];
                (1.0 - accuracy["value"].as_f64().unwrap()) * accuracy["n"].as_f64().unwrap()
            };
            let share = parts.iter().map(wrong).sum::<f64>() / 40.0;
            assert!((share - classified(180)).abs() < 1e-9, "{command}: {share}");
        }
    }
    // A file that holds fewer says so, and claims no more than it holds.
    place.vismem("eval reliability queries.npy --labels queries.txt -k 30 --write-neighbors n.json").done();
    let refused = place.vismem("eval calibration --neighbors n.json --voters 180");
    refused.refused(1, &["n.json holds 30 neighbours of a query, and 180 are to vote"]);
    let read = place.vismem("eval reliability --neighbors n.json --format json").done().json();
    assert_eq!(read["about"]["k"], 30);
}
