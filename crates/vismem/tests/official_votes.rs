//! The votes against what the paper's authors' own code predicts from the same neighbour lists.

#![allow(clippy::disallowed_methods, reason = "these are not files of a memory")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use vismem::{Standing, Vote, Voting};

#[test]
fn votes_equal_the_authors_code_at_every_k() {
    for goldens in vismem_goldens::neighbor_files().unwrap() {
        equal_the_authors_code(goldens.path());
    }
}

fn equal_the_authors_code(goldens: &Path) {
    let read = |name: &str| -> Value { serde_json::from_slice(&std::fs::read(goldens.join(name)).unwrap()).unwrap() };
    let (queries, official) = (read("neighbors_query.json"), read("official_predictions.json"));
    let ks: Vec<usize> = official["k"].as_array().unwrap().iter().map(|k| k.as_u64().unwrap() as usize).collect();
    let votes = [
        ("plurality", Vote::Plurality),
        ("distance", Vote::DISTANCE),
        ("softmax", Vote::SOFTMAX),
        ("rank", Vote::RANK),
    ];
    for (name, vote) in votes {
        let mut right: BTreeMap<usize, u32> = BTreeMap::new();
        for (image, query) in queries.as_object().unwrap() {
            let classes = query["neighbor_classes"].as_array().unwrap().iter().map(|c| c.as_u64().unwrap());
            let distances = query["neighbor_distances"].as_array().unwrap().iter().map(|d| d.as_f64().unwrap());
            let neighbors: Vec<_> =
                classes.zip(distances).map(|(class, d)| (class, d, Standing::Counts(1.0))).collect();
            let decisions = Voting::pointwise(vote).unwrap().decisions_at_every_k(&neighbors);
            let expected = official["predictions"][name][image].as_array().unwrap();
            for (&k, expected) in ks.iter().zip(expected) {
                assert_eq!(decisions[k - 1], expected.as_u64().unwrap(), "{name}, {image}, k = {k}");
            }
            for (k, decision) in (1..).zip(&decisions) {
                *right.entry(k).or_default() += u32::from(*decision == query["image_class"].as_u64().unwrap());
            }
        }
        // Their accuracy is stated at every k of 1..=100, which pins the decisions between the listed ones.
        for (k, accuracy) in official["accuracy"][name].as_object().unwrap() {
            let ours = f64::from(right[&k.parse().unwrap()]) / queries.as_object().unwrap().len() as f64;
            assert!((ours - accuracy.as_f64().unwrap()).abs() < 1e-9, "{name}, k = {k}: {ours} against {accuracy}");
        }
    }
}
