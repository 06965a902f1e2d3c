//! How probable answers are, and which sets of labels hold the right one; and that nothing of what was forgotten stays in
//! what that goes by.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::{DIM, Sample, add, new_exemplar, sample};
use crate::index::derived;
use crate::{
    Calibration, ClassifyOptions, Decision, Editor, Memory, NotCalibrated, Pruning, QueryError, Selector, Sureness,
    Taxonomy, Threshold, Tuning, Vote, is_calibrated,
};

/// A sequence that looks drawn, the same on every machine.
struct Drawn(u64);

impl Drawn {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Nearly normal.
    fn around(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }

    /// A point around the place of a label.
    fn of(&mut self, n: u32, label: u32, spread: f64) -> Sample {
        let mut place = Drawn(u64::from(label) + 1);
        let embedding = std::array::from_fn(|_| (place.around() + spread * self.around()) as f32);
        Sample { n, label: format!("label-{label}"), embedding }
    }
}

/// So many exemplars of each of some labels, which overlap.
fn samples(labels: u32, each: u32) -> Vec<Sample> {
    let mut drawn = Drawn(7);
    (0..labels * each).map(|n| drawn.of(n, n % labels, 0.7)).collect()
}

fn memory(dir: &Path, samples: &[Sample]) -> Memory {
    add(dir, samples).unwrap();
    Memory::open(dir).unwrap()
}

/// Calibrates and keeps that.
fn calibrate(dir: &Path) -> Calibration {
    let memory = Memory::open(dir).unwrap();
    let calibration = memory.calibrate(&mut ()).unwrap().unwrap();
    memory.keep_calibration(&calibration).unwrap();
    calibration
}

fn forget(dir: &Path, ids: Vec<u64>) {
    Editor::open(dir).unwrap().forget(&Selector { ids, ..Default::default() }).unwrap().unwrap();
}

fn ask(memory: &Memory, coverage: f64) -> Decision {
    let options = ClassifyOptions { coverage: Some(coverage), ..Default::default() };
    memory.classify(&sample(3).embedding, &options).unwrap().remove(0)
}

#[test]
fn where_too_few_exemplars_have_company_there_is_no_calibration_and_that_is_said() {
    for samples in [Vec::new(), samples(1, 1), samples(30, 1), samples(9, 2)] {
        let folder = tempfile::tempdir().unwrap();
        drop(Editor::open_or_create(folder.path(), &super::encoder()).unwrap());
        if !samples.is_empty() {
            add(folder.path(), &samples).unwrap();
        }
        let memory = Memory::open(folder.path()).unwrap();
        assert_eq!(memory.calibrate(&mut ()).unwrap(), None, "{} exemplars", samples.len());
        let options = ClassifyOptions { coverage: Some(0.9), ..Default::default() };
        let refused = memory.classify(&sample(0).embedding, &options).unwrap_err();
        match samples.len() {
            0 => assert!(matches!(refused, QueryError::Empty { .. })),
            _ => {
                assert!(matches!(refused, QueryError::NotCalibrated { why: NotCalibrated::TooFew(_), .. }), "{refused}")
            }
        }
        if !samples.is_empty() {
            let plain = ClassifyOptions::default();
            let decision = memory.classify(&sample(0).embedding, &plain).unwrap().remove(0);
            assert_eq!((decision.probability(), decision.confident_by), (None, Sureness::Confidence));
        }
    }
}

#[test]
fn a_memory_of_one_label_is_sure_of_it() {
    let folder = tempfile::tempdir().unwrap();
    memory(folder.path(), &samples(1, 30));
    let calibration = calibrate(folder.path());
    assert_eq!((calibration.temperature(), calibration.asked(), calibration.is_thinned()), (1.0, 30, false));
    let memory = Memory::open(folder.path()).unwrap();
    let decision = ask(&memory, 0.9);
    assert_eq!((decision.probability(), decision.confident_by), (Some(1.0), Sureness::Probability));
    let all = ask(&memory, 1.0).set.unwrap();
    assert_eq!((all.labels, all.is_everything), (vec!["label-0".to_owned()], true));
}

#[test]
fn coverage_0_is_nothing_and_coverage_1_is_every_label_once() {
    let folder = tempfile::tempdir().unwrap();
    memory(folder.path(), &samples(6, 12));
    calibrate(folder.path());
    let memory = Memory::open(folder.path()).unwrap();
    let none = ask(&memory, 0.0).set.unwrap();
    assert!(none.labels.is_empty() && !none.is_everything);
    let all = ask(&memory, 1.0).set.unwrap();
    let mut labels = all.labels.clone();
    labels.sort();
    assert_eq!(labels, memory.labels().iter().map(|label| label.name.clone()).collect::<Vec<_>>());
    assert!(all.is_everything);
    // Larger sets hold smaller ones, the most probable first.
    let mut before = Vec::new();
    for coverage in [0.5, 0.8, 0.9, 0.95] {
        let decision = ask(&memory, coverage);
        let labels = decision.set.as_ref().unwrap().labels.clone();
        assert!(labels.starts_with(&before), "{labels:?} after {before:?}");
        let probability = |label: &String| decision.labels.iter().find(|known| known.label == *label)?.probability;
        let probabilities: Vec<f64> = labels.iter().map(|label| probability(label).unwrap_or(0.0)).collect();
        assert!(probabilities.is_sorted_by(|a, b| a >= b), "{probabilities:?}");
        before = labels;
    }
    for coverage in [-0.1, 1.1, f64::NAN] {
        let options = ClassifyOptions { coverage: Some(coverage), ..Default::default() };
        assert!(matches!(memory.classify(&[], &options), Err(QueryError::Parameter(_))));
    }
}

#[test]
fn another_vote_another_k_and_what_ifs_are_not_calibrated() {
    let folder = tempfile::tempdir().unwrap();
    memory(folder.path(), &samples(6, 12));
    let uncalibrated = ClassifyOptions { coverage: Some(0.9), ..Default::default() };
    let why = |options: &ClassifyOptions| Memory::open(folder.path()).unwrap().calibration_for(options).unwrap_err();
    assert_eq!(why(&uncalibrated), NotCalibrated::Absent);
    let tuning = calibrate(folder.path()).tuning();
    assert_eq!(tuning, Tuning::default());
    let other = NotCalibrated::Other(tuning);
    assert_eq!(why(&ClassifyOptions { k: 7, ..Default::default() }), other);
    assert_eq!(why(&ClassifyOptions { vote: Vote::Rank { alpha: 3.0 }, ..Default::default() }), other);
    let weights = vec![("label-1".to_owned(), 0.5)];
    assert_eq!(why(&ClassifyOptions { weights, ..Default::default() }), NotCalibrated::WhatIf);
    let among = Some(crate::Among::Without(vec![3]));
    let what_if = ClassifyOptions { among, ..Default::default() };
    assert_eq!(why(&what_if), NotCalibrated::WhatIf);
    let memory = Memory::open(folder.path()).unwrap();
    let decision = memory.classify(&sample(3).embedding, &what_if).unwrap().remove(0);
    assert!(decision.probability().is_none() && decision.labels.iter().all(|label| label.probability.is_none()));
}

#[test]
fn a_bound_is_compared_with_probability_at_every_level_and_names_are_calibrated_as_names() {
    let folder = tempfile::tempdir().unwrap();
    memory(folder.path(), &samples(6, 12));
    let mut taxonomy = Taxonomy { levels: vec!["half".into()], ..Default::default() };
    for label in 0..6 {
        let half = if label < 3 { "low" } else { "high" };
        taxonomy.insert(&format!("label-{label}"), &[half.into()]).unwrap();
    }
    Editor::open(folder.path()).unwrap().set_taxonomy(&taxonomy).unwrap();
    calibrate(folder.path());
    let memory = Memory::open(folder.path()).unwrap();
    let queries: Vec<f32> = (0..40).flat_map(|n| sample(n).embedding).collect();
    let plain = memory.classify(&queries, &ClassifyOptions::default()).unwrap();
    let level = Some("half".to_owned());
    let halves = memory.classify(&queries, &ClassifyOptions { level, ..Default::default() }).unwrap();
    let least = 0.8;
    let options = ClassifyOptions { min_confidence: Some(least), coverage: Some(0.9), ..Default::default() };
    let climbed = memory.classify(&queries, &options).unwrap();
    let mut levels = [0; 2];
    for ((plain, half), climbed) in plain.iter().zip(&halves).zip(&climbed) {
        assert!((plain.labels.iter().map(|label| label.probability.unwrap()).sum::<f64>() - 1.0).abs() < 1e-9);
        assert_eq!(plain.lineage.len(), 2);
        assert_eq!(plain.lineage[0].probability, plain.probability());
        let is_sure = plain.probability().unwrap() >= least;
        assert_eq!(climbed.level.is_none(), is_sure);
        levels[usize::from(!is_sure)] += 1;
        if !is_sure {
            assert_eq!((climbed.label(), climbed.probability()), (half.label(), half.probability()));
            assert!(climbed.set.as_ref().unwrap().labels.iter().all(|name| name == "low" || name == "high"));
        }
    }
    assert!(levels.iter().all(|count| *count > 3), "{levels:?}");
}

#[test]
fn a_calibration_outlives_additions_and_says_so_but_no_other_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    memory(path, &samples(6, 12));
    let kept = calibrate(path);
    let state = || Memory::open(path).unwrap().calibration().map(|calibration| calibration.added_since());
    assert_eq!(state(), Some(0));
    add(path, &[sample(900), sample(901)]).unwrap();
    add(path, &[sample(902)]).unwrap();
    assert_eq!(state(), Some(3));
    let now = Memory::open(path).unwrap().calibration().unwrap();
    assert_eq!((now.temperature(), now.asked()), (kept.temperature(), kept.asked()));
    assert_eq!(Memory::open(path).unwrap().stats().unwrap().calibration.unwrap().added_since, 3);

    let edit = |change: &dyn Fn(&mut Editor)| {
        calibrate(path);
        assert_eq!(state(), Some(0));
        change(&mut Editor::open(path).unwrap());
        assert!(!is_calibrated(path) && state().is_none());
    };
    edit(&|editor| drop(editor.relabel(&Selector { ids: vec![3], ..Default::default() }, "label-9").unwrap()));
    edit(&|editor| drop(editor.undo().unwrap()));
    edit(&|editor| editor.set_pruning(Some(Pruning::SOFT)).unwrap());
    edit(&|editor| editor.set_pruning(None).unwrap());
    let mut taxonomy = Taxonomy { levels: vec!["any".into()], ..Default::default() };
    taxonomy.insert("label-1", &["thing".into()]).unwrap();
    edit(&|editor| drop(editor.set_taxonomy(&taxonomy).unwrap()));
    edit(&|editor| drop(editor.forget(&Selector { ids: vec![5], ..Default::default() }).unwrap()));

    // A file of an earlier state that is put back is not taken for one of this state.
    calibrate(path);
    let file = derived::path(path, derived::CALIBRATION);
    let bytes = std::fs::read(&file).unwrap();
    forget(path, vec![8]);
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(state(), None);
    // Nor is one that is damaged.
    calibrate(path);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(state(), None);
}

#[test]
fn no_file_holds_a_strangeness_of_a_forgotten_exemplar() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    memory(path, &samples(6, 30));
    let before = calibrate(path);
    forget(path, vec![17]);
    let after = calibrate(path);
    let numbers = |of: &Calibration| of.levels[0].sets.strangeness.clone();
    // What stood in the file because of it, and what it changed for others.
    let gone: Vec<f64> = numbers(&before).into_iter().filter(|number| !numbers(&after).contains(number)).collect();
    assert!(!gone.is_empty());
    for entry in std::fs::read_dir(path).unwrap() {
        let file = entry.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        let holds = |number: &f64| bytes.windows(8).any(|window| window == number.to_le_bytes());
        assert!(!gone.iter().any(holds), "{}", file.display());
    }
}

#[test]
fn a_calibration_that_is_being_made_while_something_is_forgotten_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let before = memory(path, &samples(6, 12));
    let calibration = before.calibrate(&mut ()).unwrap().unwrap();
    forget(path, vec![2]);
    assert!(before.keep_calibration(&calibration).is_err());
    assert!(!is_calibrated(path));
    // Labels that were changed meanwhile do not make readers outdated, but the calibration.
    let before = Memory::open(path).unwrap();
    let calibration = before.calibrate(&mut ()).unwrap().unwrap();
    Editor::open(path).unwrap().relabel(&Selector { ids: vec![3], ..Default::default() }, "label-0").unwrap();
    before.keep_calibration(&calibration).unwrap();
    assert!(Memory::open(path).unwrap().calibration().is_none());
}

#[test]
fn queries_like_the_exemplars_are_right_and_covered_as_often_as_the_memory_says() {
    for (labels, each) in [(8, 60), (40, 4)] {
        let folder = tempfile::tempdir().unwrap();
        memory(folder.path(), &samples(labels, each));
        for tuning in [Tuning::default(), Tuning { vote: Vote::RANK, k: 20 }] {
            let memory = Memory::open(folder.path()).unwrap();
            let own = memory.own_answers(tuning, &mut ()).unwrap().unwrap();
            let calibration = Arc::new(own.calibration());
            assert!(calibration.is_thinned() && calibration.is_extrapolated() == (each < 10));
            let options = ClassifyOptions { k: tuning.k, vote: tuning.vote, ..Default::default() };
            let decider = memory.decider(&options).unwrap().calibrated(calibration, memory.labels());
            let mut drawn = Drawn(99);
            let (mut right, mut probable, mut covered) = (0.0, 0.0, [0.0; 2]);
            let count = 3000;
            for n in 0..count {
                let Sample { label, embedding, .. } = drawn.of(0, n % labels, 0.7);
                let query = crate::unit(0, &embedding, DIM).unwrap();
                let near = crate::NeighborOptions { k: 100, ..Default::default() };
                let found = memory.nearest(&query, &near).unwrap().remove(0);
                let candidates = memory.candidates(&found).unwrap();
                let decision = decider.decide(&query, &candidates).unwrap();
                right += f64::from(u8::from(decision.label() == label));
                probable += decision.probability().unwrap();
                for (covered, set) in covered.iter_mut().zip(decider.sets(&query, &candidates, &[0.8, 0.9]).unwrap()) {
                    *covered += f64::from(u8::from(set.labels.contains(&label)));
                }
            }
            let count = f64::from(count);
            assert!((right - probable).abs() / count < 0.06, "{labels}: {} for {}", probable / count, right / count);
            for (covered, asked) in covered.iter().zip([0.8, 0.9]) {
                assert!((covered / count - asked).abs() < 0.05, "{labels} {tuning:?}: {} for {asked}", covered / count);
            }
        }
    }
}

#[test]
fn pruning_that_is_set_is_honoured_and_goes_by_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    memory(folder.path(), &samples(6, 12));
    let whole = calibrate(folder.path());
    let pruning = Pruning::Hard { neighbors: 5, threshold: Threshold::Votes(2) };
    Editor::open(folder.path()).unwrap().set_pruning(Some(pruning)).unwrap();
    let pruned = calibrate(folder.path());
    assert_ne!(whole.levels, pruned.levels);
    // Of every vote that leave-one-out takes, the calibration takes the same: where nothing is thinned, as many are right.
    let folder = tempfile::tempdir().unwrap();
    let mut uneven = samples(3, 40);
    uneven.retain(|sample| sample.n % 3 != 1 || sample.n < 30);
    memory(folder.path(), &uneven);
    for pruning in [None, Some(pruning), Some(Pruning::SOFT)] {
        Editor::open(folder.path()).unwrap().set_pruning(pruning).unwrap();
        let memory = Memory::open(folder.path()).unwrap();
        let tuning = Tuning { vote: Vote::KERNEL, k: 15 };
        let own = memory.own_answers(tuning, &mut ()).unwrap().unwrap();
        assert!(!own.calibration().is_thinned());
        let right = own.cross_fitted(&[], 3).iter().filter(|answer| answer.is_right).count();
        let expected = memory.leave_one_out(tuning.k, tuning.vote, &[pruning], &mut ()).unwrap()[0];
        assert!((right as f64 / memory.len() as f64 - expected).abs() < 1e-12, "{pruning:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_forget_leaves_probabilities_and_sets_as_if_rebuilt_without_it(
        gone in prop::collection::btree_set(0usize..60, 1..20), labels in 2u32..8,
    ) {
        let all: Vec<Sample> = { let mut drawn = Drawn(3); (0..60).map(|n| drawn.of(n, n % labels, 0.7)).collect() };
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        add(one.path(), &all).unwrap();
        calibrate(one.path());
        forget(one.path(), gone.iter().map(|at| *at as u64 + 1).collect());
        let rest: Vec<_> = all.iter().enumerate().filter(|(at, _)| !gone.contains(at)).map(|(_, rest)| rest).collect();
        let mut editor = Editor::open_or_create(other.path(), &super::encoder()).unwrap();
        editor.batch().add(&rest.iter().map(|sample| new_exemplar(sample)).collect::<Vec<_>>()).unwrap();
        drop(editor);
        prop_assert_eq!(calibrate(one.path()), calibrate(other.path()));
        let queries: Vec<f32> = (0..20).flat_map(|n| sample(n).embedding).collect();
        let options = ClassifyOptions { coverage: Some(0.9), ..Default::default() };
        let answers = |dir: &Path| Memory::open(dir).unwrap().classify(&queries, &options).unwrap();
        for (one, other) in answers(one.path()).iter().zip(answers(other.path())) {
            prop_assert_eq!(&one.labels, &other.labels);
            prop_assert_eq!(&one.set, &other.set);
            prop_assert_eq!(&one.lineage, &other.lineage);
        }
    }
}
