//! How numbers are written on axes and in tables.

use super::Unit;
use crate::format::{self, NOTHING};

/// No-break space: a number and its unit stay on one line.
const NBSP: char = '\u{a0}';

impl Unit {
    /// A value as tables say it.
    pub fn exact(self, value: f64) -> String {
        match self {
            _ if !value.is_finite() => NOTHING.into(),
            Self::Share => format!("{:.1}{NBSP}%", 100.0 * value + 0.0),
            Self::Count if value.fract() == 0.0 => format::count(value.abs() as u64),
            Self::Count => format!("{value:.1}"),
            Self::Number => format::weight(value),
        }
    }

    /// Values at ticks, all with as many digits as it takes to tell neighbours apart.
    pub fn ticks(self, ticks: &[f64]) -> Vec<String> {
        let decimals = |scale: f64| {
            let needs = |digits: usize| {
                ticks.iter().all(|tick| {
                    let scaled = tick * scale;
                    let shown = (scaled * 10f64.powi(digits as i32)).round() / 10f64.powi(digits as i32);
                    (shown - scaled).abs() <= 1e-6 * scaled.abs().max(1e-9)
                })
            };
            (0..6).find(|&digits| needs(digits)).unwrap_or(6)
        };
        match self {
            Self::Share => {
                let digits = decimals(100.0);
                ticks.iter().map(|tick| format!("{:.digits$}{NBSP}%", 100.0 * tick + 0.0)).collect()
            }
            Self::Count => ticks.iter().map(|&tick| short_count(tick)).collect(),
            // Ticks of a long logarithmic axis need different numbers of digits.
            Self::Number if spread(ticks) >= 100.0 => ticks.iter().map(|&tick| shortest(tick)).collect(),
            Self::Number => {
                let digits = decimals(1.0);
                ticks.iter().map(|tick| format!("{:.digits$}", tick + 0.0)).collect()
            }
        }
    }
}

fn spread(ticks: &[f64]) -> f64 {
    let sizes = ticks.iter().map(|tick| tick.abs()).filter(|size| *size > 0.0);
    let (least, most) = sizes.fold((f64::INFINITY, 0.0f64), |(least, most), size| (least.min(size), most.max(size)));
    if least.is_finite() { most / least } else { 1.0 }
}

/// `1,000`, `20k`, `1.5M`, `2B`.
fn short_count(value: f64) -> String {
    let scaled = |by: f64, letter: &str| {
        let digits = format!("{:.2}", value / by);
        format!("{}{letter}", digits.trim_end_matches('0').trim_end_matches('.'))
    };
    match value.abs() {
        size if size >= 1e9 => scaled(1e9, "B"),
        size if size >= 1e6 => scaled(1e6, "M"),
        size if size >= 1e4 => scaled(1e3, "k"),
        size if size.fract() == 0.0 && value >= 0.0 => format::count(size as u64),
        _ => shortest(value),
    }
}

fn shortest(value: f64) -> String {
    match value.abs() {
        size if size != 0.0 && !(1e-4..1e6).contains(&size) => format!("{value:e}"),
        // Fifteen digits hide what binary fractions add: 0.30000000000000004.
        _ => format!("{}", format!("{value:.12}").parse::<f64>().unwrap_or(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_have_as_many_digits_as_they_need_and_no_more() {
        assert_eq!(Unit::Share.ticks(&[0.8, 0.85, 0.9]), ["80\u{a0}%", "85\u{a0}%", "90\u{a0}%"]);
        assert_eq!(Unit::Share.ticks(&[0.8, 0.805]), ["80.0\u{a0}%", "80.5\u{a0}%"]);
        assert_eq!(Unit::Number.ticks(&[0.0, 0.1, 0.2, 0.30000000000000004]), ["0.0", "0.1", "0.2", "0.3"]);
        assert_eq!(Unit::Number.ticks(&[0.001, 0.1, 10.0]), ["0.001", "0.1", "10"]);
        assert_eq!(Unit::Count.ticks(&[1.0, 1000.0, 20_000.0, 1.5e6, 2e9]), ["1", "1,000", "20k", "1.5M", "2B"]);
        assert_eq!(Unit::Number.ticks(&[1e-9, 1e7]), ["1e-9", "1e7"]);
    }

    #[test]
    fn tables_say_what_was_measured() {
        assert_eq!(Unit::Share.exact(0.83649), "83.6\u{a0}%");
        assert_eq!(Unit::Share.exact(1.0), "100.0\u{a0}%");
        assert_eq!(Unit::Count.exact(1_281_167.0), "1,281,167");
        assert_eq!(Unit::Number.exact(f64::NAN), NOTHING);
    }
}
