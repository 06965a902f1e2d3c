//! Folders of embeddings with all that a memory wants to know of them.
//!
//! | file | what |
//! |---|---|
//! | `embeddings.npy` | N × D, f32, of length 1 |
//! | `metadata.parquet` or `metadata.csv` | N rows in the same order: `id`, `batch`, `label`, `source`, `source_bytes`, `content`, a column for each attribute |
//! | `taxonomy.csv` | levels above the labels, where there are some |
//! | `memory.json` | the encoder, how many there are, what they make, which attributes they have; written last |

mod reader;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vismem::AttributeType;

pub use reader::{Folder, Row};
pub use writer::{Entry, FolderWriter};

use crate::error::WriteError;
use crate::parquet::Kind;

const DESCRIPTION: &str = "memory.json";
const EMBEDDINGS: &str = "embeddings.npy";
const TAXONOMY: &str = "taxonomy.csv";

/// The columns of the metadata. The first two are there if the exemplars were in a memory.
const COLUMNS: [(&str, Kind); 6] = [
    ("id", Kind::Integer),
    ("batch", Kind::Integer),
    ("label", Kind::Text),
    // Nothing where there is no source, or where it is a path that is not UTF-8: then `source_bytes` has it, in
    // hexadecimal digits.
    ("source", Kind::Text),
    ("source_bytes", Kind::Text),
    // Hash of what the embedding was made from, in hexadecimal digits.
    ("content", Kind::Text),
];

/// `memory.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Description {
    /// Version of this layout.
    format: u32,
    engine: String,
    encoder: EncoderDescription,
    /// How many rows there are.
    pub exemplars: usize,
    /// The digest of a memory that holds these exemplars and no others.
    pub digest: Option<String>,
    /// Name of the table.
    metadata: String,
    /// What else is known of exemplars.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<AttributeColumn>,
}

/// A column of the metadata that has an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AttributeColumn {
    name: String,
    #[serde(rename = "type")]
    kind: AttributeType,
    column: String,
}

impl AttributeColumn {
    /// The columns of attributes: `attribute.NAME`, which none of [`COLUMNS`] is.
    fn of(attributes: BTreeMap<String, AttributeType>) -> Vec<Self> {
        let column = |(name, kind)| Self { column: format!("attribute.{name}"), name, kind };
        attributes.into_iter().map(column).collect()
    }

    /// What to say of a value that is not of its type.
    fn wrong(&self) -> String {
        format!("`{}` is not a {}; export it again", self.column, self.kind)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct EncoderDescription {
    name: String,
    hash: String,
    dim: usize,
}

/// The layouts that are written and read. Only with attributes it is the second, so that older readers take what they
/// understand and refuse what they would lose.
const FORMAT: u32 = 2;

fn format_of(attributes: &[AttributeColumn]) -> u32 {
    if attributes.is_empty() { 1 } else { FORMAT }
}

/// Whether there is such a folder.
pub fn is_one(path: &Path) -> bool {
    path.join(DESCRIPTION).is_file() && path.join(EMBEDDINGS).is_file()
}

impl Description {
    /// What made the embeddings.
    pub fn encoder(&self) -> vismem::EncoderIdentity {
        let EncoderDescription { name, hash, dim } = &self.encoder;
        vismem::EncoderIdentity { name: name.clone(), hash: hash.clone(), dim: *dim }
    }
}

/// Removes a file, if it is there.
fn remove(file: &Path) -> Result<(), WriteError> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(WriteError::io("replace", file)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table_writer::TableFormat;
    use vismem::{AttributeValue, Attributes, EncoderIdentity, Taxonomy};

    fn attributes(values: &[(&str, AttributeValue)]) -> Attributes {
        let mut attributes = Attributes::default();
        values.iter().for_each(|(name, value)| drop(attributes.insert(*name, value.clone()).unwrap()));
        attributes
    }

    fn written(folder: &Path, format: TableFormat, rows: &[Attributes]) {
        let mut writer = FolderWriter::create(folder, format, 2, false).unwrap();
        for attributes in rows {
            let (label, embedding) = ("x", &[0.6, 0.8]);
            writer.push(&Entry { id: None, label, source: None, content: [1; 32], attributes, embedding }).unwrap();
        }
        writer.finish(&EncoderIdentity::unknown(2), None, &Taxonomy::default()).unwrap();
    }

    #[test]
    fn attributes_come_back_with_their_types_whatever_their_names() {
        let rows = [
            attributes(&[
                ("label", "a label, \"quoted\"\n".into()),
                ("attribute.year", 0.1.into()),
                ("wild", true.into()),
            ]),
            attributes(&[]),
            attributes(&[("day", "1969-07-20".parse::<vismem::Date>().unwrap().into()), ("code", "007".into())]),
            attributes(&[("code", "7".into()), ("year", (-2e300).into()), ("wild", false.into()), (" ", " ".into())]),
        ];
        let folder = tempfile::tempdir().unwrap();
        for format in [TableFormat::Parquet, TableFormat::Csv] {
            written(folder.path(), format, &rows);
            let read = Folder::open(folder.path()).unwrap();
            assert_eq!(read.description.format, 2);
            let read: Vec<_> = read.rows().unwrap().map(|row| row.unwrap().attributes).collect();
            assert_eq!(read, rows, "{format:?}");
        }
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(files.len(), 3, "{files:?}");
    }

    #[test]
    fn values_of_several_types_under_one_name_are_text() {
        let rows = [attributes(&[("a", 7.0.into())]), attributes(&[("a", "x".into())])];
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), TableFormat::Parquet, &rows);
        let read = Folder::open(folder.path()).unwrap();
        let read: Vec<_> = read.rows().unwrap().map(|row| row.unwrap().attributes.to_string()).collect();
        assert_eq!(read, ["a=7", "a=x"]);
    }

    #[test]
    fn without_attributes_older_readers_read_on() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), TableFormat::Csv, &[attributes(&[])]);
        let text = std::fs::read_to_string(folder.path().join(DESCRIPTION)).unwrap();
        assert!(text.contains("\"format\": 1,") && !text.contains("attributes"), "{text}");
    }

    #[test]
    fn a_value_of_another_type_than_the_description_says_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), TableFormat::Csv, &[attributes(&[("year", 2019.0.into())])]);
        let path = folder.path().join("metadata.csv");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("2019", "MMXIX")).unwrap();
        let error = Folder::open(folder.path()).unwrap().rows().unwrap().find_map(Result::err).unwrap().to_string();
        assert!(error.contains("line 2: `attribute.year` is not a number"), "{error}");
    }
}
