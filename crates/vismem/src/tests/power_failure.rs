//! A power failure is a kill after which what nobody had waited for may be on the disk or not.

use std::fs;
use std::path::Path;

use super::forgetting::{files_with, traces_of};
use super::kills::{EDITS, FORGOTTEN, copy, killed, prepare, sound, state};
use super::sample;
use crate::verify;

/// What disks write whole, at least.
const SECTOR: usize = 512;

/// Takes every other sector or so from the file as it was before.
fn half_written(before: &Path, file: &Path, seed: usize) {
    let Ok(before) = fs::read(before) else { return };
    let mut bytes = fs::read(file).unwrap();
    for (number, sector) in bytes.chunks_mut(SECTOR).enumerate() {
        let coin = (number + 1).wrapping_mul(seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
        if let Some(before) = before.get(number * SECTOR..number * SECTOR + sector.len()).filter(|_| coin % 2 == 0) {
            sector.copy_from_slice(before);
        }
    }
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_power_failure_at_any_step_leaves_all_or_nothing_whatever_had_reached_the_disk() {
    let gone: Vec<Vec<u8>> = FORGOTTEN.iter().flat_map(|id| traces_of(&sample(*id as u32 - 1))).collect();
    for (name, steps) in EDITS.into_iter().filter(|(name, _)| ["add", "forget", "relabel"].contains(name)) {
        let folder = tempfile::tempdir().unwrap();
        let prepared = folder.path();
        prepare(prepared, name);
        let before = state(prepared);
        for (step, happened) in steps {
            let folder = tempfile::tempdir().unwrap();
            let stopped = folder.path();
            copy(prepared, stopped);
            assert!(killed(stopped, name, step), "{name}, {step} was never passed");
            for seed in 0..4 {
                let place = format!("{name}, {step}, {seed}");
                let folder = tempfile::tempdir().unwrap();
                let dir = folder.path();
                copy(stopped, dir);
                // Rebuilt from the log; a power failure ends every mapping of it.
                let _ = fs::remove_file(dir.join("catalog.sqlite-shm"));
                let files: &[&str] = match *step {
                    // Rows that an addition commits are on disk before.
                    "rows synced:1" | "committed:1" | "state published:1" if name != "forget" => {
                        &["codes.i8", "partitions.i4", "neighbor_lists.u32"]
                    }
                    "files synced:1" | "log cut:1" => &[],
                    "log copied:1" if name != "forget" => {
                        &["codes.i8", "partitions.i4", "neighbor_lists.u32", "catalog.sqlite"]
                    }
                    _ => &["vectors.f32", "codes.i8", "partitions.i4", "neighbor_lists.u32", "catalog.sqlite"],
                };
                // Nobody ever waits for the state.
                files
                    .iter()
                    .chain(&["state"])
                    .for_each(|file| half_written(&prepared.join(file), &dir.join(file), seed));

                assert_eq!(verify(dir).unwrap().faults, [], "{place}");
                assert_eq!(state(dir) != before, *happened, "{place}");
                sound(dir, &place);
                if name == "forget" && *happened {
                    assert_eq!(files_with(dir, &gone), [""; 0], "{place}");
                }
            }
        }
    }
}

#[test]
fn a_writer_marks_the_lock_on_disk_before_its_first_change_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    prepare(dir, "forget");
    let before = state(dir);
    assert!(killed(dir, "forget one by one", "lock marked:1"));
    assert_eq!(state(dir), before, "nothing was changed before");
    assert!(fs::metadata(dir.join("lock")).unwrap().len() > 0, "the next writer recovers");
    assert!(!killed(dir, "forget one by one", "lock marked:2"), "later changes need not wait for it");
    assert_ne!(state(dir), before);
    assert_eq!(fs::metadata(dir.join("lock")).unwrap().len(), 0);
}
