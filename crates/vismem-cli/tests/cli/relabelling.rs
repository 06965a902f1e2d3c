//! Correcting labels, as users do it.

use crate::common::Place;
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
    place.vismem("relabel --label cat --to cat").done().says(&["nothing to change"]);

    // Decisions follow, without an embedding being touched.
    place.write("ask.npy", npy::rows(&npy::scattered(6)[1..2]));
    assert_eq!(place.vismem("classify ask.npy -k 1").done().stdout, "ask.npy#0  kitten  100 %\n");
    for _ in 0..3 {
        place.vismem("undo").done().says(&["gave the labels from before back to"]);
    }
    assert_eq!((labels(), digest()), (first, before));
    place.vismem("verify").done().says(&["sound, 6 exemplars"]);
}
