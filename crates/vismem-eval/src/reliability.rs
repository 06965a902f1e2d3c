//! How reliable the i-th neighbour is (paper, figures 1 and 13), and how often the right label is among the first k
//! (figure 11).

use serde::{Deserialize, Serialize};

use crate::accuracy::at_each;
use crate::fit::{Line, plus};
use crate::{AtK, Cell, Neighborhoods, Query, Result, Share, Table};

/// How much neighbours are to be trusted, by their rank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NeighborReliability {
    /// For the neighbour at each rank the share of queries whose label it has.
    pub ranks: Vec<AtRank>,
    /// accuracy(i) = a · ln(i + 1) + b, i from 0; `None` for fewer than three ranks.
    pub fit: Option<Line>,
    /// How many ranks the fit goes through: as many as the label of half of the queries has exemplars. Beyond that a
    /// neighbour cannot be right, however good the encoder is.
    pub fitted_ranks: usize,
    /// The share of queries that have their label among the first k neighbours: what no vote of k can exceed.
    pub hit_rate: Vec<AtK>,
}

/// The neighbours at one rank.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtRank {
    /// The rank, from 0 for the nearest.
    pub index: usize,
    /// Share of the queries, of those that have so many neighbours, whose neighbour there has a right label.
    pub accuracy: Share,
    /// What the fit says, kept within 0..=1; `None` without one, and beyond the ranks that it goes through.
    pub fitted: Option<f64>,
}

/// Computes it.
///
/// # Errors
/// When no query has a known label.
pub fn neighbor_reliability(table: &Neighborhoods) -> Result<NeighborReliability> {
    let queries = table.judged_or_refuse()?;
    let depth = table.depth();
    let (mut right, mut there, mut hits) = (vec![0; depth], vec![0; depth], vec![0; depth]);
    for query in &queries {
        let mut is_hit = false;
        for rank in 0..depth {
            if let Some(near) = query.neighbors.get(rank) {
                let is_right = query.is_right(table.label_of(near));
                is_hit |= is_right;
                there[rank] += 1;
                right[rank] += u64::from(is_right);
            }
            hits[rank] += u64::from(is_hit);
        }
    }
    let shares: Vec<(usize, Share)> =
        (0..depth).filter_map(|rank| Some((rank, Share::of(right[rank], there[rank])?))).collect();
    let x = |rank: usize| (rank as f64 + 1.0).ln();
    let fitted_ranks = depth.min(median_exemplars(table, &queries));
    let fitted = shares.iter().filter(|(rank, _)| *rank < fitted_ranks);
    let fit = Line::through(&fitted.map(|(rank, share)| (x(*rank), share.value)).collect::<Vec<_>>());
    let at = |(index, accuracy)| {
        // A line knows no bounds; an accuracy does.
        let fitted = fit.filter(|_| index < fitted_ranks).map(|fit| fit.at(x(index)).clamp(0.0, 1.0));
        AtRank { index, accuracy, fitted }
    };
    Ok(NeighborReliability {
        ranks: shares.into_iter().map(at).collect(),
        fit,
        fitted_ranks,
        hit_rate: at_each(&hits, queries.len() as u64, 1..=depth),
    })
}

/// Exemplars of a right label that half of the queries have.
fn median_exemplars(table: &Neighborhoods, queries: &[&Query]) -> usize {
    let mut of_label = vec![0; table.labels.len()];
    table.exemplars.iter().for_each(|exemplar| of_label[exemplar.label as usize] += 1);
    let mut counts: Vec<usize> =
        queries.iter().map(|query| query.truth.iter().map(|label| of_label[*label as usize]).sum()).collect();
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied().unwrap_or(0)
}

impl NeighborReliability {
    /// The result as tables.
    pub fn tables(&self) -> Vec<Table> {
        let caption = match &self.fit {
            Some(Line { a, b, a_error, b_error, r_squared, .. }) => format!(
                "Accuracy of the i-th neighbour, i from 0; fit through the first {}: {a:.4} (± {a_error:.4}) · ln(i + 1) \
                 {} (± {b_error:.4}), R² {r_squared:.3}",
                self.fitted_ranks,
                plus(*b, 4)
            ),
            None => "Accuracy of the i-th neighbour, i from 0".into(),
        };
        let columns = ["index", "accuracy", "low", "high", "n", "fitted", "hit_rate", "hit_low", "hit_high"];
        let mut short = Table::new("reliability-at-some-ranks", caption, columns);
        let mut every =
            Table::long("reliability", "Accuracy of the i-th neighbour and hit rate of the first i + 1", columns);
        for (rank, hit) in self.ranks.iter().zip(&self.hit_rate) {
            let AtRank { index, accuracy, fitted } = rank;
            let shares = [accuracy.value, accuracy.low, accuracy.high].map(Cell::Share);
            let hit = [hit.accuracy.value, hit.accuracy.low, hit.accuracy.high].map(Cell::Share);
            let row: Vec<Cell> = [Cell::from(*index)]
                .into_iter()
                .chain(shares)
                .chain([Cell::Count(accuracy.n), fitted.map_or(Cell::Empty, Cell::Share)])
                .chain(hit)
                .collect();
            if [1, 2, 5, 10, 20, 50].contains(&(index + 1)) || index + 1 == self.ranks.len() {
                short.row(row.clone());
            }
            every.row(row);
        }
        vec![short, every]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exemplar, Near};

    #[test]
    fn ranks_and_hits_are_counted_as_by_hand() {
        let table = Neighborhoods {
            labels: vec!["a".into(), "b".into()],
            exemplars: [0, 1].map(|label| Exemplar { name: String::new(), id: None, label }).to_vec(),
            queries: [
                (vec![0], vec![0, 1, 0]),
                (vec![0], vec![1, 0, 1]),
                (vec![1], vec![0, 0]),
                (vec![], vec![0, 0, 0]),
            ]
            .map(|(truth, found)| Query {
                name: String::new(),
                truth,
                neighbors: found.into_iter().map(|exemplar| Near::new(exemplar, 0.5)).collect(),
                ..Query::default()
            })
            .to_vec(),
            ..Default::default()
        };
        let result = neighbor_reliability(&table).unwrap();
        let counts = |of: &[AtRank]| of.iter().map(|at| (at.accuracy.count(), at.accuracy.n)).collect::<Vec<_>>();
        assert_eq!(counts(&result.ranks), [(1, 3), (1, 3), (1, 2)], "the third query has two neighbours");
        let hits: Vec<u64> = result.hit_rate.iter().map(|at| at.accuracy.count()).collect();
        assert_eq!(hits, [1, 2, 2]);
    }

    #[test]
    fn a_logarithmic_decline_is_found_by_its_parameters() {
        // The neighbour of rank i is right for exactly round(10000 · (0.9 − 0.05 ln(i + 1))) of 10000 queries.
        let n = 10_000;
        let right = |rank: usize| ((0.9 - 0.05 * (rank as f64 + 1.0).ln()) * f64::from(n)).round() as i32;
        let queries = (0..n).map(|query| Query {
            name: String::new(),
            truth: vec![0],
            neighbors: (0..20).map(|rank| Near::new(u32::from(query >= right(rank)), 0.1)).collect(),
            ..Query::default()
        });
        let table = Neighborhoods {
            labels: vec!["a".into(), "b".into()],
            // The label of the queries has as many exemplars as there are ranks.
            exemplars: (0..21).map(|n| Exemplar { name: String::new(), id: None, label: u32::from(n == 1) }).collect(),
            queries: queries.collect(),
            ..Default::default()
        };
        let result = neighbor_reliability(&table).unwrap();
        assert_eq!(result.fitted_ranks, 20);
        let fit = result.fit.unwrap();
        assert!((fit.a + 0.05).abs() < 1e-4 && (fit.b - 0.9).abs() < 1e-4 && fit.r_squared > 0.999, "{fit:?}");
    }
}
