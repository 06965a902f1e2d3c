//! A memory that came from a stranger may have anything under the names of its files.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::kills::{copy, prepare};
use super::{add, sample};
use crate::index::derived;
use crate::store::{catalog, turnstile};
use crate::{ClassifyOptions, Editor, Error, Memory, Pruning, Search, Selector, StoreError, verify};

/// Everything that reads or writes a memory.
fn use_it(dir: &Path) -> Vec<Error> {
    let read = || -> Result<(), Error> {
        let memory = Memory::open(dir)?;
        let search = Search::Partitioned { recall: 0.5 };
        memory.classify(&sample(3).embedding, &ClassifyOptions { search, ..Default::default() })?;
        memory.classify(&sample(3).embedding, &ClassifyOptions::default())?;
        memory.reliability(3, &mut ())?;
        memory.index_stats()?;
        memory.indexes_behind();
        Ok(())
    };
    let write = || -> Result<(), Error> {
        add(dir, &[sample(70)])?;
        let mut editor = Editor::open(dir)?;
        editor.relabel(&Selector { ids: vec![4], ..Default::default() }, "other")?;
        editor.set_pruning(Some(Pruning::SOFT))?;
        editor.forget(&Selector { ids: vec![3], ..Default::default() })?;
        editor.compact()?;
        Ok(())
    };
    [read(), write(), verify(dir).map(drop).map_err(Error::from), read()].into_iter().filter_map(Result::err).collect()
}

/// What others have beside the memory: nobody may touch it.
const MINE: &[u8] = b"my precious file";

#[test]
fn no_file_of_a_memory_is_a_way_to_another_file_and_none_makes_anybody_wait() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    prepare(&whole, "add");
    let truth = [catalog::NAME, "vectors.f32", "lock"];
    let beside = [catalog::LOG, "catalog.sqlite-shm", "catalog.sqlite-journal", "state"];
    let derived = derived::ALL.into_iter();
    let unfinished = ["vectors.f32.new", "codes.i8.new", "novelty.f32.new", "slots.u64.new", "neighbor_lists.u32.new"];
    let names = truth.into_iter().chain(beside).chain(turnstile::NAMES).chain(derived).chain(unfinished);
    for name in names.chain(["catalog.sqlite.new"]) {
        for kind in ["link", "dangling", "other name", "pipe", "socket", "folder"] {
            let place = folder.path().join(format!("{name}-{kind}"));
            fs::create_dir(&place).unwrap();
            let (dir, target) = (place.join("m"), place.join("target"));
            copy(&whole, &dir);
            let file = dir.join(name);
            let before = fs::read(&file).ok();
            let _ = fs::remove_file(&file);
            if kind == "link" || kind == "other name" {
                // To what would be a sound file of the memory where it is one.
                fs::write(&target, before.as_deref().unwrap_or(MINE)).unwrap();
                if kind == "link" {
                    std::os::unix::fs::symlink(&target, &file).unwrap();
                } else {
                    fs::hard_link(&target, &file).unwrap();
                }
            } else if kind == "dangling" {
                std::os::unix::fs::symlink(&target, &file).unwrap();
            } else if kind == "socket" {
                drop(std::os::unix::net::UnixListener::bind(&file).unwrap());
            } else if kind == "folder" {
                fs::create_dir(&file).unwrap();
            } else {
                assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
            }
            let errors = use_it(&dir);
            let is_named = |error: &Error| match error.as_store() {
                Some(StoreError::Damaged { path, what }) => path == &file && what == "is not a regular file",
                Some(StoreError::Shared { path }) => path == &file && kind == "other name",
                _ => false,
            };
            assert!(
                errors.iter().all(|error| !error.to_string().contains("os error")),
                "{name} as a {kind}: {errors:?}"
            );
            if truth.contains(&name) {
                assert!(errors.iter().any(is_named), "{name} as a {kind}: {errors:?}");
                assert!(!verify(&dir).unwrap().faults.is_empty(), "{name} as a {kind}");
            }
            assert!(kind != "dangling" || !target.exists(), "{name}: a file was made where the link leads");
            if kind == "link" || kind == "other name" {
                let now = fs::read(&target).unwrap();
                assert_eq!(now, before.unwrap_or(MINE.into()), "{name}: its target was changed");
            }
        }
    }
}
