//! Indexes are built when somebody asks for it, and never by a query; whatever happens while one is built.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use vismem_search::codes::{GROUP, encode};
use vismem_search::{Codes, Filter};

use super::forgetting::{files_with, traces_of};
use super::reliability::{counted, counts};
use super::{DIM, Sample, add, build, build_all, is_store, new_exemplar, sample};
use crate::index::codes::CodeMap;
use crate::index::derived;
use crate::index::partitions::PartitionMap;
use crate::store::kill_point::{VARIABLE, meanwhile};
use crate::store::unit::unit;
use crate::{
    BuildOptions, ClassifyOptions, Decision, EditError, Editor, IndexError, IndexKind, IndexState, Memory, Pruning,
    QueryError, Search, Selector, StoreError, Vote, verify,
};

const DIRECTORY: &str = "VISMEM_TEST_BUILD_IN";
const KIND: &str = "VISMEM_TEST_BUILD";
const HALF: Search = Search::Partitioned { recall: 0.5 };
const FORGOTTEN: u32 = 12;

fn memory_of(samples: std::ops::Range<u32>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &samples.map(sample).collect::<Vec<_>>()).unwrap();
    folder
}

fn build_again(dir: &Path, kind: IndexKind) -> crate::Result<crate::Built> {
    let options = BuildOptions { rebuild: true, neighbors: Some(3) };
    Ok(Memory::open(dir)?.build_index(kind, &options, &mut ())?)
}

fn forget(dir: &Path) {
    let selector = Selector { ids: vec![u64::from(FORGOTTEN) + 1], ..Default::default() };
    match Editor::open(dir).unwrap().forget(&selector) {
        // A builder may hold the log, which is not what this is about.
        Ok(_) | Err(EditError::LogHeld { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

/// Files of the memory and what is in them, but for those of SQLite.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let is_ours = |path: &PathBuf| !path.to_str().unwrap().contains("sqlite");
    paths.filter(is_ours).map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

fn unfinished(dir: &Path) -> Vec<String> {
    let names = files(dir).into_keys().map(|path| path.display().to_string());
    names.filter(|name| name.ends_with(".new")).collect()
}

/// The codes of a sample, in pieces of four bytes, as they stand in files.
fn pieces_of_codes(sample: &Sample) -> Vec<[u8; 4]> {
    let row = unit(0, new_exemplar(sample).embedding, DIM).unwrap().into_owned();
    let mut group = vec![0; Codes::bytes_for(GROUP, DIM)];
    encode(&mut group, 0, &row);
    group.as_chunks().0.iter().step_by(GROUP).filter(|piece| !piece.contains(&0)).copied().collect()
}

/// Pieces of the codes of what is forgotten that no other sample has.
fn traces(samples: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    let others: Vec<[u8; 4]> = samples.filter(|n| *n != FORGOTTEN).flat_map(|n| pieces_of_codes(&sample(n))).collect();
    let own = pieces_of_codes(&sample(FORGOTTEN)).into_iter().filter(|piece| !others.contains(piece));
    let own: Vec<Vec<u8>> = own.map(Vec::from).collect();
    assert!(own.len() > 1);
    own.into_iter().chain(traces_of(&sample(FORGOTTEN))).collect()
}

/// Files that hold one of the traces, but for those of SQLite.
fn index_files_with(dir: &Path, traces: &[Vec<u8>]) -> Vec<String> {
    files_with(dir, traces).into_iter().filter(|file| !file.contains("sqlite")).collect()
}

/// Every index that is there is that of the memory as it is.
fn sound(dir: &Path) {
    let memory = Memory::open(dir).unwrap();
    assert_eq!(CodeMap::wrong_groups(&memory), [0; 0]);
    assert_eq!(PartitionMap::faults(&memory), [""; 0]);
    drop(memory);
    assert_eq!(counts(dir, 3), counted(dir, 3));
    assert_eq!(verify(dir).unwrap().faults, []);
}

fn state(dir: &Path, kind: IndexKind) -> IndexState {
    let stats = Memory::open(dir).unwrap().index_stats().unwrap();
    stats.into_iter().find(|stats| stats.kind == kind).unwrap().state
}

fn ask(memory: &Memory, search: Search) -> Decision {
    memory.classify(&sample(9).embedding, &ClassifyOptions { search, ..Default::default() }).unwrap().remove(0)
}

#[test]
fn queries_take_no_lock_and_write_nothing() {
    let folder = memory_of(0..120);
    let dir = folder.path();
    Editor::open(dir).unwrap().set_pruning(Some(Pruning::SOFT)).unwrap();
    let editor = Editor::open(dir).unwrap();
    let before = files(dir);
    let memory = Memory::open(dir).unwrap();
    ask(&memory, HALF);
    ask(&memory, Search::Exact);
    memory.neighbors(&sample(3).embedding, 5, Filter::default()).unwrap();
    memory.reliability(5, &mut ()).unwrap();
    memory.neighbor_lists(4, &mut ()).unwrap();
    memory.leave_one_out(5, Vote::RANK, &[None], &mut ()).unwrap();
    memory.try_prunings(5, 5, Vote::RANK, &mut ()).unwrap();
    assert_eq!(memory.index_stats().unwrap().iter().filter(|stats| stats.state != IndexState::Absent).count(), 0);
    assert_eq!(files(dir), before);
    drop(editor);
}

#[test]
fn a_memory_notices_an_index_that_comes_after_it_was_opened() {
    let folder = memory_of(0..120);
    let dir = folder.path();
    let memory = Memory::open(dir).unwrap();
    let answer = ask(&memory, HALF);
    assert_eq!((answer.recall, memory.partition_stats()), (1.0, None));
    assert_eq!(memory.indexes_missing(HALF), [IndexKind::Partitions]);
    // Something else in its place is looked into once, and no more until it changes.
    fs::write(derived::path(dir, IndexKind::Partitions.file_name()), "nothing").unwrap();
    assert_eq!(memory.partition_stats(), None);
    build_all(dir);
    assert!(memory.indexes.codes(&memory).is_some());
    assert!(memory.partition_stats().is_some());
    ask(&memory, HALF);
    assert_eq!(memory.indexes_missing(HALF), []);
    assert_eq!(ask(&memory, Search::Exact), answer);
}

#[test]
fn indexes_are_current_behind_or_absent_and_can_be_dropped() {
    let folder = memory_of(0..120);
    let dir = folder.path();
    let states = || IndexKind::ALL.map(|kind| state(dir, kind));
    assert_eq!(states(), [IndexState::Absent; 4]);
    assert_eq!(IndexKind::ALL.map(|kind| build(dir, kind)), [true; 4]);
    assert_eq!(states(), [IndexState::Current; 4]);
    assert_eq!(IndexKind::ALL.map(|kind| build(dir, kind)), [false; 4]);
    assert_eq!(Memory::open(dir).unwrap().indexes_behind(), []);
    add(dir, &(120..130).map(sample).collect::<Vec<_>>()).unwrap();
    // Codes and partitions follow; lists of the added ones are missing; novelty is measured anew.
    use IndexState::{Absent, Behind, Current};
    assert_eq!(states(), [Current, Current, Behind, Absent]);
    assert_eq!(Memory::open(dir).unwrap().indexes_behind(), [IndexKind::NeighborLists]);
    build_all(dir);
    assert_eq!(states(), [Current; 4]);
    let mut editor = Editor::open(dir).unwrap();
    assert!(IndexKind::ALL.into_iter().all(|kind| editor.drop_index(kind).unwrap()));
    assert!(!IndexKind::ALL.into_iter().any(|kind| editor.drop_index(kind).unwrap()));
    drop(editor);
    assert_eq!(states(), [Absent; 4]);
    sound(dir);
}

#[test]
fn a_forget_while_an_index_is_built_leaves_nothing_in_any_file_and_ends_the_build() {
    for kind in IndexKind::ALL {
        for place in ["index begun", "index written"] {
            let folder = memory_of(0..120);
            let dir = folder.path().to_owned();
            build_all(&dir);
            let traces = traces(0..120);
            assert_ne!(files_with(&dir, &traces), [""; 0]);
            let (here, gone) = (dir.clone(), traces.clone());
            meanwhile(place, move || {
                assert_eq!(unfinished(&here).len(), 1);
                forget(&here);
                assert_eq!(unfinished(&here), [""; 0]);
                assert_eq!(index_files_with(&here, &gone), [""; 0], "{kind}, {place}");
            });
            assert!(
                is_store(build_again(&dir, kind), |error| matches!(error, StoreError::Outdated { .. })),
                "{kind}, {place}"
            );
            assert_eq!(unfinished(&dir), [""; 0]);
            sound(&dir);
            assert_eq!(files_with(&dir, &traces), [""; 0], "{kind}, {place}");
            build_again(&dir, kind).unwrap();
            assert_eq!(state(&dir, kind), IndexState::Current);
            assert_eq!(files_with(&dir, &traces), [""; 0], "{kind}, {place}");
        }
    }
}

#[test]
fn a_builder_whose_snapshot_is_past_writes_nothing() {
    let folder = memory_of(0..120);
    let dir = folder.path();
    let memory = Memory::open(dir).unwrap();
    forget(dir);
    for kind in IndexKind::ALL {
        let options = BuildOptions { rebuild: true, neighbors: Some(3) };
        assert!(
            is_store(memory.build_index(kind, &options, &mut ()), |error| matches!(error, StoreError::Outdated { .. })),
            "{kind}"
        );
        assert!(unfinished(dir).is_empty() && !derived::path(dir, kind.file_name()).exists(), "{kind}");
    }
}

/// Not a test by itself: the process that the test below starts and that kills itself on the way.
#[test]
fn child_process_that_builds() {
    if let (Some(dir), Ok(name)) = (std::env::var_os(DIRECTORY), std::env::var(KIND)) {
        let kind = IndexKind::ALL.into_iter().find(|kind| kind.name() == name).unwrap();
        build_again(Path::new(&dir), kind).unwrap();
    }
}

#[test]
fn what_a_killed_builder_left_goes_with_the_next_forget_or_build() {
    for kind in IndexKind::ALL {
        for step in ["index begun:1", "index written:1"] {
            let folder = memory_of(0..120);
            let dir = folder.path();
            build_all(dir);
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "tests::indexes::child_process_that_builds"]).env(DIRECTORY, dir);
            let run = |mut child: Command| child.output().unwrap().status.success();
            child.env(KIND, kind.name()).env(VARIABLE, step);
            assert!(!run(child), "{kind}, {step}");
            assert_eq!(unfinished(dir).len(), 1, "{kind}, {step}");
            assert_eq!(verify(dir).unwrap().faults, [], "it is no fault");
            let copied = tempfile::tempdir().unwrap();
            super::kills::copy(dir, copied.path());
            forget(dir);
            assert_eq!(unfinished(dir), [""; 0]);
            assert_eq!(files_with(dir, &traces(0..120)), [""; 0], "{kind}, {step}");
            sound(dir);
            build_again(copied.path(), kind).unwrap();
            assert_eq!(unfinished(copied.path()), [""; 0]);
        }
    }
}

#[test]
fn what_is_added_and_relabelled_while_an_index_is_built_is_in_it() {
    for kind in IndexKind::ALL {
        let folder = memory_of(0..120);
        let dir = folder.path().to_owned();
        let here = dir.clone();
        meanwhile("index written", move || {
            add(&here, &(120..150).map(sample).collect::<Vec<_>>()).unwrap();
            Editor::open(&here).unwrap().relabel(&Selector { ids: vec![1, 2], ..Default::default() }, "other").unwrap();
        });
        build_again(&dir, kind).unwrap();
        assert_eq!(unfinished(&dir), [""; 0]);
        // What the lists of the added ones are is searched for later.
        let expected = if kind == IndexKind::NeighborLists { IndexState::Behind } else { IndexState::Current };
        assert_eq!(state(&dir, kind), expected, "{kind}");
        sound(&dir);
    }
}

#[test]
fn a_build_that_is_cancelled_leaves_the_memory_as_it_was() {
    let folder = memory_of(0..120);
    let dir = folder.path();
    // There is no progress to be made with 120 exemplars' novelty.
    for kind in [IndexKind::Codes, IndexKind::Partitions, IndexKind::NeighborLists] {
        let before = files(dir);
        for last in 1.. {
            let mut steps = 0;
            let mut progress = |_: &'static str, _, _| {
                steps += 1;
                if steps == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let options = BuildOptions { rebuild: true, neighbors: Some(3) };
            match Memory::open(dir).unwrap().build_index(kind, &options, &mut progress) {
                Err(IndexError::Cancelled(_)) => assert_eq!(files(dir), before, "{kind}, {last}"),
                Err(error) => panic!("{error}"),
                Ok(_) => {
                    assert!(last > 1, "{kind} can be cancelled");
                    break;
                }
            }
        }
        sound(dir);
    }
    let mut no = |_: &'static str, _, _| ControlFlow::Break(());
    Editor::open(dir).unwrap().drop_index(IndexKind::NeighborLists).unwrap();
    assert!(matches!(Memory::open(dir).unwrap().reliability(3, &mut no), Err(QueryError::Cancelled(_))));
}

#[test]
fn a_builder_waits_for_a_writer_and_gives_up_without_a_trace() {
    let folder = memory_of(0..120);
    let dir = folder.path();
    let editor = Editor::open(dir).unwrap();
    assert!(is_store(build_again(dir, IndexKind::Codes), |error| matches!(error, StoreError::Locked { .. })));
    assert!(unfinished(dir).is_empty());
    drop(editor);
    assert!(build(dir, IndexKind::Codes));
}

#[test]
fn answers_and_indexes_do_not_depend_on_the_number_of_threads() {
    let folder = memory_of(0..400);
    let dir = folder.path();
    let all = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            for kind in IndexKind::ALL {
                build_again(dir, kind).unwrap();
            }
            let memory = Memory::open(dir).unwrap();
            let answers = [Search::Exact, HALF].map(|search| ask(&memory, search));
            (files(dir), answers, counts(dir, 3))
        })
    };
    let one = all(1);
    for threads in [2, 3] {
        let several = all(threads);
        assert!(several == one, "{threads} threads");
    }
}
