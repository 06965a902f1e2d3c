//! A vote taken over the neighbours of a query: what each of them counts, and who wins.

use std::hash::Hash;

use crate::decide::kernel_voting::{KernelVoting, ranked};
use crate::decide::tally::Tally;
use crate::{Pairwise, Standing, Vote};

/// A vote, ready to be taken over the neighbours of one query.
#[derive(Debug, Clone)]
pub struct Voting(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// Each weight depends on the neighbour's own rank and distance.
    Each(Vote),
    Kernel(KernelVoting),
}

/// The scores of labels, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores<L> {
    /// Labels with the sums of their voters' weights, the winner first. Sums can be negative in kernel voting.
    pub ranked: Vec<(L, f64)>,
    /// Sum of all scores above zero.
    pub total: f64,
}

impl<L: Copy + Eq> Scores<L> {
    fn of(ranked: Vec<(L, f64)>) -> Self {
        // The sum of no numbers is −0.
        let total = ranked.iter().fold(0.0, |total, (_, score)| total + score.max(0.0));
        Self { ranked, total }
    }

    /// The label that won; `None` if nobody voted.
    pub fn winner(&self) -> Option<L> {
        self.ranked.first().map(|(label, _)| *label)
    }

    /// The share that a score has of all scores above zero, 0..=1; 0 for one below zero.
    pub fn share(&self, score: f64) -> f64 {
        // Sums of the same weights in another order can be a hair more than their total.
        self.part(score.max(0.0)).min(1.0)
    }

    /// A weight in proportion to the sum of all scores above zero; 0 where all votes are weighted away.
    pub fn part(&self, weight: f64) -> f64 {
        if self.total > 0.0 { weight / self.total } else { 0.0 }
    }

    /// The share of a label, 0..=1.
    pub fn share_of(&self, label: L) -> f64 {
        self.ranked.iter().find(|(known, _)| *known == label).map_or(0.0, |(_, score)| self.share(*score))
    }
}

impl Voting {
    /// A vote that asks for nothing but rank and distance of each neighbour; `None` for kernel voting.
    pub fn pointwise(vote: Vote) -> Option<Self> {
        Self::try_new(vote, || Err(())).ok()
    }

    /// A vote over neighbours. Kernel voting has to know their distances among each other, in the order in which they will be
    /// given; other votes do not ask for them.
    pub fn new(vote: Vote, pairwise: impl FnOnce() -> Pairwise) -> Self {
        let given = Self::try_new(vote, || Ok::<_, std::convert::Infallible>(pairwise()));
        given.unwrap_or_else(|never| match never {})
    }

    /// The same where distances may not be there.
    ///
    /// # Errors
    /// Those of `pairwise`.
    pub fn try_new<E>(vote: Vote, pairwise: impl FnOnce() -> Result<Pairwise, E>) -> Result<Self, E> {
        Ok(Self(match vote {
            Vote::Kernel { gamma, lambda } => Kind::Kernel(KernelVoting { gamma, lambda, pairwise: pairwise()? }),
            Vote::Plurality | Vote::Distance { .. } | Vote::Softmax { .. } | Vote::Rank { .. } => Kind::Each(vote),
        }))
    }

    /// What kernel voting goes by; `None` for another vote.
    pub(crate) fn kernel(&self) -> Option<&KernelVoting> {
        match &self.0 {
            Kind::Each(_) => None,
            Kind::Kernel(kernel) => Some(kernel),
        }
    }

    /// What each neighbour counts, given by distance and standing, nearest first; `None` for one that does not vote. A hidden
    /// neighbour takes up no rank, and is not there for the others. Where all are hidden, all vote, as if nothing were
    /// pruned. There may be fewer neighbours than there are pairwise distances of.
    pub fn weights(&self, neighbors: &[(f64, Standing)]) -> Vec<Option<f64>> {
        let nobody_left = neighbors.iter().all(|(_, standing)| *standing == Standing::Hidden);
        let factor = |standing| match standing {
            Standing::Counts(factor) => Some(factor),
            Standing::Hidden => nobody_left.then_some(1.0),
        };
        match &self.0 {
            Kind::Each(vote) => {
                let mut rank = 0;
                let weight = |&(distance, standing): &(f64, Standing)| {
                    let factor = factor(standing)?;
                    rank += 1;
                    Some(vote.weight(rank - 1, distance)? * factor)
                };
                neighbors.iter().map(weight).collect()
            }
            Kind::Kernel(kernel) => {
                let factors: Vec<Option<f64>> = neighbors.iter().map(|(_, standing)| factor(*standing)).collect();
                let voters = (0..neighbors.len()).filter(|&neighbor| factors[neighbor].is_some());
                let mut weights = kernel.weights(voters).into_iter();
                factors.into_iter().map(|factor| Some(factor? * weights.next()?)).collect()
            }
        }
    }

    /// The scores of labels: voters' labels and weights, nearest first. Of labels with the same score one is first that
    /// reached it first; in kernel voting, where all weights change with every neighbour, one whose nearest voter is nearer.
    pub fn scores<L: Copy + Eq + Hash>(&self, votes: impl IntoIterator<Item = (L, f64)>) -> Scores<L> {
        Scores::of(match &self.0 {
            Kind::Each(_) => {
                let mut tally = Tally::default();
                votes.into_iter().for_each(|(label, weight)| tally.add(label, weight));
                tally.ranked()
            }
            Kind::Kernel(_) => ranked(votes),
        })
    }

    /// What the vote says of neighbours, given by label, distance and standing, nearest first; `None` if there are none.
    pub fn decision<L: Copy + Eq + Hash>(&self, neighbors: &[(L, f64, Standing)]) -> Option<L> {
        match &self.0 {
            Kind::Each(_) => self.decisions_at_every_k(neighbors).pop(),
            Kind::Kernel(_) => {
                let standings: Vec<_> = neighbors.iter().map(|&(_, distance, standing)| (distance, standing)).collect();
                let votes = neighbors.iter().zip(self.weights(&standings));
                self.scores(votes.filter_map(|((label, ..), weight)| Some((*label, weight?)))).winner()
            }
        }
    }

    /// What the vote says at every k in one pass: element `k − 1` is the decision of the first `k` neighbours, given by
    /// label, cosine distance and standing, nearest first.
    ///
    /// A hidden neighbour does not vote and takes up no rank; where all of the first `k` are hidden, none is. So every element
    /// is what [`crate::Memory::classify`] decides with that `k`.
    pub fn decisions_at_every_k<L: Copy + Eq + Hash>(&self, neighbors: &[(L, f64, Standing)]) -> Vec<L> {
        match &self.0 {
            Kind::Each(vote) => {
                let (mut visible, mut hidden) = (Tally::default(), Tally::default());
                let mut rank = 0;
                let decision = |(position, &(label, distance, standing)): (usize, &(L, f64, Standing))| {
                    match standing {
                        Standing::Counts(factor) => {
                            visible.add(label, vote.weight(rank, distance)? * factor);
                            rank += 1;
                        }
                        // They are asked until the first one comes that is not hidden.
                        Standing::Hidden if rank == 0 => hidden.add(label, vote.weight(position, distance)?),
                        Standing::Hidden => {}
                    }
                    visible.winner().or(hidden.winner())
                };
                neighbors.iter().enumerate().filter_map(decision).collect()
            }
            Kind::Kernel(kernel) => {
                let growing = || kernel.growing(neighbors.iter().map(|(label, ..)| *label));
                let (mut visible, mut hidden) = (growing(), growing());
                let decision = |(position, &(label, _, standing)): (usize, &(L, f64, Standing))| {
                    match standing {
                        Standing::Counts(factor) => visible.push(position, label, factor),
                        Standing::Hidden if visible.winner().is_none() => hidden.push(position, label, 1.0),
                        Standing::Hidden => {}
                    }
                    visible.winner().or(hidden.winner())
                };
                neighbors.iter().enumerate().filter_map(decision).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decisions_at_every_k(vote: Vote, neighbors: impl IntoIterator<Item = (u32, f64)>) -> Vec<u32> {
        let whole = |(label, distance)| (label, distance, Standing::Counts(1.0));
        let neighbors: Vec<_> = neighbors.into_iter().map(whole).collect();
        Voting::pointwise(vote).unwrap().decisions_at_every_k(&neighbors)
    }

    #[test]
    fn a_tie_goes_to_the_label_that_reached_the_top_score_first() {
        let decisions = |labels: &[u32]| decisions_at_every_k(Vote::Plurality, labels.iter().map(|&l| (l, 0.5)));
        assert_eq!(decisions(&[0, 1, 1, 0]), [0, 0, 1, 1], "label 0 is a label like any other");
        assert_eq!(decisions(&[3, 2]), [3, 3]);
        assert!(decisions(&[]).is_empty());
    }

    /// The winner by the definition: the highest score, and of equal ones the one that was reached first.
    fn by_definition(votes: &[(u32, f64)]) -> Option<u32> {
        let mut best: Option<(u32, f64, usize)> = None;
        for &(label, _) in votes {
            let (mut score, mut reached) = (0.0, 0);
            for (position, (_, weight)) in votes.iter().enumerate().filter(|(_, (voted, _))| *voted == label) {
                reached = if score + weight > score { position } else { reached };
                score += weight;
            }
            if best.is_none_or(|(_, top, first)| score > top || (score == top && reached < first)) {
                best = Some((label, score, reached));
            }
        }
        best.map(|(label, ..)| label)
    }

    proptest! {
        #[test]
        fn decisions_at_every_k_are_those_of_the_definition_for_any_number_of_labels(
            labels in 1u32..200, votes in prop::collection::vec((any::<u32>(), 0u8..4), 1..120), plurality in any::<bool>(),
        ) {
            let vote = if plurality { Vote::Plurality } else { Vote::DISTANCE };
            let mut neighbors: Vec<(u32, f64)> =
                votes.into_iter().map(|(label, step)| (label % labels, 0.1 * f64::from(step))).collect();
            neighbors.sort_by(|a, b| a.1.total_cmp(&b.1));
            let decisions = decisions_at_every_k(vote, neighbors.iter().copied());
            let weighted: Vec<(u32, f64)> =
                neighbors.iter().map(|&(label, distance)| (label, vote.weight(0, distance).unwrap())).collect();
            for k in 1..=neighbors.len() {
                prop_assert_eq!(Some(decisions[k - 1]), by_definition(&weighted[..k]), "k = {}", k);
            }
        }

    }
}
