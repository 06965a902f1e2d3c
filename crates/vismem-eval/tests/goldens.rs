//! From the authors' neighbour files to what their own code predicts.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use vismem::{Pruning, Threshold, Vote};
use vismem_eval::{
    AggregationOptions, Neighborhoods, PrunedBy, Query, aggregation, authors_json, decisions_at_every_k,
};

#[test]
fn predictions_accuracies_and_wrong_votes_equal_the_authors_code_at_every_k() {
    for goldens in vismem_goldens::neighbor_files().unwrap() {
        equal_the_authors_code(goldens.path());
    }
}

fn equal_the_authors_code(goldens: &Path) {
    let memory = goldens.join("neighbors_memory.json");
    let table = authors_json::read(&goldens.join("neighbors_query.json"), Some(&memory)).unwrap().queries;
    let official: Value =
        serde_json::from_slice(&std::fs::read(goldens.join("official_predictions.json")).unwrap()).unwrap();

    for (neighbors, name) in [(10, "wrong_counts_10"), (100, "wrong_counts_100")] {
        for (exemplar, votes) in table.exemplars.iter().zip(&table.votes[&neighbors]) {
            let expected = official[name].get(&exemplar.name).map_or(0, |count| count.as_u64().unwrap());
            assert_eq!(u64::from(votes.wrong), expected, "{name}, {}", exemplar.name);
        }
    }

    let threshold = Threshold::Votes(official["hard_threshold"].as_u64().unwrap() as u32);
    let options = AggregationOptions { hard: Pruning::Hard { neighbors: 100, threshold }, ..Default::default() };
    predictions(&table, &options, &official);

    let result = aggregation(&table, &options).unwrap();
    assert_eq!(result.curves.len(), 12);
    let mut compared = 0;
    for curve in &result.curves {
        let name = match curve.pruning {
            PrunedBy::None => curve.rule.vote.clone(),
            pruning => format!("{}_{}", curve.rule.vote, pruning.name()),
        };
        // They prune two of the votes.
        let Some(expected) = official["accuracy"].get(&name) else { continue };
        for at in &curve.accuracy {
            let expected = expected[at.k.to_string()].as_f64().unwrap();
            assert!((at.accuracy.value - expected).abs() < 1e-9, "{name}, k = {}: {at:?}, not {expected}", at.k);
            compared += 1;
        }
        if curve.pruning == PrunedBy::Hard {
            assert_eq!(curve.hidden, official["excluded"].as_array().unwrap().len());
        }
    }
    assert_eq!(compared, 800);
}

fn predictions(table: &Neighborhoods, options: &AggregationOptions, official: &Value) {
    let ks: Vec<usize> = official["k"].as_array().unwrap().iter().map(|k| k.as_u64().unwrap() as usize).collect();
    let (soft, hard) = (table.standings(&options.soft), table.standings(&options.hard));
    let queries: HashMap<&str, &Query> = table.queries.iter().map(|query| (query.name.as_str(), query)).collect();
    for (name, expected) in official["predictions"].as_object().unwrap() {
        let (vote, pruning) = name.split_once('_').unwrap_or((name, "none"));
        let vote = match vote {
            "plurality" => Vote::Plurality,
            "distance" => Vote::DISTANCE,
            "softmax" => Vote::SOFTMAX,
            "rank" => Vote::RANK,
            unknown => panic!("{unknown}"),
        };
        let standings = match pruning {
            "none" => None,
            "soft" => soft.as_deref(),
            "hard" => hard.as_deref(),
            unknown => panic!("{unknown}"),
        };
        assert_eq!(expected.as_object().unwrap().len(), table.queries.len());
        for (image, expected) in expected.as_object().unwrap() {
            let decisions = decisions_at_every_k(table, queries[image.as_str()], vote, standings);
            for (&k, expected) in ks.iter().zip(expected.as_array().unwrap()) {
                assert_eq!(table.labels[decisions[k - 1] as usize], expected.to_string(), "{name}, {image}, k = {k}");
            }
        }
    }
}
