//! CSV files with a header, in the dialects that spreadsheets write, and errors that name file and line.

use std::collections::HashSet;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::{ErrorKind, Position, StringRecord};

use crate::error::{At, Field, ReadError};
use crate::picture::has_extension;
use crate::{Result, text};

/// What separates the fields of a row: the one that the header has most of.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// The most columns of a table.
const MOST_COLUMNS: usize = 10_000;

/// The most bytes of a row: what is longer is no table, or has a quote that is never closed.
const LONGEST_ROW: u64 = 16 << 20;

/// The header is looked for in so many bytes.
const HEADER: u64 = 1 << 16;

/// A CSV file, read row by row.
pub struct CsvFile {
    path: PathBuf,
    /// The names of the columns, each once.
    pub header: StringRecord,
    reader: csv::Reader<Box<dyn Read + Send>>,
    /// How many lines further down a row is than the reader counts.
    lines_before: u64,
    unclosed: Unclosed,
}

/// Whether a file is such a table by its name: `.csv`, or `.tsv`.
pub fn is_named_like_one(path: &Path) -> bool {
    has_extension(path, "csv") || has_extension(path, "tsv")
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
        let mut file = text::open(path)?;
        let mut start = Vec::new();
        file.by_ref().take(HEADER).read_to_end(&mut start).map_err(ReadError::io("read", path))?;
        let dialect = Dialect::of(&start);
        let rest = Cursor::new(start.split_off(dialect.skipped)).chain(file);
        let (rest, unclosed) = Quotes::watched(rest, &dialect);
        let rest: Box<dyn Read + Send> = Box::new(rest);
        let mut reader = csv::ReaderBuilder::new().trim(trim).delimiter(dialect.delimiter).from_reader(rest);
        let lines_before = dialect.lines_before;
        let header = reader.headers().map_err(|error| readable(path, error, lines_before))?.clone();
        unclosed.check(path)?;
        if header.len() > MOST_COLUMNS {
            let what = format!("has {} columns; a table may have up to {MOST_COLUMNS}", header.len());
            return Err(ReadError::content(path, what));
        }
        let mut seen = HashSet::new();
        if let Some(column) = header.iter().find(|column| !seen.insert(*column)) {
            return Err(ReadError::content(path, format!("two columns are called {column:?}; rename or remove one")));
        }
        Ok(Self { path: path.into(), header, reader, lines_before, unclosed })
    }

    /// The position of a column that must be there.
    ///
    /// # Errors
    /// When it is not there; the error names those that are.
    pub fn column(&self, wanted: &str) -> Result<usize> {
        self.column_or(wanted, None)
    }

    /// The position of a column that must be there, unless a field of the request names another one.
    ///
    /// # Errors
    /// When it is not there; the error names those that are.
    pub(crate) fn column_or(&self, wanted: &str, field: Option<Field>) -> Result<usize> {
        self.find(wanted).ok_or_else(|| ReadError::NoColumn {
            path: self.path.clone(),
            wanted: wanted.into(),
            known: self.header.iter().map(str::to_owned).collect(),
            field,
        })
    }

    /// The position of a column, if it is there. Capitals count only where columns differ in nothing else.
    pub fn find(&self, wanted: &str) -> Option<usize> {
        let mut alike = self.header.iter().enumerate().filter(|(_, column)| column.eq_ignore_ascii_case(wanted));
        let exact = self.header.iter().position(|column| column == wanted);
        exact.or_else(|| alike.next().filter(|_| alike.next().is_none()).map(|(place, _)| place))
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
        let (path, before, unclosed) = (self.path, self.lines_before, self.unclosed);
        self.reader.into_records().map(move |record| {
            unclosed.check(&path)?;
            let fields = record.map_err(|error| readable(&path, error, before))?;
            Ok(Row { line: line(fields.position()) + before, fields })
        })
    }
}

/// The line of the quote that is still open at the end of a file; 0 while there is none. What is behind such a quote would be
/// one field.
#[derive(Clone, Default)]
struct Unclosed(Arc<AtomicU64>);

impl Unclosed {
    fn check(&self, path: &Path) -> Result<()> {
        match self.0.load(Ordering::Relaxed) {
            0 => Ok(()),
            line => {
                Err(ReadError::row(path, At::Line(line), "has a quote that is never closed; close it or take it away"))
            }
        }
    }
}

/// Follows the quotes of a file while it is read, by the rules of the reader of its rows.
struct Quotes<R> {
    file: R,
    delimiter: u8,
    state: Quoting,
    line: u64,
    opened: u64,
    /// Bytes since the last end of a row.
    row: u64,
    unclosed: Unclosed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    FieldBegins,
    Plain,
    Quoted,
    /// Behind a quote in a quoted field: another one stands for itself, anything else is behind the field.
    QuoteInQuoted,
}

impl<R> Quotes<R> {
    fn watched(file: R, dialect: &Dialect) -> (Self, Unclosed) {
        let unclosed = Unclosed::default();
        let line = 1 + u64::from(dialect.skipped > 0);
        let (delimiter, state) = (dialect.delimiter, Quoting::FieldBegins);
        (Self { file, delimiter, state, line, opened: 0, row: 0, unclosed: unclosed.clone() }, unclosed)
    }

    fn follow(&mut self, byte: u8) {
        let ends_field = byte == self.delimiter || b"\r\n".contains(&byte);
        self.state = match (self.state, byte) {
            (Quoting::FieldBegins, b'"') => {
                self.opened = self.line;
                Quoting::Quoted
            }
            (Quoting::Quoted, b'"') => Quoting::QuoteInQuoted,
            (Quoting::QuoteInQuoted, b'"') => Quoting::Quoted,
            (Quoting::Quoted, _) => Quoting::Quoted,
            _ if ends_field => Quoting::FieldBegins,
            _ => Quoting::Plain,
        };
        self.line += u64::from(byte == b'\n');
        self.row += 1;
        if self.state == Quoting::FieldBegins && byte != self.delimiter {
            self.row = 0;
        }
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        for byte in &buffer[..read] {
            self.follow(*byte);
            if self.row > LONGEST_ROW {
                let what = format!("a row near line {} is longer than {} MiB", self.line, LONGEST_ROW >> 20);
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{what}; close its quotes, or split it"),
                ));
            }
        }
        if read == 0 && !buffer.is_empty() && self.state == Quoting::Quoted {
            self.unclosed.0.store(self.opened, Ordering::Relaxed);
        }
        Ok(read)
    }
}

/// How a file is written.
#[derive(Debug, PartialEq, Eq)]
struct Dialect {
    delimiter: u8,
    /// How many bytes before the header are none of the table.
    skipped: usize,
    lines_before: u64,
}

impl Dialect {
    /// By the beginning of a file. A first line such as `sep=;` says the delimiter to spreadsheets.
    fn of(start: &[u8]) -> Self {
        let line = |from: usize| {
            let end =
                start[from..].iter().position(|byte| b"\r\n".contains(byte)).map_or(start.len(), |end| from + end);
            let next = end + if start[end..].starts_with(b"\r\n") { 2 } else { 1 };
            (&start[from..end], next.min(start.len()), start[end..].starts_with(b"\r\n"))
        };
        let (first, second, _) = line(0);
        let said = first.strip_prefix(b"sep=").and_then(|said| said.first()).copied().filter(u8::is_ascii);
        let skipped = if said.is_some() { second } else { 0 };
        let (header, _, has_two_bytes) = line(skipped);
        // The reader takes the second byte of an end of line for the first of the next row.
        let lines_before = u64::from(said.is_some()) + u64::from(has_two_bytes);
        let delimiter = said.unwrap_or_else(|| most_frequent(header));
        Self { delimiter, skipped, lines_before }
    }
}

/// The delimiter that a header has most of outside of quotes; the first of those that are equally frequent.
fn most_frequent(header: &[u8]) -> u8 {
    let unquoted = header.split(|byte| *byte == b'"').step_by(2).flatten();
    let mut counts = [0; DELIMITERS.len()];
    for byte in unquoted {
        if let Some(place) = DELIMITERS.iter().position(|delimiter| delimiter == byte) {
            counts[place] += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    counts.iter().position(|count| *count == most).map_or(DELIMITERS[0], |place| DELIMITERS[place])
}

fn line(position: Option<&Position>) -> u64 {
    position.map_or(1, Position::line)
}

fn readable(path: &Path, error: csv::Error, lines_before: u64) -> ReadError {
    let (line, what) = match error.kind() {
        ErrorKind::Utf8 { pos, .. } => (line(pos.as_ref()), "is not UTF-8; save the file as UTF-8".into()),
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let fields = if *len == 1 { "field" } else { "fields" };
            let what = format!("has {len} {fields}, the header has {expected_len}; put fields with commas in quotes");
            (line(pos.as_ref()), what)
        }
        _ => return ReadError::io("read", path)(error.into()),
    };
    ReadError::row(path, At::Line(line + lines_before), what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Result<CsvFile> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        CsvFile::open(&path)
    }

    fn rows(text: &str) -> Vec<(u64, Vec<String>)> {
        let rows = open(text).unwrap().rows().map(|row| row.unwrap());
        rows.map(|row| (row.line, row.fields.iter().map(str::to_owned).collect())).collect()
    }

    #[test]
    fn every_dialect_is_the_same_table_with_the_same_lines() {
        for (dialect, first) in [
            ("path,label\na,x\nb,y z\n", 2),
            ("path,label\r\na,x\r\nb,y z\r\n", 2),
            ("path;label\na;x\nb;y z\n", 2),
            ("path\tlabel\na\tx\nb\ty z", 2),
            ("path|label\na|x\nb|\"y z\"\n", 2),
            ("sep=;\npath;label\na;x\nb;y z\n", 3),
            ("sep=,\r\npath,label\r\na,x\r\nb,y z\r\n", 3),
            ("\"path\";\"label\"\r\na;x\r\nb;y z\r\n", 2),
        ] {
            let expected = [(first, vec!["a".into(), "x".into()]), (first + 1, vec!["b".into(), "y z".into()])];
            assert_eq!(rows(dialect), expected, "{dialect:?}");
        }
    }

    #[test]
    fn a_delimiter_in_quotes_is_none_and_one_in_the_rows_does_not_count() {
        assert_eq!(rows("\"a;b;c\",label\nx;y;z,1\n"), [(2, vec!["x;y;z".into(), "1".into()])]);
        assert_eq!(rows("label\nx;y\n"), [(2, vec!["x;y".into()])]);
    }

    #[test]
    fn capitals_of_a_column_count_only_where_two_differ_in_nothing_else() {
        assert_eq!(open("Path,LABEL\n").unwrap().find("label"), Some(1));
        assert_eq!(open("Label,label\n").unwrap().find("label"), Some(1));
        assert_eq!(open("Label,LABEL\n").unwrap().find("label"), None);
    }

    #[test]
    fn the_line_of_an_error_is_the_one_that_an_editor_shows() {
        for text in ["a,b\r\n1,2\r\n3\r\n", "a,b\n1,2\n3\n", "sep=,\na,b\n3\n"] {
            let error = open(text).unwrap().rows().find_map(Result::err).unwrap().to_string();
            assert!(error.contains("line 3: has 1 field, the header has 2"), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_is_named_by_its_line_and_others_are_none() {
        for (text, line) in [
            ("path,label\n0,\"cat\n1,dog\n", 2),
            ("sep=,\npath,label\n0,cat\n1,\"do\"\"g\n2,x\n", 4),
            ("path,\"label\n0,cat\n", 1),
            ("path,label\r\n0,\"two\r\nlines\"\r\n1,\"x", 4),
        ] {
            let error = open(text).and_then(|file| file.rows().collect::<Result<Vec<_>>>().map(drop)).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(&format!("line {line}: has a quote that is never closed")), "{text:?}: {error}");
        }
        for text in
            ["a,b\n1,6\" disc\n", "a,b\n1,\"\"\n", "a,b\n1,\"x \"\"y\"\"\"\n", "a,b\n\"1\" ,x\n", "a,b\n1,\"x\""]
        {
            assert_eq!(rows(text).len(), 1, "{text:?}");
        }
    }

    #[test]
    fn a_row_without_end_is_refused_before_it_fills_memory_and_so_are_too_many_columns() {
        let endless = format!("path,label\n0,{}", "x".repeat(LONGEST_ROW as usize + 1));
        let error = open(&endless).unwrap().rows().find_map(Result::err).unwrap().to_string();
        assert!(error.contains("near line 2 is longer than 16 MiB"), "{error}");
        let wide = (0..=MOST_COLUMNS).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",");
        assert!(open(&wide).err().unwrap().to_string().contains("has 10001 columns"));
        let twice = (0..MOST_COLUMNS).map(|column| format!("c{}", column % 9_999)).collect::<Vec<_>>().join(",");
        assert!(open(&twice).err().unwrap().to_string().contains("two columns are called \"c0\""));
    }
}
