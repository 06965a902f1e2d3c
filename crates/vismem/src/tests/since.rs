use std::path::Path;

use proptest::prelude::*;

use super::{Sample, add, build, sample};
use crate::{BuildOptions, ClassifyOptions, Editor, IndexKind, Memory, Pruning, QueryError, Since, Threshold, Vote};

fn since(dir: &Path, batch: u64, k: usize) -> Since {
    Memory::open(dir).unwrap().changed_since(batch, k, Vote::RANK, &mut ()).unwrap()
}

/// Labels that leave-one-out gives the first so many exemplars.
fn decided(dir: &Path, exemplars: usize, k: usize) -> Vec<String> {
    let memory = Memory::open(dir).unwrap();
    let mut ids = Vec::new();
    memory.for_each_exemplar(|exemplar| ids.push(exemplar.id)).unwrap();
    let options = ClassifyOptions { k, vote: Vote::RANK, ..Default::default() };
    let decisions = memory.classify_exemplars(&ids[..exemplars], &options).unwrap();
    decisions.iter().map(|decision| decision.label().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_an_add_changed_is_what_two_memories_decide(
        old in prop::collection::btree_set(0u32..60, 2..30), new in prop::collection::btree_set(60u32..120, 0..30),
        k in 1usize..9, pruned in 0u8..3, counted_before in any::<bool>(),
    ) {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [alone, both] = [folders[0].path(), folders[1].path()];
        let old: Vec<Sample> = old.into_iter().map(sample).collect();
        add(alone, &old).unwrap();
        add(both, &old).unwrap();
        if counted_before {
            build(both, IndexKind::NeighborLists);
        }
        let new: Vec<Sample> = new.into_iter().map(sample).collect();
        let batch = if new.is_empty() { 1 } else { 2 };
        add(both, &new).unwrap();
        let pruning = match pruned {
            0 => None,
            1 => Some(Pruning::SOFT),
            _ => Some(Pruning::Hard { neighbors: 4, threshold: Threshold::Share(0.8) }),
        };
        for dir in [alone, both] {
            Editor::open(dir).unwrap().set_pruning(pruning).unwrap();
        }
        if new.is_empty() {
            let nothing = Memory::open(both).unwrap().changed_since(batch, k, Vote::RANK, &mut ());
            let refused = matches!(nothing, Err(QueryError::NothingBefore { batch: 1, .. }));
            prop_assert!(refused);
            return Ok(());
        }

        let found = since(both, batch, k);
        let (before, after) = (decided(alone, old.len(), k), decided(both, old.len(), k));
        let all_after = decided(both, old.len() + new.len(), k);
        let right = |decided: &[String], samples: &[Sample]| {
            samples.iter().zip(decided).filter(|(sample, decided)| sample.label == **decided).count()
        };
        let share = |right: usize, of: usize| right as f64 / of as f64;
        prop_assert_eq!((found.added.exemplars, found.old.exemplars), (new.len(), old.len()));
        prop_assert_eq!(found.old.accuracy_before, share(right(&before, &old), old.len()));
        prop_assert_eq!(found.old.accuracy_after, share(right(&after, &old), old.len()));
        prop_assert_eq!(found.added.accuracy, Some(share(right(&all_after[old.len()..], &new), new.len())));
        let both_sides = || old.iter().zip(before.iter().zip(&after));
        prop_assert_eq!(found.old.changed, both_sides().filter(|(_, (before, after))| before != after).count());
        let spoilt = both_sides().filter(|(old, (before, after))| old.label == **before && old.label != **after);
        prop_assert_eq!(found.old.spoilt, spoilt.count());
        let mended = both_sides().filter(|(old, (before, after))| old.label != **before && old.label == **after);
        prop_assert_eq!(found.old.mended, mended.count());
        for label in &found.labels {
            let of: Vec<usize> = (0..old.len()).filter(|&at| old[at].label == label.label).collect();
            let right = |decided: &[String]| of.iter().filter(|&&at| decided[at] == label.label).count();
            prop_assert_eq!(label.exemplars, of.len());
            prop_assert_eq!(label.accuracy_before, share(right(&before), of.len()));
            prop_assert_eq!(label.accuracy_after, share(right(&after), of.len()));
            let taken = of.iter().filter(|&&at| before[at] == label.label && after[at] != label.label);
            prop_assert_eq!(label.taken_for.is_some(), taken.count() > 0);
        }
        let gains: Vec<f64> = found.labels.iter().map(|label| label.accuracy_after - label.accuracy_before).collect();
        prop_assert!(gains.is_sorted());
        let olds: Vec<&str> = old.iter().map(|sample| sample.label.as_str()).collect();
        let mut fresh: Vec<String> =
            new.iter().map(|s| s.label.clone()).filter(|label| !olds.contains(&label.as_str())).collect();
        fresh.sort();
        fresh.dedup();
        prop_assert_eq!(found.added.new_labels, fresh);
    }
}

#[test]
fn the_lists_that_are_kept_spare_most_of_the_search_for_what_an_add_changed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..50).map(sample).collect::<Vec<_>>()).unwrap();
    add(dir, &(50..52).map(sample).collect::<Vec<_>>()).unwrap();
    let options = BuildOptions { neighbors: Some(5), ..Default::default() };
    Memory::open(dir).unwrap().build_index(IndexKind::NeighborLists, &options, &mut ()).unwrap();
    let mut searched = 0;
    let memory = Memory::open(dir).unwrap();
    memory
        .changed_since(2, 5, Vote::RANK, &mut |_: &'static str, _, of: Option<u64>| {
            searched = of.unwrap();
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    // Only those of which one of the two was among the five nearest.
    let lists = memory.reliability(5, &mut ()).unwrap();
    let met = lists.votes(51).unwrap().retrievals + lists.votes(52).unwrap().retrievals;
    assert!(searched > 0 && searched <= u64::from(met), "{searched} of {met}");
}

#[test]
fn batches_that_are_not_there_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &[sample(0), sample(1)]).unwrap();
    let memory = Memory::open(dir).unwrap();
    assert_eq!(memory.last_batch().unwrap(), Some(1));
    let ask = |batch, k| memory.changed_since(batch, k, Vote::RANK, &mut ());
    assert!(matches!(ask(0, 5), Err(QueryError::Unknown(_))));
    assert!(matches!(ask(2, 5), Err(QueryError::Unknown(_))));
    assert!(matches!(ask(1, 0), Err(QueryError::Search(_))));
    let error = ask(1, 5).unwrap_err().to_string();
    assert!(error.contains("fewer than two of its exemplars before batch 1"), "{error}");
}
