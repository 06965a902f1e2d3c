//! Classifying: neighbours vote, and the decision says who voted how.

use vismem_search::{Filter, Neighbor};

use crate::unit::unit;
use crate::vote::{Tally, weights};
use crate::{Error, Memory, Pruned, Result, Source, Standing, Vote};

/// How to classify.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifyOptions {
    /// How many neighbours vote, 1..=10,000; all of them where the memory holds fewer.
    pub k: usize,
    /// How much each of them counts.
    pub vote: Vote,
    /// The taxonomy's level to decide at; `None` for the labels themselves.
    pub level: Option<String>,
}

impl Default for ClassifyOptions {
    /// 20 neighbours, rank voting, labels themselves.
    fn default() -> Self {
        Self { k: 20, vote: Vote::default(), level: None }
    }
}

/// What the memory says of a query, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Every label that was voted for, best first. Never empty.
    pub labels: Vec<LabelScore>,
    /// The neighbours that voted, nearest first.
    pub neighbors: Vec<Voter>,
    /// How many of the `k` nearest exemplars pruning hides. They did not vote, unless all of them are hidden.
    pub hidden: usize,
    /// How unlike everything in the memory the query is: the share of exemplars, in percent (0..=100), that have a
    /// nearer fellow than the query has. `None` where there are not two exemplars to measure by.
    pub novelty: Option<f64>,
}

/// A label and its part of the vote.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelScore {
    /// The label, or its name at the level that was asked for.
    pub label: String,
    /// Its share of all weights, 0..=1.
    pub score: f64,
}

/// A neighbour and its vote.
#[derive(Debug, Clone, PartialEq)]
pub struct Voter {
    /// Id of the exemplar.
    pub id: u64,
    /// The exemplar's own label.
    pub label: String,
    /// What it voted for: its label, or the label's name at the level that was asked for.
    pub votes_for: String,
    /// Where it came from.
    pub source: Option<Source>,
    /// Cosine distance to the query, 0..=2.
    pub distance: f32,
    /// Weight of its vote, as the rule gives it.
    pub weight: f64,
    /// Its share of all weights, 0..=1.
    pub share: f64,
}

impl Decision {
    /// The label that won.
    pub fn label(&self) -> &str {
        self.labels.first().map_or("", |winner| &winner.label)
    }

    /// The winner's share of the vote, 0..=1.
    pub fn confidence(&self) -> f64 {
        self.labels.first().map_or(0.0, |winner| winner.score)
    }
}

impl Memory {
    /// Classifies a batch of embeddings: `Q × D` values, brought to unit length here.
    ///
    /// # Errors
    /// When the memory is empty, an embedding is unusable, or an option is out of range.
    pub fn classify(&self, embeddings: &[f32], options: &ClassifyOptions) -> Result<Vec<Decision>> {
        let dim = self.encoder().dim;
        let mut queries = Vec::with_capacity(embeddings.len());
        for (index, embedding) in embeddings.chunks(dim).enumerate() {
            queries.extend_from_slice(&unit(index, embedding, dim)?);
        }
        self.decisions(&queries, Filter::default(), options)
    }

    /// Classifies exemplars, each without itself (leave-one-out).
    ///
    /// # Errors
    /// When there is no exemplar of an id or none but it, or an option is out of range.
    pub fn classify_exemplars(&self, ids: &[u64], options: &ClassifyOptions) -> Result<Vec<Decision>> {
        if self.len() < 2 {
            return Err(Error::NoFellows { path: self.path().into() });
        }
        let mut queries = Vec::with_capacity(ids.len() * self.encoder().dim);
        for &id in ids {
            let record = self.catalog.record(id)?;
            let record = record.ok_or_else(|| Error::NothingOfThisName {
                path: self.path().into(),
                what: "exemplar",
                name: id.to_string(),
            })?;
            queries.extend_from_slice(self.vector(record.slot));
        }
        self.decisions(&queries, Filter { allowed: None, except: Some(ids) }, options)
    }

    fn decisions(&self, queries: &[f32], filter: Filter<'_>, options: &ClassifyOptions) -> Result<Vec<Decision>> {
        if self.is_empty() {
            return Err(Error::Empty { path: self.path().into() });
        }
        let vote = options.vote.checked()?;
        let own_names = || self.labels().iter().map(|label| label.name.clone()).collect();
        let names: Vec<String> =
            options.level.as_deref().map_or_else(|| Ok(own_names()), |level| self.names_at(level))?;
        let found = self.neighbors(queries, options.k, filter)?;
        let pruned = self.pruned(&mut |_, _| {})?;
        found.iter().map(|neighbors| self.decide(neighbors, vote, &names, pruned)).collect()
    }

    fn decide(&self, found: &[Neighbor], vote: Vote, names: &[String], pruned: Option<&Pruned>) -> Result<Decision> {
        let name_of = |slot: u32| names[self.slots.label_of[slot as usize] as usize].as_str();
        let standing = |neighbor: &Neighbor| {
            let standing = pruned.map_or(Standing::Counts(1.0), |pruned| pruned.standing(neighbor.slot as usize));
            (f64::from(neighbor.distance), standing)
        };
        let standings: Vec<_> = found.iter().map(standing).collect();
        let weights = weights(vote, &standings);
        let voters = || found.iter().zip(&weights).filter_map(|(neighbor, weight)| Some((neighbor, (*weight)?)));
        let mut tally = Tally::default();
        voters().for_each(|(neighbor, weight)| tally.add(name_of(neighbor.slot), weight));
        let total = tally.total();
        let voter = |(neighbor, weight): (&Neighbor, f64)| {
            Ok(Voter {
                id: neighbor.id,
                label: self.slots.label(neighbor.slot as usize).name.clone(),
                votes_for: name_of(neighbor.slot).into(),
                source: self.exemplar(neighbor.id)?.and_then(|exemplar| exemplar.source),
                // Rounding can take the distance of the same direction a hair below zero.
                distance: neighbor.distance.clamp(0.0, 2.0),
                weight,
                share: weight / total,
            })
        };
        let label_score = |(label, score): (&str, f64)| LabelScore { label: label.into(), score: score / total };
        Ok(Decision {
            labels: tally.ranked().into_iter().map(label_score).collect(),
            neighbors: voters().map(voter).collect::<Result<_>>()?,
            hidden: standings.iter().filter(|(_, standing)| *standing == Standing::Hidden).count(),
            novelty: found.first().map(|nearest| self.novelty(nearest.distance)).transpose()?.flatten(),
        })
    }
}
