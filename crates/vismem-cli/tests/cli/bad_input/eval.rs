use super::documented;
use crate::common::{Kind, Place};
use crate::eval::four_labels;
use crate::npy;

#[test]
fn experiment_options_out_of_range() {
    let exit = documented("experiment_options_out_of_range");
    let place = Place::new();
    four_labels(&place, 2);
    for (args, word) in [
        ("eval reliability -k 0", "-k"),
        ("eval corruption --seeds many", "--seeds"),
        ("eval calibration --voters 10001", "--voters"),
        ("eval unlearning --count 1", "--count"),
        ("eval aggregation --threshold x", "--threshold"),
        ("eval guesses", "guesses"),
    ] {
        assert_eq!(place.vismem(args).misused(&[word]).code, exit, "{args}");
    }
    place.vismem("eval aggregation --threshold 0").refused(exit, &["at least 1 wrong vote"]);
}

#[test]
fn queries_without_labels() {
    let exit = documented("queries_without_labels");
    let place = Place::new();
    four_labels(&place, 2);
    place.draw("alone.png", Kind::Disc, 1);
    place.vismem("eval reliability queries.npy").refused(exit, &["queries.npy", "--labels FILE or --label"]);
    place.vismem("eval reliability alone.png").refused(exit, &["alone.png", "--label"]);
    place.vismem("eval reliability --label a").refused(exit, &["--label", "none are given"]);
    let twice = "eval shift queries.npy queries.npy --labels queries.txt";
    place.vismem(twice).refused(exit, &["--labels gives 1 file for 2 .npy"]);
}

#[test]
fn queries_of_unknown_labels() {
    let exit = documented("queries_of_unknown_labels");
    let place = Place::new();
    four_labels(&place, 2);
    place.write("half.txt", "a\nnobody\n".repeat(4));
    let run = place.vismem("eval reliability queries.npy --labels half.txt").done();
    assert_eq!(run.code, exit);
    run.says(&["4 of labels that the memory does not have: wrong"]);
}

#[test]
fn queries_none_of_which_has_a_known_label() {
    let exit = documented("queries_none_of_which_has_a_known_label");
    let place = Place::new();
    place.draw_two_labels("learn", 2);
    place.draw("ask/discs/5.png", Kind::Disc, 5);
    place.vismem("add learn").done();
    place.vismem("eval reliability ask").refused(exit, &["they say \"discs\"; did you mean \"disc\"?", "`vismem ls`"]);
    place.vismem("eval all ask").refused(exit, &["none of the queries has a label of the memory"]);
}

#[test]
fn unreadable_query() {
    let exit = documented("unreadable_query");
    let place = Place::new();
    place.draw_two_labels("learn", 2);
    place.vismem("add learn").done();
    place.draw("ask/disc/5.png", Kind::Disc, 5);
    place.write("ask/disc/6.png", "no picture");
    let run = place.vismem("eval reliability ask").incomplete(&["ask/disc/6.png", "1 that could not be read"]);
    assert_eq!(run.code, exit);
    std::fs::remove_file(place.path("ask/disc/5.png")).unwrap();
    assert!(place.vismem("eval reliability ask").stderr.ends_with("error: ask: none of its queries can be used\n"));
}

#[test]
fn neighbour_file_that_is_none() {
    let exit = documented("neighbour_file_that_is_none");
    let place = Place::new();
    place.write("empty.json", "{}");
    place.write("list.json", "[1, 2]");
    place.write("cut.json", "{\"q\": {\"featurizer\": \"f\"");
    place.vismem("eval aggregation --neighbors empty.json").refused(exit, &["empty.json", "holds no query"]);
    place.vismem("eval aggregation --neighbors list.json").refused(exit, &["list.json", "authors' format"]);
    place.vismem("eval aggregation --neighbors cut.json").refused(exit, &["cut.json", "authors' format"]);
    place.vismem("eval aggregation --neighbors gone.json").refused(exit, &["gone.json"]);
}

#[test]
fn neighbour_files_that_do_not_fit() {
    let exit = documented("neighbour_files_that_do_not_fit");
    let place = Place::new();
    four_labels(&place, 2);
    place.vismem("eval reliability --write-neighbors n.json").done();
    assert_eq!(
        place.vismem("eval reliability rows.npy --neighbors n.json").misused(&["cannot be used with"]).code,
        exit
    );
    place.vismem("eval reliability --memory-neighbors n.json").misused(&["--neighbors"]);
    place.vismem("eval reliability --neighbors n.json --neighbors n.json").refused(exit, &["eval shift"]);
    place.vismem("eval scaling --neighbors n.json").misused(&["--neighbors"]);
}

#[test]
fn experiment_that_does_not_apply() {
    let exit = documented("experiment_that_does_not_apply");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(4)));
    place.vismem("add rows.npy --label x").done();
    place.vismem("eval granularity").refused(exit, &["no taxonomy"]);
    place.vismem("eval shift").refused(exit, &["no sets of queries"]);
    place.vismem("eval unlearning").refused(exit, &["at least eight"]);
    place.vismem("eval novel-classes").refused(exit, &["no query of a label that stays"]);
    place.vismem("forget --id 2,3,4").done();
    place.vismem("eval reliability").refused(exit, &["fewer than two exemplars"]);
}

#[test]
fn results_that_cannot_be_written() {
    let exit = documented("results_that_cannot_be_written");
    let place = Place::new();
    four_labels(&place, 2);
    place.write("taken", "a file");
    place.vismem("eval reliability -o taken").refused(exit, &["taken"]);
    place.vismem("eval reliability --write-neighbors no/where.json").refused(exit, &["no/where.json"]);
}
