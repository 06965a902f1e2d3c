//! Catalogues whose pages are sound one by one and do not belong together, and those with more in them than a memory has.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::{add, is_store, sample};
use crate::store::catalog;
use crate::{ClassifyOptions, EditError, Editor, Error, Memory, Selector, StoreError, verify};

const PAGE: usize = 4096;
const EXEMPLARS: u32 = 700;

fn memory(folder: &Path) -> Vec<u8> {
    add(folder, &(0..EXEMPLARS).map(sample).collect::<Vec<_>>()).unwrap();
    fs::read(catalog::path(folder)).unwrap()
}

fn put(dir: &Path, bytes: &[u8]) {
    fs::write(catalog::path(dir), bytes).unwrap();
    for beside in ["catalog.sqlite-wal", "catalog.sqlite-shm", "slots.u64", "state"] {
        let _ = fs::remove_file(dir.join(beside));
    }
}

fn is_damage<T>(outcome: Result<T, impl Into<Error>>) -> bool {
    is_store(outcome, |error| matches!(error, StoreError::Damaged { path, .. } if path.ends_with(catalog::NAME)))
}

/// The leaves of trees, those of tables or those of indexes. The order of the schema's own rows says nothing.
fn leaves(bytes: &[u8], kind: u8) -> Vec<usize> {
    let page = |number: usize| &bytes[number * PAGE..][..PAGE];
    let is_schema = |page: &[u8]| page.windows(7).any(|word| word == b"CREATE ");
    (1..bytes.len() / PAGE).filter(|number| page(*number)[0] == kind && !is_schema(page(*number))).collect()
}

/// What a memory answers that is so large that not all of it is compared when it is opened.
fn answers(dir: &Path) -> Result<Vec<String>, Error> {
    let memory = Memory::open_to_select(dir)?;
    let queries: Vec<f32> = [3, 77, 401].iter().flat_map(|n| sample(*n).embedding).collect();
    let decisions = memory.classify(&queries, &ClassifyOptions { k: 40, ..Default::default() })?;
    let by_source = Selector { sources: vec!["pictures/1*".into()], ..Selector::default() };
    let by_label = Selector { labels: vec!["label-3".into()], ..Selector::default() };
    let mut exemplars = Vec::new();
    memory.for_each_exemplar(|exemplar| exemplars.push(exemplar))?;
    let selected = [memory.select(&by_source)?, memory.select(&by_label)?];
    let named = memory.exemplars(&memory.ids())?;
    Ok(vec![format!("{decisions:?}"), format!("{exemplars:?}"), format!("{selected:?}"), format!("{named:?}")])
}

#[test]
fn pages_in_the_wrong_place_are_named_and_nothing_is_answered_or_forgotten_by_them() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let sound = memory(dir);
    let rows = fs::read(dir.join("vectors.f32")).unwrap();
    let expected = answers(dir).unwrap();
    let selectors = [
        Selector { labels: vec!["label-3".into()], ..Selector::default() },
        Selector { sources: vec!["pictures/1*".into()], ..Selector::default() },
        Selector { ids: (1..=EXEMPLARS.into()).step_by(7).collect(), ..Selector::default() },
    ];
    let mut refused = 0;
    for kind in [0x0d, 0x0a] {
        let leaves = leaves(&sound, kind);
        for (place, one) in leaves.iter().enumerate() {
            for other in leaves[place + 1..].iter().step_by(3) {
                let mut torn = sound.clone();
                let (start, end) = torn.split_at_mut(other * PAGE);
                start[one * PAGE..][..PAGE].swap_with_slice(&mut end[..PAGE]);
                if torn == sound {
                    continue;
                }
                put(dir, &torn);
                let found = verify(dir).unwrap();
                assert!(!found.is_sound(), "{one} {other}");
                put(dir, &torn);
                match answers(dir) {
                    Ok(found) => assert_eq!(found, expected, "{one} {other}"),
                    Err(error) => assert!(error.to_string().contains("catalog.sqlite"), "{one} {other}: {error}"),
                }
                // What nothing is answered by shows when something is to be changed.
                match Memory::open(dir) {
                    Ok(_) => assert_eq!(answers(dir).unwrap(), expected, "{one} {other}"),
                    opened => assert!(is_damage(opened), "{one} {other}"),
                }
                assert!(is_damage(Editor::open(dir)), "{one} {other}");
                for selector in &selectors {
                    put(dir, &torn);
                    let forgotten = Editor::open_unchecked(dir)
                        .map_err(Error::from)
                        .and_then(|mut editor| editor.forget(selector).map_err(Error::from));
                    match forgotten {
                        // The pages are none that this one needs.
                        Ok(receipt) => {
                            let number =
                                selector.ids.len().max(receipt.map_or(0, |receipt| receipt.exemplars as usize));
                            let db = Connection::open(catalog::path(dir)).unwrap();
                            let left: usize = db
                                .query_row("SELECT count(*) FROM exemplars NOT INDEXED", [], |row| row.get(0))
                                .unwrap();
                            assert_eq!(left + number, EXEMPLARS as usize, "{one} {other}: {selector:?}");
                        }
                        Err(error) => {
                            refused += 1;
                            assert!(error.to_string().contains("catalog.sqlite"), "{one} {other}: {error}");
                            assert_eq!(fs::read(dir.join("vectors.f32")).unwrap(), rows, "{one} {other}: {error}");
                        }
                    }
                    fs::write(dir.join("vectors.f32"), &rows).unwrap();
                }
            }
        }
    }
    assert!(refused > 50, "{refused}");
}

#[test]
fn what_no_memory_has_in_its_catalogue_is_a_fault_and_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let sound = memory(dir);
    for (change, what) in [
        ("CREATE TABLE copies (source TEXT)", "table \"copies\" is none"),
        ("CREATE VIEW seen AS SELECT * FROM exemplars", "view \"seen\" is none"),
        ("CREATE INDEX by_source ON exemplars (source)", "index \"by_source\" is none"),
        (
            "CREATE TABLE copies (id, source TEXT); CREATE TRIGGER keep AFTER DELETE ON exemplars BEGIN \
             INSERT INTO copies VALUES (old.id, old.source); END",
            "is none of a memory's",
        ),
        ("CREATE TRIGGER keep BEFORE DELETE ON exemplars BEGIN SELECT RAISE(IGNORE); END", "trigger \"keep\" is none"),
        ("ANALYZE", "table \"sqlite_stat1\" is none"),
        ("DROP INDEX exemplars_by_label", "index \"exemplars_by_label\" is missing"),
        ("ALTER TABLE exemplars ADD COLUMN more TEXT", "table \"exemplars\" is not as vismem makes it"),
        (
            "ALTER TABLE exemplars RENAME TO hidden; CREATE VIEW exemplars AS SELECT * FROM hidden",
            "not as vismem makes it",
        ),
        ("DROP TABLE pruning", "table \"pruning\" is missing"),
        ("CREATE TABLE tunings (event INTEGER PRIMARY KEY)", "table \"tunings\" is not as vismem makes it"),
    ] {
        put(dir, &sound);
        let db = Connection::open(catalog::path(dir)).unwrap();
        db.pragma_update(None, "wal_autocheckpoint", 1).unwrap();
        db.execute_batch(change).unwrap();
        drop(db);
        let error = Memory::open(dir).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(what), "{change}: {error}");
        assert!(is_damage(Editor::open(dir)), "{change}");
        assert!(is_damage(add(dir, &[sample(5_000)])), "{change}");
        assert!(!verify(dir).unwrap().is_sound(), "{change}");
    }
    put(dir, &sound);
    assert_eq!(verify(dir).unwrap().faults, []);
}

#[test]
fn rows_that_cannot_be_are_named_by_every_command_and_no_row_is_overwritten_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
    let ids = |ids: &[u64]| Selector { ids: ids.to_vec(), ..Selector::default() };
    Editor::open(dir).unwrap().forget(&ids(&[7, 8])).unwrap();
    let (sound, rows) = (fs::read(catalog::path(dir)).unwrap(), fs::read(dir.join("vectors.f32")).unwrap());
    for change in [
        // Somebody's slot is listed as free, and one beyond all of them.
        "INSERT INTO free_slots VALUES (2)",
        "UPDATE free_slots SET slot = 3 WHERE slot = 6",
        "UPDATE free_slots SET slot = 1000000000000 WHERE slot = 6",
        "UPDATE free_slots SET slot = -1 WHERE slot = 6",
        "DELETE FROM free_slots WHERE slot = 6",
        "UPDATE exemplars SET slot = 100 WHERE id = 5",
        "UPDATE exemplars SET slot = 6 WHERE id = 5",
        "UPDATE exemplars SET slot = 4000000000000000000 WHERE id = 5",
        "UPDATE exemplars SET id = -3 WHERE id = 3",
        "UPDATE exemplars SET id = 0 WHERE id = 3",
        "UPDATE exemplars SET id = 9000000000000000000 WHERE id = 3",
        "UPDATE exemplars SET label = 77 WHERE id = 3",
        "DELETE FROM exemplars WHERE id = 3",
        "UPDATE memory SET slots = 4000000000",
        "UPDATE memory SET slots = 9000000000000000000",
        "UPDATE memory SET slots = 10",
        "UPDATE memory SET dim = 9000000000000000000",
        "UPDATE memory SET dim = 1048577",
        "UPDATE memory SET dim = 1000000",
        "UPDATE memory SET generation = -1",
        "DELETE FROM memory",
        "UPDATE memory SET digest_state = zeroblob(2048)",
        "INSERT INTO attributes VALUES (1, 'light', 'text'); INSERT INTO attribute_values VALUES (3, 1, 'x')",
    ] {
        put(dir, &sound);
        let db = Connection::open(catalog::path(dir)).unwrap();
        db.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON").unwrap();
        db.execute_batch(change).unwrap();
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        drop(db);
        let changed = fs::read(catalog::path(dir)).unwrap();
        assert!(is_store(Memory::open(dir), |error| matches!(error, StoreError::Damaged { .. })), "{change}");
        assert!(!verify(dir).unwrap().is_sound(), "{change}");
        // The mark of a writer that was killed: recovery overwrites what is free.
        fs::write(dir.join("lock"), "process 1").unwrap();
        assert!(Editor::open(dir).is_err(), "{change}");
        for edit in [
            |editor: &mut Editor| editor.forget(&Selector { ids: vec![5], ..Selector::default() }).map(drop),
            |editor: &mut Editor| editor.compact().map(drop).map_err(EditError::from),
            |editor: &mut Editor| {
                let sample = sample(3_000);
                editor.batch().add(&[super::new_exemplar(&sample)]).map(drop)
            },
        ] {
            put(dir, &changed);
            fs::write(dir.join("lock"), "").unwrap();
            fs::write(dir.join("vectors.f32"), &rows).unwrap();
            let outcome = Editor::open_unchecked(dir).map_err(EditError::from).and_then(|mut editor| edit(&mut editor));
            if let Err(error) = outcome {
                assert!(!error.to_string().contains("panicked"), "{change}: {error}");
                assert_eq!(fs::read(dir.join("vectors.f32")).unwrap(), rows, "{change}: {error}");
            }
        }
        fs::write(dir.join("lock"), "").unwrap();
        fs::write(dir.join("vectors.f32"), &rows).unwrap();
    }
    put(dir, &sound);
    assert_eq!(verify(dir).unwrap().faults, []);
}

/// Changes the catalogue as no memory does.
fn tampered(dir: &Path, statements: &str) {
    let db = Connection::open(catalog::path(dir)).unwrap();
    db.execute_batch(statements).unwrap();
}

#[test]
fn an_index_that_leaves_attributes_out_is_damage_and_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let mut editor = Editor::open_or_create(dir, &super::encoder()).unwrap();
    let samples: Vec<_> = (0..40).map(sample).collect();
    editor.batch().add(&samples.iter().map(super::attributes::with_attributes).collect::<Vec<_>>()).unwrap();
    drop(editor);
    let wild = Selector { filter: Some("wild = true".parse().unwrap()), ..Selector::default() };
    assert_eq!(Memory::open(dir).unwrap().select(&wild).unwrap().len(), 16);
    // The index is built of a part of the table, and called as before.
    let index = "name = 'attribute_values_by_value'";
    tampered(
        dir,
        &format!(
            "PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = sql || ' WHERE exemplar < 20' WHERE {index}; PRAGMA writable_schema = RESET;"
        ),
    );
    tampered(
        dir,
        &format!(
            "REINDEX attribute_values_by_value; PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = replace(sql, ' WHERE exemplar < 20', '') WHERE {index}; \
             PRAGMA writable_schema = RESET;"
        ),
    );
    assert!(is_damage(Memory::open(dir).unwrap().select(&wild)));
    assert!(is_damage(Editor::open(dir).map(drop)), "so nothing is forgotten by it");
    assert!(!verify(dir).unwrap().is_sound());
}

#[test]
fn what_undo_would_bring_back_must_lead_to_where_the_change_began() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    memory(dir);
    let one = Selector { ids: vec![3], ..Selector::default() };
    Editor::open(dir).unwrap().relabel(&one, "other").unwrap();
    tampered(dir, "UPDATE changes SET label = 'label-6'");
    let undone = Editor::open(dir).unwrap().undo();
    assert!(is_damage(undone));
    assert_eq!(Memory::open(dir).unwrap().exemplar(3).unwrap().unwrap().label, "other", "nothing was changed");
}

#[test]
fn a_log_that_is_no_chain_from_nothing_to_now_is_damage() {
    let event = |change: &str| {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        add(dir, &(0..9).map(sample).collect::<Vec<_>>()).unwrap();
        Editor::open(dir).unwrap().relabel(&Selector { ids: vec![3], ..Selector::default() }, "other").unwrap();
        assert_eq!(Memory::open(dir).unwrap().events().unwrap().len(), 2);
        tampered(dir, change);
        assert!(is_damage(Memory::open(dir).and_then(|memory| memory.events())), "{change}");
        let undone = Editor::open(dir).map_err(Error::from).and_then(|mut editor| Ok(editor.undo()?));
        assert!(is_damage(undone), "{change}");
        assert!(!verify(dir).unwrap().is_sound(), "{change}");
    };
    for change in [
        "UPDATE events SET before = zeroblob(32) WHERE id = 1",
        "UPDATE events SET before = zeroblob(32) WHERE id = 2",
        "UPDATE events SET after = zeroblob(32) WHERE id = 2",
        "DELETE FROM events WHERE id = 1",
    ] {
        event(change);
    }
}

#[test]
fn what_is_no_regular_file_in_a_memory_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..9).map(sample).collect::<Vec<_>>()).unwrap();
    fs::create_dir(dir.join("codes.i8")).unwrap();
    let faults = verify(dir).unwrap().faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].what.contains("no regular file"), "{faults:?}");
}

#[test]
fn neighbour_lists_that_are_said_to_be_longer_than_the_memory_take_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    add(dir, &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
    super::build_all(dir);
    let file = dir.join(crate::index::derived::NEIGHBOR_LISTS);
    fs::OpenOptions::new().write(true).open(file).unwrap().set_len(1 << 40).unwrap();
    let memory = Memory::open(dir).unwrap();
    assert_eq!(memory.neighbor_lists(3, &mut ()).unwrap().len(), 40);
}

#[test]
fn an_exemplar_in_a_batch_that_it_did_not_come_with_is_named_and_not_forgotten_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for batch in 0..3 {
        add(dir, &(10 * batch..10 * batch + 10).map(sample).collect::<Vec<_>>()).unwrap();
    }
    let third = Selector { batches: vec![3], ..Selector::default() };
    assert_eq!(Memory::open(dir).unwrap().select(&third).unwrap().len(), 10);
    assert_eq!(verify(dir).unwrap().faults, []);
    tampered(dir, "UPDATE exemplars SET batch = 3 WHERE id = 12");
    assert!(verify(dir).unwrap().faults.iter().any(|fault| fault.what.contains("batch 3")));
    assert!(is_damage(Editor::open(dir).map(drop)), "so nothing is forgotten by it");
}
