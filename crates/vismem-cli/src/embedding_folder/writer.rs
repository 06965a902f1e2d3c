use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use vismem::{Digest, EncoderIdentity, Source, Taxonomy};

use super::{COLUMNS, DESCRIPTION, Description, EMBEDDINGS, EncoderDescription, FORMAT, TAXONOMY};
use crate::args::TableFormat;
use crate::npy_writer::NpyWriter;
use crate::table_file::{Column, TableFile};
use crate::{hex, output_folder};

/// Rows of metadata that are written together.
const TOGETHER: usize = 16_384;

/// One exemplar.
pub struct Entry<'a> {
    /// Id and batch, of an exemplar that was in a memory.
    pub id: Option<(u64, u64)>,
    pub label: &'a str,
    pub source: Option<&'a Source>,
    pub content: [u8; 32],
    pub embedding: &'a [f32],
}

/// Writes a folder of embeddings.
pub struct FolderWriter {
    folder: PathBuf,
    embeddings: NpyWriter,
    metadata: TableFile,
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
            metadata: TableFile::create(&folder.join(&metadata_name), format, columns)?,
            metadata_name,
            folder: folder.into(),
            waiting: Waiting::default(),
            rows: 0,
        })
    }

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

    /// Ends all files. The digest is that of a memory of these exemplars alone, where it is known. Answers with the
    /// files' paths.
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
        let text = serde_json::to_string_pretty(&description)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
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
    write().with_context(|| format!("cannot write {}", path.display()))
}
