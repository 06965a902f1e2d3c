use super::documented;
use crate::common::Place;
use crate::npy;

/// A memory of four rows, exported into the folder `out`.
fn exported(metadata: &str) -> Place {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(4)));
    place.write("labels.txt", "a\nb\na\nb\n");
    place.vismem("add rows.npy --labels labels.txt").done();
    place.vismem(&format!("export embeddings -o out --metadata {metadata}")).done();
    place
}

fn edit(place: &Place, file: &str, change: impl Fn(&str) -> String) {
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    place.write(file, change(&text));
}

#[test]
fn import_of_what_is_no_export() {
    let exit = documented("import_of_what_is_no_export");
    let place = exported("csv");
    place.write("empty/x.txt", "");
    place.vismem("-m new.vismem import empty").refused(exit, &["empty/memory.json", "`vismem export embeddings`"]);
    place.vismem("-m new.vismem import gone").refused(exit, &["gone/memory.json"]);
    edit(&place, "out/memory.json", |text| text.replace("\"format\": 1", "\"format\": 9"));
    place.vismem("-m new.vismem import out").refused(exit, &["memory.json: is of format 9", "newer vismem"]);
    place.write("out/memory.json", "{}");
    place.vismem("-m new.vismem import out").refused(exit, &["memory.json: is not what `vismem export` wrote"]);
    assert!(!place.path("new.vismem").exists());
}

#[test]
fn import_of_files_that_do_not_fit_together() {
    let exit = documented("import_of_files_that_do_not_fit_together");
    let place = exported("csv");
    let whole = std::fs::read_to_string(place.path("out/metadata.csv")).unwrap();
    let refused = |words: &[&str]| {
        place.vismem("-m new.vismem import out").refused(exit, words);
        assert!(!place.path("new.vismem").exists(), "a memory was made for nothing");
    };
    let lines: Vec<&str> = whole.lines().collect();
    place.write("out/metadata.csv", lines[..4].join("\n"));
    refused(&["out/metadata.csv: has 3 rows for 4 embeddings"]);
    place.write("out/metadata.csv", format!("{whole}{}\n", lines[4]));
    refused(&["out/metadata.csv: has more rows than the 4 embeddings"]);
    place.write("out/metadata.csv", whole.replace(",a,", ",,"));
    refused(&["out/metadata.csv, line 2: has no label"]);
    place.write("out/metadata.csv", whole.replace("content", "hash"));
    refused(&["has no column content"]);
    place.write("out/embeddings.npy", npy::rows(&npy::scattered(3)));
    refused(&["out/embeddings.npy: holds 3 × 16 values", "says 4 × 16"]);
    std::fs::remove_file(place.path("out/embeddings.npy")).unwrap();
    refused(&["cannot read out/embeddings.npy"]);

    let place = exported("parquet");
    let whole = std::fs::read(place.path("out/metadata.parquet")).unwrap();
    for bytes in [&whole[..whole.len() / 2], b""] {
        place.write("out/metadata.parquet", bytes);
        place.vismem("-m new.vismem import out").refused(exit, &["out/metadata.parquet: is not a whole Parquet file"]);
    }
}

#[test]
fn import_of_an_export_that_was_changed() {
    let exit = documented("import_of_an_export_that_was_changed");
    let place = exported("csv");
    edit(&place, "out/metadata.csv", |text| text.replacen(",a,", ",z,", 1));
    place
        .vismem("-m new.vismem import out")
        .refused(exit, &["out: makes a memory of the digest", "were changed since"]);
}

#[test]
fn import_of_embeddings_of_another_encoder() {
    let exit = documented("import_of_embeddings_of_another_encoder");
    let place = exported("parquet");
    place.draw_two_labels("learn", 1);
    place.vismem("-m pictures.vismem add learn").done();
    place
        .vismem("-m pictures.vismem import out")
        .refused(exit, &["holds embeddings of efficientnet-lite0", "not of unknown"]);
}

#[test]
fn export_of_nothing() {
    let exit = documented("export_of_nothing");
    let place = exported("csv");
    place.vismem("export embeddings -o more --source nothing/like/it").refused(exit, &["nothing fits the selection"]);
    place.vismem("-m none.vismem export catalog -o more").refused(exit, &["none.vismem: no memory here"]);
    place.vismem("forget --label a --label b").done();
    for what in ["embeddings", "catalog"] {
        place.vismem(&format!("export {what} -o more")).refused(exit, &["holds no exemplar yet"]);
    }
    place.vismem("export neighbors -o more").refused(exit, &["fewer than two exemplars"]);
    assert!(!place.path("more").exists());
}

#[test]
fn export_that_cannot_be_written() {
    let exit = documented("export_that_cannot_be_written");
    let place = exported("csv");
    place.write("file", "");
    for what in ["embeddings", "catalog", "neighbors"] {
        place.vismem(&format!("export {what} -o file/folder")).refused(exit, &["cannot make the folder file/folder"]);
        place
            .vismem(&format!("export {what} -o memory.vismem"))
            .refused(exit, &["memory.vismem: is a memory", "another folder"]);
    }
}
