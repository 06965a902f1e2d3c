//! Reliability and pruning against what the paper's authors' own code makes of the same neighbour lists.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::{DIM, Sample, add};
use crate::index::neighbor_lists::NeighborLists;
use crate::{Memory, Pruning, Reliability, Standing, Threshold, Vote, Voting};

#[test]
fn reliability_and_pruning_equal_the_authors_code_at_every_k() {
    for goldens in vismem_goldens::neighbor_files().unwrap() {
        equal_the_authors_code(goldens.path());
    }
}

fn equal_the_authors_code(goldens: &Path) {
    let read = |name: &str| -> Value { serde_json::from_slice(&std::fs::read(goldens.join(name)).unwrap()).unwrap() };
    let (stored, queries) = (read("neighbors_memory.json"), read("neighbors_query.json"));
    let official = read("official_predictions.json");

    // A memory of their exemplars and labels; the neighbour lists are theirs.
    let images: Vec<&String> = stored.as_object().unwrap().keys().collect();
    let samples = (0..).zip(&images).map(|(n, image)| Sample {
        n,
        label: stored[*image]["image_class"].to_string(),
        embedding: [1.0 + n as f32; DIM],
    });
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &samples.collect::<Vec<_>>()).unwrap();
    let memory = Memory::open(folder.path()).unwrap();
    let slot_of: HashMap<&str, u32> = images.iter().map(|image| image.as_str()).zip(0..).collect();
    let slots = |list: &Value| -> Vec<u32> {
        list["neighbor_image_ids"].as_array().unwrap().iter().map(|id| slot_of[id.as_str().unwrap()]).collect()
    };
    let lists: Vec<Vec<u32>> = images.iter().map(|image| slots(&stored[*image])).collect();
    let lists = NeighborLists::given(100, &lists);

    let counts = |neighbors| Reliability::count(&memory, &lists, neighbors);
    let (over_10, over_100) = (counts(10), counts(100));
    for (name, counts) in [("wrong_counts_10", &over_10), ("wrong_counts_100", &over_100)] {
        for (slot, image) in images.iter().enumerate() {
            let expected = official[name].get(image).map_or(0, |count| count.as_u64().unwrap());
            assert_eq!(u64::from(counts.in_slot(slot).wrong), expected, "{name}, {image}");
        }
    }

    let threshold = official["hard_threshold"].as_u64().unwrap() as u32;
    let hard = Pruning::Hard { neighbors: 100, threshold: Threshold::Votes(threshold) };
    let hidden = |slot: &u32| hard.standing(over_100.in_slot(*slot as usize)) == Standing::Hidden;
    let excluded = official["excluded"].as_array().unwrap().iter();
    let mut excluded: Vec<u32> = excluded.map(|image| slot_of[image.as_str().unwrap()]).collect();
    excluded.sort_unstable();
    assert_eq!((0..images.len() as u32).filter(hidden).collect::<Vec<_>>(), excluded);

    let ks: Vec<usize> = official["k"].as_array().unwrap().iter().map(|k| k.as_u64().unwrap() as usize).collect();
    for (vote_name, vote) in [("rank", Vote::RANK), ("plurality", Vote::Plurality)] {
        for (kind, pruning, counts) in [("hard", hard, &over_100), ("soft", Pruning::SOFT, &over_10)] {
            let name = format!("{vote_name}_{kind}");
            let mut right = [0u32; 100];
            for (image, query) in queries.as_object().unwrap() {
                let classes = query["neighbor_classes"].as_array().unwrap();
                let distances = query["neighbor_distances"].as_array().unwrap();
                let standing = |slot: u32| pruning.standing(counts.in_slot(slot as usize));
                let standings = slots(query).into_iter().map(standing);
                let neighbors = classes.iter().zip(distances).zip(standings);
                let neighbors: Vec<_> =
                    neighbors.map(|((class, d), standing)| (class.as_u64(), d.as_f64().unwrap(), standing)).collect();
                let decisions =
                    as_the_authors(&neighbors, Voting::pointwise(vote).unwrap().decisions_at_every_k(&neighbors));
                for (&k, expected) in ks.iter().zip(official["predictions"][&name][image].as_array().unwrap()) {
                    assert_eq!(decisions[k - 1], expected.as_u64(), "{name}, {image}, k = {k}");
                }
                for (right, decision) in right.iter_mut().zip(&decisions) {
                    *right += u32::from(*decision == query["image_class"].as_u64());
                }
            }
            // Their accuracy is stated at every k of 1..=100, which pins the decisions between the listed ones.
            for (k, right) in (1..=100).zip(right) {
                let ours = f64::from(right) / queries.as_object().unwrap().len() as f64;
                let theirs = official["accuracy"][&name][k.to_string()].as_f64().unwrap();
                // At a tie their code takes the label that rounding favours, where factors are no sums of powers of two:
                // this happens to one query of a thousand at one k.
                let tied = if name == "plurality_soft" { 1.0 / queries.as_object().unwrap().len() as f64 } else { 0.0 };
                assert!((ours - theirs).abs() < tied + 1e-9, "{name}, k = {k}: {ours}, not {theirs}");
            }
        }
    }
}

/// Where the first k are hidden and one that follows is not, the authors' code takes the nearest's label at that k. A memory
/// that is asked for k neighbours does not see who follows: there all vote. Everything else is the same.
fn as_the_authors<L: Copy>(neighbors: &[(L, f64, Standing)], mut decisions: Vec<L>) -> Vec<L> {
    if let Some(first) = neighbors.iter().position(|(.., standing)| *standing != Standing::Hidden) {
        decisions[..first].fill(neighbors[0].0);
    }
    decisions
}
