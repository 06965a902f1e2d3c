//! What a figure shows, in words: for readers who hear the page, and as a table.

use super::{Axis, BoxSummary, Figure, Marks, Point, Scale};
use crate::format::NOTHING;
use crate::page_table::{Cell, Column, Table};

impl Figure {
    /// A text that stands for the drawing.
    pub(crate) fn description(&self) -> String {
        let mut text = format!("{} over {}.", self.y.title, self.x.title);
        for series in &self.series {
            let name = series.legend();
            let sentence = match &series.marks {
                Marks::Curve(_) => continue,
                Marks::Boxes(boxes) => boxes.iter().map(|b| self.box_in_words(&name, b)).collect(),
                Marks::Line(points) | Marks::LineWithBars(points) | Marks::Points(points) | Marks::Bars(points) => {
                    self.points_in_words(&name, points)
                }
            };
            text.push_str(&sentence);
        }
        text
    }

    fn points_in_words(&self, name: &str, points: &[Point]) -> String {
        let at = |p: &Point| format!("{} at {}", self.y.unit.exact(p.y), self.x.say(p.x));
        let usable = || points.iter().filter(|p| p.y.is_finite());
        match (points, &self.x.scale) {
            ([], _) => String::new(),
            (few, Scale::Categories(_)) => {
                format!(" {name}: {}.", few.iter().map(at).collect::<Vec<_>>().join(", "))
            }
            ([one], _) => format!(" {name}: {}.", at(one)),
            ([first, .., last], _) => {
                let most = usable().max_by(|a, b| a.y.total_cmp(&b.y));
                let most = most.map_or_else(String::new, |p| format!(", highest {}", at(p)));
                format!(" {name}: from {} to {}{most}.", at(first), at(last))
            }
        }
    }

    fn box_in_words(&self, name: &str, b: &BoxSummary) -> String {
        let say = |value| self.y.unit.exact(value);
        format!(" {name}, {}: median {}, quartiles {} and {}.", self.x.say(b.x), say(b.median), say(b.q1), say(b.q3))
    }

    /// The figure's numbers: a row for each place on `x`, a column for each series. Curves are left out.
    pub fn table(&self) -> Table {
        let series: Vec<_> = self.series.iter().filter(|s| !matches!(s.marks, Marks::Curve(_))).collect();
        let mut places: Vec<f64> =
            series.iter().flat_map(|s| s.extent()).map(|(x, _)| x).filter(|x| x.is_finite()).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let columns = std::iter::once(Column::text(&self.x.title))
            .chain(series.iter().map(|s| Column { origin: s.origin, ..Column::number(&s.name) }));
        let rows = places.iter().map(|&place| {
            let cells = series.iter().map(|s| Cell::new(self.cell(&s.marks, place)));
            std::iter::once(Cell::new(self.x.say(place))).chain(cells).collect()
        });
        Table { title: String::new(), note: String::new(), columns: columns.collect(), rows: rows.collect() }
    }

    fn cell(&self, marks: &Marks, place: f64) -> String {
        let say = |value| self.y.unit.exact(value);
        let found = match marks {
            Marks::Curve(_) => None,
            Marks::Boxes(boxes) => boxes
                .iter()
                .find(|b| b.x == place)
                .map(|b| format!("{} ({} to {})", say(b.median), say(b.q1), say(b.q3))),
            Marks::Line(points) | Marks::LineWithBars(points) | Marks::Points(points) | Marks::Bars(points) => {
                points.iter().find(|p| p.x == place).map(|p| match p.interval {
                    Some((low, high)) => format!("{} ({} to {})", say(p.y), say(low), say(high)),
                    None => say(p.y),
                })
            }
        };
        found.unwrap_or_else(|| NOTHING.into())
    }
}

impl Axis {
    /// A place on the axis in words.
    fn say(&self, value: f64) -> String {
        match &self.scale {
            Scale::Categories(names) => names.get(value as usize).map_or_else(|| NOTHING.into(), |n| n.clone()),
            _ => self.unit.exact(value),
        }
    }
}
