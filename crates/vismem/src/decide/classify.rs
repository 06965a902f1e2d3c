//! Classifying: the nearest exemplars of a query decide.

use std::collections::HashMap;

use vismem_search::{Filter, Neighbor, SlotSet, parallel};

use crate::decide::calibration::SET_DEPTH;
use crate::error::Result;
use crate::store::catalog;
use crate::store::readers::TOGETHER;
use crate::store::unit::unit;
use crate::{
    Among, Candidate, Decider, Decision, Memory, QueryError, Search, Standing, Tuning, UnknownName, Vote, similar,
};

/// How to classify.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifyOptions {
    /// How many neighbours vote, 1..=10,000 (in kernel voting 1..=2,000); all of them where the memory holds fewer.
    pub k: usize,
    /// How much each of them counts.
    pub vote: Vote,
    /// The taxonomy's level to decide at; `None` for the labels themselves.
    pub level: Option<String>,
    /// Decide at `level` only if the winner's probability or, where the memory is not [calibrated](crate::Calibration) for
    /// the question, its share of the vote, 0..=1, is at least this; else at the next level up at which it is, at last at the
    /// highest.
    pub min_confidence: Option<f64>,
    /// Say as well which labels hold the right one with this probability, 0..=1, at the level that is decided at. The memory
    /// must be calibrated for the question.
    pub coverage: Option<f64>,
    /// What if only these were there; `None` for all exemplars.
    pub among: Option<Among>,
    /// What if a label's exemplars counted more or less: their votes are multiplied by this, 0..=1e6. Labels that are
    /// not named count as they do.
    pub weights: Vec<(String, f64)>,
    /// How the neighbours are searched for.
    pub search: Search,
}

impl Default for ClassifyOptions {
    /// The default vote with its usual number of neighbours ([`Tuning`]), found exactly; labels themselves, all that is there.
    fn default() -> Self {
        let Tuning { vote, k } = Tuning::default();
        Self {
            k,
            vote,
            level: None,
            min_confidence: None,
            coverage: None,
            among: None,
            weights: Vec::new(),
            search: Search::Exact,
        }
    }
}

impl Memory {
    /// Classifies a batch of embeddings: `Q × D` values, brought to unit length here.
    ///
    /// # Errors
    /// When the memory is empty or nothing is left of it, an embedding is unusable, or an option is out of range or names
    /// what is not there.
    pub fn classify(&self, embeddings: &[f32], options: &ClassifyOptions) -> Result<Vec<Decision>, QueryError> {
        let dim = self.encoder().dim;
        let mut queries = Vec::with_capacity(embeddings.len());
        for (index, embedding) in embeddings.chunks(dim).enumerate() {
            queries.extend_from_slice(&unit(index, embedding, dim)?);
        }
        let allowed = self.allowed(options)?;
        self.decisions(&queries, Filter { allowed: allowed.as_ref(), except: None }, options)
    }

    /// Classifies exemplars, each without itself (leave-one-out).
    ///
    /// # Errors
    /// When there is no exemplar of an id or none but it, or as [`Memory::classify`].
    pub fn classify_exemplars(&self, ids: &[u64], options: &ClassifyOptions) -> Result<Vec<Decision>, QueryError> {
        if self.len() < 2 {
            return Err(QueryError::TooFewExemplars { path: self.path().into() });
        }
        let queries = self.embeddings(ids)?;
        let allowed = self.allowed(options)?;
        self.decisions(&queries, Filter { allowed: allowed.as_ref(), except: Some(ids) }, options)
    }

    /// What decides by these options at the levels of this memory's taxonomy; calibrated, if the memory is for this question.
    ///
    /// # Errors
    /// When an option is out of range, or names a label or level that is not there, and [`QueryError::NotCalibrated`] where
    /// a coverage is asked for.
    pub fn decider<'a>(&'a self, options: &'a ClassifyOptions) -> Result<Decider<'a>, QueryError> {
        let decider = Decider::new(self.label_levels()?, options)?;
        let labels = || self.labels().iter().map(|label| label.name.as_str());
        match options.weights.iter().find(|(label, _)| labels().all(|known| known != label)) {
            None => match self.calibration_for(options) {
                Ok(calibration) => Ok(decider.calibrated(calibration, self.labels())),
                Err(why) if options.coverage.is_some() => {
                    Err(QueryError::NotCalibrated { path: self.path().into(), why })
                }
                Err(_) => Ok(decider),
            },
            Some((label, _)) => Err(UnknownName {
                path: self.path().into(),
                what: "label",
                name: format!("{label:?}"),
                similar: similar(label, labels()).map(str::to_owned),
            }
            .into()),
        }
    }

    /// Neighbours of this memory as a [`Decider`] takes them: with their labels, and with what the pruning that is set makes
    /// of their votes.
    ///
    /// # Errors
    /// When the counts that pruning goes by have to be made first, as [`Memory::pruned`].
    pub fn candidates(&self, neighbors: &[Neighbor]) -> Result<Vec<Candidate<'_>>, QueryError> {
        let pruned = self.pruned(&mut ())?;
        let candidate = |neighbor: &Neighbor| {
            let slot = neighbor.slot as usize;
            let standing = pruned.map_or(Standing::Counts(1.0), |pruned| pruned.standing(slot));
            let label = &self.slots.label(slot).name;
            Candidate { standing, ..Candidate::new(neighbor.id, label, neighbor.distance, self.vector(slot)) }
        };
        Ok(neighbors.iter().map(candidate).collect())
    }

    /// Says of every voter where it came from, by one look into the catalogue. Voters are exemplars of this memory.
    ///
    /// # Errors
    /// When the catalogue cannot be read, and [`crate::StoreError::Outdated`].
    pub fn describe(&self, decisions: &mut [Decision]) -> Result<(), QueryError> {
        let voters = decisions.iter().flat_map(|decision| &decision.neighbors);
        let mut ids: Vec<u64> = voters.map(|voter| voter.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut sources = HashMap::with_capacity(ids.len());
        // In transactions that are short, however many voters there are.
        for some in ids.chunks(TOGETHER) {
            sources.extend(self.read(|catalog| catalog.sources(some))?);
        }
        for voter in decisions.iter_mut().flat_map(|decision| &mut decision.neighbors) {
            let source = sources.get(&voter.id).ok_or_else(|| catalog::is_torn(self.path(), voter.id))?;
            voter.source.clone_from(source);
        }
        Ok(())
    }

    /// The slots of the exemplars that may vote; `None` for all.
    ///
    /// # Errors
    /// When there are none.
    pub(crate) fn allowed(&self, options: &ClassifyOptions) -> Result<Option<SlotSet>, QueryError> {
        if self.is_empty() {
            return Err(QueryError::Empty { path: self.path().into() });
        }
        let allowed = options.among.as_ref().map(|among| self.slots_among(among)).transpose()?;
        match &allowed {
            Some(slots) if !(0..self.slots.ids.len()).any(|slot| slots.contains(slot)) => {
                Err(QueryError::NothingLeft { path: self.path().into() })
            }
            _ => Ok(allowed),
        }
    }

    pub(crate) fn decisions(
        &self,
        queries: &[f32],
        filter: Filter<'_>,
        options: &ClassifyOptions,
    ) -> Result<Vec<Decision>, QueryError> {
        let decider = self.decider(options)?;
        // Sets of labels go by neighbours that do not vote as well.
        let depth = options.coverage.map_or(options.k, |_| options.k.max(SET_DEPTH));
        let found = self.neighbors_by(options.search, queries, depth, filter)?;
        let recall = self.expected_recall(options.search, options.k)?;
        let mut decisions = self.decide(&decider, queries, &found)?;
        decisions.iter_mut().for_each(|decision| decision.recall = recall);
        Ok(decisions)
    }

    /// What the neighbours of each query decide, as if they were found exactly.
    pub(crate) fn decide(
        &self,
        decider: &Decider<'_>,
        queries: &[f32],
        found: &[Vec<Neighbor>],
    ) -> Result<Vec<Decision>, QueryError> {
        let dim = self.encoder().dim;
        let candidates: Vec<Vec<Candidate<'_>>> =
            found.iter().map(|neighbors| self.candidates(neighbors)).collect::<Result<_, QueryError>>()?;
        let decide = |at: usize| decider.decide(&queries[at * dim..][..dim], &candidates[at]);
        let decided = parallel::map_ranges(0..found.len(), |range| range.map(decide).collect::<Vec<_>>());
        // Kernel voting has read rows.
        self.check_commit()?;
        let decision = |(neighbors, decision): (&Vec<Neighbor>, Option<Decision>)| {
            // Leave-one-out may leave nothing of a few that are allowed.
            let decision = decision.ok_or_else(|| QueryError::NothingLeft { path: self.path().into() })?;
            let nearest = neighbors.first();
            let novelty = nearest.map(|nearest| self.novelty(nearest.distance)).transpose()?.flatten();
            Ok(Decision { novelty, ..decision })
        };
        let mut decisions =
            found.iter().zip(decided.into_iter().flatten()).map(decision).collect::<Result<Vec<_>, QueryError>>()?;
        self.describe(&mut decisions)?;
        Ok(decisions)
    }
}
