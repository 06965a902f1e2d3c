//! What a memory promises of kernel voting. Its mathematics is tested beside it.

use proptest::prelude::*;

use super::{add, sample};
use crate::{Among, ClassifyOptions, Decision, Editor, Memory, Pruning, Selector, Vote};

fn options(k: usize) -> ClassifyOptions {
    ClassifyOptions { k, vote: Vote::KERNEL, ..Default::default() }
}

/// What a decision says, but for ids.
fn said(decision: &Decision) -> impl PartialEq + std::fmt::Debug + use<> {
    let voters = decision.neighbors.iter().map(|n| (n.source.clone(), n.distance, n.weight.to_bits()));
    (decision.labels.clone(), decision.lineage.clone(), voters.collect::<Vec<_>>())
}

#[test]
fn kernel_voting_gives_the_same_bits_on_any_number_of_threads_and_in_any_batch() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..200).map(sample).collect::<Vec<_>>()).unwrap();
    let memory = Memory::open(folder.path()).unwrap();
    let queries: Vec<f32> = (300..340).flat_map(|n| sample(n).embedding).collect();
    let one_by_one: Vec<Decision> =
        queries.chunks(super::DIM).map(|query| memory.classify(query, &options(60)).unwrap().remove(0)).collect();
    assert!(one_by_one.iter().flat_map(|decision| &decision.neighbors).any(|voter| voter.weight < 0.0));
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| memory.classify(&queries, &options(60)).unwrap()), one_by_one);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_flip_found_step_by_step_changes_the_answer_and_needs_each_of_its_exemplars(
        query in 50u32..200, k in 1usize..30, soft in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        add(folder.path(), &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
        let mut editor = Editor::open(folder.path()).unwrap();
        editor.set_pruning(soft.then_some(Pruning::SOFT)).unwrap();
        drop(editor);
        let memory = Memory::open(folder.path()).unwrap();
        let query = sample(query).embedding;
        let before = memory.classify(&query, &options(k)).unwrap().remove(0);
        let without = |ids: &[u64]| {
            let among = Some(Among::Without(ids.to_vec()));
            memory.classify(&query, &ClassifyOptions { among, ..options(k) }).unwrap().remove(0)
        };
        let flip = memory.smallest_flip(&query, &options(k)).unwrap().unwrap();
        prop_assert!(!flip.is_smallest && !flip.exemplars.is_empty());
        prop_assert_eq!(said(&flip.decision), said(&without(&flip.exemplars)));
        prop_assert_ne!(flip.decision.label(), before.label());
        for &id in flip.exemplars.iter().filter(|_| flip.exemplars.len() > 1) {
            let others: Vec<u64> = flip.exemplars.iter().copied().filter(|other| *other != id).collect();
            let decision = without(&others);
            prop_assert_eq!(decision.label(), before.label(), "{} need not go", id);
        }
    }

    #[test]
    fn a_forget_leaves_decisions_by_kernel_voting_as_if_rebuilt(
        gone in prop::collection::btree_set(1u64..=40, 1..30), k in 1usize..50,
    ) {
        let (whole, rest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        add(whole.path(), &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
        add(rest.path(), &(0..40).filter(|n| !gone.contains(&(u64::from(*n) + 1))).map(sample).collect::<Vec<_>>()).unwrap();
        let ids = gone.into_iter().collect();
        Editor::open(whole.path()).unwrap().forget(&Selector { ids, ..Default::default() }).unwrap();
        let decide = |folder: &tempfile::TempDir| {
            Memory::open(folder.path()).unwrap().classify(&sample(77).embedding, &options(k)).unwrap().remove(0)
        };
        prop_assert_eq!(said(&decide(&whole)), said(&decide(&rest)));
    }
}
