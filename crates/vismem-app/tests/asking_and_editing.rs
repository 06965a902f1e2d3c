//! Use cases of asking and editing, without a command line: their results have the fields that docs/schemas requires.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use vismem::{
    Attributes, ClassifyOptions, Editor, EncoderIdentity, Memory, NewExemplar, Pruning, QueryError, Search, Vote,
    content_of,
};
use vismem_app::classify::{Answer, Answers, Request};
use vismem_app::what_if::{Part, Question, WhatIf};
use vismem_app::{
    Criterion, Encoding, Error, Observer, RequestError, Selection, Silent, bench, classify, compact, forget, index,
    list, log, prune, relabel, stats, taxonomy, verify,
};
use vismem_data::Finding;
use vismem_data::npy::NpyWriter;
use vismem_models::{EncoderRequest, Hub};

/// Two labels with four exemplars each, around the two axes.
fn memory(folder: &Path) -> PathBuf {
    let path = folder.join("shapes.vismem");
    let encoder = EncoderIdentity { name: "test".into(), hash: "00".into(), dim: 2 };
    let rows: Vec<([f32; 2], &str)> =
        (0..4).flat_map(|row| [([1.0, 0.1 * row as f32], "disc"), ([0.1 * row as f32, 1.0], "square")]).collect();
    let exemplars = rows.iter().zip(0u8..).map(|((embedding, label), row)| NewExemplar {
        embedding,
        label,
        source: None,
        content: content_of(embedding, &[row]),
        attributes: Attributes::default(),
    });
    let exemplars: Vec<NewExemplar<'_>> = exemplars.collect();
    Editor::open_or_create(&path, &encoder).unwrap().batch().add(&exemplars).unwrap();
    path
}

fn encoding(folder: &Path) -> Encoding {
    Encoding { request: EncoderRequest::default(), hub: Hub::new("https://localhost", folder) }
}

fn selection(folder: &Path, criteria: &[Criterion]) -> Selection {
    Selection { criteria: criteria.to_vec(), encoding: encoding(folder) }
}

/// The result as JSON, which has the fields of its schema.
#[track_caller]
fn documented(result: &impl Serialize, schema: &str) -> Value {
    let document = serde_json::to_value(result).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas").join(schema).with_extension("json");
    let schema: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let fields: BTreeSet<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    let required = schema["required"].as_array().unwrap().iter().filter_map(Value::as_str);
    assert_eq!(required.filter(|field| !fields.contains(field)).collect::<Vec<_>>(), [""; 0], "{document:#}");
    let known = schema["properties"].as_object().unwrap();
    assert_eq!(fields.iter().filter(|field| !known.contains_key(**field)).collect::<Vec<_>>(), [&""; 0]);
    document
}

#[test]
fn what_a_memory_holds_is_listed_measured_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = memory(folder.path());
    let memory = Memory::open(&path).unwrap();
    let labels = documented(&list::labels(&memory), "ls-labels");
    assert_eq!(labels["labels"].as_array().unwrap().len(), 2);
    documented(&list::all(&memory).unwrap(), "ls-exemplars");
    let discs = selection(folder.path(), &[Criterion::Label("disc".into())]);
    assert_eq!(list::selected(&memory, &discs, &mut Silent).unwrap().exemplars.len(), 4);
    assert_eq!(documented(&stats::stats(&memory, None, &mut Silent).unwrap(), "stats")["exemplars"], 8);
    let comparison = stats::Comparison { batch: None, k: 3, vote: Vote::RANK };
    // All came with one batch, so that there is nothing to compare with.
    let compared = stats::stats(&memory, Some(comparison), &mut Silent);
    assert!(matches!(compared, Err(Error::Memory(vismem::Error::Query(QueryError::NothingBefore { batch: 1, .. })))));
    documented(&log::log(&memory).unwrap(), "log");
    documented(&verify::verify(&path, None).unwrap(), "verify");
    documented(&taxonomy::show(&memory).unwrap(), "taxonomy");
    documented(&taxonomy::check(&memory).unwrap(), "taxonomy-check");
    let request = bench::Request { queries: None, k: 3, recall: 0.99, rebuild: false };
    documented(&bench::bench(&memory, &request, &mut Silent).unwrap(), "bench");
    let shown = index::show(&memory).unwrap();
    assert_eq!(shown.exemplars, 8);
    // Of a memory so small none pays; those that are there are brought up to date.
    let there = shown.indexes.iter().filter(|index| index.state != "absent").map(|index| index.kind);
    let built = index::build(&memory, &[], &Default::default(), &mut Silent).unwrap().indexes;
    assert!(built.iter().map(|index| index.kind).eq(there));
}

#[test]
fn what_is_forgotten_has_a_receipt_that_belongs_to_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = memory(folder.path());
    let receipt = folder.path().join("receipt.json");
    let some = selection(folder.path(), &[Criterion::Ids(vec![1, 2])]);
    let preview = forget::preview(&Memory::open(&path).unwrap(), &some, None, &mut Silent).unwrap();
    assert_eq!((preview.dry_run, preview.exemplars, preview.labels["disc"]), (true, 2, 1));
    let forgotten = forget::forget(&path, &some, Some(&receipt), &mut Silent).unwrap();
    assert_eq!(documented(&forgotten, "forget")["exemplars"], 2);
    assert!(verify::verify(&path, Some(&receipt)).unwrap().receipt.unwrap().belongs());
    documented(&compact::compact(&path, &mut Silent).unwrap(), "compact");

    let none = forget::forget(&path, &selection(folder.path(), &[]), None, &mut Silent);
    assert!(matches!(none, Err(Error::Request(RequestError::NoCriteria))), "{none:?}");
    let far = selection(folder.path(), &[Criterion::Like("x.npy".into(), 3.0)]);
    let far = forget::forget(&path, &far, None, &mut Silent);
    assert!(matches!(far, Err(Error::Request(RequestError::Distance(_)))), "{far:?}");
}

#[test]
fn labels_are_changed_and_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = memory(folder.path());
    let one = selection(folder.path(), &[Criterion::Ids(vec![1])]);
    let relabelled = relabel::relabel(&path, &one, "ring", &mut Silent).unwrap();
    assert_eq!(documented(&relabelled, "relabel")["exemplars"], 1);
    assert_eq!(relabel::undo(&path, &mut Silent).unwrap().exemplars, 1);
    assert_eq!(relabel::split(&path, "disc", &one, "ring", &mut Silent).unwrap().exemplars, 1);
    let whole = relabel::split(&path, "ring", &one, "disc", &mut Silent);
    assert!(matches!(whole, Err(Error::WholeLabel { .. })), "{whole:?}");
    assert_eq!(relabel::merge(&path, &["ring".into()], "disc", &mut Silent).unwrap().exemplars, 1);
}

#[test]
fn pruning_is_tried_before_it_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = memory(folder.path());
    let tried = prune::set(&path, Pruning::SOFT, true, None, &mut Silent).unwrap();
    assert!(documented(&tried, "prune")["dry_run"].as_bool().unwrap());
    assert_eq!(prune::show(&Memory::open(&path).unwrap(), &mut Silent).unwrap().pruning, None);
    prune::set(&path, Pruning::SOFT, false, None, &mut Silent).unwrap();
    assert_eq!(prune::show(&Memory::open(&path).unwrap(), &mut Silent).unwrap().pruning, Some(Pruning::SOFT));
    assert_eq!(prune::off(&path, &mut Silent).unwrap().pruning, None);
    let suggestion = prune::suggest(&Memory::open(&path).unwrap(), 3, 3, Vote::RANK, &mut Silent).unwrap();
    assert!(!suggestion.trials.is_empty());
}

/// Keeps so many answers.
struct Kept {
    answers: Vec<Answer>,
    most: usize,
}

impl Observer for Kept {
    fn step(&mut self, _: &'static str, _: u64, _: Option<u64>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn note(&mut self, _: &str) {}
}

impl Answers for Kept {
    fn answer(&mut self, answer: Answer) -> ControlFlow<()> {
        self.answers.push(answer);
        if self.answers.len() < self.most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

#[test]
fn answers_come_in_the_order_of_the_queries_until_nobody_wants_more() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::open(&memory(folder.path())).unwrap();
    let file = folder.path().join("ask.npy");
    let mut rows = NpyWriter::create(&file, 2).unwrap();
    [[1.0, 0.2], [0.0, 0.0], [0.2, 1.0]].iter().for_each(|row| rows.push(row).unwrap());
    rows.finish().unwrap();
    let paths = [file];
    let request =
        Request { paths: &paths, finding: Finding::default(), changed: false, encoding: encoding(folder.path()) };
    let plain = ClassifyOptions { k: 3, search: Search::Exact, ..ClassifyOptions::default() };
    let what_if = WhatIf { without: vec![Criterion::Source("gone".into())], ..WhatIf::default() };
    let question = Question::new(&memory, plain, what_if, &request.encoding, &mut Silent).unwrap();
    assert_eq!(question.fits_nothing, [Part::Without]);

    let mut kept = Kept { answers: Vec::new(), most: usize::MAX };
    let tried = classify::classify(&memory, &question, &request, &mut kept).unwrap();
    assert_eq!(tried.failed, 1, "one row has no direction");
    let labels: Vec<Option<&str>> =
        kept.answers.iter().map(|answer| answer.decision.as_ref().map(|said| said.decided.decision.label())).collect();
    assert_eq!(labels, [Some("disc"), None, Some("square")]);
    assert!(kept.answers[1].error.as_ref().unwrap().contains("all zeros"));

    let mut kept = Kept { answers: Vec::new(), most: 1 };
    let ended = classify::classify(&memory, &question, &request, &mut kept);
    assert!(matches!(ended, Err(Error::Cancelled)) && kept.answers.len() == 1, "{ended:?}");
}
