use std::path::Path;

use super::forgetting::files_with;
use super::{Sample, add, encoder, new_exemplar, sample};
use crate::{
    Added, AttributeType, AttributeValue, Attributes, Date, EditError, Editor, Memory, NewExemplar, Selector,
    StoreError, verify,
};

/// Attributes of every type, which `n` decides; every fifth sample has none.
pub(super) fn attributes_of(n: u32) -> Attributes {
    let mut attributes = Attributes::new();
    if !n.is_multiple_of(5) {
        let day = Date::from_days_since_1970(18_000 + n as i32).unwrap();
        attributes.insert("camera", format!("camera at gate {n:04}").into()).unwrap();
        attributes.insert("day", day.into()).unwrap();
        attributes.insert("weight", (f64::from(n) + 0.125).into()).unwrap();
        attributes.insert("wild", n.is_multiple_of(2).into()).unwrap();
    }
    if n == 7 {
        attributes.insert("only seven", "77777 sevens".into()).unwrap();
    }
    attributes
}

pub(super) fn with_attributes(sample: &Sample) -> NewExemplar<'_> {
    NewExemplar { attributes: attributes_of(sample.n), ..new_exemplar(sample) }
}

fn add_with_attributes(dir: &Path, samples: &[Sample]) -> Vec<Added> {
    let mut editor = Editor::open_or_create(dir, &encoder()).unwrap();
    editor.batch().add(&samples.iter().map(with_attributes).collect::<Vec<_>>()).unwrap()
}

fn attributes_in(dir: &Path) -> Vec<Attributes> {
    let mut found = Vec::new();
    Memory::open(dir).unwrap().for_each_exemplar(|exemplar| found.push(exemplar.attributes)).unwrap();
    found
}

#[test]
fn attributes_come_back_as_they_were_and_the_memory_knows_which_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add_with_attributes(dir, &(0..30).map(sample).collect::<Vec<_>>());
    let memory = Memory::open(dir).unwrap();
    assert_eq!(attributes_in(dir), (0..30).map(attributes_of).collect::<Vec<_>>());
    assert_eq!(memory.exemplar(8).unwrap().unwrap().attributes, attributes_of(7));
    assert_eq!(memory.stored(8).unwrap().unwrap().attributes, attributes_of(7));
    let known: Vec<_> =
        memory.attributes().unwrap().into_iter().map(|known| (known.name, known.kind, known.exemplars)).collect();
    let expected = [
        ("camera", AttributeType::Text, 24),
        ("day", AttributeType::Date, 24),
        ("only seven", AttributeType::Text, 1),
        ("weight", AttributeType::Number, 24),
        ("wild", AttributeType::Boolean, 24),
    ];
    assert_eq!(known, expected.map(|(name, kind, exemplars)| (name.to_owned(), kind, exemplars)));
    assert_eq!(memory.stats().unwrap().attributes, memory.attributes().unwrap());
    assert_eq!(verify(dir).unwrap().faults, []);
}

#[test]
fn the_digest_says_which_attributes_there_are_and_is_the_old_one_where_there_are_none() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [without, with, one_less] = folders.each_ref().map(|folder| folder.path());
    let samples: Vec<Sample> = (0..20).map(sample).collect();
    add(without, &samples).unwrap();
    add_with_attributes(with, &samples);
    let mut changed: Vec<NewExemplar<'_>> = samples.iter().map(with_attributes).collect();
    changed[7].attributes = attributes_of(17);
    Editor::open_or_create(one_less, &encoder()).unwrap().batch().add(&changed).unwrap();
    let digests = [without, with, one_less].map(|dir| Memory::open(dir).unwrap().digest());
    assert!(digests[0] != digests[1] && digests[1] != digests[2]);
    // As it was before there were attributes.
    assert_eq!(digests[0].to_string(), "ab381634358fca029b0db071b099baa3aa2e6fbafac623303cc85a7c470ee2a3");

    // What has attributes goes, and what stays has none.
    let mut editor = Editor::open(with).unwrap();
    let ids: Vec<u64> = (0..20).filter(|n| n % 5 != 0).map(|n| n + 1).collect();
    editor.forget(&Selector { ids: ids.clone(), ..Default::default() }).unwrap();
    drop(editor);
    let mut editor = Editor::open(without).unwrap();
    editor.forget(&Selector { ids, ..Default::default() }).unwrap();
    drop(editor);
    assert_eq!(Memory::open(with).unwrap().digest(), Memory::open(without).unwrap().digest());
}

#[test]
fn an_attribute_has_one_type_and_another_one_is_refused_by_both_names() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let samples: Vec<Sample> = (0..3).map(sample).collect();
    let exemplar = |n: usize, value: AttributeValue| {
        let mut attributes = Attributes::new();
        attributes.insert("year", value).unwrap();
        NewExemplar { attributes, ..new_exemplar(&samples[n]) }
    };
    let mut editor = Editor::open_or_create(dir, &encoder()).unwrap();
    let error = editor.batch().add(&[exemplar(0, 2020.0.into()), exemplar(1, "2021".into())]).unwrap_err();
    assert!(matches!(&error, EditError::AttributeType { index: 1, .. }), "{error}");
    editor.batch().add(&[exemplar(0, 2020.0.into())]).unwrap();
    let error = editor.batch().add(&[exemplar(1, 2021.0.into()), exemplar(2, "2022".into())]).unwrap_err().to_string();
    assert!(error.contains("\"year\"") && error.contains("text") && error.contains("number"), "{error}");
    assert_eq!(editor.attribute_types().unwrap(), [("year".to_owned(), AttributeType::Number)].into());
    drop(editor);
    assert_eq!(Memory::open(dir).unwrap().len(), 1, "nothing of what was refused was added");
    assert_eq!(verify(dir).unwrap().faults, []);
}

#[test]
fn nothing_of_the_attributes_of_what_was_forgotten_is_in_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let samples: Vec<Sample> = (0..300).map(sample).collect();
    // In small batches, with some forgotten on the way, so that pages are split and rebuilt.
    let is_gone = |n: u32| n % 3 == 1;
    let mut gone: Vec<u32> = Vec::new();
    for part in samples.chunks(30) {
        add_with_attributes(dir, part);
        let ids: Vec<u64> = part.iter().filter(|sample| is_gone(sample.n)).map(|s| u64::from(s.n) + 1).collect();
        gone.extend(ids.iter().map(|id| *id as u32 - 1));
        let traces: Vec<Vec<u8>> = gone.iter().flat_map(|&n| traces_of(n)).collect();
        assert!(files_with(dir, &traces).len() >= ids.len(), "they are there before");
        Editor::open(dir).unwrap().forget(&Selector { ids, ..Default::default() }).unwrap();
        assert_eq!(files_with(dir, &traces), [""; 0]);
    }
    assert_eq!(files_with(dir, &[b"only seven".to_vec()]), [""; 0], "so does the name of what only they had");
    assert_eq!(verify(dir).unwrap().faults, []);
    let kept = (0..300).filter(|n| !is_gone(*n)).map(attributes_of).collect::<Vec<_>>();
    assert_eq!(attributes_in(dir), kept);
    Editor::open(dir).unwrap().compact().unwrap();
    assert_eq!(attributes_in(dir), kept, "compaction keeps them");
    assert_eq!(verify(dir).unwrap().faults, []);
}

/// What the attributes of a sample leave in a file: text, date and number as they are stored.
fn traces_of(n: u32) -> Vec<Vec<u8>> {
    let attributes = attributes_of(n);
    let stored = |(_, value): (&str, &AttributeValue)| match value {
        AttributeValue::Text(text) => Some(text.as_bytes().to_vec()),
        AttributeValue::Date(date) => Some(date.to_string().into_bytes()),
        AttributeValue::Number(number) => Some(number.to_be_bytes().to_vec()),
        AttributeValue::Boolean(_) => None,
    };
    attributes.iter().filter_map(stored).collect()
}

#[test]
fn changes_of_labels_leave_attributes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add_with_attributes(dir, &(0..12).map(sample).collect::<Vec<_>>());
    let before = (attributes_in(dir), Memory::open(dir).unwrap().digest());
    let mut editor = Editor::open(dir).unwrap();
    editor.relabel(&Selector { ids: vec![2, 3], ..Default::default() }, "other").unwrap();
    drop(editor);
    assert_eq!(attributes_in(dir), before.0);
    assert_eq!(verify(dir).unwrap().faults, []);
    Editor::open(dir).unwrap().undo().unwrap();
    assert_eq!((attributes_in(dir), Memory::open(dir).unwrap().digest()), before);
}

#[test]
fn changed_attributes_are_named_by_verify_and_never_answered_from() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add_with_attributes(dir, &(0..12).map(sample).collect::<Vec<_>>());
    for change in [
        "UPDATE attribute_values SET value = 'x' WHERE exemplar = 2 AND value LIKE 'camera%'",
        "UPDATE attribute_values SET value = 5 WHERE exemplar = 2 AND value LIKE 'camera%'",
        "UPDATE attribute_values SET value = 'never' WHERE exemplar = 2 AND value LIKE '20%'",
        "UPDATE attributes SET name = 'lens' WHERE name = 'camera'",
        "UPDATE attributes SET type = 'date' WHERE name = 'camera'",
        "DELETE FROM attribute_values WHERE exemplar = 2",
        "INSERT INTO attributes (name, type) VALUES ('none', 'text')",
    ] {
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(dir).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        let db = rusqlite::Connection::open(copy.path().join("catalog.sqlite")).unwrap();
        assert!(db.execute(change, []).unwrap() > 0, "{change}");
        drop(db);
        assert!(matches!(Memory::open(copy.path()), Err(StoreError::Damaged { .. })), "{change}");
        assert_ne!(verify(copy.path()).unwrap().faults, [], "{change}");
    }
}
