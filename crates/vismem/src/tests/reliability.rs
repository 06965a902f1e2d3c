use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::{DIM, Sample, add};
use crate::{Memory, Votes, derived};

fn counts(dir: &Path, neighbors: usize) -> BTreeMap<u64, Votes> {
    Memory::open(dir).unwrap().reliability(neighbors, &mut |_, _| {}).unwrap().iter().collect()
}

/// The definition, as plain as it can be written.
fn counted(dir: &Path, neighbors: usize) -> BTreeMap<u64, Votes> {
    let memory = Memory::open(dir).unwrap();
    let live: Vec<usize> = (0..memory.slots.ids.len()).filter(|&slot| !memory.is_free(slot)).collect();
    let mut counts: BTreeMap<u64, Votes> =
        live.iter().map(|&slot| (memory.slots.ids[slot], Votes::default())).collect();
    for &asking in &live {
        let distance = |slot: usize| vismem_search::distance(memory.vector(asking), memory.vector(slot));
        let mut others: Vec<usize> = live.iter().copied().filter(|&slot| slot != asking).collect();
        others
            .sort_by(|&a, &b| distance(a).total_cmp(&distance(b)).then(memory.slots.ids[a].cmp(&memory.slots.ids[b])));
        for &slot in others.iter().take(neighbors) {
            let votes = counts.get_mut(&memory.slots.ids[slot]).unwrap();
            votes.retrievals += 1;
            votes.wrong += u32::from(memory.slots.label(slot) != memory.slots.label(asking));
        }
    }
    counts
}

/// Few directions and labels, so that equal distances are common.
fn coarse(n: u32) -> Sample {
    let embedding: [f32; DIM] = std::array::from_fn(|i| ((n >> i) & 1) as f32 + if i == 0 { 0.5 } else { 0.0 });
    Sample { n, label: format!("label-{}", n % 3), embedding }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn counts_after_any_adds_are_those_from_scratch(
        parts in prop::collection::vec((prop::collection::vec(0u32..200, 1..30), any::<bool>()), 1..6),
        neighbors in 1usize..8,
    ) {
        let folder = tempfile::tempdir().unwrap();
        for (part, asked) in parts {
            add(folder.path(), &part.into_iter().map(coarse).collect::<Vec<_>>()).unwrap();
            // Sometimes several edits come before somebody asks.
            if asked {
                prop_assert_eq!(counts(folder.path(), neighbors), counted(folder.path(), neighbors));
            }
        }
        prop_assert_eq!(counts(folder.path(), neighbors), counted(folder.path(), neighbors));
        prop_assert_eq!(counts(folder.path(), 1), counted(folder.path(), 1), "longer lists hold shorter ones");
        prop_assert_eq!(counts(folder.path(), 9), counted(folder.path(), 9), "short lists are made longer");
    }
}

#[test]
fn an_add_after_the_first_count_searches_for_the_added_alone() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..40).map(coarse).collect::<Vec<_>>()).unwrap();
    let searched = |neighbors| {
        let mut total = 0;
        Memory::open(folder.path()).unwrap().reliability(neighbors, &mut |_, of| total = of).unwrap();
        total
    };
    assert_eq!(searched(5), 40);
    assert_eq!(searched(5), 0, "from the file");
    assert_eq!(searched(3), 0, "from longer lists");
    add(folder.path(), &(40..50).map(coarse).collect::<Vec<_>>()).unwrap();
    assert_eq!(searched(5), 10);
    assert_eq!(searched(6), 50);
    std::fs::remove_file(folder.path().join(derived::FELLOWS)).unwrap();
    assert_eq!(searched(5), 50);
    let memory = Memory::open(folder.path()).unwrap();
    assert!(memory.reliability(0, &mut |_, _| {}).is_err());
    assert!(memory.reliability(10_001, &mut |_, _| {}).is_err());
}

#[test]
fn damaged_fellows_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..30).map(coarse).collect::<Vec<_>>()).unwrap();
    let right = counts(folder.path(), 4);
    let file = folder.path().join(derived::FELLOWS);
    let whole = std::fs::read(&file).unwrap();
    for place in (0..whole.len()).step_by(37) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x41;
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(counts(folder.path(), 4), right, "byte {place}");
        assert_eq!(std::fs::read(&file).unwrap(), whole, "byte {place}");
    }
}
