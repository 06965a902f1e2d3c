use proptest::prelude::*;

use super::{add, build, encoder, new_exemplar, sample};
use crate::index::codes::{self, CodeMap};
use crate::index::derived;
use crate::{
    Added, ClassifyOptions, EditError, Editor, EmbeddingError, EncoderIdentity, IndexKind, Memory, NewExemplar,
    QueryError, Taxonomy, Vote, verify,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_a_memory_holds_and_decides_does_not_depend_on_order_or_batches(
        mut order in Just((0u32..25).collect::<Vec<_>>()).prop_shuffle(), split in 1usize..25,
    ) {
        let mut outcomes = Vec::new();
        for size in [25, split] {
            let folder = tempfile::tempdir().unwrap();
            for part in order.chunks(size) {
                let samples: Vec<_> = part.iter().map(|&n| sample(n)).collect();
                add(folder.path(), &samples).unwrap();
            }
            let memory = Memory::open(folder.path()).unwrap();
            let decision = memory.classify(&sample(77).embedding, &ClassifyOptions::default()).unwrap().remove(0);
            let sources: Vec<_> = decision.neighbors.iter().map(|n| n.source.clone()).collect();
            outcomes.push((memory.digest(), decision.labels, decision.novelty, sources));
            order.reverse();
        }
        prop_assert_eq!(&outcomes[0], &outcomes[1]);
    }
}

#[test]
fn the_same_content_is_held_once_and_another_label_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(add(folder.path(), &[sample(1), sample(2)]).unwrap(), [Added::New(1), Added::New(2)]);
    let before = Memory::open(folder.path()).unwrap().stats().unwrap();
    assert_eq!(add(folder.path(), &[sample(2), sample(1)]).unwrap(), [Added::Known(2), Added::Known(1)]);

    let mut other = sample(1);
    other.label = "something else".into();
    let label = sample(1).label;
    assert_eq!(add(folder.path(), &[other]).unwrap(), [Added::OtherLabel { id: 1, label }]);
    let after = Memory::open(folder.path()).unwrap().stats().unwrap();
    assert_eq!((after.exemplars, after.digest, after.batches), (2, before.digest, 1));

    // Twice in one call is once, too.
    assert_eq!(add(folder.path(), &[sample(3), sample(3)]).unwrap(), [Added::New(3), Added::Known(3)]);
    assert_eq!(verify(folder.path()).unwrap().faults, []);
}

#[test]
fn an_unusable_exemplar_fails_the_call_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &[sample(0)]).unwrap();
    let digest = Memory::open(folder.path()).unwrap().digest();
    let good = sample(1);
    let try_add = |exemplar: NewExemplar<'_>| {
        let mut editor = Editor::open(folder.path()).unwrap();
        editor.batch().add(&[new_exemplar(&good), exemplar]).unwrap_err()
    };
    let nan = NewExemplar { embedding: &[1.0, f32::NAN, 0.0, 0.0, 0.0], ..new_exemplar(&good) };
    assert!(matches!(try_add(nan), EditError::Embedding(EmbeddingError::NoDirection { index: 1, .. })));
    let short = NewExemplar { embedding: &[1.0], ..new_exemplar(&good) };
    assert!(matches!(
        try_add(short),
        EditError::Embedding(EmbeddingError::Dimension { index: 1, found: 1, expected: 5 })
    ));
    let unlabelled = NewExemplar { label: "", ..new_exemplar(&good) };
    assert!(matches!(try_add(unlabelled), EditError::EmptyLabel { index: 1 }));
    assert_eq!(Memory::open(folder.path()).unwrap().digest(), digest);
    assert_eq!(verify(folder.path()).unwrap().faults, []);
}

#[test]
fn embeddings_of_another_encoder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &[sample(0)]).unwrap();
    let other = EncoderIdentity { hash: "cd".repeat(32), ..encoder() };
    let error = Editor::open_or_create(folder.path(), &other).err().unwrap();
    assert!(error.to_string().contains("test (5 dimensions, abababababab)"), "{error}");
}

#[test]
fn one_writer_at_a_time_and_the_second_is_told_who() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &[sample(0)]).unwrap();
    let first = Editor::open(folder.path()).unwrap();
    let error = Editor::open(folder.path()).err().unwrap();
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    drop(first);
    Editor::open(folder.path()).unwrap();
}

#[test]
fn a_reader_sees_one_state_while_a_writer_adds() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &[sample(0), sample(1)]).unwrap();
    let reader = Memory::open(folder.path()).unwrap();
    let before = reader.classify(&sample(9).embedding, &ClassifyOptions::default()).unwrap();
    add(folder.path(), &(2..30).map(sample).collect::<Vec<_>>()).unwrap();
    assert_eq!(reader.classify(&sample(9).embedding, &ClassifyOptions::default()).unwrap(), before);
    assert_eq!(reader.stats().unwrap().exemplars, 2);
    assert_eq!(Memory::open(folder.path()).unwrap().len(), 30);
}

#[test]
fn novelty_is_measured_where_no_file_has_it_and_no_query_writes_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(derived::NOVELTY);
    let novelty = || {
        let memory = Memory::open(folder.path()).unwrap();
        memory.classify(&sample(50).embedding, &ClassifyOptions::default()).unwrap().remove(0).novelty
    };
    add(folder.path(), &[sample(0)]).unwrap();
    assert_eq!(novelty(), None, "one exemplar has no neighbor");
    add(folder.path(), &(1..20).map(sample).collect::<Vec<_>>()).unwrap();
    assert!(!file.exists());
    let measured = novelty();
    assert!(measured.is_some_and(|percent| (0.0..=100.0).contains(&percent)));
    assert!(!file.exists());
    assert!(build(folder.path(), IndexKind::Novelty) && file.exists());
    assert_eq!(novelty(), measured, "from the file");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(novelty(), measured, "a damaged derived file is not believed");
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    assert!(build(folder.path(), IndexKind::Novelty));
    assert_eq!(novelty(), measured);
}

#[test]
fn codes_are_built_once_and_follow_every_add() {
    let folder = tempfile::tempdir().unwrap();
    let memory = || Memory::open(folder.path()).unwrap();
    let ask = || memory().classify(&sample(50).embedding, &ClassifyOptions::default()).unwrap();
    add(folder.path(), &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
    ask();
    assert!(CodeMap::open(&memory()).is_none(), "nobody has built them");
    assert!(build(folder.path(), IndexKind::Codes));
    assert!(CodeMap::open(&memory()).is_some());
    for part in [40..41, 41..41, 41..90, 90..200] {
        add(folder.path(), &part.map(sample).collect::<Vec<_>>()).unwrap();
        assert!(CodeMap::open(&memory()).is_some(), "an add leaves codes that belong to the memory");
        assert_eq!(verify(folder.path()).unwrap().faults, []);
    }
    let answer = ask();
    std::fs::remove_file(codes::path(folder.path())).unwrap();
    assert_eq!(ask(), answer);
    assert!(CodeMap::open(&memory()).is_none(), "a query makes none");
}

#[test]
fn an_exemplar_asked_for_itself_is_nearest_and_not_novel() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..20).map(sample).collect::<Vec<_>>()).unwrap();
    let memory = Memory::open(folder.path()).unwrap();
    let options = ClassifyOptions { k: 1, ..Default::default() };
    let decision = memory.classify(&sample(7).embedding, &options).unwrap().remove(0);
    assert_eq!(decision.neighbors[0].source, Some("pictures/7.jpg".into()));
    assert!(decision.neighbors[0].distance.abs() < 1e-6);
    assert_eq!((decision.label(), decision.confidence(), decision.novelty), ("label-0", 1.0, Some(0.0)));
}

#[test]
fn options_out_of_range_and_an_empty_memory_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Editor::open_or_create(folder.path(), &encoder()).unwrap());
    let ask = |options: ClassifyOptions| Memory::open(folder.path()).unwrap().classify(&sample(0).embedding, &options);
    assert!(matches!(ask(ClassifyOptions::default()), Err(QueryError::Empty { .. })));
    add(folder.path(), &[sample(0)]).unwrap();
    assert!(matches!(ask(ClassifyOptions { k: 0, ..Default::default() }), Err(QueryError::Search(_))));
    assert!(matches!(ask(ClassifyOptions { k: 10_001, ..Default::default() }), Err(QueryError::Search(_))));
    let vote = Vote::Softmax { tau: 0.0 };
    assert!(matches!(ask(ClassifyOptions { vote, ..Default::default() }), Err(QueryError::Parameter(_))));
    let level = Some("genus".into());
    assert!(matches!(ask(ClassifyOptions { level, ..Default::default() }), Err(QueryError::Level { .. })));
    assert!(matches!(ask(ClassifyOptions { k: 2001, ..Default::default() }), Err(QueryError::Parameter(_))));
    assert_eq!(ask(ClassifyOptions { k: 2000, ..Default::default() }).unwrap()[0].neighbors.len(), 1);
    let vote = Vote::RANK;
    assert_eq!(ask(ClassifyOptions { k: 10_000, vote, ..Default::default() }).unwrap()[0].neighbors.len(), 1);
}

#[test]
fn a_level_of_the_taxonomy_sums_the_votes_of_its_labels() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &(0..7).map(sample).collect::<Vec<_>>()).unwrap();
    let mut taxonomy = Taxonomy { levels: vec!["parity".into()], ..Default::default() };
    for n in 0..6 {
        taxonomy.insert(&format!("label-{n}"), &[if n % 2 == 0 { "even" } else { "odd" }.into()]).unwrap();
    }
    let mut editor = Editor::open(folder.path()).unwrap();
    editor.add_taxonomy(&taxonomy).unwrap();
    let other = Taxonomy { levels: vec!["colour".into()], ..Default::default() };
    assert!(editor.add_taxonomy(&other).is_err(), "other levels than the memory's");
    drop(editor);

    let memory = Memory::open(folder.path()).unwrap();
    let options = ClassifyOptions { vote: Vote::Plurality, level: Some("parity".into()), ..Default::default() };
    let decision = memory.classify(&sample(0).embedding, &options).unwrap().remove(0);
    let shares: Vec<(&str, f64)> =
        decision.labels.iter().map(|l| (l.label.as_str(), (l.score * 7.0).round())).collect();
    assert_eq!(shares.len(), 3);
    assert!(shares.contains(&("even", 3.0)) && shares.contains(&("odd", 3.0)) && shares.contains(&("label-6", 1.0)));

    assert!(taxonomy.insert("label-0", &["odd".into()]).is_err(), "a contradiction");
    assert!(taxonomy.insert("label-9", &[]).is_err(), "a missing name");
}
