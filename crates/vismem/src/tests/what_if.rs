use proptest::prelude::*;

use super::{add, sample};
use crate::{Among, ClassifyOptions, Editor, Memory, NeighborOptions, QueryError, SelectError, Selector, Vote};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_what_if_decides_as_a_memory_without_the_exemplars_does(
        gone in prop::collection::btree_set(0u32..30, 0..29), k in 1usize..12,
    ) {
        let (whole, rest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        add(whole.path(), &(0..30).map(sample).collect::<Vec<_>>()).unwrap();
        add(rest.path(), &(0..30).filter(|n| !gone.contains(n)).map(sample).collect::<Vec<_>>()).unwrap();
        let (whole, rest) = (Memory::open(whole.path()).unwrap(), Memory::open(rest.path()).unwrap());
        let gone: Vec<u64> = gone.into_iter().map(|n| u64::from(n) + 1).collect();
        let kept: Vec<u64> = (1..=30).filter(|id| !gone.contains(id)).collect();
        for vote in [Vote::RANK, Vote::SOFTMAX, Vote::KERNEL] {
            let selector = Selector { ids: kept.clone(), ..Default::default() };
            let plain = ClassifyOptions { k, vote, ..Default::default() };
            let expected = rest.classify(&sample(77).embedding, &plain).unwrap().remove(0);
            for among in [Among::Without(gone.clone()), Among::Only(kept.clone()), Among::Selected(selector)] {
                let options = ClassifyOptions { among: Some(among), ..plain.clone() };
                let decision = whole.classify(&sample(77).embedding, &options).unwrap().remove(0);
                let voters = |d: &crate::Decision| -> Vec<_> {
                    d.neighbors.iter().map(|n| (n.source.clone(), n.distance, n.weight)).collect()
                };
                prop_assert_eq!(voters(&decision), voters(&expected));
                prop_assert_eq!(&decision.labels, &expected.labels);
            }
        }
    }
}

#[test]
fn a_what_if_that_leaves_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &[sample(0), sample(1)]).unwrap();
    let memory = Memory::open(folder.path()).unwrap();
    let options = ClassifyOptions { among: Some(Among::Without(vec![1, 2])), ..Default::default() };
    assert!(matches!(memory.classify(&sample(5).embedding, &options), Err(QueryError::NothingLeft { .. })));
    let weights = |label: &str, factor| ClassifyOptions { weights: vec![(label.into(), factor)], ..Default::default() };
    assert!(matches!(memory.classify(&[], &weights("nobody", 1.0)), Err(QueryError::Unknown(_))));
    assert!(matches!(memory.classify(&[], &weights("label-0", -1.0)), Err(QueryError::Parameter(_))));
}

#[test]
fn ids_that_are_not_there_do_not_matter_and_the_state_that_answers_says_who_is_selected() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..4).map(sample).collect::<Vec<_>>()).unwrap();
    let found = |among: &Among| {
        let memory = Memory::open(folder.path()).unwrap();
        let options = NeighborOptions { among: Some(among), ..Default::default() };
        let mut ids: Vec<u64> =
            memory.nearest(&sample(0).embedding, &options).unwrap()[0].iter().map(|near| near.id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(found(&Among::Only(vec![2, 77, 2])), [2]);
    assert!(found(&Among::Only(vec![77])).is_empty());
    assert_eq!(found(&Among::Without(vec![2, 77, u64::MAX])), [1, 3, 4]);
    let batch = Among::Selected(Selector { batches: vec![1], ..Default::default() });
    assert_eq!(found(&batch), [1, 2, 3, 4]);
    Editor::open(folder.path()).unwrap().forget(&Selector { ids: vec![3], ..Default::default() }).unwrap();
    assert_eq!(found(&batch), [1, 2, 4]);
    assert_eq!(found(&Among::Without(vec![2])), [1, 4]);
    let memory = Memory::open(folder.path()).unwrap();
    let gone = Among::Selected(Selector { ids: vec![3], ..Default::default() });
    let options = ClassifyOptions { among: Some(gone), ..Default::default() };
    assert!(matches!(
        memory.classify(&sample(5).embedding, &options),
        Err(QueryError::Select(SelectError::Unknown(_)))
    ));
}

#[test]
fn an_exemplar_asked_without_itself_among_itself_alone_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &[sample(0), sample(1)]).unwrap();
    let memory = Memory::open(folder.path()).unwrap();
    let options = ClassifyOptions { among: Some(Among::Only(vec![1])), ..Default::default() };
    assert_eq!(memory.classify_exemplars(&[2], &options).unwrap()[0].neighbors[0].id, 1);
    assert!(matches!(memory.classify_exemplars(&[1], &options), Err(QueryError::NothingLeft { .. })));
}
