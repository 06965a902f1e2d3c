//! What experiments stand on: a memory and queries, or neighbours from files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use vismem::{Memory, Search, Selector, Threshold, Where};
use vismem_app::index::keep_lists;
use vismem_eval::gather::{QuerySet, Roster, count_votes, neighborhoods, subset};
use vismem_eval::{About, Error, Evaluation, LeftOut, Neighborhoods, QueriesFacts, Results, authors_json};

use super::stop::Scratch;
use super::{kept, queries};
use crate::args::eval::{Asked, NeighborFiles};
use crate::args::{Args, wrong_use};
use crate::command::index;
use crate::progress::{self, Watch};

/// Wrong votes are counted over so many neighbours: for soft and for hard pruning, as in the paper.
const COUNTED: [usize; 2] = [10, 100];

/// Not to be seen: a table is made or read before it is looked at.
const NO_TABLE: &str = "there are no neighbours";

pub struct Ground {
    source: Source,
    k: usize,
    /// Pictures and rows that could not be read; each has had its warning.
    pub unreadable: usize,
    table: Option<Neighborhoods>,
    own: Option<Neighborhoods>,
    /// See [`Ground::inputs`].
    inputs: String,
    /// Where neighbours are kept.
    output: Option<PathBuf>,
}

enum Source {
    Memory(Box<Searched>),
    Files(Files),
}

/// A memory and what is asked about.
pub struct Searched {
    /// With `condition`, a copy of those that meet it.
    pub memory: Memory,
    /// Where the memory is that was named.
    path: PathBuf,
    /// What exemplars had to meet.
    condition: Option<Where>,
    /// Holds the copy.
    _scratch: Option<Scratch>,
    pub roster: Roster,
    /// All queries.
    pub queries: QuerySet,
    /// Name and size of each set of them, in their order.
    sets: Vec<(String, usize)>,
    pub search: Search,
}

struct Files {
    names: Vec<String>,
    featurizer: String,
    /// The files after the first.
    more: Vec<(String, Neighborhoods)>,
    /// BLAKE3 of all files.
    hash: String,
}

impl Ground {
    pub fn new(args: &Args, asked: &Asked, k: usize, files: Option<&NeighborFiles>) -> Result<Self> {
        if let Some(files) = files.filter(|files| !files.neighbors.is_empty()) {
            return Self::of_files(&files.neighbors, files.memory_neighbors.as_deref(), k);
        }
        let (searched, unreadable) = Searched::new(&args.memory, asked)?;
        let on = Self::on(Source::Memory(Box::new(searched)), k, None, None);
        Self { unreadable, output: asked.output.clone(), ..on }.with_inputs()
    }

    fn of_files(files: &[PathBuf], own: Option<&Path>, k: usize) -> Result<Self> {
        let mut hasher = blake3::Hasher::new();
        let mut names = Vec::new();
        for file in files.iter().map(PathBuf::as_path).chain(own) {
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            hasher.update(blake3::hash(&bytes).as_bytes());
            names.push(file.display().to_string());
        }
        let read = |file: &PathBuf, own| -> Result<_> {
            let mut read = authors_json::read(file, own)?;
            // No more neighbours than were asked for; votes were counted over all.
            read.queries.queries.iter_mut().for_each(|query| query.neighbors.truncate(k));
            Ok(read)
        };
        let first = read(&files[0], own)?;
        let more = files[1..].iter().map(|file| Ok((name_of(file), read(file, None)?.queries)));
        let more = more.collect::<Result<_>>()?;
        let hash = hasher.finalize().to_hex().to_string();
        let source = Source::Files(Files { names, featurizer: first.featurizer, more, hash });
        Self::on(source, k, Some(first.queries), first.own).with_inputs()
    }

    fn on(source: Source, k: usize, table: Option<Neighborhoods>, own: Option<Neighborhoods>) -> Self {
        Self { source, k, unreadable: 0, table, own, inputs: String::new(), output: None }
    }

    fn with_inputs(self) -> Result<Self> {
        Ok(Self { inputs: self.hash_inputs()?, ..self })
    }

    /// Hash of all that results depend on but seeds and options.
    pub fn inputs(&self) -> &str {
        &self.inputs
    }

    /// The memory, where experiments need more than neighbours.
    pub fn searched(&self) -> Result<&Searched> {
        match &self.source {
            Source::Memory(searched) => Ok(searched),
            Source::Files(_) => {
                let what = "it searches a memory, and neighbours from files are not enough for that";
                Err(Error::NotApplicable(what.into()).into())
            }
        }
    }

    /// The neighbours of all queries.
    pub fn table(&mut self) -> Result<&Neighborhoods> {
        Ok(self.table_mut()?)
    }

    /// The same with the votes that pruning goes by, where they can be known.
    pub fn table_with_votes(&mut self) -> Result<&Neighborhoods> {
        self.table_mut()?;
        if let (Source::Memory(searched), Some(table)) = (&self.source, &mut self.table) {
            // The others are the beginnings of the longest ones.
            if let Some(longest) = COUNTED.into_iter().max().filter(|_| searched.memory.len() > 1) {
                keep_lists(&searched.memory, longest, &mut Watch::default());
            }
            for neighbors in COUNTED.into_iter().filter(|_| searched.memory.len() > 1) {
                if !table.votes.contains_key(&neighbors) {
                    let progress = &mut progress::Steps::default();
                    count_votes(&searched.memory, &searched.roster, table, neighbors, progress)?;
                }
            }
        }
        self.table()
    }

    /// The neighbours of all queries and, where queries are others than the memory's own, of the memory asked about itself
    /// as far as they can be known.
    pub fn tables(&mut self) -> Result<(&Neighborhoods, Option<&Neighborhoods>)> {
        self.table()?;
        if let (Source::Memory(searched), None) = (&self.source, &self.own)
            && !searched.queries.is_own()
            && searched.memory.len() > 1
        {
            let own = QuerySet::of_memory(&searched.memory, &searched.roster)?;
            keep_lists(&searched.memory, self.k, &mut Watch::default());
            let progress = &mut progress::Steps::default();
            let Searched { memory, roster, search, .. } = &**searched;
            self.own = Some(neighborhoods(memory, roster, &own, self.k, *search, progress)?);
        }
        self.table.as_ref().map(|table| (table, self.own.as_ref())).context(NO_TABLE)
    }

    /// Where hard pruning should begin, asked of the memory itself; `None` where that is not known.
    pub fn hard_threshold(&mut self) -> Result<Option<Threshold>> {
        self.table_with_votes()?;
        let is_leave_one_out = self.is_leave_one_out();
        let (table, own) = self.tables()?;
        let own = if is_leave_one_out { Some(table) } else { own };
        let votes = table.votes.get(&COUNTED[1]);
        Ok(own.zip(votes).and_then(|(own, votes)| vismem_eval::hard_threshold(own, votes)))
    }

    /// Whether the memory is asked about its own exemplars.
    pub fn is_leave_one_out(&self) -> bool {
        matches!(&self.source, Source::Memory(searched) if searched.queries.is_own())
    }

    fn table_mut(&mut self) -> Result<&mut Neighborhoods> {
        if let (Source::Memory(searched), None) = (&self.source, &self.table) {
            let kept = kept::Neighbors::new(self.output.as_deref(), &self.inputs);
            self.table = Some(searched.queries_table(self.k, &kept)?);
        }
        self.table.as_mut().context(NO_TABLE)
    }

    /// The neighbours of all queries, once they were made.
    pub fn made(&self) -> Result<&Neighborhoods> {
        self.table.as_ref().context(NO_TABLE)
    }

    /// The neighbours of each set of queries, with its name.
    pub fn sets(&mut self) -> Result<Vec<(String, Neighborhoods)>> {
        self.table()?;
        let table = self.made()?;
        Ok(match &self.source {
            Source::Files(files) => {
                let first = (name_of(Path::new(&files.names[0])), table.clone());
                std::iter::once(first).chain(files.more.iter().cloned()).collect()
            }
            Source::Memory(searched) => {
                let mut rest = &table.queries[..];
                let mut sets = Vec::with_capacity(searched.sets.len());
                for (name, size) in &searched.sets {
                    let (queries, others) = rest.split_at(*size);
                    rest = others;
                    sets.push((name.clone(), Neighborhoods { queries: queries.to_vec(), ..table.without_queries() }));
                }
                sets
            }
        })
    }

    fn hash_inputs(&self) -> Result<String> {
        let mut hasher = blake3::Hasher::new_derive_key("vismem 2026-11 inputs of an evaluation");
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
        };
        part(env!("CARGO_PKG_VERSION").as_bytes());
        part(&self.k.to_le_bytes());
        match &self.source {
            Source::Files(files) => part(files.hash.as_bytes()),
            Source::Memory(searched) => {
                let Searched { memory, roster, queries, sets, search, .. } = &**searched;
                part(memory.digest().as_bytes());
                // What is forgotten and added again brings back the digest, but under another id.
                roster.exemplars.iter().for_each(|exemplar| part(&exemplar.id.unwrap_or(0).to_le_bytes()));
                part(format!("{sets:?} {search:?} {:?}", memory.taxonomy()?.levels).as_bytes());
                let mut taxonomy: Vec<_> = memory.taxonomy()?.labels.into_iter().collect();
                taxonomy.sort();
                part(format!("{taxonomy:?}").as_bytes());
                if !queries.is_own() {
                    queries.names.iter().zip(&queries.truth).for_each(|query| part(format!("{query:?}").as_bytes()));
                    queries.embeddings(memory)?.iter().for_each(|value| part(&value.to_le_bytes()));
                }
            }
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Everything in one document.
    pub fn evaluation(&mut self, seeds: &[u64], results: Results, left_out: Vec<LeftOut>) -> Result<Evaluation> {
        let mut queries: Vec<QueriesFacts> =
            self.sets()?.iter().map(|(name, table)| QueriesFacts::of(name, table)).collect();
        if let Some(first) = queries.first_mut() {
            first.unreadable = self.unreadable;
        }
        let table = self.made()?;
        let mut labels: Vec<u32> = table.exemplars.iter().map(|exemplar| exemplar.label).collect();
        labels.sort_unstable();
        labels.dedup();
        let about = About {
            memory: None,
            r#where: None,
            neighbor_files: Vec::new(),
            digest: None,
            encoder: self.encoder().into(),
            encoder_hash: String::new(),
            exemplars: table.exemplars.len(),
            labels: labels.len(),
            queries,
            leave_one_out: self.is_leave_one_out(),
            k: self.k,
            recall: 1.0,
            inputs: self.inputs.clone(),
            seeds: seeds.to_vec(),
            vismem: env!("CARGO_PKG_VERSION").into(),
            command: command(),
        };
        let about = match &self.source {
            Source::Files(files) => About { neighbor_files: files.names.clone(), ..about },
            Source::Memory(searched) => About {
                memory: Some(searched.path.display().to_string()),
                r#where: searched.condition.as_ref().map(ToString::to_string),
                digest: Some(searched.memory.digest().to_string()),
                encoder_hash: searched.memory.encoder().hash.clone(),
                recall: searched.memory.expected_recall(searched.search, self.k)?,
                ..about
            },
        };
        Ok(Evaluation { about, results, left_out })
    }

    /// Name of the encoder.
    pub fn encoder(&self) -> &str {
        match &self.source {
            Source::Memory(searched) => &searched.memory.encoder().name,
            Source::Files(files) => &files.featurizer,
        }
    }
}

/// The last part of a path, which names a set of queries.
pub fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into())
}

impl Searched {
    fn new(path: &Path, asked: &Asked) -> Result<(Self, usize)> {
        let search = asked.searching.checked()?;
        let mut memory = Memory::open(path)?;
        if memory.is_empty() {
            return Err(vismem::QueryError::Empty { path: path.into() }.into());
        }
        let condition = asked.condition.clone();
        let mut scratch = None;
        if let Some(filter) = condition.clone() {
            let ids = memory.select(&Selector { filter: Some(filter), ..Selector::default() })?;
            if ids.is_empty() {
                bail!("{}: no exemplar meets the condition of --where", path.display());
            }
            let made = Scratch::beside(path)?;
            memory = subset(&memory, &ids, &made.path().join("subset.vismem"), &mut progress::Steps::default())?;
            scratch = Some(made);
        }
        let roster = Roster::of(&memory)?;
        let (sets, unreadable) = if asked.queries.is_empty() {
            if asked.reading.label.is_some() || !asked.labels.is_empty() {
                return Err(wrong_use("--label and --labels belong to queries, and none are given"));
            }
            (vec![QuerySet::of_memory(&memory, &roster)?], 0)
        } else {
            queries::read(&memory, asked)?
        };
        let known: HashSet<&String> = roster.labels.iter().collect();
        let mut truth = sets.iter().flat_map(|set| set.truth.iter().flatten());
        if let Some(example) = truth.clone().next().filter(|_| !truth.any(|label| known.contains(label))) {
            let meant = vismem::similar(example, roster.labels.iter().map(String::as_str));
            let meant = meant.map_or_else(String::new, |meant| format!(", but {meant:?}"));
            bail!(
                "none of the queries has a label of the memory: they say {example:?}{meant}; name their folders as the memory \
                 names its labels (`vismem ls`), or give a manifest"
            );
        }
        index::advise(&memory, search);
        let queries = QuerySet::joined(&sets);
        let sets = sets.iter().map(|set| (set.name.clone(), set.len())).collect();
        let path = path.into();
        Ok((Self { memory, path, condition, _scratch: scratch, roster, queries, sets, search }, unreadable))
    }

    /// The neighbours of the queries, as they are kept or by a search.
    fn queries_table(&self, k: usize, kept: &kept::Neighbors) -> Result<Neighborhoods> {
        let Self { memory, roster, queries, search, .. } = self;
        let progress = &mut progress::Steps::default();
        if queries.is_own() {
            keep_lists(memory, k, &mut Watch::default());
            return Ok(neighborhoods(memory, roster, queries, k, *search, progress)?);
        }
        let found = match kept.load(queries.len()) {
            Some(found) => found,
            None => {
                let found = queries.search(memory, k, None, *search, progress)?;
                kept.keep(&found)?;
                found
            }
        };
        Ok(roster.table(queries, found))
    }
}

/// The command as it was given, fit for a shell.
fn command() -> String {
    let words = std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    std::iter::once("vismem".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// As a word for the shell.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=,:%+@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
