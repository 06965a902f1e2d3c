//! The choice of a vote: a setting that is logged, undone and followed, and that a damaged catalogue cannot bend.

use std::path::Path;

use rusqlite::Connection;

use super::{add, sample};
use crate::store::{schema, settings};
use crate::{EditError, Editor, EventKind, Memory, Selector, StoreError, Taxonomy, Tuning, Vote, verify};

const RANK: Tuning = Tuning { vote: Vote::RANK, k: 5 };
const KERNEL: Tuning = Tuning { vote: Vote::Kernel { gamma: 4.0, lambda: 0.3 }, k: 50 };

fn by_ids(ids: &[u64]) -> Selector {
    Selector { ids: ids.to_vec(), ..Selector::default() }
}

fn tuning(dir: &Path) -> Option<Tuning> {
    Memory::open(dir).unwrap().tuning().unwrap()
}

fn kinds(dir: &Path) -> Vec<&'static str> {
    Memory::open(dir).unwrap().events().unwrap().iter().map(|event| event.kind.name()).collect()
}

fn memory() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..20).map(sample).collect::<Vec<_>>()).unwrap();
    folder
}

#[test]
fn a_choice_is_kept_in_the_log_and_changes_no_exemplar() {
    let folder = memory();
    let dir = folder.path();
    let (digest, hash) = (Memory::open(dir).unwrap().digest(), settings_hash(dir));
    assert_eq!((tuning(dir), Memory::open(dir).unwrap().decides_by().unwrap()), (None, Tuning::default()));
    let mut editor = Editor::open(dir).unwrap();
    assert_eq!(editor.set_tuning(None).unwrap(), None, "nothing is no event");
    assert!(!schema::has(&editor.catalog.db, "tunings").unwrap(), "and makes no table");

    let votes = [Vote::Plurality, Vote::Distance { xi: 0.1 }, Vote::Softmax { tau: 1e9 }, RANK.vote, KERNEL.vote];
    for (vote, k) in votes.into_iter().zip([1, 10_000, 7, 5, 2000]) {
        let event = editor.set_tuning(Some(Tuning { vote, k })).unwrap().unwrap();
        assert_eq!((event.kind, event.exemplars, event.before, event.undid), (EventKind::Tune, 0, event.after, None));
        assert_eq!(editor.set_tuning(Some(Tuning { vote, k })).unwrap(), None);
        let memory = Memory::open(dir).unwrap();
        assert_eq!((memory.tuning().unwrap(), memory.digest()), (Some(Tuning { vote, k }), digest));
    }
    editor.set_tuning(None).unwrap().unwrap();
    assert_eq!(tuning(dir), None);
    assert_ne!(settings_hash(dir), hash, "the hash of the settings covers what was chosen");
    for (vote, k) in [(Vote::RANK, 0), (Vote::RANK, 10_001), (Vote::KERNEL, 2001), (Vote::Rank { alpha: f64::NAN }, 1)]
    {
        let refused = editor.set_tuning(Some(Tuning { vote, k }));
        assert!(matches!(refused, Err(EditError::Parameter(_))), "{vote} of {k}: {refused:?}");
    }
    assert_eq!(kinds(dir), ["add", "tune", "tune", "tune", "tune", "tune", "tune"]);
    drop(editor);
    assert_eq!(verify(dir).unwrap().faults, []);
}

fn settings_hash(dir: &Path) -> [u8; 32] {
    settings::hash_of(&Connection::open(dir.join("catalog.sqlite")).unwrap()).unwrap()
}

#[test]
fn undo_takes_choices_back_among_other_changes_until_something_is_forgotten() {
    let folder = memory();
    let dir = folder.path();
    let mut taxonomy = Taxonomy { levels: vec!["genus".into()], ..Default::default() };
    taxonomy.insert("label-1", &["one's".into()]).unwrap();
    let state = || {
        let memory = Memory::open(dir).unwrap();
        (memory.tuning().unwrap(), memory.taxonomy().unwrap(), memory.digest())
    };
    let mut editor = Editor::open(dir).unwrap();
    let mut before = vec![state()];
    editor.set_tuning(Some(RANK)).unwrap();
    before.push(state());
    editor.relabel(&by_ids(&[2]), "other").unwrap();
    before.push(state());
    editor.set_tuning(Some(KERNEL)).unwrap();
    before.push(state());
    editor.set_taxonomy(&taxonomy).unwrap();
    before.push(state());
    editor.set_tuning(None).unwrap();
    let mut undid = Vec::new();
    while let Some(state_before) = before.pop() {
        let event = editor.undo().unwrap();
        assert_eq!((event.kind, state()), (EventKind::Undo, state_before));
        undid.extend(event.undid.map(EventKind::name));
    }
    assert_eq!(undid, ["tune", "taxonomy", "tune", "relabel", "tune"]);
    assert!(matches!(editor.undo(), Err(EditError::NothingToUndo { .. })));

    // A choice that took an undone one's place is undone in its turn, to what was there before it.
    editor.set_tuning(Some(RANK)).unwrap();
    editor.set_tuning(Some(KERNEL)).unwrap();
    editor.undo().unwrap();
    editor.set_tuning(Some(Tuning { k: 7, ..RANK })).unwrap();
    editor.undo().unwrap();
    assert_eq!(tuning(dir), Some(RANK));
    // It names no exemplar: a forget leaves it, but is as far as any undo goes back.
    editor.forget(&by_ids(&[3])).unwrap();
    assert_eq!(tuning(dir), Some(RANK));
    assert!(matches!(editor.undo(), Err(EditError::NothingToUndo { .. })));
    editor.set_tuning(Some(KERNEL)).unwrap();
    editor.undo().unwrap();
    assert_eq!(tuning(dir), Some(RANK));
    drop(editor);
    assert_eq!(verify(dir).unwrap().faults, []);
}

#[test]
fn a_choice_is_stale_once_more_than_a_tenth_of_the_exemplars_came_went_or_changed() {
    let folder = memory();
    let dir = folder.path();
    let state = || {
        let state = Memory::open(dir).unwrap().tuning_state().unwrap().unwrap();
        (state.event, state.changed, state.stale)
    };
    let mut editor = Editor::open(dir).unwrap();
    editor.set_tuning(Some(RANK)).unwrap();
    assert_eq!(state(), (2, 0, false));
    editor.relabel(&by_ids(&[2]), "other").unwrap();
    editor.move_sources(&[(4, "/moved".into()), (5, "/too".into())].into()).unwrap();
    editor.forget(&by_ids(&[3])).unwrap();
    assert_eq!(state(), (2, 2, true), "2 of 19; moved pictures are the same pictures");
    // The same choice again is one for what is there now.
    assert_eq!(editor.set_tuning(Some(RANK)).unwrap().unwrap().kind, EventKind::Tune);
    assert_eq!(state().1, 0);
    drop(editor);
    add(dir, &[sample(50)]).unwrap();
    assert_eq!(state().1, 1);
    // What is put back was chosen when it was chosen.
    let mut editor = Editor::open(dir).unwrap();
    editor.set_tuning(Some(KERNEL)).unwrap();
    assert_eq!(state().1, 0);
    editor.undo().unwrap();
    assert_eq!(state().1, 1);
}

#[test]
fn a_reader_keeps_the_choice_of_its_state_until_it_is_refreshed() {
    let folder = memory();
    let dir = folder.path();
    let mut reader = Memory::open(dir).unwrap();
    let mut editor = Editor::open(dir).unwrap();
    editor.set_tuning(Some(RANK)).unwrap();
    let older = reader.clone();
    assert!(reader.refresh().unwrap());
    assert_eq!((older.tuning().unwrap(), reader.tuning().unwrap()), (None, Some(RANK)));
    editor.batch().add(&[super::new_exemplar(&sample(60))]).unwrap();
    editor.forget(&by_ids(&[1])).unwrap();
    assert!(reader.refresh().unwrap());
    assert_eq!((reader.tuning().unwrap(), reader.len()), (Some(RANK), 20));
    assert_eq!(reader.tuning_state().unwrap().unwrap().changed, 2);
    editor.undo().unwrap_err();
    editor.compact().unwrap();
    assert!(reader.refresh().unwrap());
    assert_eq!(reader.tuning().unwrap(), Some(RANK), "compacting keeps it");
}

#[test]
fn a_catalogue_whose_choice_makes_no_sense_is_damaged_whatever_its_hash_says() {
    let folder = memory();
    let dir = folder.path();
    let mut editor = Editor::open(dir).unwrap();
    editor.set_tuning(Some(RANK)).unwrap();
    editor.set_tuning(Some(KERNEL)).unwrap();
    drop(editor);
    let catalog = std::fs::read(dir.join("catalog.sqlite")).unwrap();
    for change in [
        "UPDATE tunings SET k = 2001 WHERE event = 3",
        "UPDATE tunings SET k = 0 WHERE event = 3",
        "UPDATE tunings SET k = -1 WHERE event = 3",
        "UPDATE tunings SET gamma = -1 WHERE event = 3",
        "UPDATE tunings SET gamma = 9e999 WHERE event = 3",
        "UPDATE tunings SET lambda = NULL WHERE event = 3",
        "UPDATE tunings SET vote = 'acclamation' WHERE event = 3",
        "UPDATE tunings SET vote = 'softmax' WHERE event = 3",
        "UPDATE tunings SET chosen = NULL WHERE event = 3",
        "UPDATE tunings SET chosen = 99 WHERE event = 3",
        "UPDATE tunings SET undoes = 2 WHERE event = 3",
        "UPDATE tunings SET event = 1 WHERE event = 2; DELETE FROM tunings WHERE event = 3",
        "UPDATE tunings SET event = 9 WHERE event = 3",
        "DELETE FROM tunings",
    ] {
        std::fs::write(dir.join("catalog.sqlite"), &catalog).unwrap();
        for file in ["catalog.sqlite-wal", "catalog.sqlite-shm"] {
            let _ = std::fs::remove_file(dir.join(file));
        }
        let db = Connection::open(dir.join("catalog.sqlite")).unwrap();
        db.execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF").unwrap();
        db.execute_batch(change).unwrap();
        assert!(matches!(Memory::open(dir), Err(StoreError::Damaged { .. })), "{change}");
        settings::keep(&db).unwrap();
        drop(db);
        assert!(matches!(Memory::open(dir), Err(StoreError::Damaged { .. })), "{change}, with its hash");
        assert!(!verify(dir).unwrap().is_sound(), "{change}");
        assert!(Editor::open(dir).is_err(), "{change}");
    }
}

#[test]
fn a_sample_depends_on_the_content_alone() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let samples: Vec<_> = (0..60).map(sample).collect();
    add(folders[0].path(), &samples).unwrap();
    for part in samples.chunks(7).rev() {
        add(folders[1].path(), part).unwrap();
    }
    let drawn = |dir: &Path, count: usize| -> Vec<String> {
        let memory = Memory::open(dir).unwrap();
        let ids = memory.sample_by_content(count, |label| label.name != "label-3").unwrap();
        let exemplars = memory.exemplars(&ids).unwrap().into_iter().flatten();
        let source = |exemplar: crate::Exemplar| {
            assert_ne!(exemplar.label, "label-3");
            exemplar.source.unwrap().to_string()
        };
        exemplars.map(source).collect()
    };
    for count in [0, 1, 20, 1000] {
        assert_eq!(drawn(folders[0].path(), count), drawn(folders[1].path(), count));
        assert_eq!(drawn(folders[0].path(), count).len(), count.min(51));
    }
}
