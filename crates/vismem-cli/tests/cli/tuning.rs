//! Choosing the vote that a memory decides by, as its users meet it.

use serde_json::Value;

use crate::common::Place;
use crate::npy;

/// Forty groups of three around a circle, by turns of one label and the other: of five neighbours the nearest two are of
/// the right label and the other three of the wrong one, so that only who counts ranks is right.
fn alternating() -> Place {
    let place = Place::new();
    let row = |n: usize| {
        let angle = std::f32::consts::TAU * (n / 3) as f32 / 40.0 + 0.015 * (n % 3) as f32;
        let angle = angle + ((n + 1) as f32 * 0.61).sin() * 0.002;
        [angle.cos(), angle.sin()]
    };
    for (name, range) in [("one", 0..60), ("two", 60..120)] {
        place.write(format!("{name}.npy"), npy::rows(&range.clone().map(row).collect::<Vec<_>>()));
        place.write(format!("{name}.txt"), range.map(|n| ["odd\n", "even\n"][n / 3 % 2]).collect::<String>());
        place.vismem(&format!("add {name}.npy --labels {name}.txt")).done();
    }
    // Between the members of a group.
    place.write("ask.npy", npy::rows(&(0..20).map(|n| row(6 * n + 1)).collect::<Vec<_>>()));
    place
}

fn json(place: &Place, args: &str) -> Value {
    place.vismem(&format!("{args} --format json")).done().json()
}

#[test]
fn a_tuned_memory_decides_by_the_choice_in_every_command_and_off_and_undo_restore() {
    let place = alternating();
    // Who voted and how, whatever else is known of the answers.
    let answers = |args: &str| -> Vec<Vec<Value>> {
        let results = json(&place, &format!("classify ask.npy {args}"))["results"].clone();
        let what = |result: &Value| ["label", "confidence", "neighbors"].map(|name| result[name].clone()).to_vec();
        results.as_array().unwrap().iter().map(what).collect()
    };
    let ask = || answers("");
    let by_rank = || answers("--vote rank -k 5");
    let (before, rank) = (ask(), by_rank());
    assert_ne!(before, rank);
    place
        .vismem("tune --dry-run")
        .done()
        .says(&["chosen: rank (α = 2) of 5 neighbours", "nothing changed (--dry-run)"]);
    assert_eq!(ask(), before, "nothing was stored");

    let says =
        ["asked 120 exemplars", "100.0 %", "<- chosen", "<- default", "5 of 5 times", "decides by this from now on"];
    place.vismem("tune").done().says(&says);
    assert_eq!(ask(), rank, "classify");
    let explained = |args: &str| {
        let answer = json(&place, &format!("explain ask.npy#0 {args}"));
        (answer["decision"].clone(), answer["vote"].clone(), answer["k"].clone())
    };
    assert_eq!(explained(""), explained("--vote rank -k 5"), "explain");
    let curve = |args: &str| json(&place, &format!("eval errors {args}"))["results"].clone();
    assert_eq!(curve(""), curve("--vote rank --voters 5"), "eval");
    let suggested = json(&place, "prune suggest");
    assert_eq!((suggested["vote"].as_str(), suggested["k"].as_u64()), (Some("rank (α = 2)"), Some(5)));
    assert_eq!(json(&place, "stats --since 2")["since"]["vote"], "rank (α = 2)");
    place.vismem("stats").done().says(&["tuning      rank (α = 2) of 5 neighbours, by event 3\n"]);
    place.vismem("tune").done().says(&["decided by this already"]);
    // What is said counts.
    assert_eq!(answers("--vote kernel"), before);

    place.vismem("tune off").done().says(&["decides by kernel (γ = 2, λ = 0.1) of 100 neighbours again, not by rank"]);
    assert_eq!(ask(), before);
    place.vismem("undo").done().says(&["put the tuning from before back"]);
    assert_eq!(ask(), rank);
    place.vismem("undo").done();
    assert_eq!(ask(), before);
    let log = place.vismem("log").done().stdout;
    let events: Vec<&str> = log.lines().filter_map(|line| line.trim_start().split("  ").nth(2)).collect();
    assert_eq!(events, ["add 60 exemplars", "add 60 exemplars", "tune", "tune", "undo tune", "undo tune"], "{log}");
    place.vismem("verify").done();
}

#[test]
fn a_choice_that_edits_have_outdated_says_so_until_it_is_made_again() {
    let place = alternating();
    place.vismem("tune").done();
    place.vismem("relabel --id 1,2,3 --to even").done();
    place.vismem("classify ask.npy").done();
    place.vismem("stats").done().says(&["by event 3; 3 exemplars changed since\n"]);
    place.vismem("forget --id 10,11,12,13,14,15,16,17,18").done();
    let note = "note: 12 exemplars changed since the vote was chosen by which this memory decides; `vismem tune` chooses anew\n";
    let run = place.vismem("classify ask.npy");
    assert_eq!((run.code, run.stderr.as_str()), (0, note));
    place.vismem("classify ask.npy --vote rank").done();
    place.vismem("stats").done().says(&["stale, 12 exemplars changed since: `vismem tune` chooses anew"]);
    place.vismem("tune").done().says(&["decides by this from now on"]);
    place.vismem("classify ask.npy").done();
}

#[test]
fn copies_keep_the_choice_or_say_that_they_do_not() {
    let place = alternating();
    place.vismem("tune").done();
    place.vismem("forget --id 120").done();
    place.vismem("compact").done();
    assert_eq!(json(&place, "stats")["tuning"]["vote"], "rank (α = 2)");
    // An export is of exemplars; settings are no part of it.
    place.vismem("export embeddings -o out").done();
    place.vismem("-m copy import out").done();
    assert_eq!(json(&place, "-m copy stats")["tuning"], Value::Null);
}
