use std::fs;
use std::path::Path;

use super::{add, build_all, is_store, sample};
use crate::{
    ClassifyOptions, Decision, Editor, Error, Memory, Pruning, Search, Selector, StoreError, Taxonomy, Tuning, Vote,
    Votes, verify,
};

fn answer(dir: &Path) -> Result<Vec<Decision>, Error> {
    Ok(Memory::open(dir)?.classify(&sample(3).embedding, &ClassifyOptions::default())?)
}

/// A small memory with its log folded in, so that every byte counts.
fn memory() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
    build_all(folder.path());
    folder
}

#[test]
fn a_changed_byte_anywhere_is_named_or_changes_nothing_and_is_never_answered_from() {
    let folder = memory();
    let dir = folder.path();
    let sound = answer(dir).unwrap();
    for file in ["vectors.f32", "catalog.sqlite", "codes.i8", "novelty.f32", "slots.u64"] {
        let path = dir.join(file);
        build_all(dir);
        let original = fs::read(&path).unwrap();
        let mut named = 0;
        let step = if file == "vectors.f32" { 13 } else { 211 };
        let places: Vec<usize> = (0..original.len()).step_by(step).collect();
        for &place in &places {
            let mut bytes = original.clone();
            bytes[place] ^= 0x41;
            fs::write(&path, &bytes).unwrap();
            match answer(dir) {
                Ok(decisions) => assert_eq!(decisions, sound, "{file} byte {place}"),
                Err(error) => {
                    assert!(error.to_string().contains(file), "{file} byte {place}: {error}");
                    named += 1;
                    assert_ne!(verify(dir).unwrap().faults, [], "{file} byte {place}");
                }
            }
            if let "codes.i8" | "novelty.f32" | "slots.u64" = file {
                assert_eq!(fs::read(&path).unwrap(), bytes, "{file} byte {place}: a query writes nothing");
            }
            // Reading a damaged database may leave side files behind.
            let _ = fs::remove_file(dir.join("catalog.sqlite-wal"));
            let _ = fs::remove_file(dir.join("catalog.sqlite-shm"));
        }
        if file == "vectors.f32" {
            assert_eq!(named, places.len(), "every byte of every row counts");
        }
        assert_eq!(named > 0, matches!(file, "vectors.f32" | "catalog.sqlite"), "{file}");
        fs::write(&path, original).unwrap();
        // A writer that gave up on a damaged catalogue leaves the next one to recover.
        assert_eq!(verify(dir).unwrap().faults, [], "{file}");
        assert_eq!(answer(dir).unwrap(), sound, "{file}");
    }
}

#[test]
fn changed_settings_are_named_wherever_the_change_came_from() {
    let folder = memory();
    let dir = folder.path();
    let mut editor = Editor::open(dir).unwrap();
    let mut taxonomy = Taxonomy { levels: vec!["family".into()], ..Default::default() };
    taxonomy.insert("label-1", &["one".into()]).unwrap();
    editor.set_taxonomy(&taxonomy).unwrap();
    editor.set_pruning(Some(Pruning::SOFT)).unwrap();
    editor.set_tuning(Some(Tuning { vote: Vote::RANK, k: 20 })).unwrap();
    drop(editor);
    answer(dir).unwrap();
    for (change, back) in [
        ("UPDATE tunings SET k = 10", "UPDATE tunings SET k = 20"),
        ("UPDATE tunings SET parameter = 3", "UPDATE tunings SET parameter = 2"),
        ("UPDATE pruning SET d = 1.5", "UPDATE pruning SET d = 1.75"),
        ("UPDATE taxonomy SET name = 'two'", "UPDATE taxonomy SET name = 'one'"),
        ("UPDATE levels SET name = 'order'", "UPDATE levels SET name = 'family'"),
        ("UPDATE memory SET encoder = 'another'", "UPDATE memory SET encoder = 'test'"),
    ] {
        let run = |statement| rusqlite::Connection::open(dir.join("catalog.sqlite")).unwrap().execute(statement, []);
        run(change).unwrap();
        let error = answer(dir).unwrap_err().to_string();
        assert!(error.contains("encoder, taxonomy, pruning or tuning"), "{change}: {error}");
        assert_eq!(verify(dir).unwrap().faults.len(), 1, "{change}");
        run(back).unwrap();
        answer(dir).unwrap();
    }
}

#[test]
fn missing_short_and_foreign_files_are_named() {
    let folder = memory();
    let dir = folder.path();
    let vectors = dir.join("vectors.f32");
    let rows = fs::read(&vectors).unwrap();

    fs::write(&vectors, &rows[..rows.len() - 1]).unwrap();
    assert!(is_store(answer(dir), |error| matches!(error, StoreError::Damaged { path, .. } if *path == vectors)));
    fs::remove_file(&vectors).unwrap();
    assert!(is_store(answer(dir), |error| matches!(error, StoreError::Damaged { path, .. } if *path == vectors)));
    assert_eq!(verify(dir).unwrap().faults[0].file, vectors);
    assert!(is_store(
        add(dir, &[sample(99)]),
        |error| matches!(error, StoreError::Damaged { path, .. } if *path == vectors)
    ));
    assert!(!vectors.exists(), "a lost file is not replaced by an empty one");
    fs::write(&vectors, &rows).unwrap();

    fs::write(dir.join("notes.txt"), "mine").unwrap();
    assert_eq!(verify(dir).unwrap().faults[0].file, dir.join("notes.txt"));
    fs::remove_file(dir.join("notes.txt")).unwrap();
    assert_eq!(verify(dir).unwrap().faults, []);

    let catalog = dir.join("catalog.sqlite");
    let whole = fs::read(&catalog).unwrap();
    fs::remove_file(&catalog).unwrap();
    assert!(is_store(add(dir, &[sample(99)]), |error| matches!(error, StoreError::NotAMemory { .. })));
    assert_eq!(fs::read(&vectors).unwrap(), rows, "vectors without their catalogue are left alone");
    fs::write(&catalog, whole).unwrap();

    fs::write(&catalog, "no database at all").unwrap();
    assert!(is_store(answer(dir), |error| matches!(error, StoreError::Damaged { .. })));
    assert_ne!(verify(dir).unwrap().faults, []);
}

#[test]
fn a_directory_that_is_no_memory_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, file) = (folder.path().join("missing"), folder.path().join("file"));
    fs::write(&file, "mine").unwrap();
    assert!(matches!(Memory::open(&missing), Err(StoreError::NotFound { .. })));
    assert!(matches!(Memory::open(&file), Err(StoreError::NotAMemory { .. })));
    assert!(matches!(Memory::open(folder.path()), Err(StoreError::NotAMemory { .. })));
    assert!(is_store(add(&file, &[sample(1)]), |error| matches!(error, StoreError::NotAMemory { .. })));
    assert!(is_store(add(folder.path(), &[sample(1)]), |error| matches!(error, StoreError::NotAMemory { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");
}

#[test]
fn a_newer_format_is_refused() {
    let folder = memory();
    let db = rusqlite::Connection::open(folder.path().join("catalog.sqlite")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let error = answer(folder.path()).unwrap_err();
    assert!(error.to_string().contains("written in format 99, this engine reads up to 2"), "{error}");
}

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// Damage as disks and copies do it: bytes changed, blocks of zeros, blocks in the wrong place, ends lost or added.
fn damaged(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (at, length) = (dice.below(bytes.len()), 1 + dice.below(600));
    let end = (at + length).min(bytes.len());
    // Nothing but an end can be added to what is empty.
    match if bytes.is_empty() { 4 } else { dice.below(6) } {
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes[at..end].fill(0),
        2 => bytes[at..end].fill_with(|| dice.below(256) as u8),
        3 => bytes.truncate(at),
        4 => bytes.extend(std::iter::repeat_n(dice.below(256) as u8, length)),
        _ => {
            let from = dice.below(bytes.len() - (end - at) + 1);
            bytes.copy_within(from..from + (end - at), at);
        }
    }
    bytes
}

#[test]
fn random_damage_to_any_file_is_named_or_changes_no_answer() {
    let folder = memory();
    let dir = folder.path();
    let mut editor = Editor::open(dir).unwrap();
    editor.forget(&Selector { ids: vec![6, 7], ..Default::default() }).unwrap();
    let mut taxonomy = Taxonomy { levels: vec!["family".into()], ..Default::default() };
    (0..7).for_each(|n| taxonomy.insert(&format!("label-{n}"), &[format!("family-{}", n % 2)]).unwrap());
    editor.set_taxonomy(&taxonomy).unwrap();
    editor.set_pruning(Some(Pruning::SOFT)).unwrap();
    drop(editor);
    build_all(dir);
    let counts = |dir: &Path| -> Result<Vec<(u64, Votes)>, Error> {
        Ok(Memory::open(dir)?.reliability(3, &mut ())?.iter().collect())
    };
    let partitioned = |dir: &Path| {
        let search = Search::Partitioned { recall: 0.5 };
        Memory::open(dir)?.classify(&sample(3).embedding, &ClassifyOptions { search, k: 1, ..Default::default() })
    };
    let sound = (answer(dir).unwrap(), counts(dir).unwrap(), partitioned(dir).unwrap());
    let files = [
        "catalog.sqlite",
        "vectors.f32",
        "codes.i8",
        "novelty.f32",
        "neighbor_lists.u32",
        "partitions.i4",
        "slots.u64",
        "lock",
        "state",
    ];
    let originals = files.map(|file| (file, fs::read(dir.join(file)).unwrap()));
    let mut dice = Dice(4711);
    let mut named = 0;
    for round in 0..315 {
        for (file, original) in &originals {
            fs::write(dir.join(file), original).unwrap();
            let _ = fs::remove_file(dir.join("catalog.sqlite-wal"));
            let _ = fs::remove_file(dir.join("catalog.sqlite-shm"));
        }
        let (file, original) = &originals[round % files.len()];
        fs::write(dir.join(file), damaged(original, &mut dice)).unwrap();
        // Nothing panics, and what is answered is what a sound memory answers.
        for outcome in [answer(dir).map(|found| found == sound.0), counts(dir).map(|found| found == sound.1)] {
            match outcome {
                Ok(same) => assert!(same, "round {round}: a wrong answer from a damaged {file}"),
                Err(error) => {
                    assert!(error.to_string().contains(file), "round {round}: {error}");
                    named += 1;
                }
            }
        }
        if let Ok(found) = partitioned(dir) {
            assert_eq!(found[0].neighbors, sound.2[0].neighbors, "round {round}: {file}");
        }
        let _ = verify(dir);
        // Whoever edits it all the same is refused, or leaves a memory that is checked like any other.
        if let Ok(mut editor) = Editor::open(dir) {
            let _ = editor.forget(&Selector { ids: vec![3], ..Default::default() });
            drop(editor);
            let _ = (add(dir, &[sample(50)]), answer(dir), verify(dir));
        }
    }
    assert!(named > 20, "only {named} damages were found");
}
