//! Memories that version 0.1 made, in format 1: `tests/data/format_1/make.sh` says how.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::attributes::attributes_of;
use super::forgetting::files_with;
use crate::store::catalog::{Catalog, FORMAT};
use crate::store::kill_point::VARIABLE;
use crate::store::upgrade;
use crate::{
    Attributes, BuildOptions, ClassifyOptions, Decision, Digest, Editor, EncoderIdentity, IndexKind, Memory,
    NewExemplar, Pruning, Receipt, SelectError, Selector, Taxonomy, content_of, verify,
};

const DIRECTORY: &str = "VISMEM_TEST_UPGRADE_IN";
const QUERY: [f32; 8] = [1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25];

/// What version 0.1 said of each: how many exemplars, and the digest.
const MEMORIES: [(&str, usize, &str); 4] = [
    ("plain", 60, "a89a2acf2ad18c4842971138ed1d6dc7ec9f6202b2a86a3a2cfacde0bc109577"),
    ("full", 58, "a561ae49fc22e0df3bfa7d68e3d564c711a42df62ddec5228ff9f361d1b67f6f"),
    ("interrupted", 48, "e92c220aa7da755e994cabe573fbf77656f244d8faa13b415836d40002e68000"),
    ("compacting", 58, "a561ae49fc22e0df3bfa7d68e3d564c711a42df62ddec5228ff9f361d1b67f6f"),
];

/// All of them, in a folder of their own.
fn memories() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let packed = include_bytes!("../../tests/data/format_1/memories.tar.gz");
    tar::Archive::new(flate2::read::GzDecoder::new(&packed[..])).unpack(folder.path()).unwrap();
    folder
}

fn format_of(dir: &Path) -> i64 {
    upgrade::format(&Catalog::open_to_read(dir).unwrap().db).unwrap()
}

fn digest_of(dir: &Path) -> String {
    Memory::open(dir).unwrap().digest().to_string()
}

fn ask(dir: &Path) -> Decision {
    // As version 0.1 did.
    let options = ClassifyOptions { k: 5, vote: crate::Vote::RANK, ..Default::default() };
    Memory::open(dir).unwrap().classify(&QUERY, &options).unwrap().remove(0)
}

fn receipt(folder: &Path) -> Receipt {
    let document: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("receipt.json")).unwrap()).unwrap();
    let number = |name: &str| document[name].as_u64().unwrap();
    let digest = |name: &str| Digest::from_hex(document[name].as_str().unwrap()).unwrap();
    let receipt = Receipt {
        event: number("event"),
        exemplars: number("exemplars"),
        selected_by: vec!["id".into()],
        before: digest("before"),
        after: digest("after"),
        at: number("at") as i64,
        microseconds: number("microseconds"),
        engine: document["engine"].as_str().unwrap().into(),
    };
    assert_eq!(receipt.hash(), digest("hash"));
    receipt
}

/// An exemplar that none of them has, with attributes.
fn add_one(editor: &mut Editor) {
    let new = NewExemplar {
        embedding: &QUERY,
        label: "new",
        source: None,
        content: content_of(&QUERY, b""),
        attributes: attributes_of(7),
    };
    editor.batch().add(&[new]).unwrap();
}

#[test]
fn a_memory_of_format_1_is_read_as_it_is() {
    let folder = memories();
    for (name, exemplars, digest) in MEMORIES {
        let dir = folder.path().join(format!("{name}.vismem"));
        let catalog = fs::read(dir.join("catalog.sqlite")).unwrap();
        let memory = Memory::open(&dir).unwrap();
        assert_eq!((memory.len(), memory.digest().to_string().as_str()), (exemplars, digest), "{name}");
        assert_eq!(memory.attributes().unwrap(), []);
        assert_eq!(memory.exemplar(1).unwrap().unwrap().attributes, Attributes::new());
        let filter = Selector { filter: Some("camera = 'north'".parse().unwrap()), ..Selector::default() };
        assert!(matches!(memory.select(&filter), Err(SelectError::Where(_))), "{name}");
        let filter = Selector { filter: Some("label = 'label-1' and id < 20".parse().unwrap()), ..Selector::default() };
        assert_eq!(memory.select(&filter).unwrap(), if name == "plain" { vec![2, 8, 14] } else { vec![2, 14] });
        drop(memory);
        ask(&dir);
        assert_eq!(format_of(&dir), 1, "{name}");
        assert!(fs::read(dir.join("catalog.sqlite")).unwrap() == catalog, "{name}: reading changes nothing");
    }
    let answer = |name: &str| {
        let decision = ask(&folder.path().join(name));
        let neighbors: Vec<_> = decision.neighbors.iter().map(|near| (near.id, near.label.clone())).collect();
        (decision.label().to_owned(), decision.confidence(), decision.novelty, neighbors)
    };
    let near = |first: &str| {
        [(20, first), (37, "label-0"), (56, "label-1"), (38, "label-1"), (2, "label-1")]
            .map(|(id, label)| (id, label.to_owned()))
            .to_vec()
    };
    // As version 0.1 answered, the pruning and the labels that were changed included.
    let plain = ("label-1".to_owned(), 0.7701149425287357, Some(88.33333333333333), near("label-1"));
    let full = ("label-0".to_owned(), 0.6086956521739131, Some(89.65517241379311), near("label-0"));
    assert_eq!((answer("plain.vismem"), answer("full.vismem")), (plain, full));
}

#[test]
fn the_first_change_upgrades_it_and_all_that_was_there_stays() {
    let folder = memories();
    let dir = folder.path().join("full.vismem");
    let memory = Memory::open(&dir).unwrap();
    let (events, taxonomy, pruning) = (memory.events().unwrap(), memory.taxonomy().unwrap(), memory.pruning().unwrap());
    let before = memory.digest();
    drop(memory);
    assert_eq!(verify(&dir).unwrap().faults, []);
    assert_eq!(format_of(&dir), 1, "looking at it is not a change");
    drop(Editor::open(&dir).unwrap());
    assert_eq!(format_of(&dir), 1, "opening it is not a change");

    let mut editor = Editor::open(&dir).unwrap();
    add_one(&mut editor);
    drop(editor);
    assert_eq!(format_of(&dir), FORMAT);
    assert!(!dir.join("fellows.u32").exists());
    assert_eq!(verify(&dir).unwrap().faults, []);
    let memory = Memory::open(&dir).unwrap();
    assert_eq!((memory.len(), memory.stats().unwrap().free_slots), (59, 1), "a slot was used again");
    assert_eq!(memory.exemplar(61).unwrap().unwrap().attributes, attributes_of(7));
    assert_eq!(memory.events().unwrap()[..events.len()], events);
    assert_eq!((memory.taxonomy().unwrap().labels, memory.pruning().unwrap()), (taxonomy.labels, pruning));
    let checked = memory.check_receipt(&receipt(folder.path())).unwrap();
    assert_eq!((checked.later_events, checked.fault), (3, None), "a receipt of version 0.1 is good");
    drop(memory);

    let mut editor = Editor::open(&dir).unwrap();
    let undone = editor.undo().unwrap();
    assert_eq!(undone.exemplars, 2, "what version 0.1 relabelled");
    editor.relabel(&Selector { ids: vec![20, 21], ..Default::default() }, "label-0").unwrap();
    editor.forget(&Selector { labels: vec!["new".into()], ..Default::default() }).unwrap();
    drop(editor);
    assert_eq!(Memory::open(&dir).unwrap().digest(), before);
    assert_eq!(verify(&dir).unwrap().faults, []);
}

/// Tables, columns and indexes, whatever the text that made them.
fn schema(dir: &Path) -> BTreeMap<String, Vec<String>> {
    let db = rusqlite::Connection::open(dir.join("catalog.sqlite")).unwrap();
    let text = |select: &str, name: &str| -> Vec<String> {
        let mut statement = db.prepare(select).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([name], |row| {
            Ok((0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap())).collect::<Vec<_>>().join(" "))
        });
        rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
    };
    let tables: Vec<String> = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    let described = tables.into_iter().map(|table| {
        let mut lines = text("SELECT * FROM pragma_table_xinfo(?1)", &table);
        lines.extend(text("SELECT * FROM pragma_table_list(?1) WHERE schema = 'main'", &table));
        lines.extend(text("SELECT * FROM pragma_index_list(?1)", &table));
        lines.extend(text("SELECT * FROM pragma_foreign_key_list(?1)", &table));
        (table, lines)
    });
    described.collect()
}

#[test]
fn any_change_upgrades_it_to_what_a_new_memory_is() {
    let new = tempfile::tempdir().unwrap();
    let encoder = EncoderIdentity { name: "unknown".into(), hash: String::new(), dim: 8 };
    drop(Editor::open_or_create(new.path(), &encoder).unwrap());
    let select = |id: u64| Selector { ids: vec![id], ..Default::default() };
    type Change<'a> = &'a dyn Fn(&mut Editor);
    let changes: [Change<'_>; 6] = [
        &|editor| drop(editor.forget(&select(3)).unwrap().unwrap()),
        &|editor| drop(editor.relabel(&select(3), "other").unwrap().unwrap()),
        &|editor| drop(editor.undo().unwrap()),
        &|editor| drop(editor.set_taxonomy(&Taxonomy::default()).unwrap().unwrap()),
        &|editor| editor.set_pruning(Some(Pruning::SOFT)).unwrap(),
        &|editor| assert_eq!(editor.compact().unwrap().free_slots, 2),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let folder = memories();
        let dir = folder.path().join("full.vismem");
        change(&mut Editor::open(&dir).unwrap());
        assert_eq!(format_of(&dir), FORMAT, "change {number}");
        assert_eq!(schema(&dir), schema(new.path()), "change {number}");
        assert_eq!(verify(&dir).unwrap().faults, [], "change {number}");
    }
}

#[test]
fn neighbor_lists_are_kept_only_where_vismem_0_1_cannot_forget_beside_them() {
    let folder = memories();
    let dir = folder.path().join("full.vismem");
    let memory = Memory::open(&dir).unwrap();
    memory.reliability(3, &mut ()).unwrap();
    assert_eq!((memory.format().unwrap(), dir.join("neighbor_lists.u32").exists()), (1, false));
    memory.build_index(IndexKind::NeighborLists, &BuildOptions::default(), &mut ()).unwrap();
    assert!(dir.join("neighbor_lists.u32").exists());
    assert_eq!(memory.format().unwrap(), FORMAT);
    assert_eq!(digest_of(&dir), MEMORIES[1].2);
    assert_eq!(verify(&dir).unwrap().faults, []);
}

/// Not a test by itself: the process that the test below starts and that kills itself on the way.
#[test]
fn child_process_that_upgrades() {
    if let Some(dir) = std::env::var_os(DIRECTORY) {
        add_one(&mut Editor::open(Path::new(&dir)).unwrap());
    }
}

#[test]
fn a_kill_at_any_step_of_the_upgrade_leaves_one_format_or_the_other_and_all_that_was_there() {
    for (point, upgraded) in [
        ("lock marked:1", false),
        ("upgrade prepared:1", false),
        ("upgrade committed:1", true),
        ("row written:1", true),
    ] {
        let folder = memories();
        let dir = folder.path().join("full.vismem");
        let before = ask(&dir);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "tests::formats::child_process_that_upgrades"])
            .env(DIRECTORY, &dir)
            .env(VARIABLE, point);
        assert!(!child.output().unwrap().status.success(), "{point} was never passed");

        // A reader that comes before any writer ...
        assert_eq!(format_of(&dir), if upgraded { FORMAT } else { 1 }, "{point}");
        assert_eq!(digest_of(&dir), MEMORIES[1].2, "{point}");
        assert_eq!(ask(&dir), before, "{point}");
        // ... and after recovery, which upgrades nothing.
        assert_eq!(verify(&dir).unwrap().faults, [], "{point}");
        assert_eq!(format_of(&dir), if upgraded { FORMAT } else { 1 }, "{point}");
        assert!(!dir.join("fellows.u32").exists(), "{point}");
        assert_eq!(ask(&dir), before, "{point}");
        let checked = Memory::open(&dir).unwrap().check_receipt(&receipt(folder.path())).unwrap();
        assert_eq!(checked.fault, None, "{point}");
        add_one(&mut Editor::open(&dir).unwrap());
        assert_eq!((format_of(&dir), Memory::open(&dir).unwrap().len()), (FORMAT, 59), "{point}");
        assert_eq!(verify(&dir).unwrap().faults, [], "{point}");
    }
}

#[test]
fn what_version_0_1_left_half_done_is_finished() {
    let folder = memories();
    // A forget that was killed after its commit: its label is still in the log and its rows in their file.
    let dir = folder.path().join("interrupted.vismem");
    let row = |slot: usize| fs::read(dir.join("vectors.f32")).unwrap()[slot * 32..][..32].to_vec();
    let forgotten = [9, 15, 21, 27, 33, 39, 45, 51, 57];
    assert!(forgotten.iter().any(|&slot| row(slot) != [0; 32]), "there is something to overwrite");
    assert_eq!(verify(&dir).unwrap().faults, []);
    assert!(forgotten.iter().all(|&slot| row(slot) == [0; 32]));
    assert_eq!(files_with(&dir, &[b"label-3".to_vec()]), [""; 0]);
    assert_eq!((format_of(&dir), digest_of(&dir).as_str()), (1, MEMORIES[2].2));
    assert!(!dir.join("fellows.u32").exists(), "which named what was forgotten");
    add_one(&mut Editor::open(&dir).unwrap());
    assert_eq!(format_of(&dir), FORMAT);
    assert_eq!(verify(&dir).unwrap().faults, []);

    // A compaction that was killed before the new rows took their place, finished by a writer that upgrades as well.
    let dir = folder.path().join("compacting.vismem");
    assert!(dir.join("vectors.f32.new").exists());
    let before = ask(&dir);
    add_one(&mut Editor::open(&dir).unwrap());
    assert!(!dir.join("vectors.f32.new").exists());
    assert_eq!((format_of(&dir), Memory::open(&dir).unwrap().stats().unwrap().free_slots), (FORMAT, 0));
    Editor::open(&dir).unwrap().forget(&Selector { labels: vec!["new".into()], ..Default::default() }).unwrap();
    assert_eq!((digest_of(&dir).as_str(), ask(&dir)), (MEMORIES[3].2, before));
    assert_eq!(verify(&dir).unwrap().faults, []);
}
