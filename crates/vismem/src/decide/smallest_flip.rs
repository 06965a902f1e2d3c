//! The smallest set of neighbours without which another label wins.
//!
//! Let the neighbours be sorted by distance and `a` be the winner. Without `s` of them, exactly the first `k + s` matter:
//! `s` of these are gone and the other `k` vote. (Leaving out one that lies farther changes nothing, so no smallest set
//! holds one.) If some of those who stay give weight to anyone, the answer changes if and only if some label `b` then
//! beats `a`: it has a higher score, or the same and reached it first. Hence it is enough to know, for each `b` and `s`,
//! the greatest lead of `b` over `a` that leaving out `s` of the first `k + s` can give; [`crate::decide::leads`] finds it, for
//! the paper's votes, since each of them gives a neighbour a weight by its rank and distance. Who reached a tied score first is
//! known from which of the two labels voted last. As sums of f64 depend on their order in the last digits, a lead that is
//! zero within rounding is put to the vote itself.
//!
//! Challengers are looked at one after the other, and few of them closely. A lead is at most the score that `b` would
//! have if it moved up `s` ranks and lost nobody, less the lowest score that `a` can be brought to. So each has a number
//! of absences below which it cannot win. They come in the order of this number, and once it exceeds the size of the
//! smallest set so far, that is the smallest.
//!
//! Two cases are left where nobody gives weight. If only neighbours stay that hard pruning hides, all of them vote, so
//! the one set that is large enough is tried. If all who stay have a weight of zero, the first of them wins; so everyone
//! is gone who votes for `a` with more, or before the first vote for another label.

use std::collections::BTreeMap;

use crate::decide::leads::{Leads, Paths};
use crate::{Standing, Vote, Voting};

/// Leads that differ by less than this share of all weights are put to the vote. It is more than what the vote itself takes
/// for rounding.
const ROUNDING: f64 = 4e-12;

/// Neighbours as the vote sees them, nearest first.
pub(crate) struct Neighborhood {
    voting: Voting,
    /// How many vote.
    pub k: usize,
    /// For each neighbour a number that stands for what it votes for.
    pub names: Vec<usize>,
    standings: Vec<(f64, Standing)>,
    /// How many hidden ones are before each position, and in all.
    hidden: Vec<usize>,
    /// The weight of a vote is the product of these two: what its rank and what its distance and standing give it.
    pub by_rank: Vec<f64>,
    pub by_position: Vec<f64>,
    pub winner: usize,
}

/// A set without which another label wins.
struct Found {
    positions: Vec<usize>,
    /// How far another label then leads; −∞ where nobody gives weight.
    lead: f64,
}

/// A label that may win instead.
struct Challenger {
    name: usize,
    /// Positions of those who vote for it.
    voters: Vec<usize>,
    /// With fewer gone it cannot win.
    least: usize,
    /// With so many gone, it cannot lead by more.
    promise: f64,
}

impl Neighborhood {
    /// Neighbours, nearest first: for each the number of what it votes for, its distance and its standing. `None` for kernel
    /// voting, in which weights depend on who else is there (see [`crate::decide::kernel_flip`]).
    pub(crate) fn new(vote: Vote, k: usize, names: Vec<usize>, standings: Vec<(f64, Standing)>) -> Option<Self> {
        let voting = Voting::pointwise(vote)?;
        let ranks_count = matches!(vote, Vote::Rank { .. });
        let mut hidden = vec![0];
        let mut by_position = Vec::with_capacity(standings.len());
        for &(distance, standing) in &standings {
            let (is_hidden, factor) = match standing {
                Standing::Counts(factor) => (0, factor),
                Standing::Hidden => (1, 0.0),
            };
            hidden.push(hidden[hidden.len() - 1] + is_hidden);
            let by_distance = if ranks_count { 1.0 } else { vote.weight(0, distance)? };
            by_position.push(by_distance * factor);
        }
        let by_rank = |rank| if ranks_count { vote.weight(rank, 0.0) } else { Some(1.0) };
        let by_rank = (0..k.min(names.len())).map(by_rank).collect::<Option<_>>()?;
        let mut neighborhood = Self { voting, k, names, standings, hidden, by_rank, by_position, winner: 0 };
        neighborhood.winner = neighborhood.winner_without(&[]).unwrap_or_default();
        Some(neighborhood)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn is_hidden(&self, position: usize) -> bool {
        self.standings[position].1 == Standing::Hidden
    }

    pub(crate) fn hidden_before(&self, position: usize) -> usize {
        self.hidden[position]
    }

    /// Positions of those that are not hidden.
    fn visible(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).filter(|&position| !self.is_hidden(position))
    }

    /// Who wins without the neighbours at these positions, ascending.
    fn winner_without(&self, gone: &[usize]) -> Option<usize> {
        let kept = (0..self.len()).filter(|position| gone.binary_search(position).is_err()).take(self.k);
        let voter = |position: usize| {
            let (distance, standing) = self.standings[position];
            (self.names[position], distance, standing)
        };
        self.voting.decision(&kept.map(voter).collect::<Vec<_>>())
    }

    fn another_wins_without(&self, gone: &[usize]) -> bool {
        self.winner_without(gone).is_some_and(|winner| winner != self.winner)
    }

    /// Positions, ascending, of the smallest set of at most `bound` neighbours without which another label wins. The
    /// neighbours must be the `k + bound` nearest, or all that there are. Needs 20 MB at most for `k + bound` ≤ 10,000
    /// and `bound` ≤ 1,000.
    pub(crate) fn smallest_flip(&self, bound: usize) -> Option<Vec<usize>> {
        let bound = bound.min(self.len().saturating_sub(1));
        let mut best = self.without_weights(bound);
        let bound = best.as_ref().map_or(bound, |found| found.positions.len());
        let rounding = ROUNDING * self.voting.weights(&self.standings).into_iter().flatten().sum::<f64>();

        // Minus the lowest score of the winner with so many gone.
        let highest = |highest: &mut f64, lead: f64| {
            *highest = highest.max(lead);
            Some(*highest)
        };
        let alone: Vec<f64> = Leads::new(self, None, bound).scan(f64::NEG_INFINITY, highest).collect();
        let limit = |voters: &[usize], gone: usize| self.most_votes(voters, gone) + alone[gone];
        let mut by_name: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        self.visible().for_each(|position| by_name.entry(self.names[position]).or_default().push(position));
        by_name.remove(&self.winner);
        let challenger = |(name, voters): (usize, Vec<usize>)| {
            let least = (1..=bound).collect::<Vec<_>>().partition_point(|&gone| limit(&voters, gone) < -rounding) + 1;
            (least <= bound).then(|| Challenger { promise: limit(&voters, least), name, voters, least })
        };
        let mut challengers: Vec<Challenger> = by_name.into_iter().filter_map(challenger).collect();
        challengers.sort_by(|a, b| a.least.cmp(&b.least).then(b.promise.total_cmp(&a.promise)));

        for challenger in challengers {
            let (most, lead) =
                best.as_ref().map_or((bound, f64::NEG_INFINITY), |found| (found.positions.len(), found.lead));
            if challenger.least > most {
                break;
            }
            if challenger.least < most || limit(&challenger.voters, most) > lead {
                best = self.flip_to(&challenger, most, lead, rounding).or(best);
            }
        }
        best.map(|found| found.positions)
    }

    /// The smallest set of at most `most` that lets a label win, one of `most` only with a greater lead.
    fn flip_to(&self, challenger: &Challenger, most: usize, lead: f64, rounding: f64) -> Option<Found> {
        let is_better = |gone: usize, new: f64| new >= -rounding && (gone < most || new > lead);
        let mut leads = Leads::new(self, Some(challenger.name), most).enumerate().skip(challenger.least);
        let (first, lead_at_first) = leads.find(|&(gone, lead)| is_better(gone, lead))?;
        let most_gone = if lead_at_first > rounding { first } else { most };
        let paths = Paths::new(self, challenger.name, most_gone);
        (first..=most_gone).find_map(|gone| {
            let mut best: Option<Found> = None;
            for (last, lead) in paths.leads(gone).into_iter().enumerate() {
                if is_better(gone, lead) && best.as_ref().is_none_or(|best| lead > best.lead) {
                    let positions = paths.gone(gone, last);
                    if self.another_wins_without(&positions) {
                        best = Some(Found { positions, lead });
                    }
                }
            }
            best
        })
    }

    /// A score that a label cannot exceed when so many are gone: everyone moves up, and the highest weights are where the
    /// ranks are lowest.
    fn most_votes(&self, voters: &[usize], gone: usize) -> f64 {
        let within = &voters[..voters.partition_point(|&position| position < self.k + gone)];
        let mut weights: Vec<f64> = within.iter().map(|&position| self.by_position[position]).collect();
        weights.sort_by(|a, b| b.total_cmp(a));
        let rank = |(before, &position): (usize, &usize)| {
            (position - self.hidden_before(position)).saturating_sub(gone).max(before)
        };
        let by_rank = within.iter().enumerate().map(rank).map_while(|rank| self.by_rank.get(rank));
        weights.iter().zip(by_rank).map(|(weight, by_rank)| weight * by_rank).sum()
    }

    /// The smallest set of at most `most` without which nobody has weight and another label wins.
    fn without_weights(&self, most: usize) -> Option<Found> {
        let kth_hidden = self.hidden.partition_point(|&hidden| hidden < self.k);
        let only_hidden_stay: Vec<usize> = self.visible().take_while(|&position| position < kth_hidden).collect();

        let is_winner = |position: &usize| self.names[*position] == self.winner;
        let another = self.visible().find(|position| !is_winner(position)).unwrap_or(self.len());
        let counts = |position: &usize| *position < another || self.by_position[*position] > 0.0;
        let supporters: Vec<usize> = self.visible().filter(is_winner).filter(counts).collect();
        let within = |gone: usize| supporters.partition_point(|&position| position < self.k + gone);
        let gone = (1..=most).find(|&gone| within(gone) <= gone);
        let no_supporter_stays = gone.map(|gone| supporters[..within(gone)].to_vec());

        let sets = no_supporter_stays.into_iter().chain([only_hidden_stay]);
        let fits = |set: &Vec<usize>| (1..=most).contains(&set.len()) && self.another_wins_without(set);
        let smallest = sets.filter(fits).min_by_key(Vec::len)?;
        Some(Found { positions: smallest, lead: f64::NEG_INFINITY })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VOTES: [Vote; 5] = [Vote::Plurality, Vote::DISTANCE, Vote::Distance { xi: 20.0 }, Vote::SOFTMAX, Vote::RANK];

    /// The size of the smallest set without which another label wins, by trying all sets.
    fn by_trying(neighborhood: &Neighborhood) -> Option<usize> {
        let visible: Vec<usize> = neighborhood.visible().collect();
        let sets = (0u32..1 << visible.len()).filter(|set| {
            let gone = visible.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1);
            neighborhood.another_wins_without(&gone.map(|(_, &position)| position).collect::<Vec<_>>())
        });
        sets.map(u32::count_ones).min().map(|size| size as usize)
    }

    fn standing() -> impl Strategy<Value = Standing> {
        let factor = prop::sample::select(vec![1.0, 1.0, 0.875, 0.4375, 1.75, 0.0]).prop_map(Standing::Counts);
        prop_oneof![4 => factor, 1 => Just(Standing::Hidden)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_smaller_set_of_votes_changes_the_winner_whatever_is_hidden_or_weakened(
            mut neighbors in prop::collection::vec((0u32..6, 0usize..4, standing()), 1..11), k in 1usize..8,
        ) {
            neighbors.sort_by_key(|(step, ..)| *step);
            for vote in VOTES {
                let names = neighbors.iter().map(|(_, name, _)| *name).collect();
                let standings = neighbors.iter().map(|&(step, _, standing)| (0.1 * f64::from(step), standing)).collect();
                let neighborhood = Neighborhood::new(vote, k, names, standings).unwrap();
                let smallest = by_trying(&neighborhood);
                for bound in [neighbors.len(), neighbors.len().saturating_sub(k)] {
                    let flip = neighborhood.smallest_flip(bound);
                    let size = flip.as_ref().map(Vec::len);
                    prop_assert_eq!(size, smallest.filter(|size| *size <= bound), "{}, {} gone", vote, bound);
                    let flip = flip.unwrap_or_default();
                    prop_assert!(flip.is_empty() || neighborhood.another_wins_without(&flip));
                    prop_assert!(flip.iter().all(|&position| !neighborhood.is_hidden(position)));
                }
            }
        }
    }

    #[test]
    fn the_tables_of_a_flip_take_20_mb_at_most_however_many_labels_there_are() {
        for (k, most) in [(400, 1000), (1000, 64), (20, 8), (9, 400)] {
            let names = (0..k + most).map(|position| if position % 3 < 2 { 0 } else { position % 89 }).collect();
            let standings = vec![(0.5, Standing::Counts(1.0)); k + most];
            let neighborhood = Neighborhood::new(Vote::RANK, k, names, standings).unwrap();
            let bytes = Paths::new(&neighborhood, 1, most).bytes();
            assert_eq!(bytes, 2 * (k + most) * (k.min(most) + 1));
        }
        let greatest = (1..=9000).map(|k| 2 * (k + 1000) * (k.min(1000) + 1)).max();
        assert_eq!(greatest, Some(20_020_000));
    }
}
