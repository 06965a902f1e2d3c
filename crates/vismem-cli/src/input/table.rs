//! CSV files with a header, and errors that name file and line.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use csv::{ErrorKind, Position, StringRecord};

/// A CSV file, read row by row.
pub struct Table {
    pub name: String,
    pub header: StringRecord,
    reader: csv::Reader<File>,
}

/// A row, as long as the header.
pub struct Row {
    /// Where it begins in the file, counted from 1.
    pub line: u64,
    pub fields: StringRecord,
}

impl Table {
    /// Opens a file. Spaces around fields do not count.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, csv::Trim::All)
    }

    /// Opens a file in which spaces around fields count: one that was written by a program.
    pub fn open_exactly(path: &Path) -> Result<Self> {
        Self::open_with(path, csv::Trim::None)
    }

    fn open_with(path: &Path, trim: csv::Trim) -> Result<Self> {
        let name = path.display().to_string();
        let mut reader =
            csv::ReaderBuilder::new().trim(trim).from_path(path).map_err(|error| readable(&name, error))?;
        let header = reader.headers().map_err(|error| readable(&name, error))?.clone();
        let twice = header.iter().enumerate().find(|(place, column)| header.iter().take(*place).any(|c| c == *column));
        if let Some((_, column)) = twice {
            bail!("{name}: two columns are called {column:?}; rename or remove one");
        }
        Ok(Self { name, header, reader })
    }

    /// The position of a column that must be there.
    pub fn column(&self, wanted: &str) -> Result<usize> {
        self.find(wanted).with_context(|| {
            let columns = self.header.iter().collect::<Vec<_>>().join(", ");
            format!("{}: has no column {wanted}; its columns are {columns}", self.name)
        })
    }

    /// The position of a column, if it is there.
    pub fn find(&self, wanted: &str) -> Option<usize> {
        self.header.iter().position(|column| column == wanted)
    }

    /// Refuses columns without a name.
    pub fn all_named(&self) -> Result<()> {
        let nameless = self.header.iter().position(str::is_empty).map(|column| column + 1);
        ensure!(nameless.is_none(), "{}: column {} has no name; name or remove it", self.name, nameless.unwrap_or(0));
        Ok(())
    }

    pub fn rows(self) -> impl Iterator<Item = Result<Row>> {
        let name = self.name;
        self.reader.into_records().map(move |record| {
            let fields = record.map_err(|error| readable(&name, error))?;
            Ok(Row { line: line(fields.position()), fields })
        })
    }
}

fn line(position: Option<&Position>) -> u64 {
    position.map_or(1, Position::line)
}

fn readable(name: &str, error: csv::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::Utf8 { pos, .. } => {
            anyhow::anyhow!("{name}, line {}: is not UTF-8; save the file as UTF-8", line(pos.as_ref()))
        }
        ErrorKind::UnequalLengths { pos, expected_len, len } => anyhow::anyhow!(
            "{name}, line {}: has {len} fields, the header has {expected_len}; put fields with commas in quotes",
            line(pos.as_ref())
        ),
        _ => anyhow::Error::new(error).context(format!("cannot read {name}")),
    }
}
