//! A table of a page, as plain data.

use crate::figure::Origin;

/// Numbers in rows and columns.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// What it shows, a short headline; may be empty.
    pub title: String,
    /// How to read it; may be empty.
    pub note: String,
    /// What stands in each column.
    pub columns: Vec<Column>,
    /// The rows, each with a cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its heading.
    pub name: String,
    /// Whether it holds numbers, which stand at the right.
    pub numeric: bool,
    /// Who measured what is in it.
    pub origin: Origin,
}

/// One cell.
#[derive(Debug, Clone)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// Whether it is the best of its row or column.
    pub best: bool,
}

impl Column {
    /// A column of words.
    pub fn text(name: impl Into<String>) -> Self {
        Self { name: name.into(), numeric: false, origin: Origin::Measured }
    }

    /// A column of numbers that were measured here.
    pub fn number(name: impl Into<String>) -> Self {
        Self { numeric: true, ..Self::text(name) }
    }

    /// A column of numbers from the paper.
    pub fn paper(name: impl Into<String>) -> Self {
        Self { origin: Origin::Paper, ..Self::number(name) }
    }
}

impl Cell {
    /// An ordinary cell.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), best: false }
    }

    /// The best one.
    pub fn best(text: impl Into<String>) -> Self {
        Self { text: text.into(), best: true }
    }
}
