//! CSV files with a header, and errors that name file and line.

use std::fs::File;
use std::path::{Path, PathBuf};

use csv::{ErrorKind, Position, StringRecord};

use crate::Result;
use crate::error::{At, ReadError};

/// A CSV file, read row by row.
pub struct CsvFile {
    path: PathBuf,
    /// The names of the columns, each once.
    pub header: StringRecord,
    reader: csv::Reader<File>,
}

/// A row, as long as the header.
pub struct Row {
    /// Where it begins in the file, counted from 1.
    pub line: u64,
    /// Its values.
    pub fields: StringRecord,
}

impl CsvFile {
    /// Opens a file. Spaces around fields do not count.
    ///
    /// # Errors
    /// When it cannot be read, or two columns have the same name.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, csv::Trim::All)
    }

    /// Opens a file in which spaces around fields count: one that was written by a program.
    ///
    /// # Errors
    /// As [`CsvFile::open`].
    pub fn open_exactly(path: &Path) -> Result<Self> {
        Self::open_with(path, csv::Trim::None)
    }

    fn open_with(path: &Path, trim: csv::Trim) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().trim(trim).from_path(path).map_err(|error| readable(path, error))?;
        let header = reader.headers().map_err(|error| readable(path, error))?.clone();
        let twice = header.iter().enumerate().find(|(place, column)| header.iter().take(*place).any(|c| c == *column));
        if let Some((_, column)) = twice {
            return Err(ReadError::content(path, format!("two columns are called {column:?}; rename or remove one")));
        }
        Ok(Self { path: path.into(), header, reader })
    }

    /// The position of a column that must be there.
    ///
    /// # Errors
    /// When it is not there; the error names those that are.
    pub fn column(&self, wanted: &str) -> Result<usize> {
        self.find(wanted).ok_or_else(|| ReadError::NoColumn {
            path: self.path.clone(),
            wanted: wanted.into(),
            known: self.header.iter().map(str::to_owned).collect(),
            field: None,
        })
    }

    /// The position of a column, if it is there.
    pub fn find(&self, wanted: &str) -> Option<usize> {
        self.header.iter().position(|column| column == wanted)
    }

    /// Refuses columns without a name.
    ///
    /// # Errors
    /// When there is one; the error has its place, counted from 1.
    pub fn all_named(&self) -> Result<()> {
        match self.header.iter().position(str::is_empty) {
            Some(nameless) => {
                let what = format!("column {} has no name; name or remove it", nameless + 1);
                Err(ReadError::content(&self.path, what))
            }
            None => Ok(()),
        }
    }

    /// The rows, in order.
    pub fn rows(self) -> impl Iterator<Item = Result<Row>> {
        let path = self.path;
        self.reader.into_records().map(move |record| {
            let fields = record.map_err(|error| readable(&path, error))?;
            Ok(Row { line: line(fields.position()), fields })
        })
    }
}

fn line(position: Option<&Position>) -> u64 {
    position.map_or(1, Position::line)
}

fn readable(path: &Path, error: csv::Error) -> ReadError {
    let (line, what) = match error.kind() {
        ErrorKind::Utf8 { pos, .. } => (line(pos.as_ref()), "is not UTF-8; save the file as UTF-8".into()),
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let what = format!("has {len} fields, the header has {expected_len}; put fields with commas in quotes");
            (line(pos.as_ref()), what)
        }
        _ => return ReadError::io("read", path)(error.into()),
    };
    ReadError::row(path, At::Line(line), what)
}
