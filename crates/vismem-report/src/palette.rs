//! Colours of labels: the same label has the same colour everywhere on a page, the decision always the first.
//!
//! The hues follow Okabe and Ito's palette for colour-blind readers, shifted until each has a contrast of at least 3:1
//! against the cards it stands on, light and dark. Colour never speaks alone: the label is always written beside it.

/// A label's place in the palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tone(usize);

struct Swatch {
    light: &'static str,
    dark: &'static str,
}

const SWATCHES: [Swatch; 8] = [
    Swatch { light: "#0067a8", dark: "#5ab4f0" }, // blue: the decision
    Swatch { light: "#d1500a", dark: "#ff8c4b" }, // vermilion
    Swatch { light: "#008a64", dark: "#2ec79a" }, // bluish green
    Swatch { light: "#b04f8f", dark: "#e59cc8" }, // reddish purple
    Swatch { light: "#a77a00", dark: "#f0c13a" }, // amber
    Swatch { light: "#2a93c4", dark: "#9bd8f5" }, // sky
    Swatch { light: "#5b3fa0", dark: "#ab94f2" }, // violet
    Swatch { light: "#737a85", dark: "#949ca8" }, // grey: every further label
];

/// How many tones there are.
pub const TONES: usize = SWATCHES.len();

/// Light or dark ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    /// The page's colours for ink, soft ink, lines and cards.
    pub fn ground(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Light => ("#1a1d22", "#585f6a", "#dedbd3", "#ffffff"),
            Self::Dark => ("#eceef2", "#a6adb9", "#343943", "#1d2026"),
        }
    }
}

/// The colour of the tone at `place` of the palette.
pub fn tone_color(place: usize, scheme: Scheme) -> &'static str {
    let swatch = &SWATCHES[place.min(TONES - 1)];
    match scheme {
        Scheme::Light => swatch.light,
        Scheme::Dark => swatch.dark,
    }
}

impl Tone {
    /// The tone of the label at `place` in the ranking (0 = the decision). Places beyond the palette share the grey.
    pub fn of_place(place: Option<usize>) -> Self {
        let last = SWATCHES.len() - 1;
        Self(place.map_or(last, |p| p.min(last)))
    }

    /// The CSS class that sets `--tone`, as [`stylesheet`] defines it.
    pub fn class(self) -> String {
        format!("tone-{}", self.0)
    }

    /// The colour on light ground, for pictures.
    pub fn light(self) -> &'static str {
        SWATCHES[self.0].light
    }
}

/// CSS that defines the tones: `--t0`, `--t1`, ... on the root for one colour scheme.
fn variables(pick: impl Fn(&Swatch) -> &'static str) -> String {
    SWATCHES.iter().enumerate().map(|(i, s)| format!("--t{i}:{};", pick(s))).collect()
}

/// The part of a page's style that carries the palette, for light, dark and print.
pub fn stylesheet() -> String {
    let classes: String = (0..SWATCHES.len()).map(|i| format!(".tone-{i}{{--tone:var(--t{i})}}\n")).collect();
    format!(
        ":root{{{}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{}}}}}\n{classes}",
        variables(|s| s.light),
        variables(|s| s.dark),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance as WCAG 2 defines it.
    fn luminance(hex: &str) -> f64 {
        let linear = |i: usize| {
            let v = f64::from(u8::from_str_radix(&hex[i..i + 2], 16).unwrap()) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(1) + 0.7152 * linear(3) + 0.0722 * linear(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_tone_stands_out_from_its_ground() {
        let css = include_str!("../templates/page.css");
        let (light_card, dark_card) = (Scheme::Light.ground().3, Scheme::Dark.ground().3);
        for (ink, soft, line, card) in [Scheme::Light, Scheme::Dark].map(Scheme::ground) {
            for variable in [["ink", ink], ["soft", soft], ["line", line], ["card", card]] {
                assert!(css.contains(&format!("--{}", variable.join(":"))), "{variable:?}");
            }
        }
        for swatch in &SWATCHES {
            assert!(contrast(swatch.light, light_card) >= 3.0, "{}", swatch.light);
            assert!(contrast(swatch.dark, dark_card) >= 3.0, "{}", swatch.dark);
        }
    }

    #[test]
    fn labels_beyond_the_palette_share_the_grey() {
        assert_eq!(Tone::of_place(Some(7)), Tone::of_place(Some(99)));
        assert_eq!(Tone::of_place(None), Tone::of_place(Some(99)));
        assert_ne!(Tone::of_place(Some(0)), Tone::of_place(Some(1)));
    }
}
