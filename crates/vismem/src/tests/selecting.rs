use proptest::prelude::*;

use super::{add, sample};
use crate::{Editor, EmbeddingError, Memory, Near, SelectError, Selector};

/// Two batches of ten; labels repeat every seven.
fn memory() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for batch in [0..10, 10..20] {
        add(folder.path(), &batch.map(sample).collect::<Vec<_>>()).unwrap();
    }
    folder
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn values_of_a_criterion_are_alternatives_and_criteria_narrow_each_other(
        ids in prop::collection::vec(1u64..=20, 0..12), labels in prop::collection::vec(0u32..7, 0..4),
        batches in prop::collection::vec(1u64..=2, 0..2), sources in prop::collection::vec(0u32..20, 0..8),
        near in prop::collection::vec((0u32..40, 0f32..2.0), 0..3),
    ) {
        let folder = memory();
        let selector = Selector {
            ids: ids.clone(),
            labels: labels.iter().map(|n| format!("label-{n}")).collect(),
            batches: batches.clone(),
            sources: sources.iter().map(|n| format!("{n}.jpg")).collect(),
            near: near.iter().map(|&(n, distance)| Near { embedding: sample(n).embedding.into(), distance }).collect(),
            filter: None,
            pruned: false,
        };
        prop_assume!(!selector.is_empty());
        let memory = Memory::open(folder.path()).unwrap();
        let is_near = |slot: usize| near.iter().any(|&(n, within)| {
            let centre = crate::store::unit::unit(0, &sample(n).embedding, super::DIM).unwrap().into_owned();
            vismem_search::distance(&centre, memory.vector(slot)) <= within
        });
        // Exemplar n has id n + 1 and slot n.
        let expected: Vec<u64> = (0..20u32).filter(|&n| {
            (ids.is_empty() || ids.contains(&(u64::from(n) + 1)))
                && (labels.is_empty() || labels.contains(&(n % 7)))
                && (batches.is_empty() || batches.contains(&(u64::from(n) / 10 + 1)))
                && (sources.is_empty() || sources.contains(&n))
                && (near.is_empty() || is_near(n as usize))
        }).map(|n| u64::from(n) + 1).collect();
        prop_assert_eq!(&memory.select(&selector).unwrap(), &expected);
        prop_assert_eq!(Editor::open(folder.path()).unwrap().select(&selector).unwrap(), expected);
    }
}

#[test]
fn a_pattern_fits_a_whole_source_or_its_end_after_a_slash() {
    let folder = memory();
    let memory = Memory::open(folder.path()).unwrap();
    let select = |glob: &str| memory.select(&Selector { sources: vec![glob.into()], ..Default::default() }).unwrap();
    assert_eq!(select("pictures/3.jpg"), [4]);
    assert_eq!(select("3.jpg"), [4], "not 13.jpg");
    assert_eq!(select("*3.jpg"), [4, 14]);
    assert_eq!(select("?3.jpg"), [14]);
    assert_eq!(select("pictures/[12].jpg"), [2, 3]);
    assert_eq!(select("*"), (1..=20).collect::<Vec<_>>());
    assert_eq!(select("*.JPG"), [0; 0]);
    assert_eq!(select("ures/3.jpg"), [0; 0]);
}

#[test]
fn nothing_becomes_everything_by_accident() {
    let folder = memory();
    let memory = Memory::open(folder.path()).unwrap();
    let refuse = |selector: Selector| memory.select(&selector).unwrap_err();
    assert!(matches!(refuse(Selector::default()), SelectError::Empty));
    let missing = refuse(Selector { ids: vec![3, 21], ..Default::default() }).to_string();
    assert!(missing.contains("has no exemplar 21"), "{missing}");
    assert!(matches!(refuse(Selector { ids: vec![u64::MAX], ..Default::default() }), SelectError::Unknown(_)));
    let missing = refuse(Selector { labels: vec!["label-7".into()], ..Default::default() }).to_string();
    assert!(missing.contains("has no label \"label-7\""), "{missing}");
    let missing = refuse(Selector { batches: vec![3], ..Default::default() }).to_string();
    assert!(missing.contains("has no batch 3"), "{missing}");
    let near = |embedding: &[f32], distance| Selector {
        near: vec![Near { embedding: embedding.into(), distance }],
        ..Default::default()
    };
    assert!(matches!(refuse(near(&[1.0], 0.1)), SelectError::Embedding(EmbeddingError::Dimension { .. })));
    assert!(matches!(refuse(near(&[0.0; 5], 0.1)), SelectError::Embedding(EmbeddingError::NoDirection { .. })));
    for distance in [-0.1, 2.1, f32::NAN] {
        assert!(matches!(refuse(near(&sample(1).embedding, distance)), SelectError::Parameter(_)));
    }
}
