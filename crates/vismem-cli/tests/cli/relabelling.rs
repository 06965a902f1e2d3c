//! Correcting labels, as users do it.

use crate::common::{Kind, Place};
use crate::npy;

#[test]
fn labels_are_corrected_merged_split_and_given_back() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(6)));
    place.write("labels.txt", "cat\ncat\ndog\ndog\nhound\npuppy\n");
    place.vismem("add rows.npy --labels labels.txt").done();
    let labels =
        || place.vismem("ls").done().stdout.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let digest = || place.vismem("stats --format json").done().json()["digest"].clone();
    let (first, before) = (labels(), digest());
    assert_eq!(first, "2 cat 2 dog 1 hound 1 puppy");

    place.vismem("relabel --label cat --id 2 --to dog").done().says(&["relabelled 1 exemplar"]);
    assert_eq!(labels(), "1 cat 3 dog 1 hound 1 puppy");
    place.vismem("merge hound puppy --into dog").done().says(&["relabelled 2 exemplars"]);
    assert_eq!(labels(), "1 cat 5 dog");
    // A split is a relabel, by a selection or by a list.
    place.write("split.csv", "id,label\n2,kitten\n5,wolf\n");
    place.vismem("relabel --from split.csv").done().says(&["relabelled 2 exemplars"]);
    assert_eq!(labels(), "1 cat 3 dog 1 kitten 1 wolf");
    place.vismem("split dog --into puppy --source *#3").done().says(&["relabelled 1 exemplar"]);
    assert_eq!(labels(), "1 cat 2 dog 1 kitten 1 puppy 1 wolf");
    place.vismem("undo").done();
    place.vismem("relabel --label cat --to cat").done().says(&["nothing to change"]);

    // Decisions follow, without an embedding being touched.
    place.write("ask.npy", npy::rows(&npy::scattered(6)[1..2]));
    assert_eq!(
        place.vismem("classify ask.npy -k 1").done().stdout,
        "ask.npy#0  kitten  100 %  (the memory holds it: id 2)\n"
    );
    for _ in 0..3 {
        place.vismem("undo").done().says(&["gave the labels from before back to"]);
    }
    assert_eq!((labels(), digest()), (first, before));
    place.vismem("verify").done().says(&["sound, 6 exemplars"]);
}

#[test]
fn a_taxonomy_is_shown_as_it_can_be_set_and_checked() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(3)));
    place.write("labels.txt", "cat\ndog\noak, English\n");
    place.vismem("add rows.npy --labels labels.txt").done();
    assert_eq!(place.vismem("taxonomy show").done().stdout, "");
    place.write("old.csv", "label,kingdom\ncat,animals\ndog,animals\n\"oak, English\",plants\n");
    place.vismem("taxonomy set old.csv").done().says(&["set 3 labels in the levels kingdom"]);
    let shown = place.vismem("taxonomy show").done().stdout;
    assert_eq!(shown, std::fs::read_to_string(place.path("old.csv")).unwrap());
    place.vismem("taxonomy check").done().says(&["every label has its place"]);

    // Other levels, another set of labels; and back again by what was shown.
    place.write("new.csv", "label,family,kingdom\ncat,felids,animals\ntiger,felids,animals\n");
    place.vismem("taxonomy set new.csv").done();
    place.vismem("ls").done().says(&["0  tiger"]);
    place.vismem("stats").done().says(&["labels      4, 1 of them without exemplars"]);
    let checked = place.vismem("taxonomy check");
    assert_eq!((checked.code, checked.stdout.lines().count()), (1, 2), "{checked:?}");
    checked.says(&["dog: is not in the taxonomy"]);
    place.write("shown.csv", &shown);
    place.vismem("taxonomy set shown.csv").done();
    place.vismem("taxonomy set shown.csv").done().says(&["nothing to change"]);
    place.vismem("taxonomy check").done();
    assert!(!place.vismem("ls").done().stdout.contains("tiger"));

    // It is in the log, and undone like a relabelling.
    place.vismem("undo").done().says(&["put the taxonomy from before back"]);
    place.vismem("ls").done().says(&["0  tiger"]);
    place.vismem("undo").done();
    assert_eq!(place.vismem("taxonomy show").done().stdout, shown);
    let log = place.vismem("log").done().stdout;
    let kinds: Vec<&str> = log.lines().map(|line| line[28..].split("  digest").next().unwrap()).collect();
    assert_eq!(
        kinds,
        ["add 3 exemplars", "taxonomy", "taxonomy", "taxonomy", "undo taxonomy", "undo taxonomy"],
        "{log}"
    );
}

#[test]
fn nested_folders_are_levels_of_the_taxonomy() {
    let place = Place::new();
    place.draw("zoo/animals/felids/cat/1.png", Kind::Disc, 1);
    place.draw("zoo/animals/felids/lion/1.png", Kind::Disc, 2);
    place.draw("zoo/plants/beeches/oak/1.png", Kind::Stripes, 1);
    place.draw("ask.png", Kind::Disc, 3);
    place.vismem("add zoo --nested kingdom/family").done();
    let shown = "label,family,kingdom\ncat,felids,animals\nlion,felids,animals\noak,beeches,plants\n";
    assert_eq!(place.vismem("taxonomy show").done().stdout, shown);
    place.vismem("classify ask.png -k 2 --level family").done().says(&["felids  100 %"]);
    place.vismem("add zoo --nested kingdom/family").done();
    assert_eq!(place.vismem("log").done().stdout.lines().count(), 2, "the same again is no event");
}
