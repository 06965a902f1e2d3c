use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::{Sample, add, encoder, is_store, new_exemplar, sample};
use crate::store::kill_point::VARIABLE;
use crate::store::vectors;
use crate::{ClassifyOptions, Compacted, Decision, Editor, Memory, Selector, StoreError, verify};

const DIRECTORY: &str = "VISMEM_TEST_COMPACT_IN";

fn ids_where(dir: &Path, is_meant: impl Fn(u64) -> bool) -> Selector {
    let mut ids = Vec::new();
    Memory::open(dir).unwrap().for_each_exemplar(|exemplar| ids.push(exemplar.id)).unwrap();
    ids.retain(|id| is_meant(*id));
    Selector { ids, ..Default::default() }
}

fn decide(dir: &Path) -> Vec<Decision> {
    Memory::open(dir).unwrap().classify(&sample(77).embedding, &ClassifyOptions::default()).unwrap()
}

/// Slot, label, source, content hash, hash of the row.
type Row = (u64, String, String, [u8; 32], [u8; 32]);

/// What the catalogue holds apart from ids, batches, times and the log: in the order of slots.
fn content(dir: &Path) -> Vec<Row> {
    let db = rusqlite::Connection::open(dir.join("catalog.sqlite")).unwrap();
    let select = "SELECT slot, labels.name, source, content, vector_hash FROM exemplars \
         JOIN labels ON labels.id = label ORDER BY slot";
    let mut statement = db.prepare(select).unwrap();
    let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn compacted_after_a_forget_the_files_are_those_of_a_memory_that_never_held_it(
        order in Just((0u32..50).collect::<Vec<_>>()).prop_shuffle(), gone in prop::collection::btree_set(0u32..50, 1..30),
        step in 1usize..12,
    ) {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [alone, both] = [folders[0].path(), folders[1].path()];
        let samples = |some: &[u32]| some.iter().map(|&n| sample(n)).collect::<Vec<Sample>>();
        let kept: Vec<u32> = order.iter().copied().filter(|n| !gone.contains(n)).collect();
        prop_assume!(!kept.is_empty());
        add(alone, &samples(&kept)).unwrap();
        for part in order.chunks(step) {
            let mut editor = Editor::open_or_create(both, &encoder()).unwrap();
            let samples = samples(part);
            let exemplars: Vec<_> = samples.iter().map(new_exemplar).collect();
            let added = editor.batch().add(&exemplars).unwrap();
            let ids = part.iter().zip(added).filter(|(n, _)| gone.contains(n)).map(|(_, added)| match added {
                crate::Added::New(id) => id,
                other => panic!("{other:?}"),
            });
            let ids: Vec<u64> = ids.collect();
            if !ids.is_empty() {
                editor.forget(&Selector { ids, ..Default::default() }).unwrap();
            }
        }
        let before = decide(both);
        for dir in [alone, both] {
            Editor::open(dir).unwrap().compact().unwrap();
            prop_assert_eq!(verify(dir).unwrap().faults, []);
        }
        prop_assert_eq!(decide(both), before, "ids and decisions stay");
        prop_assert_eq!(fs::read(vectors::path(both)).unwrap(), fs::read(vectors::path(alone)).unwrap());
        prop_assert_eq!(content(both), content(alone));
        prop_assert_eq!(Memory::open(both).unwrap().digest(), Memory::open(alone).unwrap().digest());
    }
}

#[test]
fn compaction_gives_room_back_and_tells_open_readers() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..800).map(sample).collect::<Vec<_>>()).unwrap();
    decide(dir);
    Editor::open(dir).unwrap().forget(&ids_where(dir, |id| id % 4 != 0)).unwrap();
    let reader = Memory::open(dir).unwrap();
    let compacted = Editor::open(dir).unwrap().compact().unwrap();
    let Compacted { free_slots, bytes_before, bytes_after } = compacted;
    assert!(free_slots == 600 && bytes_after < bytes_before, "{bytes_before} {bytes_after}");
    assert_eq!(fs::metadata(vectors::path(dir)).unwrap().len(), 200 * 20);
    let asked = reader.classify(&sample(3).embedding, &ClassifyOptions::default());
    assert!(is_store(asked, |error| matches!(error, StoreError::Outdated { .. })));
    let again = Editor::open(dir).unwrap().compact().unwrap();
    assert_eq!(again, Compacted { free_slots: 0, bytes_before: bytes_after, bytes_after });
    assert_eq!(verify(dir).unwrap().faults, []);
    decide(dir);
    add(dir, &[sample(900)]).unwrap();
    assert_eq!(verify(dir).unwrap().faults, []);
}

/// Not a test by itself: the process that the test below starts and that kills itself on the way.
#[test]
fn child_process_that_compacts() {
    if let Some(dir) = std::env::var_os(DIRECTORY) {
        Editor::open(Path::new(&dir)).unwrap().compact().unwrap();
    }
}

#[test]
fn a_kill_at_any_step_of_compact_changes_no_answer() {
    let points = [
        ("rows copied:1", false),
        ("compaction prepared:1", false),
        ("compaction committed:1", true),
        ("state published:1", true),
        ("rows in place:1", true),
        ("vacuumed:1", true),
        ("log copied:1", true),
    ];
    for (point, committed) in points {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        add(dir, &(0..60).map(sample).collect::<Vec<_>>()).unwrap();
        Editor::open(dir).unwrap().forget(&ids_where(dir, |id| id % 3 == 0)).unwrap();
        let before = decide(dir);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "tests::compacting::child_process_that_compacts"]);
        assert!(!child.env(DIRECTORY, dir).env(VARIABLE, point).output().unwrap().status.success(), "{point}");
        assert_eq!(decide(dir), before, "{point}: a reader before recovery");
        assert_eq!(verify(dir).unwrap().faults, [], "{point}");
        assert_eq!(decide(dir), before, "{point}");
        let free = Memory::open(dir).unwrap().stats().unwrap().free_slots;
        assert_eq!(free, if committed { 0 } else { 20 }, "{point}");
        assert!(!vectors::unfinished_path(dir).exists(), "{point}");
        Editor::open(dir).unwrap().compact().unwrap();
        assert_eq!(decide(dir), before, "{point}");
    }
}
