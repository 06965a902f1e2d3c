//! A memory that was tuned says how probable its answers are.

use serde_json::Value;

use crate::common::Place;
use crate::eval::four_labels;
use crate::json::fitting;

fn tuned() -> Place {
    let place = Place::new();
    four_labels(&place, 12);
    place.vismem("tune").done();
    place
}

fn calibration(place: &Place) -> Value {
    fitting(&place.vismem("stats --format json").done(), "stats")["calibration"].clone()
}

#[test]
fn answers_of_a_tuned_memory_have_probabilities_and_sets_that_fit_their_schemas() {
    let place = tuned();
    let answers = fitting(&place.vismem("classify queries.npy --coverage 0.9 --format json").done(), "classify");
    for answer in answers["results"].as_array().unwrap() {
        assert_eq!(answer["confident_by"], "probability");
        let of = |label: &Value| label["probability"].as_f64().unwrap();
        let labels = answer["labels"].as_array().unwrap();
        assert!((labels.iter().map(of).sum::<f64>() - 1.0).abs() < 1e-6, "{answer}");
        assert_eq!(answer["probability"], labels[0]["probability"]);
        assert_eq!((answer["set"]["coverage"].as_f64(), &answer["set"]["everything"]), (Some(0.9), &false.into()));
        assert!(answer["lineage"].as_array().unwrap().iter().all(|step| step["probability"].is_number()));
    }
    let text = place.vismem("classify queries.npy --coverage 0.9").done().stdout;
    assert!(text.contains(" % probable") && (text.contains("(one of: ") || text.contains("(none is likely")), "{text}");
    place.vismem("classify queries.npy --coverage 1").done().says(&["any of all 4"]);
    place.vismem("classify queries.npy --coverage 0").done().says(&["none is likely enough"]);
    let page = place.vismem("explain queries.npy#0 --coverage 0.9 --format json -o page.html");
    assert!(fitting(&page.done(), "explain")["set"]["labels"].is_array());
    let page = std::fs::read_to_string(place.path("page.html")).unwrap();
    assert!(page.contains("right with a probability of"), "the page says it");
    let words = ["not for a what-if", "leave out --coverage"];
    place.vismem("classify queries.npy --coverage 0.9 --without id=1").refused(1, &words);
    let words = ["is calibrated for", "leave out --vote and -k"];
    place.vismem("classify queries.npy --coverage 0.9 --vote plurality -k 3").refused(1, &words);
    // A bound that no share of the vote reaches is none that no probability reaches.
    let bound = place.vismem("classify queries.npy --min-confidence 0.5").done();
    assert!(!bound.stderr.contains("no answer can have"), "{}", bound.stderr);
}

#[test]
fn edits_keep_a_tuned_memory_calibrated() {
    let place = tuned();
    let asked = |place: &Place| calibration(place)["asked"].as_u64().unwrap();
    assert_eq!((asked(&place), &calibration(&place)["added_since"]), (48, &0.into()));
    place.vismem("add queries.npy --labels queries.txt").done();
    assert_eq!((asked(&place), &calibration(&place)["added_since"]), (48, &8.into()));
    place.vismem("stats").done().says(&["calibration", "8 were added since"]);
    place.vismem("forget --id 1").done();
    assert_eq!((asked(&place), &calibration(&place)["added_since"]), (55, &0.into()));
    for edit in ["relabel --id 2 --to c", "undo", "prune soft", "prune off", "taxonomy set taxonomy.csv", "compact"] {
        place.vismem(edit).done();
        assert_eq!((asked(&place), &calibration(&place)["added_since"]), (55, &0.into()), "{edit}");
    }
    place.vismem("verify").done();
}
