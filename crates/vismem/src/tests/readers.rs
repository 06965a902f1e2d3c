//! Readers while somebody edits.

use std::path::Path;

use super::{add, new_exemplar, sample};
use crate::{Editor, Error, Memory, Selector, StoreError, Taxonomy};

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
    let decision = memory.classify(&sample(77).embedding, &crate::ClassifyOptions { k: 40, ..Default::default() })?;
    assert_eq!((decision[0].neighbors.len(), decision[0].label()), (labels.len(), labels[0].as_str()));
    let votes = memory.reliability(3, &mut ())?;
    assert_eq!(votes.iter().map(|(_, votes)| votes.retrievals as usize).sum::<usize>(), 3 * labels.len());
    Ok(())
}

#[test]
fn readers_during_any_edit_see_whole_states() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let samples: Vec<_> = (0..30).map(|n| super::Sample { label: "a".into(), ..sample(n) }).collect();
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
                let more: Vec<_> =
                    samples[20..].iter().map(|s| super::Sample { label: to.into(), ..sample(s.n) }).collect();
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
