//! The state of a query on its way through coded rows: which rows may still be among its nearest.

use crate::Neighbor;
use crate::codes::{CodedQuery, Limit};
use crate::exact::{Asked, Task};
use crate::kernel::{self, Tile, to_distance};
use crate::top_k::TopK;

/// Candidates that are compared together, so that their vectors can be fetched while others are compared.
const TOGETHER: usize = 32;
/// How many candidates ahead a vector is fetched.
const AHEAD: usize = 6;
/// Least number of candidates that are kept before those that have fallen behind are dropped.
const ROOM: usize = 128;

/// A row that its code could not rule out.
#[derive(Clone, Copy)]
struct Candidate {
    slot: u32,
    product: f32,
    error: f32,
    /// How similar it is at least.
    at_least: f64,
}

/// What a query knows by now.
#[derive(Clone)]
pub(crate) struct QueryState<'q> {
    query: Asked<'q>,
    code: CodedQuery,
    k: usize,
    /// The nearest of the rows that were compared exactly.
    best: TopK,
    /// Rows that the codes could not rule out and that are not compared exactly yet.
    candidates: Vec<Candidate>,
    /// At so many candidates those that have fallen behind are dropped.
    full: usize,
    /// At least `k` rows are so similar. It only grows.
    similarity: f64,
    /// What a row must reach for that.
    limit: Limit,
}

impl<'q> QueryState<'q> {
    pub(crate) fn new(query: Asked<'q>, code: CodedQuery, k: usize) -> Self {
        Self {
            query,
            k,
            best: TopK::new(k),
            candidates: Vec::new(),
            full: ROOM.max(2 * k),
            similarity: f64::NEG_INFINITY,
            limit: code.limit(f64::NEG_INFINITY),
            code,
        }
    }

    pub(crate) fn code(&self) -> &CodedQuery {
        &self.code
    }

    pub(crate) fn limit(&self) -> Limit {
        self.limit
    }

    /// Keeps a row that reached the limit. The next limit follows from how similar such rows are at least, and no vector
    /// is read before [`QueryState::settle`]. For codes whose bounds lie close to the similarities.
    pub(crate) fn keep(&mut self, task: &Task<'_>, slot: usize, product: f32, error: f32) {
        if !self.may_find(task, slot) {
            return;
        }
        let at_least = self.code.at_least(product, error);
        self.candidates.push(Candidate { slot: slot as u32, product, error, at_least });
        if self.candidates.len() >= self.full {
            self.drop_behind();
            self.full = ROOM.max(2 * self.candidates.len());
        }
    }

    /// Compares rows soon, so that the next limit follows from their exact distances. For codes whose bounds lie far from
    /// the similarities.
    pub(crate) fn compare_soon(&mut self, task: &Task<'_>, slot: usize, product: f32, error: f32) {
        if !self.may_find(task, slot) {
            return;
        }
        self.candidates.push(Candidate { slot: slot as u32, product, error, at_least: f64::NEG_INFINITY });
        if self.candidates.len() == TOGETHER {
            self.settle(task);
        }
    }

    /// The same query with the same limit, for other rows; what it finds is to be [merged](QueryState::merge).
    pub(crate) fn elsewhere(&self) -> Self {
        let (best, candidates) = (TopK::new(self.k), Vec::new());
        Self { code: self.code.clone(), best, candidates, ..*self }
    }

    fn may_find(&self, task: &Task<'_>, slot: usize) -> bool {
        task.allows(slot) && self.query.except.is_none_or(|except| except != task.rows.id(slot))
    }

    fn raise(&mut self, similarity: f64) {
        if similarity > self.similarity {
            self.similarity = similarity;
            self.limit = self.code.limit(similarity);
        }
    }

    /// Drops candidates that cannot be among the best `k`. Which ones remain in the end does not depend on when this is
    /// called, or on the order in which they came: those that reach what the k-th greatest `at_least` of all asks for.
    fn drop_behind(&mut self) {
        if self.candidates.len() >= self.k {
            let by_least = |a: &Candidate, b: &Candidate| b.at_least.total_cmp(&a.at_least);
            let (_, kth, _) = self.candidates.select_nth_unstable_by(self.k - 1, by_least);
            let similarity = kth.at_least;
            self.raise(similarity);
        }
        let limit = self.limit;
        self.candidates.retain(|candidate| limit.is_reached(candidate.product, candidate.error));
    }

    /// Takes over what was found in other rows.
    pub(crate) fn merge(&mut self, other: Self) {
        self.best.merge(other.best);
        self.candidates.extend(other.candidates);
        self.raise(other.similarity);
    }

    /// Compares the candidates exactly, the most promising ones first, as long as they reach the limit.
    pub(crate) fn settle(&mut self, task: &Task<'_>) {
        self.drop_behind();
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.sort_unstable_by(|a, b| b.product.total_cmp(&a.product).then(a.slot.cmp(&b.slot)));
        let (kernel, query) = (kernel::best(), Tile::new(&[self.query.vector]));
        for (position, candidate) in candidates.iter().enumerate() {
            if !self.limit.is_reached(candidate.product, candidate.error) {
                continue;
            }
            // Rows lie anywhere: ask memory for one while others are compared.
            if let Some(later) = candidates.get(position + AHEAD) {
                kernel::prefetch(task.rows.row(later.slot as usize));
            }
            let slot = candidate.slot as usize;
            let [distance] = kernel(&query, task.rows.row(slot)).map(to_distance);
            if distance <= self.best.threshold() {
                self.best.offer(Neighbor { id: task.rows.id(slot), slot: candidate.slot, distance });
                self.raise(1.0 - f64::from(self.best.threshold()));
            }
        }
        candidates.clear();
        self.candidates = candidates;
    }

    /// The neighbours, once everything is settled.
    pub(crate) fn into_sorted(self) -> Vec<Neighbor> {
        self.best.into_sorted()
    }
}
