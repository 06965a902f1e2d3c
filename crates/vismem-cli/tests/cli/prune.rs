//! Pruning, as its users meet it.

use serde_json::Value;

use crate::common::{Kind, Place};
use crate::npy;

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

/// Eight groups of eleven, by turns `a` and `b`; the two in the middle of each, which are next to all others there, have the
/// other label.
fn misled() -> Place {
    let place = Place::new();
    let mut rows = npy::scattered(88);
    let mut labels = String::new();
    for (at, row) in rows.iter_mut().enumerate() {
        let (group, is_middle) = (at / 11, at % 11 < 2);
        row.iter_mut().for_each(|value| *value *= if is_middle { 0.01 } else { 0.3 });
        row[group] += 1.0;
        labels += ["a\n", "b\n"][(group + usize::from(is_middle)) % 2];
    }
    place.write("rows.npy", npy::rows(&rows));
    place.write("rows.txt", labels);
    place.vismem("add rows.npy --labels rows.txt").done();
    place
}

#[test]
fn a_suggestion_can_be_set_as_it_stands() {
    let place = misled();
    let suggestion = place.vismem("prune suggest -k 3 --neighbors 5").done();
    let command = suggestion.stdout.lines().last().unwrap().strip_prefix("set the best with: vismem ").unwrap();
    place.vismem(command).done().says(&["16 of 88 exemplars hidden"]);
    let answer = place.vismem("prune suggest -k 3 --neighbors 5 --format json").done().json();
    let trials = answer["trials"].as_array().unwrap();
    let advised = trials.iter().find(|trial| trial["pruning"] == answer["advised"]).unwrap();
    let number = |name: &str| advised[name].as_f64().unwrap();
    assert!(number("gained") > 60.0 && number("lost") < 20.0 && number("p") < 0.05, "{advised}");
    assert_eq!(answer["why_none"], Value::Null);
}

#[test]
fn no_pruning_is_advised_that_may_help_by_chance_or_hides_a_label_wholly() {
    // Labels without any meaning: whatever seems to help is chance.
    for seed in 0..5 {
        let place = Place::new();
        let rows = &npy::scattered(300 * (seed + 1))[300 * seed..];
        let by_chance = |row: &[f32; 16]| ["a\n", "b\n", "c\n"][(row[15].abs() * 1e6) as usize % 3];
        place.write("rows.npy", npy::rows(rows));
        place.write("rows.txt", rows.iter().map(by_chance).collect::<String>());
        place.vismem("add rows.npy --labels rows.txt").done();
        for neighbors in [10, 100] {
            let suggest = format!("prune suggest --neighbors {neighbors}");
            let answer = place.vismem(&format!("{suggest} --format json")).done().json();
            assert_eq!((&answer["advised"], &answer["command"]), (&Value::Null, &Value::Null), "{seed}: {answer}");
            place.vismem(&suggest).done().says(&["no pruning is advised: "]);
        }
    }
    // A label that lies in the middle of others misleads them, and would be gone.
    let place = misled();
    let middle = |at: usize| if at % 11 < 2 { "rare\n" } else { ["a\n", "b\n"][at / 11 % 2] };
    place.write("rare.txt", (0..88).map(middle).collect::<String>());
    place.vismem("-m rare add rows.npy --labels rare.txt").done();
    let run = place.vismem("-m rare prune suggest -k 3 --neighbors 5 --format json").done().json();
    let trials = run["trials"].as_array().unwrap();
    assert_eq!(trials[0]["hidden_labels"], serde_json::json!(["rare"]), "{run}");
    let advised = trials.iter().find(|trial| trial["pruning"] == run["advised"]).unwrap();
    assert_eq!(advised["hidden_labels"], serde_json::json!([]), "{advised}");
}

#[test]
fn a_pruning_that_hides_a_label_wholly_says_so() {
    let place = with_a_mistake();
    place.draw("rare/rare/0.png", Kind::Disc, 9);
    place.vismem("add rare").done();
    let set = place.vismem("prune hard --threshold 1 --neighbors 4").done();
    set.says(&["all exemplars of disc, rare are hidden, so that hardly any picture can be taken for one of these"]);
    let shown = place.vismem("prune show --format json").done().json();
    assert_eq!(shown["hidden_labels"], serde_json::json!(["disc", "rare"]), "{shown}");
}

#[test]
fn where_nothing_can_be_decided_right_no_pruning_is_advised_and_the_reason_is_said() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(5)));
    place.write("rows.txt", "a\nb\nc\nd\ne\n");
    place.vismem("add rows.npy --labels rows.txt").done();
    place.vismem("prune suggest").done().says(&["no pruning is advised: each label has one exemplar"]);
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

#[test]
fn a_correction_runs_as_it_is_printed_though_the_label_begins_with_a_dash() {
    let place = Place::new();
    for seed in 0..5 {
        place.draw(format!("learn/-dash dog/{seed}.png"), Kind::Disc, seed);
        place.draw(format!("learn/stripes/{seed}.png"), Kind::Stripes, seed);
    }
    place.draw("learn/stripes/mistake.png", Kind::Disc, 5);
    place.vismem("add learn").done();
    let trial = "prune hard --threshold 3 --neighbors 4 --dry-run --page worst.html --format json";
    let suspect = place.vismem(trial).done().json()["suspects"][0].clone();
    let command = suspect["commands"][0].as_str().unwrap().to_owned();
    assert!(command.ends_with("--to='-dash dog'"), "{command}");
    let run = place.shell(&format!("vismem() {{ \"$VISMEM\" \"$@\"; }}; {command}"));
    run.done().says(&["relabelled 1 exemplar"]);
}
