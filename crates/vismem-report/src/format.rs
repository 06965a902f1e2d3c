//! How numbers and user text are written, the same on every page and picture.

use crate::shown::deceives;
pub use crate::words::{NOTHING, count, counted, percent};

/// A share as a CSS or SVG length in percent: a plain number 0..=100.
pub fn width(share: f64) -> f64 {
    if share.is_finite() { (share.clamp(0.0, 1.0) * 10_000.0).round() / 100.0 } else { 0.0 }
}

/// A cosine distance with three digits after the point.
pub fn distance(value: f64) -> String {
    // Adding zero turns -0.0 into 0.0; the clamp hides rounding below zero of a picture compared with itself.
    if value.is_finite() { format!("{:.3}", value.max(0.0) + 0.0) } else { NOTHING.into() }
}

/// A weight with three significant digits.
pub fn weight(value: f64) -> String {
    match value {
        v if !v.is_finite() => NOTHING.into(),
        0.0 => "0".into(),
        v if v.abs() >= 1e6 || v.abs() < 1e-3 => format!("{v:.2e}"),
        v => format!("{v:.*}", (2 - v.abs().log10().floor() as i32).clamp(0, 5) as usize),
    }
}

/// User text that can stand in HTML and XML: control characters (which XML refuses) and whatever else [deceives] become
/// spaces, and an empty text becomes `empty`.
pub fn text(user: &str, empty: &str) -> String {
    let clean: String =
        user.chars().map(|c| if deceives(c) || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c }).collect();
    if clean.trim().is_empty() { empty.into() } else { clean }
}

/// The last `most` characters of a path, which say more than the first ones, after an ellipsis if some are left out; from
/// the beginning of a folder's name where one is among them.
pub fn tail(path: &str, most: usize) -> String {
    match path.char_indices().rev().nth(most.saturating_sub(1)) {
        Some((start, _)) if start > 0 => {
            let rest = &path[start..];
            format!("…{}", rest.find('/').map_or(rest, |slash| &rest[slash..]))
        }
        _ => path.into(),
    }
}

/// A label as it is shown.
pub fn label(user: &str) -> String {
    text(user, "(empty label)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_are_dashes() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!([percent(bad), distance(bad), weight(bad)], [NOTHING; 3]);
            assert_eq!(width(bad), 0.0);
        }
    }

    #[test]
    fn a_picture_compared_with_itself_has_no_negative_distance() {
        assert_eq!(distance(-1e-7), "0.000");
        assert_eq!(distance(-0.0), "0.000");
    }

    #[test]
    fn weights_have_three_significant_digits() {
        assert_eq!(weight(0.5), "0.500");
        assert_eq!(weight(1.0 / 22.0), "0.0455");
        assert_eq!(weight(123.456), "123");
        assert_eq!(weight(1_603_000.0), "1.60e6");
    }

    #[test]
    fn a_long_path_keeps_its_end() {
        assert_eq!(tail("a/b/c.jpg", 9), "a/b/c.jpg");
        assert_eq!(tail("a/b/ç.jpg", 5), "…ç.jpg");
        assert_eq!(tail("/photos/zebra/0.png", 14), "…/zebra/0.png");
        assert_eq!(tail("", 5), "");
    }

    #[test]
    fn control_characters_never_reach_a_page() {
        assert_eq!(text("a\u{0}b\u{1b}[1m", ""), "a b [1m");
        assert_eq!(text("cat\u{202e}gpj.exe\u{2066}", ""), "cat gpj.exe ");
        assert_eq!(label(" \t"), "(empty label)");
    }
}
