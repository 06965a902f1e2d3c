//! What is kept in the directory of the results, so that it is not done again. It is no part of the memory: whoever deletes
//! the directory deletes it.
//!
//! `cache/finished.json`: which experiments are finished, for which inputs and options; their results are in
//! `results.json`.
//!
//! `cache/embeddings.f32`: embeddings of query pictures, since encoding takes longer than all that follows. 32 bytes for
//! the encoder; for each picture 32 bytes, BLAKE3 of its content, and its embedding, f32, little-endian; 32 bytes, BLAKE3 of
//! all before.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use vismem::Encoder;
use vismem_eval::{Evaluation, Results};

const HASH: usize = 32;

/// Experiments that are finished in the directory of the results.
pub struct Finished {
    results: Results,
    keys: Keys,
    /// Tables of results for other inputs, whose files must not stay beside the new ones.
    pub stale: Vec<&'static str>,
}

#[derive(Default, Serialize, Deserialize)]
struct Keys {
    inputs: String,
    /// By experiment the options that it was done with.
    options: BTreeMap<String, String>,
}

impl Finished {
    /// What is finished in `output` for these inputs.
    pub fn open(output: Option<&Path>, inputs: &str) -> Self {
        let read = |name: &str| output.and_then(|output| std::fs::read(output.join(name)).ok());
        let evaluation = read("results.json").and_then(|bytes| serde_json::from_slice::<Evaluation>(&bytes).ok());
        let keys = read(KEYS).and_then(|bytes| serde_json::from_slice::<Keys>(&bytes).ok());
        match (evaluation, keys) {
            (Some(evaluation), Some(keys)) if keys.inputs == inputs && evaluation.about.inputs == inputs => {
                Self { results: evaluation.results, keys, stale: Vec::new() }
            }
            (evaluation, _) => Self {
                stale: evaluation.iter().flat_map(|old| old.results.tables()).map(|table| table.name).collect(),
                results: Results::default(),
                keys: Keys { inputs: inputs.into(), options: BTreeMap::new() },
            },
        }
    }

    /// Enters the result of an experiment that was done with these options, if there is one.
    pub fn take_up(&self, experiment: &str, options: &str, results: &mut Results) -> bool {
        self.keys.options.get(experiment).is_some_and(|known| known == options)
            && results.take_over(experiment, &self.results)
    }

    /// An experiment was done with these options.
    pub fn done(&mut self, experiment: &str, options: String) {
        self.keys.options.insert(experiment.into(), options);
    }

    /// These results, and what else is finished.
    pub fn with(&self, results: &Results) -> Results {
        let mut all = results.clone();
        all.fill_from(self.results.clone());
        all
    }

    /// Writes down what is finished.
    pub fn keep(&self, output: &Path) -> Result<()> {
        write_whole(&output.join(KEYS), &serde_json::to_vec_pretty(&self.keys)?)
    }
}

/// See [`Finished`].
const KEYS: &str = "cache/finished.json";

/// Writes a file that is there whole or not at all, and the folders above it.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let unfinished = path.with_file_name(name);
    let write = || {
        std::fs::create_dir_all(path.parent().unwrap_or(path))?;
        std::fs::write(&unfinished, content)?;
        std::fs::rename(&unfinished, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

pub struct Kept {
    path: Option<PathBuf>,
    encoder: [u8; HASH],
    embeddings: HashMap<[u8; HASH], Vec<f32>>,
}

impl Kept {
    /// What is kept in `output` for this encoder; nothing where no directory is given or the file is of another encoder.
    pub fn open(output: Option<&Path>, encoder: &Encoder) -> Self {
        let path = output.map(|output| output.join("cache").join("embeddings.f32"));
        let encoder_hash = *blake3::hash(format!("{} {}", encoder.hash, encoder.dim).as_bytes()).as_bytes();
        let bytes = path.as_deref().and_then(|path| std::fs::read(path).ok());
        let embeddings = bytes.and_then(|bytes| parse(&bytes, &encoder_hash, encoder.dim)).unwrap_or_default();
        Self { path, encoder: encoder_hash, embeddings }
    }

    /// The embedding of a picture with this content.
    pub fn get(&self, content: &[u8; HASH]) -> Option<&[f32]> {
        self.embeddings.get(content).map(Vec::as_slice)
    }

    /// Keeps more.
    pub fn add(&mut self, new: Vec<([u8; HASH], Vec<f32>)>) -> Result<()> {
        let Some(path) = self.path.as_deref().filter(|_| !new.is_empty()) else { return Ok(()) };
        self.embeddings.extend(new);
        let mut bytes = self.encoder.to_vec();
        for (content, embedding) in &self.embeddings {
            bytes.extend_from_slice(content);
            embedding.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
        }
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        write_whole(path, &bytes)
    }
}

fn parse(bytes: &[u8], encoder: &[u8; HASH], dim: usize) -> Option<HashMap<[u8; HASH], Vec<f32>>> {
    let (content, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH)?)?;
    let rows = content.strip_prefix(&encoder[..])?;
    if blake3::hash(content).as_bytes() != hash {
        return None;
    }
    let row = |row: &[u8]| {
        let (content, values) = row.split_first_chunk::<HASH>()?;
        let values = values.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        Some((*content, values.collect()))
    };
    rows.chunks_exact(HASH + 4 * dim).map(row).collect()
}
