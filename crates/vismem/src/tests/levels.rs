use std::path::Path;

use super::{Sample, add};
use crate::{ClassifyOptions, Decision, Editor, Memory, Taxonomy, Vote};

const QUERY: [f32; 5] = [1.0, 0.0, 0.0, 0.0, 0.0];

/// Two cats, a dog and an oak at growing distance from the query, and a lynx that nobody has seen.
fn zoo(dir: &Path) {
    let at =
        |n: u32, label: &str| Sample { n, label: label.into(), embedding: [1.0, 0.1 + 0.1 * n as f32, 0.0, 0.0, 0.0] };
    add(dir, &[at(0, "cat"), at(1, "lion"), at(2, "dog"), at(3, "oak")]).unwrap();
    let mut taxonomy = Taxonomy { levels: vec!["family".into(), "kingdom".into()], ..Default::default() };
    for (label, family, kingdom) in [
        ("cat", "felids", "animals"),
        ("lion", "felids", "animals"),
        ("dog", "canids", "animals"),
        ("lynx", "felids", "animals"),
        ("oak", "beeches", "plants"),
    ] {
        taxonomy.insert(label, &[family.into(), kingdom.into()]).unwrap();
    }
    Editor::open(dir).unwrap().add_taxonomy(&taxonomy).unwrap();
}

fn ask(dir: &Path, level: Option<&str>, min_confidence: Option<f64>) -> Decision {
    let level = level.map(str::to_owned);
    let options = ClassifyOptions { k: 4, vote: Vote::Plurality, level, min_confidence, ..Default::default() };
    Memory::open(dir).unwrap().classify(&QUERY, &options).unwrap().remove(0)
}

fn lineage(decision: &Decision) -> Vec<(Option<&str>, &str, f64)> {
    decision.lineage.iter().map(|step| (step.level.as_deref(), step.name.as_str(), step.confidence)).collect()
}

#[test]
fn the_answer_gives_its_lineage_with_a_confidence_at_every_level() {
    let folder = tempfile::tempdir().unwrap();
    zoo(folder.path());
    let whole = [(None, "cat", 0.25), (Some("family"), "felids", 0.5), (Some("kingdom"), "animals", 0.75)];
    assert_eq!(lineage(&ask(folder.path(), None, None)), whole);
    let family = ask(folder.path(), Some("family"), None);
    assert_eq!(lineage(&family), whole[1..]);
    assert_eq!((family.label(), family.level.as_deref(), family.confident), ("felids", Some("family"), true));
    assert_eq!(family.neighbors[2].vote(), "canids");
}

#[test]
fn the_answer_stops_at_the_lowest_level_that_is_confident_enough() {
    let folder = tempfile::tempdir().unwrap();
    zoo(folder.path());
    for (least, answer, level, confident) in [
        (0.25, "cat", None, true),
        (0.26, "felids", Some("family"), true),
        (0.5, "felids", Some("family"), true),
        (0.75, "animals", Some("kingdom"), true),
        (0.76, "animals", Some("kingdom"), false),
    ] {
        let decision = ask(folder.path(), None, Some(least));
        assert_eq!((decision.label(), decision.level.as_deref(), decision.confident), (answer, level, confident));
    }
    assert_eq!(ask(folder.path(), Some("kingdom"), Some(0.1)).label(), "animals", "not below the level asked for");
    let options = ClassifyOptions { min_confidence: Some(1.1), ..Default::default() };
    assert!(Memory::open(folder.path()).unwrap().classify(&QUERY, &options).is_err());
}

#[test]
fn a_label_without_exemplars_is_known_under_its_family() {
    let folder = tempfile::tempdir().unwrap();
    zoo(folder.path());
    assert_eq!(ask(folder.path(), Some("family"), None).unseen, ["lynx"]);
    assert_eq!(ask(folder.path(), Some("kingdom"), None).unseen, ["lynx"]);
    assert!(ask(folder.path(), None, None).unseen.is_empty());
    let lynx = Sample { n: 9, label: "lynx".into(), embedding: QUERY };
    add(folder.path(), &[lynx]).unwrap();
    let seen = ask(folder.path(), Some("family"), None);
    assert!(seen.unseen.is_empty());
    assert_eq!(seen.neighbors[0].label, "lynx");
}
