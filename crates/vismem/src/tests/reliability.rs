use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use proptest::prelude::*;

use super::{DIM, Sample, add};
use crate::index::derived;
use crate::index::neighbor_lists::NeighborLists;
use crate::{BuildOptions, Editor, IndexKind, Memory, Selector, Votes};

pub(super) fn counts(dir: &Path, neighbors: usize) -> BTreeMap<u64, Votes> {
    Memory::open(dir).unwrap().reliability(neighbors, &mut ()).unwrap().iter().collect()
}

/// Builds neighbour lists of this length, or brings them up to date; how many were searched for.
fn build(dir: &Path, neighbors: usize) -> u64 {
    let mut searched = 0;
    let mut progress = |what: &'static str, _, of: Option<u64>| {
        if what == "exemplars" {
            searched = of.unwrap();
        }
        ControlFlow::Continue(())
    };
    let options = BuildOptions { neighbors: Some(neighbors), ..Default::default() };
    Memory::open(dir).unwrap().build_index(IndexKind::NeighborLists, &options, &mut progress).unwrap();
    searched
}

/// The counts, with lists that are kept.
fn kept_counts(dir: &Path, neighbors: usize) -> BTreeMap<u64, Votes> {
    build(dir, neighbors);
    counts(dir, neighbors)
}

/// The definition, as plain as it can be written.
pub(super) fn counted(dir: &Path, neighbors: usize) -> BTreeMap<u64, Votes> {
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

#[derive(Debug, Clone)]
enum Edit {
    Add(Vec<u32>),
    /// Every exemplar whose id leaves this remainder.
    Forget {
        every: u64,
        remainder: u64,
    },
    /// The same, to be given this label.
    Relabel {
        every: u64,
        remainder: u64,
        label: u8,
    },
    Compact,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        prop::collection::vec(0u32..200, 1..30).prop_map(Edit::Add),
        (2u64..12, 0u64..12).prop_map(|(every, remainder)| Edit::Forget { every, remainder: remainder % every }),
        (2u64..6, 0u64..6, 0u8..3).prop_map(|(every, remainder, label)| Edit::Relabel {
            every,
            remainder: remainder % every,
            label
        }),
        Just(Edit::Compact),
    ]
}

/// Changes the exemplars of these ids, if there are any.
fn change(dir: &Path, which: impl Fn(u64) -> bool, how: impl FnOnce(&mut Editor, &Selector)) {
    let memory = Memory::open(dir).unwrap();
    let ids: Vec<u64> =
        memory.slots.ids.iter().copied().filter(|id| *id != vismem_search::FREE && which(*id)).collect();
    drop(memory);
    if !ids.is_empty() {
        how(&mut Editor::open(dir).unwrap(), &Selector { ids, ..Default::default() });
    }
}

fn forget(dir: &Path, which: impl Fn(u64) -> bool) {
    change(dir, which, |editor, selector| drop(editor.forget(selector).unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn counts_after_any_edits_are_those_from_scratch(
        edits in prop::collection::vec((edit(), any::<bool>()), 1..8), neighbors in 1usize..8,
    ) {
        let folder = tempfile::tempdir().unwrap();
        add(folder.path(), &(0..10).map(coarse).collect::<Vec<_>>()).unwrap();
        build(folder.path(), neighbors);
        for (edit, asked) in edits {
            let is_there = || derived::path(folder.path(), derived::NEIGHBOR_LISTS).exists();
            let carried = is_there() && !matches!(edit, Edit::Compact);
            match edit {
                Edit::Compact => drop(Editor::open(folder.path()).unwrap().compact().unwrap()),
                Edit::Add(samples) => {
                    add(folder.path(), &samples.into_iter().map(coarse).collect::<Vec<_>>()).unwrap();
                }
                Edit::Forget { every, remainder } => forget(folder.path(), |id| id % every == remainder),
                Edit::Relabel { every, remainder, label } => {
                    let relabel = |editor: &mut Editor, selector: &Selector| {
                        editor.relabel(selector, &format!("label-{label}")).unwrap();
                    };
                    change(folder.path(), |id| id % every == remainder, relabel);
                }
            }
            prop_assert_eq!(is_there(), carried, "edits carry the lists over");
            // Sometimes several edits come before somebody asks.
            if asked {
                prop_assert_eq!(counts(folder.path(), neighbors), counted(folder.path(), neighbors), "nothing kept");
                prop_assert_eq!(kept_counts(folder.path(), neighbors), counted(folder.path(), neighbors));
            }
        }
        prop_assert_eq!(kept_counts(folder.path(), neighbors), counted(folder.path(), neighbors));
        prop_assert_eq!(counts(folder.path(), 1), counted(folder.path(), 1), "longer lists hold shorter ones");
        prop_assert_eq!(kept_counts(folder.path(), 9), counted(folder.path(), 9), "short lists are made longer");
    }
}

#[test]
fn a_forget_leaves_its_exemplars_in_no_list_and_searches_for_the_lists_that_it_shortened_alone() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..60).map(coarse).collect::<Vec<_>>()).unwrap();
    build(folder.path(), 3);
    let memory = Memory::open(folder.path()).unwrap();
    let votes = memory.reliability(3, &mut ()).unwrap().votes(7).unwrap();
    let slot = memory.slots.ids.iter().position(|id| *id == 7).unwrap() as u32;
    drop(memory);
    forget(folder.path(), |id| id == 7);
    let file = std::fs::read(folder.path().join(derived::NEIGHBOR_LISTS)).unwrap();
    let lists = file[128..128 + 64 * 3 * 4].as_chunks::<4>().0;
    assert!(lists.iter().all(|neighbor| u32::from_le_bytes(*neighbor) != slot), "a list names what is gone");
    assert_eq!(build(folder.path(), 3), u64::from(votes.retrievals));
}

#[test]
fn lists_of_another_arrangement_of_the_same_content_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..30).map(coarse).collect::<Vec<_>>()).unwrap();
    build(folder.path(), 4);
    let (file, digest) = (folder.path().join(derived::NEIGHBOR_LISTS), Memory::open(folder.path()).unwrap().digest());
    let lists = std::fs::read(&file).unwrap();
    forget(folder.path(), |id| id == 3 || id == 4);
    add(folder.path(), &[coarse(3), coarse(2)]).unwrap();
    assert_eq!(Memory::open(folder.path()).unwrap().digest(), digest, "the same content");
    std::fs::write(&file, lists).unwrap();
    assert_eq!(counts(folder.path(), 4), counted(folder.path(), 4));
}

#[test]
fn an_add_after_lists_were_built_searches_for_the_added_alone() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..40).map(coarse).collect::<Vec<_>>()).unwrap();
    let searched = |neighbors| build(folder.path(), neighbors);
    assert_eq!(searched(5), 40);
    assert_eq!(searched(5), 0, "from the file");
    assert_eq!(searched(3), 0, "from longer lists");
    add(folder.path(), &(40..50).map(coarse).collect::<Vec<_>>()).unwrap();
    assert_eq!(searched(5), 10);
    assert_eq!(searched(6), 50);
    std::fs::remove_file(folder.path().join(derived::NEIGHBOR_LISTS)).unwrap();
    assert_eq!(searched(5), 50);
    let memory = Memory::open(folder.path()).unwrap();
    assert!(memory.reliability(0, &mut ()).is_err());
    assert!(memory.reliability(10_001, &mut ()).is_err());
}

#[test]
fn what_finds_who_names_an_exemplar_is_that_of_the_lists_that_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..150).map(coarse).collect::<Vec<_>>()).unwrap();
    build(dir, 3);
    forget(dir, |id| [7, 19, 140].contains(&id));
    let file = dir.join(derived::NEIGHBOR_LISTS);
    let edited = std::fs::read(&file).unwrap();
    // The same lists, written as they are when they have been searched for.
    let memory = Memory::open(dir).unwrap();
    let again = tempfile::NamedTempFile::new().unwrap();
    let lists = NeighborLists::load(&memory).expect("whole");
    lists.write(&memory, again.path(), again.reopen().unwrap()).unwrap();
    assert_eq!(std::fs::read(again.path()).unwrap(), edited);
}

#[test]
fn neighbor_lists_of_another_layout_are_neither_read_nor_changed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..30).map(coarse).collect::<Vec<_>>()).unwrap();
    let right = kept_counts(dir, 4);
    let file = dir.join(derived::NEIGHBOR_LISTS);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[76] = 0;
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(counts(dir, 4), right, "searched for");
    assert_eq!(build(dir, 4), 30);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[76] = 0;
    std::fs::write(&file, bytes).unwrap();
    forget(dir, |id| id == 3);
    assert!(!file.exists(), "nothing could be taken out of it");
}

#[test]
fn damaged_neighbor_lists_are_not_believed_and_can_be_built_anew() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..30).map(coarse).collect::<Vec<_>>()).unwrap();
    let right = kept_counts(folder.path(), 4);
    let file = folder.path().join(derived::NEIGHBOR_LISTS);
    let whole = std::fs::read(&file).unwrap();
    for place in (0..whole.len()).step_by(37) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x41;
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(counts(folder.path(), 4), right, "byte {place}");
        assert_eq!(build(folder.path(), 4), 30);
        assert_eq!(std::fs::read(&file).unwrap(), whole, "byte {place}");
    }
}
