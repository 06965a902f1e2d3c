//! Results as tables: for people and for CSV files.

use std::fmt::Write;

/// A table of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name, fit for a file: lower case with hyphens.
    pub name: &'static str,
    /// What it shows, in a line.
    pub caption: String,
    /// Whether people want to see it whole; others are for files.
    pub is_short: bool,
    /// Names of the columns, fit for a CSV header.
    pub columns: Vec<String>,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A share, 0..=1, which people read in percent.
    Share(f64),
    /// Any other number.
    Number(f64),
    /// Nothing known.
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Empty, Self::Number)
    }
}

impl Cell {
    /// For people.
    pub fn for_people(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => crate::report::count(*count),
            Self::Share(share) => format!("{:.1} %", 100.0 * share),
            Self::Number(number) if *number != 0.0 && number.abs() < 0.01 => format!("{number:.1e}"),
            // As many digits as say something, and no zeros at the end.
            Self::Number(number) => {
                let digits = (3.0 - number.abs().max(0.01).log10().floor()).max(0.0) as usize;
                let text = format!("{number:.digits$}");
                if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
            }
            Self::Empty => "-".into(),
        }
    }

    /// For programs: every digit that there is, shares within 0..=1.
    pub fn for_programs(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Share(number) | Self::Number(number) => number.to_string(),
            Self::Empty => String::new(),
        }
    }
}

impl Table {
    pub(crate) fn new<const C: usize>(name: &'static str, caption: impl Into<String>, columns: [&str; C]) -> Self {
        let columns = columns.map(str::to_owned).to_vec();
        Self { name, caption: caption.into(), is_short: true, columns, rows: Vec::new() }
    }

    /// One that is too long for people.
    pub(crate) fn long<const C: usize>(name: &'static str, caption: impl Into<String>, columns: [&str; C]) -> Self {
        Self { is_short: false, ..Self::new(name, caption, columns) }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Text with aligned columns, the first line the header. Columns of numbers are aligned to the right.
    pub fn to_text(&self) -> String {
        let in_one_line = |cell: &Cell| cell.for_people().replace(['\n', '\r'], " ");
        let cells: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(in_one_line).collect()).collect();
        let width = |column: usize| {
            let widest = cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            widest.max(self.columns[column].chars().count())
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let is_text = |column: usize| self.rows.iter().any(|row| matches!(row[column], Cell::Text(_)));
        let to_the_left: Vec<bool> = (0..self.columns.len()).map(is_text).collect();
        let mut text = String::new();
        for line in std::iter::once(&self.columns).chain(&cells) {
            let mut row = String::new();
            for ((cell, &width), left) in line.iter().zip(&widths).zip(&to_the_left) {
                let gap = if row.is_empty() { "" } else { "  " };
                let _ = if *left { write!(row, "{gap}{cell:<width$}") } else { write!(row, "{gap}{cell:>width$}") };
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }

    /// Header and rows as a CSV file (RFC 4180, lines end in a line feed).
    pub fn to_csv(&self) -> String {
        let mut csv = String::new();
        let header = self.columns.clone();
        let rows = self.rows.iter().map(|row| row.iter().map(Cell::for_programs).collect());
        for line in std::iter::once(header).chain(rows) {
            let line: Vec<String> = line.iter().map(|cell| quoted(cell)).collect();
            csv.push_str(&line.join(","));
            csv.push('\n');
        }
        csv
    }
}

fn quoted(cell: &str) -> String {
    let is_plain = !cell.contains(['"', ',', '\n', '\r']);
    if is_plain { cell.into() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_for_people_and_quoted_for_programs() {
        let mut table = Table::new("t", "", ["label", "accuracy"]);
        table.row(["a, b".into(), Cell::Share(0.5)]);
        table.row(["say \"c\"".into(), Cell::Empty]);
        assert_eq!(table.to_text(), "label    accuracy\na, b       50.0 %\nsay \"c\"         -\n");
        let people = |number| Cell::Number(number).for_people();
        assert_eq!(
            [0.1, 15.3794, 279.7697, 3.0, -0.9434, 0.0].map(people),
            ["0.1", "15.38", "279.8", "3", "-0.9434", "0"]
        );
        assert_eq!(Cell::Count(12_345).for_people(), "12,345");
        assert_eq!(table.to_csv(), "label,accuracy\n\"a, b\",0.5\n\"say \"\"c\"\"\",\n");
    }
}
