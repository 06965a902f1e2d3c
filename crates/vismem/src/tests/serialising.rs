use serde_json::{Value, json};

use super::{add, sample};
use crate::{ClassifyOptions, Digest, Editor, Memory, Pruning, Receipt, Selector, Taxonomy, Threshold, Vote};

#[test]
fn a_decision_says_label_and_confidence_and_its_voters_what_they_vote_for_only_at_a_level() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &[sample(0), sample(1)]).unwrap();
    let mut taxonomy = Taxonomy { levels: vec!["kind".into()], ..Default::default() };
    taxonomy.insert(&sample(0).label, &["things".into()]).unwrap();
    Editor::open(folder.path()).unwrap().add_taxonomy(&taxonomy).unwrap();
    let memory = Memory::open(folder.path()).unwrap();
    let ask = |level: Option<&str>| {
        let options = ClassifyOptions { k: 1, level: level.map(str::to_owned), ..Default::default() };
        serde_json::to_value(&memory.classify(&sample(0).embedding, &options).unwrap()[0]).unwrap()
    };
    let decision = ask(None);
    assert_eq!((&decision["label"], &decision["confidence"]), (&json!(sample(0).label), &json!(1.0)));
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut voter = fields(&decision["neighbors"][0]);
    voter.sort();
    assert_eq!(voter, ["distance", "id", "label", "source", "weight"]);
    let above = ask(Some("kind"));
    assert_eq!((&above["label"], &above["neighbors"][0]["votes_for"]), (&json!("things"), &json!("things")));
    assert_eq!(
        above["lineage"],
        json!([{ "level": "kind", "label": "things", "confidence": 1.0, "probability": null }])
    );
}

#[test]
fn a_receipt_is_read_back_and_one_that_was_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &[sample(0), sample(1)]).unwrap();
    let selector = Selector { ids: vec![1], ..Default::default() };
    let receipt = Editor::open(folder.path()).unwrap().forget(&selector).unwrap().unwrap();
    let kept = serde_json::to_value(&receipt).unwrap();
    assert_eq!(kept["hash"], json!(receipt.hash().to_string()));
    assert_eq!(serde_json::from_value::<Receipt>(kept.clone()).unwrap(), receipt);
    for (field, value) in [("exemplars", json!(2)), ("hash", json!("00")), ("more", json!(1))] {
        let mut changed = kept.clone();
        changed[field] = value;
        assert!(serde_json::from_value::<Receipt>(changed).is_err(), "{field}");
    }
}

#[test]
fn numbers_of_prunings_digests_and_votes_are_told_as_they_are_documented() {
    let hard = Pruning::Hard { neighbors: 100, threshold: Threshold::Votes(128) };
    let soft = json!({ "kind": "soft", "neighbors": 10, "votes": null, "share": null, "c": 1.0, "d": 1.75 });
    assert_eq!(serde_json::to_value(Pruning::SOFT).unwrap(), soft);
    let whole = json!({ "kind": "hard", "neighbors": 100, "votes": 128, "share": null, "c": null, "d": null });
    assert_eq!(serde_json::to_value(hard).unwrap(), whole);
    assert_eq!(serde_json::to_value(Vote::RANK).unwrap(), json!("rank (α = 2)"));
    let digest = Digest([7; 32]);
    assert_eq!(serde_json::to_value(digest).unwrap(), json!("07".repeat(32)));
    assert_eq!(serde_json::from_value::<Digest>(json!("07".repeat(32))).unwrap(), digest);
}
