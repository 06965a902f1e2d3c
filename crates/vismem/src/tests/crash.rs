use std::path::Path;
use std::process::Command;

use super::{add, encoder, new_exemplar, sample};
use crate::store::catalog::Catalog;
use crate::store::kill_point::VARIABLE;
use crate::{Editor, Memory, Selector, verify};

const DIRECTORY: &str = "VISMEM_TEST_DIRECTORY";
const BATCH: u32 = 10;
const BATCHES: u32 = 4;

fn add_everything(dir: &Path) {
    let mut editor = Editor::open_or_create(dir, &encoder()).unwrap();
    let mut batch = editor.batch();
    for first in (0..BATCH * BATCHES).step_by(BATCH as usize) {
        let samples: Vec<_> = (first..first + BATCH).map(sample).collect();
        batch.add(&samples.iter().map(new_exemplar).collect::<Vec<_>>()).unwrap();
    }
}

/// Not a test by itself: the process that the tests below start and that kills itself on the way.
#[test]
fn child_process_that_adds() {
    if let Some(dir) = std::env::var_os(DIRECTORY) {
        add_everything(Path::new(&dir));
    }
}

#[test]
fn a_catalogue_is_in_wal_mode_before_it_has_its_name() {
    let folder = tempfile::tempdir().unwrap();
    Catalog::create(folder.path(), &encoder()).unwrap();
    let files = || std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(files(), ["catalog.sqlite"]);
    // The first reader needs no journal, so that a kill of the first writer leaves none that it could not roll back.
    let catalog = Catalog::open_to_read(folder.path()).unwrap();
    let mode: String = catalog.db.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    assert!(files().iter().all(|name| name != "catalog.sqlite-journal"), "{:?}", files());
}

/// Runs `add_everything` in a process of its own; says whether it was killed.
fn run_until(dir: &Path, kill_at: &str) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crash::child_process_that_adds"])
        .env(DIRECTORY, dir)
        .env(VARIABLE, kill_at)
        .output()
        .unwrap();
    !output.status.success()
}

#[test]
fn a_kill_at_any_step_of_add_leaves_whole_batches_and_the_run_can_be_finished() {
    let whole = tempfile::tempdir().unwrap();
    add_everything(whole.path());
    let digest = Memory::open(whole.path()).unwrap().digest();

    let in_each_batch = |place: &'static str| (1..=BATCHES).map(move |nth| (place, nth, nth));
    let rows = [1, 5, 10, 11, 37, 40].map(|nth: u32| ("row written", nth, nth.div_ceil(BATCH)));
    let points = rows.into_iter().chain(in_each_batch("rows synced")).chain(in_each_batch("committed"));
    for (place, nth, in_batch) in points {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("m.vismem");
        assert!(run_until(&dir, &format!("{place}:{nth}")), "{place}:{nth} was never passed");

        // A reader that comes before any writer sees whole batches ...
        let expected = if place == "committed" { in_batch } else { in_batch - 1 } * BATCH;
        assert_eq!(Memory::open(&dir).unwrap().len(), expected as usize, "{place}:{nth}");
        // ... the memory verifies, and nothing uncommitted is left in the rows ...
        let verification = verify(&dir).unwrap();
        assert_eq!(verification.faults, [], "{place}:{nth}");
        let rows = std::fs::metadata(dir.join("vectors.f32")).unwrap().len();
        assert_eq!(rows as usize, expected as usize * super::DIM * 4, "{place}:{nth}");
        // ... and the same run again ends where one that was never killed ends.
        add_everything(&dir);
        assert_eq!(Memory::open(&dir).unwrap().digest(), digest, "{place}:{nth}");
    }
}

#[test]
fn a_kill_while_reused_slots_are_written_leaves_them_zero() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(100..103).map(sample).collect::<Vec<_>>()).unwrap();
    let mut editor = Editor::open(dir).unwrap();
    editor.forget(&Selector { ids: vec![2], ..Default::default() }).unwrap();
    drop(editor);
    assert_eq!(verify(dir).unwrap().faults, []);

    assert!(run_until(dir, "rows synced:1"));
    let row = |slot: usize| {
        let bytes = std::fs::read(dir.join("vectors.f32")).unwrap();
        bytes[slot * super::DIM * 4..][..super::DIM * 4].to_vec()
    };
    assert!(row(1).iter().any(|byte| *byte != 0), "the kill came before the slot was reused");
    assert_eq!(Memory::open(dir).unwrap().len(), 2, "a reader that comes before any writer is not disturbed");
    assert_eq!(verify(dir).unwrap().faults, []);
    assert!(row(1).iter().all(|byte| *byte == 0), "recovery left an uncommitted row in a free slot");

    add_everything(dir);
    let memory = Memory::open(dir).unwrap();
    assert!(!memory.is_free(1), "the free slot was not used again");
    assert_eq!(memory.len(), 2 + (BATCH * BATCHES) as usize);
}
