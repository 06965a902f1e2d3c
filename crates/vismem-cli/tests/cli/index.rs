//! `vismem index`, and what the other commands do with indexes.

use serde_json::{Value, json};

use crate::common::Place;
use crate::json::fitting;
use crate::npy;

/// A memory of 9,000 exemplars, enough for partitions.
fn many() -> Place {
    let place = Place::new();
    let rows: Vec<[f32; 4]> =
        (0..9000).map(|n| std::array::from_fn(|i| ((n + 1) as f32 * (i + 2) as f32 * 0.37).sin())).collect();
    place.write("many.npy", npy::rows(&rows));
    place.write("few.npy", npy::rows(&rows[..3]));
    place.vismem("add many.npy --label x").done();
    place
}

fn states(place: &Place) -> Vec<Value> {
    let shown = fitting(&place.vismem("index show --format json").done(), "index-show");
    shown["indexes"].as_array().unwrap().iter().map(|index| index["state"].clone()).collect()
}

#[test]
fn indexes_are_built_shown_followed_and_dropped() {
    let place = many();
    assert_eq!(states(&place), ["absent"; 4]);
    let nothing = place.vismem("index").done();
    assert!(nothing.stdout.starts_with("nothing to build"), "{nothing:?}");
    let all = "--kind codes,partitions --kind neighbors --kind novelty --neighbors 3";
    let built = fitting(&place.vismem(&format!("index {all} --format json")).done(), "index");
    let outcomes = |document: &Value| -> Vec<Value> {
        document["indexes"].as_array().unwrap().iter().map(|index| index["outcome"].clone()).collect()
    };
    assert_eq!(outcomes(&built), ["built"; 4], "{built}");
    assert_eq!(states(&place), ["current"; 4]);
    let again = fitting(&place.vismem("index build --format json").done(), "index");
    assert_eq!(outcomes(&again), ["current"; 4], "{again}");
    let anew = fitting(&place.vismem("index --rebuild --kind codes --format json").done(), "index");
    assert_eq!(outcomes(&anew), ["built"]);
    let text = place.vismem("index show").done();
    assert!(text.stdout.contains("neighbors    current") && text.stdout.contains("3 neighbours each"), "{text:?}");

    // What is there follows an addition.
    place.write("more.npy", npy::rows(&[[0.1f32, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]]));
    place.vismem("add more.npy --label y").done();
    assert_eq!(states(&place), ["current", "current", "current", "absent"], "novelty pays in larger memories");
    assert!(place.vismem("verify").done().stdout.contains("sound"));

    let dropped = fitting(&place.vismem("index drop --kind codes --format json").done(), "index-drop");
    assert_eq!(dropped["dropped"], json!(["codes"]));
    assert!(dropped["bytes"].as_u64().unwrap() > 9000);
    let rest = fitting(&place.vismem("index drop --format json").done(), "index-drop");
    assert_eq!(rest["dropped"], json!(["partitions", "neighbors"]));
    assert_eq!(place.vismem("index drop").done().stdout, "there was nothing to drop\n");
    assert_eq!(states(&place), ["absent"; 4]);
}

#[test]
fn a_search_without_its_index_is_exact_says_so_once_and_builds_nothing() {
    let place = many();
    let asked = place.vismem("classify few.npy --search partitioned --recall 0.9 --format json");
    assert_eq!(asked.code, 0);
    assert_eq!(
        asked.stderr,
        "note: the memory has no partitions, so that it is searched exactly; `vismem index --kind partitions` builds them\n"
    );
    assert_eq!(asked.json()["results"][0]["recall"], 1.0);
    assert_eq!(states(&place), ["absent"; 4]);
    place.vismem("index --kind partitions").done();
    let asked = place.vismem("classify few.npy --search partitioned --recall 0.9 --format json").done();
    assert!(asked.json()["results"][0]["recall"].as_f64().unwrap() < 1.0);
}

#[test]
fn a_small_memory_needs_no_index() {
    let place = Place::new();
    place.write("few.npy", npy::rows(&[[1.0, 0.0], [0.6, 0.8]]));
    place.vismem("add few.npy --label x").done();
    let built = fitting(&place.vismem("index --kind partitions,codes --format json").done(), "index");
    assert_eq!(built["indexes"][0]["outcome"], "too_small");
    assert_eq!(built["indexes"][1]["outcome"], "built");
    assert_eq!(place.vismem("index --kind everything").code, 2);
    assert_eq!(place.vismem("index --neighbors 0").code, 2);
    assert_eq!(place.vismem("-m nowhere.vismem index").code, 1);
}

#[test]
fn pruning_keeps_the_lists_that_it_counts_by() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(40)));
    place.vismem("add rows.npy --label x").done();
    place.vismem("prune hard --threshold 2 --neighbors 5").done();
    let shown = fitting(&place.vismem("index show --format json").done(), "index-show");
    let lists = &shown["indexes"][2];
    assert_eq!((&lists["state"], &lists["pays"], &lists["neighbors"]), (&"current".into(), &true.into(), &5.into()));
}

#[test]
fn the_number_of_threads_changes_no_answer() {
    let place = many();
    let answer = |threads: &str| place.vismem(&format!("{threads} classify few.npy -k 30 --format json")).done().stdout;
    let one = answer("--threads 1");
    assert_eq!(answer("--threads 3"), one);
    assert_eq!(answer(""), one);
    assert_eq!(place.vismem("--threads 0 stats").code, 2);
}
