//! The same exemplars with another encoder.

use crate::common::{Kind, Place, png};
use crate::packed::{hugging_face, tar};

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../vismem-encode/tests/data/tiny.onnx");

/// A place with a memory of pictures in files, in an archive and in a table, some forgotten, and with a model `tiny`.
fn with_memory() -> Place {
    let place = Place::new();
    place.draw_two_labels("learn", 3);
    place.write("shard.tar", tar(&[("disc/9.png", png(Kind::Disc, 9)), ("stripes/8.png", png(Kind::Stripes, 8))]));
    hugging_face(&place.path("train.parquet"), vec![Some(png(Kind::Disc, 15))], &[0], r#"["disc"]"#);
    place.write("taxonomy.csv", "label,shape\ndisc,round\nstripes,straight\n");
    place.vismem("add learn --taxonomy taxonomy.csv").done();
    place.vismem("add train.parquet shard.tar").done();
    place.vismem("forget --id 2").done();
    place.vismem("relabel --id 5 --to oddity").done();
    place.write("tiny/onnx/model.onnx", std::fs::read(TINY).unwrap());
    let preprocessing = r#"{"do_resize": false, "crop_size": 8, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}"#;
    place.write("tiny/preprocessor_config.json", preprocessing);
    place
}

fn listed(place: &Place, memory: &str) -> Vec<String> {
    let stdout = place.vismem(&format!("-m {memory} ls --all")).done().stdout;
    stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_memory_encoded_anew_has_the_same_exemplars() {
    let place = with_memory();
    let reencoded = place.vismem("reencode --encoder tiny -o tiny.vismem").done();
    reencoded.says(&["encoded 8 exemplars anew with", "tiny (3 dimensions"]);
    assert_eq!(listed(&place, "tiny.vismem"), listed(&place, "memory.vismem"));
    assert_eq!(listed(&place, "tiny.vismem").len(), 8);
    let taxonomy = |memory: &str| place.vismem(&format!("-m {memory} taxonomy show")).done().stdout;
    assert_eq!(taxonomy("tiny.vismem"), taxonomy("memory.vismem"));
    place.vismem("-m tiny.vismem classify learn --encoder tiny").done();
    place.vismem("-m tiny.vismem verify").done();
    // Again finds all of it there.
    let again = place.vismem("reencode --encoder tiny -o tiny.vismem --format json").done().json();
    assert_eq!((&again["added"], &again["known"]), (&0.into(), &8.into()));
}

#[test]
fn what_is_not_found_or_has_changed_is_left_out_and_listed() {
    let place = with_memory();
    std::fs::remove_file(place.path("learn/disc/0.png")).unwrap();
    place.draw("learn/disc/2.png", Kind::Stripes, 30);
    std::fs::create_dir(place.path("elsewhere")).unwrap();
    std::fs::rename(place.path("learn/stripes/0.png"), place.path("elsewhere/other.png")).unwrap();
    let words = [
        "encoded 5 exemplars",
        "left out: exemplar 1 (disc), ",
        "cannot read: No such file",
        "left out: exemplar 3 (disc), ",
        "is another picture now",
        "left out: exemplar 4 (stripes), ",
    ];
    let run = place.vismem("reencode --encoder tiny -o tiny.vismem");
    assert_eq!(run.code, 1, "{run:?}");
    run.says(&words);
    // A second run looks elsewhere and adds what it finds.
    let found = place.vismem("reencode --encoder tiny -o tiny.vismem --from elsewhere --format json").json();
    assert_eq!((&found["added"], &found["known"]), (&1.into(), &5.into()), "{found}");
    assert_eq!(found["missing"].as_array().unwrap().len(), 2);
    place.vismem("-m tiny.vismem ls --id 4").done().says(&["        4  stripes"]);
}
