//! Tables that other programs read: Parquet or CSV.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vismem::{AttributeType, AttributeValue, Date};

use crate::error::WriteError;
use crate::parquet::{Cells, Kind, Writer};

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableFormat {
    /// Columns with types.
    Parquet,
    /// Text; nothing is an empty field.
    Csv,
}

impl TableFormat {
    /// `NAME.parquet` or `NAME.csv`.
    pub fn file_name(self, name: &str) -> String {
        match self {
            Self::Parquet => format!("{name}.parquet"),
            Self::Csv => format!("{name}.csv"),
        }
    }
}

/// The values of one column in a group of rows.
pub enum Column {
    /// Of a column of [`Kind::Integer`].
    Integers(Vec<i64>),
    /// Of a column of [`Kind::Text`].
    Texts(Vec<Option<String>>),
    /// Of a column of [`Kind::Real`].
    Reals(Vec<Option<f64>>),
    /// Of a column of [`Kind::Boolean`].
    Booleans(Vec<Option<bool>>),
    /// Of a column of [`Kind::Date`].
    Dates(Vec<Option<Date>>),
}

/// Writes a table, group of rows by group of rows.
pub struct TableWriter {
    path: PathBuf,
    writer: Form,
}

enum Form {
    Parquet(Box<Writer>),
    Csv(Box<csv::Writer<File>>),
    /// CSV in which no text is a formula.
    Spreadsheet(Box<csv::Writer<File>>),
}

impl TableWriter {
    /// Makes a table of these columns, of any kind but [`Kind::Bytes`].
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn create(path: &Path, format: TableFormat, columns: &[(&str, Kind)]) -> Result<Self, WriteError> {
        let writer = match format {
            TableFormat::Parquet => Form::Parquet(Box::new(Writer::create(path, columns)?)),
            TableFormat::Csv => {
                let mut writer = csv::Writer::from_path(path).map_err(failed(path))?;
                writer.write_record(columns.iter().map(|(name, _)| name)).map_err(failed(path))?;
                Form::Csv(Box::new(writer))
            }
        };
        Ok(Self { path: path.into(), writer })
    }

    /// Makes a table of these columns as CSV for spreadsheets: it says that it is UTF-8, and a text that a spreadsheet would
    /// take for a formula has a `'` before it, which makes it a text there. Programs that read it back get that `'` too.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn create_spreadsheet(path: &Path, columns: &[(&str, Kind)]) -> Result<Self, WriteError> {
        let mut file = File::create(path).map_err(WriteError::io("write", path))?;
        file.write_all("\u{feff}".as_bytes()).map_err(WriteError::io("write", path))?;
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(columns.iter().map(|(name, _)| no_formula(name).into_owned())).map_err(failed(path))?;
        Ok(Self { path: path.into(), writer: Form::Spreadsheet(Box::new(writer)) })
    }

    /// Writes rows: all columns, equally long.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&mut self, columns: &[Column]) -> Result<(), WriteError> {
        let is_for_spreadsheets = matches!(self.writer, Form::Spreadsheet(_));
        let writer = match &mut self.writer {
            Form::Parquet(writer) => {
                let borrowed: Vec<Vec<Option<&str>>> = columns
                    .iter()
                    .map(|column| match column {
                        Column::Texts(values) => values.iter().map(Option::as_deref).collect(),
                        _ => Vec::new(),
                    })
                    .collect();
                let cells: Vec<Cells<'_>> = columns
                    .iter()
                    .zip(&borrowed)
                    .map(|(column, texts)| match column {
                        Column::Integers(values) => Cells::Integers(values),
                        Column::Texts(_) => Cells::Texts(texts),
                        Column::Reals(values) => Cells::Reals(values),
                        Column::Booleans(values) => Cells::Booleans(values),
                        Column::Dates(values) => Cells::Dates(values),
                    })
                    .collect();
                return Ok(writer.write(&cells)?);
            }
            Form::Csv(writer) | Form::Spreadsheet(writer) => writer,
        };
        let rows = columns.iter().map(Column::len).max().unwrap_or(0);
        for row in 0..rows {
            for column in columns {
                let text = column.text(row);
                // Numbers may begin with a minus.
                let text = match column {
                    Column::Texts(_) if is_for_spreadsheets => no_formula(&text),
                    _ => Cow::Borrowed(&*text),
                };
                writer.write_field(text.as_bytes()).map_err(failed(&self.path))?;
            }
            writer.write_record(None::<&[u8]>).map_err(failed(&self.path))?;
        }
        Ok(())
    }

    /// Ends the file and syncs it.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn finish(self) -> Result<(), WriteError> {
        match self.writer {
            Form::Parquet(writer) => Ok(writer.finish()?),
            Form::Csv(writer) | Form::Spreadsheet(writer) => {
                let file = writer.into_inner().map_err(csv::IntoInnerError::into_error);
                file.and_then(|file| file.sync_all()).map_err(WriteError::io("write", &self.path))
            }
        }
    }
}

/// A text that no spreadsheet takes for a formula.
fn no_formula(text: &str) -> Cow<'_, str> {
    if text.starts_with(begins_formula) { format!("'{text}").into() } else { text.into() }
}

/// The text that [`TableWriter::create_spreadsheet`] wrote as this.
pub fn from_spreadsheet(text: &str) -> &str {
    text.strip_prefix('\'').filter(|text| text.starts_with(begins_formula)).unwrap_or(text)
}

fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')
}

pub(crate) fn failed(path: &Path) -> impl FnOnce(csv::Error) -> WriteError {
    move |error| WriteError::io("write", path)(error.into())
}

impl Column {
    /// The kind of column that values of this type have.
    pub fn kind_of(kind: AttributeType) -> Kind {
        match kind {
            AttributeType::Text => Kind::Text,
            AttributeType::Number => Kind::Real,
            AttributeType::Boolean => Kind::Boolean,
            AttributeType::Date => Kind::Date,
        }
    }

    /// The values of one attribute, of exemplars of which some do not have it. What is of another type is cast to this
    /// one, or left out where that cannot be.
    pub fn of_attribute<'a>(kind: AttributeType, values: impl Iterator<Item = Option<&'a AttributeValue>>) -> Self {
        let values = values.map(|value| value.cloned().and_then(|value| value.cast(kind)));
        match kind {
            AttributeType::Text => Self::Texts(values.map(|value| value.map(|value| value.to_string())).collect()),
            AttributeType::Number => Self::Reals(
                values
                    .map(|value| match value? {
                        AttributeValue::Number(value) => Some(value),
                        _ => None,
                    })
                    .collect(),
            ),
            AttributeType::Boolean => Self::Booleans(
                values
                    .map(|value| match value? {
                        AttributeValue::Boolean(value) => Some(value),
                        _ => None,
                    })
                    .collect(),
            ),
            AttributeType::Date => Self::Dates(
                values
                    .map(|value| match value? {
                        AttributeValue::Date(value) => Some(value),
                        _ => None,
                    })
                    .collect(),
            ),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Texts(values) => values.len(),
            Self::Reals(values) => values.len(),
            Self::Booleans(values) => values.len(),
            Self::Dates(values) => values.len(),
        }
    }

    /// A value as CSV has it: nothing is an empty field.
    fn text(&self, row: usize) -> String {
        match self {
            Self::Integers(values) => values[row].to_string(),
            Self::Texts(values) => values[row].clone().unwrap_or_default(),
            Self::Reals(values) => {
                values[row].map(|value| AttributeValue::Number(value).to_string()).unwrap_or_default()
            }
            Self::Booleans(values) => values[row].map(|value| value.to_string()).unwrap_or_default(),
            Self::Dates(values) => values[row].map(|value| value.to_string()).unwrap_or_default(),
        }
    }
}
