//! What is drawn with: classes of a style sheet instead of colours, so that one drawing is right in light and dark.
//!
//! The plotting library knows colours only. An [`Ink`] travels through it as a colour whose red, green and blue are role,
//! tone and dash.

use std::fmt::Write;

use plotters::prelude::RGBColor;
use plotters_backend::BackendColor;

use crate::palette::{Scheme, TONES, tone_color};

/// What a mark is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Text that is read first.
    Text,
    /// Text that is read after it.
    Soft,
    /// Lines of the grid.
    Grid,
    /// The axis.
    Axis,
    /// A reference line.
    Reference,
    /// A line of data.
    Line,
    /// A thin line of data: intervals, whiskers.
    Thin,
    /// A line of the paper's data.
    Paper,
    /// A filled mark.
    Mark,
    /// A hollow mark: the paper's data.
    Hollow,
    /// The band of an interval.
    Band,
    /// A bar.
    Bar,
    /// A box of quartiles.
    Box,
    /// A bar or a box of the paper's data.
    HollowBar,
}

const ROLES: [(Role, char); 14] = [
    (Role::Text, 't'),
    (Role::Soft, 's'),
    (Role::Grid, 'g'),
    (Role::Axis, 'a'),
    (Role::Reference, 'r'),
    (Role::Line, 'l'),
    (Role::Thin, 'n'),
    (Role::Paper, 'p'),
    (Role::Mark, 'm'),
    (Role::Hollow, 'h'),
    (Role::Band, 'b'),
    (Role::Bar, 'B'),
    (Role::Box, 'x'),
    (Role::HollowBar, 'H'),
];

/// Dashes of lines: tones that a reader cannot tell apart differ in these.
pub const DASHES: [&str; 7] = ["", "8 4", "2 3", "9 3 2 3", "5 2", "12 3 2 3 2 3", "1 2"];

/// A role, a tone of the palette and a dash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink {
    role: Role,
    tone: usize,
    dash: usize,
}

impl Ink {
    /// An ink that has no tone.
    pub fn plain(role: Role) -> Self {
        Self { role, tone: 0, dash: 0 }
    }

    /// The ink of the series at `place` of the palette; further ones share the last tone.
    pub fn of(role: Role, place: usize) -> Self {
        Self { role, tone: place.min(TONES - 1), dash: 0 }
    }

    /// A line with the dash at `place`.
    #[must_use]
    pub fn dashed(self, place: usize) -> Self {
        Self { dash: place % DASHES.len(), ..self }
    }

    /// As the library's drawing elements take it.
    pub fn color(self) -> RGBColor {
        RGBColor(self.role as u8, self.tone as u8, self.dash as u8)
    }

    /// As the library hands it to what writes the drawing.
    pub fn of_color(color: BackendColor) -> Self {
        let (role, tone, dash) = color.rgb;
        let role = ROLES.get(usize::from(role)).map_or(Role::Text, |(role, _)| *role);
        Self { role, tone: usize::from(tone), dash: usize::from(dash) }
    }

    /// The class of the style sheet.
    pub fn class(self) -> String {
        let letter = ROLES[self.role as usize].1;
        if self.has_tone() { format!("f{letter}{}", self.tone) } else { format!("f{letter}") }
    }

    /// The dash as SVG writes it, if the line has one.
    pub fn dash(self) -> Option<&'static str> {
        DASHES.get(self.dash).copied().filter(|dash| !dash.is_empty())
    }

    fn has_tone(self) -> bool {
        !matches!(self.role, Role::Text | Role::Soft | Role::Grid | Role::Axis | Role::Reference)
    }
}

/// The rules for all classes, light and dark, for a page or a single drawing.
pub fn stylesheet() -> String {
    let mut css = String::from(
        ".figure text{font-size:13px;font-family:inherit}\
         .fg,.fa,.fr,[class^=fl],[class^=fn],[class^=fp]{fill:none;stroke-linejoin:round}\
         .fg{stroke-width:1}.fa{stroke-width:1.2}.fr{stroke-width:1.4;stroke-dasharray:5 4}\
         [class^=fl]{stroke-width:2.2}[class^=fn],[class^=fH]{stroke-width:1.6}\
         [class^=fp]{stroke-width:1.4}[class^=fh]{stroke-width:1.6}\
         [class^=fb]{fill-opacity:.17}[class^=fB]{fill-opacity:.8}[class^=fx]{fill-opacity:.35;stroke-width:1.6}[class^=fH]{stroke-dasharray:4 3}\n",
    );
    colors(&mut css, Scheme::Light);
    css.push_str("@media screen and (prefers-color-scheme: dark){\n");
    colors(&mut css, Scheme::Dark);
    css.push_str("}\n");
    css
}

fn colors(css: &mut String, scheme: Scheme) {
    let (ink, soft, line, card) = scheme.ground();
    let mut rule = |rule: std::fmt::Arguments| css.write_fmt(rule).expect("writing to a String cannot fail");
    rule(format_args!(".ft{{fill:{ink}}}.fs{{fill:{soft}}}.fg{{stroke:{line}}}.fa,.fr{{stroke:{soft}}}"));
    for tone in 0..TONES {
        let color = tone_color(tone, scheme);
        rule(format_args!(
            ".fl{tone},.fn{tone},.fp{tone},.fh{tone},.fH{tone},.fx{tone}{{stroke:{color}}}.fm{tone},.fb{tone},.fB{tone},.fx{tone}{{fill:{color}}}.fh{tone},.fH{tone}{{fill:{card}}}"
        ));
    }
    css.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ink_survives_the_way_through_the_plotting_library() {
        for (role, _) in ROLES {
            for tone in 0..TONES {
                let ink = Ink::of(role, tone).dashed(tone);
                let RGBColor(r, g, b) = ink.color();
                assert_eq!(Ink::of_color(BackendColor { alpha: 1.0, rgb: (r, g, b) }), ink);
                assert!(stylesheet().contains(&format!(".{}", ink.class())), "{}", ink.class());
            }
        }
        assert!(ROLES.iter().enumerate().all(|(i, (role, _))| *role as usize == i));
    }
}
