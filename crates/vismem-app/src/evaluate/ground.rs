//! What experiments stand on: a memory and queries, or neighbours from files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use vismem::{Memory, Search, Selector, Threshold, Tuning, Where};
use vismem_eval::gather::{QuerySet, Roster, count_votes, neighborhoods, subset};
use vismem_eval::{
    About, CalibrationOptions, Evaluation, LeftOut, Neighborhoods, Probabilities, Probed, QueriesFacts, Results,
    authors_json,
};

use super::scratch::Scratch;
use super::{Asked, On, Request, kept, queries};
use crate::index::keep_lists;
use crate::observer::Steps;
use crate::{Error, IoContext, Observer, RequestError, Result};

/// Wrong votes are counted over so many neighbours: for soft and for hard pruning, as in the paper.
const COUNTED: [usize; 2] = [10, 100];

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
    /// What does it again.
    command: String,
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
    /// The sets of them, in their order.
    sets: Vec<Set>,
    pub search: Search,
}

/// A set of queries.
#[derive(Debug)]
struct Set {
    name: String,
    /// As it was given; `None` for the memory's own exemplars.
    path: Option<String>,
    size: usize,
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
    pub fn new(request: &Request<'_>, observer: &mut dyn Observer) -> Result<Self> {
        let k = request.options.depth(request.experiment);
        let ground = match &request.on {
            On::Neighbors { files, own } => Self::of_files(files, *own, k)?,
            On::Memory(asked) => {
                let (searched, unreadable) = Searched::new(asked, request.output, observer)?;
                let on = Self::on(Source::Memory(Box::new(searched)), k, None, None);
                Self { unreadable, output: request.output.map(Into::into), ..on }
            }
        };
        Self { command: request.command.clone(), ..ground }.with_inputs()
    }

    fn of_files(files: &[PathBuf], own: Option<&Path>, k: usize) -> Result<Self> {
        let mut hasher = blake3::Hasher::new();
        let mut names = Vec::new();
        for file in files.iter().map(PathBuf::as_path).chain(own) {
            let bytes = std::fs::read(file).at("read", file)?;
            hasher.update(blake3::hash(&bytes).as_bytes());
            names.push(file.display().to_string());
        }
        let read = |file: &PathBuf, own| -> Result<_> {
            let mut read = authors_json::read(file, own)?;
            // No more neighbours than were asked for; votes were counted over all.
            read.queries.queries.iter_mut().for_each(|query| query.neighbors.truncate(k));
            Ok(read)
        };
        let Some((first, others)) = files.split_first() else { return Err(RequestError::NoPath.into()) };
        let first = read(first, own)?;
        let more = others.iter().map(|file| Ok((name_of(file), read(file, None)?.queries)));
        let more = more.collect::<Result<Vec<_>>>()?;
        let hash = hasher.finalize().to_hex().to_string();
        // They may hold fewer than were asked for.
        let k = more.iter().map(|(_, queries)| queries.depth()).fold(first.queries.depth(), usize::max);
        let source = Source::Files(Files { names, featurizer: first.featurizer, more, hash });
        Ok(Self::on(source, k, Some(first.queries), first.own))
    }

    fn on(source: Source, k: usize, table: Option<Neighborhoods>, own: Option<Neighborhoods>) -> Self {
        Self { source, k, unreadable: 0, table, own, inputs: String::new(), output: None, command: String::new() }
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
                Err(vismem_eval::Error::NotApplicable(what.into()).into())
            }
        }
    }

    /// The neighbours of all queries.
    pub fn table(&mut self, observer: &mut dyn Observer) -> Result<&Neighborhoods> {
        Ok(self.table_mut(observer)?)
    }

    /// The same with the votes that pruning goes by, where they can be known.
    pub fn table_with_votes(&mut self, observer: &mut dyn Observer) -> Result<&Neighborhoods> {
        self.table_mut(observer)?;
        if let (Source::Memory(searched), Some(table)) = (&self.source, &mut self.table) {
            // The others are the beginnings of the longest ones.
            if let Some(longest) = COUNTED.into_iter().max().filter(|_| searched.memory.len() > 1) {
                keep_lists(&searched.memory, longest, observer);
            }
            for neighbors in COUNTED.into_iter().filter(|_| searched.memory.len() > 1) {
                if !table.votes.contains_key(&neighbors) {
                    let progress = &mut Steps(observer);
                    count_votes(&searched.memory, &searched.roster, table, neighbors, progress)?;
                }
            }
        }
        self.table(observer)
    }

    /// The neighbours of all queries and, where queries are others than the memory's own, of the memory asked about itself
    /// as far as they can be known.
    pub fn tables(&mut self, observer: &mut dyn Observer) -> Result<(&Neighborhoods, Option<&Neighborhoods>)> {
        self.table(observer)?;
        if let (Source::Memory(searched), None) = (&self.source, &self.own)
            && !searched.queries.is_own()
            && searched.memory.len() > 1
        {
            let own = QuerySet::of_memory(&searched.memory, &searched.roster)?;
            keep_lists(&searched.memory, self.k, observer);
            let progress = &mut Steps(observer);
            let Searched { memory, roster, search, .. } = &**searched;
            self.own = Some(neighborhoods(memory, roster, &own, self.k, *search, progress)?);
        }
        self.table.as_ref().map(|table| (table, self.own.as_ref())).ok_or_else(no_table)
    }

    /// What the memory itself says of how probable its answers are; `None` where neighbours come from files, or it cannot say.
    pub fn probabilities(
        &self,
        how: &CalibrationOptions,
        observer: &mut dyn Observer,
    ) -> Result<Option<Probabilities>> {
        let Source::Memory(searched) = &self.source else { return Ok(None) };
        let Searched { memory, queries, search, .. } = &**searched;
        let tuning = Tuning { vote: how.vote, k: how.k };
        Ok(vismem_eval::probabilities(memory, queries, tuning, *search, how.seed, &mut Steps(observer))?)
    }

    /// Where hard pruning should begin, asked of the memory itself; `None` where that is not known.
    pub fn hard_threshold(&mut self, observer: &mut dyn Observer) -> Result<Option<Threshold>> {
        self.table_with_votes(observer)?;
        let is_leave_one_out = self.is_leave_one_out();
        let (table, own) = self.tables(observer)?;
        let own = if is_leave_one_out { Some(table) } else { own };
        let votes = table.votes.get(&COUNTED[1]);
        Ok(own.zip(votes).and_then(|(own, votes)| vismem_eval::hard_threshold(own, votes)))
    }

    /// What a linear probe decides for all queries; `None` where there are no embeddings, or none can be trained on them.
    pub fn linear_probe(&self, observer: &mut dyn Observer) -> Result<Option<Probed>> {
        let Source::Memory(searched) = &self.source else { return Ok(None) };
        let Searched { memory, roster, queries, .. } = &**searched;
        Ok(vismem_eval::linear_probe(memory, roster, queries, &mut Steps(observer))?)
    }

    /// That an answer can be right at all: where the memory is asked about itself, some label has two exemplars.
    ///
    /// # Errors
    /// [`vismem_eval::Error::NotApplicable`].
    pub fn can_be_right(&self) -> Result<()> {
        let Source::Memory(searched) = &self.source else { return Ok(()) };
        if !searched.queries.is_own() || searched.roster.by_label().iter().any(|exemplars| exemplars.len() > 1) {
            return Ok(());
        }
        let why = "each label has one exemplar, so that no answer without it can be right, and nothing can be said of how \
                   good the answers are; give labelled queries, or add exemplars";
        Err(vismem_eval::Error::NotApplicable(why.into()).into())
    }

    /// That so many neighbours of a query are there to vote, or all exemplars: a file may hold fewer.
    ///
    /// # Errors
    /// [`vismem_eval::Error::NotApplicable`].
    pub fn can_vote(&self, voters: usize) -> Result<()> {
        let Source::Files(files) = &self.source else { return Ok(()) };
        let exemplars = self.made()?.exemplars.len();
        if self.k >= voters.min(exemplars.saturating_sub(1)) {
            return Ok(());
        }
        let why = format!(
            "{} holds {} neighbours of a query, and {voters} are to vote; let {} vote, or give a file of more neighbours",
            files.names[0], self.k, self.k
        );
        Err(vismem_eval::Error::NotApplicable(why).into())
    }

    /// Whether the memory is asked about its own exemplars.
    pub fn is_leave_one_out(&self) -> bool {
        matches!(&self.source, Source::Memory(searched) if searched.queries.is_own())
    }

    fn table_mut(&mut self, observer: &mut dyn Observer) -> Result<&mut Neighborhoods> {
        if let (Source::Memory(searched), None) = (&self.source, &self.table) {
            let kept = kept::Neighbors::new(self.output.as_deref(), &self.inputs);
            self.table = Some(searched.queries_table(self.k, &kept, observer)?);
        }
        self.table.as_mut().ok_or_else(no_table)
    }

    /// The neighbours of all queries, once they were made.
    pub fn made(&self) -> Result<&Neighborhoods> {
        self.table.as_ref().ok_or_else(no_table)
    }

    /// The neighbours of each set of queries, with its name.
    pub fn sets(&mut self, observer: &mut dyn Observer) -> Result<Vec<(String, Neighborhoods)>> {
        self.table(observer)?;
        let table = self.made()?;
        Ok(match &self.source {
            Source::Files(files) => {
                let first = (name_of(Path::new(&files.names[0])), table.clone());
                std::iter::once(first).chain(files.more.iter().cloned()).collect()
            }
            Source::Memory(searched) => {
                let mut rest = &table.queries[..];
                let mut sets = Vec::with_capacity(searched.sets.len());
                for Set { name, size, .. } in &searched.sets {
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
                let pruning = memory.pruning()?;
                part(format!("{sets:?} {search:?} {pruning:?} {:?}", memory.taxonomy()?.levels).as_bytes());
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
    pub fn evaluation(
        &mut self,
        seeds: &[u64],
        results: Results,
        left_out: Vec<LeftOut>,
        observer: &mut dyn Observer,
    ) -> Result<Evaluation> {
        let tables = self.sets(observer)?;
        let mut queries: Vec<QueriesFacts> = tables.iter().map(|(name, table)| QueriesFacts::of(name, table)).collect();
        if let Some(first) = queries.first_mut() {
            first.unreadable = self.unreadable;
        }
        if let Source::Memory(searched) = &self.source {
            for ((facts, set), (_, table)) in queries.iter_mut().zip(&searched.sets).zip(&tables) {
                facts.path.clone_from(&set.path);
                facts.far = far(&searched.memory, table)?;
                facts.alone = if searched.queries.is_own() { alone(table) } else { 0 };
            }
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
            command: self.command.clone(),
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

/// Queries that are farther from the memory than nearly all of its exemplars are from each other.
fn far(memory: &Memory, table: &Neighborhoods) -> Result<usize> {
    let mut far = 0;
    for nearest in table.queries.iter().filter_map(|query| query.neighbors.first()) {
        far += usize::from(memory.novelty(nearest.distance as f32)?.is_some_and(|novelty| novelty >= vismem_eval::FAR));
    }
    Ok(far)
}

/// Exemplars that no other one shares its label with.
fn alone(table: &Neighborhoods) -> usize {
    let mut exemplars = vec![0usize; table.labels.len()];
    table.exemplars.iter().for_each(|exemplar| exemplars[exemplar.label as usize] += 1);
    table.queries.iter().filter(|query| query.truth.iter().all(|label| exemplars[*label as usize] < 2)).count()
}

/// The last part of a path, which names a set of queries.
pub fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into())
}

impl Searched {
    fn new(asked: &Asked<'_>, output: Option<&Path>, observer: &mut dyn Observer) -> Result<(Self, usize)> {
        let search = asked.search;
        let mut memory = asked.memory.clone();
        let path = memory.path().to_owned();
        if memory.is_empty() {
            return Err(vismem::QueryError::Empty { path }.into());
        }
        let condition = asked.condition.clone();
        let mut scratch = None;
        if let Some(filter) = condition.clone() {
            let ids = memory.select(&Selector { filter: Some(filter), ..Selector::default() })?;
            if ids.is_empty() {
                return Err(Error::NoneMeets { memory: path });
            }
            let made = Scratch::beside(&path)?;
            memory = subset(&memory, &ids, &made.path().join("subset.vismem"), &mut Steps(observer))?;
            scratch = Some(made);
        }
        let roster = Roster::of(&memory, &mut Steps(observer))?;
        let (sets, unreadable) = if asked.queries.is_empty() {
            if asked.reading.label.is_some() || !asked.labels.is_empty() {
                return Err(RequestError::LabelsWithoutQueries.into());
            }
            if asked.encoding.request.views.is_some() {
                return Err(RequestError::ForPictures { field: "views" }.into());
            }
            (vec![QuerySet::of_memory(&memory, &roster)?], 0)
        } else {
            queries::read(&memory, asked, output, observer)?
        };
        let known: HashSet<&String> = roster.labels.iter().collect();
        let mut truth = sets.iter().flat_map(|set| set.truth.iter().flatten());
        if let Some(example) = truth.clone().next().filter(|_| !truth.any(|label| known.contains(label))) {
            let similar = vismem::similar(example, roster.labels.iter().map(String::as_str)).map(ToOwned::to_owned);
            return Err(Error::ForeignLabels { example: example.clone(), similar });
        }
        let queries = QuerySet::joined(&sets);
        let paths = asked.queries.iter().map(|path| Some(path.display().to_string())).chain([None]);
        let set = |(set, path): (&QuerySet, _)| Set { name: set.name.clone(), path, size: set.len() };
        let sets = sets.iter().zip(paths).map(set).collect();
        Ok((Self { memory, path, condition, _scratch: scratch, roster, queries, sets, search }, unreadable))
    }

    /// The neighbours of the queries, as they are kept or by a search.
    fn queries_table(&self, k: usize, kept: &kept::Neighbors, observer: &mut dyn Observer) -> Result<Neighborhoods> {
        let Self { memory, roster, queries, search, .. } = self;
        if queries.is_own() {
            keep_lists(memory, k, observer);
            let progress = &mut Steps(observer);
            return Ok(neighborhoods(memory, roster, queries, k, *search, progress)?);
        }
        let found = match kept.load(queries.len()) {
            Some(found) => found,
            None => {
                let progress = &mut Steps(observer);
                let found = queries.search(memory, k, None, *search, progress)?;
                kept.keep(&found)?;
                found
            }
        };
        Ok(roster.table(queries, found))
    }
}

/// Not to be seen: a table is made or read before it is looked at.
fn no_table() -> Error {
    vismem_eval::Error::NoQueries.into()
}
