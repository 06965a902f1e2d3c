//! Tables that other programs read: Parquet or CSV.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use vismem_parquet::{Cells, Kind, Writer};

use crate::args::TableFormat;

/// The values of one column in a group of rows.
pub enum Column {
    Integers(Vec<i64>),
    Texts(Vec<Option<String>>),
}

/// A table that is being written, group of rows by group of rows.
pub struct TableFile {
    path: PathBuf,
    writer: Form,
}

enum Form {
    Parquet(Box<Writer>),
    Csv(Box<csv::Writer<File>>),
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

impl TableFile {
    /// Makes a table of these columns, of whole numbers or of text.
    pub fn create(path: &Path, format: TableFormat, columns: &[(&str, Kind)]) -> Result<Self> {
        let failed = || failed(path);
        let writer = match format {
            TableFormat::Parquet => Form::Parquet(Box::new(Writer::create(path, columns)?)),
            TableFormat::Csv => {
                let mut writer = csv::Writer::from_path(path).with_context(failed)?;
                writer.write_record(columns.iter().map(|(name, _)| name)).with_context(failed)?;
                Form::Csv(Box::new(writer))
            }
        };
        Ok(Self { path: path.into(), writer })
    }

    /// Writes rows: all columns, equally long.
    pub fn write(&mut self, columns: &[Column]) -> Result<()> {
        let writer = match &mut self.writer {
            Form::Parquet(writer) => {
                let borrowed: Vec<Vec<Option<&str>>> = columns
                    .iter()
                    .map(|column| match column {
                        Column::Texts(values) => values.iter().map(Option::as_deref).collect(),
                        Column::Integers(_) => Vec::new(),
                    })
                    .collect();
                let cells: Vec<Cells<'_>> = columns
                    .iter()
                    .zip(&borrowed)
                    .map(|(column, texts)| match column {
                        Column::Integers(values) => Cells::Integers(values),
                        Column::Texts(_) => Cells::Texts(texts),
                    })
                    .collect();
                return Ok(writer.write(&cells)?);
            }
            Form::Csv(writer) => writer,
        };
        let rows = columns.iter().map(Column::len).max().unwrap_or(0);
        for row in 0..rows {
            for column in columns {
                writer.write_field(column.text(row).as_bytes()).with_context(|| failed(&self.path))?;
            }
            writer.write_record(None::<&[u8]>).with_context(|| failed(&self.path))?;
        }
        Ok(())
    }

    /// Ends the file and syncs it.
    pub fn finish(self) -> Result<()> {
        match self.writer {
            Form::Parquet(writer) => Ok(writer.finish()?),
            Form::Csv(writer) => {
                let file = writer.into_inner().map_err(csv::IntoInnerError::into_error);
                file.and_then(|file| file.sync_all()).with_context(|| failed(&self.path))
            }
        }
    }
}

fn failed(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    /// A value as CSV has it: nothing is an empty field.
    fn text(&self, row: usize) -> String {
        match self {
            Self::Integers(values) => values[row].to_string(),
            Self::Texts(values) => values[row].clone().unwrap_or_default(),
        }
    }
}
