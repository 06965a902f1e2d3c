//! The neighbour files of the paper's authors, read and written.
//!
//! One JSON object: the key is a query's image id, the value
//! `{featurizer, image_id, image_class, neighbor_image_ids, neighbor_classes, neighbor_distances}`. `image_class` is a
//! class id or, in the manner of ReaL, a list of them. Class ids are whole numbers, 0 among them: the authors' own code
//! takes 0 for "no class yet", which is not done here.

mod write;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::Path;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

pub use self::write::{Writer, class_ids, write};
use crate::{Error, Exemplar, Near, Neighborhoods, Query, Result};

/// What neighbour files hold.
#[derive(Debug, Clone, PartialEq)]
pub struct FromFiles {
    /// What the vectors came from, as the file says.
    pub featurizer: String,
    /// The queries, with the votes that pruning needs where a file of the memory was given.
    pub queries: Neighborhoods,
    /// The memory asked about itself, where a file of it was given.
    pub own: Option<Neighborhoods>,
}

/// The value of one key: a query, with its neighbours from the nearest on.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry<'a, Distance = f64> {
    /// What the vectors came from.
    pub featurizer: Cow<'a, str>,
    /// The query; it is the key as well.
    pub image_id: Cow<'a, str>,
    /// What it shows.
    pub image_class: Classes,
    /// The neighbours.
    pub neighbor_image_ids: Vec<Cow<'a, str>>,
    /// What each of them shows.
    pub neighbor_classes: Vec<i64>,
    /// How far each of them is: 1 − cosine.
    pub neighbor_distances: Vec<Distance>,
}

/// What a query shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Classes {
    /// One class.
    One(i64),
    /// Any of these, or nobody knows.
    Some(Vec<i64>),
}

impl Classes {
    fn as_slice(&self) -> &[i64] {
        match self {
            Self::One(class) => std::slice::from_ref(class),
            Self::Some(classes) => classes,
        }
    }
}

/// Entries in the order of the file.
struct Entries(Vec<(String, Entry<'static>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with an entry for each query")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Reads a file of queries and, where there is one, a file in which the memory was queried with itself. Labels are the
/// class ids, written out. A query that finds itself, by its image id, has that neighbour dropped in the file of the
/// memory.
///
/// # Errors
/// When a file cannot be read, is not in this format, or two places say different classes of one image.
pub fn read(queries: &Path, memory: Option<&Path>) -> Result<FromFiles> {
    let asked = entries(queries)?;
    let own = memory.map(entries).transpose()?;
    let mut reading = Reading::default();
    let all = asked.iter().chain(own.iter().flatten());
    let classes: BTreeSet<i64> =
        all.flat_map(|(_, e)| e.image_class.as_slice().iter().chain(&e.neighbor_classes)).copied().collect();
    reading.label_of = classes.iter().copied().zip(0..).collect();
    for (image, entry) in own.iter().flatten() {
        if let [class] = entry.image_class.as_slice() {
            reading.exemplar(image, *class, memory.unwrap_or(queries))?;
        }
    }
    let featurizer = asked.first().map_or_else(String::new, |(_, entry)| entry.featurizer.to_string());
    let table = reading.queries(asked, queries, false)?;
    let lists = match (own, memory) {
        (Some(own), Some(path)) => Some(reading.queries(own, path, true)?),
        _ => None,
    };
    let labels: Vec<String> = classes.iter().map(ToString::to_string).collect();
    let whole = |queries| Neighborhoods {
        labels: labels.clone(),
        exemplars: reading.exemplars.clone(),
        queries,
        ..Neighborhoods::default()
    };
    let mut table = whole(table);
    if let Some(lists) = &lists {
        [10, 100].into_iter().for_each(|neighbors| table.count_votes(lists, neighbors));
    }
    let own = lists.map(|lists| Neighborhoods { votes: table.votes.clone(), ..whole(lists) });
    Ok(FromFiles { featurizer, queries: table, own })
}

fn entries(path: &Path) -> Result<Vec<(String, Entry<'static>)>> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.into(), action: "read", source })?;
    let fault = |what: String| Error::Format { path: path.into(), what };
    let Entries(entries) = serde_json::from_slice(&bytes)
        .map_err(|error| fault(format!("is not a neighbour file in the authors' format: {error}")))?;
    if entries.is_empty() {
        return Err(fault("holds no query".into()));
    }
    let mut known = BTreeSet::new();
    for (image, entry) in &entries {
        let (ids, classes) = (entry.neighbor_image_ids.len(), entry.neighbor_classes.len());
        let distances = entry.neighbor_distances.len();
        if ids != classes || ids != distances {
            let what =
                format!("{image}: has {ids} neighbours, {classes} classes and {distances} distances; write it again");
            return Err(fault(what));
        }
        if !known.insert(image) {
            return Err(fault(format!("{image}: is there twice; keep one entry")));
        }
    }
    Ok(entries)
}

#[derive(Default)]
struct Reading {
    label_of: HashMap<i64, u32>,
    exemplars: Vec<Exemplar>,
    position_of: HashMap<String, u32>,
}

impl Reading {
    fn exemplar(&mut self, image: &str, class: i64, path: &Path) -> Result<u32> {
        let label = self.label_of[&class];
        if let Some(&position) = self.position_of.get(image) {
            if self.exemplars[position as usize].label != label {
                let what =
                    format!("{image}: has the class {class} here and another one elsewhere; write the files again");
                return Err(Error::Format { path: path.into(), what });
            }
            return Ok(position);
        }
        let position = self.exemplars.len() as u32;
        self.exemplars.push(Exemplar { name: image.into(), id: None, label });
        self.position_of.insert(image.into(), position);
        Ok(position)
    }

    fn queries(
        &mut self,
        entries: Vec<(String, Entry<'static>)>,
        path: &Path,
        without_self: bool,
    ) -> Result<Vec<Query>> {
        let mut queries = Vec::with_capacity(entries.len());
        for (image, entry) in entries {
            let mut neighbors = Vec::with_capacity(entry.neighbor_classes.len());
            let found = entry.neighbor_image_ids.iter().zip(&entry.neighbor_classes).zip(&entry.neighbor_distances);
            for ((neighbor, class), distance) in found {
                if without_self && **neighbor == image {
                    continue;
                }
                neighbors.push(Near::new(self.exemplar(neighbor, *class, path)?, *distance));
            }
            let mut truth: Vec<u32> = entry.image_class.as_slice().iter().map(|class| self.label_of[class]).collect();
            truth.sort_unstable();
            truth.dedup();
            queries.push(Query { name: image, truth, neighbors, ..Query::default() });
        }
        Ok(queries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{aggregation, right_at_every_k};
    use vismem::Vote;

    /// Classes 0 and 1; the first query's nearest neighbour is of class 0, which the authors' own code takes for none.
    const QUERIES: &str = r#"{
        "q1": {"featurizer": "f", "image_id": "q1", "image_class": 0, "neighbor_image_ids": ["a", "b", "c"],
               "neighbor_classes": [0, 1, 1], "neighbor_distances": [0.1, 0.2, 0.3]},
        "q2": {"featurizer": "f", "image_id": "q2", "image_class": [1, 7], "neighbor_image_ids": ["b", "c", "a"],
               "neighbor_classes": [1, 1, 0], "neighbor_distances": [0.1, 0.2, 0.2]},
        "q3": {"featurizer": "f", "image_id": "q3", "image_class": [], "neighbor_image_ids": ["a"],
               "neighbor_classes": [0], "neighbor_distances": [0.5]}
    }"#;
    /// `b` finds itself first.
    const MEMORY: &str = r#"{
        "a": {"featurizer": "f", "image_id": "a", "image_class": 0, "neighbor_image_ids": ["b", "c"],
              "neighbor_classes": [1, 1], "neighbor_distances": [0.2, 0.3]},
        "b": {"featurizer": "f", "image_id": "b", "image_class": 1, "neighbor_image_ids": ["b", "a", "c"],
              "neighbor_classes": [1, 0, 1], "neighbor_distances": [0.0, 0.2, 0.2]},
        "c": {"featurizer": "f", "image_id": "c", "image_class": 1, "neighbor_image_ids": ["b", "a"],
              "neighbor_classes": [1, 0], "neighbor_distances": [0.2, 0.3]}
    }"#;

    fn read_text(queries: &str, memory: Option<&str>) -> Result<FromFiles> {
        let folder = tempfile::tempdir().unwrap();
        let (q, m) = (folder.path().join("q.json"), folder.path().join("m.json"));
        std::fs::write(&q, queries).unwrap();
        memory.inspect(|memory| std::fs::write(&m, memory).unwrap());
        read(&q, memory.map(|_| m.as_path()))
    }

    #[test]
    fn class_0_is_a_class_like_any_other() {
        let FromFiles { queries: table, .. } = read_text(QUERIES, None).unwrap();
        assert_eq!(table.labels, ["0", "1", "7"]);
        let queries: Vec<&Query> = table.judged().collect();
        assert_eq!(queries.len(), 2, "nobody knows what q3 is");
        // By hand: the nearest decides both right; two votes tie, and the label that was first keeps the lead; three
        // votes outvote q1.
        assert_eq!(right_at_every_k(&table, &queries, Vote::Plurality, None, 3).unwrap(), [2, 2, 1]);
        // 1/2 against 1/3 + 1/4.
        assert_eq!(right_at_every_k(&table, &queries, Vote::RANK, None, 3).unwrap(), [2, 2, 1]);
        let result = aggregation(&table, &Default::default(), None).unwrap();
        assert_eq!(result.curves.len(), 4, "no pruning without a file of the memory");
        assert_eq!(
            result.by_label.labels.iter().map(|l| l.accuracy.n).sum::<u64>(),
            3,
            "q2 counts for both its labels"
        );
    }

    #[test]
    fn wrong_votes_are_counted_without_the_exemplar_itself() {
        let FromFiles { queries: table, own, .. } = read_text(QUERIES, Some(MEMORY)).unwrap();
        let own = own.unwrap();
        assert!(own.queries.iter().all(|query| query.neighbors.len() == 2));
        let votes: HashMap<&str, (u32, u32)> = table
            .exemplars
            .iter()
            .zip(&table.votes[&10])
            .map(|(exemplar, votes)| (exemplar.name.as_str(), (votes.wrong, votes.retrievals)))
            .collect();
        assert_eq!(votes, HashMap::from([("a", (2, 2)), ("b", (1, 2)), ("c", (1, 2))]));
    }

    #[test]
    fn what_was_written_is_read_again() {
        let before = read_text(QUERIES, None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("again.json");
        let ids = write(&path, &before.queries, &before.featurizer).unwrap();
        assert_eq!(ids, [("0".into(), 0), ("1".into(), 1), ("7".into(), 7)]);
        assert_eq!(read(&path, None).unwrap(), before);

        let mut named = before.queries.clone();
        named.labels = vec!["zebra".into(), "ant".into(), "bee".into()];
        named.queries[1].name = "q1".into();
        let ids = write(&path, &named, "f").unwrap();
        assert_eq!(ids, [("zebra".into(), 3), ("ant".into(), 1), ("bee".into(), 2)]);
        let again = read(&path, None).unwrap().queries;
        assert_eq!(again.queries[1].name, "q1#2");
        assert_eq!(again.labels[again.queries[0].truth[0] as usize], "3");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            ("[]", "is not a neighbour file"),
            ("{}", "holds no query"),
            (&QUERIES.replace("[0.1, 0.2, 0.3]", "[0.1]"), "q1: has 3 neighbours, 3 classes and 1 distances"),
            (&QUERIES.replace("\"q2\": {", "\"q1\": {"), "q1: is there twice"),
            (&QUERIES.replace("\"neighbor_classes\": [0]", "\"neighbor_classes\": [1]"), "a: has the class 1 here"),
            (&QUERIES.replace("\"image_class\": 0", "\"image_class\": \"cat\""), "is not a neighbour file"),
        ] {
            let error = read_text(text, None).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
