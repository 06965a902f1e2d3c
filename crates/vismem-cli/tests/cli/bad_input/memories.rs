use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use super::documented;
use crate::common::{Kind, Place, copy_folder};
use crate::npy;

/// A place with a memory of 40 rows, rows.npy and ask.npy.
fn with_memory() -> Place {
    let place = Place::new();
    let rows = npy::scattered(40);
    place.write("rows.npy", npy::rows(&rows));
    place.write("ask.npy", npy::rows(&rows[..1]));
    place.vismem("add rows.npy --label x").done();
    place
}

#[test]
fn memory_that_does_not_exist() {
    let exit = documented("memory_that_does_not_exist");
    let place = Place::new();
    place.write("ask.npy", npy::rows(&[[1.0]]));
    let asking = ["ls", "stats", "verify", "classify ask.npy", "explain a.png", "log", "taxonomy show"];
    let editing =
        ["forget --id 1", "forget --id 1 --dry-run", "relabel --id 1 --to y", "merge x --into y", "undo", "compact"];
    for command in asking.into_iter().chain(editing) {
        let words = ["memory.vismem: no memory here", "`vismem add` makes one"];
        place.vismem(command).refused(exit, &words);
    }
    assert!(!place.path("memory.vismem").exists(), "asking made one");
}

#[test]
fn memory_that_is_a_file() {
    let exit = documented("memory_that_is_a_file");
    let place = with_memory();
    for command in ["ls", "stats", "verify", "classify ask.npy", "add rows.npy --label y"] {
        let words = ["rows.npy: exists but is not a memory", "choose another path"];
        place.vismem("-m rows.npy forget --id 1").refused(exit, &words);
        place.vismem(&format!("-m rows.npy {command}")).refused(exit, &words);
    }
}

#[test]
fn memory_that_is_another_folder() {
    let exit = documented("memory_that_is_another_folder");
    let place = with_memory();
    place.write("mine/notes.txt", "mine");
    for command in ["ls", "stats", "verify", "classify ask.npy", "add rows.npy --label y"] {
        place.vismem(&format!("-m mine {command}")).refused(exit, &["mine: exists but is not a memory"]);
    }
    assert_eq!(fs::read_dir(place.path("mine")).unwrap().count(), 1, "something was written there");
}

#[test]
fn empty_memory() {
    let exit = documented("empty_memory");
    let place = Place::new();
    place.write("learn/broken.png", "no picture");
    place.draw("ask.png", Kind::Disc, 1);
    place.vismem("add learn").incomplete(&["holds 0 exemplars of 0 labels"]);
    let words = ["memory.vismem: holds no exemplar yet; add some first"];
    place.vismem("classify ask.png").refused(exit, &words);
    place.vismem("explain ask.png").refused(exit, &words);
    assert_eq!(place.vismem("ls").done().stdout, "");
    place.vismem("stats").done().says(&["exemplars   0"]);
    place.vismem("verify").done().says(&["sound, 0 exemplars checked"]);
}

type Damage = fn(&Path);

/// Damages a file of the memory in several ways; each is named by answers, by `verify`, and never answered from.
#[track_caller]
fn damage_is_named(exit: i32, file: &str, damages: &[(&str, Damage)]) {
    let place = with_memory();
    for (how, damage) in damages {
        copy_folder(&place.path("memory.vismem"), &place.path("m"));
        damage(&place.path("m").join(file));
        for command in ["classify ask.npy", "stats", "ls --all", "add rows.npy --label x", "compact"] {
            let run = place.vismem(&format!("-m m {command}"));
            assert_eq!(run.code, exit, "{how}, {command}: {run:?}");
            run.refused(exit, &[&format!("m/{file}: damaged: "), "restore it from a copy", "`vismem verify`"]);
        }
        let run = place.vismem("-m m verify");
        assert_eq!((run.code, run.stderr.as_str()), (exit, ""), "{how}: {run:?}");
        run.says(&[&format!("m/{file}: "), " fault"]);
        fs::remove_dir_all(place.path("m")).unwrap();
    }
    place.vismem("verify").done().says(&["sound, 40 exemplars"]);
}

fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 0x41;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn damaged_vectors() {
    let exit = documented("damaged_vectors");
    damage_is_named(exit, "vectors.f32", &[("flipped", |path| flip(path, 101)), ("cut", cut)]);
}

#[test]
fn forgetting_from_damaged_vectors() {
    let exit = documented("forgetting_from_damaged_vectors");
    let place = with_memory();
    let damages: [(&str, Damage); 2] = [("flipped", |path| flip(path, 101)), ("cut", cut)];
    for (how, damage) in damages {
        copy_folder(&place.path("memory.vismem"), &place.path("m"));
        damage(&place.path("m/vectors.f32"));
        assert_eq!(place.vismem("-m m forget --id 30").code, exit, "{how}");
        place.vismem("-m m verify").says(&["m/vectors.f32: ", " fault"]);
        fs::remove_dir_all(place.path("m")).unwrap();
    }
}

#[test]
fn missing_vectors() {
    let exit = documented("missing_vectors");
    damage_is_named(exit, "vectors.f32", &[("removed", |path| fs::remove_file(path).unwrap())]);
}

#[test]
fn damaged_catalogue() {
    let exit = documented("damaged_catalogue");
    let overwrite = |path: &Path| fs::write(path, "SQLite format 4, says the fool").unwrap();
    damage_is_named(
        exit,
        "catalog.sqlite",
        &[
            ("flipped in the header", |path| flip(path, 2)),
            ("cut", cut),
            ("emptied", |path| fs::write(path, "").unwrap()),
            ("overwritten", overwrite),
        ],
    );
}

#[test]
fn missing_catalogue() {
    let exit = documented("missing_catalogue");
    let place = with_memory();
    fs::remove_file(place.path("memory.vismem/catalog.sqlite")).unwrap();
    for command in ["ls", "stats", "verify", "classify ask.npy"] {
        place.vismem(command).refused(exit, &["memory.vismem: exists but is not a memory"]);
    }
}

#[test]
fn stray_file_in_a_memory() {
    let exit = documented("stray_file_in_a_memory");
    let place = with_memory();
    place.write("memory.vismem/notes.txt", "mine");
    let run = place.vismem("verify");
    assert_eq!((run.code, run.stderr.as_str()), (exit, ""));
    run.says(&["memory.vismem/notes.txt: is not a file of a memory; move it elsewhere", "1 fault"]);
    place.vismem("classify ask.npy").done();
}

#[test]
fn pictures_for_a_memory_of_embeddings() {
    let exit = documented("pictures_for_a_memory_of_embeddings");
    let place = with_memory();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    let words = ["memory.vismem: holds embeddings of an unknown encoder"];
    for command in ["add learn", "classify learn", "explain learn/disc/1.png"] {
        place.vismem(command).refused(exit, &words);
    }
    place.vismem("verify").done().says(&["sound, 40 exemplars"]);
}

#[test]
fn embeddings_for_a_memory_of_pictures() {
    let exit = documented("embeddings_for_a_memory_of_pictures");
    let place = Place::new();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    place.vismem("add learn").done();
    let row = npy::raw("<f4", false, "1, 1280", &npy::bytes(&[1.0; 1280]));
    place.write("rows.npy", row);
    let words = ["memory.vismem: holds embeddings of efficientnet-lite0", "say --encoder"];
    place.vismem("add rows.npy --label x").refused(exit, &words);
    place.vismem("add rows.npy --label x --encoder efficientnet-lite0").done();
    place.write("narrow.npy", npy::rows(&[[1.0, 0.0]]));
    let words = ["the rows have 2 values", "have 1280"];
    place.vismem("add narrow.npy --label x --encoder efficientnet-lite0").refused(1, &words);
}

#[test]
fn memory_in_use() {
    let exit = documented("memory_in_use");
    let place = with_memory();
    let lock = File::options().write(true).open(place.path("memory.vismem/lock")).unwrap();
    lock.lock().unwrap();
    let started = Instant::now();
    let words = ["memory.vismem: being changed by another process", "wait until it is done"];
    place.vismem("add rows.npy --label x").refused(exit, &words);
    assert!(started.elapsed() < Duration::from_secs(10), "it waits a moment, not for ever");
    place.write("t.csv", "label,family\nx,y\n");
    let digest = place.vismem("stats --format json").done().json()["digest"].clone();
    for command in [
        "forget --id 1",
        "relabel --id 1 --to y",
        "merge x --into y",
        "split x --into y --id 1",
        "undo",
        "taxonomy set t.csv",
        "prune soft",
        "prune off",
        "compact",
    ] {
        place.vismem(command).refused(exit, &words);
    }
    assert_eq!(place.vismem("stats --format json").done().json()["digest"], digest);
    // Readers are not held up.
    place.vismem("classify ask.npy").done();
    place.vismem("ls").done();
    drop(lock);
    place.vismem("add rows.npy --label x").done();
}

#[test]
fn memory_in_use_by_a_busy_process() {
    let exit = documented("memory_in_use_by_a_busy_process");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(20_000)));
    place.write("other.npy", npy::rows(&npy::scattered(1)));
    let mut busy = place.command("add rows.npy --label x --commit-every 1".split(' ')).spawn().unwrap();
    wait_for_exemplars(&place, &mut busy);
    let holder = format!("being changed by process {}", busy.id());
    place.vismem("add other.npy --label x").refused(exit, &[&holder]);
    place.vismem("classify other.npy").done();
    busy.kill().unwrap();
    busy.wait().unwrap();
}

fn wait_for_exemplars(place: &Place, busy: &mut Child) {
    let path = place.path("memory.vismem");
    while !vismem::Memory::open(&path).is_ok_and(|memory| !memory.is_empty()) {
        assert!(busy.try_wait().unwrap().is_none(), "it ended before it was looked at");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs an `add` of 600 rows in batches of 50 that may write no file beyond `blocks` blocks of 512 bytes.
fn add_on_a_small_disk(place: &Place, blocks: u32) -> crate::common::Run {
    let add = "\"$VISMEM\" -m m add rows.npy --label x --commit-every 50";
    place.shell(&format!("trap '' XFSZ; ulimit -f {blocks}; exec {add}"))
}

#[test]
fn full_disk() {
    let exit = documented("full_disk");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(600)));
    place.vismem("-m whole add rows.npy --label x").done();
    let digest =
        |memory: &str| place.vismem(&format!("-m {memory} stats --format json")).done().json()["digest"].clone();
    let mut partly = 0;
    for blocks in [200, 220, 240, 270, 310, 360] {
        let run = add_on_a_small_disk(&place, blocks);
        run.refused(exit, &["what was added before is kept", "m/"]);
        let held = vismem::Memory::open(&place.path("m")).unwrap().len();
        assert!(held < 600 && held.is_multiple_of(50), "{blocks} blocks: {held} exemplars are no whole batches");
        partly += usize::from(held > 0);
        place.vismem("-m m verify").done().says(&["sound"]);
        // With room again, the same command goes on.
        place.vismem("-m m add rows.npy --label x --commit-every 50").done().says(&["holds 600 exemplars"]);
        assert_eq!(digest("m"), digest("whole"), "{blocks} blocks");
        fs::remove_dir_all(place.path("m")).unwrap();
    }
    assert!(partly > 0, "no run got as far as its second batch");
}

#[test]
fn full_disk_before_the_first_exemplar() {
    let exit = documented("full_disk_before_the_first_exemplar");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(100)));
    for blocks in [0, 1, 10, 60] {
        add_on_a_small_disk(&place, blocks).refused(exit, &["m/"]);
        place.vismem("-m m add rows.npy --label x").done().says(&["holds 100 exemplars"]);
        place.vismem("-m m verify").done().says(&["sound"]);
        fs::remove_dir_all(place.path("m")).unwrap();
    }
}

/// A memory that nobody may write to, neither the folder nor its files.
fn read_only() -> Option<Place> {
    let place = with_memory();
    if place.is_roots() {
        println!("skipped: root may write everywhere");
        return None;
    }
    for file in fs::read_dir(place.path("memory.vismem")).unwrap() {
        fs::set_permissions(file.unwrap().path(), Permissions::from_mode(0o444)).unwrap();
    }
    fs::set_permissions(place.path("memory.vismem"), Permissions::from_mode(0o555)).unwrap();
    Some(place)
}

#[test]
fn asking_a_read_only_memory() {
    let exit = documented("asking_a_read_only_memory");
    let Some(place) = read_only() else { return };
    for command in ["classify ask.npy", "ls --all", "stats", "verify"] {
        assert_eq!(place.vismem(command).done().code, exit);
    }
}

#[test]
fn adding_to_a_read_only_memory() {
    let exit = documented("adding_to_a_read_only_memory");
    let Some(place) = read_only() else { return };
    place.write("more.npy", npy::rows(&npy::scattered(41)));
    place.vismem("add more.npy --label x").refused(exit, &["memory.vismem/lock", "Permission denied"]);
}

#[test]
fn memory_where_none_may_be_made() {
    let exit = documented("memory_where_none_may_be_made");
    let place = with_memory();
    place.vismem("-m rows.npy/m add rows.npy --label x").refused(exit, &["rows.npy/m", "cannot create"]);
}

/// Commands that ask, and commands that change.
const USES: [&str; 12] = [
    "classify ask.npy",
    "ls",
    "stats",
    "log",
    "export catalog --output out",
    "verify",
    "add ask.npy --label other",
    "relabel --id 3 --to other",
    "forget --id 4",
    "forget --label x",
    "index build",
    "compact",
];

#[test]
fn catalogue_with_more_in_it_than_a_memory_has() {
    let exit = documented("catalogue_with_more_in_it_than_a_memory_has");
    let whole = with_memory();
    for change in [
        "CREATE TABLE copies (source)",
        "CREATE TRIGGER keep BEFORE DELETE ON exemplars BEGIN SELECT RAISE(IGNORE); END",
        "CREATE VIEW everything AS SELECT * FROM exemplars",
        "CREATE INDEX by_source ON exemplars (source)",
    ] {
        copy_folder(&whole.path("memory.vismem"), &whole.path("changed"));
        rusqlite::Connection::open(whole.path("changed/catalog.sqlite")).unwrap().execute_batch(change).unwrap();
        for command in USES {
            let run = whole.vismem(&format!("-m changed {command}")).says(&["catalog.sqlite", "is none of a memory's"]);
            assert_eq!(run.code, exit, "{change}, {command}: {run:?}");
        }
        fs::remove_dir_all(whole.path("changed")).unwrap();
    }
}

#[test]
fn files_of_a_memory_that_lead_elsewhere() {
    let exit = documented("files_of_a_memory_that_lead_elsewhere");
    let whole = with_memory();
    let victim = whole.write("victim", "my precious file");
    for name in ["lock", "vectors.f32", "catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
        for kind in ["link", "other name", "pipe"] {
            for command in USES {
                copy_folder(&whole.path("memory.vismem"), &whole.path("m"));
                let file = whole.path("m").join(name);
                let _ = fs::remove_file(&file);
                match kind {
                    "link" => std::os::unix::fs::symlink(&victim, &file).unwrap(),
                    "other name" => fs::hard_link(&victim, &file).unwrap(),
                    _ => crate::common::make_pipe(&file),
                }
                let run = whole.vismem(&format!("-m m {command}"));
                assert_eq!(fs::read(&victim).unwrap(), b"my precious file", "{name} as {kind}: {command}");
                if name != "lock" {
                    assert_eq!(run.code, exit, "{name} as {kind}: {command}: {run:?}");
                }
                fs::remove_dir_all(whole.path("m")).unwrap();
                let _ = fs::remove_dir_all(whole.path("out"));
            }
        }
    }
}

#[test]
fn names_that_move_a_terminal_or_turn_the_writing() {
    let exit = documented("names_that_move_a_terminal_or_turn_the_writing");
    let place = with_memory();
    let hostile = "cat\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}gpj\u{2066}\u{200b}\nforgot 5 exemplars";
    place.vismem_with(["relabel", "--id", "1,2,3", "--to", hostile]);
    for command in [
        vec!["ls"],
        vec!["ls", "--label", hostile],
        vec!["classify", "ask.npy"],
        vec!["stats"],
        vec!["log"],
        vec!["verify"],
        vec!["eval", "errors"],
        vec!["eval", "aggregation"],
        vec!["prune", "suggest"],
        vec!["forget", "--label", hostile, "--dry-run"],
        vec!["ls", "--label", "cat\u{1b}[2J"],
        vec!["merge", hostile, "--into", "cat\u{1b}[2Jb\nc"],
        vec!["relabel", "--id", "1", "--to", hostile],
        vec!["forget", "--id", "1"],
        // What is no command is cited as well.
        vec![hostile],
        vec!["ls", hostile, "--colour", hostile],
        vec!["classify", "-\u{1b}[2J", "ask.npy"],
        vec!["classify", "ask.npy", "--vote=\u{1b}[2Jrank\nforgot 5 exemplars"],
    ] {
        let run = place.vismem_with(&command);
        for text in [&run.stdout, &run.stderr] {
            let is_plain = |c: char| c == '\n' || !vismem_report::deceives(c);
            assert!(text.chars().all(is_plain), "{command:?}: {run:?}");
            assert!(!text.lines().any(|line| line.starts_with("forgot 5")), "{command:?}: {run:?}");
        }
    }
    assert_eq!(place.vismem("ls").done().says(&[r"\u{1b}[2J"]).code, exit);
}

#[test]
fn many_equal_embeddings() {
    let exit = documented("many_equal_embeddings");
    let place = Place::new();
    // All equal, and one among others.
    for (name, others) in [("equal", 0), ("most", 200)] {
        let row = |n: usize| if n < others { [n as f32 + 1.0, 1.0, 2.0, -(n as f32)] } else { [1.0, 2.0, 3.0, 4.0] };
        place.write(format!("{name}.npy"), npy::rows(&(0..20_000).map(row).collect::<Vec<_>>()));
        place.vismem(&format!("-m {name} add {name}.npy --label x")).done();
        let started = Instant::now();
        assert_eq!(place.vismem(&format!("-m {name} index --kind partitions")).done().code, exit);
        assert!(started.elapsed() < Duration::from_secs(30), "{name}: {:?}", started.elapsed());
        place.write("ask.npy", npy::rows(&[[1.0, 2.0, 3.0, 4.0]]));
        place.vismem(&format!("-m {name} classify ask.npy --search partitioned --recall 0.9")).done();
    }
}
