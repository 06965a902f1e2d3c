use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use vismem::{Source, Taxonomy};
use vismem_parquet::Value;

use super::{DESCRIPTION, Description, EMBEDDINGS, FORMAT, TAXONOMY};
use crate::hex;
use crate::input::embeddings::Embeddings;
use crate::input::has_extension;
use crate::input::table::Table;
use crate::input::taxonomy;

/// An open folder of embeddings, whose files fit together.
pub struct Folder {
    pub description: Description,
    /// None where there are no rows.
    pub embeddings: Option<Embeddings>,
    pub taxonomy: Option<Taxonomy>,
    metadata: PathBuf,
}

/// What the metadata says of a row.
pub struct Row {
    /// Its id in the memory that it was exported from.
    pub id: Option<u64>,
    pub label: String,
    pub source: Option<Source>,
    pub content: [u8; 32],
}

impl Folder {
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(DESCRIPTION);
        let name = path.display();
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("cannot read {name}; give the folder that `vismem export embeddings` or `vismem encode` wrote")
        })?;
        let description: Description =
            serde_json::from_str(&text).with_context(|| format!("{name}: is not what `vismem export` wrote"))?;
        let format = description.format;
        ensure!(format <= FORMAT, "{name}: is of format {format}, this is read up to {FORMAT}; use a newer vismem");
        // A name alone: nothing outside of the folder is read.
        let metadata = Path::new(&description.metadata);
        ensure!(metadata.file_name() == Some(metadata.as_os_str()), "{name}: `metadata` is no file's name");
        let embeddings = (description.exemplars > 0).then(|| Embeddings::open(&folder.join(EMBEDDINGS))).transpose()?;
        let shape = |embeddings: &Embeddings| (embeddings.rows, embeddings.dim);
        let (rows, dim) = embeddings.as_ref().map_or((0, description.encoder.dim), shape);
        ensure!(
            (rows, dim) == (description.exemplars, description.encoder.dim),
            "{}: holds {rows} × {dim} values, {name} says {} × {}; export them together",
            folder.join(EMBEDDINGS).display(),
            description.exemplars,
            description.encoder.dim
        );
        let path = folder.join(TAXONOMY);
        let taxonomy = path.exists().then(|| taxonomy::read_exactly(&path)).transpose()?;
        Ok(Self { metadata: folder.join(metadata), description, embeddings, taxonomy })
    }

    /// The rows of the metadata, in order; an error where there are not as many as embeddings.
    pub fn rows(&self) -> Result<Box<dyn Iterator<Item = Result<Row>>>> {
        let name = self.metadata.display().to_string();
        let rows = if has_extension(&self.metadata, "csv") {
            csv_rows(&self.metadata)?
        } else {
            parquet_rows(&self.metadata)?
        };
        let expected = self.description.exemplars;
        let mut seen = 0;
        let mut rows = rows.fuse();
        Ok(Box::new(std::iter::from_fn(move || {
            let row = rows.next();
            match &row {
                Some(_) if seen == expected => {
                    Some(Err(anyhow::anyhow!("{name}: has more rows than the {expected} embeddings")))
                }
                None if seen < expected => {
                    let found = std::mem::replace(&mut seen, usize::MAX);
                    Some(Err(anyhow::anyhow!("{name}: has {found} rows for {expected} embeddings")))
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

fn parquet_rows(path: &Path) -> Result<Box<dyn Iterator<Item = Result<Row>>>> {
    let table = vismem_parquet::Table::open(path)?;
    let mut columns = vec!["label", "source", "content"];
    let optional = |wanted| table.find(wanted).is_some().then_some(wanted);
    let (bytes, id) = (optional("source_bytes"), optional("id"));
    columns.extend(bytes);
    columns.extend(id);
    let name = path.display().to_string();
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
        entry(id, label, source, source_bytes, content).with_context(|| format!("{name}, row {row} (from 0)"))
    })))
}

fn csv_rows(path: &Path) -> Result<Box<dyn Iterator<Item = Result<Row>>>> {
    let table = Table::open_exactly(path)?;
    let (label, source, content) = (table.column("label")?, table.column("source")?, table.column("content")?);
    let (bytes, id) = (table.find("source_bytes"), table.find("id"));
    let name = table.name.clone();
    Ok(Box::new(table.rows().map(move |row| {
        let row = row?;
        let text = |column: usize| Some(row.fields[column].to_owned()).filter(|text| !text.is_empty());
        let at = || format!("{name}, line {}", row.line);
        let id = id.and_then(text).map(|id| id.parse().with_context(|| format!("{}: {id:?} is no id", at())));
        entry(id.transpose()?, text(label), text(source), bytes.and_then(text), text(content)).with_context(at)
    })))
}

fn entry(
    id: Option<u64>,
    label: Option<String>,
    source: Option<String>,
    source_bytes: Option<String>,
    content: Option<String>,
) -> Result<Row> {
    let Some(label) = label.filter(|label| !label.is_empty()) else { bail!("has no label; give it a name") };
    let content = content.as_deref().and_then(hex::decode).and_then(|bytes| bytes.try_into().ok());
    let content = content.context("`content` is not 64 hexadecimal digits; export it again")?;
    let source = match (source, source_bytes) {
        (Some(text), _) => Some(Source::from(text)),
        (None, Some(bytes)) => {
            let bytes = hex::decode(&bytes).context("`source_bytes` is not hexadecimal; export it again")?;
            Some(Source::from(OsString::from_vec(bytes)))
        }
        (None, None) => None,
    };
    Ok(Row { id, label, source, content })
}
