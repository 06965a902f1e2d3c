use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use vismem::Date;

use super::error::named;
use super::{Error, Kind};

/// Writes a table, group of rows by group of rows.
pub struct Writer {
    path: PathBuf,
    file: SerializedFileWriter<File>,
}

/// The values of one column in a group of rows.
#[derive(Debug, Clone, Copy)]
pub enum Cells<'a> {
    /// Of a column of [`Kind::Integer`].
    Integers(&'a [i64]),
    /// Of a column of [`Kind::Text`].
    Texts(&'a [Option<&'a str>]),
    /// Of a column of [`Kind::Real`].
    Reals(&'a [Option<f64>]),
    /// Of a column of [`Kind::Boolean`].
    Booleans(&'a [Option<bool>]),
    /// Of a column of [`Kind::Date`].
    Dates(&'a [Option<Date>]),
}

impl Writer {
    /// Makes a file with these columns, of any kind but [`Kind::Bytes`]. All values but integers may be missing in any
    /// row.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path, columns: &[(&str, Kind)]) -> Result<Self, Error> {
        let make = || {
            let fields = columns.iter().map(|&(name, kind)| field(name, kind).map(Arc::new));
            let fields = fields.collect::<Result<Vec<_>, _>>()?;
            let schema = Type::group_type_builder("schema").with_fields(fields).build()?;
            let properties =
                WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?)).build();
            Ok::<_, ParquetError>((schema, properties))
        };
        let (schema, properties) = make().map_err(|error| named(path, error))?;
        let file = File::create(path).map_err(|source| Error::Io { path: path.into(), action: "create", source })?;
        let file = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties));
        Ok(Self { path: path.into(), file: file.map_err(|error| named(path, error))? })
    }

    /// Writes a group of rows: the values of every column, in the order of the columns.
    ///
    /// # Errors
    /// When the disk refuses.
    ///
    /// # Panics
    /// When columns are missing, of another kind or of different lengths.
    pub fn write(&mut self, cells: &[Cells<'_>]) -> Result<(), Error> {
        self.write_group(cells).map_err(|error| named(&self.path, error))
    }

    fn write_group(&mut self, cells: &[Cells<'_>]) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for cells in cells {
            let mut column = group.next_column()?.expect("cells for no more columns than there are");
            match cells {
                Cells::Integers(values) => drop(column.typed::<Int64Type>().write_batch(values, None, None)?),
                Cells::Texts(values) => write::<ByteArrayType, _>(&mut column, values, |&text| text.into())?,
                Cells::Reals(values) => write::<DoubleType, _>(&mut column, values, |value| *value)?,
                Cells::Booleans(values) => write::<BoolType, _>(&mut column, values, |value| *value)?,
                Cells::Dates(values) => write::<Int32Type, _>(&mut column, values, |date| days(*date))?,
            }
            column.close()?;
        }
        group.close().map(drop)
    }

    /// Writes the footer and syncs the file.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(self) -> Result<(), Error> {
        let Self { path, file } = self;
        let file = file.into_inner().map_err(|error| named(&path, error))?;
        file.sync_all().map_err(|source| Error::Io { path, action: "sync", source })
    }
}

/// Writes values of which some are missing.
fn write<T: DataType, V>(
    column: &mut SerializedColumnWriter<'_>,
    values: &[Option<V>],
    value: impl Fn(&V) -> T::T,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.iter().flatten().map(value).collect();
    column.typed::<T>().write_batch(&values, Some(&levels), None).map(drop)
}

/// Days since 1970.
fn days(date: Date) -> i32 {
    let date: Option<jiff::civil::Date> = date.to_string().parse().ok();
    date.map_or(0, |date| (date - jiff::civil::date(1970, 1, 1)).get_days())
}

fn field(name: &str, kind: Kind) -> Result<Type, ParquetError> {
    match kind {
        Kind::Integer => {
            Type::primitive_type_builder(name, Physical::INT64).with_repetition(Repetition::REQUIRED).build()
        }
        Kind::Text => Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(Some(LogicalType::String))
            .build(),
        Kind::Real => {
            Type::primitive_type_builder(name, Physical::DOUBLE).with_repetition(Repetition::OPTIONAL).build()
        }
        Kind::Boolean => {
            Type::primitive_type_builder(name, Physical::BOOLEAN).with_repetition(Repetition::OPTIONAL).build()
        }
        Kind::Date => Type::primitive_type_builder(name, Physical::INT32)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(Some(LogicalType::Date))
            .build(),
        Kind::Bytes => Err(ParquetError::General("columns of bytes are not written".into())),
    }
}
