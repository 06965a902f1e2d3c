//! The table that most experiments are computed from.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use vismem::{Memory, Pairwise, Pruning, Standing, Tuning, Vote, Votes, Voting};

use crate::{Error, PAPERS_VOTES, Result, VOTES};

/// For every query its right labels and its nearest exemplars.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Neighborhoods {
    /// Names of all labels, those that only queries have included. A label is its position here.
    pub labels: Vec<String>,
    /// The exemplars that neighbours name by position.
    pub exemplars: Vec<Exemplar>,
    /// The queries.
    pub queries: Vec<Query>,
    /// How often each exemplar was a neighbour of others, and a wrong one, when the memory was queried with itself: by
    /// the number of neighbours that each asked, in the order of `exemplars`. Pruning needs 10 and 100. Empty where
    /// nobody knows.
    pub votes: BTreeMap<usize, Vec<Votes>>,
    /// The pruning that is set in the memory; `None` for none.
    pub set_pruning: Option<SetPruning>,
    /// Where the embeddings are that kernel voting compares; `None` where only neighbours are known.
    pub rows: Option<Rows>,
    /// What the memory decides by where nobody says otherwise; `None` where there is no memory.
    pub tuning: Option<Tuning>,
}

/// The embeddings of a memory.
#[derive(Clone)]
pub struct Rows(pub Memory);

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows({})", self.0.path().display())
    }
}

impl PartialEq for Rows {
    /// Whether it is the same state of the same memory.
    fn eq(&self, other: &Self) -> bool {
        self.0.path() == other.0.path() && self.0.digest() == other.0.digest()
    }
}

/// The pruning that is set in a memory.
#[derive(Debug, Clone, PartialEq)]
pub struct SetPruning {
    /// The rule.
    pub pruning: Pruning,
    /// What the vote of each exemplar is worth under it.
    pub standings: Vec<Standing>,
}

/// An exemplar of the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemplar {
    /// What it is called: its source, or the authors' image id.
    pub name: String,
    /// Its id in the memory; `None` where it came from a file.
    pub id: Option<u64>,
    /// Its label.
    pub label: u32,
}

/// A query and what was found for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// What it is called: a path, or the authors' image id.
    pub name: String,
    /// Its right labels: usually one, several in the manner of ReaL, none where nobody knows. A decision for any of them
    /// is right.
    pub truth: Vec<u32>,
    /// Its neighbours, nearest first.
    pub neighbors: Vec<Near>,
    /// Its embedding.
    pub embedding: Embedding,
}

/// Where the embedding of a query is.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Embedding {
    /// Nobody knows.
    #[default]
    Unknown,
    /// Here, at unit length.
    Given(Arc<[f32]>),
    /// In the memory, of which it is the exemplar with this id.
    Stored(u64),
}

/// A neighbour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Position of the exemplar in [`Neighborhoods::exemplars`].
    pub exemplar: u32,
    /// Cosine distance to the query, 0..=2.
    pub distance: f64,
}

impl Near {
    /// An exemplar at a distance.
    pub fn new(exemplar: u32, distance: f64) -> Self {
        Self { exemplar, distance }
    }
}

impl Query {
    /// Whether a decision for this label is right.
    pub fn is_right(&self, label: u32) -> bool {
        self.truth.contains(&label)
    }
}

impl Neighborhoods {
    /// The queries with a known right label: those that accuracies are shares of.
    pub fn judged(&self) -> impl Iterator<Item = &Query> + Clone {
        self.queries.iter().filter(|query| !query.truth.is_empty())
    }

    /// The queries with a known right label, at least one of which must have been found something.
    ///
    /// # Errors
    /// [`Error::NoQueries`].
    pub(crate) fn judged_or_refuse(&self) -> Result<Vec<&Query>> {
        let judged: Vec<&Query> = self.judged().collect();
        if judged.iter().all(|query| query.neighbors.is_empty()) { Err(Error::NoQueries) } else { Ok(judged) }
    }

    /// The same without queries.
    pub fn without_queries(&self) -> Self {
        let Self { labels, exemplars, queries: _, votes, set_pruning, rows, tuning } = self;
        Self {
            labels: labels.clone(),
            exemplars: exemplars.clone(),
            queries: Vec::new(),
            votes: votes.clone(),
            set_pruning: set_pruning.clone(),
            rows: rows.clone(),
            tuning: *tuning,
        }
    }

    /// Neighbours of the query that has most.
    pub fn depth(&self) -> usize {
        self.queries.iter().map(|query| query.neighbors.len()).max().unwrap_or(0)
    }

    /// The votes that can be taken: kernel voting where embeddings are known, and the paper's four.
    pub fn votes_to_compare(&self) -> &'static [Vote] {
        if self.rows.is_some() { &VOTES } else { &PAPERS_VOTES }
    }

    /// What decides where nobody says otherwise: what the memory decides by, or else the paper's rank voting of 20, for which
    /// neighbours are enough.
    pub fn decides_by(&self) -> Tuning {
        self.tuning.unwrap_or_else(|| Tuning::usual(Vote::RANK))
    }

    /// A vote over the neighbours of a query.
    ///
    /// # Errors
    /// [`Error::NotApplicable`] for kernel voting where embeddings are not known; when a row of the memory is damaged.
    pub fn voting(&self, query: &Query, vote: Vote) -> Result<Voting> {
        Voting::try_new(vote, || self.pairwise(query))
    }

    /// Distances of a query and its neighbours, as many of them as kernel voting takes, to each other.
    pub(crate) fn pairwise(&self, query: &Query) -> Result<Pairwise> {
        let unknown = || {
            let why = "kernel voting compares neighbours with each other, and embeddings are not known";
            Error::NotApplicable(why.into())
        };
        let Rows(memory) = self.rows.as_ref().ok_or_else(unknown)?;
        let id = |near: &Near| self.exemplars[near.exemplar as usize].id.ok_or_else(unknown);
        let nearest = query.neighbors.iter().take(Vote::KERNEL.most_neighbors());
        let ids: Vec<u64> = nearest.map(id).collect::<Result<_>>()?;
        let rows = memory.embeddings(&ids)?;
        let rows: Vec<&[f32]> = rows.chunks_exact(memory.encoder().dim).collect();
        Ok(match &query.embedding {
            Embedding::Unknown => return Err(unknown()),
            Embedding::Given(embedding) => Pairwise::of(embedding, &rows),
            Embedding::Stored(id) => Pairwise::of(&memory.embeddings(&[*id])?, &rows),
        })
    }

    /// The label of a neighbour.
    pub fn label_of(&self, near: &Near) -> u32 {
        self.exemplars[near.exemplar as usize].label
    }

    /// What each exemplar's vote is worth under a pruning; `None` where its counts are not known.
    pub fn standings(&self, pruning: &Pruning) -> Option<Vec<Standing>> {
        let votes = self.votes.get(&pruning.neighbors())?;
        Some(votes.iter().map(|votes| pruning.standing(*votes)).collect())
    }

    /// What each exemplar's vote is worth in the decisions of the memory itself, which honours the pruning that is set;
    /// `None` where all count whole.
    pub fn as_set(&self) -> Option<&[Standing]> {
        self.set_pruning.as_ref().map(|set| &set.standings[..])
    }

    /// Counts the votes of the exemplars among the first `neighbors` of the queries of `own`, which are exemplars of the
    /// same memory, each asked without itself.
    pub(crate) fn count_votes(&mut self, own: &[Query], neighbors: usize) {
        let mut votes = vec![Votes::default(); self.exemplars.len()];
        for query in own {
            for near in query.neighbors.iter().take(neighbors) {
                let is_wrong = !query.is_right(self.label_of(near));
                let votes = &mut votes[near.exemplar as usize];
                votes.retrievals += 1;
                votes.wrong += u32::from(is_wrong);
            }
        }
        self.votes.insert(neighbors, votes);
    }
}
