use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use vismem::{AttributeType, Attributes, Digest, EncoderIdentity, Source, Taxonomy};

use super::{AttributeColumn, COLUMNS, DESCRIPTION, Description, EMBEDDINGS, EncoderDescription, TAXONOMY};
use crate::error::WriteError;
use crate::npy::NpyWriter;
use crate::output_folder;
use crate::table_writer::{Column, TableFormat, TableWriter, failed};

type Result<T> = std::result::Result<T, WriteError>;

/// Rows of metadata that are written together.
const TOGETHER: usize = 16_384;

/// One exemplar.
pub struct Entry<'a> {
    /// Id and batch, of an exemplar that was in a memory.
    pub id: Option<(u64, u64)>,
    /// What it shows.
    pub label: &'a str,
    /// Where it comes from.
    pub source: Option<&'a Source>,
    /// Hash of what the embedding was made from.
    pub content: [u8; 32],
    /// What else is known of it.
    pub attributes: &'a Attributes,
    /// Of length 1.
    pub embedding: &'a [f32],
}

/// Writes a folder of embeddings.
///
/// Only behind the last entry it is known which attributes there are, and so which columns the metadata has. Until then its
/// rows wait in a file without a name.
pub struct FolderWriter {
    folder: PathBuf,
    embeddings: NpyWriter,
    waiting: BufWriter<File>,
    format: TableFormat,
    with_ids: bool,
    attributes: BTreeMap<String, AttributeType>,
    rows: usize,
}

/// A row of metadata that waits to be written.
#[derive(Serialize, Deserialize)]
struct Waiting {
    id: i64,
    batch: i64,
    label: String,
    source: Option<String>,
    source_bytes: Option<String>,
    content: String,
    attributes: Attributes,
}

impl FolderWriter {
    /// Begins a folder, in the place of one that was there. `with_ids` says whether the entries will have ids.
    ///
    /// # Errors
    /// When the folder is a memory, or the file system refuses.
    pub fn create(folder: &Path, format: TableFormat, dim: usize, with_ids: bool) -> Result<Self> {
        output_folder::make(folder)?;
        // What was there goes first, so that old and new files are never taken for one.
        let tables = [TableFormat::Parquet, TableFormat::Csv].map(|format| format.file_name("metadata"));
        for name in [DESCRIPTION, EMBEDDINGS, TAXONOMY].into_iter().chain(tables.iter().map(String::as_str)) {
            super::remove(&folder.join(name))?;
        }
        Ok(Self {
            embeddings: NpyWriter::create(&folder.join(EMBEDDINGS), dim)?,
            waiting: BufWriter::new(tempfile::tempfile_in(folder).map_err(WriteError::io("write", folder))?),
            folder: folder.into(),
            format,
            with_ids,
            attributes: BTreeMap::new(),
            rows: 0,
        })
    }

    /// Adds an exemplar.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<()> {
        self.embeddings.push(entry.embedding)?;
        let (id, batch) = entry.id.unwrap_or_default();
        let text = entry.source.and_then(|source| source.as_path().to_str());
        let bytes = entry.source.filter(|_| text.is_none()).map(|source| source.as_path().as_os_str());
        let row = Waiting {
            id: id as i64,
            batch: batch as i64,
            label: entry.label.to_owned(),
            source: text.map(str::to_owned),
            source_bytes: bytes.map(|source| HEXLOWER.encode(source.as_encoded_bytes())),
            content: HEXLOWER.encode(&entry.content),
            attributes: entry.attributes.clone(),
        };
        for (name, value) in entry.attributes.iter() {
            let kind = self.attributes.entry(name.to_owned()).or_insert(value.kind());
            *kind = kind.join(value.kind());
        }
        self.rows += 1;
        let written = serde_json::to_writer(&mut self.waiting, &row).map_err(io::Error::from);
        written.and_then(|()| writeln!(self.waiting)).map_err(WriteError::io("write", &self.folder))
    }

    /// How many entries there are so far.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no entries so far.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Ends all files. The digest is that of a memory of these exemplars alone, where it is known. Answers with the
    /// files' paths.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn finish(
        self,
        encoder: &EncoderIdentity,
        digest: Option<Digest>,
        taxonomy: &Taxonomy,
    ) -> Result<Vec<PathBuf>> {
        let Self { folder, embeddings, waiting, format, with_ids, attributes, rows } = self;
        let attributes = AttributeColumn::of(attributes);
        embeddings.finish()?;
        let metadata = format.file_name("metadata");
        write_metadata(waiting, &folder.join(&metadata), format, with_ids, &attributes)?;
        let mut files = vec![folder.join(EMBEDDINGS), folder.join(&metadata)];
        if !taxonomy.levels.is_empty() {
            files.push(folder.join(TAXONOMY));
            write_taxonomy(taxonomy, &folder.join(TAXONOMY))?;
        }
        let description = Description {
            format: super::format_of(&attributes),
            engine: concat!("vismem ", env!("CARGO_PKG_VERSION")).into(),
            encoder: EncoderDescription { name: encoder.name.clone(), hash: encoder.hash.clone(), dim: encoder.dim },
            exemplars: rows,
            digest: digest.map(|digest| digest.to_string()),
            metadata,
            attributes,
        };
        let path = folder.join(DESCRIPTION);
        let text = serde_json::to_string_pretty(&description);
        let text = text.map_err(|error| WriteError::io("write", &path)(error.into()))?;
        std::fs::write(&path, text + "\n").map_err(WriteError::io("write", &path))?;
        files.push(path);
        Ok(files)
    }
}

fn write_metadata(
    waiting: BufWriter<File>,
    path: &Path,
    format: TableFormat,
    with_ids: bool,
    attributes: &[AttributeColumn],
) -> Result<()> {
    let mut columns = COLUMNS[if with_ids { 0 } else { 2 }..].to_vec();
    columns.extend(attributes.iter().map(|attribute| (attribute.column.as_str(), Column::kind_of(attribute.kind))));
    let mut table = TableWriter::create(path, format, &columns)?;
    let refused = || WriteError::io("write", path);
    let mut waiting = waiting.into_inner().map_err(|error| refused()(error.into_error()))?;
    waiting.rewind().map_err(refused())?;
    let mut lines = BufReader::new(waiting).lines();
    loop {
        let rows = lines.by_ref().take(TOGETHER).map(|line| Ok(serde_json::from_str::<Waiting>(&line?)?));
        let rows = rows.collect::<io::Result<Vec<_>>>().map_err(refused())?;
        if rows.is_empty() {
            return table.finish();
        }
        let mut values = Vec::new();
        if with_ids {
            values.push(Column::Integers(rows.iter().map(|row| row.id).collect()));
            values.push(Column::Integers(rows.iter().map(|row| row.batch).collect()));
        }
        let of_attribute = |attribute: &AttributeColumn| {
            Column::of_attribute(attribute.kind, rows.iter().map(|row| row.attributes.get(&attribute.name)))
        };
        let of_attributes: Vec<_> = attributes.iter().map(of_attribute).collect();
        let (mut labels, mut sources, mut source_bytes, mut contents) = (vec![], vec![], vec![], vec![]);
        for row in rows {
            labels.push(Some(row.label));
            sources.push(row.source);
            source_bytes.push(row.source_bytes);
            contents.push(Some(row.content));
        }
        values.extend([labels, sources, source_bytes, contents].map(Column::Texts));
        values.extend(of_attributes);
        table.write(&values)?;
    }
}

fn write_taxonomy(taxonomy: &Taxonomy, path: &Path) -> Result<()> {
    let mut labels: Vec<_> = taxonomy.labels.iter().collect();
    labels.sort();
    let write = || {
        let mut out = csv::Writer::from_path(path)?;
        out.write_record(std::iter::once("label").chain(taxonomy.levels.iter().map(String::as_str)))?;
        for (label, names) in labels {
            out.write_record(std::iter::once(label).chain(names))?;
        }
        out.flush()?;
        Ok::<_, csv::Error>(())
    };
    write().map_err(failed(path))
}
