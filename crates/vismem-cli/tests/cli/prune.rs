//! Pruning, as its users meet it.

use crate::common::{Kind, Place};

/// Five pictures of each kind, and a sixth disc among the stripes by mistake.
fn with_a_mistake() -> Place {
    let place = Place::new();
    place.draw_two_labels("learn", 5);
    place.draw("learn/stripes/mistake.png", Kind::Disc, 5);
    place.vismem("add learn").done();
    place
}

#[test]
fn a_mislabelled_picture_is_found_hidden_and_given_back() {
    let place = with_a_mistake();
    place.draw("ask.png", Kind::Disc, 6);
    let ask = || place.vismem("classify ask.png -k 6 --format json").done().json()["results"][0].clone();
    let before = ask();
    assert_eq!((&before["label"], before["confidence"].as_f64() < Some(1.0)), (&"disc".into(), true), "{before}");

    let dry = place.vismem("prune hard --threshold 3 --neighbors 4 --dry-run --page worst.html").done();
    dry.says(&[
        "hard (from 3 wrong votes, 4 neighbours), not set (--dry-run)",
        "1 of 11 exemplars hidden",
        "worst.html",
    ]);
    assert_eq!(ask(), before, "nothing was set");
    let page = std::fs::read_to_string(place.path("worst.html")).unwrap();
    let id = before["neighbors"].as_array().unwrap().iter().find(|n| n["label"] == "stripes").unwrap()["id"].clone();
    for part in ["mistake.png", "its neighbours say", &format!("vismem relabel --id {id} --to disc"), "data:image/"] {
        assert!(page.contains(part), "{part} is not on the page");
    }

    place.vismem("prune hard --threshold 3 --neighbors 4").done();
    let hidden = ask();
    assert_eq!((hidden["confidence"].as_f64(), hidden["hidden"].as_u64()), (Some(1.0), Some(1)), "{hidden}");
    place.vismem("classify ask.png -k 6").done().says(&["disc  100 %  (1 neighbour hidden)"]);
    place.vismem("stats").done().says(&["pruning     hard (from 3 wrong votes, 4 neighbours)"]);
    place.vismem("explain ask.png -k 6").done();
    let page = std::fs::read_to_string(place.path("explanation.html")).unwrap();
    assert!(page.contains("of the 6 most similar examples it hides 1"), "the page does not mention pruning");

    place.vismem("prune soft --neighbors 4").done().says(&["exemplars with votes of another weight"]);
    let weight = |answer: &serde_json::Value| {
        answer["neighbors"].as_array().unwrap().iter().find(|n| n["id"] == id).unwrap()["weight"].as_f64().unwrap()
    };
    assert!(weight(&ask()) < weight(&before));
    place.vismem("prune off").done();
    assert_eq!(ask(), before);
    place.vismem("verify").done();
}

#[test]
fn a_suggestion_can_be_set_as_it_stands() {
    let place = with_a_mistake();
    let suggestion = place.vismem("prune suggest -k 3 --neighbors 4").done();
    let command = suggestion.stdout.lines().last().unwrap().strip_prefix("set the best with: vismem ").unwrap();
    place.vismem(command).done();
    let trials = place.vismem("prune suggest -k 3 --neighbors 4 --format json").done().json();
    let accuracy = |trial: &serde_json::Value| trial["accuracy"].as_f64().unwrap();
    let trials = trials["trials"].as_array().unwrap();
    let off = trials.iter().find(|trial| trial["pruning"].is_null()).unwrap();
    assert!(accuracy(&trials[0]) >= accuracy(off));
}

#[test]
fn what_is_hidden_can_be_forgotten() {
    let place = with_a_mistake();
    let hard = "prune hard --threshold 3 --neighbors 4";
    place.vismem(hard).done().says(&["1 of 11 exemplars hidden"]);
    let forgotten = place.vismem("forget --pruned --format json").done().json();
    assert_eq!((&forgotten["exemplars"], &forgotten["receipt"]["selected_by"][0]), (&1.into(), &"pruned".into()));
    assert!(!place.vismem("ls --all").done().stdout.contains("mistake.png"));
    place.vismem("prune show").done().says(&["0 of 10 exemplars hidden"]);
    place.vismem("verify").done();
}
