use std::fs;
use std::process::Stdio;

use super::documented;
use crate::common::{Place, Run, copy_folder};
use crate::forgetting::{files_with, unit_bytes};
use crate::npy;

fn with_memory() -> Place {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(40)));
    place.vismem("add rows.npy --label x").done();
    place
}

/// Nothing was forgotten.
fn holds_everything(place: &Place) {
    place.vismem("verify").done().says(&["sound, 40 exemplars"]);
}

#[test]
fn forget_without_a_selection() {
    let exit = documented("forget_without_a_selection");
    let place = with_memory();
    place.vismem("forget").refused(exit, &["--id, --label, --source, --batch, --like, --where or --pruned"]);
    place.vismem("forget --dry-run").refused(exit, &["say which exemplars"]);
    holds_everything(&place);
}

#[test]
fn forget_with_options_that_do_not_fit() {
    let exit = documented("forget_with_options_that_do_not_fit");
    let place = with_memory();
    assert_eq!(place.vismem("forget --id 1 --page gone.html").misused(&["--dry-run"]).code, exit);
    place.vismem("forget --id 1 --dry-run --receipt r.json").misused(&["cannot be used with"]);
    place.vismem("forget --id 1 --dry-run --page gone.png").refused(exit, &["gone.png", ".html"]);
    holds_everything(&place);
}

#[test]
fn forget_what_is_not_there() {
    let exit = documented("forget_what_is_not_there");
    let place = with_memory();
    place.vismem("forget --label y").refused(exit, &["has no label \"y\""]);
    place.vismem("forget --id 7,41").refused(exit, &["has no exemplar 41"]);
    place.vismem("forget --label x --batch 2").refused(exit, &["has no batch 2"]);
    place.vismem("forget --source gone").incomplete(&["nothing fits the selection, nothing was forgotten"]);
    place.vismem("forget --source gone --dry-run").incomplete(&["nothing fits the selection"]);
    holds_everything(&place);
}

#[test]
fn receipt_that_cannot_be_written() {
    let exit = documented("receipt_that_cannot_be_written");
    let place = with_memory();
    place.write("mine.json", "mine");
    place.vismem("forget --id 1 --receipt mine.json").refused(exit, &["mine.json", "nothing was forgotten", "exists"]);
    place.vismem("forget --id 1 --receipt no/where.json").refused(exit, &["no/where.json", "nothing was forgotten"]);
    assert_eq!(fs::read(place.path("mine.json")).unwrap(), b"mine");
    place.vismem("forget --source gone --receipt r.json").incomplete(&["nothing was forgotten"]);
    assert!(!place.path("r.json").exists(), "no receipt where nothing was forgotten");
    holds_everything(&place);
}

#[test]
fn receipt_that_proves_nothing() {
    let exit = documented("receipt_that_proves_nothing");
    let place = with_memory();
    place.vismem("-m other.vismem add rows.npy --label y").done();
    place.vismem("forget --id 1 --receipt r.json").done();
    let receipt = fs::read_to_string(place.path("r.json")).unwrap();
    place.write("changed.json", receipt.replace("\"exemplars\": 1", "\"exemplars\": 2"));
    place.vismem("verify --receipt changed.json").refused(exit, &["changed.json: was changed"]);
    place.write("cut.json", &receipt[..40]);
    place.vismem("verify --receipt cut.json").refused(exit, &["cut.json: is not a receipt"]);
    place.vismem("verify --receipt gone.json").refused(exit, &["cannot read gone.json"]);
    let words = ["other.vismem: sound", "does not belong to it: the memory's log has no forget with the number 2"];
    assert_eq!(place.vismem("-m other.vismem verify --receipt r.json").says(&words).code, exit);
    place.vismem("-m other.vismem forget --id 1").done();
    let words = ["the memory's log says otherwise of event 2"];
    assert_eq!(place.vismem("-m other.vismem verify --receipt r.json").says(&words).code, exit);
    place.vismem("verify --receipt r.json").done();
}

#[test]
fn forget_while_a_reader_stays() {
    let exit = documented("forget_while_a_reader_stays");
    let place = with_memory();
    // Such as the command line of SQLite; vismem itself reads in short transactions.
    let reader = rusqlite::Connection::open(place.path("memory.vismem/catalog.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM exemplars;").unwrap();
    let words =
        ["are forgotten; their erasure is unfinished", "another process that was reading", "run `vismem verify`"];
    place.vismem("forget --id 1").refused(exit, &words);
    let run = place.vismem("forget --id 2 --format json").says(&words);
    assert_eq!(run.code, exit, "{run:?}");
    let answer = run.json();
    assert_eq!((&answer["exemplars"], &answer["erased"]), (&1.into(), &false.into()), "{answer}");
    assert!(answer["receipt"].is_null(), "{answer}");
    let run = place.vismem("verify");
    assert_eq!(run.code, 1, "{run:?}");
    run.says(&["38 exemplars checked", "a reader keeps pages of forgotten exemplars"]);
    drop(reader);
    place.vismem("verify").done().says(&["sound, 38 exemplars"]);
    let traces: Vec<Vec<u8>> = npy::scattered(40)[..2].iter().map(|row| unit_bytes(row)).collect();
    assert_eq!(files_with(&place.path("memory.vismem"), &traces), [""; 0]);
    assert_eq!(fs::metadata(place.path("memory.vismem/catalog.sqlite-wal")).map_or(0, |log| log.len()), 0);
}

#[test]
fn full_disk_while_forgetting() {
    let exit = documented("full_disk_while_forgetting");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(600)));
    place.vismem("-m whole add rows.npy --label x").done();
    let ids: Vec<String> = (1..=600).filter(|id| id % 2 == 0).map(|id| id.to_string()).collect();
    let forget = format!("-m m forget --id {}", ids.join(","));
    let mut refused = 0;
    for blocks in [0, 2, 8, 32, 96] {
        copy_folder(&place.path("whole"), &place.path("m"));
        let run: Run = place.shell(&format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$VISMEM\" {forget}"));
        assert!(run.code == exit || run.code == 0, "{run:?}");
        if run.code == exit {
            refused += 1;
            run.refused(exit, &["m/"]);
            place.vismem("-m m verify").done().says(&["sound, 600 exemplars"]);
            place.vismem(&forget).done();
        }
        place.vismem("-m m verify").done().says(&["sound, 300 exemplars"]);
        fs::remove_dir_all(place.path("m")).unwrap();
    }
    assert!(refused >= 3, "only {refused} runs found the disk full");
}

#[test]
fn full_disk_while_compacting() {
    let exit = documented("full_disk_while_compacting");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(600)));
    place.vismem("-m whole add rows.npy --label x").done();
    place.vismem("-m whole forget --source rows.npy#?").done();
    let mut refused = 0;
    for blocks in [0, 8, 64, 100, 160] {
        copy_folder(&place.path("whole"), &place.path("m"));
        let run: Run = place.shell(&format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$VISMEM\" -m m compact"));
        assert!(run.code == exit || run.code == 0, "{run:?}");
        if run.code == exit {
            refused += 1;
            run.refused(exit, &["m/"]);
            place.vismem("-m m verify").done().says(&["sound, 590 exemplars"]);
            place.vismem("-m m compact").done();
        }
        place.vismem("-m m verify").done().says(&["sound, 590 exemplars"]);
        assert_eq!(place.vismem("-m m stats --format json").done().json()["free_slots"], 0);
        fs::remove_dir_all(place.path("m")).unwrap();
    }
    assert!(refused >= 3, "only {refused} runs found the disk full");
}

#[test]
fn killed_while_forgetting() {
    let exit = documented("killed_while_forgetting");
    let place = Place::new();
    let rows = npy::scattered(2_000);
    place.write("rows.npy", npy::rows(&rows));
    place.write("labels.txt", (0..2_000).map(|n| if n % 2 == 0 { "stays\n" } else { "secret\n" }).collect::<String>());
    place.vismem("-m whole add rows.npy --labels labels.txt").done();
    let mut traces: Vec<Vec<u8>> = rows.iter().skip(1).step_by(200).map(|row| unit_bytes(row)).collect();
    traces.push(b"secret".to_vec());
    copy_folder(&place.path("whole"), &place.path("m"));
    let started = std::time::Instant::now();
    assert_eq!(place.vismem("-m m forget --label secret").done().code, exit);
    let whole = started.elapsed();
    let (mut kept, mut gone) = (0, 0);
    for kill in 0..16 {
        fs::remove_dir_all(place.path("m")).unwrap();
        copy_folder(&place.path("whole"), &place.path("m"));
        let mut child =
            place.command(["-m", "m", "forget", "--label", "secret"]).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * kill / 15);
        let _ = child.kill();
        child.wait().unwrap();
        let run = place.vismem("-m m verify").done();
        if run.stdout.contains("1,000 exemplars") {
            gone += 1;
            assert_eq!(files_with(&place.path("m"), &traces), [""; 0]);
        } else {
            kept += 1;
            run.says(&["2,000 exemplars"]);
            assert_eq!(place.vismem("-m m forget --label secret").done().code, exit);
        }
        assert_eq!(files_with(&place.path("m"), &traces), [""; 0]);
    }
    assert!(kept > 0, "no kill came before the commit");
    println!("{kept} kills before the commit, {gone} after");
}
