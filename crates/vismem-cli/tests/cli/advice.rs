//! What `eval` and `prune` advise: it can be done as it is printed, and nothing is advised that rests on too little.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::{Kind, Place, Run};
use crate::npy;

/// Rows around one direction for each label, and their labels as lines.
fn rows(per_label: &[usize], shift: usize) -> (Vec<[f32; 8]>, String) {
    let (mut rows, mut labels) = (Vec::new(), String::new());
    for (label, count) in per_label.iter().enumerate() {
        for n in 0..*count {
            let wave = |i: usize| (((n + shift) as f32 + 1.3) * (i as f32 + 1.0) * 0.77).sin() * 0.25;
            rows.push(std::array::from_fn(|i| wave(i) + if i == label { 1.0 } else { 0.0 }));
            labels += &format!("label {label}\n");
        }
    }
    (rows, labels)
}

fn commands(answer: &Value) -> BTreeSet<String> {
    let mistakes = answer["results"]["errors"]["mistakes"].as_array().unwrap();
    assert!(!mistakes.is_empty(), "{answer}");
    mistakes
        .iter()
        .flat_map(|mistake| mistake["commands"].as_array().unwrap())
        .map(|c| c.as_str().unwrap().into())
        .collect()
}

/// A command as a user copies it into a shell.
fn run(place: &Place, command: &str) -> Run {
    place.shell(&format!("vismem() {{ \"$VISMEM\" \"$@\"; }}; {command}"))
}

/// Does what is advised, as it is printed.
fn do_all(place: &Place, commands: &BTreeSet<String>) {
    for command in commands {
        let done = run(place, command);
        assert_eq!(done.code, 0, "{command}: {done:?}");
    }
}

#[test]
fn commands_that_mend_mistakes_run_as_they_are_printed_for_every_kind_of_query() {
    let place = Place::new();
    // Embeddings, asked with others and with themselves; some are labelled wrong.
    let (memory, labels) = rows(&[12, 12, 12], 0);
    let mut labels: Vec<&str> = labels.lines().collect();
    labels[0] = "label 2";
    place.write("memory.npy", npy::rows(&memory));
    place.write("memory.txt", labels.join("\n"));
    place.vismem("-m rows add memory.npy --labels memory.txt").done();
    let (queries, truth) = rows(&[3, 3, 3], 50);
    place.write("queries.npy", npy::rows(&queries));
    place.write("queries.csv", format!("label\n{}", truth.replacen("label 0", "label 1", 2)));
    for asked in ["queries.npy --labels queries.csv", ""] {
        let answer = place.vismem(&format!("-m rows eval errors {asked} --format json")).done().json();
        do_all(&place, &commands(&answer));
    }

    // Pictures in folders of names that a shell takes apart, in an archive, in two sets of one name, and encoded.
    place.draw_two_labels("learn", 6);
    place.draw("learn/stripes/it's wrong.png", Kind::Disc, 6);
    place.draw("ask one/test/stripes/a disc; really.png", Kind::Disc, 7);
    place.draw("ask two/test/disc/$(stripes).png", Kind::Stripes, 8);
    place.vismem("add learn").done();
    run(&place, "tar -cf asked.tar -C 'ask one/test' stripes").done();
    run(&place, "vismem encode 'ask two/test' -o encoded").done();
    for asked in ["'ask one/test' 'ask two/test'", "asked.tar", "encoded", ""] {
        let answer = run(&place, &format!("vismem eval errors {asked} --format json")).done().json();
        do_all(&place, &commands(&answer));
    }
    // Two sets of one name are told apart.
    let answer = run(&place, "vismem eval shift 'ask one/test' 'ask two/test' --format json").done().json();
    let names: Vec<&str> =
        answer["about"]["queries"].as_array().unwrap().iter().map(|set| set["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ask one/test", "ask two/test"]);
}

#[test]
fn no_correction_is_advised_that_rests_on_too_few_exemplars_or_on_far_queries() {
    let place = Place::new();
    // Three of a label lie among many of another, as look-alikes do, and all of them are right.
    let (mut memory, mut labels) = rows(&[30, 0, 30], 0);
    let (few, _) = rows(&[3], 70);
    memory.extend(few);
    labels += &"few\n".repeat(3);
    place.write("memory.npy", npy::rows(&memory));
    place.write("memory.txt", labels);
    place.vismem("add memory.npy --labels memory.txt").done();
    let answer = place.vismem("eval errors --format json").done().json();
    let mistakes = answer["results"]["errors"]["mistakes"].as_array().unwrap();
    let few: Vec<&Value> = mistakes.iter().filter(|mistake| mistake["truth"][0] == "few").collect();
    assert_eq!(few.len(), 3, "{answer}");
    for mistake in few {
        assert!(["too_few", "far"].contains(&mistake["blame"].as_str().unwrap()), "{mistake}");
        assert!(mistake["no_advice"].is_string(), "{mistake}");
        assert!(!mistake["commands"].to_string().contains("relabel"), "{mistake}");
    }

    // What is far from everything says nothing of labels.
    let far: Vec<[f32; 8]> =
        (0..6).map(|n| std::array::from_fn(|i| if i == 6 { 1.0 } else { 0.01 * n as f32 })).collect();
    place.write("far.npy", npy::rows(&far));
    place.write("far.txt", "label 0\n".repeat(3) + &"label 2\n".repeat(3));
    let answer = place.vismem("eval errors far.npy --labels far.txt --format json").done().json();
    assert_eq!(answer["about"]["queries"][0]["far"], 6);
    for mistake in answer["results"]["errors"]["mistakes"].as_array().unwrap() {
        assert_eq!(mistake["blame"], "far", "{mistake}");
    }
}

#[test]
fn where_each_label_has_one_exemplar_nothing_is_said_of_answers_without_it() {
    let place = Place::new();
    let (memory, labels) = rows(&[1, 1, 1, 1, 1, 1], 0);
    place.write("memory.npy", npy::rows(&memory));
    place.write("memory.txt", labels);
    place.vismem("add memory.npy --labels memory.txt").done();
    place.vismem("eval aggregation").refused(1, &["each label has one exemplar", "give labelled queries"]);
    place.vismem("eval all -o report").done().says(&["errors: not done: each label has one exemplar"]);
    let page = std::fs::read_to_string(place.path("report/report.html")).unwrap();
    assert!(!page.contains("may be drawn at random") && !page.contains("relabel --id"), "advice that rests on nothing");
    let effect = place.vismem("prune hard --threshold 1 --neighbors 3 --dry-run --page w.html --format json").json();
    assert!(!effect["suspects"].as_array().unwrap().is_empty());
    for command in ["relabel", "forget"] {
        assert!(!effect["suspects"].to_string().contains(command), "{effect}");
    }
}

#[test]
fn planted_label_errors_come_first_among_mistakes_and_on_the_pages() {
    let place = Place::new();
    let (memory, labels) = rows(&[40, 40, 40, 40], 0);
    let mut labels: Vec<String> = labels.lines().map(str::to_owned).collect();
    let planted: BTreeSet<u64> = (0..16).map(|n| n * 10 + 1).collect();
    for id in &planted {
        let at = *id as usize - 1;
        labels[at] = format!("label {}", (at / 40 + 1) % 4);
    }
    place.write("memory.npy", npy::rows(&memory));
    place.write("memory.txt", labels.join("\n"));
    place.vismem("add memory.npy --labels memory.txt").done();
    let answer = place.vismem("eval errors --shown 16 --format json").done().json();
    let of_errors: Vec<u64> =
        answer["results"]["errors"]["mistakes"].as_array().unwrap().iter().map(|m| m["id"].as_u64().unwrap()).collect();
    let pruned = place
        .vismem("prune hard --threshold 80% --neighbors 10 --dry-run --page worst.html --format json")
        .done()
        .json();
    let suspects = pruned["suspects"].as_array().unwrap();
    let of_pages: Vec<u64> = suspects.iter().take(16).map(|suspect| suspect["id"].as_u64().unwrap()).collect();
    assert_eq!(of_pages, of_errors);
    assert_eq!(of_pages.into_iter().collect::<BTreeSet<u64>>(), planted);
    for suspect in &suspects[..16] {
        let commands: Vec<&str> = suspect["commands"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
        assert!(commands.last().unwrap().contains(" forget "), "what cannot be taken back comes last: {commands:?}");
    }
    assert!(place.path("worst.html").exists());
    // What is advised mends them.
    let advised: BTreeSet<String> =
        suspects[..16].iter().map(|suspect| suspect["commands"][0].as_str().unwrap().to_owned()).collect();
    do_all(&place, &advised.into_iter().filter(|command| command.contains(" relabel ")).collect());
    let after = place.vismem("eval errors --format json").done().json();
    let left = after["results"]["errors"]["mistakes"].as_array().unwrap();
    assert!(left.iter().all(|m| !planted.contains(&m["id"].as_u64().unwrap())), "{after}");
}
