//! A figure as plain data: axes, series, reference lines. [`Figure::svg`] draws it, [`Figure::table`] gives its numbers.

mod description;
mod drawing;
mod ink;
mod layout;
mod marks;
mod numbers;
mod scale;
mod svg;

pub(crate) use ink::stylesheet;
pub(crate) use layout::Size;

/// A plot with its axes and everything drawn between them.
///
/// Values that are not finite, and on a logarithmic axis those that are not above zero, are left out.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What the figure is called in links and file names: ASCII letters, digits and hyphens, e.g. `accuracy-at-k`.
    pub name: String,
    /// What is shown, a short headline.
    pub title: String,
    /// How to read it, a sentence or two.
    pub caption: String,
    /// Where the data lie. An axis of [`Scale::Categories`] goes down the figure, so that its names can be read.
    pub x: Axis,
    /// What was measured there.
    pub y: Axis,
    /// The data, in the order of the legend.
    pub series: Vec<Series>,
    /// Lines to compare the data with.
    pub references: Vec<Reference>,
}

/// One axis.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What it shows, e.g. `Neighbours that vote, k`.
    pub title: String,
    /// How its numbers are written.
    pub unit: Unit,
    /// How values become places.
    pub scale: Scale,
    /// The least value that the axis reaches down to, whatever the data.
    pub from: Option<f64>,
    /// The largest value that it reaches up to, whatever the data.
    pub to: Option<f64>,
}

impl Axis {
    /// A linear axis as long as its data ask for.
    pub fn linear(title: impl Into<String>, unit: Unit) -> Self {
        Self { title: title.into(), unit, scale: Scale::Linear, from: None, to: None }
    }

    /// A logarithmic axis as long as its data ask for.
    pub fn log(title: impl Into<String>, unit: Unit) -> Self {
        Self { scale: Scale::Log, ..Self::linear(title, unit) }
    }

    /// An axis of names; the place of the first is 0.
    pub fn categories(title: impl Into<String>, names: Vec<String>) -> Self {
        Self { scale: Scale::Categories(names), ..Self::linear(title, Unit::Number) }
    }

    /// The same axis, reaching at least from `from` to `to`.
    #[must_use]
    pub fn reaching(self, from: f64, to: f64) -> Self {
        Self { from: Some(from), to: Some(to), ..self }
    }
}

/// How the numbers of an axis are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 0..=1, written as percent.
    Share,
    /// Whole numbers.
    Count,
    /// Any number.
    Number,
}

/// How values become places on an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally long.
    Linear,
    /// Equal ratios are equally long.
    Log,
    /// Names one after the other; values are their positions 0, 1, …
    Categories(Vec<String>),
}

/// Data that belong together.
#[derive(Debug, Clone)]
pub struct Series {
    /// What the legend says. A series of the paper has the colour of the measured one with the same name.
    pub name: String,
    /// Who measured it.
    pub origin: Origin,
    /// The data and the form in which they are drawn.
    pub marks: Marks,
}

/// Who measured something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The user, here.
    Measured,
    /// The authors of the paper, on their data: always said beside the numbers.
    Paper,
}

/// Data and the form in which they are drawn.
#[derive(Debug, Clone)]
pub enum Marks {
    /// Points joined by a line; their intervals are a band around it.
    Line(Vec<Point>),
    /// Points joined by a line; their intervals are bars.
    LineWithBars(Vec<Point>),
    /// A line only, such as a fitted curve; not in the table.
    Curve(Vec<Point>),
    /// Points; their intervals are bars.
    Points(Vec<Point>),
    /// Bars from zero; their intervals are lines at their end.
    Bars(Vec<Point>),
    /// Boxes with whiskers.
    Boxes(Vec<BoxSummary>),
}

/// A measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Place on the axis `x`.
    pub x: f64,
    /// Value on the axis `y`.
    pub y: f64,
    /// Its uncertainty, lower end first.
    pub interval: Option<(f64, f64)>,
}

impl Point {
    /// A value whose uncertainty is not known or nil.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, interval: None }
    }

    /// A value between two ends.
    pub fn within(x: f64, y: f64, interval: (f64, f64)) -> Self {
        Self { x, y, interval: Some(interval) }
    }
}

/// A distribution in five numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxSummary {
    /// Place on the axis `x`.
    pub x: f64,
    /// End of the lower whisker.
    pub low: f64,
    /// First quartile.
    pub q1: f64,
    /// Median.
    pub median: f64,
    /// Third quartile.
    pub q3: f64,
    /// End of the upper whisker.
    pub high: f64,
}

/// A line to compare data with.
#[derive(Debug, Clone)]
pub struct Reference {
    /// What the legend says.
    pub name: String,
    /// Who measured it.
    pub origin: Origin,
    /// Where it is.
    pub line: ReferenceLine,
}

/// Where a reference line is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReferenceLine {
    /// At a value of `y`.
    AtY(f64),
    /// At a place of `x`.
    AtX(f64),
    /// Where `y` equals `x`.
    Diagonal,
}

impl Series {
    /// What the legend says, with its origin.
    pub(crate) fn legend(&self) -> String {
        named(&self.name, self.origin)
    }

    /// The places and values that the axes must reach.
    fn extent(&self) -> Vec<(f64, f64)> {
        match &self.marks {
            Marks::Line(points)
            | Marks::LineWithBars(points)
            | Marks::Curve(points)
            | Marks::Points(points)
            | Marks::Bars(points) => points
                .iter()
                .flat_map(|p| [Some(p.y), p.interval.map(|i| i.0), p.interval.map(|i| i.1)].map(|y| (p.x, y)))
                .filter_map(|(x, y)| Some((x, y?)))
                .collect(),
            Marks::Boxes(boxes) => boxes.iter().flat_map(|b| [(b.x, b.low), (b.x, b.high)]).collect(),
        }
    }

    fn is_bars(&self) -> bool {
        matches!(self.marks, Marks::Bars(_))
    }
}

impl Reference {
    fn legend(&self) -> String {
        named(&self.name, self.origin)
    }
}

pub(crate) fn named(name: &str, origin: Origin) -> String {
    let name = crate::format::text(name, "(no name)");
    match origin {
        Origin::Measured => name,
        Origin::Paper => format!("{name} (paper)"),
    }
}

impl Figure {
    /// For each series its place in the palette: those of the paper share the place of the one they are compared with.
    fn tones(&self) -> Vec<usize> {
        let mut names: Vec<&str> = Vec::new();
        for series in &self.series {
            if !names.contains(&series.name.as_str()) {
                names.push(&series.name);
            }
        }
        let place = |series: &Series| names.iter().position(|name| *name == series.name).unwrap_or_default();
        self.series.iter().map(place).collect()
    }
}
