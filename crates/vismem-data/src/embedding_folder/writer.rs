use std::path::{Path, PathBuf};

use vismem::{Digest, EncoderIdentity, Source, Taxonomy};

use super::{COLUMNS, DESCRIPTION, Description, EMBEDDINGS, EncoderDescription, FORMAT, TAXONOMY};
use crate::error::WriteError;
use crate::npy::NpyWriter;
use crate::table_writer::{Column, TableFormat, TableWriter, failed};
use crate::{hex, output_folder};

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
    /// Of length 1.
    pub embedding: &'a [f32],
}

/// Writes a folder of embeddings.
pub struct FolderWriter {
    folder: PathBuf,
    embeddings: NpyWriter,
    metadata: TableWriter,
    metadata_name: String,
    waiting: Waiting,
    rows: usize,
}

/// Rows of metadata that wait to be written.
#[derive(Default)]
struct Waiting {
    ids: Vec<i64>,
    batches: Vec<i64>,
    labels: Vec<Option<String>>,
    sources: Vec<Option<String>>,
    source_bytes: Vec<Option<String>>,
    contents: Vec<Option<String>>,
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
        let metadata_name = format.file_name("metadata");
        let columns = &COLUMNS[if with_ids { 0 } else { 2 }..];
        Ok(Self {
            embeddings: NpyWriter::create(&folder.join(EMBEDDINGS), dim)?,
            metadata: TableWriter::create(&folder.join(&metadata_name), format, columns)?,
            metadata_name,
            folder: folder.into(),
            waiting: Waiting::default(),
            rows: 0,
        })
    }

    /// Adds an exemplar.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<()> {
        self.embeddings.push(entry.embedding)?;
        let waiting = &mut self.waiting;
        if let Some((id, batch)) = entry.id {
            waiting.ids.push(id as i64);
            waiting.batches.push(batch as i64);
        }
        let text = entry.source.and_then(|source| source.as_path().to_str());
        let bytes = entry.source.filter(|_| text.is_none()).map(|source| source.as_path().as_os_str());
        waiting.labels.push(Some(entry.label.to_owned()));
        waiting.sources.push(text.map(str::to_owned));
        waiting.source_bytes.push(bytes.map(|source| hex::encode(source.as_encoded_bytes())));
        waiting.contents.push(Some(hex::encode(&entry.content)));
        self.rows += 1;
        if waiting.labels.len() == TOGETHER { self.write_waiting() } else { Ok(()) }
    }

    fn write_waiting(&mut self) -> Result<()> {
        let Waiting { ids, batches, labels, sources, source_bytes, contents } = std::mem::take(&mut self.waiting);
        if labels.is_empty() {
            return Ok(());
        }
        let mut columns = vec![];
        if !ids.is_empty() {
            columns.extend([Column::Integers(ids), Column::Integers(batches)]);
        }
        columns.extend([labels, sources, source_bytes, contents].map(Column::Texts));
        self.metadata.write(&columns)
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
    pub fn finish(
        mut self,
        encoder: &EncoderIdentity,
        digest: Option<Digest>,
        taxonomy: &Taxonomy,
    ) -> Result<Vec<PathBuf>> {
        self.write_waiting()?;
        self.embeddings.finish()?;
        self.metadata.finish()?;
        let mut files = vec![self.folder.join(EMBEDDINGS), self.folder.join(&self.metadata_name)];
        if !taxonomy.levels.is_empty() {
            files.push(self.folder.join(TAXONOMY));
            write_taxonomy(taxonomy, &self.folder.join(TAXONOMY))?;
        }
        let description = Description {
            format: FORMAT,
            engine: concat!("vismem ", env!("CARGO_PKG_VERSION")).into(),
            encoder: EncoderDescription { name: encoder.name.clone(), hash: encoder.hash.clone(), dim: encoder.dim },
            exemplars: self.rows,
            digest: digest.map(|digest| digest.to_string()),
            metadata: self.metadata_name,
        };
        let path = self.folder.join(DESCRIPTION);
        let text =
            serde_json::to_string_pretty(&description).map_err(|error| WriteError::io("write", &path)(error.into()))?;
        std::fs::write(&path, text + "\n").map_err(WriteError::io("write", &path))?;
        files.push(path);
        Ok(files)
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
