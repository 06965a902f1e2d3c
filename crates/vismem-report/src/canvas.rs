//! A drawing made of boxes, texts and pictures, rendered to PNG.

use std::fmt::Write;
use std::sync::Arc;

use image::RgbImage;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{ImageHrefResolver, ImageKind, Tree};

use crate::fonts::{FAMILY, Fonts, Weight};
use crate::{Error, format, thumbnail};

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

/// A rectangle in pixels, its corner at the top left.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Where a text is anchored at its `x`.
#[derive(Debug, Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub size: f64,
    pub weight: Weight,
    pub color: &'static str,
}

/// Collects shapes, then renders them.
#[derive(Default)]
pub struct Canvas {
    svg: String,
    pictures: Vec<Arc<Vec<u8>>>,
}

impl Canvas {
    /// A filled box with round corners.
    pub fn fill(&mut self, area: Area, radius: f64, color: &str) {
        self.shape(area, radius, &format!(r#"fill="{color}""#));
    }

    /// The outline of a box, drawn inside it; `dash` as in SVG, empty for a full line.
    pub fn outline(&mut self, area: Area, radius: f64, color: &str, dash: &str) {
        let inner = Area { x: area.x + 0.5, y: area.y + 0.5, width: area.width - 1.0, height: area.height - 1.0 };
        self.shape(inner, radius, &format!(r#"fill="none" stroke="{color}" stroke-dasharray="{dash}""#));
    }

    fn shape(&mut self, Area { x, y, width, height }: Area, radius: f64, paint: &str) {
        let (width, height) = (width.max(0.0), height.max(0.0));
        self.push(format_args!(
            r#"<rect x="{x:.2}" y="{y:.2}" width="{width:.2}" height="{height:.2}" rx="{radius}" {paint}/>"#
        ));
    }

    /// A stroked path in a box of 16 × 16 units, scaled to `size` pixels.
    pub fn icon(&mut self, path: &str, x: f64, y: f64, size: f64, color: &str) {
        let scale = size / 16.0;
        self.push(format_args!(
            r#"<path transform="translate({x:.2} {y:.2}) scale({scale:.4})" d="{path}" fill="none" stroke="{color}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>"#
        ));
    }

    /// One line of text on the base line `y`.
    pub fn text(&mut self, text: &str, x: f64, y: f64, style: Style, anchor: Anchor) {
        let Style { size, weight, color } = style;
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (weight, text) = (weight.css(), escape(text));
        self.push(format_args!(
            r#"<text x="{x:.2}" y="{y:.2}" font-family="{FAMILY}" font-size="{size}" font-weight="{weight}" fill="{color}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    /// What follows is cut off outside a box with round corners, until [`Canvas::unclip`].
    pub fn clip(&mut self, Area { x, y, width, height }: Area, radius: f64) {
        let name = self.svg.len();
        self.push(format_args!(
            r##"<clipPath id="c{name}"><rect x="{x:.2}" y="{y:.2}" width="{width:.2}" height="{height:.2}" rx="{radius}"/></clipPath><g clip-path="url(#c{name})">"##
        ));
    }

    pub fn unclip(&mut self) {
        self.push(format_args!("</g>"));
    }

    /// A picture, whole and centred in `area`.
    pub fn picture(&mut self, picture: &RgbImage, area: Area, what: &str) -> Result<(), Error> {
        // Twice the pixels of the box: the renderer scales once more, with its own filter.
        let side = (area.width.max(area.height) * 2.0).ceil() as u32;
        self.pictures.push(Arc::new(thumbnail::png(&thumbnail::shrink(picture, side), what)?));
        let (Area { x, y, width, height }, number) = (area, self.pictures.len() - 1);
        self.push(format_args!(
            r#"<image x="{x:.2}" y="{y:.2}" width="{width:.2}" height="{height:.2}" preserveAspectRatio="xMidYMid meet" href="{number}"/>"#
        ));
        Ok(())
    }

    fn push(&mut self, shape: std::fmt::Arguments) {
        self.svg.write_fmt(shape).expect("writing to a String cannot fail");
    }

    /// The drawing as the bytes of a PNG file.
    pub fn render(self, width: u32, height: u32, ground: &str, fonts: &Fonts) -> Result<Vec<u8>, Error> {
        let Self { svg, pictures } = self;
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"><rect width="{width}" height="{height}" fill="{ground}"/>{svg}</svg>"#
        );
        let mut options = fonts.options();
        options.image_href_resolver = ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            // Pictures are handed over by number, so a drawing can never read a file.
            resolve_string: Box::new(move |number, _| {
                pictures.get(number.parse::<usize>().ok()?).map(|png| ImageKind::PNG(Arc::clone(png)))
            }),
        };
        let tree = Tree::from_str(&svg, &options)?;
        let mut pixels = Pixmap::new(width, height).ok_or(Error::Canvas { width, height })?;
        resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
        // The ground is opaque, so premultiplied and plain colours are the same.
        let rgb = pixels.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        let image = RgbImage::from_raw(width, height, rgb).ok_or(Error::Canvas { width, height })?;
        thumbnail::png(&image, "the explanation")
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
}
