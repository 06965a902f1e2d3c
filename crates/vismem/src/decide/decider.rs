//! Neighbours vote, wherever they come from: the decision itself, which knows no memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::decide::calibration::Ranking;
use crate::decide::voting::Scores;
use crate::error::Result;
use crate::{
    Calibration, ClassifyOptions, Decision, Label, LabelScore, LabelSet, Levels, Pairwise, ParameterError, QueryError,
    Standing, Step, Sureness, Voter, Voting,
};

/// A neighbour that may vote.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Candidate<'a> {
    /// What [`Voter::id`] will say: the exemplar's id, or any other number by which the caller knows it.
    pub id: u64,
    /// Its label.
    pub label: &'a str,
    /// Cosine distance to the query, 0..=2.
    pub distance: f32,
    /// Its embedding, `D` values of unit length. Kernel voting compares candidates with each other.
    pub embedding: &'a [f32],
    /// What its vote is worth under pruning.
    pub standing: Standing,
}

impl<'a> Candidate<'a> {
    /// One whose vote counts whole.
    pub fn new(id: u64, label: &'a str, distance: f32, embedding: &'a [f32]) -> Self {
        Self { id, label, distance, embedding, standing: Standing::Counts(1.0) }
    }
}

/// Decides queries by the votes of candidates.
///
/// The candidates of a query can be the neighbours that one memory finds ([`crate::Memory::candidates`]), those of several
/// memories merged, or what a re-ranker made of them. They vote in the order in which they are given.
///
/// ```
/// use vismem::{Candidate, ClassifyOptions, Decider, Levels, NeighborOptions};
/// # use vismem::{Editor, EncoderIdentity, Memory, NewExemplar, content_of};
/// # let folder = tempfile::tempdir().unwrap();
/// # let memory = |name: &str, exemplars: [(&str, [f32; 2]); 2]| -> vismem::Result<Memory> {
/// #     let encoder = EncoderIdentity { name: "toy".into(), hash: "00".into(), dim: 2 };
/// #     let mut editor = Editor::open_or_create(&folder.path().join(name), &encoder)?;
/// #     for (label, embedding) in &exemplars {
/// #         let content = content_of(embedding, b"");
/// #         let attributes = Default::default();
/// #         editor.batch().add(&[NewExemplar { embedding, label, source: None, content, attributes }])?;
/// #     }
/// #     drop(editor);
/// #     Ok(Memory::open(&folder.path().join(name))?)
/// # };
///
/// // Two memories of the same encoder, and a query at unit length.
/// let memories = [
///     memory("yours", [("apple", [1.0, 0.1]), ("pear", [0.1, 1.0])])?,
///     memory("mine", [("apple", [1.0, 0.3]), ("quince", [0.6, 0.8])])?,
/// ];
/// let query = [0.96, 0.28];
/// let options = ClassifyOptions { k: 3, ..Default::default() };
///
/// // As many of each as are to vote in all, the nearest of all first.
/// let mut candidates = Vec::new();
/// for memory in &memories {
///     let found = memory.nearest(&query, &NeighborOptions { k: options.k, ..Default::default() })?;
///     candidates.extend(memory.candidates(&found[0])?);
/// }
/// candidates.sort_by(|a, b| a.distance.total_cmp(&b.distance));
///
/// let decision = Decider::new(&Levels::default(), &options)?.decide(&query, &candidates).expect("there are candidates");
/// assert_eq!(decision.label(), "apple");
/// assert_eq!(decision.neighbors.len(), 3);
/// # Ok::<(), vismem::Error>(())
/// ```
#[derive(Debug)]
pub struct Decider<'a> {
    levels: &'a Levels,
    options: &'a ClassifyOptions,
    /// Where to decide, or to begin to: see [`Levels`].
    level: usize,
    /// What the votes of labels are multiplied by; those that are not here count as they do.
    weights: HashMap<&'a str, f64>,
    calibration: Option<Arc<Calibration>>,
    /// The labels of the memory that was calibrated.
    known: &'a [Label],
}

/// The vote of a query's candidates.
pub(crate) struct Ballot<'b> {
    levels: &'b Levels,
    voting: Voting,
    /// Names by number.
    labels: Vec<&'b str>,
    /// Who votes, the number of its label, its weight.
    voters: Vec<(&'b Candidate<'b>, usize, f64)>,
    /// How many of those who might vote are hidden.
    hidden: usize,
    /// Those who vote and those after them.
    candidates: &'b [Candidate<'b>],
    /// Whether hidden ones vote, since nobody else is there.
    all_vote: bool,
}

impl<'b> Ballot<'b> {
    fn name_at(&self, level: usize, label: usize) -> &'b str {
        self.levels.name_of(self.labels[label], level)
    }

    fn scores_at(&self, level: usize) -> Scores<&'b str> {
        let (name_of, names) = numbered((0..self.labels.len()).map(|label| self.name_at(level, label)));
        let scores = self.voting.scores(self.voters.iter().map(|(_, label, weight)| (name_of[*label], *weight)));
        let ranked = scores.ranked.iter().map(|(name, score)| (names[*name], *score)).collect();
        Scores { ranked, total: scores.total }
    }

    /// What probabilities and sets at a level go by: the names of all candidates, those that were voted for first.
    pub(crate) fn ranking_at(&self, level: usize) -> Ranking<'b> {
        let scores = self.scores_at(level);
        let mut ranking = Ranking::default();
        let mut position: HashMap<&str, usize> = HashMap::new();
        for (name, score) in scores.ranked {
            position.insert(name, ranking.names.len());
            ranking.names.push(name);
            ranking.scores.push(score);
        }
        ranking.nearest.resize(ranking.names.len(), f64::INFINITY);
        for candidate in self.candidates.iter().filter(|near| self.all_vote || near.standing != Standing::Hidden) {
            let name = self.levels.name_of(candidate.label, level);
            let at = *position.entry(name).or_insert_with(|| {
                ranking.names.push(name);
                ranking.nearest.push(f64::INFINITY);
                ranking.names.len() - 1
            });
            ranking.nearest[at] = ranking.nearest[at].min(f64::from(candidate.distance.clamp(0.0, 2.0)));
        }
        ranking
    }
}

/// What a vote comes to at a level.
struct Voted<'b> {
    scores: Scores<&'b str>,
    /// Of each of the ranked names; `None` without a calibration.
    probabilities: Option<Vec<f64>>,
}

impl Voted<'_> {
    /// How sure the winner is, 0..=1.
    fn sureness(&self) -> f64 {
        let confidence = || self.scores.ranked.first().map_or(0.0, |(_, score)| self.scores.share(*score));
        self.probabilities.as_ref().map_or_else(confidence, |all| all.first().copied().unwrap_or(0.0))
    }

    fn measure(&self) -> Sureness {
        if self.probabilities.is_some() { Sureness::Probability } else { Sureness::Confidence }
    }
}

impl<'a> Decider<'a> {
    /// Decides at these levels by `k`, `vote`, `level`, `min_confidence`, `coverage` and `weights` of the options. `among` and `search`
    /// say how a memory finds neighbours, so that they do not matter here.
    ///
    /// # Errors
    /// When an option is out of range, or there is no such level.
    pub fn new(levels: &'a Levels, options: &'a ClassifyOptions) -> Result<Self, QueryError> {
        options.vote.checked_for(options.k)?;
        if let Some(value) = options.min_confidence.filter(|least| !(0.0..=1.0).contains(least)) {
            return Err(ParameterError { name: "min_confidence", value, range: "must be within 0..=1" }.into());
        }
        if let Some(value) = options.coverage.filter(|coverage| !(0.0..=1.0).contains(coverage)) {
            return Err(ParameterError { name: "coverage", value, range: "must be within 0..=1" }.into());
        }
        if let Some((_, value)) = options.weights.iter().find(|(_, factor)| !(0.0..=1e6).contains(factor)) {
            return Err(ParameterError { name: "weight", value: *value, range: "must be within 0..=1e6" }.into());
        }
        let level = levels.number(options.level.as_deref())?;
        let weights = options.weights.iter().map(|(label, factor)| (label.as_str(), *factor)).collect();
        Ok(Self { levels, options, level, weights, calibration: None, known: &[] })
    }

    /// The same, and says of each label how probable it is: by a calibration for this vote and `k`, of a memory with these
    /// labels. [`ClassifyOptions::min_confidence`] then goes by probability.
    #[must_use]
    pub fn calibrated(self, calibration: Arc<Calibration>, labels: &'a [Label]) -> Self {
        Self { calibration: Some(calibration), known: labels, ..self }
    }

    /// What the first `k` of the candidates decide, the nearest or best first; `None` where there is none. The query is an
    /// embedding of unit length. Voters have no source, novelty is `None` and recall 1: only whoever found the candidates can
    /// say. Candidates beyond the first `k` do not vote; a [set of labels](ClassifyOptions::coverage) goes by them as well,
    /// and is `None` without a calibration.
    pub fn decide(&self, query: &[f32], candidates: &[Candidate<'_>]) -> Option<Decision> {
        let nearest = candidates.first()?;
        let ballot = self.ballot(query, candidates);
        let mut level = self.level;
        let mut result = self.result(&ballot, level);
        let confident = loop {
            let sureness = result.sureness();
            let confident = self.options.min_confidence.is_none_or(|least| sureness >= least);
            if confident || level >= self.levels.highest() {
                break confident;
            }
            level += 1;
            result = self.result(&ballot, level);
        };

        let scores = &result.scores;
        let winner = scores.winner().unwrap_or(nearest.label);
        // In a tree every voter for the winner has the same names above it.
        let voters = &ballot.voters;
        let lineage =
            voters.iter().find(|(_, label, _)| ballot.name_at(level, *label) == winner).map(|(_, first, _)| {
                let step = |at| {
                    let other;
                    let result = if at == level {
                        &result
                    } else {
                        other = self.result(&ballot, at);
                        &other
                    };
                    let name = ballot.name_at(at, *first);
                    let position = result.scores.ranked.iter().position(|(known, _)| *known == name);
                    Step {
                        level: self.levels.name(at).cloned(),
                        name: name.into(),
                        confidence: result.scores.share_of(name),
                        probability: result.probabilities.as_ref().zip(position).map(|(all, position)| all[position]),
                    }
                };
                (level..=self.levels.highest()).map(step).collect()
            });
        let voter = |(candidate, label, weight): &(&Candidate<'_>, usize, f64)| Voter {
            id: candidate.id,
            label: candidate.label.into(),
            votes_for: (level > 0).then(|| ballot.name_at(level, *label).into()),
            source: None,
            // Rounding can take the distance of the same direction a hair below zero.
            distance: candidate.distance.clamp(0.0, 2.0),
            weight: *weight,
            share: scores.part(*weight),
        };
        let score = |(position, (name, score)): (usize, &(&str, f64))| LabelScore {
            label: (*name).into(),
            score: scores.share(*score),
            probability: result.probabilities.as_ref().map(|all| all[position]),
        };
        let set = self.options.coverage.and_then(|coverage| self.set(&ballot, level, coverage));
        Some(Decision {
            level: self.levels.name(level).cloned(),
            lineage: lineage.unwrap_or_default(),
            confident,
            confident_by: result.measure(),
            unseen: self.levels.unseen(level, winner),
            labels: scores.ranked.iter().enumerate().map(score).collect(),
            set,
            neighbors: voters.iter().map(voter).collect(),
            hidden: ballot.hidden,
            novelty: None,
            recall: 1.0,
        })
    }

    /// For each coverage, 0..=1, the set of labels that is this probable to hold the right one; at the level at which is
    /// decided or, where that depends on how sure the decision is, begun. `None` without a calibration or candidates.
    /// Candidates are those of [`Decider::decide`].
    pub fn sets(&self, query: &[f32], candidates: &[Candidate<'_>], coverages: &[f64]) -> Option<Vec<LabelSet>> {
        let ballot = self.ballot(query, candidates);
        let sets = coverages.iter().map(|coverage| self.set(&ballot, self.level, *coverage));
        if candidates.is_empty() { None } else { sets.collect() }
    }

    /// What the vote comes to at a level.
    fn result<'b>(&self, ballot: &Ballot<'b>, level: usize) -> Voted<'b> {
        let scores = ballot.scores_at(level);
        let calibrated = self.calibration.as_ref().and_then(|calibration| calibration.at(level));
        let probabilities = calibrated.map(|calibrated| {
            let sums: Vec<f64> = scores.ranked.iter().map(|(_, score)| *score).collect();
            calibrated.probabilities(&sums)
        });
        Voted { scores, probabilities }
    }

    fn set(&self, ballot: &Ballot<'_>, level: usize, coverage: f64) -> Option<LabelSet> {
        let calibrated = self.calibration.as_ref()?.at(level)?;
        let ranking = ballot.ranking_at(level);
        let threshold = calibrated.threshold(coverage);
        let mut near: Vec<(&str, f64)> = ranking.names.iter().copied().zip(calibrated.strangeness(&ranking)).collect();
        near.retain(|(_, strangeness)| *strangeness <= threshold);
        near.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        let mut labels: Vec<String> = near.into_iter().map(|(name, _)| name.to_owned()).collect();
        let is_everything = threshold == f64::INFINITY;
        if is_everything {
            let mut here: HashSet<String> = labels.iter().cloned().collect();
            let known = self.known.iter().filter(|label| label.exemplars > 0);
            let names = known.map(|label| self.levels.name_of(&label.name, level));
            labels.extend(names.filter(|name| here.insert((*name).to_owned())).map(str::to_owned));
        }
        Some(LabelSet { coverage, labels, is_everything })
    }

    /// Takes the vote of the first `k` of the candidates.
    pub(crate) fn ballot<'b>(&'b self, query: &[f32], candidates: &'b [Candidate<'b>]) -> Ballot<'b> {
        let first = &candidates[..candidates.len().min(self.options.k)];
        let standings = self.standings(first);
        let voting = self.voting(query, first);
        let weights = voting.weights(&standings);
        let (label_of, labels) = numbered(first.iter().map(|candidate| candidate.label));
        let voters = (first.iter().zip(label_of).zip(weights))
            .filter_map(|((candidate, label), weight)| Some((candidate, label, weight?)))
            .collect();
        let hidden = standings.iter().filter(|(_, standing)| *standing == Standing::Hidden).count();
        let all_vote = hidden == first.len();
        Ballot { levels: self.levels, voting, labels, voters, hidden, candidates, all_vote }
    }

    /// The vote, ready for these candidates.
    pub(crate) fn voting(&self, query: &[f32], candidates: &[Candidate<'_>]) -> Voting {
        let embeddings = || candidates.iter().map(|candidate| candidate.embedding).collect::<Vec<_>>();
        Voting::new(self.options.vote, || Pairwise::of(query, &embeddings()))
    }

    /// Distance of each candidate, and what its vote is worth under pruning and the labels' weights.
    pub(crate) fn standings(&self, candidates: &[Candidate<'_>]) -> Vec<(f64, Standing)> {
        let standing = |candidate: &Candidate<'_>| {
            let standing = match candidate.standing {
                Standing::Counts(factor) => {
                    Standing::Counts(factor * self.weights.get(candidate.label).copied().unwrap_or(1.0))
                }
                Standing::Hidden => Standing::Hidden,
            };
            // Rounding can take the distance of the same direction a hair below zero.
            (f64::from(candidate.distance.clamp(0.0, 2.0)), standing)
        };
        candidates.iter().map(standing).collect()
    }

    /// For each candidate a number that stands for what it votes for.
    pub(crate) fn names(&self, candidates: &[Candidate<'_>]) -> Vec<usize> {
        numbered(candidates.iter().map(|candidate| self.levels.name_of(candidate.label, self.level))).0
    }
}

/// The number of each name, and the names by number: 0 for the first, and so on as they come.
fn numbered<'n>(names: impl Iterator<Item = &'n str>) -> (Vec<usize>, Vec<&'n str>) {
    let (mut known, mut distinct) = (HashMap::new(), Vec::new());
    let number = |name| {
        *known.entry(name).or_insert_with(|| {
            distinct.push(name);
            distinct.len() - 1
        })
    };
    (names.map(number).collect(), distinct)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Taxonomy, Vote};

    fn options(k: usize) -> ClassifyOptions {
        ClassifyOptions { k, vote: Vote::Plurality, ..Default::default() }
    }

    #[test]
    fn candidates_vote_in_the_order_in_which_they_are_given() {
        let options = options(2);
        let levels = Levels::default();
        let decider = Decider::new(&levels, &options).unwrap();
        let reranked =
            [("b", 0.9), ("a", 0.1), ("a", 0.2)].map(|(label, distance)| Candidate::new(7, label, distance, &[1.0]));
        let decision = decider.decide(&[1.0], &reranked).unwrap();
        assert_eq!((decision.label(), decision.neighbors.len()), ("b", 2), "a tie, and the third is one too many");
        assert_eq!(decider.decide(&[1.0], &[]), None);
    }

    #[test]
    fn pruning_and_weights_count_for_each_candidate() {
        let candidates = |standing| {
            [
                Candidate { standing, ..Candidate::new(1, "a", 0.1, &[1.0]) },
                Candidate::new(2, "b", 0.2, &[1.0]),
                Candidate::new(3, "a", 0.3, &[1.0]),
            ]
        };
        let levels = Levels::default();
        let ask = |options: &ClassifyOptions, standing| {
            Decider::new(&levels, options).unwrap().decide(&[1.0], &candidates(standing)).unwrap()
        };
        let hidden = ask(&options(2), Standing::Hidden);
        assert_eq!((hidden.label(), hidden.hidden, hidden.neighbors.len()), ("b", 1, 1));
        let less = ask(&options(3), Standing::Counts(0.5));
        assert_eq!((less.label(), less.confidence()), ("a", 0.6));
        let weighted = ClassifyOptions { weights: vec![("b".into(), 4.0), ("c".into(), 2.0)], ..options(3) };
        assert_eq!(ask(&weighted, Standing::Counts(1.0)).label(), "b");
        let wrong = ClassifyOptions { weights: vec![("b".into(), f64::NAN)], ..options(3) };
        assert!(matches!(
            Decider::new(&levels, &wrong),
            Err(QueryError::Parameter(ParameterError { name: "weight", .. }))
        ));
        assert!(Decider::new(&levels, &options(0)).is_err());
    }

    #[test]
    fn a_label_that_the_taxonomy_does_not_know_keeps_its_name_at_every_level() {
        let mut taxonomy = Taxonomy { levels: vec!["family".into()], ..Default::default() };
        for label in ["cat", "lynx", "puma"] {
            taxonomy.insert(label, &["felids".into()]).unwrap();
        }
        let levels = Levels::new(taxonomy, |label| label == "cat");
        let options = ClassifyOptions { level: Some("family".into()), ..options(3) };
        let decider = Decider::new(&levels, &options).unwrap();
        let decision = decider.decide(
            &[1.0],
            &[
                Candidate::new(1, "cat", 0.1, &[1.0]),
                Candidate::new(2, "yeti", 0.2, &[1.0]),
                Candidate::new(3, "yeti", 0.3, &[1.0]),
            ],
        );
        let decision = decision.unwrap();
        assert_eq!((decision.label(), decision.unseen.len()), ("yeti", 0));
        assert_eq!(decider.decide(&[1.0], &[Candidate::new(1, "cat", 0.1, &[1.0])]).unwrap().unseen, ["lynx", "puma"]);
    }
}
