//! Experiments on a memory against the same thing done another way.

use proptest::prelude::*;
use vismem::{
    Among, Attributes, ClassifyOptions, Editor, EncoderIdentity, Memory, NewExemplar, Pruning, Search, Taxonomy,
    Threshold, Vote, content_of,
};
use vismem_eval::gather::{Kind, Labelled, QuerySet, Roster, count_votes, neighborhoods};
use vismem_eval::{
    CompositionOptions, GranularityOptions, NovelClassesOptions, ScalingOptions, VOTES, composition,
    decisions_at_every_k, granularity, novel_classes, right_at_every_k, scaling,
};

const DIM: usize = 6;
const LABELS: [&str; 4] = ["ant", "bee", "cat", "dog"];

/// A direction for each label, and noise that overlaps.
fn embedding(n: usize, label: usize) -> Vec<f32> {
    let wave = |i: usize| ((n as f32 + 1.3) * (i as f32 + 1.0) * 0.77).sin() * 0.8;
    (0..DIM).map(|i| wave(i) + if i == label { 0.9 } else { 0.0 }).collect()
}

struct Place {
    _folder: tempfile::TempDir,
    memory: Memory,
    roster: Roster,
    queries: QuerySet,
}

/// A memory of ten exemplars of each label, and 40 queries.
fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.vismem");
    let encoder = EncoderIdentity { name: "toy".into(), hash: "00".into(), dim: DIM };
    let vectors: Vec<(usize, Vec<f32>)> = (0..40).map(|n| (n % 4, embedding(n, n % 4))).collect();
    let exemplars: Vec<NewExemplar<'_>> = vectors
        .iter()
        .map(|(label, embedding)| NewExemplar {
            embedding,
            label: LABELS[*label],
            source: None,
            content: content_of(embedding, b""),
            attributes: Attributes::new(),
        })
        .collect();
    let mut editor = Editor::open_or_create(&path, &encoder).unwrap();
    editor.batch().add(&exemplars).unwrap();
    let mut taxonomy = Taxonomy { levels: vec!["class".into()], ..Taxonomy::default() };
    for (label, class) in LABELS.iter().zip(["insect", "insect", "mammal", "mammal"]) {
        taxonomy.insert(label, &[class.to_owned()]).unwrap();
    }
    editor.add_taxonomy(&taxonomy).unwrap();
    drop(editor);
    let memory = Memory::open(&path).unwrap();
    let query = |n: usize| {
        let truth = vec![LABELS[n % 4].to_owned()];
        Labelled { name: format!("q{n}"), truth, kind: Kind::Row, embedding: embedding(1000 + n, n % 4) }
    };
    let queries = QuerySet::new("toys", DIM, (0..40).map(query).collect()).unwrap();
    Place { roster: Roster::of(&memory, &mut ()).unwrap(), memory, queries, _folder: folder }
}

fn options(k: usize) -> ClassifyOptions {
    ClassifyOptions { k, vote: Vote::RANK, ..ClassifyOptions::default() }
}

#[test]
fn decisions_from_one_table_equal_those_of_the_memory_at_every_k() {
    let Place { memory, roster, queries, .. } = &place();
    let table = neighborhoods(memory, roster, queries, 30, Search::Exact, &mut ()).unwrap();
    let vectors = queries.embeddings(memory).unwrap();
    for k in [1, 2, 7, 30] {
        let decided = memory.classify(&vectors, &options(k)).unwrap();
        for (query, decision) in table.queries.iter().zip(decided) {
            let ours = decisions_at_every_k(&table, query, Vote::RANK, None).unwrap()[k - 1];
            assert_eq!(table.labels[ours as usize], decision.label(), "{}, k = {k}", query.name);
        }
    }
}

#[test]
fn leave_one_out_equals_asking_each_exemplar_without_itself() {
    let Place { memory, roster, .. } = &place();
    let own = QuerySet::of_memory(memory, roster).unwrap();
    let mut table = neighborhoods(memory, roster, &own, 9, Search::Exact, &mut ()).unwrap();
    let searched = own.search(memory, 9, None, Search::Exact, &mut ()).unwrap();
    let ids = own.own_ids().unwrap();
    let decided = memory.classify_exemplars(ids, &options(9)).unwrap();
    for (((query, found), decision), id) in table.queries.iter().zip(searched).zip(decided).zip(ids) {
        let kept: Vec<u64> =
            query.neighbors.iter().filter_map(|near| table.exemplars[near.exemplar as usize].id).collect();
        assert_eq!(kept, found.iter().map(|near| near.id).collect::<Vec<_>>(), "the lists that the memory keeps");
        assert!(!kept.contains(id));
        let ours = *decisions_at_every_k(&table, query, Vote::RANK, None).unwrap().last().unwrap();
        assert_eq!(table.labels[ours as usize], decision.label());
    }
    // Wrong votes by the memory, and counted from the table.
    count_votes(memory, roster, &mut table, 9, &mut ()).unwrap();
    for (at, votes) in table.votes[&9].iter().enumerate() {
        let asks = table.queries.iter().filter(|q| q.neighbors.iter().any(|near| near.exemplar as usize == at));
        let wrong = asks.clone().filter(|query| !query.is_right(table.exemplars[at].label)).count();
        assert_eq!((votes.retrievals as usize, votes.wrong as usize), (asks.count(), wrong));
    }
}

#[test]
fn the_whole_memory_is_the_last_size_and_small_ones_are_balanced() {
    let Place { memory, roster, queries, .. } = &place();
    let how = ScalingOptions { vote: Vote::RANK, k: 5, seeds: vec![1, 2], search: Search::Exact };
    let result = scaling(memory, roster, queries, &how, &mut ()).unwrap();
    let sizes: Vec<(Option<usize>, usize)> = result.points.iter().map(|p| (p.per_label, p.exemplars)).collect();
    assert_eq!(sizes[..2], [(Some(1), 4), (Some(2), 8)]);
    assert_eq!(*sizes.last().unwrap(), (None, 40));
    let table = neighborhoods(memory, roster, queries, 5, Search::Exact, &mut ()).unwrap();
    let all: Vec<_> = table.judged().collect();
    let right = *right_at_every_k(&table, &all, Vote::RANK, None, 5).unwrap().last().unwrap();
    let last = result.points.last().unwrap().accuracy;
    assert_eq!((last.value, last.runs), (right as f64 / 40.0, 1));
    assert!(result.fit.is_none(), "two sizes of ten exemplars or more are no law");
    assert_eq!(scaling(memory, roster, queries, &how, &mut ()).unwrap(), result, "seeds decide everything");
}

#[test]
fn queries_of_labels_that_the_memory_does_not_have_are_in_no_law_of_its_size() {
    let Place { memory, roster, queries, .. } = &place();
    let stranger = |at: usize| Labelled {
        name: format!("stranger {at}"),
        truth: vec!["zebra".into()],
        kind: Kind::Row,
        embedding: (0..DIM).map(|value| ((at * DIM + value) as f32).sin()).collect(),
    };
    let strangers = QuerySet::new("strangers", DIM, (0..20).map(stranger).collect()).unwrap();
    let how = ScalingOptions { vote: Vote::RANK, k: 5, seeds: vec![1], search: Search::Exact };
    let of = |queries: &QuerySet| scaling(memory, roster, queries, &how, &mut ()).unwrap();
    let (known, all) = (of(queries), of(&QuerySet::joined(&[queries.clone(), strangers.clone()])));
    assert_eq!((known.unknown, all.unknown), (0, 20));
    assert_eq!((&all.points, &all.fit, &all.halving), (&known.points, &known.fit, &known.halving));
    assert!(scaling(memory, roster, &strangers, &how, &mut ()).is_err(), "there is nothing to measure");
}

#[test]
fn held_out_labels_are_not_there_before_they_are_inserted() {
    let Place { memory, roster, queries, .. } = &place();
    let how = NovelClassesOptions {
        vote: Vote::RANK,
        k: 5,
        held_out: vec!["cat".into()],
        seeds: vec![0],
        search: Search::Exact,
    };
    let run = novel_classes(memory, roster, queries, &how, &mut ()).unwrap().runs.remove(0);
    let cats = memory.select(&vismem::Selector { labels: vec!["cat".into()], ..Default::default() }).unwrap();
    let vectors = queries.embeddings(memory).unwrap();
    let without = ClassifyOptions { among: Some(Among::Without(cats.clone())), ..options(5) };
    let (before, after) =
        (memory.classify(&vectors, &without).unwrap(), memory.classify(&vectors, &options(5)).unwrap());
    let truth = || queries.truth.iter().map(|truth| truth[0].as_str());
    let old = |decisions: &[vismem::Decision]| {
        truth().zip(decisions).filter(|(truth, decision)| *truth != "cat" && *truth == decision.label()).count() as u64
    };
    assert_eq!((run.old_before.count(), run.old_after.count()), (old(&before), old(&after)));
    assert_eq!(run.old_before.count() + run.gained - run.forgotten, run.old_after.count());
    let new =
        truth().zip(&after).filter(|(truth, decision)| *truth == "cat" && decision.label() == "cat").count() as u64;
    assert_eq!((run.new.count(), run.new.n, run.inserted), (new, 10, cats.len()));
    assert_eq!((run.known.nearest.n, run.novel.nearest.n), (30, 10));
    assert!(run.auroc.low <= run.auroc.value && run.auroc.value <= run.auroc.high);
}

#[test]
fn a_class_without_exemplars_and_one_with_all_are_those_of_searching_so() {
    let Place { memory, roster, queries, .. } = &place();
    let how = GranularityOptions { seeds: vec![0, 1], search: Search::Exact };
    let result = granularity(memory, roster, queries, &how, &mut ()).unwrap();
    let at = |exemplars: usize, level: &str| {
        let point = result.points.iter().find(|point| point.exemplars == exemplars && point.level == level);
        point.unwrap().accuracy.value
    };
    assert_eq!((result.targets, result.levels[0].level.as_str()), (4, "label"));
    // Every label has 10 exemplars, so that with 10 all are there: the nearest of all decides.
    let vectors = queries.embeddings(memory).unwrap();
    let class = |label: &str| if ["ant", "bee"].contains(&label) { "insect" } else { "mammal" };
    let nearest = memory.classify(&vectors, &options(1)).unwrap();
    let share = |right: usize| right as f64 / 40.0;
    let pairs = || queries.truth.iter().map(|truth| truth[0].as_str()).zip(&nearest);
    assert_eq!(at(10, "label"), share(pairs().filter(|(truth, decision)| *truth == decision.label()).count()));
    assert_eq!(at(10, "class"), share(pairs().filter(|(truth, d)| class(truth) == class(d.label())).count()));
    // Without any, the nearest of the others.
    let mut right = 0;
    for label in LABELS {
        let ids = memory.select(&vismem::Selector { labels: vec![label.into()], ..Default::default() }).unwrap();
        let without = ClassifyOptions { among: Some(Among::Without(ids)), ..options(1) };
        let decided = memory.classify(&vectors, &without).unwrap();
        let asked = queries.truth.iter().zip(decided).filter(|(truth, _)| truth[0] == label);
        right += asked.filter(|(truth, decision)| class(&truth[0]) == class(decision.label())).count();
    }
    assert_eq!((at(0, "label"), at(0, "class")), (0.0, share(right)));
    assert_eq!(result.levels[1].accuracy.value, 0.5);
}

#[test]
fn residuals_are_the_query_less_its_nearest_exemplar() {
    let Place { memory, roster, queries, .. } = &place();
    let how = CompositionOptions { shown: 40, counted: 40, search: Search::Exact };
    let result = composition(memory, roster, queries, &how).unwrap();
    let vectors = queries.embeddings(memory).unwrap();
    assert_eq!(result.shown.len(), 40);
    for (composed, query) in result.shown.iter().zip(vectors.chunks(DIM)) {
        let first = memory.embeddings(&[composed.neighbors[0].id]).unwrap();
        let residual: Vec<f32> = query.iter().zip(&first).map(|(q, n)| q - n).collect();
        let length = residual.iter().map(|v| f64::from(v * v)).sum::<f64>().sqrt();
        // |q − n|² = 2 (1 − cos).
        assert!((length - (2.0 * composed.neighbors[0].distance).sqrt()).abs() < 1e-3);
        assert!((length - composed.residual_length).abs() < 1e-5);
        let decision = memory.classify(&residual, &options(5)).unwrap().remove(0);
        let ids: Vec<u64> = decision.neighbors.iter().map(|voter| voter.id).collect();
        assert_eq!(composed.residual_neighbors.iter().map(|found| found.id).collect::<Vec<_>>(), ids);
    }
}

/// Little is hidden, most is, and all is.
fn prunings() -> [Option<Pruning>; 6] {
    let hard = |neighbors, threshold| Some(Pruning::Hard { neighbors, threshold });
    [
        None,
        Some(Pruning::SOFT),
        hard(3, Threshold::Votes(2)),
        hard(9, Threshold::Share(0.5)),
        hard(9, Threshold::Share(0.3)),
        hard(9, Threshold::Votes(1)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_evaluation_decides_as_the_memory_does_under_every_pruning_vote_and_k(
        exemplars in prop::collection::vec((0usize..4, -2i8..3, -2i8..3, -2i8..3), 12..30),
        queries in prop::collection::vec((-2i8..3, -2i8..3, -2i8..3), 1..8),
        pruning in 0usize..6,
    ) {
        // Few directions, so that distances, weights and sums are often equal; the last value keeps them off zero.
        let direction = |x: i8, y: i8, z: i8| [f32::from(x), f32::from(y), f32::from(z), 1.0].to_vec();
        let folder = tempfile::tempdir().unwrap();
        let encoder = EncoderIdentity { name: "toy".into(), hash: "00".into(), dim: 4 };
        let mut editor = Editor::open_or_create(&folder.path().join("m.vismem"), &encoder).unwrap();
        for (number, (label, x, y, z)) in exemplars.into_iter().enumerate() {
            let embedding = direction(x, y, z);
            let content = content_of(&embedding, &number.to_le_bytes());
            let label = LABELS[label];
            let new = NewExemplar { embedding: &embedding, label, source: None, content, attributes: Attributes::new() };
            editor.batch().add(&[new]).unwrap();
        }
        editor.set_pruning(prunings()[pruning]).unwrap();
        drop(editor);
        let memory = Memory::open(&folder.path().join("m.vismem")).unwrap();
        let roster = Roster::of(&memory, &mut ()).unwrap();
        let query = |(number, (x, y, z)): (usize, (i8, i8, i8))| Labelled {
            name: number.to_string(),
            truth: vec![LABELS[0].into()],
            kind: Kind::Row,
            embedding: direction(x, y, z),
        };
        let given = QuerySet::new("toys", 4, queries.into_iter().enumerate().map(query).collect()).unwrap();
        for queries in [given, QuerySet::of_memory(&memory, &roster).unwrap()] {
            let table = neighborhoods(&memory, &roster, &queries, 40, Search::Exact, &mut ()).unwrap();
            let vectors = queries.embeddings(&memory).unwrap();
            for vote in VOTES {
                for k in [1, 2, 3, 5, 8, 40] {
                    let options = ClassifyOptions { k, vote, ..ClassifyOptions::default() };
                    let decided = match queries.own_ids() {
                        Some(ids) => memory.classify_exemplars(ids, &options).unwrap(),
                        None => memory.classify(&vectors, &options).unwrap(),
                    };
                    for (query, decision) in table.queries.iter().zip(decided) {
                        let ours = decisions_at_every_k(&table, query, vote, table.as_set()).unwrap();
                        let ours = *ours.get(k - 1).or(ours.last()).unwrap();
                        prop_assert_eq!(&table.labels[ours as usize], decision.label(), "{}, {}, k = {}", query.name, vote, k);
                    }
                }
            }
        }
    }
}

#[test]
fn queries_that_the_memory_holds_have_nothing_left_and_that_is_said() {
    let Place { memory, roster, .. } = &place();
    let row = |exemplar: &vismem_eval::Exemplar| Labelled {
        name: exemplar.name.clone(),
        truth: vec![roster.labels[exemplar.label as usize].clone()],
        kind: Kind::Row,
        embedding: memory.embeddings(&[exemplar.id.unwrap()]).unwrap(),
    };
    let queries = QuerySet::new("own", DIM, roster.exemplars.iter().map(row).collect()).unwrap();
    let how = CompositionOptions { shown: 3, counted: 10, search: Search::Exact };
    let error = composition(memory, roster, &queries, &how).unwrap_err().to_string();
    assert!(error.contains("every query lies at its nearest exemplar"), "{error}");
}
