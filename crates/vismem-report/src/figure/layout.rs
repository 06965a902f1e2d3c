//! How the room of a drawing is divided: legend, axis titles, labels, plot.

use super::{Figure, Marks, ReferenceLine, Scale, Series};
use crate::figure::scale::{Ends, Ruler};
use crate::fonts::{Fonts, Weight};
use crate::picture_text::shorten_end;

/// Pixels of a line of text.
pub const TEXT: f64 = 13.0;
const LINE: f64 = 20.0;
/// The page's own font may be wider than the bundled one, in which texts are measured.
const WIDER: f64 = 1.06;
/// Length of the sample of a line in the legend, and the gap to its name.
pub const SAMPLE: f64 = 26.0;
const SAMPLE_GAP: f64 = 7.0;
const ENTRY_GAP: f64 = 20.0;
/// Height of a name of a category with all its marks.
const CATEGORY: f64 = 30.0;
/// Room that a tick takes along the vertical axis.
const TICK_HEIGHT: f64 = 42.0;

/// A drawing's width, and the height of its plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels.
    pub width: u32,
    /// Pixels of the plot itself, without legend and labels.
    pub plot: u32,
}

impl Size {
    /// For a screen or a page.
    pub const WIDE: Self = Self { width: 540, plot: 260 };
    /// For a phone.
    pub const NARROW: Self = Self { width: 350, plot: 220 };
}

/// A name in the legend with its place.
pub struct Entry {
    pub name: String,
    pub x: f64,
    pub y: f64,
}

/// Where everything is, in pixels.
pub struct Layout {
    pub width: f64,
    pub height: f64,
    /// Distances of the plot from the edges: top, right, bottom, left.
    pub margins: [f64; 4],
    /// The horizontal axis.
    pub across: Ruler,
    /// The vertical axis.
    pub up: Ruler,
    /// Whether `x` is the vertical axis.
    pub flipped: bool,
    /// Entries of the legend: first those of the series, then those of the references. Empty: no legend is needed.
    pub legend: Vec<Entry>,
    /// The title above the vertical axis, and its base line.
    pub up_title: Option<(String, f64)>,
    /// The title below the horizontal axis.
    pub across_title: String,
}

impl Layout {
    pub fn new(figure: &Figure, size: Size, fonts: &Fonts) -> Self {
        let width = f64::from(size.width);
        let measure = |text: &str| WIDER * fonts.width(text, TEXT, Weight::Regular);
        let flipped = matches!(figure.x.scale, Scale::Categories(_));
        let (across, up) = if flipped { (&figure.y, &figure.x) } else { (&figure.x, &figure.y) };

        let (legend, legend_height) = legend(figure, width, fonts, &measure);
        // The names of categories say what they are; a title above them would stand alone.
        let up_title = (!up.title.is_empty()).then(|| shorten_end(&up.title, width, TEXT, Weight::Regular, fonts));
        let top = legend_height + if up_title.is_some() { LINE + 8.0 } else { 10.0 };
        let up_title = up_title.map(|title| (title, legend_height + TEXT));

        let plot = match &up.scale {
            Scale::Categories(names) => CATEGORY.max(18.0 * figure.rows() as f64) * names.len().max(1) as f64 + 12.0,
            _ => f64::from(size.plot),
        };
        let (xs, ys) = figure.values();
        let (across_values, up_values) = if flipped { (ys, xs) } else { (xs, ys) };
        let mut up = up.ruler(up_values.into_iter(), (plot / TICK_HEIGHT) as usize, Ends::AtTicks);
        let widest_name = width * 0.4;
        for label in &mut up.labels {
            *label = shorten_end(label, widest_name, TEXT, Weight::Regular, fonts);
        }
        let left = up.labels.iter().map(|label| measure(label)).fold(0.0, f64::max) + 14.0;

        // The more ticks the wider their labels may be in sum: take the most that fit.
        let ends = if flipped { Ends::AtTicks } else { Ends::AtData };
        let room = width - left - 24.0;
        let fits = |ruler: &Ruler| {
            let widest = ruler.labels.iter().map(|label| measure(label)).fold(0.0, f64::max);
            (widest + 16.0) * ruler.ticks.len() as f64 <= room
        };
        let tries = (2..=12).rev().map(|most| across.ruler(across_values.iter().copied(), most, ends));
        let least = across.ruler(across_values.iter().copied(), 2, ends);
        let across_title = shorten_end(&across.title, width, TEXT, Weight::Regular, fonts);
        let across = tries.into_iter().find(fits).unwrap_or(least);
        // The last label is centred below the end of the axis.
        let right = across.labels.last().map_or(0.0, |label| measure(label) / 2.0).max(8.0) + 4.0;
        let bottom = 28.0 + if across_title.is_empty() { 0.0 } else { LINE };
        Self {
            width,
            height: top + plot + bottom,
            margins: [top, right, bottom, left],
            across,
            up,
            flipped,
            legend,
            up_title,
            across_title,
        }
    }
}

/// The entries in as many lines as they need, and their height.
fn legend(figure: &Figure, width: f64, fonts: &Fonts, measure: &impl Fn(&str) -> f64) -> (Vec<Entry>, f64) {
    let names: Vec<String> = figure
        .series
        .iter()
        .map(Series::legend)
        .chain(figure.references.iter().map(super::Reference::legend))
        .collect();
    if names.len() < 2 {
        return (Vec::new(), 0.0);
    }
    let (mut x, mut y) = (0.0, 0.0);
    let mut entries = Vec::new();
    for name in names {
        let name = shorten_end(&name, (width - SAMPLE - SAMPLE_GAP) / WIDER, TEXT, Weight::Regular, fonts);
        let long = SAMPLE + SAMPLE_GAP + measure(&name);
        if x > 0.0 && x + long > width {
            (x, y) = (0.0, y + LINE);
        }
        entries.push(Entry { name, x, y: y + LINE / 2.0 });
        x += long + ENTRY_GAP;
    }
    (entries, y + LINE + 8.0)
}

impl Entry {
    /// Where the name begins.
    pub fn text_x(&self) -> f64 {
        self.x + SAMPLE + SAMPLE_GAP
    }
}

impl Figure {
    /// How many series lie side by side at one place on `x`.
    pub fn rows(&self) -> usize {
        self.series.iter().filter(|series| self.is_aside(series)).count().max(1)
    }

    /// Whether a series lies beside others: bars and boxes do, within categories everything does.
    pub fn is_aside(&self, series: &Series) -> bool {
        matches!(self.x.scale, Scale::Categories(_)) || matches!(series.marks, Marks::Bars(_) | Marks::Boxes(_))
    }

    /// The room of one place on `x`: 1 for categories, else the smallest distance of two bars or boxes.
    pub fn slot(&self) -> f64 {
        if matches!(self.x.scale, Scale::Categories(_)) {
            return 1.0;
        }
        let aside = self.series.iter().filter(|series| self.is_aside(series));
        let mut places: Vec<f64> = aside.flat_map(Series::extent).map(|(x, _)| x).filter(|x| self.x.has(*x)).collect();
        places.sort_by(f64::total_cmp);
        let gaps = places.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.0 && gap.is_finite());
        gaps.reduce(f64::min).unwrap_or_else(|| 0.1 * places.first().map_or(1.0, |x| x.abs().clamp(0.1, 1e12)))
    }

    /// What the axes must reach, `x` and `y`. Points without a place on both axes are left out.
    fn values(&self) -> (Vec<f64>, Vec<f64>) {
        let points = self.series.iter().flat_map(Series::extent);
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = points.filter(|(x, y)| self.x.has(*x) && self.y.has(*y)).unzip();
        if self.series.iter().any(Series::is_bars) && self.y.has(0.0) {
            ys.push(0.0);
        }
        // Half of the first and of the last bar lie beyond their places.
        let half = self.slot() / 2.0;
        let aside = self.series.iter().filter(|series| self.is_aside(series)).flat_map(Series::extent);
        xs.extend(aside.filter(|(x, _)| self.x.has(*x)).flat_map(|(x, _)| [x - half, x + half]));
        for reference in &self.references {
            match reference.line {
                ReferenceLine::AtX(x) => xs.push(x),
                ReferenceLine::AtY(y) => ys.push(y),
                ReferenceLine::Diagonal => {}
            }
        }
        (xs, ys)
    }
}
