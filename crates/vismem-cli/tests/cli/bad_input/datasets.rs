use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use super::documented;
use crate::common::{Kind, Place, png};
use crate::npy;
use crate::packed::{Column, hugging_face, table, tar, texts, zip};

/// Pictures of two labels, as an archive holds them.
fn files() -> [(&'static str, Vec<u8>); 2] {
    [("disc/1.png", png(Kind::Disc, 1)), ("stripes/2.png", png(Kind::Stripes, 2))]
}

#[test]
fn archive_of_0_bytes() {
    let exit = documented("archive_of_0_bytes");
    let place = Place::new();
    for name in ["a.tar", "a.tar.gz", "a.zip"] {
        place.write(name, "");
        place.vismem(&format!("add {name}")).refused(exit, &[name, "empty (0 bytes)", "fetch it again"]);
    }
    assert!(!place.path("memory.vismem").exists());
}

#[test]
fn archive_that_ends_too_early() {
    let exit = documented("archive_that_ends_too_early");
    let place = Place::new();
    let whole = tar(&files());
    place.write("cut.tar", &whole[..1500]);
    place.write("whole.tar", tar(&[("disc/3.png", png(Kind::Disc, 3))]));
    let run = place.vismem("add cut.tar whole.tar");
    assert_eq!(run.code, exit);
    run.incomplete(&["cut.tar: the archive cannot be read on", "fetch or pack it again", "added 2 pictures"]);

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&whole).unwrap();
    let packed = packed.finish().unwrap();
    place.write("cut.tgz", &packed[..packed.len() - 30]);
    let run = place.vismem("-m packed.vismem add cut.tgz");
    assert_eq!(run.code, exit);
    run.incomplete(&["cut.tgz: the archive cannot be read on", "fetch or pack it again"]);

    place.write("cut.zip", &zip(&files())[..200]);
    place.vismem("-m zip.vismem add cut.zip").refused(exit, &["cut.zip: is not a whole zip archive"]);
    place.write("text.tar", "this is not an archive, whatever its name says");
    let run = place.vismem("-m text.vismem add text.tar");
    assert_eq!(run.code, exit);
    run.incomplete(&["text.tar"]);
}

#[test]
fn archive_with_a_damaged_file() {
    let exit = documented("archive_with_a_damaged_file");
    let place = Place::new();
    let mut bytes = zip(&files());
    // In the middle of the first picture.
    bytes[100] ^= 255;
    place.write("a.zip", bytes);
    let run = place.vismem("add a.zip");
    assert_eq!(run.code, exit);
    run.incomplete(&["a.zip#disc/1.png: cannot be unpacked", "added 1 picture"]);
}

#[test]
fn archive_with_names_that_lead_out_of_it() {
    let exit = documented("archive_with_names_that_lead_out_of_it");
    let place = Place::new();
    let files = [
        ("/etc/disc/1.png", png(Kind::Disc, 1)),
        ("../disc/2.png", png(Kind::Disc, 2)),
        ("disc/../../3.png", png(Kind::Disc, 3)),
        ("disc/4.png", png(Kind::Disc, 4)),
    ];
    for (name, bytes) in [("a.tar", tar(&files)), ("a.zip", zip(&files))] {
        place.write(name, bytes);
        let run = place.vismem(&format!("-m {name}.vismem add {name}"));
        assert_eq!(run.code, exit);
        let refused = run.stderr.matches("leads out of the archive, it is refused").count();
        assert_eq!(refused, 3, "{run:?}");
        run.incomplete(&["added 1 picture"]);
    }
}

#[test]
fn links_in_an_archive() {
    let exit = documented("links_in_an_archive");
    let place = Place::new();
    let mut builder = ::tar::Builder::new(Vec::new());
    let mut link = ::tar::Header::new_gnu();
    link.set_entry_type(::tar::EntryType::Symlink);
    link.set_size(0);
    builder.append_link(&mut link, "disc/secret.png", "/etc/passwd").unwrap();
    let mut header = ::tar::Header::new_gnu();
    let picture = png(Kind::Disc, 1);
    header.set_size(picture.len() as u64);
    builder.append_data(&mut header, "disc/1.png", &picture[..]).unwrap();
    place.write("a.tar", builder.into_inner().unwrap());
    let run = place.vismem("add a.tar");
    assert_eq!(run.code, exit);
    run.incomplete(&["a.tar#disc/secret.png: is a link", "not followed", "added 1 picture"]);
}

#[test]
fn link_out_of_a_folder() {
    let exit = documented("link_out_of_a_folder");
    let place = Place::new();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    let outside = place.draw("elsewhere/stripes/2.png", Kind::Stripes, 2);
    std::os::unix::fs::symlink(outside, place.path("learn/disc/2.png")).unwrap();
    assert_eq!(place.vismem("add learn").done().code, exit);
    // It is added as what the folder says that it is.
    place.vismem("ls").done().says(&["        2  disc"]);
    place.vismem("ls --source learn/disc/2.png").done().says(&["learn/disc/2.png"]);
}

#[test]
fn archive_with_names_that_are_not_utf8() {
    let exit = documented("archive_with_names_that_are_not_utf8");
    let place = Place::new();
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, seed) in [(&b"disc/caf\xe9.png"[..], 1), (b"caf\xe9/2.png", 2)] {
        let picture = png(Kind::Disc, seed);
        let mut header = ::tar::Header::new_gnu();
        header.set_size(picture.len() as u64);
        builder.append_data(&mut header, OsStr::from_bytes(name), &picture[..]).unwrap();
    }
    place.write("a.tar", builder.into_inner().unwrap());
    let run = place.vismem("add a.tar");
    assert_eq!(run.code, exit);
    run.incomplete(&["its folder's name is not UTF-8", "use --label", "added 1 picture"]);
    place.vismem("ls disc").done().says(&["a.tar#disc/caf\u{fffd}.png"]);

    let mut bytes = zip(&[("disc/caf_.png", png(Kind::Disc, 1)), ("caf_/2.png", png(Kind::Disc, 2))]);
    while let Some(at) = bytes.windows(4).position(|word| word == b"caf_") {
        bytes[at + 3] = 0xe9;
    }
    place.write("a.zip", bytes);
    place.vismem("-m zip.vismem add a.zip").done().says(&["added 2 pictures"]);
    place.vismem("-m zip.vismem ls disc").done().says(&["a.zip#disc/cafΘ.png"]);
}

#[test]
fn archive_without_pictures() {
    let exit = documented("archive_without_pictures");
    let place = Place::new();
    place.write("a.tar", tar(&[("readme.txt", b"x".to_vec())]));
    let run = place.vismem("add a.tar");
    assert_eq!(run.code, exit);
    run.incomplete(&["a.tar: holds no pictures"]);
}

#[test]
fn sample_without_a_label() {
    let exit = documented("sample_without_a_label");
    let place = Place::new();
    let files = [
        ("1.png", png(Kind::Disc, 1)),
        ("2.png", png(Kind::Disc, 2)),
        ("2.cls", b"9".to_vec()),
        ("3.png", png(Kind::Disc, 3)),
        ("3.cls", b"0".to_vec()),
    ];
    place.write("a.tar", tar(&files));
    place.write("classes.txt", "disc\n");
    let run = place.vismem("add a.tar --class-names classes.txt");
    assert_eq!(run.code, exit);
    run.incomplete(&[
        "a.tar#1.png: lies in no folder",
        "a.tar#2.png: 2.cls: its class 9 is not among",
        "added 1 picture",
    ]);
}

#[test]
fn archives_to_classify_that_are_damaged() {
    let exit = documented("archives_to_classify_that_are_damaged");
    let place = Place::new();
    place.draw_two_labels("learn", 2);
    place.vismem("add learn").done();
    place.write("cut.tar", &tar(&files())[..1500]);
    place.write("whole.tar", tar(&files()));
    let run = place.vismem("classify cut.tar learn/disc/0.png nowhere.tar whole.tar#disc/9.png");
    assert_eq!(run.code, exit);
    let words = ["cut.tar#disc/1.png  disc", "cut.tar: the archive cannot be read on", "learn/disc/0.png  disc"];
    let run = run.incomplete(&words);
    run.incomplete(&["nowhere.tar: cannot read", "whole.tar#disc/9.png: it is not in the archive any more"]);
    place.write("cut.zip", &zip(&files())[..200]);
    place.vismem("classify cut.zip").refused(exit, &["cut.zip: is not a whole zip archive"]);
    place.write("empty.tar", "");
    place.vismem("classify empty.tar").refused(exit, &["empty.tar: the archive is empty (0 bytes)"]);
    place.vismem("explain cut.zip#disc/1.png").refused(exit, &["cut.zip", "is not a whole zip archive"]);
}

#[test]
fn parquet_that_is_cut_or_empty() {
    let exit = documented("parquet_that_is_cut_or_empty");
    let place = Place::new();
    hugging_face(&place.path("whole.parquet"), vec![Some(png(Kind::Disc, 1))], &[0], r#"["disc"]"#);
    let whole = std::fs::read(place.path("whole.parquet")).unwrap();
    for bytes in [&whole[..whole.len() - 20], b"", b"no table"] {
        place.write("bad.parquet", bytes);
        place
            .vismem("add bad.parquet")
            .refused(exit, &["bad.parquet: is not a whole Parquet file", "fetch or write it again"]);
    }
    hugging_face(&place.path("none.parquet"), vec![], &[], r#"["disc"]"#);
    place.vismem("add none.parquet").refused(exit, &["none.parquet: lists no pictures"]);
    assert!(!place.path("memory.vismem").exists());
}

#[test]
fn parquet_with_other_columns() {
    let exit = documented("parquet_with_other_columns");
    let place = Place::new();
    let schema = "message schema { OPTIONAL BINARY file (UTF8); OPTIONAL BINARY class (UTF8); REQUIRED INT64 width; }";
    let columns = [(texts(&["1.png"]), 1), (texts(&["disc"]), 1), (Column::Integers(&[3]), 0)];
    table(&place.path("t.parquet"), schema, &columns, None);
    place
        .vismem("add t.parquet")
        .refused(exit, &["t.parquet: has no column path", "file, class, width", "--image-column"]);
    place
        .vismem("add t.parquet --image-column file")
        .refused(exit, &["t.parquet: has no column label", "file, class, width", "--label-column"]);
    place
        .vismem("add t.parquet --image-column width --label-column class")
        .refused(exit, &["no column width of pictures"]);
    place.vismem("add t.parquet --image-column file --label-column species").refused(exit, &["has no column species"]);
}

#[test]
fn parquet_with_damaged_pages() {
    let exit = documented("parquet_with_damaged_pages");
    let place = Place::new();
    // Found by fuzzing: the library that decodes it panics.
    place.write("t.parquet", include_bytes!("../../data/damaged_pages.parquet"));
    let run = place.vismem("add t.parquet");
    assert_eq!(run.code, exit);
    assert!(!run.stderr.contains("panicked"), "{run:?}");
    run.incomplete(&["t.parquet: cannot be read on", "fetch or write it again"]);
}

#[test]
fn parquet_rows_without_picture_or_label() {
    let exit = documented("parquet_rows_without_picture_or_label");
    let place = Place::new();
    // The second row has a path where its picture should be, and no file has that name.
    let pictures = vec![Some(png(Kind::Disc, 1)), None, Some(png(Kind::Disc, 3)), Some(b"no picture".to_vec())];
    hugging_face(&place.path("t.parquet"), pictures, &[0, 0, -1, 0], r#"["disc"]"#);
    let run = place.vismem("add t.parquet");
    assert_eq!(run.code, exit);
    run.incomplete(&[
        "1.png: cannot read",
        "t.parquet#2: has no label",
        "t.parquet#3: not an image",
        "added 1 picture",
    ]);
}

#[test]
fn json_that_is_not_of_cocos_kind() {
    let exit = documented("json_that_is_not_of_cocos_kind");
    let place = Place::new();
    for text in ["", "{\"images\": []}", "{\"images\": [{\"id\": 1}], \"annotations\": [], \"categories\": []}"] {
        place.write("x.json", text);
        place.vismem("add x.json").refused(exit, &["x.json: is not JSON with images, annotations and categories"]);
    }
    place.write("x.json", r#"{"images": [], "annotations": [], "categories": []}"#);
    place.vismem("add x.json").refused(exit, &["x.json: lists no pictures"]);
}

#[test]
fn real_labels_that_do_not_fit() {
    let exit = documented("real_labels_that_do_not_fit");
    let place = Place::new();
    place.draw("val/1.png", Kind::Disc, 1);
    place.draw("val/2.png", Kind::Disc, 2);
    place.write("names.txt", "disc\n");
    let add = |json: &str| {
        place.write("real.json", json);
        place.vismem("add real.json --images val --class-names names.txt")
    };
    add("[[0]]").refused(exit, &["real.json: has the classes of 1 pictures, but val has 2"]);
    add("[[0], [1]]").refused(exit, &["real.json: val/2.png: its class 1 is not among the 1 class names"]);
    add("[0, 1]").refused(exit, &["real.json: is not a JSON list with the list of classes of each picture"]);
    place.draw("val/deep/2.png", Kind::Stripes, 3);
    add("[[0], [0], [0]]").refused(exit, &["val/2.png and val/deep/2.png have the same name"]);
}

#[test]
fn labels_that_differ_in_case_or_spaces() {
    let exit = documented("labels_that_differ_in_case_or_spaces");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(4)));
    place.write("labels.txt", "snow leopard\nSnow Leopard\nsnowleopard\noak\n");
    let run = place.vismem("add rows.npy --labels labels.txt").done();
    assert_eq!(run.code, exit);
    run.says(&["alone: \"Snow Leopard\", \"snow leopard\", \"snowleopard\"; `vismem merge` makes them one"]);
    // They are not said again when nothing is new.
    let again = place.vismem("add rows.npy --labels labels.txt --format json").done().json();
    assert_eq!(again["similar_labels"], serde_json::json!([]));
}

#[test]
fn nested_folders_of_another_depth() {
    let exit = documented("nested_folders_of_another_depth");
    let place = Place::new();
    place.draw("photos/cats/leopard/1.png", Kind::Disc, 1);
    place.draw("photos/oak/1.png", Kind::Stripes, 2);
    place
        .vismem("add photos --nested family")
        .refused(exit, &["photos/oak/1.png: lies in 1 folders", "photos/family/LABEL/PICTURE"]);
    place.draw("two/cats/leopard/1.png", Kind::Disc, 1);
    place.draw("two/dogs/leopard/1.png", Kind::Disc, 2);
    place.vismem("add two --nested family").refused(exit, &["\"leopard\" is both", "keep one"]);
    place.vismem("add two --nested family/family").refused(exit, &["name each level once"]);
}

#[test]
fn clip_retrieval_without_its_metadata() {
    let exit = documented("clip_retrieval_without_its_metadata");
    let place = Place::new();
    place.write("clip/img_emb/img_emb_0.npy", npy::rows(&npy::scattered(2)));
    std::fs::create_dir_all(place.path("clip/metadata")).unwrap();
    place.vismem("add clip").refused(exit, &["img_emb_0.npy: there is no clip/metadata/metadata_0.parquet"]);
    let schema = "message schema { OPTIONAL BINARY caption (UTF8); }";
    table(&place.path("clip/metadata/metadata_0.parquet"), schema, &[(texts(&["x", "y"]), 1)], None);
    place.vismem("add clip").refused(exit, &["metadata_0.parquet: has no column label; its columns are caption"]);
    table(&place.path("clip/metadata/metadata_0.parquet"), schema, &[(texts(&["x"]), 1)], None);
    place.vismem("add clip --label-column caption").refused(exit, &["1 label for 2 rows"]);
}

#[test]
fn sync_of_what_is_no_folder_of_pictures() {
    let exit = documented("sync_of_what_is_no_folder_of_pictures");
    let place = Place::new();
    place.draw_two_labels("photos", 1);
    place.vismem("sync photos").done();
    place.vismem("sync photos/disc/0.png").refused(exit, &["is not a folder"]);
    // As when a disk is not mounted: nothing is forgotten.
    std::fs::remove_dir_all(place.path("photos")).unwrap();
    std::fs::create_dir(place.path("photos")).unwrap();
    place.vismem("sync photos --forget-missing").refused(exit, &["photos: no pictures here"]);
    place.vismem("verify").done().says(&["2 exemplars checked"]);
}

#[test]
fn options_that_belong_to_other_data() {
    let exit = documented("options_that_belong_to_other_data");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(2)));
    for option in ["--levels a", "--attributes a", "--nested a", "--images x", "--class-names x", "--image-column x"] {
        place
            .vismem(&format!("add rows.npy --label x {option}"))
            .refused(exit, &["belongs to pictures, not to embeddings"]);
    }
    place.write("a.tar", tar(&files()));
    place.vismem("add a.tar --nested family").refused(exit, &["a.tar: --nested belongs to folders"]);
    place.draw_two_labels("learn", 1);
    place.vismem("add learn").done();
    place.vismem("encode learn -o out").done();
    place.vismem("classify out").done().says(&["2 of 2 as their folders are called", "in the memory already"]);
    place.vismem("classify out/embeddings.npy").done();
    place
        .vismem("classify out/embeddings.npy --images x")
        .refused(exit, &["--images means nothing to what is named; drop it"]);
    place.vismem("encode learn --shard 3/2 -o out").misused(&["is not a shard", "1/4 to 4/4"]);
    place.vismem("encode learn --shard 0/2 -o out").misused(&["is not a shard"]);
}

#[test]
fn picture_file_beyond_the_limit() {
    let exit = documented("picture_file_beyond_the_limit");
    let place = Place::new();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    let large = std::fs::File::create(place.path("learn/disc/large.png")).unwrap();
    large.set_len(600 << 20).unwrap();
    let run = place.vismem("add learn");
    assert_eq!(run.code, exit);
    run.incomplete(&["large.png: 629145600 bytes are more than the limit", "added 1 picture"]);
}
