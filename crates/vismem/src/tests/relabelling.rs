use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::{Sample, add, build, sample};
use crate::index::codes::{self, CodeMap};
use crate::store::kill_point::VARIABLE;
use crate::{
    ClassifyOptions, EditError, Editor, EventKind, IndexKind, Memory, SelectError, Selector, Taxonomy, verify,
};

const DIRECTORY: &str = "VISMEM_TEST_RELABEL_IN";

fn by_ids(ids: &[u64]) -> Selector {
    Selector { ids: ids.to_vec(), ..Default::default() }
}

fn labels(dir: &Path) -> Vec<String> {
    let mut labels = Vec::new();
    Memory::open(dir).unwrap().for_each_exemplar(|exemplar| labels.push(exemplar.label)).unwrap();
    labels
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn relabelled_is_as_if_added_with_the_label_and_undoing_all_is_as_if_nothing_was(
        steps in prop::collection::vec((prop::collection::btree_set(1u64..=20, 1..8), 0u32..9), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        add(dir, &(0..20).map(sample).collect::<Vec<_>>()).unwrap();
        let mut states = vec![(Memory::open(dir).unwrap().digest(), labels(dir))];
        let mut editor = Editor::open(dir).unwrap();
        for (ids, label) in &steps {
            let ids: Vec<u64> = ids.iter().copied().collect();
            let event = editor.relabel(&by_ids(&ids), &format!("label-{label}")).unwrap();
            if event.is_some() {
                states.push((Memory::open(dir).unwrap().digest(), labels(dir)));
            }
        }
        let (digest, now) = states.pop().unwrap();
        let fresh = tempfile::tempdir().unwrap();
        let samples: Vec<Sample> = (0..20).zip(&now).map(|(n, label)| Sample { label: label.clone(), ..sample(n) }).collect();
        add(fresh.path(), &samples).unwrap();
        let memories = [dir, fresh.path()].map(|dir| Memory::open(dir).unwrap());
        prop_assert_eq!(memories[1].digest(), digest);
        let decide = |memory: &Memory| memory.classify(&sample(50).embedding, &ClassifyOptions::default()).unwrap();
        prop_assert_eq!(decide(&memories[0]), decide(&memories[1]));
        let names = |memory: &Memory| memory.labels().iter().map(|l| (l.name.clone(), l.exemplars)).collect::<Vec<_>>();
        prop_assert_eq!(names(&memories[0]), names(&memories[1]), "a label without exemplars is gone");
        drop(memories);

        while let Some(before) = states.pop() {
            editor.undo().unwrap();
            prop_assert_eq!((Memory::open(dir).unwrap().digest(), labels(dir)), before);
        }
        let undone = matches!(editor.undo(), Err(EditError::NothingToUndo { .. }));
        prop_assert!(undone);
        drop(editor);
        prop_assert_eq!(verify(dir).unwrap().faults, []);
    }
}

#[test]
fn relabelling_touches_no_embedding_and_keeps_the_codes() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
    assert!(build(dir, IndexKind::Codes));
    let read = || ["vectors.f32", codes::NAME].map(|file| std::fs::read(dir.join(file)).unwrap().split_off(32));
    let before = read();
    let reader = Memory::open(dir).unwrap();
    let event = Editor::open(dir).unwrap().relabel(&by_ids(&[3, 10]), "new").unwrap().unwrap();
    // Exemplar 3 has label-2, 10 has label-2, too.
    assert_eq!(
        (event.kind, event.exemplars, event.after),
        (EventKind::Relabel, 2, Memory::open(dir).unwrap().digest())
    );
    assert_eq!(read(), before);
    assert!(CodeMap::open(&Memory::open(dir).unwrap()).is_some(), "codes belong to the new digest");
    let label_in = |memory: &Memory| memory.exemplar(3).unwrap().unwrap().label;
    assert_eq!((label_in(&reader).as_str(), label_in(&Memory::open(dir).unwrap()).as_str()), ("label-2", "new"));
    reader.classify(&sample(9).embedding, &ClassifyOptions::default()).unwrap();

    let mut editor = Editor::open(dir).unwrap();
    assert_eq!(editor.relabel(&by_ids(&[3, 10]), "new").unwrap(), None, "nothing is no event");
    assert!(matches!(editor.relabel(&by_ids(&[3]), ""), Err(EditError::EmptyLabel { .. })));
    let each = BTreeMap::from([(3, "a".to_owned()), (4, "b".to_owned())]);
    assert_eq!(editor.relabel_each(&each).unwrap().unwrap().exemplars, 2);
    let unknown = BTreeMap::from([(3, "a".to_owned()), (99, "b".to_owned())]);
    assert!(matches!(editor.relabel_each(&unknown), Err(EditError::Select(SelectError::Unknown(_)))));
}

#[test]
fn a_label_of_the_taxonomy_stays_without_exemplars_and_a_forget_ends_undo() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..14).map(sample).collect::<Vec<_>>()).unwrap();
    let mut editor = Editor::open(dir).unwrap();
    let mut taxonomy = Taxonomy { levels: vec!["genus".into()], ..Default::default() };
    taxonomy.insert("label-1", &["one".into()]).unwrap();
    editor.add_taxonomy(&taxonomy).unwrap();
    editor.relabel(&Selector { labels: vec!["label-1".into()], ..Default::default() }, "label-0").unwrap();
    editor.relabel(&Selector { labels: vec!["label-2".into()], ..Default::default() }, "label-0").unwrap();
    let names = || Memory::open(dir).unwrap().labels().iter().map(|label| label.name.clone()).collect::<Vec<_>>();
    assert!(names().contains(&"label-1".to_owned()) && !names().contains(&"label-2".to_owned()), "{:?}", names());
    editor.forget(&by_ids(&[5])).unwrap();
    let error = editor.undo().unwrap_err().to_string();
    assert!(error.contains("a forget cannot be undone and ends what could be undone before it"), "{error}");
    editor.relabel(&by_ids(&[6]), "label-0").unwrap();
    editor.undo().unwrap();
}

#[test]
fn a_taxonomy_is_set_whole_and_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..3).map(sample).collect::<Vec<_>>()).unwrap();
    let digest = Memory::open(dir).unwrap().digest();
    let mut first = Taxonomy { levels: vec!["genus".into()], ..Default::default() };
    first.insert("label-1", &["one".into()]).unwrap();
    first.insert("without-exemplars", &["one".into()]).unwrap();
    let mut second = Taxonomy { levels: vec!["genus".into(), "family".into()], ..Default::default() };
    for (label, genus, family) in [("label-0", "even", "a"), ("label-1", "odd", "a"), ("label-2", "even", "b")] {
        second.insert(label, &[genus.into(), family.into()]).unwrap();
    }
    for taxonomy in [&first, &second, &first] {
        Editor::open(dir).unwrap().set_taxonomy(taxonomy).unwrap();
        let memory = Memory::open(dir).unwrap();
        assert_eq!(&memory.taxonomy().unwrap(), taxonomy);
        assert_eq!(memory.labels().iter().any(|label| label.name == "without-exemplars"), *taxonomy == first);
        assert_eq!(memory.labels().iter().filter(|label| label.exemplars > 0).count(), 3);
        assert_eq!(memory.digest(), digest, "a taxonomy is not part of the digest");
        assert_eq!(verify(dir).unwrap().faults, []);
    }
    assert_eq!(first.names_in_two_places(), []);
    let two = second.names_in_two_places().remove(0);
    assert_eq!((two.level.as_str(), two.name.as_str(), two.above), ("genus", "even", vec!["a".into(), "b".into()]));
}

#[test]
fn taxonomies_are_in_the_log_and_undone_like_labels_until_a_forget() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..4).map(sample).collect::<Vec<_>>()).unwrap();
    let mut first = Taxonomy { levels: vec!["genus".into()], ..Default::default() };
    first.insert("label-1", &["one's".into()]).unwrap();
    first.insert("nobody \"yet\"", &["one's".into()]).unwrap();
    let mut second = Taxonomy { levels: vec!["family".into(), "order".into()], ..Default::default() };
    second.insert("label-1", &["a".into(), "b".into()]).unwrap();
    let mut more = Taxonomy { levels: second.levels.clone(), ..Default::default() };
    more.insert("label-2", &["secret family".into(), "b".into()]).unwrap();

    let mut editor = Editor::open(dir).unwrap();
    let states = |dir: &Path| {
        let memory = Memory::open(dir).unwrap();
        let names: Vec<String> = memory.labels().iter().map(|label| label.name.clone()).collect();
        (memory.taxonomy().unwrap(), names, memory.digest())
    };
    let mut before = vec![states(dir)];
    let event = editor.set_taxonomy(&first).unwrap().unwrap();
    assert_eq!((event.kind, event.exemplars, event.before), (EventKind::Taxonomy, 0, event.after));
    assert_eq!(editor.set_taxonomy(&first).unwrap(), None, "nothing is no event");
    before.push(states(dir));
    editor.relabel(&by_ids(&[2]), "label-0").unwrap();
    before.push(states(dir));
    editor.set_taxonomy(&second).unwrap();
    before.push(states(dir));
    editor.add_taxonomy(&more).unwrap();
    assert_eq!(editor.add_taxonomy(&more).unwrap(), None);
    let last = states(dir);
    assert_eq!(last.0.labels.len(), 2);

    // Each undo takes back the latest of either kind.
    while let Some(state) = before.pop() {
        let event = editor.undo().unwrap();
        assert_eq!((event.kind, states(dir)), (EventKind::Undo, state));
    }
    assert!(matches!(editor.undo(), Err(EditError::NothingToUndo { .. })));
    let kinds: Vec<&str> = Memory::open(dir).unwrap().events().unwrap().iter().map(|event| event.kind.name()).collect();
    assert_eq!(kinds[..5], ["add", "taxonomy", "relabel", "taxonomy", "taxonomy"]);
    assert_eq!(kinds[5..], ["undo"; 4]);

    // A forget keeps nothing of what could name what goes.
    editor.set_taxonomy(&second).unwrap();
    editor.add_taxonomy(&more).unwrap();
    editor.set_taxonomy(&first).unwrap();
    editor.forget(&by_ids(&[3])).unwrap();
    assert!(matches!(editor.undo(), Err(EditError::NothingToUndo { .. })));
    drop(editor);
    for file in std::fs::read_dir(dir).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(13).any(|window| window == b"secret family"));
    }
    assert_eq!(verify(dir).unwrap().faults, []);
}

/// Not a test by itself: the process that the test below starts and that kills itself on the way.
#[test]
fn child_process_that_relabels() {
    if let Some(dir) = std::env::var_os(DIRECTORY) {
        Editor::open(Path::new(&dir)).unwrap().relabel(&by_ids(&[1, 2, 3, 4, 5]), "new").unwrap();
    }
}

#[test]
fn a_kill_at_any_step_of_relabel_leaves_all_labels_as_they_were_or_all_new() {
    for (point, committed) in [("change prepared:1", false), ("change committed:1", true), ("log copied:1", true)] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        add(dir, &(0..20).map(sample).collect::<Vec<_>>()).unwrap();
        Memory::open(dir).unwrap().classify(&sample(9).embedding, &ClassifyOptions::default()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "tests::relabelling::child_process_that_relabels"]);
        assert!(!child.env(DIRECTORY, dir).env(VARIABLE, point).output().unwrap().status.success(), "{point}");
        let new = || labels(dir).iter().filter(|label| *label == "new").count();
        assert_eq!(new(), if committed { 5 } else { 0 }, "{point}");
        assert_eq!(verify(dir).unwrap().faults, [], "{point}");
        Memory::open(dir).unwrap().classify(&sample(9).embedding, &ClassifyOptions::default()).unwrap();
        if committed {
            Editor::open(dir).unwrap().undo().unwrap();
        }
        assert_eq!(new(), 0, "{point}");
    }
}
