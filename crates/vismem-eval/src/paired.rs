//! Whether a way to decide is better than another, or only seems so on these cases: both decided the same ones, so that
//! those alone tell which one decides right and the other wrong.

use serde::{Deserialize, Serialize};

/// Two ways to decide the same cases, the second of which may be the best of many that were tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paired {
    /// Cases that the second decides right and the first wrong.
    pub gained: u64,
    /// Cases that the first decides right and the second wrong.
    pub lost: u64,
    /// How many ways the second was chosen from on these cases: 1 where it was not chosen on them.
    pub tried: u64,
}

/// What is rarer than this, if neither is better, is not taken for chance.
const LEVEL: f64 = 0.05;

impl Paired {
    /// Compares decisions, case by case: whether each is right.
    pub fn of(first: &[bool], second: &[bool], tried: usize) -> Self {
        let count = |is: &dyn Fn(bool, bool) -> bool| {
            first.iter().zip(second).filter(|(first, second)| is(**first, **second)).count() as u64
        };
        let (gained, lost) = (count(&|first, second| second && !first), count(&|first, second| first && !second));
        Self { gained, lost, tried: tried.max(1) as u64 }
    }

    /// How likely a difference at least as large is where neither is better, 0..=1: McNemar's test in its exact form
    /// (two-sided), times the number of ways that the second was chosen from (Bonferroni).
    pub fn p(&self) -> f64 {
        (exact_mcnemar(self.gained, self.lost) * self.tried as f64).min(1.0)
    }

    /// Whether the second is better and that is more than chance may do.
    pub fn is_better(&self) -> bool {
        self.gained > self.lost && self.p() < LEVEL
    }
}

/// Twice the chance that a fair coin shows its rarer side so seldom, or even more seldom, in `gained + lost` throws; at most
/// 1.
fn exact_mcnemar(gained: u64, lost: u64) -> f64 {
    let (n, fewer) = (gained + lost, gained.min(lost));
    // The largest term by logarithms, the others by their ratio to the one after: nothing overflows.
    let choices: f64 = (0..fewer).map(|i| ((n - i) as f64 / (i + 1) as f64).ln()).sum();
    let largest = (choices - n as f64 * std::f64::consts::LN_2).exp();
    let (mut term, mut sum) = (1.0, 1.0);
    for i in (1..=fewer).rev() {
        term *= i as f64 / (n - i + 1) as f64;
        sum += term;
        if term < f64::EPSILON * sum {
            break;
        }
    }
    (2.0 * largest * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_chance_of_a_difference_is_that_of_the_exact_test() {
        // scipy.stats.binomtest(lost, gained + lost, 0.5).pvalue of SciPy 1.17.1.
        for (gained, lost, expected) in [
            (0, 0, 1.0),
            (3, 0, 0.25),
            (8, 1, 0.0390625),
            (15, 5, 0.04138946533203125),
            (60, 30, 0.0020602656809630745),
            (600, 480, 0.0002895729029358247),
            (50_500, 49_000, 2.0117997236649153e-6),
            (7, 7, 1.0),
        ] {
            for p in [exact_mcnemar(gained, lost), exact_mcnemar(lost, gained)] {
                assert!((p / expected - 1.0).abs() < 1e-8, "{gained} to {lost}: {p}");
            }
        }
    }

    #[test]
    fn the_best_of_many_must_be_better_by_more() {
        let of = |gained, tried| Paired { gained, lost: 0, tried };
        assert!(!of(5, 1).is_better() && of(6, 1).is_better(), "2/32 and 2/64");
        assert!(!of(12, 200).is_better() && of(13, 200).is_better(), "200 · 2/4096 and 200 · 2/8192");
        assert!(!Paired { gained: 0, lost: 9, tried: 1 }.is_better(), "worse is not better");
    }

    #[test]
    fn those_alone_count_that_one_of_both_decides_right() {
        let (first, second) = ([true, true, false, false, false], [true, false, true, true, false]);
        assert_eq!(Paired::of(&first, &second, 0), Paired { gained: 2, lost: 1, tried: 1 });
    }

    proptest! {
        #[test]
        fn sums_of_binomial_coefficients_are_the_same(gained in 0u64..30, lost in 0u64..30) {
            let n = gained + lost;
            let choose = |k: u64| (0..k).fold(1u128, |product, i| product * u128::from(n - i) / u128::from(i + 1));
            let tail: u128 = (0..=gained.min(lost)).map(choose).sum();
            let expected = (2.0 * tail as f64 / 2f64.powi(n as i32)).min(1.0);
            let p = exact_mcnemar(gained, lost);
            prop_assert!((p - expected).abs() < 1e-12, "{p}, not {expected}");
        }
    }
}
