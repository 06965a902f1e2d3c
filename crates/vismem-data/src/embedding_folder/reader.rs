use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER_PERMISSIVE;
use vismem::{AttributeValue, Attributes, Source, Taxonomy};

use super::{AttributeColumn, DESCRIPTION, Description, EMBEDDINGS, FORMAT, TAXONOMY};
use crate::csv_file::CsvFile;
use crate::embeddings::Embeddings;
use crate::error::{At, ReadError};
use crate::parquet::{Table, Value};
use crate::picture::has_extension;
use crate::{Result, platform, taxonomy};

/// An open folder of embeddings, whose files fit together.
pub struct Folder {
    /// What it says of itself.
    pub description: Description,
    /// None where there are no rows.
    pub embeddings: Option<Embeddings>,
    /// Levels above the labels, if there are some.
    pub taxonomy: Option<Taxonomy>,
    metadata: PathBuf,
}

/// What the metadata says of a row.
pub struct Row {
    /// Its id in the memory that it was exported from.
    pub id: Option<u64>,
    /// What it shows.
    pub label: String,
    /// Where it comes from, if that is known.
    pub source: Option<Source>,
    /// Hash of what the embedding was made from.
    pub content: [u8; 32],
    /// What else is known of it.
    pub attributes: Attributes,
}

impl Folder {
    /// Opens a folder.
    ///
    /// # Errors
    /// When it is none, is of a newer format, or its files do not fit together.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(DESCRIPTION);
        let named = |source| ReadError::NotExported { path: path.clone(), source };
        let text = std::fs::read_to_string(&path).map_err(named)?;
        let described = |source| ReadError::Description { path: path.clone(), source };
        let description: Description = serde_json::from_str(&text).map_err(described)?;
        let format = description.format;
        if format > FORMAT {
            let what = format!("is of format {format}, this is read up to {FORMAT}; use a newer vismem");
            return Err(ReadError::content(&path, what));
        }
        // A name alone: nothing outside of the folder is read.
        let metadata = Path::new(&description.metadata);
        if metadata.file_name() != Some(metadata.as_os_str()) {
            return Err(ReadError::content(&path, "`metadata` is not a file's name"));
        }
        let embeddings = (description.exemplars > 0).then(|| Embeddings::open(&folder.join(EMBEDDINGS))).transpose()?;
        let shape = |embeddings: &Embeddings| (embeddings.rows, embeddings.dim);
        let (rows, dim) = embeddings.as_ref().map_or((0, description.encoder.dim), shape);
        let expected = (description.exemplars, description.encoder.dim);
        if (rows, dim) != expected {
            let (name, (all, width)) = (path.display(), expected);
            let what = format!("holds {rows} × {dim} values, {name} says {all} × {width}; export them together");
            return Err(ReadError::content(&folder.join(EMBEDDINGS), what));
        }
        let path = folder.join(TAXONOMY);
        let taxonomy = path.exists().then(|| taxonomy::read_exactly(&path)).transpose()?;
        Ok(Self { metadata: folder.join(metadata), description, embeddings, taxonomy })
    }

    /// The rows of the metadata, in order; an error where there are not as many as embeddings.
    ///
    /// # Errors
    /// When the metadata cannot be read, or lacks a column.
    pub fn rows(&self) -> Result<Box<dyn Iterator<Item = Result<Row>>>> {
        let path = self.metadata.clone();
        let rows = if has_extension(&self.metadata, "csv") {
            csv_rows(&self.metadata, self.description.attributes.clone())?
        } else {
            parquet_rows(&self.metadata, self.description.attributes.clone())?
        };
        let expected = self.description.exemplars;
        let mut seen = 0;
        let mut rows = rows.fuse();
        Ok(Box::new(std::iter::from_fn(move || {
            let row = rows.next();
            match &row {
                Some(_) if seen == expected => {
                    let what = format!("has more rows than the {expected} embeddings");
                    Some(Err(ReadError::content(&path, what)))
                }
                None if seen < expected => {
                    let found = std::mem::replace(&mut seen, usize::MAX);
                    let what = format!("has {found} rows for {expected} embeddings");
                    Some(Err(ReadError::content(&path, what)))
                }
                Some(_) => {
                    seen += 1;
                    row
                }
                None => None,
            }
        })))
    }
}

fn parquet_rows(path: &Path, attributes: Vec<AttributeColumn>) -> Result<Box<dyn Iterator<Item = Result<Row>>>> {
    let table = Table::open(path)?;
    let mut columns = vec!["label", "source", "content"];
    let optional = |wanted| table.find(wanted).is_some().then_some(wanted);
    let (bytes, id) = (optional("source_bytes"), optional("id"));
    columns.extend(bytes);
    columns.extend(id);
    columns.extend(attributes.iter().map(|attribute| attribute.column.as_str()));
    let path = path.to_owned();
    let rows = table.rows(&columns)?;
    Ok(Box::new(rows.enumerate().map(move |(row, values)| {
        let mut values = values?.into_iter();
        let mut text = || match values.next() {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
        let (label, source, content) = (text(), text(), text());
        let source_bytes = bytes.and_then(|_| text());
        let id = id.and_then(|_| match values.next() {
            Some(Value::Integer(id)) => u64::try_from(id).ok(),
            _ => None,
        });
        let attributes = attributes.iter().zip(values).map(|(attribute, value)| {
            let value = match value {
                Value::Null => return Ok((attribute, None)),
                Value::Text(text) => AttributeValue::Text(text),
                Value::Real(number) => AttributeValue::Number(number),
                Value::Boolean(value) => AttributeValue::Boolean(value),
                Value::Date(date) => AttributeValue::Date(date),
                Value::Integer(_) | Value::Bytes(_) => return Err(attribute.wrong()),
            };
            // A table that was written anew by another program may have other types.
            if value.kind() == attribute.kind { Ok((attribute, Some(value))) } else { Err(attribute.wrong()) }
        });
        let attributes = attributes.collect::<std::result::Result<Vec<_>, _>>();
        let entry = attributes.and_then(|attributes| entry(id, label, source, source_bytes, content, attributes));
        entry.map_err(|what| ReadError::row(&path, At::Row(row as u64), what))
    })))
}

fn csv_rows(path: &Path, attributes: Vec<AttributeColumn>) -> Result<Box<dyn Iterator<Item = Result<Row>>>> {
    let table = CsvFile::open_exactly(path)?;
    let (label, source, content) = (table.column("label")?, table.column("source")?, table.column("content")?);
    let (bytes, id) = (table.find("source_bytes"), table.find("id"));
    let places = attributes.iter().map(|attribute| table.column(&attribute.column)).collect::<Result<Vec<_>>>()?;
    let path = path.to_owned();
    Ok(Box::new(table.rows().map(move |row| {
        let row = row?;
        let text = |column: usize| Some(row.fields[column].to_owned()).filter(|text| !text.is_empty());
        let wrong = |what: String| ReadError::row(&path, At::Line(row.line), what);
        let id = id.and_then(text).map(|id| id.parse().map_err(|_| wrong(format!("{id:?} is not an id"))));
        let id = id.transpose()?;
        let attributes = attributes.iter().zip(&places).map(|(attribute, &place)| {
            let parse = |cell: String| AttributeValue::parse(&cell, attribute.kind).ok_or_else(|| attribute.wrong());
            Ok((attribute, text(place).map(parse).transpose()?))
        });
        let attributes = attributes.collect::<std::result::Result<Vec<_>, _>>().map_err(wrong)?;
        entry(id, text(label), text(source), bytes.and_then(text), text(content), attributes).map_err(wrong)
    })))
}

fn entry(
    id: Option<u64>,
    label: Option<String>,
    source: Option<String>,
    source_bytes: Option<String>,
    content: Option<String>,
    attributes: Vec<(&AttributeColumn, Option<AttributeValue>)>,
) -> std::result::Result<Row, String> {
    let label = label.filter(|label| !label.is_empty()).ok_or("has no label; give it a name")?;
    let content = content.as_deref().and_then(bytes_of).and_then(|bytes| bytes.try_into().ok());
    let content = content.ok_or("`content` is not 64 hexadecimal digits; export it again")?;
    let source = match (source, source_bytes) {
        (Some(text), _) => Some(Source::from(text)),
        (None, Some(bytes)) => {
            let bytes = bytes_of(&bytes).ok_or("`source_bytes` is not hexadecimal; export it again")?;
            Some(Source::from(platform::os_string(bytes)))
        }
        (None, None) => None,
    };
    let mut known = Attributes::default();
    for (attribute, value) in attributes {
        if let Some(value) = value {
            known.insert(&attribute.name, value).map_err(|error| error.to_string())?;
        }
    }
    Ok(Row { id, label, source, content, attributes: known })
}

/// The bytes that hexadecimal digits stand for.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()
}
