//! A figure drawn with plotters.

use std::convert::Infallible;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, EmptyElement, PathElement, Polygon, Rectangle};
use plotters::series::LineSeries;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, ShapeStyle, TRANSPARENT, TextStyle};

use super::ink::{Ink, Role, stylesheet};
use super::layout::{Entry, Layout, SAMPLE, Size, TEXT};
use super::marks::{corners, marked};
use super::scale::Ruler;
use super::svg::{Svg, UNITS, escape};
use super::{BoxSummary, Figure, Marks, Origin, Point, ReferenceLine, Scale, Series};
use crate::fonts::Fonts;
use crate::{Error, format};

type Area<'a> = DrawingArea<Svg<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'b, Svg<'a>, Cartesian2d<Ruler, Ruler>>;
type Drawn = Result<(), DrawingAreaErrorKind<Infallible>>;

/// Radius of a mark in units.
const RADIUS: i32 = 4 * UNITS;

impl Figure {
    /// The figure as an SVG file that stands alone: text stays text, dark where the viewer prefers it.
    ///
    /// # Errors
    /// [`Error::Plot`] if the plotting library refuses it; no content of the figure leads there.
    pub fn svg(&self) -> Result<String, Error> {
        let style = format!(
            "<style>.figure{{font-family:'Open Sans','Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}}{}</style>",
            stylesheet()
        );
        self.drawn(Size::WIDE, &style, r#" xmlns="http://www.w3.org/2000/svg""#)
    }

    /// The figure as an element of a page that has the [`stylesheet`].
    pub(crate) fn inline(&self, size: Size) -> Result<String, Error> {
        self.drawn(size, "", "")
    }

    fn drawn(&self, size: Size, style: &str, attributes: &str) -> Result<String, Error> {
        let names: &[String] = if let Scale::Categories(names) = &self.x.scale { names } else { &[] };
        let texts = self.series.iter().map(|s| &s.name).chain(self.references.iter().map(|r| &r.name)).chain(names);
        let texts = texts.chain([&self.x.title, &self.y.title]).map(String::as_str);
        let fonts = Fonts::for_texts(texts);
        let layout = Layout::new(self, size, &fonts);
        let units = (units(layout.width) as u32, units(layout.height) as u32);
        let mut body = String::new();
        {
            let root = Svg::new(&mut body, units, &fonts).into_drawing_area();
            self.draw(&root, &layout).map_err(|error| Error::Plot(error.to_string()))?;
        }
        let (width, height) = (layout.width, layout.height.ceil());
        let (title, description) = (escape(&format::text(&self.title, "Figure")), escape(&self.description()));
        Ok(format!(
            r#"<svg class="figure" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}"{attributes}><title>{title}</title><desc>{description}</desc>{style}{body}</svg>"#
        ))
    }

    fn draw(&self, root: &Area, layout: &Layout) -> Drawn {
        let tones = self.tones();
        self.draw_legend(root, layout, &tones)?;
        let mut chart = axes(root, layout)?;
        let pen = Pen { flipped: layout.flipped, slot: self.slot() };
        let (mut row, rows) = (0, self.rows());
        for (series, tone) in self.series.iter().zip(&tones) {
            let mut aside = 0.0;
            if self.is_aside(series) {
                aside = pen.slot * 0.8 * ((f64::from(row) + 0.5) / rows as f64 - 0.5);
                row += 1;
            }
            self.draw_series(&mut chart, series, *tone, pen, aside)?;
        }
        // Over the data, or bars would hide them.
        for reference in &self.references {
            let (x, y) = (&layout.across, &layout.up);
            let ends = match (reference.line, layout.flipped) {
                (ReferenceLine::AtX(at), _) if !self.x.has(at) => continue,
                (ReferenceLine::AtY(at), _) if !self.y.has(at) => continue,
                (ReferenceLine::AtX(at), false) | (ReferenceLine::AtY(at), true) => vec![(at, y.from), (at, y.to)],
                (ReferenceLine::AtY(at), false) | (ReferenceLine::AtX(at), true) => vec![(x.from, at), (x.to, at)],
                (ReferenceLine::Diagonal, _) => {
                    let (from, to) = (x.from.max(y.from), x.to.min(y.to));
                    vec![(from, from), (to, to)]
                }
            };
            chart.draw_series(LineSeries::new(ends, Ink::plain(Role::Reference).color()))?;
        }
        Ok(())
    }

    fn draw_legend(&self, root: &Area, layout: &Layout, tones: &[usize]) -> Drawn {
        let samples = self.series.iter().zip(tones).map(Some).chain(self.references.iter().map(|_| None));
        for (entry, sample) in layout.legend.iter().zip(samples) {
            match sample {
                Some((series, tone)) => draw_sample(root, entry, series, *tone)?,
                None => root.draw(&PathElement::new(sample_line(entry), Ink::plain(Role::Reference).color()))?,
            }
            let style = text(Role::Text, HPos::Left, VPos::Center);
            root.draw_text(&entry.name, &style, (units(entry.text_x()), units(entry.y)))?;
        }
        let soft = |h, v| text(Role::Soft, h, v);
        if let Some((title, y)) = &layout.up_title {
            root.draw_text(title, &soft(HPos::Left, VPos::Center), (0, units(y - TEXT / 2.0)))?;
        }
        let [_, right, _, left] = layout.margins;
        let middle = units(left + (layout.width - left - right) / 2.0);
        root.draw_text(&layout.across_title, &soft(HPos::Center, VPos::Bottom), (middle, units(layout.height - 2.0)))
    }

    fn draw_series(&self, chart: &mut Chart, series: &Series, tone: usize, pen: Pen, aside: f64) -> Drawn {
        let looks = Looks { origin: series.origin, tone };
        let usable = |points: &[Point]| -> Vec<Point> {
            points
                .iter()
                .filter(|p| self.x.has(p.x) && self.y.has(p.y))
                .map(|p| Point { x: p.x + aside, ..*p })
                .collect()
        };
        let width = pen.slot * 0.8 / self.rows() as f64;
        match &series.marks {
            Marks::Line(points) => {
                let points = usable(points);
                self.draw_band(chart, &points, looks, pen)?;
                draw_line(chart, &points, looks, pen)?;
                draw_marks(chart, &points, looks, pen, marked(points.len()))
            }
            Marks::LineWithBars(points) => {
                let points = usable(points);
                self.draw_intervals(chart, &points, looks.thin(), pen)?;
                draw_line(chart, &points, looks, pen)?;
                draw_marks(chart, &points, looks, pen, |_| true)
            }
            Marks::Curve(points) => {
                let points = usable(points);
                self.draw_band(chart, &points, looks, pen)?;
                draw_line(chart, &points, looks, pen)
            }
            Marks::Points(points) => {
                let points = usable(points);
                self.draw_intervals(chart, &points, looks.thin(), pen)?;
                draw_marks(chart, &points, looks, pen, |_| true)
            }
            Marks::Bars(points) => {
                let points = usable(points);
                let zero = if self.y.has(0.0) { 0.0 } else { self.y.from.unwrap_or(f64::MIN_POSITIVE) };
                let bars = points.iter().map(|p| (p.x, zero, p.y));
                draw_boxes(chart, bars, width * 0.9, looks.bar(Role::Bar), pen)?;
                // In ink: a line of the bar's own colour would not be seen on it.
                self.draw_intervals(chart, &points, Ink::plain(Role::Axis).color().into(), pen)
            }
            Marks::Boxes(boxes) => {
                let boxes: Vec<BoxSummary> =
                    boxes.iter().filter(|b| self.has_box(b)).map(|b| BoxSummary { x: b.x + aside, ..*b }).collect();
                for b in &boxes {
                    for whisker in [[b.low, b.q1], [b.q3, b.high]] {
                        draw_thin(chart, whisker.map(|y| pen.at(b.x, y)).to_vec(), looks)?;
                    }
                    for end in [b.low, b.high] {
                        draw_thin(chart, [-0.25, 0.25].map(|by| pen.at(b.x + by * width, end)).to_vec(), looks)?;
                    }
                }
                draw_boxes(chart, boxes.iter().map(|b| (b.x, b.q1, b.q3)), width * 0.7, looks.bar(Role::Box), pen)?;
                for b in &boxes {
                    let ends = [-0.35, 0.35].map(|by| pen.at(b.x + by * width, b.median));
                    chart.draw_series(LineSeries::new(ends, Ink::of(Role::Line, looks.tone).color()))?;
                }
                Ok(())
            }
        }
    }

    fn draw_band(&self, chart: &mut Chart, points: &[Point], looks: Looks, pen: Pen) -> Drawn {
        let ends = points.iter().filter_map(|p| Some((p.x, p.interval.filter(|i| self.has_interval(*i))?)));
        let (low, high): (Vec<_>, Vec<_>) = ends.map(|(x, (low, high))| (pen.at(x, low), pen.at(x, high))).unzip();
        if low.len() < 2 {
            return Ok(());
        }
        let outline: Vec<_> = low.into_iter().chain(high.into_iter().rev()).collect();
        chart.draw_series([Polygon::new(outline, Ink::of(Role::Band, looks.tone).color())])?;
        Ok(())
    }

    fn draw_intervals(&self, chart: &mut Chart, points: &[Point], style: ShapeStyle, pen: Pen) -> Drawn {
        for p in points {
            if let Some((low, high)) = p.interval.filter(|i| self.has_interval(*i)) {
                chart.draw_series(LineSeries::new([pen.at(p.x, low), pen.at(p.x, high)], style))?;
            }
        }
        Ok(())
    }

    fn has_interval(&self, (low, high): (f64, f64)) -> bool {
        self.y.has(low) && self.y.has(high)
    }

    fn has_box(&self, b: &BoxSummary) -> bool {
        self.x.has(b.x) && [b.low, b.q1, b.median, b.q3, b.high].iter().all(|value| self.y.has(*value))
    }
}

/// How data become places.
#[derive(Clone, Copy)]
struct Pen {
    flipped: bool,
    slot: f64,
}

impl Pen {
    fn at(self, x: f64, y: f64) -> (f64, f64) {
        if self.flipped { (y, x) } else { (x, y) }
    }
}

/// How a series looks.
#[derive(Clone, Copy)]
struct Looks {
    origin: Origin,
    tone: usize,
}

impl Looks {
    fn line(self) -> ShapeStyle {
        let role = if self.origin == Origin::Paper { Role::Paper } else { Role::Line };
        // The paper's lines are dotted, whatever their tone.
        let dash = if self.origin == Origin::Paper { 2 } else { [0, 1, 3, 4, 5, 0, 1][self.tone.min(6)] };
        Ink::of(role, self.tone).dashed(dash).color().into()
    }

    fn thin(self) -> ShapeStyle {
        Ink::of(Role::Thin, self.tone).color().into()
    }

    fn mark(self) -> ShapeStyle {
        let role = if self.origin == Origin::Paper { Role::Hollow } else { Role::Mark };
        Ink::of(role, self.tone).color().filled()
    }

    fn bar(self, measured: Role) -> ShapeStyle {
        let role = if self.origin == Origin::Paper { Role::HollowBar } else { measured };
        Ink::of(role, self.tone).color().filled()
    }
}

fn units(pixels: f64) -> i32 {
    (pixels * f64::from(UNITS)).round() as i32
}

fn text(role: Role, h: HPos, v: VPos) -> TextStyle<'static> {
    let color = Ink::plain(role).color();
    ("sans-serif", TEXT * f64::from(UNITS)).into_font().color(&color).pos(Pos::new(h, v))
}

/// The grid, the axes and their labels.
fn axes<'a, 'b>(root: &'b Area<'a>, layout: &Layout) -> Result<Chart<'a, 'b>, DrawingAreaErrorKind<Infallible>> {
    let [top, right, bottom, left] = layout.margins.map(units);
    let mut chart = ChartBuilder::on(root)
        .margin_top(top)
        .margin_right(right)
        // Below the labels the title has its place.
        .margin_bottom(bottom - units(26.0))
        .x_label_area_size(units(26.0))
        .y_label_area_size(left)
        .build_cartesian_2d(layout.across.clone(), layout.up.clone())?;
    let mut mesh = chart.configure_mesh();
    mesh.bold_line_style(Ink::plain(Role::Grid).color())
        .light_line_style(TRANSPARENT)
        .axis_style(Ink::plain(Role::Axis).color())
        .x_label_style(text(Role::Soft, HPos::Center, VPos::Top))
        .y_label_style(text(Role::Soft, HPos::Right, VPos::Center))
        .set_tick_mark_size(plotters::chart::LabelAreaPosition::Left, units(3.0))
        .set_tick_mark_size(plotters::chart::LabelAreaPosition::Bottom, units(4.0));
    if layout.flipped {
        mesh.disable_y_mesh();
    } else {
        mesh.disable_x_mesh();
    }
    mesh.draw()?;
    Ok(chart)
}

fn sample_line(entry: &Entry) -> Vec<(i32, i32)> {
    vec![(units(entry.x), units(entry.y)), (units(entry.x + SAMPLE), units(entry.y))]
}

fn draw_sample(root: &Area, entry: &Entry, series: &Series, tone: usize) -> Drawn {
    let looks = Looks { origin: series.origin, tone };
    let centre = (units(entry.x + SAMPLE / 2.0), units(entry.y));
    match &series.marks {
        Marks::Bars(_) | Marks::Boxes(_) => {
            let corners = [(centre.0 - 70, centre.1 - 60), (centre.0 + 70, centre.1 + 60)];
            let role = if series.is_bars() { Role::Bar } else { Role::Box };
            return root.draw(&Rectangle::new(corners, looks.bar(role)));
        }
        Marks::Curve(_) => return root.draw(&PathElement::new(sample_line(entry), looks.line())),
        Marks::Points(_) => {}
        Marks::Line(_) | Marks::LineWithBars(_) => root.draw(&PathElement::new(sample_line(entry), looks.line()))?,
    }
    match corners(tone, RADIUS) {
        None => root.draw(&Circle::new(centre, RADIUS, looks.mark())),
        Some(corners) => {
            let outline: Vec<_> = corners.into_iter().map(|(x, y)| (centre.0 + x, centre.1 + y)).collect();
            root.draw(&Polygon::new(outline, looks.mark()))
        }
    }
}

fn draw_line(chart: &mut Chart, points: &[Point], looks: Looks, pen: Pen) -> Drawn {
    if points.len() > 1 {
        chart.draw_series(LineSeries::new(points.iter().map(|p| pen.at(p.x, p.y)), looks.line()))?;
    }
    Ok(())
}

fn draw_thin(chart: &mut Chart, line: Vec<(f64, f64)>, looks: Looks) -> Drawn {
    chart.draw_series(LineSeries::new(line, looks.thin()))?;
    Ok(())
}

fn draw_marks(chart: &mut Chart, points: &[Point], looks: Looks, pen: Pen, marked: impl Fn(usize) -> bool) -> Drawn {
    let places = points.iter().enumerate().filter(|(i, _)| marked(*i)).map(|(_, p)| pen.at(p.x, p.y));
    match corners(looks.tone, RADIUS) {
        None => chart.draw_series(places.map(|at| Circle::new(at, RADIUS, looks.mark())))?,
        Some(corners) => {
            chart.draw_series(places.map(|at| EmptyElement::at(at) + Polygon::new(corners.clone(), looks.mark())))?
        }
    };
    Ok(())
}

/// Filled boxes between two values of `y`, `width` wide along `x`.
fn draw_boxes(
    chart: &mut Chart,
    boxes: impl Iterator<Item = (f64, f64, f64)>,
    width: f64,
    style: ShapeStyle,
    pen: Pen,
) -> Drawn {
    let boxes = boxes
        .map(|(x, low, high)| Rectangle::new([pen.at(x - width / 2.0, low), pen.at(x + width / 2.0, high)], style));
    chart.draw_series(boxes)?;
    Ok(())
}
