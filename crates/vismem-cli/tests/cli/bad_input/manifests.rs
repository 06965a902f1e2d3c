use super::documented;
use crate::common::{Kind, Place, Run};

/// `vismem add list.csv` with this content.
fn add(place: &Place, manifest: &[u8]) -> Run {
    place.write("list.csv", manifest);
    place.vismem("add list.csv")
}

#[test]
fn manifest_without_path_or_label() {
    let exit = documented("manifest_without_path_or_label");
    let place = Place::new();
    add(&place, b"file,label\na.png,x\n").refused(exit, &["list.csv: has no column path", "file, label"]);
    add(&place, b"path,class\na.png,x\n").refused(exit, &["list.csv: has no column label", "path, class"]);
    add(&place, b"").refused(exit, &["list.csv: has no column path"]);
}

#[test]
fn manifest_column_without_a_name() {
    let exit = documented("manifest_column_without_a_name");
    let place = Place::new();
    add(&place, b"path,label,\na.png,x,y\n").refused(exit, &["list.csv: column 3 has no name", "name or remove it"]);
    add(&place, b"path,label,label\na.png,x,y\n").refused(exit, &["two columns are called \"label\""]);
}

#[test]
fn manifest_with_an_unexpected_column() {
    let exit = documented("manifest_with_an_unexpected_column");
    let place = Place::new();
    place.draw("a.png", Kind::Disc, 1);
    place.draw("b.png", Kind::Disc, 2);
    // It is no level: what varies within a label contradicts nothing.
    let run = add(&place, b"path,label,width\na.png,x,640\nb.png,x,800\n").done();
    assert_eq!(run.code, exit);
    assert_eq!(place.vismem("ls").done().stdout, "        2  x\n");
}

#[test]
fn manifest_with_a_missing_picture() {
    let exit = documented("manifest_with_a_missing_picture");
    let place = Place::new();
    place.draw("here.png", Kind::Disc, 1);
    let run = add(&place, b"path,label\ngone.png,x\nhere.png,x\n");
    assert_eq!(run.code, exit);
    run.incomplete(&["gone.png: cannot read: No such file", "added 1 picture"]);
}

#[test]
fn manifest_with_a_contradictory_taxonomy() {
    let exit = documented("manifest_with_a_contradictory_taxonomy");
    let place = Place::new();
    let add = |manifest: &str, words: &[&str]| {
        place.write("list.csv", manifest);
        place.vismem("add list.csv --levels family").refused(exit, words);
    };
    let words = ["list.csv, line 3, where these columns are levels of the taxonomy: family", "keep one"];
    add("path,label,family\na.png,cat,felids\nb.png,cat,canids\n", &words);
    add("path,label,family\na.png,cat,\n", &["list.csv, line 2", "needs a name for each of: family"]);
}

#[test]
fn manifest_with_a_wrong_number_of_fields() {
    let exit = documented("manifest_with_a_wrong_number_of_fields");
    let place = Place::new();
    let words = ["list.csv, line 3: has 3 fields, the header has 2", "quotes"];
    add(&place, b"path,label\na.png,x\nb, c.png,x\n").refused(exit, &words);
}

#[test]
fn manifest_with_an_empty_field() {
    let exit = documented("manifest_with_an_empty_field");
    let place = Place::new();
    add(&place, b"path,label\na.png,\n").refused(exit, &["list.csv, line 2: has no label"]);
    add(&place, b"path,label\n ,x\n").refused(exit, &["list.csv, line 2: the path is empty"]);
}

#[test]
fn manifest_that_is_not_utf8() {
    let exit = documented("manifest_that_is_not_utf8");
    let place = Place::new();
    add(&place, b"path,label\ncaf\xe9.png,x\n").refused(exit, &["list.csv, line 2: is not UTF-8", "save"]);
    add(&place, b"path,\xe9\na.png,x\n").refused(exit, &["list.csv, line 1: is not UTF-8"]);
}

#[test]
fn manifest_without_rows() {
    let exit = documented("manifest_without_rows");
    let place = Place::new();
    add(&place, b"path,label\n").refused(exit, &["list.csv: lists no pictures"]);
}

#[test]
fn manifest_from_a_spreadsheet() {
    let exit = documented("manifest_from_a_spreadsheet");
    let place = Place::new();
    place.draw("a.png", Kind::Disc, 1);
    let run = add(&place, b"\xef\xbb\xbfpath,label\r\n a.png , disc \r\n\r\n").done();
    assert_eq!(run.code, exit);
    assert_eq!(place.vismem("ls").done().stdout, "        1  disc\n");
}

#[test]
fn manifest_with_a_label_option() {
    let exit = documented("manifest_with_a_label_option");
    let place = Place::new();
    place.write("list.csv", "path,label\na.png,x\n");
    place.vismem("add list.csv --label y").refused(exit, &["list.csv", "drop --label"]);
}

#[test]
fn taxonomy_that_is_none() {
    let exit = documented("taxonomy_that_is_none");
    let place = Place::new();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    let add = |taxonomy: &str, words: &[&str]| {
        place.write("taxonomy.csv", taxonomy);
        place.vismem("add learn --taxonomy taxonomy.csv").refused(exit, words);
    };
    add("label\ndisc\n", &["taxonomy.csv: needs a column for the label and one for each level"]);
    add("label,shape\ndisc,round\ndisc,flat\n", &["taxonomy.csv, line 3", "both round and flat"]);
    add("label,shape\ndisc\n", &["taxonomy.csv, line 2: has 1 field, the header has 2"]);
    assert!(!place.path("memory.vismem").exists());
}

#[test]
fn taxonomy_with_other_levels() {
    let exit = documented("taxonomy_with_other_levels");
    let place = Place::new();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    place.write("one.csv", "label,shape\ndisc,round\n");
    place.write("other.csv", "label,colour\ndisc,red\n");
    place.vismem("add learn --taxonomy one.csv").done();
    place
        .vismem("add learn --taxonomy other.csv")
        .refused(exit, &["the levels shape; these are colour", "use the same"]);
}

#[test]
fn manifest_with_a_quote_that_is_never_closed() {
    let exit = documented("manifest_with_a_quote_that_is_never_closed");
    let place = Place::new();
    place.draw("a.png", Kind::Disc, 1);
    place.draw("b.png", Kind::Disc, 2);
    add(&place, b"path,label\na.png,\"cat\nb.png,dog\n")
        .refused(exit, &["list.csv, line 2: has a quote that is never closed"]);
    let endless = [b"path,label\na.png,".to_vec(), vec![b'x'; 17 << 20]].concat();
    add(&place, &endless).refused(exit, &["near line 2 is longer than 16 MiB"]);
    assert!(!place.path("memory.vismem").exists());
}

#[test]
fn manifest_with_a_label_that_is_a_text() {
    let exit = documented("manifest_with_a_label_that_is_a_text");
    let place = Place::new();
    place.draw("a.png", Kind::Disc, 1);
    let text = [b"path,label\na.png,".to_vec(), vec![b'x'; 70_000], b"\n".to_vec()].concat();
    add(&place, &text).refused(exit, &["its label has 70000 bytes; a label has up to 65536"]);
}
