//! Choosing a vote by leave-one-out: what it rests on, and what it does not.

use std::path::Path;

use vismem::{Attributes, Editor, EncoderIdentity, Memory, NewExemplar, Pruning, Threshold, Tuning, Vote, content_of};
use vismem_eval::{Error, TuningChoice, choose_tuning};

const DIM: usize = 3;
const RANK_OF_5: Tuning = Tuning { vote: Vote::RANK, k: 5 };

struct Row {
    label: String,
    embedding: [f32; DIM],
}

fn fill(dir: &Path, rows: &[Row]) -> Memory {
    let encoder = EncoderIdentity { name: "toy".into(), hash: "00".into(), dim: DIM };
    let mut exemplars: Vec<NewExemplar<'_>> = Vec::new();
    for Row { label, embedding } in rows {
        let (content, attributes) = (content_of(embedding, label.as_bytes()), Attributes::new());
        exemplars.push(NewExemplar { embedding, label, source: None, content, attributes });
    }
    let mut editor = Editor::open_or_create(dir, &encoder).unwrap();
    editor.batch().add(&exemplars).unwrap();
    drop(editor);
    Memory::open(dir).unwrap()
}

/// Forty groups of three around a circle, by turns of one label and the other: of five neighbours the nearest two are of
/// the right label and the other three of the wrong one, so that only who counts ranks is right.
fn alternating() -> Vec<Row> {
    let row = |n: usize| {
        let (group, place) = (n / 3, n % 3);
        let jitter = ((n + 1) as f32 * 0.61).sin() * 0.002;
        let angle = std::f32::consts::TAU * group as f32 / 40.0 + 0.015 * place as f32 + jitter;
        Row { label: ["odd", "even"][group % 2].into(), embedding: [angle.cos(), angle.sin(), 0.0] }
    };
    (0..120).map(row).collect()
}

/// Two labels without any overlap.
fn apart() -> Vec<Row> {
    let row = |n: usize| {
        let wave = |i: usize| ((n as f32 + 1.3) * (i as f32 + 1.0) * 0.77).sin() * 0.1;
        let mut embedding: [f32; DIM] = std::array::from_fn(wave);
        embedding[n % 2] += 1.0;
        Row { label: ["a", "b"][n % 2].into(), embedding }
    };
    (0..140).map(row).collect()
}

fn choice(memory: &Memory) -> TuningChoice {
    choose_tuning(memory, 2000, &mut ()).unwrap()
}

#[test]
fn a_vote_that_is_clearly_better_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let memory = fill(folder.path(), &alternating());
    let found = choice(&memory);
    assert_eq!((found.chosen.tuning, found.chosen.accuracy.value), (RANK_OF_5, 1.0));
    assert!(found.chosen.p < 1e-6 && found.default.accuracy.value < 0.5, "{found:?}");
    assert_eq!((found.asked, found.could_be_asked, found.alone), (120, 120, 0));
    assert_eq!((found.held_out.accuracy.value, found.held_out.same_choice), (1.0, 5));
    assert_eq!((found.now, found.against_now.gained), (found.default, found.chosen.gained));
    assert!(found.tried.iter().all(|trial| trial.tuning.k <= 119), "there are not 200 others");

    // What is chosen is what the memory then decides by, and asking again finds the same.
    Editor::open(folder.path()).unwrap().set_tuning(Some(found.chosen.tuning)).unwrap();
    let tuned = Memory::open(folder.path()).unwrap();
    assert_eq!(tuned.decides_by().unwrap(), RANK_OF_5);
    let again = choice(&tuned);
    assert_eq!((again.chosen, again.now, again.against_now.gained), (found.chosen, found.chosen, 0));
}

#[test]
fn the_default_is_kept_where_all_are_equal_and_where_labels_mean_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let equal = choice(&fill(&folder.path().join("equal"), &apart()));
    assert!(equal.tried.iter().all(|trial| trial.accuracy.value == 1.0), "{equal:?}");
    assert_eq!((equal.chosen.tuning, equal.held_out.same_choice), (Tuning::default(), 5));
    for seed in 0..3 {
        let mut rows = alternating();
        let by_chance = |n: usize| (((n * n + 7 * n + 31 * seed) * 2_654_435_761) >> 13) % 3;
        rows.iter_mut().enumerate().for_each(|(n, row)| row.label = format!("label-{}", by_chance(n)));
        let memory = fill(&folder.path().join(format!("chance-{seed}")), &rows);
        let chance = choose_tuning(&memory, 60, &mut ()).unwrap();
        assert_eq!(chance.chosen.tuning, Tuning::default(), "{seed}: {chance:?}");
    }
}

#[test]
fn labels_of_one_exemplar_are_never_what_the_choice_rests_on() {
    let folder = tempfile::tempdir().unwrap();
    let alone = |n: usize| Row { label: format!("alone-{n}"), embedding: [0.1 * (n as f32).sin(), 0.05, 1.0] };
    let mut rows = alternating();
    rows.extend((0..30).map(alone));
    let found = choice(&fill(&folder.path().join("some"), &rows));
    assert_eq!((found.asked, found.could_be_asked, found.alone), (120, 120, 30));
    assert_eq!((found.chosen.tuning, found.chosen.accuracy.value), (RANK_OF_5, 1.0));

    let all_alone = fill(&folder.path().join("all"), &(0..30).map(alone).collect::<Vec<_>>());
    let refused = choose_tuning(&all_alone, 2000, &mut ());
    assert!(matches!(&refused, Err(Error::NotApplicable(why)) if why.contains("one exemplar")), "{refused:?}");
}

#[test]
fn the_choice_depends_on_the_content_alone_whatever_the_threads_and_the_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = alternating();
    let memory = fill(&folder.path().join("one"), &rows);
    rows.reverse();
    let other = fill(&folder.path().join("other"), &rows);
    let with_threads = |threads, memory: &Memory| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| choose_tuning(memory, 70, &mut ()).unwrap())
    };
    let found = with_threads(1, &memory);
    assert_eq!(found.asked, 70);
    assert_eq!((with_threads(4, &memory), with_threads(3, &other)), (found.clone(), found));
}

#[test]
fn under_pruning_each_is_asked_as_if_it_had_said_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = apart();
    rows.truncate(90);
    rows.iter_mut().step_by(7).for_each(|row| row.label = "a".into());
    let memory = fill(folder.path(), &rows);
    for pruning in [Pruning::SOFT, Pruning::Hard { neighbors: 12, threshold: Threshold::Share(0.4) }] {
        Editor::open(folder.path()).unwrap().set_pruning(Some(pruning)).unwrap();
        let pruned = Memory::open(folder.path()).unwrap();
        let found = choice(&pruned);
        assert_eq!(found.pruning, Some(pruning));
        for trial in found.tried {
            let Tuning { vote, k } = trial.tuning;
            let expected = memory.leave_one_out(k, vote, &[Some(pruning)], &mut ()).unwrap()[0];
            assert_eq!(trial.accuracy.value, expected, "{vote} of {k} under {pruning}");
        }
    }
}
