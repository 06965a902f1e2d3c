//! Data sets in every form: what comes in is what was meant.

use std::io::Write;

use serde_json::Value;

use crate::common::{Kind, Place, png};
use crate::npy;
use crate::packed::{Column, hugging_face, table, tar, texts, zip};

/// Label and source of every exemplar of a memory, sources without the place's path.
fn held(place: &Place, memory: &str) -> Vec<(String, String)> {
    let listed = place.vismem(&format!("-m {memory} ls --all --format json")).done().json();
    let root = format!("{}/", place.path("").canonicalize().unwrap().display());
    let text = |value: &Value| value.as_str().unwrap().replace(&root, "");
    let exemplars = listed["exemplars"].as_array().unwrap().iter();
    exemplars.map(|exemplar| (text(&exemplar["label"]), text(&exemplar["source"]))).collect()
}

fn expected(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(label, source)| ((*label).to_owned(), (*source).to_owned())).collect()
}

#[test]
fn a_packed_folder_gives_what_the_folder_gives() {
    let place = Place::new();
    let files = [
        ("photos/disc/1.png", png(Kind::Disc, 1)),
        ("photos/disc/2.png", png(Kind::Disc, 2)),
        ("photos/readme.md", b"no picture".to_vec()),
        ("photos/stripes/.3.png", b"hidden".to_vec()),
        ("photos/stripes/3.png", png(Kind::Stripes, 3)),
    ];
    files.iter().for_each(|(name, bytes)| drop(place.write(name, bytes)));
    place.write("a.tar", tar(&files));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&tar(&files)).unwrap();
    place.write("b.tar.gz", gz.finish().unwrap());
    place.write("c.zip", zip(&files));
    place.vismem("-m folder.vismem add photos").done().says(&["added 3 pictures"]);
    for archive in ["a.tar", "b.tar.gz", "c.zip"] {
        place.vismem(&format!("-m {archive}.vismem add {archive}")).done().says(&["added 3 pictures", "of 2 labels"]);
        let sources = ["disc/1.png", "disc/2.png", "stripes/3.png"].map(|name| format!("{archive}#photos/{name}"));
        let rows = [("disc", &*sources[0]), ("disc", &*sources[1]), ("stripes", &*sources[2])];
        assert_eq!(held(&place, &format!("{archive}.vismem")), expected(&rows));
        // The pictures are the same, so the folder brings nothing new.
        place.vismem(&format!("-m {archive}.vismem add photos")).done().says(&["added 0 ", "3 pictures already"]);
        place.vismem(&format!("-m {archive}.vismem add {archive}")).done().says(&["added 0 "]);
    }
    place.vismem("-m one.vismem add a.tar --label round").done().says(&["of 1 label"]);
}

#[test]
fn shards_of_webdataset_have_their_labels_beside_the_pictures() {
    let place = Place::new();
    let shard = |first: u32| {
        let name = |n: u32, extension: &str| format!("{n:06}.{extension}");
        let files = [
            (name(first, "cls"), b"1".to_vec()),
            (name(first, "png"), png(Kind::Disc, first)),
            (name(first + 1, "png"), png(Kind::Stripes, first + 1)),
            (name(first + 1, "cls"), b"0\n".to_vec()),
            (name(first + 2, "json"), br#"{"caption": "a disc", "label": "disc"}"#.to_vec()),
            (name(first + 2, "png"), png(Kind::Disc, first + 2)),
            (name(first + 3, "txt"), b"stripes".to_vec()),
            (name(first + 3, "png"), png(Kind::Stripes, first + 3)),
        ];
        tar(&files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect::<Vec<_>>())
    };
    place.write("shards/train-0.tar", shard(0));
    place.write("shards/train-1.tar", shard(4));
    place.write("classes.txt", "stripes\ndisc\n");
    place.vismem("add shards/train-0.tar shards/train-1.tar --class-names classes.txt").done();
    assert_eq!(place.vismem("ls").done().stdout, "        4  disc\n        4  stripes\n");
    // A folder of shards is all of them.
    place.vismem("-m folder.vismem add shards --class-names classes.txt").done().says(&["added 8 pictures"]);
    assert_eq!(held(&place, "memory.vismem"), held(&place, "folder.vismem"));
    assert_eq!(held(&place, "memory.vismem")[4], ("disc".into(), "shards/train-1.tar#000004.png".into()));
    place.vismem("-m numbers.vismem add shards/train-0.tar").done();
    place.vismem("-m numbers.vismem ls").says(&["1  0\n", "1  1\n", "1  disc\n"]);
}

#[test]
fn a_data_set_may_have_more_files_than_a_process_may_open() {
    let place = Place::new();
    for n in 0..80 {
        place.write(format!("tars/{n}.tar"), tar(&[("disc/1.png", png(Kind::Disc, n % 3))]));
        place.write(format!("zips/{n}.zip"), zip(&[("disc/1.png", png(Kind::Disc, n % 3))]));
        let picture = vec![Some(png(Kind::Disc, n % 3))];
        hugging_face(&place.path(format!("tables/{n}.parquet")), picture, &[0], r#"["disc"]"#);
    }
    place.vismem("add tars/0.tar tars/1.tar tars/2.tar").done().says(&["added 3 pictures"]);
    for folder in ["tars", "zips", "tables"] {
        let run = place.shell(&format!("ulimit -n 64; exec $VISMEM add {folder}"));
        run.done().says(&["added 0 pictures", "80 pictures already"]);
    }
}

#[test]
fn a_hugging_face_data_set_has_its_pictures_and_class_names_in_the_file() {
    let place = Place::new();
    let pictures = [(Kind::Disc, 1), (Kind::Stripes, 2), (Kind::Disc, 3)];
    let pictures = pictures.map(|(kind, seed)| Some(png(kind, seed))).to_vec();
    hugging_face(&place.path("data/train-00000-of-00001.parquet"), pictures, &[1, 0, 1], r#"["stripes", "disc"]"#);
    place.vismem("add data/train-00000-of-00001.parquet").done().says(&["added 3 pictures", "of 2 labels"]);
    let rows: [(&str, &str); 3] = [
        ("disc", "data/train-00000-of-00001.parquet#0"),
        ("stripes", "data/train-00000-of-00001.parquet#1"),
        ("disc", "data/train-00000-of-00001.parquet#2"),
    ];
    assert_eq!(held(&place, "memory.vismem"), expected(&rows));
    place.vismem("-m folder.vismem add data").done().says(&["added 3 pictures"]);
}

#[test]
fn a_parquet_manifest_names_pictures_labels_and_levels() {
    let place = Place::new();
    place.draw("pictures/1.png", Kind::Disc, 1);
    place.draw("pictures/2.png", Kind::Stripes, 2);
    table(
        &place.path("pictures/list.parquet"),
        "message schema { OPTIONAL BINARY path (UTF8); OPTIONAL BINARY kind (UTF8); OPTIONAL BINARY shape (UTF8); \
         OPTIONAL BINARY source (UTF8); REQUIRED INT64 width; }",
        &[
            (texts(&["1.png", "2.png"]), 1),
            (texts(&["coin", "fence"]), 1),
            (texts(&["round", "straight"]), 1),
            (Column::Bytes(vec![Some(b"camera 1".to_vec()), None]), 1),
            (Column::Integers(&[640, 480]), 0),
        ],
        None,
    );
    let manifest = "pictures/list.parquet --label-column kind";
    place.vismem(&format!("add {manifest} --levels shape")).done();
    assert_eq!(held(&place, "memory.vismem"), expected(&[("coin", "camera 1"), ("fence", "pictures/2.png")]));
    place.vismem("taxonomy show").done().says(&["label,shape\ncoin,round\nfence,straight\n"]);
    place.vismem(&format!("-m plain.vismem add {manifest}")).done();
    assert_eq!(place.vismem("-m plain.vismem taxonomy show").done().stdout, "");

    // The same options choose among the columns of a CSV.
    place.write("pictures/list.csv", "file,name,kind,shape\n1.png,a,coin,round\n2.png,b,fence,straight\n");
    let options = "--image-column file --label-column kind --levels shape";
    place.vismem(&format!("-m csv.vismem add pictures/list.csv {options}")).done();
    place.vismem("-m csv.vismem taxonomy show").done().says(&["label,shape\ncoin,round\nfence,straight\n"]);
}

#[test]
fn further_columns_and_keys_are_attributes_in_the_metadata() {
    use vismem_data::parquet::{Kind as Holds, Table, Value as Cell};
    let place = Place::new();
    place.draw("1.png", Kind::Disc, 1);
    place.draw("2.png", Kind::Stripes, 2);
    let header = "path,label,shape,taken,width,wild,code,label.id,split";
    place.write(
        "list.csv",
        format!("{header}\n1.png,coin,round,2024-02-29,640,true,007,1,train\n2.png,fence,straight,,4.5,,8,2,train\n"),
    );
    let beside = [("a.png", png(Kind::Disc, 3)), ("a.json", br#"{"label": "coin", "width": 7, "tags": [1]}"#.to_vec())];
    place.write("a.tar", tar(&beside));
    place.vismem("encode list.csv a.tar --levels shape -o out").done();
    let open = || Table::open(&place.path("out/metadata.parquet")).unwrap();
    let columns: Vec<_> = open().columns().iter().map(|column| (column.name.clone(), column.kind.unwrap())).collect();
    let expected = [
        ("label", Holds::Text),
        ("source", Holds::Text),
        ("source_bytes", Holds::Text),
        ("content", Holds::Text),
        ("attribute.code", Holds::Text),
        ("attribute.label.id", Holds::Real),
        ("attribute.taken", Holds::Date),
        ("attribute.width", Holds::Real),
        ("attribute.wild", Holds::Boolean),
    ];
    assert_eq!(columns, expected.map(|(name, kind)| (name.to_owned(), kind)));
    let names = ["attribute.code", "attribute.taken", "attribute.wild", "attribute.width"];
    let rows: Vec<_> = open().rows(&names).unwrap().map(Result::unwrap).collect();
    let date = "2024-02-29".parse().unwrap();
    assert_eq!(rows[0], [Cell::Text("007".into()), Cell::Date(date), Cell::Boolean(true), Cell::Real(640.0)]);
    assert_eq!(rows[1], [Cell::Text("8".into()), Cell::Null, Cell::Null, Cell::Real(4.5)]);
    assert_eq!(rows[2], [Cell::Null, Cell::Null, Cell::Null, Cell::Real(7.0)]);
    place.vismem("encode list.csv --attributes width,split -o some").done();
    let some = Table::open(&place.path("some/metadata.parquet")).unwrap();
    assert!(some.find("attribute.split").is_some() && some.find("attribute.code").is_none());
    place.vismem("encode list.csv --attributes none -o none").done();
    assert!(!std::fs::read_to_string(place.path("none/memory.json")).unwrap().contains("attributes"));
}

#[test]
fn what_a_table_has_that_is_no_attribute_is_said() {
    let place = Place::new();
    place.draw("1.png", Kind::Disc, 1);
    let schema = "message schema { OPTIONAL BINARY path (UTF8); OPTIONAL BINARY label (UTF8); OPTIONAL BINARY raw; \
                  REQUIRED INT64 width; REQUIRED INT64 taken (TIMESTAMP_MILLIS); }";
    let columns = [
        (texts(&["1.png"]), 1),
        (texts(&["coin"]), 1),
        (texts(&["x"]), 1),
        (Column::Integers(&[640]), 0),
        (Column::Integers(&[1_709_164_800_123]), 0),
    ];
    table(&place.path("t.parquet"), schema, &columns, None);
    let run = place.vismem("encode t.parquet -o out");
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (0, "note: t.parquet: of bytes, lists or groups, and so no attributes: raw\n")
    );
    let description = std::fs::read_to_string(place.path("out/memory.json")).unwrap();
    for words in ["attribute.width", "attribute.taken", "\"type\": \"number\"", "\"type\": \"text\""] {
        assert!(description.contains(words), "{description}");
    }
    place.vismem("encode t.parquet --attributes width -o other").done();
    let words = ["the column raw holds bytes, lists or groups, which are no attributes"];
    place.vismem("encode t.parquet --attributes raw -o other").refused(1, &words);
    place
        .vismem("encode t.parquet --attributes camera -o out")
        .refused(1, &["has no column camera; its columns are path"]);
}

#[test]
fn json_of_cocos_kind_brings_labels_and_supercategories() {
    let place = Place::new();
    place.draw("images/1.png", Kind::Disc, 1);
    place.draw("images/2.png", Kind::Stripes, 2);
    let json = r#"{
        "info": {"year": 2024},
        "images": [{"id": 10, "file_name": "1.png", "width": 48}, {"id": 11, "file_name": "2.png"}],
        "annotations": [{"id": 1, "image_id": 11, "category_id": 3}, {"id": 2, "image_id": 10, "category_id": 2}],
        "categories": [{"id": 2, "name": "coin", "supercategory": "round"}, {"id": 3, "name": "fence", "supercategory": "straight"}]
    }"#;
    place.write("annotations/train.json", json);
    place.vismem("add annotations/train.json --images images").done();
    assert_eq!(held(&place, "memory.vismem"), expected(&[("coin", "images/1.png"), ("fence", "images/2.png")]));
    place.vismem("stats").done().says(&["levels      supercategory"]);
}

#[test]
fn json_of_reals_kind_labels_the_pictures_beside_it() {
    let place = Place::new();
    place.draw("1.png", Kind::Disc, 1);
    place.draw("2.png", Kind::Stripes, 2);
    place.write("real.json", "[[1], [0]]");
    place.write("names.txt", "stripes\ndisc\n");
    place.vismem("add real.json --class-names names.txt").done();
    assert_eq!(held(&place, "memory.vismem"), expected(&[("disc", "1.png"), ("stripes", "2.png")]));
}

#[test]
fn what_is_asked_about_comes_in_the_same_forms_and_needs_no_labels() {
    let place = Place::new();
    place.draw_two_labels("learn", 3);
    place.vismem("add learn").done();
    place.draw("ask/7.png", Kind::Disc, 7);
    place.draw("ask/8.png", Kind::Stripes, 8);
    let expected = |names: [&str; 2]| [(names[0].to_owned(), "disc".to_owned()), (names[1].into(), "stripes".into())];
    let answers = |run: Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let answers = run["results"].as_array().unwrap().iter();
        answers.map(|answer| (text(&answer["path"]), text(&answer["label"]))).collect()
    };
    let ask = |what: &str| answers(place.vismem(&format!("classify {what} -k 3 --format json")).done().json());

    // No label beside them, and no folder that could name one.
    let files = [("7.png", png(Kind::Disc, 7)), ("8.png", png(Kind::Stripes, 8))];
    place.write("shards/a.tar", tar(&files));
    place.write("shards/b.zip", zip(&files));
    assert_eq!(ask("shards/a.tar"), expected(["shards/a.tar#7.png", "shards/a.tar#8.png"]));
    assert_eq!(ask("shards/b.zip"), expected(["shards/b.zip#7.png", "shards/b.zip#8.png"]));
    let both = ask("shards");
    assert_eq!((both.len(), both[2].0.as_str()), (4, "shards/b.zip#7.png"), "a folder of shards");

    // A test set as the hub has it: the classes are not known.
    let pictures = vec![Some(png(Kind::Disc, 7)), Some(png(Kind::Stripes, 8))];
    hugging_face(&place.path("test.parquet"), pictures, &[-1, -1], r#"["disc"]"#);
    assert_eq!(ask("test.parquet"), expected(["test.parquet#0", "test.parquet#1"]));
    let schema = "message schema { OPTIONAL BINARY file (UTF8); }";
    table(&place.path("list.parquet"), schema, &[(texts(&["ask/7.png", "ask/8.png"]), 1)], None);
    assert_eq!(ask("list.parquet --image-column file"), expected(["ask/7.png", "ask/8.png"]));
    place.write("list.csv", "path,width,width of the frame\nask/7.png,48,1\nask/8.png,48,2\n");
    assert_eq!(ask("list.csv"), expected(["ask/7.png", "ask/8.png"]));
    place.write("list.json", r#"{"images": [{"id": 1, "file_name": "7.png"}, {"id": 2, "file_name": "8.png"}]}"#);
    assert_eq!(ask("list.json --images ask"), expected(["ask/7.png", "ask/8.png"]));

    // An answer can be looked into under the name that it has.
    place.vismem("explain shards/a.tar#8.png").done().says(&["shards/a.tar#8.png  stripes"]);
    let page = std::fs::read_to_string(place.path("explanation.html")).unwrap();
    assert_eq!(page.matches("data:image/").count(), 7, "six neighbours and the picture in question");
    place.vismem("ls --like test.parquet#0 --distance 0.2").done().says(&["disc"]);
}

#[test]
fn nested_folders_are_a_taxonomy() {
    let place = Place::new();
    place.draw("photos/animals/cats/leopard/1.png", Kind::Disc, 1);
    place.draw("photos/animals/cats/lion/1.png", Kind::Disc, 2);
    place.draw("photos/plants/trees/oak/1.png", Kind::Stripes, 3);
    place.vismem("add photos --nested kingdom/family").done().says(&["added 3 pictures"]);
    place.vismem("stats").done().says(&["levels      family < kingdom"]);
    let expected = "label,family,kingdom\nleopard,cats,animals\nlion,cats,animals\noak,trees,plants\n";
    assert_eq!(place.vismem("taxonomy show").done().stdout, expected);
}

#[test]
fn embeddings_in_the_layout_of_clip_retrieval_are_added_shard_by_shard() {
    let place = Place::new();
    let rows = npy::scattered(7);
    for (number, rows) in rows.chunks(4).enumerate() {
        place.write(format!("clip/img_emb/img_emb_{number}.npy"), npy::rows(rows));
        let labels: Vec<&str> = (0..rows.len()).map(|row| ["x", "y"][row % 2]).collect();
        let paths: Vec<String> = (0..rows.len()).map(|row| format!("/pictures/{number}-{row}.jpg")).collect();
        table(
            &place.path(format!("clip/metadata/metadata_{number}.parquet")),
            "message schema { OPTIONAL BINARY image_path (UTF8); OPTIONAL BINARY class (UTF8); }",
            &[(texts(&paths.iter().map(String::as_str).collect::<Vec<_>>()), 1), (texts(&labels), 1)],
            None,
        );
    }
    place.vismem("add clip --label-column class").done().says(&["added 7 embeddings", "of 2 labels"]);
    assert_eq!(held(&place, "memory.vismem")[5], ("y".into(), "/pictures/1-1.jpg".into()));
    place.vismem("add clip --label-column class").done().says(&["added 0 embeddings", "7 embeddings already"]);
    // Labels of a .npy file can come from a table, too.
    let labels = "clip/metadata/metadata_0.parquet --label-column class";
    place.vismem(&format!("-m one.vismem add clip/img_emb/img_emb_0.npy --labels {labels}")).done();
    place.vismem("-m one.vismem ls").done().says(&["2  x\n", "2  y\n"]);
}

#[test]
fn what_many_machines_encode_is_what_one_adds() {
    let place = Place::new();
    place.draw_two_labels("learn", 3);
    place.draw("learn/disc/deep/square.png", Kind::Stripes, 9);
    place.vismem("-m whole.vismem add learn").done();
    for shard in 1..=3 {
        place.vismem(&format!("encode learn --shard {shard}/3 -o out/{shard}")).done().says(&["vismem add out/"]);
    }
    let added = place.vismem("add out/1 out/2 out/3 --format json").done().json();
    assert_eq!((&added["added"], &added["batch"]), (&7.into(), &1.into()));
    let digest =
        |memory: &str| place.vismem(&format!("-m {memory} stats --format json")).done().json()["digest"].clone();
    assert_eq!(digest("memory.vismem"), digest("whole.vismem"));
    place.vismem("add learn").done().says(&["added 0 pictures", "7 pictures already"]);
    // More machines than pictures: some have nothing to do, and that is no fault.
    for shard in 7..=8 {
        place.vismem(&format!("encode learn --shard {shard}/8 -o many/{shard} --metadata csv")).done();
    }
    place.vismem("-m many.vismem add many/7 many/8").done().says(&["added 1 embedding "]);
}

#[test]
fn a_memory_follows_a_folder() {
    let place = Place::new();
    place.draw_two_labels("photos", 3);
    place.draw("elsewhere/disc/x.png", Kind::Disc, 20);
    place.vismem("sync photos").done().says(&["added 6 pictures"]);
    place.vismem("add elsewhere").done();
    place.vismem("sync photos").done().says(&["added 0 pictures", "6 pictures already"]);

    std::fs::remove_file(place.path("photos/disc/0.png")).unwrap();
    std::fs::rename(place.path("photos/disc/1.png"), place.path("photos/disc/moved.png")).unwrap();
    place.draw("photos/stripes/0.png", Kind::Stripes, 11);
    place.draw("photos/stripes/new.png", Kind::Stripes, 12);
    let offered = place.vismem("sync photos --format json").done().json();
    assert_eq!((&offered["add"]["added"], &offered["forgotten"]), (&2.into(), &0.into()), "{offered}");
    let missing: Vec<_> =
        offered["missing"].as_array().unwrap().iter().map(|m| (m["id"].as_u64(), m["replaced"].as_bool())).collect();
    assert_eq!(missing, [(Some(1), Some(false)), (Some(4), Some(true))], "{offered}");
    let moved = offered["moved"].as_array().unwrap();
    assert_eq!((moved.len(), &moved[0]["id"], &moved[0]["label"]), (1, &2.into(), &"disc".into()), "{offered}");
    assert!(moved[0]["from"].as_str().unwrap().ends_with("photos/disc/1.png"), "{offered}");
    place.vismem("sync photos").done().says(&["0.png is gone (exemplar 1, disc)", "--forget-missing forgets them"]);

    let asks = ["not forgotten: 2 exemplars", "25 % of what comes from this folder", "--forget-missing --yes"];
    place.vismem("sync photos --forget-missing").incomplete(&asks);
    place.vismem("sync photos --forget-missing --yes").done().says(&["forgot 2 exemplars"]);
    assert_eq!(place.vismem("ls").done().stdout, "        3  disc\n        4  stripes\n");
    let log = place.vismem("log --format json").done().json();
    assert_eq!(log["events"].as_array().unwrap().last().unwrap()["kind"], "forget");
    let quiet = place.vismem("sync photos --forget-missing --format json").done().json();
    assert_eq!((quiet["missing"].as_array().unwrap().len(), &quiet["forgotten"]), (0, &0.into()));
}

#[test]
fn a_memory_follows_pictures_wherever_they_are_moved() {
    let place = Place::new();
    place.draw_two_labels("photos", 3);
    place.vismem("add photos").done();
    std::fs::rename(place.path("photos"), place.path("archive")).unwrap();
    let run = place.vismem("sync archive").done();
    run.says(&["added 0 pictures", "photos/disc/0.png was moved to", "archive/disc/0.png (exemplar 1, disc)"]);
    let listed = place.vismem("ls --all").done().stdout;
    assert!(listed.contains("archive/stripes/2.png") && !listed.contains("photos"), "{listed}");
    let ask = place.draw("ask.png", Kind::Disc, 7);
    place.vismem_with(["explain".as_ref(), ask.as_os_str()]).done();
    let page = std::fs::read_to_string(place.path("explanation.html")).unwrap();
    assert!(!page.contains("was moved or deleted"), "{page}");
    let log = place.vismem("log").done().stdout;
    assert!(log.contains("move 6 exemplars by id"), "{log}");
    // What has a copy in another place has not moved.
    std::fs::copy(place.path("archive/disc/0.png"), place.path("archive/disc/copy.png")).unwrap();
    let again = place.vismem("sync archive --format json").done().json();
    assert_eq!(again["moved"].as_array().unwrap().len(), 0, "{again}");
    place.vismem("verify").done();
}

#[test]
fn a_label_that_was_corrected_stays_whatever_is_renamed_above_the_picture() {
    let place = Place::new();
    place.draw_two_labels("photos", 3);
    place.vismem("add photos").done();
    place.vismem("relabel --id 2 --to ring").done();
    let kept = "1 picture keeps the label that was given in the memory, not that of its folder";
    place.vismem("sync photos").done().says(&[kept]);
    std::fs::rename(place.path("photos"), place.path("archive")).unwrap();
    place.vismem("sync archive").done().says(&[kept, "was moved to"]);
    std::fs::rename(place.path("archive/disc/1.png"), place.path("archive/disc/one.png")).unwrap();
    let run = place.vismem("sync archive --format json").done().json();
    assert_eq!((run["kept"].as_array().unwrap().len(), &run["relabelled"]), (1, &serde_json::json!([])), "{run}");
    assert_eq!(place.vismem("ls").done().stdout, "        2  disc\n        1  ring\n        3  stripes\n");
    // Its folder's label changes, so its own does.
    std::fs::create_dir(place.path("archive/coin")).unwrap();
    std::fs::rename(place.path("archive/disc/one.png"), place.path("archive/coin/one.png")).unwrap();
    place.vismem("sync archive").done().says(&["exemplar 2 is coin now, not ring"]);
}

#[test]
fn folders_that_change_their_names_change_the_labels_of_their_pictures_whatever_those_are_called() {
    let place = Place::new();
    for seed in 0..3 {
        place.draw(format!("photos/x/{seed}.png"), Kind::Disc, seed);
        place.draw(format!("photos/y/{seed}.png"), Kind::Stripes, seed);
    }
    place.vismem("add photos").done();
    let rename = |from: &str, to: &str| std::fs::rename(place.path(from), place.path(to)).unwrap();
    let held = || -> Vec<(String, String)> {
        let listed = place.vismem("ls --all --format json").done().json();
        let exemplars = listed["exemplars"].as_array().unwrap().iter();
        let tail = |source: &str| source.rsplit("photos/").next().unwrap().to_owned();
        exemplars.map(|e| (e["label"].as_str().unwrap().into(), tail(e["source"].as_str().unwrap()))).collect()
    };
    let of = |first: &str, second: &str| -> Vec<(String, String)> {
        let three = |label: &str| (0..3).map(|n| (label.to_owned(), format!("{label}/{n}.png"))).collect::<Vec<_>>();
        [three(first), three(second)].concat()
    };
    assert_eq!(held(), of("x", "y"));
    // All names are there as before, and other pictures have them.
    rename("photos/x", "photos/t");
    rename("photos/y", "photos/x");
    rename("photos/t", "photos/y");
    place.vismem("sync photos --forget-missing").done().says(&["relabelled 6 exemplars"]);
    assert_eq!(held(), of("y", "x"));
    rename("photos/x", "photos/z");
    place.vismem("sync photos --forget-missing").done();
    assert_eq!(held(), of("y", "z"));
    rename("photos/y", "photos/x");
    rename("photos/z", "photos/y");
    place.vismem("sync photos --forget-missing").done();
    assert_eq!(held(), of("x", "y"));
    place.vismem("sync photos --forget-missing").done().says(&["added 0 pictures"]);
    assert_eq!(held(), of("x", "y"));
}

#[test]
fn pages_show_pictures_that_lie_in_archives_and_tables() {
    let place = Place::new();
    let files = [("disc/1.png", png(Kind::Disc, 1)), ("disc/2.png", png(Kind::Disc, 2))];
    place.write("a.tar", tar(&files));
    place.write("b.zip", zip(&[("disc/3.png", png(Kind::Disc, 3))]));
    hugging_face(&place.path("c.parquet"), vec![None, Some(png(Kind::Disc, 4))], &[0, 0], r#"["disc"]"#);
    place.vismem("add a.tar b.zip").done();
    place.vismem("add c.parquet").incomplete(&["0.png"]);
    let ask = place.draw("ask.png", Kind::Disc, 7);
    place.vismem_with(["explain".as_ref(), ask.as_os_str()]).done();
    let page = std::fs::read_to_string(place.path("explanation.html")).unwrap();
    assert_eq!(page.matches("data:image/").count(), 5, "four neighbours and the picture in question");
    std::fs::remove_file(place.path("b.zip")).unwrap();
    place.vismem_with(["explain".as_ref(), ask.as_os_str()]).done();
    let page = std::fs::read_to_string(place.path("explanation.html")).unwrap();
    assert!(page.contains("was moved or deleted since it was added"), "{page}");
}

#[test]
fn a_run_of_encode_says_that_it_replaces_another_one() {
    let place = Place::new();
    place.draw_two_labels("learn", 2);
    place.vismem("encode learn/disc -o out").done();
    let again = place.vismem("encode learn/stripes -o out");
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(again.stderr, "note: out held 2 embeddings of an earlier run, which this one replaces\n");
}
