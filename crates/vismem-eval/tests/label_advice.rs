//! When another label is advised, on memories of which the right labels are known.

use vismem::{
    Attributes, ClassifyOptions, Editor, EncoderIdentity, Memory, NewExemplar, Pruning, Search, Threshold, content_of,
};
use vismem_eval::gather::{Kind, Labelled, QuerySet, Roster, neighborhoods};
use vismem_eval::{Blame, Mistake, Mistakes, MistakesOptions, mistakes};

const DIM: usize = 32;

/// Numbers that look random, the same in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }

    /// About normal, of variance 1.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.below(1 << 20) as f32 / (1 << 20) as f32).sum::<f32>() - 6.0
    }

    fn direction(&mut self) -> Vec<f32> {
        let values: Vec<f32> = (0..DIM).map(|_| self.normal()).collect();
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        values.into_iter().map(|value| value / length).collect()
    }

    /// Near a centre.
    fn near(&mut self, centre: &[f32], spread: f32) -> Vec<f32> {
        centre.iter().map(|value| value + spread * self.normal() / (DIM as f32).sqrt()).collect()
    }
}

/// Labels around centres, of which some exemplars have a wrong one.
struct Situation {
    _folder: tempfile::TempDir,
    memory: Memory,
    centres: Vec<Vec<f32>>,
    noise: Noise,
    spread: f32,
    /// The right label of each exemplar, from id 1 on, and the one that it has.
    labels: Vec<(usize, usize)>,
}

fn name(label: usize) -> String {
    format!("label-{label}")
}

impl Situation {
    fn new(labels: usize, of_each: usize, spread: f32, mut given: impl FnMut(usize, &mut Noise) -> usize) -> Self {
        let mut noise = Noise(7);
        let centres: Vec<Vec<f32>> = (0..labels).map(|_| noise.direction()).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.vismem");
        let encoder = EncoderIdentity { name: "toy".into(), hash: "00".into(), dim: DIM };
        let rows: Vec<_> = (0..labels * of_each).map(|n| noise.near(&centres[n / of_each], spread)).collect();
        let labels: Vec<(usize, usize)> =
            (0..rows.len()).map(|n| (n / of_each, given(n / of_each, &mut noise))).collect();
        let names: Vec<String> = labels.iter().map(|(_, given)| name(*given)).collect();
        let exemplar = |(row, label): (&Vec<f32>, &'_ String)| (content_of(row, b""), row.clone(), label.clone());
        let owned: Vec<_> = rows.iter().zip(&names).map(exemplar).collect();
        let exemplars: Vec<NewExemplar<'_>> = owned
            .iter()
            .map(|(content, row, label)| NewExemplar {
                embedding: row,
                label,
                source: None,
                content: *content,
                attributes: Attributes::new(),
            })
            .collect();
        Editor::open_or_create(&path, &encoder).unwrap().batch().add(&exemplars).unwrap();
        let memory = Memory::open(&path).unwrap();
        Self { _folder: folder, memory, centres, noise, spread, labels }
    }

    /// With this share of wrong labels, in percent.
    fn planted(labels: usize, of_each: usize, spread: f32, percent: usize) -> Self {
        Self::new(labels, of_each, spread, |right, noise| match noise.below(100) < percent {
            true => (right + 1 + noise.below(labels - 1)) % labels,
            false => right,
        })
    }

    fn wrong(&self) -> usize {
        self.labels.iter().filter(|(right, given)| right != given).count()
    }

    /// What is found where each exemplar is asked without itself.
    fn of_exemplars(&self) -> Mistakes {
        self.of_exemplars_by(ClassifyOptions::default().k)
    }

    fn of_exemplars_by(&self, k: usize) -> Mistakes {
        let roster = Roster::of(&self.memory, &mut ()).unwrap();
        let own = QuerySet::of_memory(&self.memory, &roster).unwrap();
        self.asked(&roster, &own, k)
    }

    /// What is found with 20 queries of each label, with the labels that `truth` gives them.
    fn of_queries(&mut self, truth: impl Fn(usize) -> usize) -> Mistakes {
        let roster = Roster::of(&self.memory, &mut ()).unwrap();
        let queries = (0..20 * self.centres.len()).map(|n| {
            let label = n / 20;
            let embedding = self.noise.near(&self.centres[label], self.spread);
            Labelled { name: format!("q{n}"), truth: vec![name(truth(label))], kind: Kind::Row, embedding }
        });
        let queries = QuerySet::new("toys", DIM, queries.collect()).unwrap();
        self.asked(&roster, &queries, ClassifyOptions::default().k)
    }

    fn asked(&self, roster: &Roster, queries: &QuerySet, k: usize) -> Mistakes {
        let vote = ClassifyOptions::default().vote;
        let table = neighborhoods(&self.memory, roster, queries, k, Search::Exact, &mut ()).unwrap();
        let options = MistakesOptions { vote, k, shown: 10_000, program: "vismem".into() };
        mistakes(&self.memory, queries, &table, &options).unwrap()
    }
}

/// The exemplars that are advised another label.
fn advised(found: &Mistakes) -> Vec<(u64, String)> {
    let mut advised: Vec<_> = found.mistakes.iter().flat_map(|mistake| mistake.relabel.clone()).collect();
    advised.sort();
    advised.dedup();
    advised
}

#[test]
fn no_label_is_advised_in_a_memory_whose_labels_are_right_however_they_overlap() {
    for (labels, of_each, spread) in [(10, 30, 1.0), (3, 80, 2.0), (60, 10, 1.0), (100, 5, 1.0), (4, 3, 1.5)] {
        let mut situation = Situation::planted(labels, of_each, spread, 0);
        for found in [situation.of_exemplars(), situation.of_queries(|label| label)] {
            assert_eq!(advised(&found), [], "{labels} x {of_each}, {spread}");
        }
    }
}

#[test]
fn what_is_advised_is_right_and_much_of_what_is_wrong_is_found() {
    for (labels, of_each, percent, least) in [(10, 30, 5, 0.7), (10, 30, 20, 0.5), (60, 10, 5, 0.6), (10, 30, 40, 0.1)]
    {
        let situation = Situation::planted(labels, of_each, 0.9, percent);
        let advised = advised(&situation.of_exemplars());
        for (id, to) in &advised {
            let (right, given) = situation.labels[*id as usize - 1];
            assert!(right != given && *to == name(right), "exemplar {id} of {} to {to}", name(right));
        }
        let found = advised.len() as f64 / situation.wrong() as f64;
        assert!(found >= least, "{labels} x {of_each}, {percent} %: {found:.2}");
    }
}

#[test]
fn no_label_is_advised_where_labels_do_not_follow_the_embeddings() {
    // Some agree by chance, the more the fewer are asked.
    let found = Situation::planted(5, 60, 0.9, 80).of_exemplars_by(3);
    assert_eq!(advised(&found), []);
    let says =
        |mistake: &Mistake| mistake.no_advice.as_ref().is_some_and(|why| why.contains("hardly follow the embeddings"));
    assert!(found.mistakes.iter().any(says));
}

#[test]
fn names_that_are_exchanged_are_said_and_no_single_query_is_blamed() {
    let mut situation = Situation::planted(4, 30, 0.8, 0);
    let found = situation.of_queries(|label| [1, 0, 2, 3][label]);
    assert_eq!(found.mistakes.len(), 40);
    for mistake in &found.mistakes {
        assert_ne!(mistake.blame, Blame::QueryLabel, "{mistake:?}");
    }
    let why = found.mistakes[0].no_advice.as_ref().unwrap();
    assert!(why.contains("of the 20 queries of label-") && why.contains("may be exchanged"), "{why}");
}

#[test]
fn a_pruning_that_hides_what_would_be_right_is_to_blame() {
    let mut situation = Situation::new(3, 20, 2.0, |right, _| right);
    let path = situation.memory.path().to_owned();
    let hides_all_but_few = Pruning::Hard { neighbors: 10, threshold: Threshold::Votes(2) };
    Editor::open(&path).unwrap().set_pruning(Some(hides_all_but_few)).unwrap();
    situation.memory = Memory::open(&path).unwrap();
    let found = situation.of_queries(|label| label);
    for mistake in found.mistakes.iter().filter(|mistake| mistake.blame == Blame::Pruning) {
        assert_eq!(mistake.commands[0], "vismem prune off");
        assert_eq!(mistake.relabel, []);
    }
    let without = {
        Editor::open(&path).unwrap().set_pruning(None).unwrap();
        situation.memory = Memory::open(&path).unwrap();
        situation.of_queries(|label| label)
    };
    assert!(without.mistakes.iter().all(|mistake| mistake.blame != Blame::Pruning));
    let blamed = found.mistakes.iter().filter(|mistake| mistake.blame == Blame::Pruning).count();
    assert!(blamed > 0, "{} mistakes", found.mistakes.len());
}
