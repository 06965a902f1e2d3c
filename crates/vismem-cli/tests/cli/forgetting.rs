//! Forgetting, as its users do it.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::{Kind, Place, copy_folder};
use crate::npy;

/// Files below `memory` that hold one of the needles.
pub fn files_with(memory: &Path, needles: &[Vec<u8>]) -> Vec<String> {
    let mut found = Vec::new();
    for file in fs::read_dir(memory).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let holds = |needle: &&Vec<u8>| bytes.windows(needle.len()).any(|window| window == needle.as_slice());
        found.extend(needles.iter().filter(holds).map(|needle| {
            let beginning = String::from_utf8_lossy(&needle[..needle.len().min(20)]).into_owned();
            format!("{} holds {} bytes, {beginning:?}", path.display(), needle.len())
        }));
    }
    found
}

/// The bytes of a row at unit length.
pub fn unit_bytes(row: &[f32]) -> Vec<u8> {
    let norm = row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    let unit: Vec<f32> = row.iter().map(|&value| (f64::from(value) / norm) as f32).collect();
    npy::bytes(&unit)
}

/// Bytes of an embedding of the built-in encoder.
const ROW: usize = 1280 * 4;

#[test]
fn no_file_of_the_memory_holds_a_byte_of_what_was_forgotten() {
    let place = Place::new();
    place.draw_two_labels("learn", 4);
    let secret = place.draw("learn/somebody/portrait-4711.png", Kind::Disc, 9);
    place.vismem("add learn").done();
    let memory = place.path("memory.vismem");
    let traces = vec![
        b"portrait-4711".to_vec(),
        b"somebody".to_vec(),
        blake3::hash(&fs::read(secret).unwrap()).as_bytes().to_vec(),
        // It comes after the four discs and before the stripes.
        fs::read(memory.join("vectors.f32")).unwrap()[4 * ROW..5 * ROW].to_vec(),
    ];
    assert_eq!(files_with(&memory, &traces).len(), 4, "all of it is there before");

    let before = place.vismem("stats --format json").done().json();
    let run = place.vismem("forget --label somebody").done().says(&["forgot 1 exemplar in ", "digest after  "]);
    run.clone().says(&["receipt       event 2 of the log, selected by label, vismem "]);
    assert!(!run.stdout.contains("somebody") && !run.stdout.contains("portrait"), "{run:?}");
    assert_eq!(files_with(&memory, &traces), [""; 0]);
    place.vismem("verify").done().says(&["sound, 8 exemplars checked"]);
    place.vismem("ls").done().says(&["4  disc", "4  stripes"]);

    // It is a memory that never held it.
    place.vismem("-m alone.vismem add learn/disc learn/stripes").done();
    let digest = |name: &str| place.vismem(&format!("-m {name} stats --format json")).done().json()["digest"].clone();
    assert_eq!(digest("memory.vismem"), digest("alone.vismem"));
    // And it can learn it again.
    place.vismem("add learn").done().says(&["added 1 picture", "8 pictures already"]);
    assert_eq!(digest("memory.vismem"), before["digest"]);
}

#[test]
fn a_dry_run_changes_nothing_and_shows_the_pictures() {
    let place = Place::new();
    place.draw_two_labels("learn", 3);
    place.vismem("add learn").done();
    copy_folder(&place.path("memory.vismem"), &place.path("copy"));
    let run = place.vismem("forget --label disc --label stripes --source ?.png --dry-run --page gone.html").done();
    assert_eq!(
        run.stdout,
        "        3  disc  (all of it)\n        3  stripes  (all of it)\nwould forget 6 exemplars, which is the whole memory; \
         nothing was changed\nsee gone.html\n"
    );
    let page = fs::read_to_string(place.path("gone.html")).unwrap();
    assert_eq!(page.matches("data:image/jpeg").count(), 6);
    assert!(page.contains("6\u{a0}exemplars that would be forgotten"));
    for file in ["catalog.sqlite", "vectors.f32"] {
        let same = fs::read(place.path("memory.vismem").join(file)).unwrap()
            == fs::read(place.path("copy").join(file)).unwrap();
        assert!(same, "{file}");
    }
}

#[test]
fn a_receipt_is_written_kept_and_checked() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(20)));
    place.write("more.npy", npy::rows(&npy::scattered(25)[20..]));
    place.vismem("add rows.npy --label x").done();
    place.vismem("forget --id 3,5 --receipt receipt.json").done();
    let receipt = fs::read_to_string(place.path("receipt.json")).unwrap();
    assert!(receipt.contains("\"exemplars\": 2") && receipt.contains("\"id\""), "{receipt}");
    place.vismem("verify --receipt receipt.json").done().says(&["sound", "the receipt is its last event"]);
    place.vismem("add more.npy --label y").done();
    place.vismem("verify --receipt receipt.json").done().says(&["the receipt belongs to it, 1 event came after"]);
    let log = place.vismem("log").done().stdout;
    let words: Vec<bool> = ["add 20 exemplars", "forget 2 exemplars by id", "add 5 exemplars"]
        .iter()
        .zip(log.lines())
        .map(|(words, line)| line.contains(words))
        .collect();
    assert_eq!(words, [true; 3], "{log}");
}

#[test]
fn a_command_that_reads_begins_again_when_something_is_forgotten_under_it() {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(600)));
    place.write("ask.npy", npy::rows(&npy::scattered(3)));
    place.vismem("add rows.npy --label x").done();
    let path = place.path("memory.vismem");
    let is_over = AtomicBool::new(false);
    // Every few commands, one is met in the middle.
    let forget = |id: u64| {
        std::thread::sleep(Duration::from_millis(60));
        let selector = vismem::Selector { ids: vec![id], ..Default::default() };
        vismem::Editor::open(&path).unwrap().forget(&selector).unwrap()
    };
    std::thread::scope(|scope| {
        let forgets = scope.spawn(|| (1..600).take_while(|_| !is_over.load(Ordering::Relaxed)).map(forget).count());
        let commands =
            ["classify ask.npy", "ls --all", "stats", "classify ask.npy --only label=x", "verify", "log", "prune show"];
        for command in commands.iter().cycle().take(8 * commands.len()) {
            place.vismem(command).done();
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(forgets.join().unwrap() > 5);
    });
}

#[test]
fn before_a_label_or_the_whole_memory_is_forgotten_it_is_said() {
    let place = Place::new();
    place.draw_two_labels("learn", 2);
    place.vismem("add learn").done();
    let dry = |selection: &str| place.vismem(&format!("forget {selection} --dry-run --page gone.html"));
    let page = || std::fs::read_to_string(place.path("gone.html")).unwrap();
    let some = dry("--id 1").done();
    assert!(!some.stdout.contains("all of it") && !page().contains("Nothing would be left"), "{some:?}");
    dry("--label disc").done().says(&["disc  (all of it)", "would forget 2 exemplars; nothing"]);
    assert!(page().contains("Nothing would be left of disc."));
    dry("--label disc --label stripes").done().says(&["would forget 4 exemplars, which is the whole memory; nothing"]);
    assert!(page().contains("That is the whole memory."));
    let json = place.vismem("forget --label disc --dry-run --format json").done().json();
    assert_eq!(json["emptied_labels"], serde_json::json!(["disc"]));
}
