//! How much wrong labels in the memory matter (paper, figure 10).

use serde::{Deserialize, Serialize};
use vismem::Vote;

use crate::accuracy::right_of_each;
use crate::interval::Repeated;
use crate::random::Random;
use crate::{Cell, Error, Neighborhoods, PAPERS_VOTES, Result, Rule, Share, Table, parallel};

/// The shares of random labels.
pub const SHARES: [f64; 11] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// The numbers of neighbours at which accuracies are given, as far as there are as many.
const KS: [usize; 4] = [10, 20, 50, 100];

/// Where it is said how far a vote stays flat: at as many neighbours as the paper's votes usually ask.
const FLAT_AT: usize = 20;

/// A loss of accuracy that is still called flat.
const FLAT: f64 = 0.01;

/// Accuracies with random labels in the memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Corruption {
    /// Every vote at every number of neighbours and every share.
    pub points: Vec<Corrupted>,
    /// How far each vote stays flat, at 20 neighbours, or all where there are fewer.
    pub flat_to: Vec<FlatTo>,
    /// Share of the queries that the answer would be right for which is always the most frequent label among them.
    pub most_frequent: Share,
}

/// A vote on a memory part of whose labels are random.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Corrupted {
    /// The vote.
    pub rule: Rule,
    /// How many neighbours voted.
    pub k: usize,
    /// The share of exemplars, 0..=1, whose label was drawn anew: any label of the memory, all equally likely, their own
    /// among them.
    pub share: f64,
    /// Accuracy over the seeds.
    pub accuracy: Repeated,
}

/// How far a vote stays flat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlatTo {
    /// The vote.
    pub rule: Rule,
    /// How many neighbours voted.
    pub k: usize,
    /// The largest share up to which the accuracy is less than a point below that without random labels.
    pub share: f64,
}

/// Computes it. Which exemplars are corrupted at a share are corrupted at every larger one, with the same label.
///
/// # Errors
/// When no query has a known label.
pub fn corruption(table: &Neighborhoods, seeds: &[u64]) -> Result<Corruption> {
    let queries = table.judged_or_refuse()?;
    let (n, depth) = (queries.len() as u64, table.depth());
    let mut labels: Vec<u32> = table.exemplars.iter().map(|exemplar| exemplar.label).collect();
    labels.sort_unstable();
    labels.dedup();
    // Without random labels every run is the same.
    let draws = |share: f64| if share == 0.0 { &seeds[..seeds.len().min(1)] } else { seeds };
    let runs: Vec<(f64, u64)> =
        SHARES.iter().flat_map(|share| draws(*share).iter().map(|seed| (*share, *seed))).collect();
    let right = parallel::map(&runs, |&(share, seed)| {
        let corrupted = corrupt(table, &labels, share, seed);
        right_of_each(&corrupted, &queries, &PAPERS_VOTES, None, depth)
    });
    let right = right.into_iter().collect::<Result<Vec<_>>>()?;
    let mut ks: Vec<usize> = KS.into_iter().filter(|k| *k < depth).collect();
    ks.push(depth);
    let mut points = Vec::new();
    for (at, vote) in PAPERS_VOTES.into_iter().enumerate() {
        for &k in &ks {
            for share in SHARES {
                let of_share = runs.iter().zip(&right).filter(|((of, _), _)| *of == share);
                let right: Vec<u64> = of_share.map(|(_, run)| run[at][k - 1]).collect();
                let accuracy = Repeated::of(&right, n);
                points.extend(accuracy.map(|accuracy| Corrupted { rule: vote.into(), k, share, accuracy }));
            }
        }
    }
    let flat_to = PAPERS_VOTES.iter().filter_map(|vote| flat_to(&points, *vote, FLAT_AT.min(depth))).collect();
    let mut frequencies = vec![0; table.labels.len()];
    queries.iter().flat_map(|query| &query.truth).for_each(|label| frequencies[*label as usize] += 1);
    let most_frequent = Share::of(frequencies.into_iter().max().unwrap_or(0), n).ok_or(Error::NoQueries)?;
    Ok(Corruption { points, flat_to, most_frequent })
}

/// The table with part of its labels drawn anew.
fn corrupt(table: &Neighborhoods, labels: &[u32], share: f64, seed: u64) -> Neighborhoods {
    let mut random = Random::new(seed);
    let order = random.some_of(table.exemplars.len(), table.exemplars.len());
    let drawn: Vec<u32> = order.iter().map(|_| labels[random.below(labels.len())]).collect();
    let count = (share * order.len() as f64).round() as usize;
    // Queries are asked from outside, so that only the labels are needed.
    let mut corrupted = Neighborhoods { exemplars: table.exemplars.clone(), ..Neighborhoods::default() };
    for (exemplar, label) in order.into_iter().zip(drawn).take(count) {
        corrupted.exemplars[exemplar].label = label;
    }
    corrupted
}

fn flat_to(points: &[Corrupted], vote: Vote, k: usize) -> Option<FlatTo> {
    let rule = Rule::from(vote);
    let curve: Vec<&Corrupted> = points.iter().filter(|point| point.rule == rule && point.k == k).collect();
    let clean = curve.first()?.accuracy.value;
    let flat = curve.iter().take_while(|point| point.accuracy.value > clean - FLAT).last()?;
    Some(FlatTo { rule, k, share: flat.share })
}

impl Corruption {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let k = self.flat_to.first().map_or(0, |flat| flat.k);
        let flat = self.flat_to.iter().filter(|flat| flat.share > 0.0);
        let flat: Vec<String> = flat.map(|flat| format!("{} {:.0} %", flat.rule.vote, 100.0 * flat.share)).collect();
        let flat = match flat.is_empty() {
            true => "a point or more is lost from the smallest share on".to_owned(),
            false => format!("less than a point is lost up to {}", flat.join(", ")),
        };
        let neighbors = if k == 1 { "neighbour" } else { "neighbours" };
        let caption = format!("Accuracy by share of random labels, {k} {neighbors}; {flat}");
        let mut short =
            Table::new("corruption-by-vote", caption, ["share", "plurality", "distance", "softmax", "rank"]);
        for share in SHARES {
            let at = |vote: Vote| {
                let rule = Rule::from(vote);
                let point = self.points.iter().find(|p| p.rule == rule && p.k == k && p.share == share);
                point.map_or(Cell::Empty, |point| Cell::Share(point.accuracy.value))
            };
            short.row([Cell::Share(share)].into_iter().chain(PAPERS_VOTES.map(at)));
        }
        let columns = ["vote", "k", "share", "accuracy", "low", "high", "n", "seeds", "deviation", "min", "max"];
        let mut every = Table::long("corruption", "Accuracy by share of random labels, mean over seeds", columns);
        for Corrupted { rule, k, share, accuracy } in &self.points {
            let shares = [accuracy.value, accuracy.low, accuracy.high].map(Cell::Share);
            let rest = [Cell::Count(accuracy.n), accuracy.runs.into()];
            let spread = [accuracy.deviation, accuracy.min, accuracy.max].map(Cell::Share);
            let name = [Cell::from(&rule.vote), (*k).into(), Cell::Share(*share)];
            every.row(name.into_iter().chain(shares).chain(rest).chain(spread));
        }
        vec![short, every]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exemplar, Near, Query};
    use proptest::prelude::*;

    /// `n` queries of each of five labels, whose ten neighbours have that label.
    fn clear(n: usize) -> Neighborhoods {
        let exemplars = (0..50).map(|at| Exemplar { name: String::new(), id: None, label: at / 10 });
        let query = |at: usize| {
            let label = (at % 5) as u32;
            let neighbors = (0..10).map(|near| Near::new(label * 10 + near, 0.1 + 0.01 * f64::from(near))).collect();
            Query { name: String::new(), truth: vec![label], neighbors, ..Query::default() }
        };
        Neighborhoods {
            labels: (0..5).map(|label| label.to_string()).collect(),
            exemplars: exemplars.collect(),
            queries: (0..5 * n).map(query).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn no_corruption_changes_nothing_and_all_of_it_leaves_chance() {
        let result = corruption(&clear(2), &(0..40).collect::<Vec<_>>()).unwrap();
        for point in &result.points {
            if point.share == 0.0 {
                assert_eq!((point.accuracy.value, point.accuracy.deviation), (1.0, 0.0));
            }
            if point.share == 1.0 {
                assert!((point.accuracy.value - 0.2).abs() < 0.1, "{point:?}");
            }
        }
        assert!(result.flat_to.iter().all(|flat| (0.1..=0.6).contains(&flat.share)), "{:?}", result.flat_to);
    }

    proptest! {
        #[test]
        fn the_share_that_is_drawn_anew_is_the_share_that_was_asked_for(step in 0usize..=10, seed in 0u64..1000) {
            let table = clear(1);
            let labels = [0, 1, 2, 3, 4];
            let corrupted = corrupt(&table, &labels, step as f64 / 10.0, seed);
            let pairs = || table.exemplars.iter().zip(&corrupted.exemplars);
            let changed = pairs().filter(|(before, after)| before.label != after.label).count();
            prop_assert!(changed <= step * 5);
            // Which are corrupted at a share are corrupted alike at a larger one.
            let more = corrupt(&table, &labels, 1.0, seed);
            for ((before, after), more) in pairs().zip(&more.exemplars) {
                prop_assert!(before.label == after.label || after.label == more.label);
            }
        }
    }
}
