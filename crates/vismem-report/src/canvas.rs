//! A drawing made of boxes, texts and pictures, rendered to PNG.

use image::RgbImage;
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider};
use tiny_skia::{
    Color, FillRule, FilterQuality, IntSize, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, PixmapPaint,
    Stroke, Transform,
};

use crate::fonts::{Fonts, Weight};
use crate::{Error, thumbnail};

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

/// How a text looks; the color as `#rrggbb`.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub size: f64,
    pub weight: Weight,
    pub color: &'static str,
}

/// Lines from point to point in a box of 16 × 16 units.
pub type Icon = &'static [&'static [(f32, f32)]];

enum Shape {
    Fill(Path, Color),
    Stroke(Path, Stroke, Color),
    Picture(Pixmap, Transform),
    /// Nothing is seen outside this.
    Clip(Option<Path>),
    Unclip,
}

/// Collects shapes, then renders them. Colors are `#rrggbb`.
pub struct Canvas<'a> {
    fonts: &'a Fonts,
    shapes: Vec<Shape>,
}

impl<'a> Canvas<'a> {
    pub fn new(fonts: &'a Fonts) -> Self {
        Self { fonts, shapes: Vec::new() }
    }

    /// A filled box with round corners.
    pub fn fill(&mut self, area: Area, radius: f64, fill: &str) {
        self.shapes.extend(rounded(area, radius).map(|path| Shape::Fill(path, color(fill))));
    }

    /// The outline of a box, one pixel wide, drawn inside it.
    pub fn outline(&mut self, area: Area, radius: f64, stroke: &str) {
        let inner = Area { x: area.x + 0.5, y: area.y + 0.5, width: area.width - 1.0, height: area.height - 1.0 };
        self.shapes.extend(rounded(inner, radius).map(|path| Shape::Stroke(path, Stroke::default(), color(stroke))));
    }

    /// An icon of `size` pixels with its corner at the top left.
    pub fn icon(&mut self, icon: Icon, x: f64, y: f64, size: f64, stroke: &str) {
        let scale = size as f32 / 16.0;
        let mut path = PathBuilder::new();
        for line in icon {
            for (i, &(along, down)) in line.iter().enumerate() {
                let (x, y) = (x as f32 + along * scale, y as f32 + down * scale);
                if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
            }
        }
        let pen =
            Stroke { width: 2.0 * scale, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        self.shapes.extend(path.finish().map(|path| Shape::Stroke(path, pen, color(stroke))));
    }

    /// One line of text on the base line `y`.
    pub fn text(&mut self, text: &str, x: f64, y: f64, style: Style, anchor: Anchor) {
        let line = self.fonts.line(text, style.weight);
        let start = match anchor {
            Anchor::Start => x,
            Anchor::Middle => x - line.width * style.size / 2.0,
            Anchor::End => x - line.width * style.size,
        };
        let mut outlines = Outlines { path: PathBuilder::new(), x: 0.0, y: 0.0 };
        for glyph in &line.glyphs {
            (outlines.x, outlines.y) = ((start + glyph.x * style.size) as f32, (y - glyph.y * style.size) as f32);
            self.fonts.db().with_face_data(glyph.face, |data, index| {
                let outline = FontRef::from_index(data, index).ok()?.outline_glyphs().get(GlyphId::new(glyph.id))?;
                let settings = DrawSettings::unhinted(Size::new(style.size as f32), LocationRef::default());
                // A glyph that the font has damaged stays empty or a part.
                outline.draw(settings, &mut outlines).ok()
            });
        }
        self.shapes.extend(outlines.path.finish().map(|path| Shape::Fill(path, color(style.color))));
    }

    /// What follows is cut off outside a box with round corners, until [`Canvas::unclip`].
    pub fn clip(&mut self, area: Area, radius: f64) {
        self.shapes.push(Shape::Clip(rounded(area, radius)));
    }

    pub fn unclip(&mut self) {
        self.shapes.push(Shape::Unclip);
    }

    /// A picture, whole and centred in `area`.
    pub fn picture(&mut self, picture: &RgbImage, area: Area) {
        // Twice the pixels of the box: drawing scales once more, with its own filter.
        let side = (area.width.max(area.height) * 2.0).ceil() as u32;
        let picture = thumbnail::shrink(picture, side);
        let (width, height) = picture.dimensions();
        let rgba = picture.pixels().flat_map(|p| [p[0], p[1], p[2], 255]).collect();
        let Some(pixels) = IntSize::from_wh(width, height).and_then(|size| Pixmap::from_vec(rgba, size)) else {
            return;
        };
        let (width, height) = (f64::from(width), f64::from(height));
        let scale = (area.width / width).min(area.height / height);
        let (x, y) = (area.x + (area.width - width * scale) / 2.0, area.y + (area.height - height * scale) / 2.0);
        let place = Transform::from_row(scale as f32, 0.0, 0.0, scale as f32, x as f32, y as f32);
        self.shapes.push(Shape::Picture(pixels, place));
    }

    /// The drawing as the bytes of a PNG file.
    pub fn render(self, width: u32, height: u32, ground: &str) -> Result<Vec<u8>, Error> {
        let too_large = || Error::Canvas { width, height };
        let mut pixels = Pixmap::new(width, height).ok_or_else(too_large)?;
        pixels.fill(color(ground));
        let mut clips: Vec<Mask> = Vec::new();
        for shape in &self.shapes {
            let (clip, plain) = (clips.last(), Transform::identity());
            match shape {
                Shape::Fill(path, color) => pixels.fill_path(path, &paint(*color), FillRule::Winding, plain, clip),
                Shape::Stroke(path, stroke, color) => pixels.stroke_path(path, &paint(*color), stroke, plain, clip),
                Shape::Picture(picture, place) => {
                    let paint = PixmapPaint { quality: FilterQuality::Bicubic, ..PixmapPaint::default() };
                    pixels.draw_pixmap(0, 0, picture.as_ref(), &paint, *place, clip);
                }
                Shape::Clip(path) => {
                    let mut mask = Mask::new(width, height).ok_or_else(too_large)?;
                    match (path, clip) {
                        (Some(path), Some(outer)) => {
                            mask.clone_from(outer);
                            mask.intersect_path(path, FillRule::Winding, true, plain);
                        }
                        (Some(path), None) => mask.fill_path(path, FillRule::Winding, true, plain),
                        (None, _) => {}
                    }
                    clips.push(mask);
                }
                Shape::Unclip => drop(clips.pop()),
            }
        }
        // The ground is opaque, so premultiplied and plain colors are the same.
        let rgb = pixels.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        let image = RgbImage::from_raw(width, height, rgb).ok_or_else(too_large)?;
        thumbnail::png(&image, "the explanation")
    }
}

fn paint(color: Color) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(color);
    paint
}

/// `#rrggbb`; black if it is something else.
fn color(hex: &str) -> Color {
    let [_, r, g, b] = u32::from_str_radix(hex.trim_start_matches('#'), 16).unwrap_or_default().to_be_bytes();
    Color::from_rgba8(r, g, b, 255)
}

/// A box with round corners, or nothing if it has no area.
fn rounded(area: Area, radius: f64) -> Option<Path> {
    let Area { x, y, width, height } = area;
    if !(width > 0.0 && height > 0.0) {
        return None;
    }
    let r = radius.min(width / 2.0).min(height / 2.0) as f32;
    let (left, top, right, bottom) = (x as f32, y as f32, (x + width) as f32, (y + height) as f32);
    // How far from the corner the handles of a cubic curve are that is next to a quarter of a circle.
    let h = r * (1.0 - 0.552_284_8);
    let mut path = PathBuilder::new();
    path.move_to(left + r, top);
    path.line_to(right - r, top);
    path.cubic_to(right - h, top, right, top + h, right, top + r);
    path.line_to(right, bottom - r);
    path.cubic_to(right, bottom - h, right - h, bottom, right - r, bottom);
    path.line_to(left + r, bottom);
    path.cubic_to(left + h, bottom, left, bottom - h, left, bottom - r);
    path.line_to(left, top + r);
    path.cubic_to(left, top + h, left + h, top, left + r, top);
    path.close();
    path.finish()
}

/// Adds the outlines of glyphs to a path. Fonts count upwards from the base line, drawings downwards.
struct Outlines {
    path: PathBuilder,
    x: f32,
    y: f32,
}

impl OutlinePen for Outlines {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, self.y - y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, self.y - y);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + cx, self.y - cy, self.x + x, self.y - y);
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        let (left, base) = (self.x, self.y);
        self.path.cubic_to(left + cx0, base - cy0, left + cx1, base - cy1, left + x, base - y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
