//! Influence: which exemplars a decision hangs on.
//!
//! Leaving exemplars out lets the next ones in, and under rank voting it moves the others up. So which set is the
//! smallest whose absence changes the answer is not read off the weights; it is found as follows.
//!
//! Let the neighbours be sorted by distance and `a` be the winner. Without `s` of them, exactly the first `k + s` matter:
//! `s` of these are gone and the other `k` vote. (Leaving out one that lies farther changes nothing, so no smallest set
//! holds one.) The answer changes if and only if some label `b` then beats `a`: it has a higher score, or the same and
//! reached it first. Hence it is enough to know, for each `b` and `s`, the greatest lead of `b` over `a` that leaving out
//! `s` of the first `k + s` can give.
//!
//! The weight of a kept neighbour depends on its distance and on its rank, that is on how many of those before it are
//! gone, but not on which. So the greatest lead among the first `i` neighbours with `j` of them gone is the better of two
//! choices: the neighbour `i` is gone, or it stays at rank `i − j` and adds its weight to the lead, for `b`, takes it
//! away, for `a`, or leaves it. That is a table of `(k + s) · s` leads, and it is exact for all votes, since each of them
//! gives a neighbour a weight by its rank and distance. Who reached a tied score first is known from which of the two
//! labels voted last; the table keeps leads apart by that. As sums of f64 depend on their order in the last digits, a
//! lead that is zero within rounding is put to the vote itself.
//!
//! Neighbours that hard pruning hides take no rank and are not left out. If only hidden ones stay, all of them vote;
//! the table does not foresee that, so that there a smaller set may exist.

use std::collections::BTreeSet;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use vismem_search::{Filter, MAX_K, Neighbor};

use crate::decide::vote::{Tally, weights};
use crate::store::unit::unit;
use crate::{Candidate, ClassifyOptions, Decider, Decision, Memory, Result, Standing, Vote};

/// The most exemplars that are left out in search of another answer.
const MOST: usize = 1000;

/// The smallest set of exemplars whose absence changes an answer.
/// Serialised, it says the `label` and `confidence` of that other answer, and `without`, the ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Flip {
    /// Their ids, the nearest to the query first. Where several sets are as small, the one that changes the answer most
    /// clearly.
    pub exemplars: Vec<u64>,
    /// The decision without them.
    pub decision: Decision,
}

impl Serialize for Flip {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut flip = serializer.serialize_struct("Flip", 3)?;
        flip.serialize_field("label", self.decision.label())?;
        flip.serialize_field("confidence", &self.decision.confidence())?;
        flip.serialize_field("without", &self.exemplars)?;
        flip.end()
    }
}

impl Memory {
    /// The smallest set of exemplars without which the answer to this query, at the level at which it is decided, would
    /// be another one. `None` if there is none of at most 1,000 exemplars, or of 10,000 − `k` for a greater `k`.
    ///
    /// # Errors
    /// As [`Memory::classify`] of one embedding.
    pub fn smallest_flip(&self, embedding: &[f32], options: &ClassifyOptions) -> Result<Option<Flip>> {
        let query = unit(0, embedding, self.encoder().dim)?;
        let allowed = self.allowed(options)?;
        let filter = Filter { allowed: allowed.as_ref(), except: None };
        let decision = self.decisions(&query, filter, options)?.remove(0);
        // At the level of the answer, however it was chosen.
        let options = ClassifyOptions { level: decision.level, min_confidence: None, ..options.clone() };
        let decider = self.decider(&options)?;
        let most = MOST.min(MAX_K - options.k);
        let mut bound = 8.min(most);
        loop {
            let found = self.neighbors(&query, options.k + bound, filter)?.remove(0);
            let ballot = Ballot::new(&decider, &self.candidates(&found)?, &options);
            if let Some(gone) = ballot.smallest_flip(bound) {
                let stays = |position: &usize| gone.binary_search(position).is_err();
                let kept = (0..found.len()).filter(stays).take(options.k).map(|position| found[position]);
                let kept: Vec<Neighbor> = kept.collect();
                let exemplars = gone.iter().map(|&position| found[position].id).collect();
                return Ok(Some(Flip { exemplars, decision: self.decide(&decider, &[kept])?.remove(0) }));
            }
            if bound == most || found.len() < options.k + bound {
                return Ok(None);
            }
            bound = (bound * 8).min(most);
        }
    }
}

/// Neighbours as the vote sees them, nearest first.
struct Ballot {
    vote: Vote,
    k: usize,
    /// For each neighbour a number that stands for what it votes for.
    names: Vec<usize>,
    standings: Vec<(f64, Standing)>,
    winner: usize,
}

/// Which of two labels voted last.
const NEITHER: usize = 0;
const WINNER: usize = 1;
const CHALLENGER: usize = 2;

/// Leads that differ by less than this share of all weights are put to the vote.
const ROUNDING: f64 = 1e-12;

/// The greatest lead of one label over the winner for every number of neighbours and of those that are gone.
struct Leads {
    bound: usize,
    /// By neighbours, gone ones, and who voted last.
    table: Vec<[f64; 3]>,
    /// How each came about: whether the last neighbour is gone, and who had voted last before it.
    from: Vec<[(bool, u8); 3]>,
}

impl Leads {
    fn at(&self, neighbors: usize, gone: usize) -> usize {
        neighbors * (self.bound + 1) + gone
    }

    fn offer(&mut self, neighbors: usize, gone: usize, last: usize, lead: f64, from: (bool, u8)) {
        let cell = self.at(neighbors, gone);
        if lead > self.table[cell][last] {
            self.table[cell][last] = lead;
            self.from[cell][last] = from;
        }
    }

    /// Positions of those that are gone in the best way to this lead.
    fn gone(&self, mut neighbors: usize, mut gone: usize, mut last: usize) -> Vec<usize> {
        let mut positions = Vec::with_capacity(gone);
        while neighbors > 0 {
            let (is_gone, before) = self.from[self.at(neighbors, gone)][last];
            neighbors -= 1;
            if is_gone {
                positions.push(neighbors);
                gone -= 1;
            }
            last = before.into();
        }
        positions.reverse();
        positions
    }
}

impl Ballot {
    fn new(decider: &Decider<'_>, found: &[Candidate<'_>], options: &ClassifyOptions) -> Self {
        let names = decider.names(found);
        let standings = decider.standings(found);
        let mut ballot = Self { vote: options.vote, k: options.k, names, standings, winner: 0 };
        ballot.winner = ballot.winner_without(&[]).unwrap_or_default();
        ballot
    }

    /// Who wins without the neighbours at these positions, ascending.
    fn winner_without(&self, gone: &[usize]) -> Option<usize> {
        let kept: Vec<usize> =
            (0..self.names.len()).filter(|position| gone.binary_search(position).is_err()).take(self.k).collect();
        let standings: Vec<(f64, Standing)> = kept.iter().map(|&position| self.standings[position]).collect();
        let mut tally = Tally::default();
        for (position, weight) in kept.into_iter().zip(weights(self.vote, &standings)) {
            if let Some(weight) = weight {
                tally.add(self.names[position], weight);
            }
        }
        tally.winner()
    }

    /// Positions of the smallest set of at most `bound` neighbours without which another label wins.
    fn smallest_flip(&self, bound: usize) -> Option<Vec<usize>> {
        let visible = |position: &usize| self.standings[*position].1 != Standing::Hidden;
        let challengers: BTreeSet<usize> =
            (0..self.names.len()).filter(visible).map(|position| self.names[position]).collect();
        let tables: Vec<Leads> = challengers
            .into_iter()
            .filter(|challenger| *challenger != self.winner)
            .map(|challenger| self.leads(challenger, bound))
            .collect();
        let total: f64 = weights(self.vote, &self.standings).into_iter().flatten().sum();
        for gone in 1..=bound.min(self.names.len().saturating_sub(1)) {
            let neighbors = (self.k + gone).min(self.names.len());
            let mut best: Option<(f64, Vec<usize>)> = None;
            for leads in &tables {
                for (last, &lead) in leads.table[leads.at(neighbors, gone)].iter().enumerate() {
                    let beaten = best.as_ref().is_some_and(|(best, _)| lead <= *best);
                    if beaten || lead < -ROUNDING * total || lead == f64::NEG_INFINITY {
                        continue;
                    }
                    let positions = leads.gone(neighbors, gone, last);
                    if self.winner_without(&positions).is_some_and(|winner| winner != self.winner) {
                        best = Some((lead, positions));
                    }
                }
            }
            if let Some((_, positions)) = best {
                return Some(positions);
            }
        }
        None
    }

    fn leads(&self, challenger: usize, bound: usize) -> Leads {
        let most = self.names.len();
        let cells = (most + 1) * (bound + 1);
        let mut leads = Leads { bound, table: vec![[f64::NEG_INFINITY; 3]; cells], from: vec![[(false, 0); 3]; cells] };
        leads.table[0][NEITHER] = 0.0;
        // Those before that take up a rank unless they are gone.
        let mut seen = 0;
        for position in 0..most {
            let (distance, standing) = self.standings[position];
            for gone in 0..=bound.min(position) {
                let before = leads.table[leads.at(position, gone)];
                for (last, lead) in before.into_iter().enumerate().filter(|(_, lead)| *lead > f64::NEG_INFINITY) {
                    let (mut stays, mut voted_last) = (lead, last);
                    if let Standing::Counts(factor) = standing {
                        if gone < bound {
                            leads.offer(position + 1, gone + 1, last, lead, (true, last as u8));
                        }
                        let weight = self.vote.weight(seen - gone, distance) * factor;
                        if self.names[position] == challenger && weight > 0.0 {
                            (stays, voted_last) = (lead + weight, CHALLENGER);
                        } else if self.names[position] == self.winner && weight > 0.0 {
                            (stays, voted_last) = (lead - weight, WINNER);
                        }
                    }
                    leads.offer(position + 1, gone, voted_last, stays, (false, last as u8));
                }
            }
            seen += usize::from(standing != Standing::Hidden);
        }
        leads
    }
}
