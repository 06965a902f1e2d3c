use std::path::Path;

use super::{Sample, add, build, encoder, sample};
use crate::{ClassifyOptions, Editor, IndexKind, Memory, Pruning, Threshold, Vote};

/// Two clear labels, and one exemplar (id 7) that lies among the wrong ones.
fn mislabelled(dir: &Path) {
    let around = |n: u32, label: &str, x: f32| Sample {
        n,
        label: label.into(),
        embedding: [x, 1.0 - x, 0.01 * n as f32, 0.0, 0.1],
    };
    let samples: Vec<Sample> = (0..3).map(|n| around(n, "a", 1.0)).chain((3..6).map(|n| around(n, "b", 0.0))).collect();
    add(dir, &samples).unwrap();
    add(dir, &[around(1, "b", 0.99)]).unwrap();
}

fn set(dir: &Path, pruning: Option<Pruning>) {
    Editor::open(dir).unwrap().set_pruning(pruning).unwrap();
}

const HARD: Pruning = Pruning::Hard { neighbors: 2, threshold: Threshold::Votes(2) };

#[test]
fn hard_pruning_hides_soft_pruning_weakens_and_off_gives_all_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    mislabelled(dir);
    let query = [1.0, 0.0, 0.01, 0.0, 0.1];
    let ask = |k| {
        let options = ClassifyOptions { k, vote: Vote::Plurality, ..Default::default() };
        Memory::open(dir).unwrap().classify(&query, &options).unwrap().remove(0)
    };
    let (digest, before) = (Memory::open(dir).unwrap().digest(), ask(4));
    let weight_of_7 = |decision: &crate::Decision| decision.neighbors.iter().find(|n| n.id == 7).map(|n| n.weight);
    assert_eq!((weight_of_7(&before), before.hidden), (Some(1.0), 0));

    set(dir, Some(HARD));
    assert_eq!(Memory::open(dir).unwrap().hidden().unwrap(), [7]);
    let hard = ask(4);
    assert_eq!((weight_of_7(&hard), hard.hidden, hard.neighbors.len()), (None, 1, 3));
    assert_eq!((hard.label(), hard.confidence()), ("a", 1.0));

    set(dir, Some(Pruning::Soft { neighbors: 2, c: 1.0, d: 1.75 }));
    let soft = ask(4);
    assert_eq!((weight_of_7(&soft), soft.hidden), (Some(1.75 / 3.0), 0), "wrong for two");
    assert!(before.confidence() < soft.confidence() && soft.confidence() < 1.0);

    set(dir, None);
    assert_eq!(ask(4), before);
    assert_eq!(Memory::open(dir).unwrap().digest(), digest, "a setting is no edit");
}

#[test]
fn where_all_neighbours_are_hidden_all_of_them_vote() {
    let folder = tempfile::tempdir().unwrap();
    mislabelled(folder.path());
    set(folder.path(), Some(HARD));
    let memory = Memory::open(folder.path()).unwrap();
    let options = ClassifyOptions { k: 1, ..Default::default() };
    let decision = memory.classify(memory.vector(6), &options).unwrap().remove(0);
    assert_eq!((decision.neighbors[0].id, decision.label(), decision.hidden), (7, "b", 1));
    assert_eq!(decision.confidence(), 1.0);
}

#[test]
fn pruning_follows_the_counts_after_an_edit() {
    let folder = tempfile::tempdir().unwrap();
    mislabelled(folder.path());
    set(folder.path(), Some(HARD));
    build(folder.path(), IndexKind::NeighborLists);
    assert_eq!(Memory::open(folder.path()).unwrap().hidden().unwrap(), [7]);
    // Two more of its own label come beside it, so that each label's exemplars ask their own kind there.
    let beside = |n: u32, label: &str, x: f32| Sample {
        n,
        label: label.into(),
        embedding: [x, 1.0 - x, 0.011 + 0.0001 * n as f32, 0.0, 0.1],
    };
    let more: Vec<_> = (0..6).map(|n| beside(n, "a", 1.0)).chain((6..9).map(|n| beside(n, "b", 0.99))).collect();
    add(folder.path(), &more).unwrap();
    build(folder.path(), IndexKind::NeighborLists);
    let hidden = Memory::open(folder.path()).unwrap().hidden().unwrap();
    let scratch = Memory::open(folder.path()).unwrap();
    std::fs::remove_file(folder.path().join(crate::index::derived::NEIGHBOR_LISTS)).unwrap();
    assert_eq!(scratch.pruned_by(HARD, &mut ()).unwrap().hidden(), hidden);
    assert!(!hidden.contains(&7), "{hidden:?}");
}

#[test]
fn a_share_of_retrievals_is_a_threshold_too() {
    let folder = tempfile::tempdir().unwrap();
    mislabelled(folder.path());
    let memory = Memory::open(folder.path()).unwrap();
    let hidden = |share| {
        let threshold = Threshold::Share(share);
        memory.pruned_by(Pruning::Hard { neighbors: 2, threshold }, &mut ()).unwrap().hidden()
    };
    assert_eq!(hidden(1.0), [7], "all its votes are wrong");
    let votes = memory.reliability(2, &mut ()).unwrap();
    let expected: Vec<u64> = (1..=7).filter(|&id| votes.votes(id).unwrap().wrong_share() >= 0.3).collect();
    assert_eq!(hidden(0.3), expected);
    assert_eq!(votes.votes(8), None);
}

#[test]
fn the_best_trial_is_never_worse_than_no_pruning() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..80).map(sample).collect::<Vec<_>>()).unwrap();
    let memory = Memory::open(folder.path()).unwrap();
    for vote in [Vote::RANK, Vote::Plurality, Vote::SOFTMAX] {
        let trials = memory.try_prunings(20, 5, vote, &mut ()).unwrap();
        let unpruned = trials.iter().find(|trial| trial.pruning.is_none()).unwrap();
        assert!(trials[0].accuracy >= unpruned.accuracy, "{trials:?}");
        assert!(trials.iter().any(|trial| trial.hidden > 0));
        // The trial tells the truth: the same accuracy by asking every exemplar without itself.
        let options = ClassifyOptions { k: 5, vote, ..Default::default() };
        let mut right = 0;
        for slot in 0..80 {
            let own = [memory.slots.ids[slot]];
            let filter = vismem_search::Filter { allowed: None, except: Some(&own) };
            let found = memory.neighbors(memory.vector(slot), 5, filter).unwrap();
            let vote = |n: &vismem_search::Neighbor| {
                (memory.slots.label_of[n.slot as usize], f64::from(n.distance), crate::Standing::Counts(1.0))
            };
            let decision = crate::Voting::pointwise(options.vote)
                .unwrap()
                .decision(&found[0].iter().map(vote).collect::<Vec<_>>());
            right += u32::from(decision == Some(memory.slots.label_of[slot]));
        }
        assert_eq!(unpruned.accuracy, f64::from(right) / 80.0);
    }
    let one = tempfile::tempdir().unwrap();
    add(one.path(), &[sample(0)]).unwrap();
    assert!(Memory::open(one.path()).unwrap().try_prunings(20, 5, Vote::RANK, &mut ()).is_err());
}

#[test]
fn the_setting_survives_and_nonsense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::open_or_create(folder.path(), &encoder()).unwrap();
    let stored = |editor: &mut Editor, pruning| {
        editor.set_pruning(Some(pruning)).unwrap();
        Memory::open(folder.path()).unwrap().pruning().unwrap()
    };
    for pruning in [
        HARD,
        Pruning::SOFT,
        Pruning::Soft { neighbors: 1, c: 0.0, d: 0.5 },
        Pruning::Hard { neighbors: 100, threshold: Threshold::Share(0.3) },
    ] {
        assert_eq!(stored(&mut editor, pruning), Some(pruning));
    }
    for nonsense in [
        Pruning::Hard { neighbors: 0, threshold: Threshold::Votes(1) },
        Pruning::Hard { neighbors: 10_001, threshold: Threshold::Votes(1) },
        Pruning::Hard { neighbors: 1, threshold: Threshold::Votes(0) },
        Pruning::Hard { neighbors: 1, threshold: Threshold::Share(0.0) },
        Pruning::Hard { neighbors: 1, threshold: Threshold::Share(f64::NAN) },
        Pruning::Soft { neighbors: 1, c: -1.0, d: 1.0 },
        Pruning::Soft { neighbors: 1, c: 1.0, d: 0.0 },
        Pruning::Soft { neighbors: 1, c: 1.0, d: f64::INFINITY },
    ] {
        assert!(editor.set_pruning(Some(nonsense)).is_err(), "{nonsense}");
    }
    assert!(Memory::open(folder.path()).unwrap().pruning().unwrap().is_some(), "what was set stays");
}

#[test]
fn an_exemplar_is_judged_under_a_pruning_as_if_it_were_not_there() {
    let all = || (0..24).map(sample);
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &all().collect::<Vec<_>>()).unwrap();
    let memory = Memory::open(folder.path()).unwrap();
    // Whoever asks all others says something of all of them.
    let hard = |share| Pruning::Hard { neighbors: 100, threshold: Threshold::Share(share) };
    let prunings = [hard(0.8), hard(0.9), Pruning::Soft { neighbors: 100, c: 1.0, d: 1.75 }];
    let mut right = [0; 3];
    for left_out in 0..24 {
        let others = tempfile::tempdir().unwrap();
        let mut some: Vec<Sample> = all().collect();
        let asked = some.remove(left_out);
        add(others.path(), &some).unwrap();
        for (pruning, right) in prunings.into_iter().zip(&mut right) {
            set(others.path(), Some(pruning));
            let options = ClassifyOptions { k: 7, ..Default::default() };
            let decisions = Memory::open(others.path()).unwrap().classify(&asked.embedding, &options).unwrap();
            *right += u32::from(decisions[0].label() == asked.label);
        }
    }
    let judged = memory.leave_one_out(7, Vote::RANK, &prunings.map(Some), &mut ()).unwrap();
    assert_eq!(judged, right.map(|right| f64::from(right) / 24.0));
}
