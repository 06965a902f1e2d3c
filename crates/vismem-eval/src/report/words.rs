//! Numbers in words, figures' points and tables' cells, the same in every part of the report.

use vismem_report::figure::{Axis, Marks, Origin, Point, Series, Unit};
use vismem_report::words::path as quoted;
pub use vismem_report::words::{NBSP, count, counted, counted_in, operands};
use vismem_report::{Cell, Column, Finding, Table, Tenor};

use super::program;
use crate::interval::{Estimate, Repeated};
use crate::{About, Paired, Share};

/// A number with its 95 % interval.
pub trait Uncertain {
    /// The number, the lower and the upper end.
    fn ends(&self) -> (f64, f64, f64);
}

impl Uncertain for Share {
    fn ends(&self) -> (f64, f64, f64) {
        (self.value, self.low, self.high)
    }
}

impl Uncertain for Repeated {
    fn ends(&self) -> (f64, f64, f64) {
        (self.value, self.low, self.high)
    }
}

impl Uncertain for Estimate {
    fn ends(&self) -> (f64, f64, f64) {
        (self.value, self.low, self.high)
    }
}

/// The command that asks about the queries by other options; empty where there are none to be named.
pub fn classify(about: &About, options: &str) -> String {
    let paths: Vec<String> = about.queries.iter().filter_map(|queries| Some(quoted(queries.path.as_ref()?))).collect();
    if paths.is_empty() { String::new() } else { format!("{} classify {} {options}", program(about), paths.join(" ")) }
}

/// A share in percent with one digit.
pub fn percent(share: f64) -> String {
    Unit::Share.exact(share)
}

/// A difference of shares in points of percent, without sign.
pub fn points(difference: f64) -> String {
    format!("{:.1} points", 100.0 * difference.abs())
}

/// What changes between two ways to decide the same queries.
pub fn changes(paired: &Paired) -> String {
    let tried = match paired.tried {
        1 => String::new(),
        tried => format!(", the best of {} that were tried", count(tried)),
    };
    format!(
        "of those that it decides otherwise, {} right instead of wrong and {} wrong instead of right{tried}",
        counted_in(paired.gained, "is", "are"),
        count(paired.lost)
    )
}

/// Half the width of an interval of shares.
pub fn give_or_take(half: f64) -> String {
    format!("± {:.1}{NBSP}points", 100.0 * half)
}

/// A difference of shares in points, with its interval.
pub fn points_within(estimate: &Estimate) -> String {
    let Estimate { value, low, high } = estimate;
    format!("{:.1} points ({:.1} to {:.1})", 100.0 * value, 100.0 * low, 100.0 * high)
}

/// The 95 % interval of a share in words.
pub fn interval(share: &impl Uncertain) -> String {
    let (_, low, high) = share.ends();
    format!("{} to {}", percent(low), percent(high))
}

/// An axis of accuracies.
pub fn accuracy_axis() -> Axis {
    Axis::linear("Accuracy", Unit::Share)
}

/// A share with its interval at a place.
pub fn point(x: f64, value: &impl Uncertain) -> Point {
    let (value, low, high) = value.ends();
    Point::within(x, value, (low, high))
}

/// A number of the paper, which prints percent.
pub fn paper_point(x: f64, percent: f64) -> Point {
    Point::new(x, percent / 100.0)
}

/// What was measured here.
pub fn measured(name: impl Into<String>, marks: Marks) -> Series {
    Series { name: name.into(), origin: Origin::Measured, marks }
}

/// What the paper has.
pub fn paper(name: impl Into<String>, marks: Marks) -> Series {
    Series { name: name.into(), origin: Origin::Paper, marks }
}

/// A finding about a share with its interval.
pub fn finding(section: &str, share: &impl Uncertain, tenor: Tenor, sentence: impl Into<String>) -> Finding {
    let (number, interval) = (percent(share.ends().0), interval(share));
    Finding { number, interval, sentence: sentence.into(), tenor, section: section.into() }
}

/// The tables of a result whose names `show` picks.
pub fn tables(tables: &[crate::Table], show: impl Fn(&str) -> bool) -> Vec<Table> {
    tables.iter().filter(|table| show(table.name)).map(|of| table(of, Origin::Measured)).collect()
}

/// The paper's tables for an experiment.
pub fn paper_tables(experiment: &str) -> Vec<Table> {
    crate::paper::tables(experiment).iter().map(|of| table(of, Origin::Paper)).collect()
}

fn table(table: &crate::Table, origin: Origin) -> Table {
    let is_number = |column: usize| table.rows.iter().all(|row| !matches!(row[column], crate::Cell::Text(_)));
    let columns = table.columns.iter().enumerate().map(|(at, name)| {
        let name = name.replace(['_', '='], " ").replace("k ", "k = ");
        match (is_number(at), origin) {
            (false, _) => Column::text(name),
            (true, Origin::Measured) => Column::number(name),
            (true, Origin::Paper) => Column::paper(name),
        }
    });
    let rows = table.rows.iter().map(|row| row.iter().map(|cell| Cell::new(say(cell))).collect());
    Table { title: table.caption.clone(), note: String::new(), columns: columns.collect(), rows: rows.collect() }
}

fn say(cell: &crate::Cell) -> String {
    match cell {
        crate::Cell::Text(text) => text.clone(),
        crate::Cell::Count(number) => count(*number),
        crate::Cell::Share(share) => percent(*share),
        crate::Cell::Number(number) => Unit::Number.exact(*number),
        crate::Cell::Empty => String::new(),
    }
}

/// A share in whole percent.
pub fn whole_percent(share: f64) -> String {
    format!("{:.0}{NBSP}%", 100.0 * share)
}

/// With a capital at the beginning.
pub fn sentence_case(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A time.
pub fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms >= 1e4 => format!("{:.0}{NBSP}s", ms / 1e3),
        ms if ms >= 1e3 => format!("{:.1}{NBSP}s", ms / 1e3),
        ms if ms >= 10.0 => format!("{ms:.0}{NBSP}ms"),
        ms => format!("{ms:.1}{NBSP}ms"),
    }
}

/// A large number that is only roughly known: `12 million`.
pub fn rough_count(value: f64) -> String {
    let (size, name) = match value {
        value if value >= 1e15 => return format!("10^{:.0}", value.log10()),
        value if value >= 1e12 => (1e12, " trillion"),
        value if value >= 1e9 => (1e9, " billion"),
        value if value >= 1e6 => (1e6, " million"),
        _ => (1.0, ""),
    };
    // Two digits.
    let scaled = value / size;
    let step = 10f64.powf(scaled.max(1.0).log10().floor() - 1.0);
    let rounded = (scaled / step).round() * step;
    if size == 1.0 || rounded >= 10.0 {
        format!("{}{name}", count(rounded.round() as u64))
    } else {
        format!("{rounded:.1}{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rough_counts_have_two_digits() {
        assert_eq!(rough_count(12_345.0), "12,000");
        assert_eq!(rough_count(1.23e6), "1.2 million");
        assert_eq!(rough_count(4.56e10), "46 billion");
        assert_eq!(rough_count(7.0), "7");
        assert_eq!(rough_count(3e17), "10^17");
    }
}
