use super::{add, encoder, new_exemplar, sample};
use crate::{Added, EditError, Editor, Memory, NewExemplar, Selector, verify};

#[test]
fn what_is_taken_to_another_memory_keeps_its_ids_and_gives_the_same_digest() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let samples: Vec<_> = (0..9).map(sample).collect();
    add(from.path(), &samples).unwrap();
    Editor::open(from.path()).unwrap().forget(&Selector { ids: vec![2, 5], ..Default::default() }).unwrap();
    let memory = Memory::open(from.path()).unwrap();
    let ids = memory.ids();
    assert_eq!(ids, [1, 3, 4, 6, 7, 8, 9]);

    let stored: Vec<_> = ids.iter().map(|&id| memory.stored(id).unwrap().unwrap()).collect();
    let exemplars: Vec<_> = stored
        .iter()
        .map(|stored| NewExemplar {
            embedding: stored.embedding,
            label: &stored.label,
            source: stored.source.clone(),
            content: stored.content,
            attributes: stored.attributes.clone(),
        })
        .collect();
    let mut editor = Editor::open_or_create(to.path(), &encoder()).unwrap();
    let added = editor.batch().add_as(&exemplars, &ids).unwrap();
    assert_eq!(added, ids.iter().map(|&id| Added::New(id)).collect::<Vec<_>>());
    // The next id is one that neither memory has used.
    assert_eq!(editor.batch().add(&[new_exemplar(&sample(20))]).unwrap(), [Added::New(10)]);
    editor.forget(&Selector { ids: vec![10], ..Default::default() }).unwrap();
    drop(editor);
    let copy = Memory::open(to.path()).unwrap();
    assert_eq!(copy.digest(), memory.digest());
    assert_eq!(copy.stored(3).unwrap(), memory.stored(3).unwrap());
    assert_eq!(copy.stored(2).unwrap(), None);
    assert_eq!(verify(to.path()).unwrap().faults, []);
}

#[test]
fn ids_can_be_given_in_any_order_as_long_as_nothing_was_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let samples: Vec<_> = (0..3).map(sample).collect();
    let new: Vec<_> = samples.iter().map(new_exemplar).collect();
    let mut editor = Editor::open_or_create(folder.path(), &encoder()).unwrap();
    editor.batch().add_as(&new[..2], &[9, 3]).unwrap();
    assert!(editor.is_unused(5).unwrap() && !editor.is_unused(3).unwrap() && !editor.is_unused(0).unwrap());
    assert_eq!(editor.batch().add_as(&new[2..], &[5]).unwrap(), [Added::New(5)]);
    drop(editor);
    assert_eq!(Memory::open(folder.path()).unwrap().ids(), [3, 5, 9]);
    assert_eq!(verify(folder.path()).unwrap().faults, []);
}

#[test]
fn an_id_that_was_used_is_never_given_again() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &[sample(0), sample(1)]).unwrap();
    let mut editor = Editor::open(folder.path()).unwrap();
    editor.forget(&Selector { ids: vec![2], ..Default::default() }).unwrap();
    let (a, b) = (sample(5), sample(6));
    let new = [new_exemplar(&a), new_exemplar(&b)];
    for ids in [[2, 3], [4, 4], [5, 4], [7, u64::MAX]] {
        let refused = editor.batch().add_as(&new, &ids).unwrap_err();
        assert!(matches!(refused, EditError::IdUsed { .. }), "{ids:?}: {refused}");
    }
    assert_eq!(editor.batch().add_as(&new, &[30, 31]).unwrap(), [Added::New(30), Added::New(31)]);
    drop(editor);
    assert_eq!(Memory::open(folder.path()).unwrap().ids(), [1, 30, 31]);
}
