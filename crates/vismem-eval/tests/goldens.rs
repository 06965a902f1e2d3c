//! From the authors' neighbour files to what their own code predicts.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use vismem::{Pruning, Standing, Threshold, Vote, Voting};
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

    let result = aggregation(&table, &options, None).unwrap();
    assert_eq!(result.curves.len(), 12);
    let (soft, hard) = (table.standings(&options.soft).unwrap(), table.standings(&options.hard).unwrap());
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
            let differ = match curve.pruning {
                PrunedBy::Hard => all_hidden(&table, &hard, at.k),
                PrunedBy::Soft if curve.rule.vote == "plurality" => tied(&table, &soft, at.k),
                _ => 0.0,
            };
            assert!(
                (at.accuracy.value - expected).abs() < differ + 1e-9,
                "{name}, k = {}: {at:?}, not {expected}",
                at.k
            );
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
            let decisions = decisions_at_every_k(table, queries[image.as_str()], vote, standings).unwrap();
            let first = |query: &Query| first_visible(query, standings.unwrap_or_default());
            let seen = first(queries[image.as_str()]).unwrap_or(0);
            for (&k, expected) in ks.iter().zip(expected.as_array().unwrap()).filter(|(k, _)| **k > seen) {
                assert_eq!(table.labels[decisions[k - 1] as usize], expected.to_string(), "{name}, {image}, k = {k}");
            }
        }
    }
}

/// Position of the first neighbour that is not hidden; `None` where all are.
fn first_visible(query: &Query, standings: &[Standing]) -> Option<usize> {
    let is_hidden = |exemplar: u32| standings.get(exemplar as usize) == Some(&Standing::Hidden);
    query.neighbors.iter().position(|near| !is_hidden(near.exemplar))
}

/// The share of queries whose first `k` neighbours are hidden, where one that follows is not. At these the authors' code takes
/// the nearest's label; a memory that is asked for `k` does not see who follows, and lets all vote.
fn all_hidden(table: &Neighborhoods, standings: &[Standing], k: usize) -> f64 {
    let hidden = table.queries.iter().filter(|query| first_visible(query, standings).is_some_and(|first| first >= k));
    hidden.count() as f64 / table.queries.len() as f64
}

/// The share of queries whose `k` neighbours give the best label and another one the same within rounding. The authors' code
/// takes the one that rounding favours, where factors are no sums of powers of two; here that is a tie.
fn tied(table: &Neighborhoods, standings: &[Standing], k: usize) -> f64 {
    let is_tied = |query: &&Query| {
        let neighbors = &query.neighbors[..k];
        let votes: Vec<_> = neighbors.iter().map(|near| (near.distance, standings[near.exemplar as usize])).collect();
        let plurality = Voting::pointwise(Vote::Plurality).unwrap();
        let votes = neighbors.iter().zip(plurality.weights(&votes));
        let votes = votes.map(|(near, weight)| (table.label_of(near), weight.unwrap_or_default()));
        matches!(plurality.scores(votes).ranked[..], [(_, first), (_, second), ..] if (first - second).abs() < 1e-12 * first)
    };
    table.queries.iter().filter(is_tied).count() as f64 / table.queries.len() as f64
}
