//! How sure a share is.

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// The quantile of the standard normal distribution that leaves 2.5 % on either side: all intervals are of 95 %.
pub(crate) const Z: f64 = 1.959_963_984_540_054;

/// A share of independent cases, such as an accuracy, with its 95 % Wilson interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The share, 0..=1.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How many cases it is a share of, at least 1.
    pub n: u64,
}

impl Share {
    /// `right` of `n` cases; `None` of no case.
    pub fn of(right: u64, n: u64) -> Option<Self> {
        let (low, high) = wilson(right, n)?;
        Some(Self { value: right as f64 / n as f64, low, high, n })
    }

    /// The share as a number of cases.
    pub fn count(&self) -> u64 {
        (self.value * self.n as f64).round() as u64
    }
}

/// The 95 % Wilson score interval of `right` among `n` independent cases (Wilson, 1927): unlike the one that adds and
/// subtracts a standard error it stays within 0..=1 and makes sense at 0 and at 1. `None` of no case.
pub fn wilson(right: u64, n: u64) -> Option<(f64, f64)> {
    (n > 0).then(|| wilson_of(right as f64 / n as f64, n))
}

pub(crate) fn wilson_of(p: f64, n: u64) -> (f64, f64) {
    let n = n as f64;
    let (scale, middle) = (1.0 + Z * Z / n, p + Z * Z / (2.0 * n));
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    // The ends are exact at 0 and 1; rounding would take them a hair beyond.
    let low = if p == 0.0 { 0.0 } else { ((middle - half) / scale).clamp(0.0, p) };
    let high = if p == 1.0 { 1.0 } else { ((middle + half) / scale).clamp(p, 1.0) };
    (low, high)
}

/// How likely no more than `right` of `n` cases are right where each is with chance `p`: the binomial distribution, exactly.
pub(crate) fn at_most(right: u64, n: u64, p: f64) -> f64 {
    if right >= n || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    // By logarithms, so that no term overflows; those that vanish add nothing.
    let (mut term, odds) = (n as f64 * (-p).ln_1p(), p.ln() - (-p).ln_1p());
    let mut sum = term.exp();
    for k in 1..=right {
        term += ((n - k + 1) as f64 / k as f64).ln() + odds;
        sum += term.exp();
    }
    sum.min(1.0)
}

/// A share that was measured several times on the same cases, with other random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Repeated {
    /// Mean of the shares, 0..=1.
    pub value: f64,
    /// Lower end of the 95 % Wilson interval of a share like the mean among `n` cases: how sure it is for other cases.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How many cases each is a share of.
    pub n: u64,
    /// How many times it was measured.
    pub runs: usize,
    /// Standard deviation between the runs; 0 of one.
    pub deviation: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Repeated {
    /// `right` of `n` cases, run by run; `None` of no run or no case.
    pub fn of(right: &[u64], n: u64) -> Option<Self> {
        if right.is_empty() || n == 0 {
            return None;
        }
        let shares: Vec<f64> = right.iter().map(|right| *right as f64 / n as f64).collect();
        let value = shares.iter().sum::<f64>() / shares.len() as f64;
        let squares: f64 = shares.iter().map(|share| (share - value).powi(2)).sum();
        let (low, high) = wilson_of(value, n);
        Some(Self {
            value,
            low,
            high,
            n,
            runs: shares.len(),
            deviation: if shares.len() > 1 { (squares / (shares.len() - 1) as f64).sqrt() } else { 0.0 },
            min: shares.iter().copied().fold(f64::INFINITY, f64::min),
            max: shares.iter().copied().fold(0.0, f64::max),
        })
    }
}

/// A statistic that is not a share, with its 95 % bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The statistic.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How often cases are drawn again.
const DRAWS: usize = 500;

impl Estimate {
    /// A statistic of groups of cases. Its interval is that of the percentiles when as many cases are drawn again from
    /// each group, with replacement (Efron and Tibshirani, 1993).
    pub(crate) fn bootstrap<T: Copy>(groups: &[&[T]], seed: u64, statistic: impl Fn(&[Vec<T>]) -> f64) -> Self {
        let value = statistic(&groups.iter().map(|group| group.to_vec()).collect::<Vec<_>>());
        let mut random = Random::new(seed);
        let mut again = |group: &&[T]| group.iter().map(|_| group[random.below(group.len())]).collect();
        let mut drawn: Vec<f64> =
            (0..DRAWS).map(|_| statistic(&groups.iter().map(&mut again).collect::<Vec<_>>())).collect();
        Self::of_draws(value, &mut drawn)
    }

    /// The same of two statistics of two groups, each made from how often each of the cases was drawn: first when every case
    /// was once. The cases are drawn as by [`Self::bootstrap`].
    pub(crate) fn bootstrap_of_counts(
        sizes: [usize; 2],
        seed: u64,
        statistics: impl Fn(&[Vec<u32>; 2]) -> [f64; 2],
    ) -> [Self; 2] {
        let values = statistics(&sizes.map(|size| vec![1; size]));
        let mut random = Random::new(seed);
        let mut again = |size: usize| {
            let mut counts = vec![0; size];
            (0..size).for_each(|_| counts[random.below(size)] += 1);
            counts
        };
        let drawn: Vec<[f64; 2]> = (0..DRAWS).map(|_| statistics(&sizes.map(&mut again))).collect();
        [0, 1].map(|of| Self::of_draws(values[of], &mut drawn.iter().map(|both| both[of]).collect::<Vec<_>>()))
    }

    fn of_draws(value: f64, drawn: &mut [f64]) -> Self {
        drawn.sort_by(f64::total_cmp);
        Self { value, low: drawn[DRAWS / 40].min(value), high: drawn[DRAWS - 1 - DRAWS / 40].max(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wilson_intervals_are_those_of_the_textbook() {
        // Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (right, n, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let (l, h) = wilson(right, n).unwrap();
            assert!((l - low).abs() < 5e-5 && (h - high).abs() < 5e-5, "{right} of {n}: {l}..{h}");
        }
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(3, 3).unwrap().1, 1.0);
    }

    #[test]
    fn the_chance_of_so_few_is_that_of_the_binomial_distribution() {
        // scipy.stats.binom.cdf of SciPy 1.17.1.
        for (right, n, p, expected) in [
            (0, 5, 0.5, 0.03125),
            (3, 20, 0.4, 0.01596116279000825),
            (40, 100, 0.5, 0.028443966820490444),
            (900, 1000, 0.92, 0.01348151495857113),
            (5, 5, 0.3, 1.0),
            (0, 3, 1.0, 0.0),
            (2, 10, 0.0, 1.0),
        ] {
            let chance = at_most(right, n, p);
            assert!((chance - expected).abs() < 1e-10, "{right} of {n} at {p}: {chance}");
        }
    }

    #[test]
    fn runs_are_summed_up_by_mean_and_deviation() {
        let repeated = Repeated::of(&[2, 4, 6], 10).unwrap();
        assert!((repeated.value - 0.4).abs() < 1e-12 && (repeated.deviation - 0.2).abs() < 1e-12);
        assert_eq!((repeated.min, repeated.max, repeated.runs), (0.2, 0.6, 3));
        assert_eq!((repeated.low, repeated.high), wilson_of(repeated.value, 10));
        let one = Repeated::of(&[5], 10).unwrap();
        assert_eq!((one.deviation, Share::of(5, 10).unwrap().low), (0.0, one.low));
        assert_eq!((Repeated::of(&[], 10), Repeated::of(&[0], 0)), (None, None));
    }

    #[test]
    fn the_bootstrap_of_a_mean_is_about_as_wide_as_theory_says() {
        let values: Vec<f64> = (0..400).map(|n| f64::from(n % 20)).collect();
        let mean = |groups: &[Vec<f64>]| groups[0].iter().sum::<f64>() / groups[0].len() as f64;
        let estimate = Estimate::bootstrap(&[&values], 0, mean);
        // Standard deviation of 0..20 is 5.766; its mean's of 400 cases 0.288.
        assert_eq!(estimate.value, 9.5);
        assert!(((estimate.high - estimate.low) / (2.0 * Z * 0.2883) - 1.0).abs() < 0.15, "{estimate:?}");
    }

    proptest! {
        #[test]
        fn a_wilson_interval_holds_its_share_and_shrinks_with_more_cases(n in 1u64..10_000, part in 0.0f64..=1.0) {
            let right = (part * n as f64) as u64;
            let share = Share::of(right, n).unwrap();
            prop_assert!(0.0 <= share.low && share.low <= share.value);
            prop_assert!(share.value <= share.high && share.high <= 1.0);
            prop_assert_eq!(share.count(), right);
            let more = Share::of(10 * right, 10 * n).unwrap();
            prop_assert!(more.high - more.low < share.high - share.low);
        }
    }
}
