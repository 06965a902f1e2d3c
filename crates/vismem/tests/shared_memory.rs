//! One memory for many threads, while another process edits it.

#![allow(clippy::disallowed_methods, reason = "these are not files of a memory")]

use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use vismem::{
    Added, Attributes, ClassifyOptions, Decision, Editor, EncoderIdentity, Memory, NewExemplar, Result, Selector,
    StoreError, content_of, verify,
};

const DIRECTORY: &str = "VISMEM_TEST_SHARED_MEMORY";
const LOOKED_AT: &str = "VISMEM_TEST_LOOKED_AT_MEMORY";
const DIM: usize = 8;
const STANDING: usize = 60;
const ROUNDS: usize = 24;
const THREADS: usize = 8;

fn embedding(n: usize) -> [f32; DIM] {
    std::array::from_fn(|i| ((n as f32 + 1.0) * (i as f32 + 1.0) * 0.37).sin())
}

/// Adds in one transaction; the label says which exemplars belong together.
fn add(editor: &mut Editor, numbers: std::ops::Range<usize>, label: &str) -> Result<Vec<u64>> {
    let embeddings: Vec<_> = numbers.clone().map(embedding).collect();
    let exemplars: Vec<NewExemplar<'_>> = numbers
        .zip(&embeddings)
        .map(|(n, embedding)| NewExemplar {
            embedding,
            label,
            source: Some(format!("{label}/{n}").into()),
            content: content_of(embedding, &n.to_le_bytes()),
            attributes: Attributes::new(),
        })
        .collect();
    let added = editor.batch().add(&exemplars)?;
    let id = |added| match added {
        Added::New(id) => id,
        other => panic!("{other:?}"),
    };
    Ok(added.into_iter().map(id).collect())
}

/// Not a test by itself: the other process. It adds and forgets three at a time, and gives all of them another label now and
/// then.
#[test]
fn child_process_that_edits() {
    let Some(dir) = std::env::var_os(DIRECTORY) else { return };
    let dir = Path::new(&dir);
    for round in 0..ROUNDS {
        let mut editor = Editor::open(dir).unwrap();
        let ids = add(&mut editor, STANDING + 3 * round..STANDING + 3 * round + 3, &format!("round {round}")).unwrap();
        let all = |label: &str| Selector { labels: vec![label.into()], ..Default::default() };
        let [from, to] = if round % 2 == 0 { ["even", "odd"] } else { ["odd", "even"] };
        editor.relabel(&all(from), to).unwrap();
        editor.forget(&Selector { ids, ..Default::default() }).unwrap();
        if round % 20 == 10 {
            editor.compact().unwrap();
        }
    }
}

/// Not a test by itself: a process that opens the memory, classifies and looks up a source until a file says that it is over.
#[test]
fn child_process_that_looks() {
    let Some(dir) = std::env::var_os(LOOKED_AT) else { return };
    let dir = Path::new(&dir);
    while !dir.with_extension("over").exists() {
        let look = || -> Result<()> {
            let memory = Memory::open(dir)?;
            let nearest = ask(&memory)?.swap_remove(0).neighbors.swap_remove(0).id;
            assert!(memory.exemplar(nearest)?.is_some_and(|exemplar| exemplar.source.is_some()));
            Ok(())
        };
        match look() {
            Ok(()) => {}
            Err(error) if matches!(error.as_store(), Some(StoreError::Outdated { .. })) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn start(child: &str, variable: &str, dir: &Path) -> Child {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", child]).env(variable, dir).spawn().unwrap()
}

#[test]
fn no_forget_fails_beside_processes_that_read_all_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let dir = &folder.path().join("m");
    let encoder = EncoderIdentity { name: "test".into(), hash: String::new(), dim: DIM };
    add(&mut Editor::open_or_create(dir, &encoder).unwrap(), 0..2 * STANDING, "even").unwrap();
    let readers: Vec<Child> = (0..4).map(|_| start("child_process_that_looks", LOOKED_AT, dir)).collect();
    for id in 1..=STANDING as u64 {
        let mut editor = Editor::open(dir).unwrap();
        editor.forget(&Selector { ids: vec![id], ..Default::default() }).unwrap();
    }
    std::fs::write(dir.with_extension("over"), "").unwrap();
    for mut reader in readers {
        assert!(reader.wait().unwrap().success());
    }
    assert_eq!(verify(dir).unwrap().faults, []);
    assert_eq!(Memory::open(dir).unwrap().len(), STANDING);
}

fn ask(memory: &Memory) -> Result<Vec<Decision>> {
    let queries = [embedding(7), embedding(1_000)].concat();
    Ok(memory.classify(&queries, &ClassifyOptions { k: 1_000, ..Default::default() })?)
}

/// An answer, which must be of one state of the memory: all that stay have one label, and of those that come and go three or
/// none are there.
fn whole(memory: &Memory) -> Result<Vec<Decision>> {
    let decisions = ask(memory)?;
    for decision in &decisions {
        assert_eq!(decision.neighbors.len(), memory.len());
        let of = |label: &str| decision.neighbors.iter().filter(|voter| voter.label == label).count();
        assert!([(STANDING, 0), (0, STANDING)].contains(&(of("even"), of("odd"))), "half of a relabelling");
        assert!([0, 3].contains(&(decision.neighbors.len() - STANDING)), "half of an addition: {}", memory.len());
        assert!(decision.neighbors.iter().all(|voter| voter.source.is_some()));
    }
    Ok(decisions)
}

#[test]
fn eight_threads_share_a_memory_that_another_process_edits_and_answer_as_fresh_readers_do() {
    let folder = tempfile::tempdir().unwrap();
    let dir = &folder.path().join("m");
    let encoder = EncoderIdentity { name: "test".into(), hash: String::new(), dim: DIM };
    add(&mut Editor::open_or_create(dir, &encoder).unwrap(), 0..STANDING, "even").unwrap();

    let memory = Memory::open(dir).unwrap();
    let mut child = start("child_process_that_edits", DIRECTORY, dir);
    let (is_done, answers, compared) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let work = |mut memory: Memory| {
        while !is_done.load(Ordering::Relaxed) {
            match whole(&memory) {
                Ok(answer) => {
                    answers.fetch_add(1, Ordering::Relaxed);
                    let fresh = Memory::open(dir).unwrap();
                    // Still, or again, of the same state.
                    if fresh.digest() == memory.digest() {
                        match whole(&fresh) {
                            Ok(fresh) => assert_eq!(fresh, answer),
                            Err(error) if matches!(error.as_store(), Some(StoreError::Outdated { .. })) => {}
                            Err(error) => panic!("{error}"),
                        }
                        compared.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Err(error) if matches!(error.as_store(), Some(StoreError::Outdated { .. })) => {}
                Err(error) => panic!("{error}"),
            }
            memory.refresh().unwrap();
        }
        memory.refresh().unwrap();
        assert_eq!(whole(&memory).unwrap(), whole(&Memory::open(dir).unwrap()).unwrap());
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let memory = memory.clone();
            let work = &work;
            scope.spawn(move || work(memory));
        }
        let ended = child.wait().unwrap();
        is_done.store(true, Ordering::Relaxed);
        assert!(ended.success());
    });
    let (answers, compared) = (answers.into_inner(), compared.into_inner());
    assert!(answers > THREADS && compared > 0, "{answers} answers, {compared} compared with a fresh reader's");
    assert_eq!(memory.len(), STANDING, "a handle stays where it is");
    assert_eq!(verify(dir).unwrap().faults, []);
}

#[test]
fn a_handle_follows_additions_relabellings_and_settings() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let encoder = EncoderIdentity { name: "test".into(), hash: String::new(), dim: DIM };
    let mut editor = Editor::open_or_create(dir, &encoder).unwrap();
    add(&mut editor, 0..STANDING, "m").unwrap();
    let mut memory = Memory::open(dir).unwrap();
    let same = |memory: &Memory| {
        let fresh = Memory::open(dir).unwrap();
        assert_eq!(ask(memory).unwrap(), ask(&fresh).unwrap());
        assert_eq!(memory.labels(), fresh.labels());
        assert_eq!((memory.digest(), memory.ids()), (fresh.digest(), fresh.ids()));
        assert_eq!(memory.stats().unwrap(), fresh.stats().unwrap());
        assert_eq!(memory.taxonomy().unwrap(), fresh.taxonomy().unwrap());
    };
    // Labels before and after the one that is there, so that positions move.
    for (round, label) in ["z", "a", "m", "b"].into_iter().enumerate() {
        let old = memory.clone();
        add(&mut editor, 100 + 10 * round..105 + 10 * round, label).unwrap();
        assert!(memory.refresh().unwrap());
        same(&memory);
        assert_eq!(old.len() + 5, memory.len());
        whole_of(&old, STANDING + 5 * round);
    }
    editor.relabel(&Selector { labels: vec!["z".into()], ..Default::default() }, "c").unwrap();
    let before = memory.clone();
    assert!(memory.refresh().unwrap());
    same(&memory);
    let sources = Selector { sources: vec!["z/*".into()], labels: vec!["z".into()], ..Default::default() };
    assert_eq!(before.select(&sources).unwrap().len(), 5, "labels are those of the state that is asked");
    assert!(memory.select(&sources).is_err());
    let mut taxonomy = vismem::Taxonomy { levels: vec!["letter".into()], ..Default::default() };
    taxonomy.insert("a", &["vowel".into()]).unwrap();
    editor.set_taxonomy(&taxonomy).unwrap();
    assert!(memory.refresh().unwrap());
    same(&memory);
    add(&mut editor, 200..205, "aa").unwrap();
    assert!(memory.refresh().unwrap());
    same(&memory);
    assert_eq!(memory.taxonomy().unwrap(), taxonomy);
    assert!(before.taxonomy().unwrap().levels.is_empty());
    editor.set_pruning(Some(vismem::Pruning::SOFT)).unwrap();
    assert!(memory.refresh().unwrap() && !memory.refresh().unwrap());
    same(&memory);
}

/// A handle still is on so many exemplars, whatever was added since.
fn whole_of(memory: &Memory, exemplars: usize) {
    let mut seen = 0;
    memory.for_each_exemplar(|_| seen += 1).unwrap();
    assert_eq!((memory.len(), memory.ids().len(), seen), (exemplars, exemplars, exemplars));
    assert!(ask(memory).unwrap().iter().all(|decision| decision.neighbors.len() == exemplars));
    let all = Selector { sources: vec!["*".into()], ..Default::default() };
    assert_eq!(memory.select(&all).unwrap(), memory.ids());
}
