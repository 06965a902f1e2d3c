//! What-if questions, as their users ask them.

use serde_json::Value;

use crate::common::{Kind, Place};
use crate::npy;

/// Rows 1 to 6: two of a, two of b, two of c, ever farther from the query; the second half of a source is its row.
fn place() -> Place {
    let place = Place::new();
    let row = |n: usize| [1.0, 0.1 * n as f32];
    place.write("rows.npy", npy::rows(&[row(1), row(2), row(3), row(4), row(5), row(6)]));
    place.write("labels.txt", "a\na\nb\nb\nc\nc\n");
    place.vismem("add rows.npy --labels labels.txt").done();
    place.write("ask.npy", npy::rows(&[[1.0, 0.0], [1.0, 0.61]]));
    place
}

fn ask(place: &Place, options: &str) -> Vec<Value> {
    let answer = place.vismem(&format!("classify ask.npy -k 2 --format json {options}")).done().json();
    answer["results"].as_array().unwrap().clone()
}

fn ids(answer: &Value) -> Vec<u64> {
    answer["neighbors"].as_array().unwrap().iter().map(|neighbor| neighbor["id"].as_u64().unwrap()).collect()
}

#[test]
fn exemplars_can_be_left_out_kept_alone_and_weighted_in_thought() {
    let place = place();
    let first = |options: &str| {
        let answer = ask(&place, options).remove(0);
        (answer["label"].as_str().unwrap().to_owned(), ids(&answer))
    };
    let expect = |label: &str, ids: &[u64]| (label.to_owned(), ids.to_vec());
    assert_eq!(first(""), expect("a", &[1, 2]));
    assert_eq!(first("--without label=a"), expect("b", &[3, 4]));
    assert_eq!(first("--without id=1,2"), expect("b", &[3, 4]), "the next ones come in");
    assert_eq!(first("--without label=a --without label=b"), expect("c", &[5, 6]), "one kind: alternatives");
    assert_eq!(first("--without label=a --without id=1"), expect("a", &[2, 3]), "different kinds: narrower");
    assert_eq!(first("--only label=c"), expect("c", &[5, 6]));
    assert_eq!(first("--only label=b --only label=c --without id=3"), expect("b", &[4, 5]));
    assert_eq!(first("--without source=rows.npy#0"), expect("a", &[2, 3]));
    assert_eq!(first("--without batch=1 --without label=a"), expect("b", &[3, 4]));
    assert_eq!(first("--without like=ask.npy,0.03"), expect("b", &[3]), "the only one far from both queries");
    assert_eq!(first("--vote rank --only id=2,3 --weights a=0.5"), expect("b", &[2, 3]));
    assert_eq!(first("--only id=2,3 --weights a=0.1"), expect("b", &[2, 3]));
    assert_eq!(first("--only id=2,3 --weights b=0 --weights a=0").1, [2, 3], "all votes weighted away");
    assert_eq!(first(""), expect("a", &[1, 2]), "nothing was changed");
}

#[test]
fn only_changed_answers_are_shown_if_asked_for() {
    let place = place();
    assert_eq!(ask(&place, "").len(), 2);
    let changed = ask(&place, "--without label=a --changed");
    assert_eq!(changed.len(), 1);
    assert_eq!((&changed[0]["path"], &changed[0]["label"]), (&"ask.npy#0".into(), &"b".into()));
    assert_eq!(changed[0]["before"]["label"], "a");
    assert_eq!(ask(&place, "--without id=1 --changed"), [] as [Value; 0], "no answer hangs on it alone");
    let text = place.vismem("classify ask.npy -k 2 --without label=a --changed").done().stdout;
    assert!(text.starts_with("ask.npy#0  b  100 %  (was a  100 %)") && text.lines().count() == 1, "{text}");
}

#[test]
fn what_hard_pruning_hides_can_be_named() {
    let place = place();
    place.vismem("prune hard --threshold 1 --neighbors 2").done();
    let hidden = place.vismem("ls --pruned --format json").done().json()["exemplars"].as_array().unwrap().len();
    assert_eq!(place.vismem("prune show --format json").done().json()["hidden"], hidden);
    assert!((1..6).contains(&hidden));
    let answer = ask(&place, "--without pruned").remove(0);
    assert_eq!((answer["hidden"].as_u64(), ids(&answer).len()), (Some(0), 2), "others take their place");
    place.vismem("prune off").done();
    place.vismem("ls --pruned").incomplete(&["nothing fits the selection"]);
}

#[test]
fn the_page_shows_the_answer_as_it_is_and_as_it_would_be() {
    let place = Place::new();
    place.draw_two_labels("learn", 2);
    place.vismem("add learn").done();
    place.draw("ask.png", Kind::Disc, 3);
    let run = place.vismem("explain ask.png -k 2 --without label=disc --format json -o why.html -o why.png").done();
    assert_eq!((&run.json()["label"], &run.json()["before"]["label"]), (&"stripes".into(), &"disc".into()));
    let page = std::fs::read_to_string(place.path("why.html")).unwrap();
    for part in
        ["What if: <span class=\"user\">without label=disc", "As it is", "As it is, the answer is disc (100 %)."]
    {
        assert!(page.contains(part), "{part} is not on the page");
    }
    place.vismem("explain ask.png -k 2").done();
    assert!(!std::fs::read_to_string(place.path("explanation.html")).unwrap().contains("What if"));
}

#[test]
fn the_exemplars_that_an_answer_hangs_on_can_be_left_out_as_they_are_named() {
    let place = Place::new();
    place.draw_two_labels("learn", 3);
    place.vismem("add learn").done();
    place.draw("ask.png", Kind::Disc, 3);
    let run = place.vismem("explain ask.png -k 3 --flip --format json").done().json();
    let flip = &run["flip"];
    assert_eq!((&run["label"], &flip["label"]), (&"disc".into(), &"stripes".into()), "{run}");
    let ids: Vec<String> = flip["without"].as_array().unwrap().iter().map(Value::to_string).collect();
    let ids = ids.join(",");
    let without = place.vismem(&format!("explain ask.png -k 3 --without id={ids} --format json")).done().json();
    assert_eq!((&without["label"], &without["confidence"]), (&flip["label"], &flip["confidence"]));
    let text = place.vismem("explain ask.png -k 3 --flip").done().stdout;
    assert!(
        text.contains("the answer would be stripes") && text.contains(&format!(": id={ids}. Found step by step")),
        "{text}"
    );
    assert!(std::fs::read_to_string(place.path("explanation.html")).unwrap().contains(&format!("id={ids}")));

    place.vismem("-m alike.vismem add learn/disc").done();
    let alike = place.vismem("-m alike.vismem explain ask.png --flip --format json").done().json();
    assert_eq!(alike["flip"], Value::Null, "everybody says the same");
}

#[test]
fn a_page_counts_who_was_compared_and_marks_those_on_whom_the_answer_hangs() {
    let place = Place::new();
    place.draw_two_labels("learn", 3);
    place.vismem("add learn").done();
    place.draw("ask.png", Kind::Disc, 3);
    let page = |options: &str| {
        place.vismem(&format!("explain ask.png -k 3 {options}")).done();
        std::fs::read_to_string(place.path("explanation.html")).unwrap()
    };
    let whole = page("");
    assert!(whole.contains("with its 6 stored examples") && !whole.contains("decisive: see above"));
    assert!(page("--without label=stripes").contains("with 3 of its 6 stored examples"));
    assert!(page("--only label=disc").contains("with 3 of its 6 stored examples"));
    let flipped = page("--flip");
    assert!(flipped.contains("marked as decisive") && flipped.contains("decisive: see above"));
    // Where everybody near is hidden, all of them vote, and the page does not say both.
    place.vismem("relabel --id 1,2,3,4,5,6 --to disc").done();
    place.vismem("relabel --id 1,3,5 --to stripes").done();
    place.vismem("prune hard --threshold 1 --neighbors 5").says(&["6 of 6 exemplars hidden"]);
    let hidden = page("");
    assert!(hidden.contains("it hides all 3 most similar examples, so that they vote nevertheless"), "{hidden}");
}

#[test]
fn where_no_vote_counts_it_is_said() {
    let place = place();
    let run = place.vismem("classify ask.npy -k 2 --weights a=0 --weights b=0 --weights c=0").done();
    assert_eq!(run.stdout.matches("no answer: no vote counts").count(), 2, "{run:?}");
}
