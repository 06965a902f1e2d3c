//! Runs that end before their time. Their rows of docs/bad-input.md are tested with the others.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use vismem::{Digest, Memory, Pruning, Taxonomy};

use crate::bad_input::documented;
use crate::common::{Place, Run, copy_folder};
use crate::npy;

fn digest(place: &Place, memory: &str) -> String {
    place.vismem(&format!("-m {memory} stats --format json")).done().json()["digest"].as_str().unwrap().to_owned()
}

fn start(place: &Place, args: &str) -> Child {
    place.command(args.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the memory holds something, which is long before the child is done.
fn wait_for_exemplars(child: &mut Child, memory: &Path) {
    while !Memory::open(memory).is_ok_and(|memory| !memory.is_empty()) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was looked at");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// How many exemplars the memory holds, which must be whole batches; `None` if it was not made yet.
fn held(memory: &Path, batch: usize) -> Option<usize> {
    match Memory::open(memory) {
        Ok(memory) => {
            assert!(memory.len().is_multiple_of(batch), "{} exemplars are no whole batches of {batch}", memory.len());
            Some(memory.len())
        }
        Err(vismem::StoreError::NotFound { .. } | vismem::StoreError::NotAMemory { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// What every memory must be like after a kill, and once more after the run was repeated.
fn stands_and_can_be_finished(place: &Place, batch: usize, add: &str) -> Option<usize> {
    let found = held(&place.path("m"), batch);
    if let Some(exemplars) = found {
        place.vismem("-m m verify").done().says(&["m: sound, "]);
        assert_eq!(held(&place.path("m"), batch), Some(exemplars), "the check changed what is held");
    }
    place.vismem(add).done();
    place.vismem("-m m verify").done().says(&["m: sound, "]);
    assert_eq!(digest(place, "m"), digest(place, "whole"));
    found
}

#[test]
fn killed_while_adding_embeddings() {
    let exit = documented("killed_while_adding_embeddings");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(3_000)));
    let add = "-m m add rows.npy --label x --commit-every 50";
    let started = Instant::now();
    assert_eq!(place.vismem("-m whole add rows.npy --label x --commit-every 50").done().code, exit);
    let whole = started.elapsed();

    let (kills, mut halfway) = (18, 0);
    for kill in 0..kills {
        let mut child = start(&place, add);
        std::thread::sleep(whole * kill / kills);
        child.kill().unwrap();
        child.wait().unwrap();
        let found = stands_and_can_be_finished(&place, 50, add);
        halfway += usize::from(found.is_some_and(|exemplars| (1..3_000).contains(&exemplars)));
        std::fs::remove_dir_all(place.path("m")).unwrap();
    }
    assert!(halfway >= 3, "only {halfway} of {kills} kills came while it was adding");
}

#[test]
fn killed_while_adding_pictures() {
    let exit = documented("killed_while_adding_pictures");
    let place = Place::new();
    place.draw_two_labels("learn", 10);
    assert_eq!(place.vismem("-m whole add learn").done().code, exit);
    let add = "-m m add learn --commit-every 4";
    let mut child = start(&place, add);
    wait_for_exemplars(&mut child, &place.path("m"));
    child.kill().unwrap();
    child.wait().unwrap();
    let found = stands_and_can_be_finished(&place, 4, add);
    assert!(found.is_some_and(|exemplars| (4..20).contains(&exemplars)), "{found:?}");
}

#[test]
fn killed_again_and_again() {
    let exit = documented("killed_again_and_again");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(3_000)));
    place.vismem("-m whole add rows.npy --label x").done();
    let add = "-m m add rows.npy --label x --commit-every 50";
    let mut last = 0;
    for milliseconds in [60, 100, 140, 180, 220] {
        let mut child = start(&place, add);
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = held(&place.path("m"), 50).unwrap_or(0);
        assert!(now >= last, "what was committed is gone: {now} exemplars after {last}");
        last = now;
    }
    assert_eq!(place.vismem(add).done().code, exit);
    stands_and_can_be_finished(&place, 50, add);
}

/// All that an edit can change: digest, labels by id, taxonomy, pruning, free slots, and how long the log is.
type State = (Digest, BTreeMap<u64, String>, Taxonomy, Option<Pruning>, u64, usize);

fn state(memory: &Path) -> State {
    let memory = Memory::open(memory).unwrap();
    let mut labels = BTreeMap::new();
    memory.for_each_exemplar(|exemplar| drop(labels.insert(exemplar.id, exemplar.label))).unwrap();
    let (taxonomy, pruning) = (memory.taxonomy().unwrap(), memory.pruning().unwrap());
    let free = memory.stats().unwrap().free_slots;
    (memory.digest(), labels, taxonomy, pruning, free, memory.events().unwrap().len())
}

/// Runs the command `times` times, each on what `prepare` makes, and kills it at moments spread over its run; `check` is
/// told which kill it was.
fn kill_at_spread_moments(place: &Place, args: &str, times: u32, prepare: impl Fn(), check: impl Fn(u32)) {
    prepare();
    let started = Instant::now();
    place.vismem(args).done();
    let whole = started.elapsed();
    for kill in 0..times {
        prepare();
        let mut child = start(place, args);
        std::thread::sleep(whole * kill / times);
        child.kill().unwrap();
        child.wait().unwrap();
        check(kill);
    }
}

#[test]
fn killed_while_editing() {
    let exit = documented("killed_while_editing");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(600)));
    place.write("labels.txt", ["ant\n", "bee\n", "cat\n"].concat().repeat(200));
    place.write("one.csv", "label,legs\nant,six\nbee,six\ncat,four\n");
    place.write("two.csv", "label,wings\nant,no\nbee,yes\ncat,no\ndodo,yes\n");
    place.vismem("-m all add rows.npy --labels labels.txt").done();
    place.vismem("-m all taxonomy set one.csv").done();
    place.vismem("-m all forget --id 7 --id 8 --id 300").done();
    place.vismem("-m all prune soft").done();

    let edits = [
        ("", "relabel --label ant --to dodo"),
        ("", "merge ant bee --into cat"),
        ("", "split ant --into dodo --source *1"),
        ("relabel --label ant --to dodo", "undo"),
        ("", "taxonomy set two.csv"),
        ("taxonomy set two.csv", "undo"),
        ("", "prune hard --threshold 60% --neighbors 10"),
        ("prune off", "prune soft"),
        ("", "prune off"),
        ("", "tune --sample 4"),
        ("tune --sample 4", "undo"),
        ("tune --sample 4", "tune off"),
        ("", "compact"),
    ];
    let (memory, mut happened) = (place.path("m"), 0);
    for (first, edit) in edits {
        copy_folder(&place.path("all"), &place.path("before"));
        if !first.is_empty() {
            place.vismem(&format!("-m before {first}")).done();
        }
        copy_folder(&place.path("before"), &place.path("after"));
        assert_eq!(place.vismem(&format!("-m after {edit}")).done().code, exit);
        let [before, after] = ["before", "after"].map(|memory| state(&place.path(memory)));
        assert_ne!(before, after, "{edit} changes something");

        let prepare = || {
            let _ = std::fs::remove_dir_all(&memory);
            copy_folder(&place.path("before"), &memory);
        };
        let done = std::cell::Cell::new(0);
        kill_at_spread_moments(&place, &format!("-m m {edit}"), 5, prepare, |kill| {
            let now = state(&memory);
            assert!(now == before || now == after, "{edit}, kill {kill}: it is half-done");
            assert_eq!(vismem::verify(&memory).unwrap().faults, [], "{edit}, kill {kill}");
            assert_eq!(state(&memory), now, "{edit}, kill {kill}: recovery changed what is held");
            done.set(done.get() + u32::from(now == after));
            if now == before {
                place.vismem(&format!("-m m {edit}")).done();
                assert_eq!(state(&memory), after, "{edit}, kill {kill}: it cannot be done again");
            }
        });
        happened += done.get();
        for memory in ["before", "after"] {
            std::fs::remove_dir_all(place.path(memory)).unwrap();
        }
    }
    assert!(happened < 5 * edits.len() as u32, "no kill came before the commit");
}

#[test]
fn killed_while_taking_over() {
    let exit = documented("killed_while_taking_over");
    let place = Place::new();
    place.draw_two_labels("learn", 6);
    place.write("taxonomy.csv", "label,shape\ndisc,round\nstripes,straight\n");
    place.vismem("-m old add learn --taxonomy taxonomy.csv").done();
    place.vismem("-m old export embeddings -o exported").done();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../vismem-encode/tests/data/tiny.onnx");
    place.write("tiny/onnx/model.onnx", std::fs::read(model).unwrap());
    let preprocessing = r#"{"do_resize": false, "crop_size": 8, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}"#;
    place.write("tiny/preprocessor_config.json", preprocessing);

    for command in ["-m m import exported", "-m old reencode --encoder tiny -o m", "-m m sync learn"] {
        let memory = place.path("m");
        assert_eq!(place.vismem(command).done().code, exit);
        let whole = state(&memory);
        let prepare = || drop(std::fs::remove_dir_all(&memory));
        kill_at_spread_moments(&place, command, 5, prepare, |kill| {
            // What is there by then is part of it.
            if held(&memory, 1).is_some() {
                assert_eq!(vismem::verify(&memory).unwrap().faults, [], "{command}, kill {kill}");
                let now = state(&memory).1;
                assert!(now.iter().all(|(id, label)| whole.1.get(id) == Some(label)), "{command}, kill {kill}");
            }
            place.vismem(command).done();
            let (now, whole) = (state(&memory), &whole);
            assert_eq!((&now.0, &now.1, &now.2), (&whole.0, &whole.1, &whole.2), "{command}, kill {kill}");
            assert_eq!(vismem::verify(&memory).unwrap().faults, [], "{command}, kill {kill}");
        });
        prepare();
    }
}

/// Presses Ctrl-C when the memory holds something.
fn interrupt(place: &Place, add: &str) -> Run {
    let mut child = start(place, add);
    wait_for_exemplars(&mut child, &place.path("m"));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    Run::of(child.wait_with_output().unwrap())
}

#[test]
fn stopped_with_ctrl_c() {
    let exit = documented("stopped_with_ctrl_c");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(10_000)));
    place.vismem("-m whole add rows.npy --label x").done();
    let add = "-m m add rows.npy --label x --commit-every 20";
    let run = interrupt(&place, add);
    assert_eq!((run.code, run.stderr.as_str()), (exit, ""), "{run:?}");
    run.says(&["stopped before the end; the same command again goes on from here", "m holds "]);
    let found = stands_and_can_be_finished(&place, 20, add);
    assert!(found.is_some_and(|exemplars| (20..10_000).contains(&exemplars)), "{found:?}");

    let place = Place::new();
    place.draw_two_labels("learn", 20);
    place.vismem("-m whole add learn").done();
    let add = "-m m add learn --commit-every 2";
    let run = interrupt(&place, &format!("{add} --format json"));
    assert_eq!((run.code, &run.json()["complete"]), (exit, &false.into()), "{run:?}");
    let added = run.json()["added"].as_u64().unwrap();
    // What was encoded already is kept, be the batch full or not.
    let found = stands_and_can_be_finished(&place, 1, add);
    assert_eq!(found, Some(added as usize));
    assert!(added < 40, "it came too late");
}

#[test]
fn killed_while_measuring_unlearning() {
    let exit = documented("killed_while_measuring_unlearning");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(3_000)));
    place.vismem("add rows.npy --label x").done();
    let copies = || {
        let names = std::fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
        let named = |name: &std::ffi::OsString| name.to_string_lossy().starts_with(".vismem-eval-of-memory.vismem-");
        names.filter(named).collect::<Vec<_>>()
    };
    let mut child = start(&place, "eval unlearning --count 500");
    while !copies().iter().any(|copy| place.path(copy).join("copy.vismem/vectors.f32").exists()) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was looked at");
        std::thread::sleep(Duration::from_millis(1));
    }
    // While it lives nobody calls it left.
    place.vismem("verify").done();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(copies().len(), 1);
    let run = place.vismem("verify").says(&[".vismem-eval-of-memory.vismem-", "a killed evaluation left"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(place.vismem("eval unlearning --count 10").done().code, exit);
    assert_eq!(copies().len(), 0);
    place.vismem("verify").done();
}
