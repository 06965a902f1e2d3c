//! What pictures are composed of: colours, lines of text that fit, bars and framed pictures.

use crate::canvas::{Anchor, Area, Canvas, Style};
use crate::fonts::{Fonts, Weight};
use crate::picture_text::{shorten_end, wrap};
use crate::reading::pixels;
use crate::{Picture, format};

pub const GROUND: &str = "#f5f4f0";
pub const CARD: &str = "#ffffff";
pub const WELL: &str = "#eceae4";
pub const INK: &str = "#1a1d22";
pub const SOFT: &str = "#585f6a";
pub const LINE: &str = "#dedbd3";

/// A canvas with the fonts to write on it.
pub struct Sheet<'a> {
    pub canvas: Canvas<'a>,
    pub fonts: &'a Fonts,
}

pub const fn style(size: f64, weight: Weight, color: &'static str) -> Style {
    Style { size, weight, color }
}

impl<'a> Sheet<'a> {
    pub fn new(fonts: &'a Fonts) -> Self {
        Self { canvas: Canvas::new(fonts), fonts }
    }

    /// A line of text, shortened at its end to `width`.
    pub fn line(&mut self, text: &str, x: f64, y: f64, width: f64, style: Style) {
        let text = shorten_end(text, width, style.size, style.weight, self.fonts);
        self.canvas.text(&text, x, y, style, Anchor::Start);
    }

    /// Lines of text with their first base line at `y`; returns the base line after the last one.
    pub fn lines(&mut self, text: &str, x: f64, mut y: f64, width: f64, most: usize, style: Style) -> f64 {
        for line in wrap(text, width, most, style.size, style.weight, self.fonts) {
            self.canvas.text(&line, x, y, style, Anchor::Start);
            y += style.size * 1.38;
        }
        y
    }

    /// A bar filled to `share` (0..=1).
    pub fn bar(&mut self, share: f64, area: Area, color: &str) {
        self.canvas.fill(area, area.height / 2.0, WELL);
        let filled = area.width * format::width(share) / 100.0;
        if filled > 0.0 {
            // At least as wide as high, so that the smallest share is a dot.
            self.canvas.fill(Area { width: filled.max(area.height), ..area }, area.height / 2.0, color);
        }
    }

    /// Everything that `draw` adds is cut off outside a box with round corners.
    pub fn clipped(&mut self, area: Area, radius: f64, draw: impl FnOnce(&mut Self)) {
        self.canvas.clip(area, radius);
        draw(self);
        self.canvas.unclip();
    }

    /// A picture, or the reason for its absence, on a well with round corners.
    pub fn framed(&mut self, picture: &Picture, area: Area, radius: f64) {
        self.canvas.fill(area, radius, WELL);
        let reason = match pixels(picture) {
            Ok(image) => return self.clipped(area, radius, |sheet| sheet.canvas.picture(image, area)),
            Err(reason) => format::text(reason, "No picture."),
        };
        let style = style(14.0, Weight::Regular, SOFT);
        let lines = wrap(&reason, area.width - 28.0, 4, style.size, style.weight, self.fonts);
        let mut y = area.y + area.height / 2.0 - (lines.len() as f64 - 1.0) * 10.0 + 5.0;
        for line in lines {
            self.canvas.text(&line, area.x + area.width / 2.0, y, style, Anchor::Middle);
            y += 20.0;
        }
    }
}
