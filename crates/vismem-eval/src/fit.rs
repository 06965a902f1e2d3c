//! Straight lines through points, with their errors: both laws of the paper are straight in the right coordinates.

use serde::{Deserialize, Serialize};

/// y = a · x + b by least squares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Slope.
    pub a: f64,
    /// Intercept.
    pub b: f64,
    /// Standard error of `a`.
    pub a_error: f64,
    /// Standard error of `b`.
    pub b_error: f64,
    /// The share of the variance of y that the line explains, 0..=1.
    pub r_squared: f64,
    /// Standard error of a residual: √(Σ(y − a·x − b)² / (n − 2)).
    pub residual: f64,
    /// How many points.
    pub n: usize,
    /// Mean of x.
    pub mean_x: f64,
    /// Σ(x − mean)².
    pub spread_x: f64,
}

impl Line {
    /// Through points (x, y); `None` of fewer than three, which lie on a line whatever they are, or where they have not two
    /// different x.
    pub fn through(points: &[(f64, f64)]) -> Option<Self> {
        let n = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
        let spread_x: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
        // Not only rounding apart.
        if points.len() < 3 || spread_x.is_nan() || spread_x <= 1e-12 * mean_x.powi(2) {
            return None;
        }
        let a = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / spread_x;
        let b = mean_y - a * mean_x;
        let squares: f64 = points.iter().map(|(x, y)| (y - a * x - b).powi(2)).sum();
        let total: f64 = points.iter().map(|(_, y)| (y - mean_y).powi(2)).sum();
        let residual = (squares / (n - 2.0)).sqrt();
        Some(Self {
            a,
            b,
            a_error: residual / spread_x.sqrt(),
            b_error: residual * (1.0 / n + mean_x * mean_x / spread_x).sqrt(),
            r_squared: if total > 0.0 { (1.0 - squares / total).clamp(0.0, 1.0) } else { 1.0 },
            residual,
            n: points.len(),
            mean_x,
            spread_x,
        })
    }

    /// The line at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.a * x + self.b
    }

    /// Half the width of the 95 % prediction band at `x`: where the next point will lie.
    pub fn band(&self, x: f64) -> f64 {
        self.half_width(x, 1.0)
    }

    /// Half the width of the 95 % confidence band at `x`: where the line itself lies.
    pub fn confidence(&self, x: f64) -> f64 {
        self.half_width(x, 0.0)
    }

    /// `of_a_point` is the variance of a point around the line, in those of a residual.
    fn half_width(&self, x: f64, of_a_point: f64) -> f64 {
        let width = of_a_point + 1.0 / self.n as f64 + (x - self.mean_x).powi(2) / self.spread_x;
        t_quantile(self.n.saturating_sub(2).max(1)) * self.residual * width.sqrt()
    }
}

/// A number that is added to something before it: `+ 0.52`, `− 0.52`.
pub(crate) fn plus(number: f64, digits: usize) -> String {
    let sign = if number < 0.0 { '−' } else { '+' };
    format!("{sign} {:.digits$}", number.abs())
}

/// The quantile of Student's t that leaves 2.5 % on either side.
fn t_quantile(freedom: usize) -> f64 {
    const T: [f64; 20] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
        2.120, 2.110, 2.101, 2.093, 2.086,
    ];
    // The beginning of its expansion in 1 / freedom is good to three digits from there on.
    let (z, n) = (crate::interval::Z, freedom as f64);
    let first = (z.powi(3) + z) / (4.0 * n);
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n.powi(2));
    T.get(freedom - 1).copied().unwrap_or(z + first + second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_that_of_the_textbook() {
        // Anscombe's first set: y = 0.5 x + 3, standard errors 0.1179 and 1.1247, R² 0.667, residual 1.237.
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
        let line = Line::through(&x.into_iter().zip(y).collect::<Vec<_>>()).unwrap();
        for (ours, theirs) in [
            (line.a, 0.5001),
            (line.b, 3.0001),
            (line.a_error, 0.1179),
            (line.b_error, 1.1247),
            (line.r_squared, 0.6665),
            (line.residual, 1.2366),
            // t(9) = 2.262; at the mean of x the band is t · s · √(1 + 1/11).
            (line.band(9.0), 2.262 * 1.2366 * (12.0f64 / 11.0).sqrt()),
            (line.confidence(9.0), 2.262 * 1.2366 * (1.0f64 / 11.0).sqrt()),
        ] {
            assert!((ours - theirs).abs() < 5e-4, "{ours}, not {theirs}");
        }
        assert!((t_quantile(21) - 2.080).abs() < 2e-3 && (t_quantile(100) - 1.984).abs() < 1e-3);
        assert_eq!(Line::through(&[(1.0, 2.0), (2.0, 3.0)]), None);
        assert_eq!(Line::through(&[(1.0, 2.0), (1.0, 3.0), (1.0, 4.0)]), None);
    }

    proptest! {
        #[test]
        fn points_on_a_line_give_that_line(a in -5.0f64..5.0, b in -5.0f64..5.0, n in 3usize..30) {
            let points: Vec<(f64, f64)> = (0..n).map(|x| (x as f64, a * x as f64 + b)).collect();
            let line = Line::through(&points).unwrap();
            prop_assert!((line.a - a).abs() < 1e-9 && (line.b - b).abs() < 1e-9 && line.residual < 1e-9);
        }
    }
}
