use std::fs;
use std::path::Path;

use super::{add, sample};
use crate::{ClassifyOptions, Decision, Error, Memory, verify};

fn answer(dir: &Path) -> Result<Vec<Decision>, Error> {
    Memory::open(dir)?.classify(&sample(3).embedding, &ClassifyOptions::default())
}

/// A small memory with its log folded in, so that every byte counts.
fn memory() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
    folder
}

#[test]
fn a_changed_byte_anywhere_is_named_or_changes_nothing_and_is_never_answered_from() {
    let folder = memory();
    let dir = folder.path();
    let sound = answer(dir).unwrap();
    for file in ["vectors.f32", "catalog.sqlite", "codes.i8", "novelty.f32"] {
        let path = dir.join(file);
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
            if let "codes.i8" | "novelty.f32" = file {
                assert_ne!(fs::read(&path).unwrap(), bytes, "{file} byte {place}: what is derived is made anew");
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
    }
    assert_eq!(answer(dir).unwrap(), sound);
}

#[test]
fn missing_short_and_foreign_files_are_named() {
    let folder = memory();
    let dir = folder.path();
    let vectors = dir.join("vectors.f32");
    let rows = fs::read(&vectors).unwrap();

    fs::write(&vectors, &rows[..rows.len() - 1]).unwrap();
    assert!(matches!(answer(dir), Err(Error::Damaged { path, .. }) if path == vectors));
    fs::remove_file(&vectors).unwrap();
    assert!(matches!(answer(dir), Err(Error::Damaged { path, .. }) if path == vectors));
    assert_eq!(verify(dir).unwrap().faults[0].file, vectors);
    assert!(matches!(add(dir, &[sample(99)]), Err(Error::Damaged { path, .. }) if path == vectors));
    assert!(!vectors.exists(), "a lost file is not replaced by an empty one");
    fs::write(&vectors, &rows).unwrap();

    fs::write(dir.join("notes.txt"), "mine").unwrap();
    assert_eq!(verify(dir).unwrap().faults[0].file, dir.join("notes.txt"));
    fs::remove_file(dir.join("notes.txt")).unwrap();
    assert_eq!(verify(dir).unwrap().faults, []);

    let catalog = dir.join("catalog.sqlite");
    let whole = fs::read(&catalog).unwrap();
    fs::remove_file(&catalog).unwrap();
    assert!(matches!(add(dir, &[sample(99)]), Err(Error::NotAMemory { .. })));
    assert_eq!(fs::read(&vectors).unwrap(), rows, "vectors without their catalogue are left alone");
    fs::write(&catalog, whole).unwrap();

    fs::write(&catalog, "no database at all").unwrap();
    assert!(matches!(answer(dir), Err(Error::Damaged { .. })));
    assert_ne!(verify(dir).unwrap().faults, []);
}

#[test]
fn a_directory_that_is_no_memory_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, file) = (folder.path().join("missing"), folder.path().join("file"));
    fs::write(&file, "mine").unwrap();
    assert!(matches!(Memory::open(&missing), Err(Error::NotFound { .. })));
    assert!(matches!(Memory::open(&file), Err(Error::NotAMemory { .. })));
    assert!(matches!(Memory::open(folder.path()), Err(Error::NotAMemory { .. })));
    assert!(matches!(add(&file, &[sample(1)]), Err(Error::NotAMemory { .. })));
    assert!(matches!(add(folder.path(), &[sample(1)]), Err(Error::NotAMemory { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");
}

#[test]
fn a_newer_format_is_refused_with_the_remedy() {
    let folder = memory();
    let db = rusqlite::Connection::open(folder.path().join("catalog.sqlite")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let error = answer(folder.path()).unwrap_err();
    assert!(error.to_string().contains("newer vismem"), "{error}");
}
