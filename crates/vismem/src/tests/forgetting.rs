use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::{DIM, Sample, add, build_all, encoder, is_store, new_exemplar, sample};
use crate::index::codes::CodeMap;
use crate::index::partitions::PartitionMap;
use crate::store::kill_point::VARIABLE;
use crate::store::unit::unit;
use crate::store::vectors;
use crate::{
    ClassifyOptions, EditError, Editor, Error, Memory, NewExemplar, QueryError, Receipt, Selector, StoreError,
    content_of, verify,
};

const DIRECTORY: &str = "VISMEM_TEST_FORGET_IN";

fn forget(dir: &Path, selector: &Selector) -> crate::Result<Option<Receipt>> {
    Ok(Editor::open(dir)?.forget(selector)?)
}

fn by_label(n: u32) -> Selector {
    Selector { labels: vec![format!("label-{n}")], ..Default::default() }
}

/// All that a memory could keep of a sample: row, codes' source is the row, path, label, hashes.
pub(super) fn traces_of(sample: &Sample) -> Vec<Vec<u8>> {
    let exemplar = new_exemplar(sample);
    let row = unit(0, exemplar.embedding, DIM).unwrap().into_owned();
    vec![
        vectors::bytes(&row).to_vec(),
        exemplar.source.unwrap().as_bytes().to_vec(),
        exemplar.content.to_vec(),
        vectors::hash(&row).to_vec(),
    ]
}

/// Files of the memory that hold one of the traces.
pub(super) fn files_with(dir: &Path, traces: &[Vec<u8>]) -> Vec<String> {
    let mut found = Vec::new();
    for file in fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for (number, trace) in traces.iter().enumerate() {
            if bytes.windows(trace.len()).any(|window| window == trace) {
                found.push(format!("{} holds trace {number}", path.display()));
            }
        }
    }
    found
}

/// The memory's codes are those of its rows, zeros for free ones; so are those of its partitions.
fn codes_are_true(dir: &Path) -> bool {
    let memory = Memory::open(dir).unwrap();
    let codes = CodeMap::open(&memory).is_some() && CodeMap::wrong_groups(&memory).is_empty();
    codes && memory.partition_stats().is_some() && PartitionMap::faults(&memory).is_empty()
}

#[test]
fn nothing_of_what_was_forgotten_is_in_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..300).map(sample).collect::<Vec<_>>()).unwrap();
    build_all(dir);
    assert!(codes_are_true(dir), "there are codes to erase");
    let gone: Vec<Sample> = (0..300).map(sample).filter(|sample| sample.label == "label-3").collect();
    // A label that one of them had and one of the others has only in what could be undone.
    let mut editor = Editor::open(dir).unwrap();
    for (ids, label) in [(vec![1, 4], "once-was"), (vec![1], "label-0"), (vec![4], "label-3")] {
        editor.relabel(&Selector { ids, ..Default::default() }, label).unwrap();
    }
    drop(editor);
    let mut traces: Vec<Vec<u8>> = gone.iter().flat_map(traces_of).collect();
    traces.extend([b"label-3".to_vec(), b"once-was".to_vec()]);
    assert!(files_with(dir, &traces).len() >= traces.len(), "they are there before");

    let receipt = forget(dir, &by_label(3)).unwrap().unwrap();
    assert_eq!((receipt.exemplars, receipt.selected_by), (gone.len() as u64, vec!["label".to_owned()]));
    assert_eq!(files_with(dir, &traces), [""; 0]);
    assert!(codes_are_true(dir), "codes were changed in place");
    assert_eq!(verify(dir).unwrap().faults, []);
    let memory = Memory::open(dir).unwrap();
    assert_eq!((memory.len(), memory.digest()), (300 - gone.len(), receipt.after));
    assert!(memory.labels().iter().all(|label| label.name != "label-3"));

    // Its slots are used again.
    let rows = fs::metadata(vectors::path(dir)).unwrap().len();
    add(dir, &gone).unwrap();
    assert_eq!(fs::metadata(vectors::path(dir)).unwrap().len(), rows);
    assert_eq!(Memory::open(dir).unwrap().digest(), receipt.before);
    assert_eq!(verify(dir).unwrap().faults, []);
}

#[test]
fn pages_that_were_rearranged_many_times_keep_nothing_either() {
    // Long and short sources in random order make SQLite split, merge and rebuild pages.
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let mut editor = Editor::open_or_create(dir, &encoder()).unwrap();
    let named = |n: u32| {
        let length = (n.wrapping_mul(2_654_435_761) >> 20) as usize % 400;
        format!("source-{n}-{}", "x".repeat(length))
    };
    let samples: Vec<Sample> = (0..900).map(sample).collect();
    let exemplars: Vec<NewExemplar<'_>> = samples
        .iter()
        .map(|sample| NewExemplar { source: Some(named(sample.n).into()), ..new_exemplar(sample) })
        .collect();
    let mut gone: Vec<u32> = Vec::new();
    for (round, part) in exemplars.chunks(45).enumerate() {
        editor.batch().add(part).unwrap();
        let last = 45 * (round as u64 + 1);
        let ids: Vec<u64> = (1..=last)
            .filter(|id| (id * 7_919 + round as u64 * 31).is_multiple_of(5) && !gone.contains(&(*id as u32 - 1)))
            .collect();
        gone.extend(ids.iter().map(|id| *id as u32 - 1));
        editor.forget(&Selector { ids, ..Default::default() }).unwrap();
    }
    drop(editor);
    let traces: Vec<Vec<u8>> = gone
        .iter()
        .flat_map(|&n| {
            [content_of(&sample(n).embedding, &n.to_le_bytes()).to_vec(), format!("source-{n}-").into_bytes()]
        })
        .collect();
    assert!(traces.len() > 600);
    assert_eq!(files_with(dir, &traces), [""; 0]);
    // No page has anything left in its unallocated space: each was overwritten when the log was folded in.
    let db = rusqlite::Connection::open(dir.join("catalog.sqlite")).unwrap();
    assert_eq!(crate::store::scrub::scrub(&db, None).unwrap(), 0);
    drop(db);
    assert_eq!(verify(dir).unwrap().faults, []);
}

/// Not a test by itself: the process that the test below starts and that kills itself on the way.
#[test]
fn child_process_that_forgets() {
    if let Some(dir) = std::env::var_os(DIRECTORY) {
        forget(Path::new(&dir), &by_label(3)).unwrap();
    }
}

fn run_until(dir: &Path, kill_at: &str) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "tests::forgetting::child_process_that_forgets"]).env(DIRECTORY, dir).env(VARIABLE, kill_at);
    !child.output().unwrap().status.success()
}

#[test]
fn a_kill_at_any_step_of_forget_leaves_all_of_it_or_after_recovery_nothing() {
    let gone: Vec<Sample> = (0..40).map(sample).filter(|sample| sample.label == "label-3").collect();
    let mut traces: Vec<Vec<u8>> = gone.iter().flat_map(traces_of).collect();
    traces.push(b"label-3".to_vec());
    let points = [
        ("forget prepared:1", false),
        ("forget committed:1", true),
        ("state published:1", true),
        ("row zeroed:1", true),
        ("row zeroed:4", true),
        ("files synced:1", true),
        ("codes erased:1", true),
        ("partitions thinned:1", true),
        ("log copied:1", true),
        ("log cut:1", true),
    ];
    for (point, committed) in points {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        add(dir, &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
        build_all(dir);
        let before = Memory::open(dir).unwrap().digest();
        assert!(run_until(dir, point), "{point} was never passed");

        // A reader that comes before any writer sees one of the two states ...
        let held = Memory::open(dir).unwrap();
        assert_eq!(held.len(), if committed { 40 - gone.len() } else { 40 }, "{point}");
        held.classify(&sample(9).embedding, &ClassifyOptions::default()).unwrap();
        let digest = held.digest();
        assert_eq!(digest == before, !committed, "{point}");
        drop(held);
        // ... recovery finishes what was committed ...
        assert_eq!(verify(dir).unwrap().faults, [], "{point}");
        assert_eq!(Memory::open(dir).unwrap().digest(), digest, "{point}");
        let found = files_with(dir, &traces);
        if committed {
            assert_eq!(found, [""; 0], "{point}");
        } else {
            // ... and what was not can be done again.
            assert!(found.len() >= traces.len(), "{point}: {found:?}");
            forget(dir, &by_label(3)).unwrap();
            assert_eq!(files_with(dir, &traces), [""; 0], "{point}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_was_forgotten_might_never_have_been_there(
        kept in prop::collection::btree_set(0u32..60, 1..20), gone in prop::collection::btree_set(0u32..60, 1..20),
        mut order in Just((0u32..60).collect::<Vec<_>>()).prop_shuffle(), step in 1usize..9,
    ) {
        let gone: Vec<u32> = gone.difference(&kept).copied().collect();
        let content = |n: u32| new_exemplar(&sample(n)).content;
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [alone, both] = [folders[0].path(), folders[1].path()];
        add(alone, &kept.iter().map(|&n| sample(n)).collect::<Vec<_>>()).unwrap();

        // Additions of both in any order; what is to go goes early or late, one by one or together.
        order.retain(|n| kept.contains(n) || gone.contains(n));
        let mut editor = Editor::open_or_create(both, &encoder()).unwrap();
        let forget = |editor: &mut Editor, some: &[u32]| {
            let ids: Vec<u64> = some.iter().map(|&n| editor.batch().holder_of(&content(n), "").unwrap()).map(|held| {
                let Some(crate::Added::OtherLabel { id, .. }) = held else { panic!("{held:?}") };
                id
            }).collect();
            editor.forget(&Selector { ids, ..Default::default() }).unwrap();
        };
        let mut waiting = Vec::new();
        for part in order.chunks(step) {
            let samples: Vec<Sample> = part.iter().map(|&n| sample(n)).collect();
            editor.batch().add(&samples.iter().map(new_exemplar).collect::<Vec<_>>()).unwrap();
            waiting.extend(part.iter().copied().filter(|n| gone.contains(n)));
            if waiting.len() % 2 == 1 {
                forget(&mut editor, &std::mem::take(&mut waiting));
            }
        }
        if !waiting.is_empty() {
            forget(&mut editor, &waiting);
        }
        drop(editor);

        let outcomes = [alone, both].map(|dir| {
            assert_eq!(verify(dir).unwrap().faults, []);
            let memory = Memory::open(dir).unwrap();
            let decision = memory.classify(&sample(77).embedding, &ClassifyOptions::default()).unwrap().remove(0);
            let sources: Vec<_> = decision.neighbors.iter().map(|n| n.source.clone()).collect();
            (memory.digest(), decision.labels, decision.novelty, sources)
        });
        prop_assert_eq!(&outcomes[0], &outcomes[1]);
    }
}

#[test]
fn a_reader_that_is_open_during_a_forget_is_in_nobodys_way_and_says_so_instead_of_answering() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
    let mut reader = Memory::open(dir).unwrap();
    let ask = |reader: &Memory| reader.classify(&sample(3).embedding, &ClassifyOptions::default());
    ask(&reader).unwrap();
    assert!(reader.is_current().unwrap() && !reader.refresh().unwrap());

    forget(dir, &by_label(3)).unwrap();
    assert_eq!(files_with(dir, &traces_of(&sample(3))), [""; 0]);
    assert_eq!(verify(dir).unwrap().faults, []);
    assert!(!reader.is_current().unwrap());
    let near =
        Selector { near: vec![crate::Near { embedding: sample(1).embedding.into(), distance: 0.1 }], ..by_label(1) };
    let is_outdated = |error: &StoreError| matches!(error, StoreError::Outdated { .. });
    assert!(is_store(ask(&reader), is_outdated));
    assert!(is_store(reader.select(&near), is_outdated));
    assert!(is_store(reader.exemplar(4), is_outdated), "a forgotten one");
    assert!(is_store(reader.stored(1), is_outdated));
    assert!(is_store(reader.embeddings(&[1]), is_outdated));
    assert!(is_store(reader.for_each_exemplar(drop), is_outdated));
    assert_eq!(reader.len(), 40, "what needs neither rows nor records is of the state that it has");

    let clone = reader.clone();
    assert!(reader.refresh().unwrap() && reader.is_current().unwrap());
    assert_eq!(ask(&reader).unwrap(), ask(&Memory::open(dir).unwrap()).unwrap());
    assert!(is_store(ask(&clone), is_outdated), "clones stay where they are");
}

#[test]
fn where_the_state_cannot_be_trusted_the_catalogue_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
    let before = fs::read(dir.join("state")).unwrap();
    forget(dir, &Selector { ids: vec![2], ..Default::default() }).unwrap();
    let ask = |reader: &Memory| reader.classify(&sample(3).embedding, &ClassifyOptions::default());
    // As after a power failure, the file is of an earlier commit; or it is damaged, or gone.
    for (id, spoilt) in (3..).zip([Some(&before[..]), Some(&[7; 64]), Some(&[]), None]) {
        match spoilt {
            Some(bytes) => fs::write(dir.join("state"), bytes).unwrap(),
            None => fs::remove_file(dir.join("state")).unwrap(),
        }
        let mut reader = Memory::open(dir).unwrap();
        assert!(reader.is_current().unwrap() && !reader.refresh().unwrap());
        ask(&reader).unwrap();
        forget(dir, &Selector { ids: vec![id], ..Default::default() }).unwrap();
        assert!(is_store(ask(&reader), |error| matches!(error, StoreError::Outdated { .. })));
        assert!(reader.refresh().unwrap() && reader.is_current().unwrap());
        ask(&reader).unwrap();
    }
    assert_eq!(verify(dir).unwrap().faults, []);
    assert_ne!(fs::read(dir.join("state")).unwrap(), before, "the next writer writes it anew");
}

#[test]
fn a_reader_that_knows_no_turnstile_delays_the_end_of_a_forget_and_the_one_who_forgets_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
    // Such as `sqlite3` on the catalogue.
    let reader = rusqlite::Connection::open(dir.join("catalog.sqlite")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let held: usize = reader.query_row("SELECT count(*) FROM exemplars", [], |row| row.get(0)).unwrap();
    assert_eq!(held, 40);

    let error = forget(dir, &by_label(3)).unwrap_err();
    assert!(matches!(error, Error::Edit(EditError::LogHeld { exemplars: 6, .. })), "{error}");
    assert_eq!(Memory::open(dir).unwrap().len(), 34, "whoever comes later sees the memory without them");

    // Nobody takes the memory for clean meanwhile, and the next one after the reader finishes the work.
    let traces = traces_of(&sample(3));
    assert_ne!(files_with(dir, &traces), [""; 0]);
    assert_eq!(verify(dir).unwrap().faults.len(), 1);
    drop(reader);
    assert_eq!(verify(dir).unwrap().faults, []);
    assert_eq!(files_with(dir, &traces), [""; 0]);
}

#[test]
fn readers_that_come_and_go_during_forgets_see_whole_states() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..60).map(sample).collect::<Vec<_>>()).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..30 {
                let ids = vec![round * 2 + 1, round * 2 + 2];
                forget(dir, &Selector { ids, ..Default::default() }).unwrap();
            }
        });
        let mut seen = 0;
        while !writer.is_finished() {
            let memory = match Memory::open(dir) {
                Ok(memory) => memory,
                Err(StoreError::Outdated { .. }) => continue,
                Err(error) => panic!("{error}"),
            };
            assert_eq!(memory.len() % 2, 0);
            match memory.classify(&sample(77).embedding, &ClassifyOptions { k: 100, ..Default::default() }) {
                Ok(decisions) => assert_eq!(decisions[0].neighbors.len(), memory.len()),
                Err(QueryError::Store(StoreError::Outdated { .. }) | QueryError::Empty { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            seen += 1;
        }
        assert!(seen > 0);
    });
    assert_eq!(verify(dir).unwrap().faults, []);
}

#[test]
fn a_receipt_belongs_to_its_memory_and_says_nothing_of_what_was_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..20).map(sample).collect::<Vec<_>>()).unwrap();
    let receipt = forget(dir, &Selector { sources: vec!["1.jpg".into()], ..by_label(1) }).unwrap().unwrap();
    assert_eq!(receipt.selected_by, ["label", "source"]);
    let check = |receipt: &Receipt| Memory::open(dir).unwrap().check_receipt(receipt).unwrap();
    assert_eq!((check(&receipt).later_events, check(&receipt).fault), (0, None));

    // Later changes are linked to it.
    add(dir, &[sample(1), sample(50)]).unwrap();
    forget(dir, &by_label(2)).unwrap();
    assert_eq!((check(&receipt).later_events, check(&receipt).fault), (2, None));
    let other = |change: &dyn Fn(&mut Receipt)| {
        let mut other = receipt.clone();
        change(&mut other);
        assert_ne!(other.hash(), receipt.hash());
        check(&other).fault.is_some()
    };
    assert!(other(&|receipt| receipt.exemplars += 1));
    assert!(other(&|receipt| receipt.event = 1));
    assert!(other(&|receipt| receipt.event = 99));
    assert!(other(&|receipt| receipt.at += 1));
    assert!(other(&|receipt| receipt.after = receipt.before));
    assert!(!other(&|receipt| receipt.microseconds += 1), "the time taken is known to the receipt alone");

    // A log that was tampered with is noticed.
    let db = rusqlite::Connection::open(dir.join("catalog.sqlite")).unwrap();
    db.execute("UPDATE events SET after = zeroblob(32) WHERE id = 3", []).unwrap();
    drop(db);
    assert!(check(&receipt).fault.unwrap().contains("event 4 does not go on"), "{:?}", check(&receipt));
    assert!(verify(dir).unwrap().faults[0].what.contains("event 4 does not go on"));
}
