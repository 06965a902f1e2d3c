//! What the program is for.

use crate::common::{Kind, Place};
use crate::npy;

#[test]
fn folders_become_labels_and_new_pictures_are_told_apart() {
    let place = Place::new();
    place.draw_two_labels("learn", 3);
    let added = place.vismem("add learn").done().says(&["added 6 pictures", "holds 6 exemplars of 2 labels"]);
    assert!(added.stdout.starts_with("added"), "{added:?}");
    assert_eq!(place.vismem("ls").done().stdout, "        3  disc\n        3  stripes\n");
    place.vismem("stats").done().says(&["exemplars   6", "efficientnet-lite0, 1280 dimensions"]);
    place.vismem("verify").done().says(&["memory.vismem: sound, 6 exemplars checked"]);

    place.draw("ask/round.png", Kind::Disc, 7);
    place.draw("ask/straight.png", Kind::Stripes, 7);
    let answers = place.vismem("classify ask -k 3").done();
    let lines: Vec<&str> = answers.stdout.lines().collect();
    assert!(lines[0].starts_with("ask/round.png  disc  "), "{lines:?}");
    assert!(lines[1].starts_with("ask/straight.png  stripes  "), "{lines:?}");

    let listed = place.vismem("ls disc").done().stdout;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let source = place.path("learn").canonicalize().unwrap().join("disc/0.png");
    assert!(listed.lines().next().unwrap().ends_with(&format!("disc  {}", source.display())), "{listed}");
    assert_eq!(place.vismem("ls --all").done().stdout.lines().count(), 6);
}

#[test]
fn adding_again_changes_nothing_and_adding_more_goes_on() {
    let place = Place::new();
    place.draw_two_labels("learn", 1);
    place.vismem("add learn").done();
    let digest = place.vismem("stats --format json").done().json()["digest"].clone();
    place.vismem("add learn").done().says(&["added 0 pictures", "2 pictures already in the memory"]);
    assert_eq!(place.vismem("stats --format json").done().json()["digest"], digest);

    place.draw("learn/disc/new.png", Kind::Disc, 5);
    place.vismem("add learn").done().says(&["added 1 picture in", "holds 3 exemplars of 2 labels"]);
    let stats = place.vismem("stats --format json").done().json();
    assert_ne!(stats["digest"], digest);
    assert_eq!(stats["batches"], 2, "a run that adds nothing is no batch");
}

#[test]
fn one_label_can_be_given_to_everything() {
    let place = Place::new();
    let file = place.draw("a.png", Kind::Disc, 1);
    place.draw("some/where/b.png", Kind::Disc, 2);
    place.vismem_with(["add", file.to_str().unwrap(), "some", "--label", "round things"]).done();
    assert_eq!(place.vismem("ls").done().stdout, "        2  round things\n");
}

#[test]
fn a_manifest_brings_labels_sources_and_levels() {
    let place = Place::new();
    place.draw("pictures/1.png", Kind::Disc, 1);
    place.draw("pictures/2.png", Kind::Disc, 2);
    place.draw("pictures/3.png", Kind::Stripes, 3);
    place.write(
        "pictures/list.csv",
        "path,label,source,shape\n1.png,coin,camera 1,round\n2.png,plate,,round\n3.png,fence,,straight\n",
    );
    place.vismem("add pictures/list.csv --levels shape").done();
    let listed = place.vismem("ls --all").done().stdout;
    assert!(listed.contains("coin  camera 1\n"), "{listed}");
    assert!(listed.contains("/pictures/2.png\n"), "{listed}");
    place.vismem("stats").done().says(&["levels      shape"]);

    place.draw("ask.png", Kind::Disc, 4);
    let answer = place.vismem("classify ask.png -k 2 --level shape --format json").done().json();
    let answer = &answer["results"][0];
    assert_eq!((answer["label"].as_str(), answer["confidence"].as_f64()), (Some("round"), Some(1.0)), "{answer}");
    assert_eq!(answer["neighbors"][0]["votes_for"], "round");
    assert_ne!(answer["neighbors"][0]["label"], "round");
}

#[test]
fn a_taxonomy_can_come_beside_embeddings() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 1.0]]));
    place.write("labels.txt", "cat\ndog\noak\n");
    place.write("taxonomy.csv", "label,family,kingdom\ncat,felids,animals\ndog,canids,animals\noak,beeches,plants\n");
    place.vismem("add rows.npy --labels labels.txt --taxonomy taxonomy.csv").done().says(&["added 3 embeddings"]);
    place.vismem("stats").done().says(&["levels      family < kingdom"]);

    place.write("ask.npy", npy::rows(&[[1.0, 0.05, 0.0], [0.0, 0.1, 1.0]]));
    assert_eq!(
        place.vismem("classify ask.npy -k 2 --vote rank --level kingdom").done().stdout,
        "ask.npy#0  animals  100 %\nask.npy#1  plants  60 %\n"
    );
    assert_eq!(
        place.vismem("classify ask.npy -k 1 --level family").done().stdout,
        "ask.npy#0  felids  100 %\nask.npy#1  beeches  100 %\n"
    );
}

#[test]
fn exemplars_are_named_by_id_label_source_batch_and_likeness() {
    let place = Place::new();
    place.draw_two_labels("learn", 3);
    place.vismem("add learn").done();
    place.draw("more/disc/9.png", Kind::Disc, 9);
    place.vismem("add more").done();
    let ids = |selection: &str| {
        let listed = place.vismem(&format!("ls {selection} --format json")).done().json();
        let exemplars = listed["exemplars"].as_array().unwrap().clone();
        exemplars.iter().map(|exemplar| exemplar["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids("disc"), [1, 2, 3, 7]);
    assert_eq!(ids("disc --label stripes"), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(ids("--id 2,5 --id 7"), [2, 5, 7]);
    assert_eq!(ids("--batch 2"), [7]);
    assert_eq!(ids("--label disc --batch 1"), [1, 2, 3]);
    assert_eq!(ids("--source disc/?.png"), [1, 2, 3, 7]);
    assert_eq!(ids("--source learn/*/1.png"), [2, 5]);
    assert_eq!(ids("--like learn/disc/1.png --distance 0.00001"), [2]);
    assert_eq!(ids("--like learn/disc/1.png --distance 2").len(), 7);
    assert_eq!(ids("--like learn/disc/1.png --like more/disc/9.png --distance 0.00001 --batch 2"), [7]);

    place.write("rows.npy", npy::rows(&npy::scattered(9)));
    place.write("ask.npy", npy::rows(&npy::scattered(9)[4..6]));
    place.vismem("-m rows.vismem add rows.npy --label x").done();
    let mut like = ids("-m rows.vismem --like ask.npy --distance 0.00001");
    like.sort_unstable();
    assert_eq!(like, [5, 6]);
    // The nearest comes first.
    let listed = place.vismem("-m rows.vismem ls --like ask.npy#1 --distance 2 --format json").done().json();
    let listed = listed["exemplars"].as_array().unwrap();
    let distances: Vec<f64> = listed.iter().map(|exemplar| exemplar["distance"].as_f64().unwrap()).collect();
    assert!(listed[0]["id"] == 6 && distances.len() == 9 && distances.is_sorted(), "{listed:?}");
}

#[test]
fn an_answer_climbs_the_taxonomy_until_it_is_sure() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 1.0]]));
    place.write("labels.txt", "cat\nlion\noak\n");
    place.write("taxonomy.csv", "label,family\ncat,felids\nlion,felids\nlynx,felids\noak,beeches\n");
    place.vismem("add rows.npy --labels labels.txt --taxonomy taxonomy.csv").done();
    place.write("ask.npy", npy::rows(&[[1.0, 0.05, 0.0]]));
    let ask = |least: &str| {
        place.vismem(&format!("classify ask.npy -k 2 --vote rank --min-confidence {least}")).done().stdout
    };
    assert_eq!(ask("0.5"), "ask.npy#0  cat  60 %\n");
    assert_eq!(ask("0.9"), "ask.npy#0  felids  100 %  (family)  (may be lynx: no exemplar yet)\n");
    place.vismem("classify ask.npy -k 3 --vote rank --min-confidence 1").says(&[
        "felids  77 %  (family)  (less confident than asked for)",
        "note: no answer can have a confidence of 1: a label has too few exemplars for more than 0.77 of the vote of 3",
    ]);
}

#[test]
fn every_vote_and_its_parameter_reach_the_memory() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]));
    place.write("labels.txt", "a\nb\nb\n");
    place.vismem("add rows.npy --labels labels.txt").done();
    place.write("ask.npy", npy::rows(&[[1.0, 0.0]]));
    let weights = |options: &str| -> Vec<f64> {
        let answer = place.vismem(&format!("classify ask.npy --format json {options}")).done().json();
        let neighbors = answer["results"][0]["neighbors"].as_array().unwrap().clone();
        neighbors.iter().map(|neighbor| neighbor["weight"].as_f64().unwrap()).collect()
    };
    let near = |found: &[f64], expected: &[f64]| {
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-5), "{found:?}, not {expected:?}");
    };
    // Distances are 0, 0.2 and 0.4.
    // By numpy.linalg.solve.
    near(&weights(""), &[0.8466561, 0.13822314, -0.05335835]);
    near(&weights("--vote kernel --gamma 5 --lambda 1"), &[0.48245321, 0.09713961, -0.00474442]);
    near(&weights("--vote rank"), &[1.0 / 2.0, 1.0 / 3.0, 1.0 / 4.0]);
    near(&weights("--vote rank --parameter 1"), &[1.0, 1.0 / 2.0, 1.0 / 3.0]);
    near(&weights("--vote plurality"), &[1.0; 3]);
    near(&weights("--vote distance"), &[1.0, (-0.2f64).exp(), (-0.4f64).exp()]);
    near(&weights("--vote distance --parameter 10"), &[1.0, (-2f64).exp(), (-4f64).exp()]);
    let softmax = |tau: f64| [1.0, 0.8, 0.6].map(|similarity: f64| (similarity / tau).exp());
    near(&weights("--vote softmax"), &softmax(0.07));
    near(&weights("--vote softmax --parameter 0.5"), &softmax(0.5));
    near(&weights("--vote rank -k 2"), &[1.0 / 2.0, 1.0 / 3.0]);
}

#[test]
fn the_memory_is_named_by_option_by_variable_or_by_default() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0]]));
    place.vismem("add rows.npy --label default").done();
    place.vismem("-m other.vismem add rows.npy --label option").done();
    let in_variable = |args: &str| {
        let output = place.command(args.split(' ')).env("VISMEM_MEMORY", place.path("third.vismem")).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    in_variable("add rows.npy --label variable");
    assert_eq!(place.vismem("ls").done().stdout, "        1  default\n");
    assert_eq!(place.vismem("ls -m other.vismem").done().stdout, "        1  option\n");
    assert_eq!(in_variable("ls"), "        1  variable\n");
    assert_eq!(in_variable("ls -m other.vismem"), "        1  option\n", "the option counts more than the variable");
}

#[test]
fn an_explanation_is_a_page_and_a_picture_and_says_what_has_moved() {
    let place = Place::new();
    place.draw_two_labels("learn", 2);
    place.vismem("add learn").done();
    place.draw("ask.png", Kind::Disc, 3);
    std::fs::rename(place.path("learn/disc/1.png"), place.path("learn/disc/elsewhere.png")).unwrap();

    let run = place.vismem("explain ask.png -k 3 -o why.html -o why.png").done();
    assert!(run.stdout.starts_with("ask.png  disc  "), "{run:?}");
    assert!(run.stdout.ends_with("see why.html\nsee why.png\n"), "{run:?}");
    let page = std::fs::read_to_string(place.path("why.html")).unwrap();
    for part in ["<!DOCTYPE html>", "ask.png", "disc", "data:image/", "1.png was moved or deleted since it was added"] {
        assert!(page.to_lowercase().contains(&part.to_lowercase()), "{part} is not on the page");
    }
    assert!(!page.contains("src=\"http"), "the page needs the network");
    let drawn = image::open(place.path("why.png")).unwrap();
    assert!(drawn.width() > 300 && drawn.height() > 300, "{} x {}", drawn.width(), drawn.height());

    place.vismem("explain ask.png").done();
    assert!(place.path("explanation.html").exists(), "the default is a page");
}

#[test]
fn an_embedding_that_is_held_finds_itself() {
    let place = Place::new();
    let scattered = npy::scattered(40);
    place.write("rows.npy", npy::rows(&scattered));
    place.vismem("add rows.npy --label x").done();
    place.write("ask.npy", npy::rows(&scattered[3..5]));
    let answer = place.vismem("classify ask.npy -k 1 --format json").done().json();
    for (row, id) in [(0, 4), (1, 5)] {
        let nearest = &answer["results"][row]["neighbors"][0];
        assert_eq!(nearest["id"], id);
        assert!(nearest["distance"].as_f64().unwrap().abs() < 1e-6, "{nearest}");
    }
}

#[test]
fn progress_goes_to_standard_error_and_answers_to_standard_output() {
    let place = Place::new();
    place.draw_two_labels("learn", 1);
    place.write("learn/disc/broken.png", "no picture");
    let run = place.vismem("add learn --format json");
    assert_eq!(run.json()["added"], 2);
    let run = run.incomplete(&["warning: learn/disc/broken.png: "]);
    assert!(!run.stdout.contains("warning"), "{run:?}");

    // Nothing but the answers, whether or not something is amiss.
    let run = place.vismem("classify learn --format json");
    assert_eq!(run.json()["results"].as_array().unwrap().len(), 3);
    run.incomplete(&["warning: learn/disc/broken.png: "]);
}

#[test]
fn help_names_every_command_and_the_version_is_the_packages() {
    let place = Place::new();
    let help = place.vismem("--help").done();
    for command in [
        "demo", "add", "sync", "encode", "classify", "explain", "ls", "prune", "stats", "bench", "index", "forget",
        "relabel", "merge", "undo", "taxonomy", "reencode", "model", "export", "import", "compact", "log", "verify",
    ] {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}");
        let own = place.vismem_with([command, "--help"]).done();
        assert!(own.stdout.contains(&format!("Usage: vismem {command}")), "{own:?}");
    }
    assert_eq!(place.vismem("--version").done().stdout, format!("vismem {}\n", env!("CARGO_PKG_VERSION")));
    // Without a command the help comes, as for wrong use.
    let bare = place.vismem("");
    assert_eq!(bare.code, 2);
    assert!(bare.stderr.contains("Usage: vismem"), "{bare:?}");
}
