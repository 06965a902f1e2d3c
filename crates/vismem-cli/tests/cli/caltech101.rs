//! A real data set: 2,929 photos of 100 classes to learn, 1,000 to ask about.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use vismem::{Standing, Vote, Voting};

use crate::common::Place;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
const GIB: u64 = 1 << 30;

#[test]
fn photos_are_classified_as_well_as_the_authors_code_does_in_little_memory() {
    let (photos, goldens) = (Path::new(SHARED).join("data/caltech101"), Path::new(SHARED).join("goldens/caltech101"));
    if !photos.exists() || !goldens.exists() {
        println!("skipped: ../shared/data/caltech101 or its goldens are not here");
        return;
    }
    let place = Place::new();
    let (memory, query) = (photos.join("memory"), photos.join("query"));
    let add = measured(&place, &["add", memory.to_str().unwrap(), "--format", "json"]);
    assert_eq!((&add.answer["added"], &add.answer["labels"]), (&2_929.into(), &100.into()));
    let ask = measured(&place, &["classify", query.to_str().unwrap(), "-k", "100", "--format", "json"]);
    let answers = ask.answer["results"].as_array().unwrap();
    assert_eq!(answers.len(), 1_000);
    println!("add: 2,929 photos in {:.0} s, {} MiB", add.seconds, add.peak >> 20);
    println!("classify: 1,000 photos in {:.0} s, {} MiB", ask.seconds, ask.peak >> 20);

    let official: Value =
        serde_json::from_slice(&std::fs::read(goldens.join("official_predictions.json")).unwrap()).unwrap();
    let votes = [
        ("plurality", Vote::Plurality),
        ("distance", Vote::DISTANCE),
        ("softmax", Vote::SOFTMAX),
        ("rank", Vote::RANK),
    ];
    for (name, vote) in votes {
        let mut right = [0; 100];
        for answer in answers {
            for (right, decision) in right.iter_mut().zip(decisions_at_every_k(vote, neighbors(answer))) {
                *right += i32::from(decision == class_of(answer));
            }
        }
        for k in [1, 5, 10, 20, 50, 100] {
            let ours = right[k - 1];
            let theirs = (1_000.0 * official["accuracy"][name][k.to_string()].as_f64().unwrap()).round() as i32;
            let percent = |right: i32| f64::from(right) / 10.0;
            let line = format!(
                "{name:>9}, k = {k:>3}: {:.1} %, the authors' code on reference features {:.1} %",
                percent(ours),
                percent(theirs)
            );
            println!("{line}");
            assert!((ours - theirs).abs() <= 7, "{line}");
            assert!(name != "rank" || k != 20 || ours >= 905, "{line}");
        }
    }
    // Kernel voting is what is asked for where nothing is said.
    let right = answers.iter().filter(|answer| answer["label"] == class_of(answer)).count();
    println!("   kernel, k = 100: {:.1} %", right as f64 / 10.0);
    assert!(right >= 923, "{right}");
    for run in [&add, &ask] {
        assert!(run.peak < GIB, "{} MiB", run.peak >> 20);
    }

    // The command says what was computed from the neighbours.
    let recomputed: BTreeMap<&str, &str> = answers
        .iter()
        .map(|answer| (answer["path"].as_str().unwrap(), decisions_at_every_k(Vote::RANK, neighbors(answer))[19]))
        .collect();
    let one_class = query.join("crab");
    let plain = place
        .vismem_with(["classify", one_class.to_str().unwrap(), "--vote", "rank", "--format", "json"])
        .done()
        .json();
    let plain = plain["results"].as_array().unwrap();
    assert_eq!(plain.len(), 10);
    for answer in plain {
        assert_eq!(answer["label"], recomputed[answer["path"].as_str().unwrap()], "{}", answer["path"]);
    }
}

/// What a vote decides at every k.
fn decisions_at_every_k<'a>(vote: Vote, neighbors: impl Iterator<Item = (&'a str, f64)>) -> Vec<&'a str> {
    let voters: Vec<_> = neighbors.map(|(label, distance)| (label, distance, Standing::Counts(1.0))).collect();
    Voting::pointwise(vote).unwrap().decisions_at_every_k(&voters)
}

/// Labels and distances, nearest first.
fn neighbors(answer: &Value) -> impl Iterator<Item = (&str, f64)> {
    let neighbors = answer["neighbors"].as_array().unwrap().iter();
    neighbors.map(|neighbor| (neighbor["label"].as_str().unwrap(), neighbor["distance"].as_f64().unwrap()))
}

/// The folder that the photo lies in.
fn class_of(answer: &Value) -> &str {
    let folder = Path::new(answer["path"].as_str().unwrap()).parent().unwrap();
    folder.file_name().unwrap().to_str().unwrap()
}

struct Measured {
    answer: Value,
    seconds: f64,
    /// The most memory it had resident, in bytes; 0 where the system does not say.
    peak: u64,
}

fn measured(place: &Place, args: &[&str]) -> Measured {
    let started = Instant::now();
    let answer = place.path("answer.json");
    let mut command = place.command(args);
    let mut child = command.stdout(std::fs::File::create(&answer).unwrap()).stderr(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(peak_of(&child).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(child.wait().unwrap().success(), "{args:?}");
    let answer = serde_json::from_slice(&std::fs::read(answer).unwrap()).unwrap();
    Measured { answer, seconds: started.elapsed().as_secs_f64(), peak }
}

/// The kernel's own high-water mark, so that nothing between two looks is missed.
fn peak_of(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}
