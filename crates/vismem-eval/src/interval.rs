//! How sure a share is.

use serde::{Deserialize, Serialize};

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
    if n == 0 {
        return None;
    }
    let (n, p) = (n as f64, right as f64 / n as f64);
    let (scale, middle) = (1.0 + Z * Z / n, p + Z * Z / (2.0 * n));
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    // The ends are exact at 0 and 1; rounding would take them a hair beyond.
    let low = if right == 0 { 0.0 } else { ((middle - half) / scale).clamp(0.0, p) };
    let high = if p == 1.0 { 1.0 } else { ((middle + half) / scale).clamp(p, 1.0) };
    Some((low, high))
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
