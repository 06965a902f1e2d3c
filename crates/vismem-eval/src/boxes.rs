//! Distances and scores summed up, and how well one number tells two groups apart.

use serde::{Deserialize, Serialize};

use crate::interval::Estimate;

/// Five numbers of a box plot, and the mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Box5 {
    /// How many values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// The smallest.
    pub min: f64,
    /// A quarter is smaller.
    pub q1: f64,
    /// Half is smaller.
    pub median: f64,
    /// Three quarters are smaller.
    pub q3: f64,
    /// The largest.
    pub max: f64,
}

impl Box5 {
    /// Of any values; `None` of none.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let at = |share| quantile(&values, share);
        Some(Self { n, mean, min, q1: at(0.25), median: at(0.5), q3: at(0.75), max })
    }
}

/// A quantile of sorted values, at least one, by linear interpolation between the two next to it.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + part * (sorted[above] - sorted[below])
}

/// The plain twin of the first of [`detection`].
#[cfg(test)]
fn auroc(lower: &[f64], higher: &[f64]) -> f64 {
    let mut sorted = lower.to_vec();
    sorted.sort_by(f64::total_cmp);
    let below = |value: &f64| {
        let less = sorted.partition_point(|known| known < value);
        let up_to = sorted.partition_point(|known| known <= value);
        (less + up_to) as f64 / 2.0
    };
    higher.iter().map(below).sum::<f64>() / (lower.len() * higher.len()).max(1) as f64
}

/// The plain twin of the second.
#[cfg(test)]
fn fpr95(lower: &[f64], higher: &[f64]) -> f64 {
    let mut sorted = lower.to_vec();
    sorted.sort_by(f64::total_cmp);
    // The smallest threshold that lets at least 95 % through.
    let threshold = sorted[((0.95 * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1];
    higher.iter().filter(|value| **value <= threshold).count() as f64 / higher.len().max(1) as f64
}

/// The area under the ROC curve, the chance that a value of `higher` is larger than one of `lower`, ties counting half; and
/// the share of `higher` that is let through where the threshold lets 95 % of `lower` through, the false positives at 95 % true
/// positives. With their bootstrap intervals. Values are sorted once: a draw is then told by how often each of
/// them is in it.
pub(crate) fn detection(lower: &[f64], higher: &[f64], seed: u64) -> [Estimate; 2] {
    let mut values = [lower, higher].concat();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let place = |value: &f64| values.partition_point(|known| known < value);
    let places = [lower, higher].map(|group| group.iter().map(place).collect::<Vec<usize>>());
    let sizes = [lower.len(), higher.len()];
    let least = (0.95 * sizes[0] as f64).ceil().max(1.0) as u64;
    Estimate::bootstrap_of_counts(sizes, seed, |counts| {
        let mut at = vec![[0u64; 2]; values.len()];
        for (group, (places, counts)) in places.iter().zip(counts).enumerate() {
            places.iter().zip(counts).for_each(|(place, count)| at[*place][group] += u64::from(*count));
        }
        let (mut passed, mut twice_below, mut let_through) = (0, 0, 0);
        for [known, novel] in at {
            // The threshold is the first value at which enough of the known have passed.
            if passed < least {
                let_through += novel;
            }
            twice_below += novel * (2 * passed + known);
            passed += known;
        }
        let pairs = (sizes[0] * sizes[1]).max(1) as f64;
        [twice_below as f64 / 2.0 / pairs, let_through as f64 / sizes[1].max(1) as f64]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn boxes_and_areas_are_those_computed_by_hand() {
        let five = Box5::of(vec![4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((five.min, five.q1, five.median, five.q3, five.max, five.mean), (1.0, 1.75, 2.5, 3.25, 4.0, 2.5));
        assert_eq!(Box5::of(Vec::new()), None);
        // Pairs: 2 > 1, 2 = 2, 3 > 1, 3 > 2: 3.5 of 4.
        assert_eq!(auroc(&[1.0, 2.0], &[2.0, 3.0]), 0.875);
        let inside: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(fpr95(&inside, &[18.0, 19.0, 19.5, 30.0]), 0.5);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn counting_draws_gives_what_drawing_values_gives(
            a in prop::collection::vec(0u8..30, 1..40), b in prop::collection::vec(0u8..30, 1..40), seed in 0u64..9
        ) {
            let [a, b] = [a, b].map(|values| values.into_iter().map(f64::from).collect::<Vec<_>>());
            let plain = |of: fn(&[f64], &[f64]) -> f64| {
                Estimate::bootstrap(&[&a, &b], seed, |groups| of(&groups[0], &groups[1]))
            };
            prop_assert_eq!(detection(&a, &b, seed), [plain(auroc), plain(fpr95)]);
        }
    }

    proptest! {
        #[test]
        fn the_area_turns_around_with_the_groups(
            a in prop::collection::vec(0u8..20, 1..40), b in prop::collection::vec(0u8..20, 1..40)
        ) {
            let [a, b] = [a, b].map(|values| values.into_iter().map(f64::from).collect::<Vec<_>>());
            prop_assert!((auroc(&a, &b) + auroc(&b, &a) - 1.0).abs() < 1e-9);
        }
    }
}
