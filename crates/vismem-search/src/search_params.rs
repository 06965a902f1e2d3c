//! How far a partitioned search goes, and how far it must go for a recall.

use std::collections::HashMap;

use crate::codes::{CodedQuery, PROVED, TILE};
use crate::{Error, Filter, Neighbor, Partitioned, Queries};

/// The greatest slack that is tried for a recall. Beyond it a query visits so much that an exact search does as well.
const LARGEST_SLACK: f32 = 0.5;
/// How often the range of slacks is halved to find one.
const HALVINGS: usize = 9;
/// How many times as many partitions as the mean a query may visit. Without an end, a few queries between many groups
/// would take several times as long as others, and they are not the ones that lose most by it.
const SPREAD: f64 = 2.5;

/// The share of all rows in the best partitions of a query from which on partitions spare it nothing. So it is where many
/// rows are equal: no centres tell them apart, and all of them come together.
const NOTHING_SPARED: f64 = 0.5;

/// How far a partitioned search goes: to partitions within `slack` of the best, nearest first, and to no more than
/// `max_partitions` of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchParams {
    /// How much less near than those of the best partition the rows of another may be: a difference of similarities,
    /// within 0 (the best one only) and 2 (all).
    pub slack: f32,
    /// The most partitions that a query visits, at least 1.
    pub max_partitions: usize,
}

impl SearchParams {
    /// Every partition is visited.
    pub const ALL: Self = Self { slack: f32::INFINITY, max_partitions: usize::MAX };
}

impl Partitioned<'_> {
    /// For each of the recalls the least parameters that have it on these queries, and the recall that they have: the share
    /// of the `k` nearest rows, ties and all, that is found. `None` where no parameters have it, and where partitions spare
    /// these queries nothing.
    ///
    /// # Errors
    /// As for [`Partitioned::search`].
    pub fn params_for(
        &self,
        recalls: &[f64],
        queries: Queries<'_>,
        filter: Filter<'_>,
        truth: &[Vec<Neighbor>],
    ) -> Result<Vec<Option<(SearchParams, f64)>>, Error> {
        let of_partition = self.rows_of_partitions();
        let rows: usize = of_partition.iter().sum();
        let nearest = self.mean_visited(queries, 0.0, |partition| of_partition[partition as usize]);
        if nearest > NOTHING_SPARED * rows as f64 {
            return Ok(vec![None; recalls.len()]);
        }
        let k = truth.iter().map(Vec::len).max().unwrap_or(0).max(1);
        // Recalls that are near each other are found by way of the same slacks.
        let mut measured: HashMap<u32, (SearchParams, f64)> = HashMap::new();
        let mut measure = |slack: f32| -> Result<(SearchParams, f64), Error> {
            if let Some(known) = measured.get(&slack.to_bits()) {
                return Ok(*known);
            }
            let max_partitions = (SPREAD * self.mean_visited(queries, slack, |_| 1)).ceil() as usize;
            let params = SearchParams { slack, max_partitions };
            let new = (params, share_found(&self.search(queries, k, filter, params)?, truth));
            measured.insert(slack.to_bits(), new);
            Ok(new)
        };
        let mut least = |recall: f64| {
            let mut best = measure(LARGEST_SLACK)?;
            if best.1 < recall {
                return Ok(None);
            }
            let mut too_little = 0.0;
            for _ in 0..HALVINGS {
                let slack = (too_little + best.0.slack) / 2.0;
                match measure(slack)? {
                    measured if measured.1 >= recall => best = measured,
                    _ => too_little = slack,
                }
            }
            Ok(Some(best))
        };
        recalls.iter().map(|recall| least(*recall)).collect()
    }

    /// How much the partitions within the slack of a query count, on average.
    fn mean_visited(&self, queries: Queries<'_>, slack: f32, count: impl Fn(u32) -> usize) -> f64 {
        let queries: Vec<CodedQuery> = queries.iter().filter_map(|query| CodedQuery::new(query, PROVED)).collect();
        let tiles = queries.chunks(TILE).map(|tile| tile.iter().collect::<Vec<_>>());
        let visited = tiles.flat_map(|tile| self.partitions().reached::<TILE>(&tile, slack)).flatten();
        visited.map(count).sum::<usize>() as f64 / queries.len().max(1) as f64
    }
}

/// Of the neighbours of all queries, how many were found.
fn share_found(found: &[Vec<Neighbor>], truth: &[Vec<Neighbor>]) -> f64 {
    let within = |(found, truth): (&Vec<Neighbor>, &Vec<Neighbor>)| {
        let farthest = truth.last().map_or(f32::NEG_INFINITY, |last| last.distance);
        found.iter().filter(|neighbor| neighbor.distance <= farthest).count()
    };
    let all: usize = truth.iter().map(Vec::len).sum();
    if all == 0 { 1.0 } else { found.iter().zip(truth).map(within).sum::<usize>() as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::packed::{self, Packed};
    use crate::{Directory, Exact, Partitions, Placement, Rows, parallel};

    const DIM: usize = 12;

    #[test]
    fn parameters_for_a_recall_have_that_recall_and_a_smaller_slack_has_not() {
        let mut state = 5u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let mut unit = |count: usize| -> Vec<f32> {
            let mut vector = || {
                let vector: Vec<f32> = (0..DIM).map(|_| next()).collect();
                let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
                vector.into_iter().map(move |value| value / norm)
            };
            (0..count).flat_map(|_| vector()).collect()
        };
        let (values, queries, ids): (_, _, Vec<u64>) = (unit(3000), unit(60), (0..3000).collect());
        let rows = Rows::new(&values, &ids, DIM).unwrap();
        let partitions = Partitions::train(rows, 64);
        for threads in [1, 2, 3] {
            let again = parallel::on(threads, || Partitions::train(rows, 64));
            assert_eq!(partitions, again, "threads do not show");
        }
        let mut codes = (Vec::new(), DIM);
        let mut placement = Placement::of(Packed::new(&[], DIM).unwrap(), partitions.len(), 0).unwrap();
        for (slot, (row, partition)) in values.chunks_exact(DIM).zip(partitions.of(&values)).enumerate() {
            placement.add(&mut codes, partition as usize, slot, row).unwrap();
        }
        let codes = packed::Packed::new(&codes.0, DIM).unwrap();
        let directory = Directory::of(codes, partitions.len()).unwrap();
        let imbalance = directory.imbalance(codes);
        assert!((1.0..1.5).contains(&imbalance), "{imbalance}");

        let exact = Exact::new(rows);
        let index = Partitioned::new(exact, codes, &partitions, &directory).unwrap();
        let (asked, filter) = (Queries::new(&queries, DIM).unwrap(), Filter::default());
        let truth = exact.search(asked, 10, filter).unwrap();
        let recall = |params| share_found(&index.search(asked, 10, filter, params).unwrap(), &truth);
        let found = index.params_for(&[0.5, 0.9, 2.0], asked, filter, &truth).unwrap();
        let (params, measured) = found[1].unwrap();
        assert!(found[0].unwrap().0.slack < params.slack && found[2].is_none());
        assert!(measured >= 0.9 && recall(params) == measured, "{measured}");
        assert!(params.max_partitions >= 1 && params.max_partitions <= partitions.len(), "{params:?}");
        assert!(
            recall(SearchParams { slack: params.slack - 2.0 * LARGEST_SLACK / (1 << HALVINGS) as f32, ..params }) < 0.9
        );
        assert!(
            recall(SearchParams { max_partitions: 1, ..params }) < 0.9
                && recall(SearchParams { slack: 0.0, ..params }) < 0.9
        );
        assert_eq!(index.search(asked, 10, filter, SearchParams::ALL).unwrap().len(), 60);
    }
}
