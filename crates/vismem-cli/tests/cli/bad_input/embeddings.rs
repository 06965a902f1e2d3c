use super::documented;
use crate::common::{Place, make_pipe};
use crate::npy;

/// A place with a memory of three rows of two values, labelled x.
fn with_memory() -> Place {
    let place = Place::new();
    place.write("good.npy", npy::rows(&[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]));
    place.vismem("add good.npy --label x").done();
    place
}

/// Neither adding nor asking takes the file, and both say why.
#[track_caller]
fn neither_added_nor_asked(file: &[u8], exit: i32, words: &[&str]) {
    let place = with_memory();
    place.write("bad.npy", file);
    place.vismem("add bad.npy --label y").refused(exit, words);
    place.vismem("-m new.vismem add bad.npy --label y").refused(exit, words);
    assert!(!place.path("new.vismem").exists(), "a memory was made for nothing");
    place.vismem("classify bad.npy").refused(exit, words);
    place.vismem("verify").done().says(&["sound, 3 exemplars"]);
}

#[test]
fn rows_without_a_direction() {
    let exit = documented("rows_without_a_direction");
    let place = Place::new();
    let rows = [[1.0, 0.0], [f32::NAN, 1.0], [f32::INFINITY, 0.0], [0.0, 0.0], [0.0, 1.0]];
    place.write("rows.npy", npy::rows(&rows));
    let words = ["rows.npy#1 holds NaN or an infinity", "rows.npy#2 holds NaN", "rows.npy#3 is all zeros"];
    let run = place.vismem("add rows.npy --label x --commit-every 2");
    assert_eq!(run.code, exit);
    run.incomplete(&words).says(&["added 2 embeddings", "not added: 3 embeddings"]);
    place.vismem("ls x").done().says(&["rows.npy#0\n", "rows.npy#4\n"]);

    let run = place.vismem("classify rows.npy -k 1");
    assert_eq!(run.code, exit);
    let expected = "rows.npy#0  x  100 %  (the memory holds it: id 1)\nrows.npy#1  not classified\nrows.npy#2  not classified\n\
                    rows.npy#3  not classified\nrows.npy#4  x  100 %  (the memory holds it: id 2)\n";
    assert_eq!(run.stdout, expected);
    run.incomplete(&words);
}

#[test]
fn embeddings_of_another_dimension() {
    let exit = documented("embeddings_of_another_dimension");
    let place = with_memory();
    place.write("wide.npy", npy::rows(&[[1.0, 0.0, 0.0]]));
    place.vismem("classify wide.npy").refused(exit, &["wide.npy: its rows have 3 values", "embeddings have 2"]);
    place.vismem("add wide.npy --label y").refused(exit, &["memory.vismem", "(2 dimensions)", "(3 dimensions)"]);
    place.vismem("verify").done().says(&["sound, 3 exemplars"]);
}

#[test]
fn embeddings_of_one_or_three_axes() {
    let exit = documented("embeddings_of_one_or_three_axes");
    let values = npy::bytes(&[1.0, 2.0, 3.0, 4.0]);
    let flat = npy::raw("<f4", false, "4,", &values);
    neither_added_nor_asked(&flat, exit, &["bad.npy: has the shape [4]", "save embeddings as N × D"]);
    let deep = npy::raw("<f4", false, "1, 2, 2", &values);
    neither_added_nor_asked(&deep, exit, &["bad.npy: has the shape [1, 2, 2]"]);
}

#[test]
fn embeddings_in_fortran_order() {
    let exit = documented("embeddings_in_fortran_order");
    let file = npy::raw("<f4", true, "2, 2", &npy::bytes(&[1.0, 2.0, 3.0, 4.0]));
    neither_added_nor_asked(&file, exit, &["bad.npy: is in Fortran order", "np.ascontiguousarray"]);
}

#[test]
fn embeddings_that_are_no_floats() {
    let exit = documented("embeddings_that_are_no_floats");
    let file = npy::raw("<i4", false, "1, 2", &[1, 0, 0, 0, 2, 0, 0, 0]);
    neither_added_nor_asked(&file, exit, &["bad.npy: holds '<i4'", "save embeddings as float32"]);
    let file = npy::raw("|O", false, "1, 2", b"a pickle");
    neither_added_nor_asked(&file, exit, &["bad.npy: holds '|O'"]);
}

#[test]
fn embeddings_of_other_precision() {
    let exit = documented("embeddings_of_other_precision");
    let place = Place::new();
    // 0.5 and 0.25 in each type; the third row is too large for f32.
    let f64s: Vec<u8> = [0.5f64, 0.25, 0.25, 0.5, 1e300, 1.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    place.write("f64.npy", npy::raw("<f8", false, "2, 2", &f64s));
    place.write("f16.npy", npy::raw("<f2", false, "2, 2", &[0x00, 0x38, 0x00, 0x34, 0x00, 0x34, 0x00, 0x38]));
    place.write("big-endian.npy", npy::raw(">f4", false, "1, 2", &[0x3f, 0, 0, 0, 0x3e, 0x80, 0, 0]));
    place.write("f32.npy", npy::rows(&[[0.5, 0.25], [0.25, 0.5]]));
    for file in ["f64", "f16"] {
        assert_eq!(place.vismem(&format!("-m {file}.vismem add {file}.npy --label x")).done().code, exit);
        let answer = place.vismem(&format!("-m {file}.vismem classify f32.npy big-endian.npy --format json"));
        for (row, id) in [(0, 1), (1, 2), (2, 1)] {
            let nearest = &answer.json()["results"][row]["neighbors"][0];
            assert_eq!(nearest["id"], id, "{file}, row {row}");
            assert!(nearest["distance"].as_f64().unwrap().abs() < 1e-6, "{file}, row {row}: {nearest}");
        }
        answer.done();
    }
    place.write("too-large.npy", npy::raw("<f8", false, "3, 2", &f64s));
    place.vismem("classify -m f64.vismem too-large.npy").incomplete(&["too-large.npy#2 holds NaN or an infinity"]);
}

#[test]
fn truncated_embeddings() {
    let exit = documented("truncated_embeddings");
    let mut file = npy::rows(&[[1.0, 2.0], [3.0, 4.0]]);
    file.pop();
    neither_added_nor_asked(&file, exit, &["bad.npy: is truncated", "[2, 2]", "save or fetch it again"]);
    // A header may promise more than any memory could hold.
    let file = npy::raw("<f4", false, "1000000000000, 2", &npy::bytes(&[1.0, 2.0]));
    neither_added_nor_asked(&file, exit, &["bad.npy: is truncated"]);
    neither_added_nor_asked(&file[..40], exit, &["bad.npy: is not a .npy file"]);
}

#[test]
fn no_embeddings_at_all() {
    let exit = documented("no_embeddings_at_all");
    neither_added_nor_asked(&npy::raw("<f4", false, "0, 2", &[]), exit, &["bad.npy: holds no values (0 × 2)"]);
    neither_added_nor_asked(&npy::raw("<f4", false, "2, 0", &[]), exit, &["bad.npy: holds no values (2 × 0)"]);
}

#[test]
fn file_that_is_no_npy() {
    let exit = documented("file_that_is_no_npy");
    neither_added_nor_asked(b"1.0 2.0\n", exit, &["bad.npy: is not a .npy file", "np.save"]);
    neither_added_nor_asked(b"", exit, &["bad.npy: is not a .npy file"]);
    let place = with_memory();
    make_pipe(&place.path("pipe.npy"));
    std::fs::create_dir(place.path("folder.npy")).unwrap();
    for file in ["pipe.npy", "folder.npy"] {
        place.vismem_with(["add", file, "--label", "y"]).refused(exit, &[file, "is not a regular file"]);
    }
}

#[test]
fn labels_of_another_length() {
    let exit = documented("labels_of_another_length");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0], [0.0, 1.0]]));
    place.write("labels.txt", "a\nb\nc\n");
    place.vismem("add rows.npy --labels labels.txt").refused(exit, &["rows.npy: 3 labels for 2 rows"]);
    place.write("labels.txt", "a");
    place.vismem("add rows.npy --labels labels.txt").refused(exit, &["rows.npy: 1 label for 2 rows"]);
    assert!(!place.path("memory.vismem").exists());
}

#[test]
fn empty_label_among_labels() {
    let exit = documented("empty_label_among_labels");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0], [0.0, 1.0]]));
    place.write("labels.txt", "a\n\nb\n");
    place.write("labels.csv", "label,note\na,first\n,second\n");
    for file in ["labels.txt", "labels.csv"] {
        place
            .vismem_with(["add", "rows.npy", "--labels", file])
            .refused(exit, &[file, "the label of row 1", "is empty"]);
    }
}

#[test]
fn label_files_of_every_kind() {
    let exit = documented("label_files_of_every_kind");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0], [0.0, 1.0]]));
    let utf32: Vec<u8> = "7\0é1".chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
    let files = [
        ("windows.txt", b"\xef\xbb\xbf7\r\n\xc3\xa91\r\n\r\n".to_vec(), ["7", "é1"]),
        ("unended.txt", b"7\n\xc3\xa91".to_vec(), ["7", "é1"]),
        ("table.csv", "row,label\n0,7\n1,é1\n".into(), ["7", "é1"]),
        ("strings.npy", npy::raw("<U2", false, "2,", &utf32), ["7", "é1"]),
        ("bytes.npy", npy::raw("|S2", false, "2,", b"7\0e1"), ["7", "e1"]),
        ("i8.npy", npy::raw("|i1", false, "2,", &[0xff, 7]), ["-1", "7"]),
        ("u16.npy", npy::raw("<u2", false, "2,", &[0x10, 0x27, 7, 0]), ["10000", "7"]),
        ("i64.npy", npy::raw("<i8", false, "2,", &[7i64.to_le_bytes(), (1i64 << 40).to_le_bytes()].concat()), {
            ["1099511627776", "7"]
        }),
    ];
    for (file, content, expected) in files {
        place.write(file, content);
        let memory = format!("{file}.vismem");
        let run = place.vismem_with(["-m", &memory, "add", "rows.npy", "--labels", file]).done();
        assert_eq!(run.code, exit, "{file}");
        let listed = place.vismem_with(["-m", &memory, "ls"]).done().stdout;
        let labels: Vec<&str> = listed.split_whitespace().filter(|word| *word != "1").collect();
        assert_eq!(labels, expected, "{file}");
    }
}

#[test]
fn labels_that_are_none() {
    let exit = documented("labels_that_are_none");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0], [0.0, 1.0]]));
    let refused = |file: &str, content: &[u8], words: &[&str]| {
        place.write(file, content);
        place.vismem_with(["add", "rows.npy", "--labels", file]).refused(exit, &[&[file], words].concat());
    };
    refused("floats.npy", &npy::raw("<f4", false, "2,", &[0; 8]), &["holds '<f4'", "integers or strings"]);
    refused("square.npy", &npy::raw("<i4", false, "2, 1", &[0; 8]), &["has the shape [2, 1]"]);
    refused("short.npy", &npy::raw("<i4", false, "2,", &[0; 7]), &["is truncated"]);
    refused("table.csv", b"class\na\nb\n", &["has no column label; its columns are class"]);
    refused("latin1.txt", b"caf\xe9\nb\n", &["is not UTF-8 text", "save the file as UTF-8"]);
    place.vismem("add rows.npy --labels gone.txt").refused(exit, &["gone.txt", "No such file"]);
}

#[test]
fn embeddings_without_labels() {
    let exit = documented("embeddings_without_labels");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0]]));
    place.vismem("add rows.npy").refused(exit, &["rows.npy: say with --labels FILE or --label"]);
}

#[test]
fn embeddings_mixed_with_others() {
    let exit = documented("embeddings_mixed_with_others");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&[[1.0, 0.0]]));
    place.vismem("add rows.npy rows.npy --label x").refused(exit, &["one .npy file of embeddings at a time"]);
    place.vismem("add rows.npy pictures --label x").refused(exit, &["one .npy file of embeddings at a time"]);
    place.vismem("add pictures --labels labels.txt").refused(exit, &["--labels belongs to a .npy file"]);
}

#[test]
fn embeddings_explained_without_a_row() {
    let exit = documented("embeddings_explained_without_a_row");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(4)));
    place.vismem("add rows.npy --label x").done();
    let refused = place.vismem("explain rows.npy").refused(exit, &["rows.npy: holds embeddings", "rows.npy#0"]);
    assert!(!refused.stderr.contains("pictures"), "{refused:?}");
    place.vismem("explain rows.npy#0").done();
}
