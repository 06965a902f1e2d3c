//! Readers while somebody edits.

use std::path::Path;

use proptest::prelude::*;
use vismem_search::FREE;

use super::{Sample, add, new_exemplar, sample};
use crate::{ClassifyOptions, Editor, Error, Memory, Selector, StoreError, Taxonomy};

/// The levels, and what every label is called there, are those of one word.
fn taxonomy(word: &str) -> Taxonomy {
    let mut taxonomy = Taxonomy { levels: vec![word.into()], ..Default::default() };
    ["a", "b"].into_iter().for_each(|label| taxonomy.insert(label, &[word.into()]).unwrap());
    taxonomy
}

/// Looks, unless the memory is changed under the look; says so if it is.
fn look(dir: &Path) -> Result<(), Error> {
    let memory = Memory::open(dir)?;
    let mut labels = Vec::new();
    memory.for_each_exemplar(|exemplar| labels.push(exemplar.label))?;
    assert!(labels.len() == 20 || labels.len() == 30, "{} exemplars are no state of this memory", labels.len());
    assert!(labels.iter().all(|label| *label == labels[0]), "half of a relabelling: {labels:?}");
    let found = memory.taxonomy()?;
    assert!([taxonomy("genus"), taxonomy("order")].contains(&found), "half of a taxonomy: {found:?}");
    let decision = memory.classify(&sample(77).embedding, &ClassifyOptions { k: 40, ..Default::default() })?;
    assert_eq!((decision[0].neighbors.len(), decision[0].label()), (labels.len(), labels[0].as_str()));
    let votes = memory.reliability(3, &mut ())?;
    assert_eq!(votes.iter().map(|(_, votes)| votes.retrievals as usize).sum::<usize>(), 3 * labels.len());
    Ok(())
}

#[test]
fn readers_during_any_edit_see_whole_states() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let samples: Vec<_> = (0..30).map(|n| Sample { label: "a".into(), ..sample(n) }).collect();
    add(dir, &samples[..20]).unwrap();
    Editor::open(dir).unwrap().set_taxonomy(&taxonomy("genus")).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..12 {
                let (from, to) = if round % 2 == 0 { ("a", "b") } else { ("b", "a") };
                let word = if round % 2 == 0 { "order" } else { "genus" };
                let mut editor = Editor::open(dir).unwrap();
                editor.relabel(&Selector { labels: vec![from.into()], ..Default::default() }, to).unwrap();
                editor.set_taxonomy(&taxonomy(word)).unwrap();
                let more: Vec<_> = samples[20..].iter().map(|s| Sample { label: to.into(), ..sample(s.n) }).collect();
                editor.batch().add(&more.iter().map(new_exemplar).collect::<Vec<_>>()).unwrap();
                let added = Selector { sources: (20..30).map(|n| format!("{n}.jpg")).collect(), ..Default::default() };
                editor.forget(&added).unwrap();
                editor.compact().unwrap();
            }
        });
        let mut seen = 0;
        while !writer.is_finished() {
            match look(dir) {
                Ok(()) => seen += 1,
                Err(error) if matches!(error.as_store(), Some(StoreError::Outdated { .. })) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert!(seen > 0);
    });
    look(dir).unwrap();
    assert_eq!(crate::verify(dir).unwrap().faults, []);
}

/// Everything that a handle answers from.
fn seen(memory: &Memory) -> impl PartialEq + std::fmt::Debug + use<> {
    let label = |slot: usize| if memory.is_free(slot) { "" } else { &memory.slots.label(slot).name }.to_owned();
    let labels: Vec<String> = (0..memory.slots.ids.len()).map(label).collect();
    let options = ClassifyOptions { k: 100, ..Default::default() };
    let decision = (!memory.is_empty()).then(|| memory.classify(&sample(77).embedding, &options).unwrap());
    // How new a query is depends on all that is there.
    let novelty: Vec<_> = [0.0, 0.001, 0.01, 0.1].map(|distance| memory.novelty(distance).unwrap()).into();
    (memory.slots.ids.clone(), labels, memory.labels().to_vec(), memory.digest(), decision, novelty)
}

#[derive(Debug, Clone)]
enum Edit {
    Add(u32),
    /// With a label that nobody else has.
    AddAlone(u32),
    /// The exemplar at this place of those that are there, if there is one.
    Forget(usize),
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..Default::default() })]

    #[test]
    fn a_handle_that_follows_additions_and_forgets_sees_what_a_fresh_reader_sees(
        steps in prop::collection::vec(prop::collection::vec(prop_oneof![
            (0u32..60).prop_map(Edit::Add), (0u32..60).prop_map(Edit::AddAlone), (0usize..20).prop_map(Edit::Forget),
        ], 1..5), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        add(dir, &(100..110).map(sample).collect::<Vec<_>>()).unwrap();
        let mut memory = Memory::open(dir).unwrap();
        seen(&memory);
        for edits in steps {
            for edit in edits {
                match edit {
                    Edit::Add(n) => drop(add(dir, &[sample(n)]).unwrap()),
                    Edit::AddAlone(n) => drop(add(dir, &[Sample { label: format!("alone-{n}"), ..sample(n) }]).unwrap()),
                    Edit::Forget(place) => {
                        let ids: Vec<u64> = Memory::open(dir).unwrap().ids().into_iter().skip(place).take(1).collect();
                        if !ids.is_empty() {
                            Editor::open(dir).unwrap().forget(&Selector { ids, ..Default::default() }).unwrap();
                        }
                    }
                }
            }
            let fresh = Memory::open(dir).unwrap();
            let followed = memory.followed().unwrap();
            prop_assert!(followed.is_some(), "it read everything again");
            prop_assert_eq!(seen(&followed.unwrap()), seen(&fresh));
            memory.refresh().unwrap();
            prop_assert_eq!(seen(&memory), seen(&fresh));
        }
    }
}

#[test]
fn a_handle_does_not_follow_what_was_moved_but_reads_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..10).map(sample).collect::<Vec<_>>()).unwrap();
    let mut memory = Memory::open(dir).unwrap();
    let mut editor = Editor::open(dir).unwrap();
    editor.forget(&Selector { ids: vec![3], ..Default::default() }).unwrap();
    editor.batch().add(&[new_exemplar(&sample(50))]).unwrap();
    editor.compact().unwrap();
    drop(editor);
    assert!(memory.followed().unwrap().is_none(), "as many slots, others in them");
    assert!(memory.refresh().unwrap());
    assert_eq!(seen(&memory), seen(&Memory::open(dir).unwrap()));
    assert!(memory.slots.ids.iter().all(|id| *id != FREE));
}

#[test]
fn whoever_asks_for_the_latest_state_is_never_told_that_it_is_outdated() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..20).map(sample).collect::<Vec<_>>()).unwrap();
    let mut memory = Memory::open(dir).unwrap();
    let mut asked = 0;
    let answer = memory.latest(|memory| {
        asked += 1;
        if asked <= 3 {
            // Under the answer.
            Editor::open(dir).unwrap().forget(&Selector { ids: vec![asked], ..Default::default() }).unwrap();
        }
        memory.classify(&sample(77).embedding, &ClassifyOptions { k: 100, ..Default::default() })
    });
    assert_eq!((answer.unwrap()[0].neighbors.len(), asked, memory.len()), (17, 4, 17));
}
