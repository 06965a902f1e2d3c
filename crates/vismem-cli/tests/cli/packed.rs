//! Makes archives and tables of pictures. Each test program uses a part of it.
#![allow(dead_code)]

use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// A tar of these files, names as they are.
pub fn tar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        // Names that the library would refuse to write, too.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A zip of these files, names as they are.
pub fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A column of a table.
pub enum Column<'a> {
    Integers(&'a [i64]),
    /// Text or bytes, as the schema says.
    Bytes(Vec<Option<Vec<u8>>>),
}

pub fn texts(values: &[&str]) -> Column<'static> {
    Column::Bytes(values.iter().map(|value| Some(value.as_bytes().to_vec())).collect())
}

/// A Parquet file of this schema; byte columns stand `depth` groups deep and may be null at each of them.
pub fn table(path: &Path, schema: &str, columns: &[(Column<'_>, i16)], metadata: Option<(&str, &str)>) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let metadata = metadata.map(|(key, value)| vec![KeyValue::new(key.to_owned(), value.to_owned())]);
    let properties = WriterProperties::builder().set_key_value_metadata(metadata).build();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer =
        SerializedFileWriter::new(std::fs::File::create(path).unwrap(), schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (column, present) in columns {
        let mut out = group.next_column().unwrap().unwrap();
        match column {
            Column::Integers(values) => drop(out.typed::<Int64Type>().write_batch(values, None, None).unwrap()),
            Column::Bytes(values) => {
                let levels: Vec<i16> =
                    values.iter().map(|v| if v.is_some() { *present } else { present - 1 }).collect();
                let values: Vec<ByteArray> = values.iter().flatten().cloned().map(ByteArray::from).collect();
                out.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
            }
        }
        out.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

/// An image data set as the Hugging Face hub has it: pictures and classes with names.
pub fn hugging_face(path: &Path, pictures: Vec<Option<Vec<u8>>>, labels: &[i64], names: &str) {
    let features = format!(
        r#"{{"info": {{"features": {{"image": {{"_type": "Image"}}, "label": {{"names": {names}, "_type": "ClassLabel"}}}}}}}}"#
    );
    let paths = pictures.iter().enumerate().map(|(row, _)| Some(format!("{row}.png").into_bytes())).collect();
    table(
        path,
        "message schema { OPTIONAL GROUP image { OPTIONAL BINARY bytes; OPTIONAL BINARY path (UTF8); } REQUIRED INT64 label; }",
        &[(Column::Bytes(pictures), 2), (Column::Bytes(paths), 2), (Column::Integers(labels), 0)],
        Some(("huggingface", &features)),
    );
}
