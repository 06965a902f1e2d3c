use std::path::Path;

use proptest::prelude::*;
use vismem_search::Filter;

use super::partitions::forge;
use super::{DIM, Sample, add, build, sample};
use crate::index::{derived, partitions};
use crate::store::unit::unit;
use crate::{Among, ClassifyOptions, Editor, IndexKind, Memory, Pruning, Search, Threshold, Vote};

const QUERY: [f32; DIM] = [1.0, 0.0, 0.0, 0.0, 0.0];

/// The size of the smallest set without which the answer is another one, by trying all sets.
fn by_trying(memory: &Memory, options: &ClassifyOptions) -> Option<usize> {
    let label = |among| {
        let options = ClassifyOptions { among, ..options.clone() };
        memory.classify(&QUERY, &options).unwrap().remove(0).label().to_owned()
    };
    let answer = label(None);
    let all = memory.len();
    let sets = (1u32..(1 << all) - 1).filter(|set| {
        let gone: Vec<u64> = (0..all as u64).filter(|id| set >> id & 1 == 1).map(|id| id + 1).collect();
        label(Some(Among::Without(gone))) != answer
    });
    sets.map(u32::count_ones).min().map(|size| size as usize)
}

/// At one of few distances from the query, so that equal ones are common.
fn at(n: u32, step: u32, label: u8) -> Sample {
    Sample { n, label: format!("label-{label}"), embedding: [1.0, 0.2 * step as f32, 0.0, 0.0, 0.0] }
}

fn memory(dir: &Path, exemplars: &[(u32, u8)]) -> Memory {
    let samples: Vec<Sample> = (0..).zip(exemplars).map(|(n, &(step, label))| at(n, step, label)).collect();
    add(dir, &samples).unwrap();
    Memory::open(dir).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_smallest_flip_is_as_small_as_trying_all_sets_finds(
        exemplars in prop::collection::vec((0u32..6, 0u8..3), 2..9), k in 1usize..6, weight in 0u32..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let memory = memory(folder.path(), &exemplars);
        let some_label = memory.labels()[0].name.clone();
        for vote in [Vote::Plurality, Vote::DISTANCE, Vote::Distance { xi: 20.0 }, Vote::SOFTMAX, Vote::RANK] {
            let weights = vec![(some_label.clone(), f64::from(weight + 1) / 2.0)];
            for weights in [Vec::new(), weights] {
                let options = ClassifyOptions { k, vote, weights, ..Default::default() };
                let flip = memory.smallest_flip(&QUERY, &options).unwrap();
                prop_assert_eq!(flip.as_ref().map(|flip| flip.exemplars.len()), by_trying(&memory, &options), "{}", vote);
                if let Some(flip) = flip {
                    let answer = memory.classify(&QUERY, &options).unwrap().remove(0);
                    let among = Some(Among::Without(flip.exemplars.clone()));
                    let without = memory.classify(&QUERY, &ClassifyOptions { among, ..options }).unwrap().remove(0);
                    prop_assert_eq!(&without, &flip.decision);
                    prop_assert_ne!(without.label(), answer.label());
                }
            }
        }
    }
}

#[test]
fn a_large_majority_takes_many_to_flip_and_a_single_label_cannot_be_flipped() {
    let folder = tempfile::tempdir().unwrap();
    let exemplars: Vec<(u32, u8)> = (0..60).map(|n| (n, u8::from(n >= 50))).collect();
    let memory = memory(folder.path(), &exemplars);
    let options = ClassifyOptions { k: 10, vote: Vote::Plurality, ..Default::default() };
    let flip = memory.smallest_flip(&QUERY, &options).unwrap().unwrap();
    // Without 45 of the first label, 5 of it and 5 of the second are left; the first voted before.
    assert_eq!(flip.exemplars.len(), 46);

    let alike = tempfile::tempdir().unwrap();
    add(alike.path(), &(0..20).map(|n| Sample { label: "one".into(), ..sample(n) }).collect::<Vec<_>>()).unwrap();
    assert_eq!(Memory::open(alike.path()).unwrap().smallest_flip(&QUERY, &options).unwrap(), None);
}

#[test]
fn hidden_neighbours_are_not_what_a_decision_hangs_on() {
    let folder = tempfile::tempdir().unwrap();
    // Exemplar 2 lies among those of another label.
    let before = memory(folder.path(), &[(0, 0), (0, 1), (0, 0), (0, 0), (5, 1), (5, 1), (5, 1)]);
    drop(before);
    let pruning = Pruning::Hard { neighbors: 2, threshold: Threshold::Votes(2) };
    Editor::open(folder.path()).unwrap().set_pruning(Some(pruning)).unwrap();
    let memory = Memory::open(folder.path()).unwrap();
    assert_eq!(memory.hidden().unwrap(), [2]);
    let options = ClassifyOptions { k: 4, vote: Vote::Plurality, ..Default::default() };
    let flip = memory.smallest_flip(&QUERY, &options).unwrap().unwrap();
    assert!(!flip.exemplars.contains(&2), "{flip:?}");
    assert_eq!(flip.decision.label(), "label-1");
}

#[test]
fn a_search_by_partitions_gives_a_flip_of_the_neighbours_that_it_finds() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..400).map(sample).collect::<Vec<_>>()).unwrap();
    assert!(build(folder.path(), IndexKind::Partitions));
    // One partition is all that a search goes to: the least effort at 10 and at 100 neighbours.
    let file = derived::path(folder.path(), partitions::NAME);
    for at in [96, 168] {
        forge(&file, 1 << 62, 64..256, at, 1 << 32);
    }
    let memory = Memory::open(folder.path()).unwrap();
    let search = Search::Partitioned { recall: 0.5 };
    let by_partitions = ClassifyOptions { k: 5, search, ..Default::default() };
    let exactly = ClassifyOptions { search: Search::Exact, ..by_partitions.clone() };
    let mut others = 0;
    for query in (1000..1100).map(|n| sample(n).embedding) {
        let answer = memory.classify(&query, &by_partitions).unwrap().remove(0);
        let flip = memory.smallest_flip(&query, &by_partitions).unwrap().unwrap();
        assert_ne!(flip.decision.label(), answer.label());
        assert_eq!(flip.decision.recall, answer.recall);
        let unit = unit(0, &query, DIM).unwrap();
        let ids = |k| memory.neighbors_by(search, &unit, k, Filter::default()).unwrap().concat();
        let found: Vec<u64> = [5, 13, 69, 517].into_iter().flat_map(ids).map(|neighbor| neighbor.id).collect();
        assert!(flip.exemplars.iter().all(|id| found.contains(id)));
        let exact = memory.smallest_flip(&query, &exactly).unwrap().unwrap();
        others += usize::from(exact.exemplars != flip.exemplars);
    }
    assert!(others > 0);
}
