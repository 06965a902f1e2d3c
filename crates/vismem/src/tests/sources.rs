use std::collections::BTreeMap;
use std::path::Path;

use super::forgetting::files_with;
use super::{add, build_all, new_exemplar, sample};
use crate::{EditError, Editor, EventKind, Memory, NewExemplar, SelectError, Selector, Source, verify};

fn moved(ids: &[u64]) -> BTreeMap<u64, Source> {
    ids.iter().map(|id| (*id, Source::from(format!("/moved/to/{id}.png")))).collect()
}

fn sources(dir: &Path) -> Vec<String> {
    let mut sources = Vec::new();
    let source = |exemplar: crate::Exemplar| sources.push(exemplar.source.unwrap().to_string());
    Memory::open(dir).unwrap().for_each_exemplar(source).unwrap();
    sources
}

#[test]
fn a_moved_exemplar_is_as_if_it_was_added_from_there() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [dir, fresh] = [folders[0].path(), folders[1].path()];
    let samples: Vec<_> = (0..20).map(sample).collect();
    add(dir, &samples).unwrap();
    build_all(dir);
    let mut editor = Editor::open(dir).unwrap();
    let event = editor.move_sources(&moved(&[2, 7])).unwrap().unwrap();
    assert_eq!((event.kind, event.exemplars), (EventKind::Move, 2));
    assert_eq!(editor.move_sources(&moved(&[2, 7])).unwrap(), None, "nothing is no event");
    let unknown = editor.move_sources(&moved(&[3, 99]));
    assert!(matches!(unknown, Err(EditError::Select(SelectError::Unknown(_)))));

    let mut anew: Vec<NewExemplar<'_>> = samples.iter().map(new_exemplar).collect();
    for (id, source) in moved(&[2, 7]) {
        anew[id as usize - 1].source = Some(source);
    }
    Editor::open_or_create(fresh, &super::encoder()).unwrap().batch().add(&anew).unwrap();
    assert_eq!(Memory::open(dir).unwrap().digest(), Memory::open(fresh).unwrap().digest());
    assert_eq!(sources(dir), sources(fresh));
    assert_eq!(verify(dir).unwrap().faults, []);
    let log: Vec<_> = Memory::open(dir).unwrap().events().unwrap().iter().map(|event| event.kind.name()).collect();
    assert_eq!(log, ["add", "move"]);
}

#[test]
fn undo_takes_labels_back_and_leaves_pictures_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..9).map(sample).collect::<Vec<_>>()).unwrap();
    let mut editor = Editor::open(dir).unwrap();
    let before = Memory::open(dir).unwrap().exemplar(2).unwrap().unwrap().label;
    editor.relabel(&Selector { ids: vec![2], ..Selector::default() }, "other").unwrap();
    editor.move_sources(&moved(&[2])).unwrap();
    editor.undo().unwrap();
    let exemplar = Memory::open(dir).unwrap().exemplar(2).unwrap().unwrap();
    assert_eq!((exemplar.label, exemplar.source), (before, Some(moved(&[2])[&2].clone())));
    assert!(matches!(editor.undo(), Err(EditError::NothingToUndo { .. })), "a move is not undone");
}

#[test]
fn a_forget_leaves_neither_place_of_a_moved_exemplar_in_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let samples: Vec<_> = (0..300).map(sample).collect();
    add(dir, &samples).unwrap();
    let ids: Vec<u64> = (100..140).collect();
    let before = samples[99..139].iter().map(|sample| new_exemplar(sample).source.unwrap());
    let places: Vec<Vec<u8>> =
        before.chain(moved(&ids).into_values()).map(|source| source.as_bytes().to_vec()).collect();
    let mut editor = Editor::open(dir).unwrap();
    editor.move_sources(&moved(&ids)).unwrap();
    assert!(files_with(dir, &places).len() >= ids.len(), "the new places are there");
    editor.forget(&Selector { ids, ..Selector::default() }).unwrap();
    drop(editor);
    assert_eq!(files_with(dir, &places), [""; 0]);
    assert_eq!(verify(dir).unwrap().faults, []);
}

#[test]
fn a_memory_gets_a_table_of_moves_with_the_first_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..9).map(sample).collect::<Vec<_>>()).unwrap();
    let has_moves = || {
        let db = rusqlite::Connection::open(dir.join("catalog.sqlite")).unwrap();
        crate::store::schema::has(&db, "moves").unwrap()
    };
    assert!(!has_moves());
    Editor::open(dir).unwrap().move_sources(&moved(&[2])).unwrap();
    assert!(has_moves());
    Editor::open(dir).unwrap().move_sources(&moved(&[3])).unwrap();
    assert_eq!(verify(dir).unwrap().faults, []);
}
