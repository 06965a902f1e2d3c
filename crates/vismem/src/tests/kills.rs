//! Whatever edit a process is killed in, and wherever: all of it happened or nothing, and nothing that is derived is
//! believed that belongs to another state.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::reliability::{counted, counts};
use super::{add, build_all, new_exemplar, sample};
use crate::index::derived;
use crate::index::partitions::PartitionMap;
use crate::store::kill_point::VARIABLE;
use crate::{
    Calibration, ClassifyOptions, Decision, Digest, Editor, Memory, Pruning, Selector, Source, Taxonomy, Threshold,
    Tuning, Vote, verify,
};

const DIRECTORY: &str = "VISMEM_TEST_EDIT_IN";
const EDIT: &str = "VISMEM_TEST_EDIT";

/// Steps at which a process is killed, and whether the edit has happened by then.
type Steps = &'static [(&'static str, bool)];

/// Ids of exemplars that are forgotten; each is one more than the number of its sample.
pub(super) const FORGOTTEN: [u64; 3] = [5, 11, 30];

pub(super) const EDITS: [(&str, Steps); 11] = [
    (
        "add",
        &[
            ("lock marked:1", false),
            ("row written:3", false),
            ("rows synced:1", false),
            ("committed:1", true),
            ("state published:1", true),
            ("log copied:1", true),
            ("log cut:1", true),
        ],
    ),
    (
        "forget",
        &[
            ("lock marked:1", false),
            ("forget prepared:1", false),
            ("forget committed:1", true),
            ("state published:1", true),
            ("row zeroed:2", true),
            ("codes erased:1", true),
            ("partitions thinned:1", true),
            ("neighbor lists marked:1", true),
            ("neighbor lists thinned:1", true),
            ("log copied:1", true),
            ("files synced:1", true),
            ("log cut:1", true),
        ],
    ),
    (
        "relabel",
        &[
            ("lock marked:1", false),
            ("change prepared:1", false),
            ("change committed:1", true),
            ("state published:1", true),
            ("log copied:1", true),
        ],
    ),
    ("move", &[("change prepared:1", false), ("change committed:1", true), ("log copied:1", true)]),
    ("undo", &[("change prepared:1", false), ("change committed:1", true), ("files synced:1", true)]),
    ("taxonomy", &[("taxonomy prepared:1", false), ("taxonomy committed:1", true), ("log copied:1", true)]),
    ("undo taxonomy", &[("taxonomy prepared:1", false), ("taxonomy committed:1", true)]),
    ("tune", &[("tuning prepared:1", false), ("tuning committed:1", true), ("log copied:1", true)]),
    ("undo tuning", &[("tuning prepared:1", false), ("tuning committed:1", true)]),
    ("prune", &[("pruning prepared:1", false), ("pruning committed:1", true), ("log copied:1", true)]),
    (
        "compact",
        &[
            ("lock marked:1", false),
            ("rows copied:1", false),
            ("compaction prepared:1", false),
            ("compaction committed:1", true),
            ("state published:1", true),
            ("rows in place:1", true),
            ("vacuumed:1", true),
        ],
    ),
];

fn by_ids(ids: &[u64]) -> Selector {
    Selector { ids: ids.to_vec(), ..Default::default() }
}

fn taxonomy(level: &str) -> Taxonomy {
    let mut taxonomy = Taxonomy { levels: vec![level.into()], ..Default::default() };
    for n in 0..7 {
        taxonomy.insert(&format!("label-{n}"), &[format!("{level}-{}", n % 2)]).unwrap();
    }
    taxonomy
}

fn edit(dir: &Path, name: &str) {
    let mut editor = Editor::open(dir).unwrap();
    match name {
        "add" => {
            let samples: Vec<_> = (60..66).map(sample).collect();
            editor.batch().add(&samples.iter().map(new_exemplar).collect::<Vec<_>>()).map(drop)
        }
        "forget" => editor.forget(&by_ids(&FORGOTTEN)).map(drop),
        "forget one by one" => FORGOTTEN.iter().try_for_each(|id| editor.forget(&by_ids(&[*id])).map(drop)),
        "relabel" => editor.relabel(&by_ids(&[1, 2, 3]), "other").map(drop),
        "move" => {
            editor.move_sources(&[1, 2].map(|id| (id, Source::from(format!("/moved/{id}.png")))).into()).map(drop)
        }
        "taxonomy" => editor.set_taxonomy(&taxonomy("genus")).map(drop),
        "tune" => editor.set_tuning(Some(Tuning { vote: Vote::RANK, k: 7 })).map(drop),
        "undo" | "undo taxonomy" | "undo tuning" => editor.undo().map(drop),
        "prune" => editor.set_pruning(Some(Pruning::Hard { neighbors: 3, threshold: Threshold::Share(0.9) })).map(drop),
        "compact" => editor.compact().map(drop).map_err(Into::into),
        other => panic!("no edit {other}"),
    }
    .unwrap();
}

/// A memory with everything that is derived, in which the edit can happen.
pub(super) fn prepare(dir: &Path, name: &str) {
    add(dir, &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
    let mut editor = Editor::open(dir).unwrap();
    editor.forget(&by_ids(&[8, 9])).unwrap();
    if name != "undo" {
        editor.relabel(&by_ids(&[20, 21]), "label-0").unwrap();
    }
    editor.set_taxonomy(&taxonomy("family")).unwrap();
    if name == "undo" {
        editor.relabel(&by_ids(&[20, 21]), "label-0").unwrap();
    }
    if name == "undo tuning" {
        editor.set_tuning(Some(Tuning { vote: Vote::SOFTMAX, k: 3 })).unwrap();
    }
    drop(editor);
    build_all(dir);
    let memory = Memory::open(dir).unwrap();
    memory.keep_calibration(&calibrated(&memory)).unwrap();
    for file in derived::ALL {
        assert!(dir.join(file).exists(), "{file}");
    }
}

/// All that an edit can change.
pub(super) type State =
    (Digest, BTreeMap<u64, String>, Taxonomy, (Option<Pruning>, Option<Tuning>), Vec<(&'static str, u64)>, u64);

pub(super) fn state(dir: &Path) -> State {
    let memory = Memory::open(dir).unwrap();
    let mut labels = BTreeMap::new();
    memory.for_each_exemplar(|exemplar| drop(labels.insert(exemplar.id, exemplar.label))).unwrap();
    let events = memory.events().unwrap().iter().map(|event| (event.kind.name(), event.exemplars)).collect();
    let free = memory.stats().unwrap().free_slots;
    let settings = (memory.pruning().unwrap(), memory.tuning().unwrap());
    (memory.digest(), labels, memory.taxonomy().unwrap(), settings, events, free)
}

/// How probable [`decisions`] are.
fn calibrated(memory: &Memory) -> Calibration {
    let tuning = Tuning { k: 4, ..Tuning::default() };
    memory.own_answers(tuning, &mut ()).unwrap().unwrap().calibration()
}

fn decisions(dir: &Path) -> Vec<Decision> {
    let memory = Memory::open(dir).unwrap();
    let queries: Vec<f32> = (77..83).flat_map(|n| sample(n).embedding).collect();
    memory.classify(&queries, &ClassifyOptions { k: 4, ..Default::default() }).unwrap()
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// What the memory answers, which must be what it answers when everything derived is made anew.
pub(super) fn sound(dir: &Path, step: &str) -> Vec<Decision> {
    let without = tempfile::tempdir().unwrap();
    copy(dir, without.path());
    for file in derived::ALL {
        let _ = fs::remove_file(without.path().join(file));
    }
    assert_eq!(counts(dir, 3), counted(dir, 3), "{step}");
    assert_eq!(PartitionMap::faults(&Memory::open(dir).unwrap()), [""; 0], "{step}");
    let (answers, anew) = (decisions(dir), decisions(without.path()));
    for (answer, anew) in answers.iter().zip(&anew) {
        let scores =
            |of: &Decision| of.labels.iter().map(|label| (label.label.clone(), label.score)).collect::<Vec<_>>();
        assert_eq!((&answer.neighbors, scores(answer)), (&anew.neighbors, scores(anew)), "{step}");
        assert_eq!((answer.novelty, answer.hidden), (anew.novelty, anew.hidden), "{step}");
    }
    let memory = Memory::open(dir).unwrap();
    if let Some(kept) = memory.calibration().filter(|kept| kept.added_since() == 0) {
        assert_eq!(kept.levels, calibrated(&memory).levels, "{step}");
    }
    answers
}

/// Not a test by itself: the process that the test below starts and that kills itself on the way.
#[test]
fn child_process_that_edits() {
    if let (Some(dir), Ok(name)) = (std::env::var_os(DIRECTORY), std::env::var(EDIT)) {
        edit(Path::new(&dir), &name);
    }
}

/// Does the edit in a process of its own, which is killed at the step. Whether it came that far.
pub(super) fn killed(dir: &Path, name: &str, step: &str) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "tests::kills::child_process_that_edits"]);
    let run = child.env(DIRECTORY, dir).env(EDIT, name).env(VARIABLE, step).output().unwrap();
    !run.status.success()
}

#[test]
fn a_kill_at_any_step_of_any_edit_leaves_all_or_nothing_and_no_stale_file_is_believed() {
    for (name, steps) in EDITS {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [prepared, whole] = [folders[0].path(), folders[1].path()];
        prepare(prepared, name);
        copy(prepared, whole);
        edit(whole, name);
        let (before, after) = (state(prepared), state(whole));
        assert_ne!(before, after, "{name} changes something");
        for (step, happened) in steps {
            let place = format!("{name}, {step}");
            let folder = tempfile::tempdir().unwrap();
            let dir = folder.path();
            copy(prepared, dir);
            assert!(killed(dir, name, step), "{place} was never passed");

            // Readers that come before any writer see one of the two states and answer from it ...
            let expected = if *happened { &after } else { &before };
            assert_eq!(&state(dir), expected, "{place}");
            let answers = sound(dir, &place);
            // ... and so does everyone after recovery.
            assert_eq!(verify(dir).unwrap().faults, [], "{place}");
            assert_eq!(&state(dir), expected, "{place}");
            assert_eq!(sound(dir, &place).len(), answers.len());
            // What did not happen can be done again.
            if !happened {
                edit(dir, name);
            }
            assert_eq!(state(dir), after, "{place}");
            sound(dir, &place);
            assert_eq!(verify(dir).unwrap().faults, [], "{place}");
        }
    }
}
