use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use vismem::Date;

use super::Error;
use super::error::guarded;
use super::file::Finite;
use crate::platform;

/// An open Parquet file.
pub struct Table {
    path: PathBuf,
    reader: SerializedFileReader<Finite>,
    columns: Vec<Column>,
}

/// A column that holds at most one value a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, with those of the groups around it: `image.bytes`.
    pub name: String,
    /// What its values are; `None` where they are not read here.
    pub kind: Option<Kind>,
    /// Whether it is part of a group.
    pub is_nested: bool,
    /// What its numbers count, if they are times.
    time: Option<Time>,
    /// Its type in words.
    described: String,
    /// Its place in the file.
    leaf: usize,
    /// Definition level of a value that is there.
    present: i16,
}

impl Column {
    /// The name of the outermost group that it is part of; its own where it is in none.
    pub fn group(&self) -> &str {
        if self.is_nested { self.name.split('.').next().unwrap_or_default() } else { &self.name }
    }

    /// Whether its values are days or times.
    pub fn holds_times(&self) -> bool {
        self.kind == Some(Kind::Date) || self.time.is_some()
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers of up to 64 bits; of an unsigned column those up to 2⁶³ − 1.
    Integer,
    /// f32 and f64.
    Real,
    /// True or false.
    Boolean,
    /// Days.
    Date,
    /// UTF-8; times are the text of RFC 3339, without an offset where they are local.
    Text,
    /// Bytes.
    Bytes,
}

/// A value in a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing; also a day or a time outside of the years 0 to 9999.
    Null,
    /// See [`Kind::Integer`].
    Integer(i64),
    /// See [`Kind::Real`].
    Real(f64),
    /// See [`Kind::Boolean`].
    Boolean(bool),
    /// See [`Kind::Date`].
    Date(Date),
    /// See [`Kind::Text`].
    Text(String),
    /// See [`Kind::Bytes`].
    Bytes(Vec<u8>),
}

/// Rows that are decoded together: many of plain values, one where it may be a picture, of which each may be large.
const TOGETHER: usize = 1024;
const TOGETHER_WITH_BYTES: usize = 1;

/// A column of a group of rows that unpacks to more bytes than the first, and to more than the second times what it takes in
/// the file, is made to fill the memory: pictures are packed already.
const LARGEST_UNPACKED: i64 = 768 << 20;
const MOST_UNPACKED: i64 = 100;

impl Table {
    /// Opens a file; reads its footer alone.
    ///
    /// # Errors
    /// When it cannot be read or is not a whole Parquet file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let refused = |source| Error::Io { path: path.into(), action: "read", source };
        let opened = platform::open_regular(path).map_err(refused)?;
        let (file, _) = opened.ok_or_else(|| Error::NotAFile { path: path.into() })?;
        let reader = guarded(path, || SerializedFileReader::new(Finite(file)))?;
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let columns = schema.columns().iter().enumerate().map(|(leaf, column)| Column {
            name: column.path().parts().join("."),
            kind: kind(column),
            is_nested: column.path().parts().len() > 1,
            time: time(column),
            described: describe(column),
            leaf,
            present: column.max_def_level(),
        });
        let columns = columns.collect();
        Ok(Self { path: path.into(), reader, columns })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All columns, lists included.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this name.
    pub fn find(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        u64::try_from(self.reader.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the file says of itself under a key, as `huggingface` or `pandas`.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        let pairs = self.reader.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    /// The values of these columns, row by row.
    ///
    /// # Errors
    /// When a column is not there or of a type that is not read here.
    pub fn rows(self, columns: &[&str]) -> Result<Rows, Error> {
        self.rows_from(columns, 0)
    }

    /// The values of these columns from a row on, counted from 0. Groups of rows before it are not read.
    ///
    /// # Errors
    /// As [`Table::rows`], and when the file is damaged before that row.
    pub fn rows_from(self, columns: &[&str], first: u64) -> Result<Rows, Error> {
        let wanted = columns.iter().map(|&name| self.plain(name).cloned()).collect::<Result<Vec<_>, _>>()?;
        let has_bytes = wanted.iter().any(|column| column.kind == Some(Kind::Bytes));
        let together = if has_bytes { TOGETHER_WITH_BYTES } else { TOGETHER };
        let mut rows = Rows {
            path: self.path,
            reader: self.reader,
            wanted,
            together,
            next_group: 0,
            left: 0,
            open: Vec::new(),
            ready: VecDeque::new(),
            row: 0,
            ended: false,
        };
        rows.skip_to(first)?;
        Ok(rows)
    }

    fn plain(&self, name: &str) -> Result<&Column, Error> {
        let path = || self.path.clone();
        let Some(column) = self.find(name) else {
            let known = self.columns.iter().map(|column| column.name.clone()).collect();
            return Err(Error::NoColumn { path: path(), wanted: name.into(), known });
        };
        match column.kind {
            Some(_) => Ok(column),
            None => Err(Error::NoPlainColumn { path: path(), column: name.into(), what: column.described.clone() }),
        }
    }
}

fn kind(column: &ColumnDescriptor) -> Option<Kind> {
    if column.max_rep_level() > 0 {
        return None;
    }
    let is_decimal = column.converted_type() == ConvertedType::DECIMAL
        || matches!(column.logical_type_ref(), Some(LogicalType::Decimal { .. }));
    match column.physical_type() {
        _ if is_decimal => None,
        Physical::BOOLEAN => Some(Kind::Boolean),
        Physical::INT32 if is_date(column) => Some(Kind::Date),
        Physical::INT64 if time(column).is_some() => Some(Kind::Text),
        Physical::INT32 | Physical::INT64 => Some(Kind::Integer),
        Physical::FLOAT | Physical::DOUBLE => Some(Kind::Real),
        Physical::BYTE_ARRAY => Some(if is_text(column) { Kind::Text } else { Kind::Bytes }),
        Physical::INT96 | Physical::FIXED_LEN_BYTE_ARRAY => None,
    }
}

fn is_date(column: &ColumnDescriptor) -> bool {
    column.converted_type() == ConvertedType::DATE || matches!(column.logical_type_ref(), Some(LogicalType::Date))
}

/// What numbers of a column of times count since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Time {
    /// How many nanoseconds each is.
    nanoseconds: i128,
    /// Whether it is the time in UTC, or that of an unknown place.
    is_utc: bool,
}

fn time(column: &ColumnDescriptor) -> Option<Time> {
    let (unit, is_utc) = match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(time)), _) => (time.unit, time.is_adjusted_to_u_t_c),
        (_, ConvertedType::TIMESTAMP_MILLIS) => (TimeUnit::MILLIS, true),
        (_, ConvertedType::TIMESTAMP_MICROS) => (TimeUnit::MICROS, true),
        _ => return None,
    };
    let nanoseconds = match unit {
        TimeUnit::MILLIS => 1_000_000,
        TimeUnit::MICROS => 1_000,
        TimeUnit::NANOS => 1,
    };
    Some(Time { nanoseconds, is_utc })
}

impl Time {
    fn value(self, number: i64) -> Value {
        let Ok(time) = Timestamp::from_nanosecond(i128::from(number) * self.nanoseconds) else { return Value::Null };
        Value::Text(if self.is_utc { time.to_string() } else { TimeZone::UTC.to_datetime(time).to_string() })
    }
}

fn is_text(column: &ColumnDescriptor) -> bool {
    matches!(column.converted_type(), ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON)
        || matches!(column.logical_type_ref(), Some(LogicalType::String | LogicalType::Enum | LogicalType::Json))
}

fn describe(column: &ColumnDescriptor) -> String {
    let physical = column.physical_type();
    if column.max_rep_level() > 0 { format!("lists of {physical}") } else { format!("values of type {physical}") }
}

/// The rows of a [`Table`], in order. Ends after the first error.
pub struct Rows {
    path: PathBuf,
    reader: SerializedFileReader<Finite>,
    wanted: Vec<Column>,
    together: usize,
    next_group: usize,
    /// Rows of the open group that are not decoded yet.
    left: usize,
    open: Vec<ColumnReader>,
    ready: VecDeque<Vec<Value>>,
    /// Number of the first row in `ready`.
    row: u64,
    ended: bool,
}

impl Iterator for Rows {
    type Item = Result<Vec<Value>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty()
            && !self.ended
            && let Err(error) = self.decode()
        {
            self.ended = true;
            return Some(Err(error));
        }
        let row = self.ready.pop_front()?;
        self.row += 1;
        Some(Ok(row))
    }
}

impl Rows {
    /// Goes to a row, or to the end.
    fn skip_to(&mut self, first: u64) -> Result<(), Error> {
        let groups = self.reader.metadata().row_groups();
        let len = |group: usize| groups.get(group).map(|group| u64::try_from(group.num_rows()).unwrap_or(0));
        while let Some(rows) = len(self.next_group).filter(|rows| self.row + rows <= first) {
            self.row += rows;
            self.next_group += 1;
        }
        if self.row == first || self.next_group == groups.len() {
            return Ok(());
        }
        let skipped = usize::try_from(first - self.row).unwrap_or(usize::MAX);
        self.open_group()?;
        for reader in &mut self.open {
            guarded(&self.path, || skip(reader, skipped))?;
        }
        self.left -= skipped.min(self.left);
        self.row = first;
        Ok(())
    }

    fn open_group(&mut self) -> Result<(), Error> {
        let (reader, wanted, number) = (&self.reader, &self.wanted, self.next_group);
        (self.open, self.left) = guarded(&self.path, || {
            let group = reader.get_row_group(number)?;
            for column in wanted {
                let chunk = group.metadata().column(column.leaf);
                let (packed, unpacked) = (chunk.compressed_size().max(1), chunk.uncompressed_size());
                if unpacked > LARGEST_UNPACKED && unpacked / packed > MOST_UNPACKED {
                    let what = format!("the column {} unpacks to {} MiB", column.name, unpacked >> 20);
                    return Err(ParquetError::General(what));
                }
            }
            let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            let open = wanted.iter().map(|column| group.get_column_reader(column.leaf));
            Ok((open.collect::<Result<_, _>>()?, rows))
        })?;
        self.next_group += 1;
        Ok(())
    }

    /// Decodes the next rows, if there are any.
    fn decode(&mut self) -> Result<(), Error> {
        while self.left == 0 {
            if self.next_group == self.reader.num_row_groups() {
                self.ended = true;
                return Ok(());
            }
            self.open_group()?;
        }
        let count = self.left.min(self.together);
        let mut rows = vec![Vec::with_capacity(self.wanted.len()); count];
        for (column, reader) in self.wanted.iter().zip(&mut self.open) {
            let values = guarded(&self.path, || values(reader, column, count))?;
            if values.len() != count {
                let what = format!("the column {} ends too early", column.name);
                return Err(Error::Damaged { path: self.path.clone(), what });
            }
            for (place, value) in values.into_iter().enumerate() {
                let value = match value {
                    Value::Bytes(bytes) if column.kind == Some(Kind::Text) => {
                        Value::Text(String::from_utf8(bytes).map_err(|_| Error::NotUtf8 {
                            path: self.path.clone(),
                            column: column.name.clone(),
                            row: self.row + place as u64,
                        })?)
                    }
                    value => value,
                };
                rows[place].push(value);
            }
        }
        self.left -= count;
        self.ready.extend(rows);
        Ok(())
    }
}

/// The next `count` values of a column, fewer at its end.
fn values(reader: &mut ColumnReader, column: &Column, count: usize) -> Result<Vec<Value>, ParquetError> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => plain(reader, column, count, Value::Boolean),
        ColumnReader::Int32ColumnReader(reader) if column.kind == Some(Kind::Date) => {
            plain(reader, column, count, |days| Date::from_days_since_1970(days).map_or(Value::Null, Value::Date))
        }
        ColumnReader::Int32ColumnReader(reader) => plain(reader, column, count, |v| Value::Integer(v.into())),
        ColumnReader::Int64ColumnReader(reader) => plain(reader, column, count, |number| match column.time {
            Some(time) => time.value(number),
            None => Value::Integer(number),
        }),
        ColumnReader::FloatColumnReader(reader) => plain(reader, column, count, |v| Value::Real(v.into())),
        ColumnReader::DoubleColumnReader(reader) => plain(reader, column, count, Value::Real),
        ColumnReader::ByteArrayColumnReader(reader) => {
            plain(reader, column, count, |bytes: ByteArray| Value::Bytes(bytes.data().to_vec()))
        }
        _ => Err(ParquetError::General("a column has another type than the file's schema says".into())),
    }
}

fn skip(reader: &mut ColumnReader, count: usize) -> Result<(), ParquetError> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => reader.skip_records(count),
        ColumnReader::Int32ColumnReader(reader) => reader.skip_records(count),
        ColumnReader::Int64ColumnReader(reader) => reader.skip_records(count),
        ColumnReader::FloatColumnReader(reader) => reader.skip_records(count),
        ColumnReader::DoubleColumnReader(reader) => reader.skip_records(count),
        ColumnReader::ByteArrayColumnReader(reader) => reader.skip_records(count),
        _ => Ok(0),
    }
    .map(drop)
}

fn plain<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    column: &Column,
    count: usize,
    value: impl Fn(T::T) -> Value,
) -> Result<Vec<Value>, ParquetError> {
    let (mut found, mut levels) = (Vec::with_capacity(count), Vec::new());
    let (rows, _, _) = reader.read_records(count, Some(&mut levels), None, &mut found)?;
    let mut found = found.into_iter().map(value);
    if column.present == 0 {
        return Ok(found.collect());
    }
    let row = |level: &i16| if *level == column.present { found.next() } else { Some(Value::Null) };
    Ok(levels.iter().take(rows).filter_map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parquet::{Cells, Writer};

    fn write(path: &Path, rows: usize) {
        let columns = [("id", Kind::Integer), ("name", Kind::Text)];
        let mut writer = Writer::create(path, &columns).unwrap();
        let names: Vec<String> = (0..rows).map(|row| format!("name {row}")).collect();
        for (part, names) in names.chunks(1500).enumerate() {
            let ids: Vec<i64> = (0..names.len()).map(|row| (part * 1500 + row) as i64).collect();
            let names: Vec<_> =
                ids.iter().zip(names).map(|(id, name)| (id % 3 != 0).then_some(name.as_str())).collect();
            writer.write(&[Cells::Integers(&ids), Cells::Texts(&names)]).unwrap();
        }
        writer.finish().unwrap();
    }

    #[test]
    fn rows_come_in_order_across_groups_with_nothing_where_nothing_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        write(&path, 4000);
        let table = Table::open(&path).unwrap();
        assert_eq!((table.len(), table.find("name").unwrap().kind), (4000, Some(Kind::Text)));
        let rows: Vec<_> = table.rows(&["name", "id"]).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), 4000);
        for (number, row) in rows.into_iter().enumerate() {
            let name = if number % 3 == 0 { Value::Null } else { Value::Text(format!("name {number}")) };
            assert_eq!(row, [name, Value::Integer(number as i64)]);
        }
    }

    #[test]
    fn every_compression_is_read() {
        use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
        use parquet::data_type::Int64Type;
        use parquet::file::properties::WriterProperties;
        use parquet::file::writer::SerializedFileWriter;
        use parquet::schema::parser::parse_message_type;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let values: Vec<i64> = (0..1000).collect();
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(GzipLevel::default()),
            Compression::BROTLI(BrotliLevel::default()),
            Compression::LZ4,
            Compression::LZ4_RAW,
            Compression::ZSTD(ZstdLevel::default()),
        ] {
            let schema = parse_message_type("message schema { REQUIRED INT64 id; }").unwrap().into();
            let properties = WriterProperties::builder().set_compression(compression).build().into();
            let file = std::fs::File::create(&path).unwrap();
            let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
            let mut group = writer.next_row_group().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
            column.close().unwrap();
            group.close().unwrap();
            writer.close().unwrap();
            let rows = Table::open(&path).unwrap().rows(&["id"]).unwrap();
            let found: Vec<_> = rows.map(|row| row.unwrap().swap_remove(0)).collect();
            assert_eq!(found, values.iter().map(|id| Value::Integer(*id)).collect::<Vec<_>>(), "{compression}");
        }
    }

    #[test]
    fn reading_from_a_row_on_gives_what_reading_all_gives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        write(&path, 4000);
        let read = |first| {
            let rows = Table::open(&path).unwrap().rows_from(&["name", "id"], first).unwrap();
            rows.collect::<Result<Vec<_>, _>>().unwrap()
        };
        let all = read(0);
        for first in [1, 1499, 1500, 1501, 2999, 3000, 3999, 4000, 5000] {
            assert_eq!(read(first), all[(first as usize).min(4000)..], "{first}");
        }
    }

    #[test]
    fn a_column_that_is_not_there_is_named_with_those_that_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        write(&path, 1);
        let error = Table::open(&path).unwrap().rows(&["label"]).err().unwrap().to_string();
        assert!(error.contains("has no column label; its columns are id, name"), "{error}");
    }

    #[test]
    fn a_header_that_claims_what_never_follows_is_damage_at_once() {
        // Found by fuzzing: minutes of reading beyond the end, if that is no error.
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/endless_header.parquet"));
        let table = Table::open(path).unwrap();
        let columns: Vec<_> = table.columns().iter().map(|column| column.name.clone()).collect();
        let columns: Vec<_> = columns.iter().map(String::as_str).collect();
        let error = table.rows(&columns).unwrap().find_map(Result::err).unwrap();
        assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    }

    #[test]
    fn no_damage_panics_and_every_cut_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        write(&path, 50);
        let whole = std::fs::read(&path).unwrap();
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Table::open(&path)?.rows(&["id", "name"])?.collect::<Result<Vec<_>, _>>()
        };
        for len in 0..whole.len() {
            assert!(read(&whole[..len]).is_err(), "{len} bytes");
        }
        let mut state = 1u64;
        for _ in 0..2000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut damaged = whole.clone();
            damaged[(state >> 33) as usize % whole.len()] ^= 1 << (state >> 29 & 7);
            let _ = read(&damaged);
        }
    }
}
