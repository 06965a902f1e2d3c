//! Labels that are there and cannot be used, labels that cannot be meant, and what is passed over.

use serde_json::{Value, json};

use super::documented;
use crate::common::{Kind, Place, png};
use crate::packed::{Column, hugging_face, table, tar, texts, zip};

/// The labels of a memory with their numbers of exemplars.
fn labels(place: &Place, memory: &str) -> Vec<(String, u64)> {
    let listed = place.vismem_with(["-m", memory, "ls", "--format", "json"]).done().json();
    let of = |label: &Value| (label["label"].as_str().unwrap().to_owned(), label["exemplars"].as_u64().unwrap());
    listed["labels"].as_array().unwrap().iter().map(of).collect()
}

fn named(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn what_is_passed_over_in_folders_and_archives() {
    let exit = documented("what_is_passed_over_in_folders_and_archives");
    let place = Place::new();
    let names = [
        "photos/cat/1.png",
        "photos/cat/.ipynb_checkpoints/1.png",
        "photos/cat/@eaDir/1.png/thumb.png",
        "photos/__MACOSX/cat/2.png",
        "photos/#recycle/3.png",
        "photos/.Trash-1000/files/old.png",
        "photos/cat/._1.png",
        "photos/cat/Thumbs.db",
        "photos/notes.docx",
        "photos/README",
    ];
    let files: Vec<_> = names.iter().zip(1..).map(|(name, seed)| (*name, png(Kind::Disc, seed))).collect();
    for (name, picture) in &files {
        place.write(name, picture);
    }
    place.write("photos.tar", tar(&files));
    place.write("photos.zip", zip(&files));
    for (memory, form) in [("folder", "photos"), ("tar", "photos.tar"), ("zip", "photos.zip")] {
        let run = place.vismem(&format!("-m {memory} add {form}")).done();
        assert_eq!(run.code, exit);
        run.says(&["added 1 picture", "passed over: 9 files (hidden 7, .docx 1, without extension 1)"]);
        assert_eq!(labels(&place, memory), named(&[("cat", 1)]), "{form}");
        let answer = place.vismem(&format!("-m again.{memory} add {form} --format json")).done().json();
        let kinds = json!([
            { "kind": ".docx", "files": 1 }, { "kind": "hidden", "files": 7 }, { "kind": "without extension", "files": 1 }
        ]);
        assert_eq!(answer["passed_over"], kinds, "{form}");
    }
}

#[test]
fn pictures_beside_archives_and_tables() {
    let exit = documented("pictures_beside_archives_and_tables");
    let place = Place::new();
    place.write("f/train.tar", tar(&[("1.png", png(Kind::Disc, 1)), ("1.cls", b"disc".to_vec())]));
    place.draw("f/figure.png", Kind::Stripes, 2);
    place.draw("f/stripes/3.png", Kind::Stripes, 3);
    let run = place.vismem("add f").done();
    assert_eq!(run.code, exit);
    run.says(&["added 2 pictures", "passed over: 1 file (.png 1)", "such as f/figure.png", "`vismem add f/figure.png"]);
    assert_eq!(labels(&place, "memory.vismem"), named(&[("disc", 1), ("stripes", 1)]));
}

#[test]
fn labels_anywhere_in_an_archive() {
    let exit = documented("labels_anywhere_in_an_archive");
    let place = Place::new();
    let files = [
        ("data/v1.0_1.png", png(Kind::Disc, 1)),
        ("data/v1.0_2.png", png(Kind::Disc, 2)),
        ("data/7.png", png(Kind::Disc, 3)),
        ("data/7.seg.png", png(Kind::Disc, 4)),
        ("data/8.png", png(Kind::Disc, 5)),
        ("data/8.txt", b"0 0.5 0.5 0.2 0.3\n".to_vec()),
        ("data/v1.0_1.cls", b"cat\n".to_vec()),
        ("data/v1.0_2.json", br#"{"label": "dog"}"#.to_vec()),
        ("data/7.cls", "\u{feff}owl ".into()),
    ];
    for (memory, name, archive) in [("tar.vismem", "a.tar", tar(&files)), ("zip.vismem", "a.zip", zip(&files))] {
        place.write(name, archive);
        let run = place.vismem(&format!("-m {memory} add {name}")).done();
        assert_eq!(run.code, exit);
        run.says(&["added 4 pictures", "passed over: 2 files (.seg.png 1, .txt 1)"]);
        assert_eq!(labels(&place, memory), named(&[("cat", 1), ("data", 1), ("dog", 1), ("owl", 1)]));
    }
}

#[test]
fn label_that_is_there_and_cannot_be_used() {
    let exit = documented("label_that_is_there_and_cannot_be_used");
    let place = Place::new();
    let json = |text: &str| text.as_bytes().to_vec();
    let files = [
        ("train/1.json", json(r#"{"label": 3.0}"#)),
        ("train/1.png", png(Kind::Disc, 1)),
        ("train/2.json", json(r#"{"label": null}"#)),
        ("train/2.png", png(Kind::Disc, 2)),
        ("train/3.json", json(r#"{"label": ["cat"]}"#)),
        ("train/3.png", png(Kind::Disc, 3)),
        ("train/4.cls", json("")),
        ("train/4.png", png(Kind::Disc, 4)),
    ];
    place.write("s.tar", tar(&files));
    let run = place.vismem("add s.tar");
    assert_eq!(run.code, exit);
    let words = ["train/2.json: has no label", "train/3.json: its label is a list", "train/4.cls: has no label"];
    run.incomplete(&words).says(&["added 1 picture", "not added: 3 pictures"]);
    assert_eq!(labels(&place, "memory.vismem"), named(&[("3", 1)]));
}

#[test]
fn table_of_labels_beside_pictures() {
    let exit = documented("table_of_labels_beside_pictures");
    let place = Place::new();
    for (name, seed) in [("1", 1), ("2", 2), ("3", 3)] {
        place.draw(format!("train/{name}.png"), Kind::Disc, seed);
    }
    place.write("train/metadata.csv", "file_name,label\n1.png,cat\n2.png,dog\n");
    let run = place.vismem("add train");
    assert_eq!(run.code, exit);
    run.incomplete(&["train/3.png: is not in train/metadata.csv", "added 2 pictures"]);
    assert_eq!(labels(&place, "memory.vismem"), named(&[("cat", 1), ("dog", 1)]));

    place.draw("other/disc/1.png", Kind::Disc, 4);
    place.write("other/labels.csv", "picture,breed\n1.png,cat\n");
    place.vismem("add other").done().says(&["note: other/labels.csv lies beside the pictures and was not read"]);
}

#[test]
fn labels_that_cannot_be_meant() {
    let exit = documented("labels_that_cannot_be_meant");
    let place = Place::new();
    for (name, seed) in [("test/1", 1), ("cat/2", 2), ("cat/close-up/3", 3), ("_unlabeled/4", 4), ("5", 5)] {
        place.draw(format!("data/{name}.png"), Kind::Disc, seed);
    }
    let run = place.vismem("add data").done();
    assert_eq!(run.code, exit);
    run.says(&[
        "`vismem forget --label test`",
        "`vismem relabel --label close-up --to cat`",
        "labels that stand for none: \"_unlabeled\"",
        "pictures directly in data got its name as their label",
    ]);
    place.vismem("relabel --label close-up --to cat").done();
    place.vismem("forget --label test").done();
    let answer = place.vismem("-m other.vismem add data --format json").done().json();
    let about: Vec<&str> =
        answer["notes"].as_array().unwrap().iter().map(|note| note["about"].as_str().unwrap()).collect();
    let expected = ["pictures_above_folders", "label_within_label", "labels_of_splits", "labels_of_nothing"];
    assert_eq!(about, expected, "{answer}");
    place.draw("flat/1.png", Kind::Disc, 9);
    place
        .vismem("-m flat.vismem add flat")
        .done()
        .says(&["all pictures lie directly in flat", "--label flat --to LABEL"]);
}

#[test]
fn labels_that_look_the_same() {
    let exit = documented("labels_that_look_the_same");
    let place = Place::new();
    for (name, seed) in [("caf\u{e9}", 1), ("cafe\u{301}", 2), ("caf\u{e9}\u{a0}", 3), ("CAFÉ", 4)] {
        place.draw(format!("photos/{name}/{seed}.png"), Kind::Disc, seed);
    }
    let run = place.vismem("add photos").done();
    assert_eq!(run.code, exit);
    run.says(&["of 2 labels", "capitals, spaces or forms of characters alone: \"CAFÉ\", \"café\""]);
}

#[test]
fn table_in_the_dialect_of_a_spreadsheet() {
    let exit = documented("table_in_the_dialect_of_a_spreadsheet");
    let place = Place::new();
    place.draw("1.png", Kind::Disc, 1);
    let utf16: Vec<u8> =
        "\u{feff}path;label\r\n1.png;cat, black\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, content) in [
        ("semicolons.csv", b"path;label\n1.png;cat, black\n".to_vec()),
        ("tabs.tsv", b"path\tlabel\n1.png\tcat, black\n".to_vec()),
        ("excel.csv", b"sep=;\r\nPath;Label\r\n1.png;cat, black\r\n".to_vec()),
        ("utf16.csv", utf16),
    ] {
        place.write(name, content);
        let memory = format!("{name}.vismem");
        let run = place.vismem_with(["-m", &memory, "add", name]).done();
        assert_eq!(run.code, exit);
        assert_eq!(labels(&place, &memory), named(&[("cat, black", 1)]), "{name}");
    }
}

#[test]
fn class_names_in_every_form() {
    let exit = documented("class_names_in_every_form");
    let place = Place::new();
    hugging_face(&place.path("t.parquet"), vec![Some(png(Kind::Disc, 1)), Some(png(Kind::Disc, 2))], &[0, 1], "[]");
    place.draw("folders/1/3.png", Kind::Disc, 3);
    for (name, content) in [
        ("names.txt", "cat\ndog\n"),
        ("list.json", r#"["cat", "dog"]"#),
        ("numbers.json", r#"{"1": "dog", "0": "cat"}"#),
        ("header.csv", "label\ncat\ndog\n"),
    ] {
        place.write(name, content);
        let memory = format!("{name}.vismem");
        let run = place.vismem_with(["-m", &memory, "add", "t.parquet", "folders", "--class-names", name]).done();
        assert_eq!(run.code, exit);
        assert_eq!(labels(&place, &memory), named(&[("cat", 1), ("dog", 2)]), "{name}");
    }
    place.draw("words/cat/4.png", Kind::Disc, 4);
    place.vismem("-m words.vismem add words --class-names names.txt").done().says(&["names.txt were not used"]);
}

#[test]
fn class_names_that_are_none() {
    let exit = documented("class_names_that_are_none");
    let place = Place::new();
    place.draw("folders/1/3.png", Kind::Disc, 3);
    place.write("gap.json", r#"{"0": "cat", "2": "dog"}"#);
    place.write("order.csv", "id,label\n1,cat\n0,dog\n");
    place.vismem("add folders --class-names gap.json").refused(exit, &["gap.json", "no single name for class 1"]);
    place.vismem("add folders --class-names order.csv").refused(exit, &["order.csv", "which of its columns id, label"]);
}

#[test]
fn options_that_mean_nothing_to_what_is_named() {
    let exit = documented("options_that_mean_nothing_to_what_is_named");
    let place = Place::new();
    place.draw_two_labels("photos", 1);
    for option in ["--label-column x", "--image-column x", "--levels x", "--attributes x", "--images x"] {
        let words = [option.split(' ').next().unwrap(), "means nothing to what is named; drop it"];
        place.vismem(&format!("add photos {option}")).refused(exit, &words);
    }
    place.vismem("add photos --attributes none").done();
}

#[test]
fn archive_of_another_kind() {
    let exit = documented("archive_of_another_kind");
    let place = Place::new();
    place.write("a.tar.bz2", b"BZh91AY&SY");
    place.write("renamed.tar.gz", b"\xfd7zXZ\0\0\0");
    place.vismem("add a.tar.bz2").refused(exit, &["is not read here", "pack it as .zip, .tar"]);
    place.vismem("add renamed.tar.gz").refused(exit, &["compressed with xz"]);
}

#[test]
fn archive_called_as_another_kind_or_joined() {
    let exit = documented("archive_called_as_another_kind_or_joined");
    let place = Place::new();
    let (first, second) =
        (tar(&[("disc/1.png", png(Kind::Disc, 1))]), tar(&[("stripes/2.png", png(Kind::Stripes, 2))]));
    place.write("unpacked.tar.gz", [first, second].concat());
    let run = place.vismem("add unpacked.tar.gz").done();
    assert_eq!(run.code, exit);
    assert_eq!(labels(&place, "memory.vismem"), named(&[("disc", 1), ("stripes", 1)]));
    place.vismem_with(["explain", "unpacked.tar.gz#stripes/2.png"]).done();
}

#[test]
fn column_of_labels_that_holds_something_else() {
    let exit = documented("column_of_labels_that_holds_something_else");
    let place = Place::new();
    place.draw("1.png", Kind::Disc, 1);
    let schema = "message schema { OPTIONAL BINARY path (UTF8); REQUIRED INT64 label (TIMESTAMP_MILLIS); }";
    table(&place.path("date.parquet"), schema, &[(texts(&["1.png"]), 1), (Column::Integers(&[18000]), 0)], None);
    place.vismem("add date.parquet").refused(exit, &["the column label holds dates or times", "--label-column"]);
}

#[test]
fn columns_of_pictures_beside_each_other() {
    let exit = documented("columns_of_pictures_beside_each_other");
    let place = Place::new();
    let bytes = |seeds: [u32; 2]| Column::Bytes(seeds.map(|seed| Some(png(Kind::Disc, seed))).to_vec());
    let schema = "message schema { OPTIONAL GROUP image { OPTIONAL BINARY bytes; } OPTIONAL GROUP mask { OPTIONAL BINARY bytes; } \
        OPTIONAL BINARY label (UTF8); OPTIONAL BINARY source (UTF8); }";
    let columns =
        [(bytes([1, 2]), 2), (bytes([3, 4]), 2), (texts(&["cat", "dog"]), 1), (texts(&["flickr", "flickr"]), 1)];
    table(&place.path("t.parquet"), schema, &columns, None);
    place.vismem("add t.parquet").refused(exit, &["has the pictures image, mask", "--image-column"]);
    place.vismem("add t.parquet --image-column mask --attributes source").done();
    place.vismem("ls dog").done().says(&["t.parquet#mask#1  source=flickr"]);
    let answer = place.vismem("classify t.parquet#0 --image-column mask -k 1 --format json").done().json();
    assert_eq!(answer["results"][0]["neighbors"][0]["distance"], 0.0, "{answer}");
    place.vismem("classify t.parquet#mask#1").done().says(&["dog"]);
    let asks = ["name one as t.parquet#image#1"];
    place.vismem("classify t.parquet#1").incomplete(&asks);
    place.vismem("explain t.parquet#1").refused(exit, &asks);
    place.vismem("explain t.parquet#mask#1").done();
}

#[test]
fn table_whose_rest_cannot_be_read() {
    let exit = documented("table_whose_rest_cannot_be_read");
    let place = Place::new();
    let pictures = (1..=9).map(|seed| Some(png(Kind::Disc, seed))).collect();
    let path = place.path("t.parquet");
    hugging_face(&path, pictures, &[0; 9], r#"["disc"]"#);
    let mut bytes = std::fs::read(&path).unwrap();
    // The header of the first page.
    bytes[4..12].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let run = place.vismem("add t.parquet");
    assert_eq!(run.code, exit);
    run.incomplete(&["t.parquet: cannot be read on", "not added: 9 pictures"]);
}

#[test]
fn source_that_looks_like_a_pattern() {
    let exit = documented("source_that_looks_like_a_pattern");
    let place = Place::new();
    for (name, seed) in [("IMG[1]", 1), ("IMG1", 2), ("a*b", 3), ("aXb", 4)] {
        place.draw(format!("cat/{name}.png"), Kind::Disc, seed);
    }
    place.vismem("add cat").done();
    for (pattern, found) in [("IMG[1].png", "IMG[1].png"), ("cat/a*b.png", "a*b.png"), ("IMG[[]1].png", "IMG[1].png")] {
        let listed = place.vismem_with(["ls", "--source", pattern]).done();
        assert_eq!(listed.code, exit);
        assert!(listed.stdout.lines().count() == 1 && listed.stdout.contains(found), "{pattern}: {listed:?}");
    }
    assert_eq!(place.vismem_with(["ls", "--source", "a*.png"]).done().stdout.lines().count(), 2);
    place.vismem_with(["forget", "--source", "cat/IMG[1].png"]).done();
    assert!(place.vismem("ls cat").done().stdout.contains("IMG1.png"));
}

#[test]
fn folder_that_lost_more_than_is_plausible() {
    let exit = documented("folder_that_lost_more_than_is_plausible");
    let place = Place::new();
    place.draw_two_labels("photos", 12);
    place.vismem("sync photos").done();
    std::fs::rename(place.path("photos/disc"), place.path("away")).unwrap();
    let run = place.vismem("sync photos --forget-missing");
    assert_eq!(run.code, exit);
    run.incomplete(&["not forgotten: 12 exemplars", "50 % of what comes", "all that these labels have: disc", "--yes"]);
    std::fs::rename(place.path("away"), place.path("photos/disc")).unwrap();
    std::fs::remove_file(place.path("photos/disc/0.png")).unwrap();
    place.vismem("sync photos --forget-missing").done().says(&["forgot 1 exemplar"]);
}

#[test]
fn picture_of_a_folder_that_cannot_be_read_any_more() {
    let exit = documented("picture_of_a_folder_that_cannot_be_read_any_more");
    let place = Place::new();
    place.draw_two_labels("photos", 12);
    place.vismem("sync photos").done();
    let whole = std::fs::read(place.path("photos/disc/1.png")).unwrap();
    place.write("photos/disc/1.png", &whole[..whole.len() / 2]);
    place.write("photos/disc/2.png", "");
    let run = place.vismem("sync photos --forget-missing");
    assert_eq!(run.code, exit);
    run.incomplete(&["not added: 2 pictures"]);
    assert_eq!(labels(&place, "memory.vismem"), named(&[("disc", 12), ("stripes", 12)]));
}

#[test]
fn picture_moved_to_the_folder_of_another_label() {
    let exit = documented("picture_moved_to_the_folder_of_another_label");
    let place = Place::new();
    place.draw_two_labels("photos", 3);
    place.vismem("sync photos").done();
    std::fs::create_dir(place.path("photos/coin")).unwrap();
    std::fs::rename(place.path("photos/disc/1.png"), place.path("photos/coin/1.png")).unwrap();
    std::fs::copy(place.path("photos/disc/2.png"), place.path("photos/coin/2.png")).unwrap();
    let run = place.vismem("sync photos --forget-missing");
    assert_eq!(run.code, 1, "the copy has two labels");
    run.incomplete(&["photos/coin/1.png was moved: exemplar 2 is coin now, not disc", "`vismem undo`"])
        .says(&["not added as coin: photos/coin/2.png is in the memory as disc"]);
    std::fs::remove_file(place.path("photos/coin/2.png")).unwrap();
    assert_eq!(place.vismem("sync photos --forget-missing").done().code, exit);
    assert_eq!(labels(&place, "memory.vismem"), named(&[("coin", 1), ("disc", 2), ("stripes", 3)]));
    let listed = place.vismem("ls coin").done().stdout;
    assert!(listed.contains("photos/coin/1.png"), "it is found where it is now: {listed}");
    place.vismem("undo").done();
    assert_eq!(labels(&place, "memory.vismem")[0], ("disc".to_owned(), 3));
}

#[test]
fn archive_without_the_mark_of_its_end() {
    let exit = documented("archive_without_the_mark_of_its_end");
    let place = Place::new();
    let whole = tar(&[("disc/1.png", png(Kind::Disc, 1)), ("stripes/2.png", png(Kind::Stripes, 2))]);
    let blocks = |bytes: usize| 512 * (1 + bytes.div_ceil(512));
    place.write("cut.tar", &whole[..blocks(png(Kind::Disc, 1).len())]);
    let run = place.vismem("add cut.tar").done();
    assert_eq!(run.code, exit);
    run.says(&["added 1 picture", "note: cut.tar ends without the mark of its end: it may have been cut"]);
    place.write("whole.tar", whole);
    let run = place.vismem("-m whole.vismem add whole.tar").done();
    assert!(!run.stdout.contains("note"), "{run:?}");
}

#[test]
fn outlines_beside_pictures() {
    let exit = documented("outlines_beside_pictures");
    let place = Place::new();
    place.draw("data/JPEGImages/1.png", Kind::Disc, 1);
    place.write("data/Annotations/1.xml", "<annotation/>");
    let run = place.vismem("add data").done();
    assert_eq!(run.code, exit);
    run.says(&["Annotations/1.xml and files like it may outline", "a CSV with the columns path and label"]);
}
