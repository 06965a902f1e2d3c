use super::documented;
use crate::common::Place;
use crate::npy;

fn with_memory() -> Place {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(4)));
    place.vismem("add rows.npy --label x").done();
    place
}

#[test]
fn relabel_without_what_it_needs() {
    let exit = documented("relabel_without_what_it_needs");
    let place = with_memory();
    place.vismem("relabel --to y").refused(exit, &["say which exemplars"]);
    place.vismem("relabel --id 1").refused(exit, &["--to", "--from"]);
    assert_eq!(place.vismem_with(["relabel", "--id", "1", "--to", ""]).misused(&["--to"]).code, exit);
    place.vismem("relabel --from list.csv --id 1").misused(&["cannot be used with"]);
    place.vismem("merge x").misused(&["--into"]);
    place.vismem("merge --into x").misused(&["LABEL"]);
}

#[test]
fn relabel_from_a_file_that_cannot_be_meant() {
    let exit = documented("relabel_from_a_file_that_cannot_be_meant");
    let place = with_memory();
    for (text, words) in [
        ("id,label\n1,y\n9,y\n", "has no exemplar 9"),
        ("id,label\n1,y\n1,z\n", "list.csv, line 3: exemplar 1 has two labels"),
        ("id,label\n1,\n", "list.csv, line 2: has no label"),
        ("id,label\none,y\n", "list.csv, line 2: \"one\" is not an id"),
        ("id,label\n", "list.csv: has no rows"),
        ("id,name\n1,y\n", "has no column label"),
    ] {
        place.write("list.csv", text);
        place.vismem("relabel --from list.csv").refused(exit, &[words]);
    }
    place.vismem("relabel --from gone.csv").refused(exit, &["gone.csv"]);
    place.vismem("relabel --label y --to z").refused(exit, &["has no label \"y\""]);
    assert_eq!(place.vismem("ls").done().stdout, "        4  x\n");
}

#[test]
fn undo_of_nothing() {
    let exit = documented("undo_of_nothing");
    let place = with_memory();
    place.vismem("undo").refused(exit, &["there is nothing to undo", "`vismem forget --batch`"]);
    place.vismem("relabel --id 1 --to y").done();
    place.vismem("forget --id 2").done();
    place.vismem("undo").refused(exit, &["a forget cannot be undone"]);
}

#[test]
fn split_that_splits_nothing() {
    let exit = documented("split_that_splits_nothing");
    let place = with_memory();
    place.vismem("split x --into y").refused(2, &["say which exemplars"]);
    place.vismem("split x --into y --label x --id 1").refused(2, &["without --label"]);
    place.vismem("split y --into z --id 1").refused(exit, &["has no label \"y\""]);
    place.vismem("split x --into y --source *").refused(exit, &["every exemplar of \"x\" fits the selection", "merge"]);
    place.vismem("split x --id 1").misused(&["--into"]);
    assert_eq!(place.vismem("ls").done().stdout, "        4  x\n");
}
