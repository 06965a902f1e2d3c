use std::fs;
use std::path::Path;

use proptest::prelude::*;
use vismem_search::Filter;

use super::{DIM, Sample, add, sample};
use crate::index::checksum::Checksum;
use crate::index::derived;
use crate::index::partitions::{self, PartitionMap};
use crate::{ClassifyOptions, Editor, IndexKind, Memory, Search, Selector, verify};

const HALF: Search = Search::Partitioned { recall: 0.5 };

fn memory(dir: &Path) -> Memory {
    Memory::open(dir).unwrap()
}

fn build(dir: &Path) -> bool {
    super::build(dir, IndexKind::Partitions)
}

fn samples(range: std::ops::Range<u32>) -> Vec<Sample> {
    range.map(sample).collect()
}

#[test]
fn partitions_are_built_when_they_are_asked_for_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let options = |search| ClassifyOptions { search, ..Default::default() };
    let made = || derived::path(dir, partitions::NAME).exists();
    let lacks = |search| memory(dir).indexes_missing(search).contains(&IndexKind::Partitions);
    add(dir, &samples(0..31)).unwrap();
    memory(dir).classify(&sample(9).embedding, &options(HALF)).unwrap();
    assert!(!made() && !lacks(HALF) && !build(dir), "too small a memory");
    add(dir, &samples(31..90)).unwrap();
    for search in [Search::Exact, Search::Auto { recall: 0.5 }, Search::Partitioned { recall: 1.0 }] {
        assert!(!lacks(search));
        memory(dir).classify(&sample(9).embedding, &options(search)).unwrap();
        assert!(!made(), "{search:?} needs none");
        assert_eq!(memory(dir).expected_recall(search, 10).unwrap(), 1.0);
    }
    assert!(lacks(HALF));
    let exact = memory(dir).classify(&sample(9).embedding, &options(Search::Exact)).unwrap();
    assert_eq!(memory(dir).classify(&sample(9).embedding, &options(HALF)).unwrap(), exact, "exact without them");
    assert!(!made() && build(dir) && made() && !lacks(HALF));
    assert!(!build(dir), "they are there");
    assert!(memory(dir).expected_recall(HALF, 10).unwrap() >= 0.5);
    add(dir, &samples(90..110)).unwrap();
    assert!(!lacks(Search::Auto { recall: 0.9 }), "large enough now, and there are some");
    assert!(memory(dir).classify(&sample(9).embedding, &options(Search::Auto { recall: 0.4 })).is_err());
}

#[test]
fn partitions_of_another_state_or_with_a_changed_byte_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &samples(0..100)).unwrap();
    let ask = || memory(dir).neighbors_by(HALF, memory(dir).vector(9), 5, Filter::default()).unwrap();
    assert!(build(dir));
    let answer = ask();
    let file = derived::path(dir, partitions::NAME);
    let whole = fs::read(&file).unwrap();
    for at in (0..whole.len()).step_by(97).chain([64, 72, 95]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        fs::write(&file, &bytes).unwrap();
        assert!(memory(dir).partition_stats().is_none(), "byte {at}");
    }
    for length in [0, 63, 200, 300, whole.len() - 1] {
        fs::write(&file, &whole[..length]).unwrap();
        assert!(memory(dir).partition_stats().is_none(), "{length} bytes");
    }
    assert_ne!(fs::read(&file).unwrap(), whole, "a query makes none");
    assert!(build(dir));
    assert_eq!(fs::read(&file).unwrap(), whole, "built anew");
    assert_eq!(ask(), answer);

    // Of a state that is not there any more.
    add(dir, &samples(100..101)).unwrap();
    assert!(memory(dir).partition_stats().is_some());
    fs::write(&file, &whole).unwrap();
    assert!(memory(dir).partition_stats().is_none());
    // A memory that has grown much needs others.
    assert!(build(dir));
    add(dir, &samples(101..350)).unwrap();
    assert_eq!(memory(dir).indexes_missing(HALF), [IndexKind::Partitions]);
    assert!(build(dir));
    assert_eq!(memory(dir).partition_stats().unwrap().trained, 350);
}

/// A memory with partitions, and their file.
fn partitioned() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &samples(0..100)).unwrap();
    assert!(build(folder.path()));
    let file = derived::path(folder.path(), partitions::NAME);
    (folder, file)
}

fn forget(dir: &Path, id: u64) {
    Editor::open(dir).unwrap().forget(&Selector { ids: vec![id], ..Default::default() }).unwrap();
}

/// Changes a word of the file, and the checksum with it: of the part with this number, which is at this place.
pub(super) fn forge(file: &Path, part: usize, place: std::ops::Range<usize>, at: usize, word: u64) {
    let mut bytes = fs::read(file).unwrap();
    let checksum = Checksum::from_bytes(bytes[32..].first_chunk().unwrap());
    let before = Checksum::of(part, &bytes[place.clone()]);
    bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
    let after = checksum.minus(before).plus(Checksum::of(part, &bytes[place]));
    bytes[32..64].copy_from_slice(&after.to_bytes());
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_sum_that_is_not_that_of_its_rows_is_a_fault() {
    let (folder, file) = partitioned();
    let dir = folder.path();
    assert_eq!(verify(dir).unwrap().faults, []);
    forge(&file, 1 << 61, 256..256 + DIM * 8, 256, 12345);
    assert!(memory(dir).partition_stats().is_some(), "nothing else is wrong");
    let faults = verify(dir).unwrap().faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].what.contains("the sum of partition 0 is not that of its rows; delete the file"), "{faults:?}");
}

#[test]
fn partitions_of_another_layout_are_neither_read_nor_followed() {
    let (folder, file) = partitioned();
    let dir = folder.path();
    forge(&file, 1 << 62, 64..256, 64 + partitions::LAYOUT_AT, 0);
    assert!(memory(dir).partition_stats().is_none());
    forget(dir, 7);
    assert!(!file.exists(), "nothing could be taken out of it");
}

#[test]
fn a_row_that_changed_since_it_was_added_takes_partitions_with_it() {
    let (folder, file) = partitioned();
    let dir = folder.path();
    let rows = dir.join("vectors.f32");
    let mut bytes = fs::read(&rows).unwrap();
    bytes[6 * DIM * 4 + 2] ^= 1;
    fs::write(&rows, bytes).unwrap();
    forget(dir, 7);
    assert!(!file.exists(), "what to take out of the sums is not known any more");
    assert_eq!(verify(dir).unwrap().faults, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn partitions_follow_every_add_and_forget(
        edits in prop::collection::vec((any::<bool>(), prop::collection::btree_set(0u32..160, 1..25)), 1..8),
        one_editor in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        add(dir, &samples(160..260)).unwrap();
        prop_assert!(build(dir));
        let mut editor = Editor::open(dir).unwrap();
        for (adds, which) in edits {
            if !one_editor {
                drop(editor);
                editor = Editor::open(dir).unwrap();
            }
            let chosen: Vec<Sample> = which.into_iter().map(sample).collect();
            if adds {
                editor.batch().add(&chosen.iter().map(super::new_exemplar).collect::<Vec<_>>()).unwrap();
            } else {
                let sources = chosen.iter().map(|sample| format!("pictures/{}.jpg", sample.n)).collect();
                editor.forget(&Selector { sources, ..Default::default() }).unwrap();
            }
            let memory = memory(dir);
            prop_assert!(memory.partition_stats().is_some(), "they belong to the memory");
            prop_assert_eq!(PartitionMap::faults(&memory), Vec::<String>::new());
        }
        // Labels are nothing to them; where slots change, they go.
        let all = Selector { batches: vec![1], ..Default::default() };
        editor.relabel(&all, "another").unwrap();
        prop_assert!(memory(dir).partition_stats().is_some());
        editor.forget(&Selector { ids: vec![editor.select(&all).unwrap()[0]], ..Default::default() }).unwrap();
        prop_assert!(memory(dir).partition_stats().is_some());
        editor.compact().unwrap();
        prop_assert!(!derived::path(dir, partitions::NAME).exists());
        drop(editor);
        prop_assert_eq!(verify(dir).unwrap().faults, []);
    }
}
