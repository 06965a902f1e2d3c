use proptest::prelude::*;

use super::{add, sample};
use crate::{ClassifyOptions, Error, Memory, Vote};

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
        for vote in [Vote::RANK, Vote::SOFTMAX] {
            let plain = ClassifyOptions { k, vote, ..Default::default() };
            let expected = rest.classify(&sample(77).embedding, &plain).unwrap().remove(0);
            for among in [whole.without(&gone), whole.only(&kept)] {
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
    let options = ClassifyOptions { among: Some(memory.without(&[1, 2])), ..Default::default() };
    assert!(matches!(memory.classify(&sample(5).embedding, &options), Err(Error::NothingLeft { .. })));
    let weights = |label: &str, factor| ClassifyOptions { weights: vec![(label.into(), factor)], ..Default::default() };
    assert!(matches!(memory.classify(&[], &weights("nobody", 1.0)), Err(Error::NothingOfThisName { .. })));
    assert!(matches!(memory.classify(&[], &weights("label-0", -1.0)), Err(Error::Parameter { .. })));
}
