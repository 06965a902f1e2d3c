//! Writes what the plotting library draws as SVG with classes.

use std::convert::Infallible;
use std::fmt::{self, Write};

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};

use super::ink::Ink;
use crate::fonts::{Fonts, Weight};
use crate::format;

/// Units of the library in a pixel: its coordinates are whole numbers, and curves drawn in whole pixels have steps.
pub const UNITS: i32 = 10;

/// Text as it can stand inside an XML element or attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in format::text(text, "").chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Receives the library's drawing calls.
pub struct Svg<'a> {
    body: &'a mut String,
    size: (u32, u32),
    fonts: &'a Fonts,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl<'a> Svg<'a> {
    /// `size` in units. What is drawn is appended to `body`.
    pub fn new(body: &'a mut String, size: (u32, u32), fonts: &'a Fonts) -> Self {
        Self { body, size, fonts }
    }

    fn push(&mut self, element: fmt::Arguments) -> Drawn {
        self.body.write_fmt(element).expect("writing to a String cannot fail");
        Ok(())
    }

    /// An element that `color` strokes or fills; nothing if it is transparent.
    fn element(&mut self, color: BackendColor, name: &str, shape: fmt::Arguments) -> Drawn {
        if color.alpha == 0.0 {
            return Ok(());
        }
        let ink = Ink::of_color(color);
        let class = ink.class();
        match ink.dash() {
            Some(dash) => self.push(format_args!(r#"<{name} class="{class}" stroke-dasharray="{dash}" {shape}/>"#)),
            None => self.push(format_args!(r#"<{name} class="{class}" {shape}/>"#)),
        }
    }
}

/// A length in pixels, without digits that say nothing.
struct Pixels(i32);

impl fmt::Display for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, tenths) = (self.0.abs() / UNITS, self.0.abs() % UNITS);
        let sign = if self.0 < 0 { "-" } else { "" };
        if tenths == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{tenths}") }
    }
}

/// A path from point to point; the first is absolute and the others relative, which is shorter.
fn path(points: impl IntoIterator<Item = BackendCoord>) -> String {
    let mut out = String::new();
    let mut last: Option<BackendCoord> = None;
    for (x, y) in points {
        let command = match last {
            None => format!("M{} {}", Pixels(x), Pixels(y)),
            Some(point) if point == (x, y) => continue,
            Some((x0, y0)) => format!("l{} {}", Pixels(x - x0), Pixels(y - y0)),
        };
        out.push_str(&command);
        last = Some((x, y));
    }
    out
}

impl DrawingBackend for Svg<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        let (x, y, side) = (Pixels(x), Pixels(y), Pixels(1));
        self.element(color, "rect", format_args!(r#"x="{x}" y="{y}" width="{side}" height="{side}""#))
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        _: bool,
    ) -> Drawn {
        let (x, y) = (Pixels(left.min(right)), Pixels(top.min(bottom)));
        let (width, height) = (Pixels((right - left).abs()), Pixels((bottom - top).abs()));
        self.element(style.color(), "rect", format_args!(r#"x="{x}" y="{y}" width="{width}" height="{height}""#))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, points: I, style: &S) -> Drawn {
        let path = path(points);
        self.element(style.color(), "path", format_args!(r#"d="{path}""#))
    }

    fn draw_circle<S: BackendStyle>(&mut self, (x, y): BackendCoord, radius: u32, style: &S, _: bool) -> Drawn {
        let (x, y, radius) = (Pixels(x), Pixels(y), Pixels(radius as i32));
        self.element(style.color(), "circle", format_args!(r#"cx="{x}" cy="{y}" r="{radius}""#))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, corners: I, style: &S) -> Drawn {
        let path = path(corners);
        self.element(style.color(), "path", format_args!(r#"d="{path}z""#))
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let size = style.size() / f64::from(UNITS);
        // Where the base line is, from the top, the middle or the bottom of capital letters.
        let drop = match style.anchor().v_pos {
            VPos::Top => 0.75,
            VPos::Center => 0.36,
            VPos::Bottom => -0.2,
        };
        let y = f64::from(y) / f64::from(UNITS) + drop * size;
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Center => r#" text-anchor="middle""#,
            HPos::Right => r#" text-anchor="end""#,
        };
        let (class, x, text) = (Ink::of_color(style.color()).class(), Pixels(x), escape(text));
        self.push(format_args!(r#"<text class="{class}" x="{x}" y="{y:.1}"{anchor}>{text}</text>"#))
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let width = self.fonts.width(text, style.size(), Weight::Regular);
        Ok((width.ceil() as u32, style.size().ceil() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_element() {
        assert_eq!(escape("</text><a b='c' d=\"&\">"), "&lt;/text&gt;&lt;a b=&#39;c&#39; d=&quot;&amp;&quot;&gt;");
        assert_eq!(escape("\u{0}\u{ffff}x"), "  x");
    }

    #[test]
    fn paths_are_short_and_in_pixels() {
        assert_eq!(path([(10, 25), (20, 25), (20, 25), (15, -5)]), "M1 2.5l1 0l-0.5 -3");
        assert_eq!(path([]), "");
    }
}
