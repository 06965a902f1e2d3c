//! `vismem doctor` on the real binary.

use crate::common::{Kind, Place, Run, picture};

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../vismem-encode/tests/data/tiny.onnx");

/// A place with a memory of six pictures.
fn with_memory() -> Place {
    let place = Place::new();
    place.draw_two_labels("learn", 3);
    place.vismem("add learn").done();
    place
}

/// Something was found.
#[track_caller]
fn found(run: Run, words: &[&str]) -> Run {
    assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{run:?}");
    run.says(words)
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let place = with_memory();
    place.draw("held-out/1.png", Kind::Disc, 20);
    place.vismem("doctor held-out --distance 0.001").done().says(&[
        "sources: 6 exemplars looked at; all are as they were",
        "embeddings: 6 pictures encoded again with efficientnet-lite0 (",
        "duplicates: 6 exemplars looked at: 0 pairs within 0.001 of each other under different labels, 0 under one",
        "queries: held-out: 1 query compared; the memory has none of them",
        "memory.vismem: nothing wrong was found",
    ]);
    let before = place.vismem("stats --format json").done().json();
    place.vismem("doctor --sample 0").done();
    assert_eq!(place.vismem("stats --format json").done().json()["digest"], before["digest"]);
}

#[test]
fn pictures_that_are_gone_or_others_now_are_named() {
    let place = with_memory();
    std::fs::remove_file(place.path("learn/disc/0.png")).unwrap();
    place.draw("learn/disc/2.png", Kind::Stripes, 30);
    place.write("learn/stripes/0.png", "no picture");
    let run = found(
        place.vismem("doctor --distance 0"),
        &[
            "3 are not as they were",
            "learn/disc/0.png cannot read: No such file",
            "learn/disc/2.png is another picture now (exemplar 3, disc)",
            "learn/stripes/0.png is another picture now (exemplar 4, stripes)",
            "embeddings: 3 pictures encoded again",
        ],
    );
    assert!(!run.stdout.contains("disc/1.png"), "{run:?}");
}

#[test]
fn pictures_in_archives_and_rows_are_compared_as_well() {
    let place = Place::new();
    place.write(
        "shard.tar",
        crate::packed::tar(&[
            ("disc/9.png", crate::common::png(Kind::Disc, 9)),
            ("stripes/8.png", crate::common::png(Kind::Stripes, 8)),
        ]),
    );
    place.vismem("add shard.tar").done();
    place
        .vismem("doctor --distance 0")
        .done()
        .says(&["2 exemplars looked at; all are as they were", "2 pictures encoded"]);
    place.write("shard.tar", crate::packed::tar(&[("disc/9.png", crate::common::png(Kind::Stripes, 9))]));
    found(
        place.vismem("doctor --distance 0"),
        &["shard.tar#disc/9.png is another picture now", "shard.tar#stripes/8.png is not there any more"],
    );

    place.write("rows.npy", crate::npy::rows(&[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]));
    place.vismem("-m rows.vismem add rows.npy --label x").done();
    place.vismem("-m rows.vismem doctor").done().says(&["3 exemplars looked at; all are as they were"]);
    place.write("rows.npy", crate::npy::rows(&[[2.0, 0.0], [1.0, 0.0]]));
    let run = found(
        place.vismem("-m rows.vismem doctor --distance 0"),
        &["rows.npy#1 is another embedding now", "rows.npy#2 is not there any more"],
    );
    assert!(!run.stdout.contains("rows.npy#0"), "a row of another length has the same direction: {run:?}");
}

#[test]
fn embeddings_that_the_encoder_does_not_give_are_named_and_encoding_again_mends_them() {
    let place = with_memory();
    place.vismem("export embeddings -o out").done();
    // As if another version had encoded them: the rows of two pictures change places.
    let mut rows = std::fs::read(place.path("out/embeddings.npy")).unwrap();
    let row = 1280 * 4;
    let header = rows.len() - 6 * row;
    let (first, last) = rows.split_at_mut(header + 5 * row);
    first[header..header + row].swap_with_slice(last);
    place.write("out/embeddings.npy", rows);
    place.vismem("-m old.vismem import out").refused(1, &["its files were changed since"]);
    let run = found(
        place.vismem("-m old.vismem doctor --distance 0"),
        &["all are as they were", "2 of them more than 0.002 from what the memory has", "`vismem reencode --again"],
    );
    for (name, is_named) in [("disc/0.png: distance", true), ("stripes/2.png: distance", true), ("disc/1.png", false)] {
        assert_eq!(run.stdout.contains(name), is_named, "{name}: {run:?}");
    }
    place
        .vismem("-m old.vismem reencode --output new.vismem")
        .refused(2, &["holds embeddings of", "already", "--again"]);
    place.vismem("-m old.vismem reencode --again --output new.vismem").done();
    place.vismem("-m new.vismem doctor --distance 0").done();
    let digest =
        |memory: &str| place.vismem(&format!("-m {memory} verify --format json")).done().json()["digest"].clone();
    assert_eq!(digest("new.vismem"), digest("memory.vismem"));
}

#[test]
fn label_files_that_say_something_else_or_belong_to_others_are_named() {
    let place = with_memory();
    place.write("learn/right.csv", "path,label\ndisc/0.png,disc\nstripes/1.png,stripes\n");
    place.write("learn/notes.csv", "day,weather\n1,rain\n");
    place.vismem("doctor --distance 0").done();
    place.write("learn/wrong.csv", "path,label\ndisc/0.png,disc\ndisc/1.png,ring\nstripes/9.png,stripes\n");
    place.write("foreign.csv", "path,label\nimages/a.png,cat\nimages/b.png,dog\n");
    let run = found(
        place.vismem("doctor --distance 0"),
        &[
            "learn/wrong.csv says another label than the memory for 1 of 2 pictures that both have",
            "learn/disc/1.png: disc here, ring there (exemplar 2)",
            "foreign.csv names 2 pictures, none of which is there: it belongs to others",
        ],
    );
    assert!(!run.stdout.contains("right.csv") && !run.stdout.contains("notes.csv"), "{run:?}");
}

#[test]
fn labels_of_one_name_and_labels_that_are_none_are_named_with_what_mends_them() {
    let place = Place::new();
    for (seed, label) in ["Great Tit", "great tit", "great tit", "test", "robin"].into_iter().enumerate() {
        place.draw(format!("birds/{label}/{seed}.png"), Kind::Disc, seed as u32);
    }
    place.vismem("add birds").says(&["note: "]);
    found(
        place.vismem("doctor --distance 0"),
        &[
            "`vismem merge --into 'great tit' 'great tit' 'Great Tit'`",
            "\"test\" (1 exemplar) looks like a part of a data set",
        ],
    );
    place
        .shell("$VISMEM merge 'great tit' 'Great Tit' --into 'great tit' && $VISMEM relabel --label test --to wren")
        .done();
    place.vismem("doctor --distance 0").done();
}

#[test]
fn one_picture_under_two_labels_is_named() {
    let place = with_memory();
    std::fs::create_dir_all(place.path("learn/ring")).unwrap();
    // Other bytes, the same picture.
    picture(Kind::Disc, 1).save(place.path("learn/ring/copy.bmp")).unwrap();
    picture(Kind::Stripes, 1).save(place.path("learn/stripes/copy.bmp")).unwrap();
    place.vismem("add learn").done();
    found(
        place.vismem("doctor --distance 0.00001"),
        &[
            "1 pair within 0.00001 of each other under different labels, 1 under one",
            "2 is disc",
            "is ring",
            "`vismem explain --id 2`",
        ],
    );
}

#[test]
fn queries_that_the_memory_has_are_named() {
    let place = with_memory();
    place.draw("queries/a.png", Kind::Disc, 2);
    picture(Kind::Stripes, 0).save(place.path("queries/b.bmp")).unwrap();
    place.draw("queries/c.png", Kind::Stripes, 40);
    place.write("queries/d.png", "no picture");
    let run = found(
        place.vismem("doctor queries --sample 0 --distance 0.00001"),
        &[
            "queries: queries: 3 queries compared, 1 could not be read; 2 are in the memory, and say nothing of its accuracy",
            "1 byte for byte, 1 within 0.00001",
            "queries/d.png",
            "queries/a.png is exemplar 3 (disc), distance 0.000000",
            "queries/b.bmp is exemplar 4 (stripes)",
        ],
    );
    assert!(!run.stdout.contains("c.png"), "{run:?}");
}

#[test]
fn what_is_found_of_pictures_does_not_hang_on_the_encoder() {
    let place = with_memory();
    place.write("tiny/onnx/model.onnx", std::fs::read(TINY).unwrap());
    let preprocessing = r#"{"do_resize": false, "crop_size": 8, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}"#;
    place.write("tiny/preprocessor_config.json", preprocessing);
    place.vismem("-m tiny.vismem add learn --encoder tiny").done();
    std::fs::remove_dir_all(place.path("tiny")).unwrap();
    std::fs::remove_file(place.path("learn/disc/0.png")).unwrap();
    place.draw("learn/disc/2.png", Kind::Stripes, 30);
    let words = ["2 are not as they were", "learn/disc/2.png is another picture now", "embeddings: not compared: "];
    found(place.vismem("-m tiny.vismem doctor --distance 0"), &words);
}

#[test]
fn tables_about_something_else_than_labels_are_none_of_its_business() {
    let place = with_memory();
    place.write("learn/ratings.csv", "path,label\ndisc/0.png,good\nstripes/1.png,bad\n");
    place.write("learn/capitals.csv", "path,label\ndisc/0.png,Disc\nstripes/1.png,STRIPES\n");
    place.write("learn/bare.csv", "path,label\n0.png,disc\n1.png,disc\n");
    place.vismem("doctor --distance 0").done();
}
