//! Sets of labels that hold the right one as often as was asked for: split conformal prediction, with leave-one-out in the
//! place of held-out data (Vovk et al., 2005; the score is that of Sadinle et al., 2019, "least ambiguous sets").
//!
//! Each label of a query has a *strangeness*: 1 − p, and where that is equal the distance of its nearest exemplar. Of n exemplars that
//! were asked about themselves, the ⌈(n + 1) · coverage⌉-th smallest strangeness of the right label is the threshold: a query
//! that is drawn like them has a right label that is no stranger with at least the probability `coverage`.

/// The distance counts this much: it tells labels apart that are equally probable, and no others.
const TIE: f64 = 1e-9;

/// The strangeness of a label of this probability, 0..=1, whose nearest exemplar is at this distance; infinite where none is
/// near.
pub(crate) fn strangeness(probability: f64, nearest: f64) -> f64 {
    1.0 - probability + TIE * nearest
}

/// What thresholds go by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conformal {
    /// How many answers there are.
    pub asked: usize,
    /// How strange the right label was to each of them, in increasing order; without infinite ones.
    pub strangeness: Vec<f64>,
    /// For each of these the share of queries whose right label is expected to be no stranger. Empty where that is the share
    /// of those who were asked.
    pub expected: Vec<f64>,
}

impl Conformal {
    pub(crate) fn of(strangeness: impl IntoIterator<Item = f64>) -> Self {
        let mut strangeness: Vec<f64> = strangeness.into_iter().collect();
        let asked = strangeness.len();
        strangeness.retain(|value| value.is_finite());
        strangeness.sort_by(f64::total_cmp);
        Self { asked, strangeness, expected: Vec::new() }
    }

    /// The same for the whole memory, where that has `mean` exemplars a label: `self` comes of one less of each, and `fewer`
    /// of two less. What is known of mean − 1 and mean − 2 goes on linearly in the inverse of their number.
    pub(crate) fn extrapolated(self, fewer: &Self, mean: f64) -> Self {
        let share =
            |of: &Self, value: f64| of.strangeness.partition_point(|known| *known <= value) as f64 / of.asked as f64;
        let expected = |value: &f64| {
            let (one, two) = (share(&self, *value), share(fewer, *value));
            one + (mean - 2.0) / mean * (one - two)
        };
        let mut expected: Vec<f64> = self.strangeness.iter().map(expected).collect();
        // A threshold holds from where on all greater ones do.
        let mut least = f64::INFINITY;
        for value in expected.iter_mut().rev() {
            least = least.min(*value);
            *value = least;
        }
        Self { expected, ..self }
    }

    /// How strange a label of a set with this coverage, 0..=1, may be. The set of coverage 0 is empty; infinite where no set
    /// but that of all labels is known to have this coverage.
    pub(crate) fn threshold(&self, coverage: f64) -> f64 {
        if coverage <= 0.0 {
            return f64::NEG_INFINITY;
        }
        // Rounding must not take one more.
        let rank = ((self.asked + 1) as f64 * coverage - 1e-9).ceil().max(1.0);
        let position = match self.expected.is_empty() {
            true => rank as usize - 1,
            false => self.expected.partition_point(|share| *share < rank / self.asked as f64 - 1e-12),
        };
        match self.strangeness.get(position) {
            Some(threshold) if coverage < 1.0 => *threshold,
            _ => f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_covers_nothing_and_only_all_labels_cover_all() {
        let known = Conformal::of([0.1, 0.2, 0.3, f64::INFINITY]);
        assert_eq!(known.threshold(0.0), f64::NEG_INFINITY);
        assert_eq!(known.threshold(1.0), f64::INFINITY);
        assert_eq!(known.threshold(0.2), 0.1, "the first of four has a chance of a fifth");
        assert_eq!(known.threshold(0.21), 0.2);
        assert_eq!(known.threshold(0.6), 0.3);
        assert_eq!(known.threshold(0.61), f64::INFINITY, "the label of the fourth was not even near");
        assert_eq!(Conformal::of([]).threshold(0.5), f64::INFINITY);
    }

    #[test]
    fn where_one_more_exemplar_makes_it_easier_the_whole_memory_is_easier_still() {
        let one = Conformal::of((1..=100).map(|i| f64::from(i) / 100.0));
        let two = Conformal::of((1..=100).map(|i| f64::from(i) / 90.0));
        let plain = one.threshold(0.9);
        let all = one.extrapolated(&two, 4.0);
        // At 0.87 the shares are 0.87 and 0.78, so that 0.87 + (0.87 − 0.78) / 2 are expected of the whole memory.
        assert_eq!((plain, all.threshold(0.9)), (0.91, 0.87));
        assert!(all.expected.is_sorted());
    }

    proptest! {
        #[test]
        fn of_exchangeable_values_as_many_as_asked_are_below_the_threshold(
            values in prop::collection::vec(0u32..50, 2..80), percent in 1u32..100,
        ) {
            let coverage = f64::from(percent) / 100.0;
            // Each in turn is the query, and the others were asked.
            let covered = (0..values.len()).filter(|&query| {
                let others = values.iter().enumerate().filter(|(at, _)| *at != query);
                let known = Conformal::of(others.map(|(_, value)| f64::from(*value)));
                f64::from(values[query]) <= known.threshold(coverage)
            });
            prop_assert!(covered.count() as f64 >= coverage * values.len() as f64 - 1e-6);
        }

        #[test]
        fn greater_coverage_has_a_greater_threshold(
            one in prop::collection::vec(0.0..1.0, 1..60), two in prop::collection::vec(0.0..1.0, 1..60),
            low in 0.0..=1.0, high in 0.0..=1.0, extrapolated in any::<bool>(),
        ) {
            let known = Conformal::of(one);
            let known = if extrapolated { known.extrapolated(&Conformal::of(two), 3.0) } else { known };
            prop_assert!(known.threshold(f64::min(low, high)) <= known.threshold(f64::max(low, high)));
        }
    }
}
