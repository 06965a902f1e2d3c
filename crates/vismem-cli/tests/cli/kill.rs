//! Runs that end before their time. Their rows of docs/bad-input.md are tested with the others.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use vismem::Memory;

use crate::bad_input::documented;
use crate::common::{Place, Run};
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
        Err(vismem::Error::NotFound { .. } | vismem::Error::NotAMemory { .. }) => None,
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
