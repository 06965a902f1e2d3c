//! From a memory to tables: one search for every set of queries, or the memory asked about itself.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use vismem::search::Neighbor;
use vismem::{Among, Editor, Memory, NeighborOptions, NewExemplar, Progress, Search, Standing, Tuning};

use crate::{Embedding, Exemplar, Near, Neighborhoods, Query, Result, Rows, SetPruning};

/// Queries that are searched for together.
const TOGETHER: usize = 1024;

/// Embeddings to ask a memory about, with their right labels.
#[derive(Debug, Clone)]
pub struct QuerySet {
    /// What the set is called.
    pub name: String,
    /// What each query is called.
    pub names: Vec<String>,
    /// The right labels of each; none where nobody knows.
    pub truth: Vec<Vec<String>>,
    /// What each is, for those who name it in a command.
    pub kinds: Vec<Kind>,
    vectors: Vectors,
}

/// What a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A picture that is a file.
    File,
    /// A picture in an archive or a table.
    Packed,
    /// A row of a file of embeddings.
    Row,
    /// An exemplar of the memory.
    Exemplar,
}

#[derive(Debug, Clone)]
enum Vectors {
    /// One after the other, at unit length.
    Given(Vec<f32>),
    /// Those of the memory's own exemplars, which are not to find themselves.
    Own(Vec<u64>),
}

/// A query that is put into a [`QuerySet`].
#[derive(Debug, Clone)]
pub struct Labelled {
    /// What it is called.
    pub name: String,
    /// Its right labels.
    pub truth: Vec<String>,
    /// What it is.
    pub kind: Kind,
    /// Its embedding; brought to unit length on the way in.
    pub embedding: Vec<f32>,
}

impl QuerySet {
    /// Queries for a memory of `dim` dimensions.
    ///
    /// # Errors
    /// When an embedding has another dimension or no direction.
    pub fn new(name: &str, dim: usize, queries: Vec<Labelled>) -> Result<Self> {
        let mut set = Self {
            name: name.into(),
            names: Vec::with_capacity(queries.len()),
            truth: Vec::with_capacity(queries.len()),
            kinds: Vec::with_capacity(queries.len()),
            vectors: Vectors::Given(Vec::new()),
        };
        let mut values = Vec::with_capacity(queries.len() * dim);
        for (index, query) in queries.into_iter().enumerate() {
            values.extend_from_slice(&vismem::unit(index, &query.embedding, dim)?);
            set.names.push(query.name);
            set.truth.push(query.truth);
            set.kinds.push(query.kind);
        }
        set.vectors = Vectors::Given(values);
        Ok(set)
    }

    /// All queries of several sets, in their order.
    pub fn joined(sets: &[Self]) -> Self {
        let names: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
        let own = || sets.iter().filter_map(|set| if let Vectors::Own(ids) = &set.vectors { Some(ids) } else { None });
        let given = || sets.iter().filter_map(|set| if let Vectors::Given(v) = &set.vectors { Some(v) } else { None });
        Self {
            name: names.join(", "),
            names: sets.iter().flat_map(|set| set.names.iter().cloned()).collect(),
            truth: sets.iter().flat_map(|set| set.truth.iter().cloned()).collect(),
            kinds: sets.iter().flat_map(|set| set.kinds.iter().copied()).collect(),
            vectors: match own().next() {
                Some(_) => Vectors::Own(own().flatten().copied().collect()),
                None => Vectors::Given(given().flatten().copied().collect()),
            },
        }
    }

    /// The memory's own exemplars, each to be asked without itself.
    ///
    /// # Errors
    /// When there are not two.
    pub fn of_memory(memory: &Memory, roster: &Roster) -> Result<Self> {
        if memory.len() < 2 {
            return Err(vismem::QueryError::TooFewExemplars { path: memory.path().into() }.into());
        }
        let label = |exemplar: &Exemplar| vec![roster.labels[exemplar.label as usize].clone()];
        Ok(Self {
            name: "leave-one-out".into(),
            names: roster.exemplars.iter().map(|exemplar| exemplar.name.clone()).collect(),
            truth: roster.exemplars.iter().map(label).collect(),
            kinds: vec![Kind::Exemplar; roster.exemplars.len()],
            vectors: Vectors::Own(roster.exemplars.iter().filter_map(|exemplar| exemplar.id).collect()),
        })
    }

    /// How many queries there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether these are exemplars of the memory, asked without themselves.
    pub fn is_own(&self) -> bool {
        matches!(self.vectors, Vectors::Own(_))
    }

    /// The queries at these positions.
    pub fn select(&self, positions: &[usize], memory: &Memory) -> Self {
        let dim = memory.encoder().dim;
        let vectors = match &self.vectors {
            Vectors::Given(values) => {
                Vectors::Given(positions.iter().flat_map(|at| &values[at * dim..][..dim]).copied().collect())
            }
            Vectors::Own(ids) => Vectors::Own(positions.iter().map(|at| ids[*at]).collect()),
        };
        Self {
            name: self.name.clone(),
            names: positions.iter().map(|at| self.names[*at].clone()).collect(),
            truth: positions.iter().map(|at| self.truth[*at].clone()).collect(),
            kinds: positions.iter().map(|at| self.kinds[*at]).collect(),
            vectors,
        }
    }

    /// Ids of the exemplars that are asked without themselves; `None` where queries come from elsewhere.
    pub fn own_ids(&self) -> Option<&[u64]> {
        match &self.vectors {
            Vectors::Own(ids) => Some(ids),
            Vectors::Given(_) => None,
        }
    }

    /// The embeddings, one after the other.
    ///
    /// # Errors
    /// When a row of the memory is damaged.
    pub fn embeddings(&self, memory: &Memory) -> Result<Vec<f32>> {
        Ok(self.embeddings_of(0..self.len(), memory)?.into_owned())
    }

    /// The embeddings of the queries at these positions, one after the other.
    pub(crate) fn embeddings_of(&self, positions: Range<usize>, memory: &Memory) -> Result<Cow<'_, [f32]>> {
        let dim = memory.encoder().dim;
        Ok(match &self.vectors {
            Vectors::Given(values) => values[positions.start * dim..positions.end * dim].into(),
            Vectors::Own(ids) => memory.embeddings(&ids[positions])?.into(),
        })
    }

    /// The `k` nearest exemplars of each query `among` some, or of all where that is `None`; never a query itself. `progress`
    /// hears how many of how many queries are done.
    ///
    /// # Errors
    /// As [`Memory::nearest`].
    pub fn search(
        &self,
        memory: &Memory,
        k: usize,
        among: Option<&Among>,
        search: Search,
        progress: &mut dyn Progress,
    ) -> Result<Vec<Vec<Neighbor>>> {
        let dim = memory.encoder().dim;
        let mut found = Vec::with_capacity(self.len());
        for first in (0..self.len()).step_by(TOGETHER) {
            let count = TOGETHER.min(self.len() - first);
            let part = match &self.vectors {
                Vectors::Given(values) => {
                    let values = &values[first * dim..][..count * dim];
                    memory.nearest(values, &NeighborOptions { k, search, among, except: None })?
                }
                Vectors::Own(ids) => {
                    let own = &ids[first..][..count];
                    let options = NeighborOptions { k, search, among, except: Some(own) };
                    memory.nearest(&memory.embeddings(own)?, &options)?
                }
            };
            found.extend(part);
            progress.advance("queries", first + count, self.len())?;
        }
        Ok(found)
    }
}

/// Who is in a memory.
#[derive(Debug, Clone)]
pub struct Roster {
    /// The labels, by name.
    pub labels: Vec<String>,
    /// The exemplars, by id.
    pub exemplars: Vec<Exemplar>,
    /// The pruning that is set, with its standings in the order of `exemplars`.
    set_pruning: Option<SetPruning>,
    position_of: HashMap<u64, u32>,
    rows: Rows,
    tuning: Tuning,
}

impl Roster {
    /// Reads who is in the memory. The counts that a pruning goes by are made first where they are not there.
    ///
    /// # Errors
    /// When the memory is damaged, or `progress` ends it.
    pub fn of(memory: &Memory, progress: &mut dyn Progress) -> Result<Self> {
        let labels: Vec<String> = memory.labels().iter().map(|label| label.name.clone()).collect();
        let number: HashMap<&str, u32> = labels.iter().map(String::as_str).zip(0..).collect();
        let mut exemplars = Vec::with_capacity(memory.len());
        memory.for_each_exemplar(|exemplar| {
            let name = exemplar.source.map_or_else(|| format!("exemplar {}", exemplar.id), |source| source.to_string());
            exemplars.push(Exemplar { name, id: Some(exemplar.id), label: number[exemplar.label.as_str()] });
        })?;
        let position_of: HashMap<u64, u32> = exemplars.iter().filter_map(|exemplar| exemplar.id).zip(0..).collect();
        let set_pruning = memory.pruned(progress)?.map(|pruned| {
            let mut standings = vec![Standing::Counts(1.0); exemplars.len()];
            for (id, votes) in pruned.reliability.iter() {
                standings[position_of[&id] as usize] = pruned.pruning.standing(votes);
            }
            SetPruning { pruning: pruned.pruning, standings }
        });
        Ok(Self {
            labels,
            exemplars,
            set_pruning,
            position_of,
            rows: Rows(memory.clone()),
            tuning: memory.decides_by()?,
        })
    }

    /// Ids of the exemplars of each label, in the order of `labels`.
    pub fn by_label(&self) -> Vec<Vec<u64>> {
        let mut by_label = vec![Vec::new(); self.labels.len()];
        self.exemplars.iter().for_each(|exemplar| by_label[exemplar.label as usize].extend(exemplar.id));
        by_label
    }

    /// Position of the exemplar with this id.
    pub(crate) fn position(&self, id: u64) -> u32 {
        self.position_of[&id]
    }

    /// A table of these queries and what was found for them, which are exemplars of this roster.
    pub fn table(&self, queries: &QuerySet, found: Vec<Vec<Neighbor>>) -> Neighborhoods {
        let mut labels = self.labels.clone();
        let mut number: HashMap<String, u32> = labels.iter().cloned().zip(0..).collect();
        let mut label = |name: &String| {
            *number.entry(name.clone()).or_insert_with(|| {
                labels.push(name.clone());
                labels.len() as u32 - 1
            })
        };
        // Rounding can take the distance of the same direction a hair below zero.
        let near = |found: Neighbor| Near::new(self.position(found.id), f64::from(found.distance.clamp(0.0, 2.0)));
        let named = queries.names.iter().zip(&queries.truth).zip(found).enumerate();
        let dim = self.rows.0.encoder().dim;
        let queries = named
            .map(|(at, ((name, truth), found))| Query {
                name: name.clone(),
                truth: truth.iter().map(&mut label).collect(),
                neighbors: found.into_iter().map(near).collect(),
                embedding: match &queries.vectors {
                    Vectors::Given(values) => Embedding::Given(values[at * dim..][..dim].into()),
                    Vectors::Own(ids) => Embedding::Stored(ids[at]),
                },
            })
            .collect();
        Neighborhoods {
            labels,
            exemplars: self.exemplars.clone(),
            queries,
            set_pruning: self.set_pruning.clone(),
            rows: Some(self.rows.clone()),
            tuning: Some(self.tuning),
            ..Neighborhoods::default()
        }
    }
}

/// The `k` nearest exemplars of every query, as a table. Where the memory is asked about itself, that is the list of
/// neighbours that it keeps.
///
/// # Errors
/// When the memory is empty or damaged, or `k` is out of range.
pub fn neighborhoods(
    memory: &Memory,
    roster: &Roster,
    queries: &QuerySet,
    k: usize,
    search: Search,
    progress: &mut dyn Progress,
) -> Result<Neighborhoods> {
    if memory.is_empty() {
        return Err(vismem::QueryError::Empty { path: memory.path().into() }.into());
    }
    let found = match &queries.vectors {
        Vectors::Own(ids) if ids.len() == memory.len() => {
            let mut lists: HashMap<u64, Vec<Neighbor>> = memory.neighbor_lists(k, progress)?.into_iter().collect();
            ids.iter().map(|id| lists.remove(id).unwrap_or_default()).collect()
        }
        _ => queries.search(memory, k, None, search, progress)?,
    };
    Ok(roster.table(queries, found))
}

/// Counts the votes that pruning goes by, over `neighbors`, and enters them in the table.
///
/// # Errors
/// As [`Memory::reliability`].
pub fn count_votes(
    memory: &Memory,
    roster: &Roster,
    table: &mut Neighborhoods,
    neighbors: usize,
    progress: &mut dyn Progress,
) -> Result<()> {
    let mut votes = vec![vismem::Votes::default(); roster.exemplars.len()];
    for (id, counted) in memory.reliability(neighbors, progress)?.iter() {
        votes[roster.position(id) as usize] = counted;
    }
    table.votes.insert(neighbors, votes);
    Ok(())
}

/// A new memory in the directory `dir` of these exemplars of another one, with its taxonomy, pruning and tuning. They keep their ids.
///
/// # Errors
/// When an exemplar is damaged, or the disk refuses.
pub fn subset(memory: &Memory, ids: &[u64], dir: &Path, progress: &mut dyn Progress) -> Result<Memory> {
    let mut editor = Editor::open_or_create(dir, memory.encoder())?;
    let mut batch = editor.batch();
    for (number, part) in ids.chunks(TOGETHER).enumerate() {
        let stored = memory.stored_all(part)?;
        let exemplars: Vec<NewExemplar<'_>> = stored
            .iter()
            .map(|stored| NewExemplar {
                embedding: stored.embedding,
                label: &stored.label,
                source: stored.source.clone(),
                content: stored.content,
                attributes: stored.attributes.clone(),
            })
            .collect();
        batch.add_as(&exemplars, &stored.iter().map(|stored| stored.id).collect::<Vec<_>>())?;
        progress.advance("exemplars", number * TOGETHER + part.len(), ids.len())?;
    }
    editor.set_taxonomy(&memory.taxonomy()?)?;
    editor.set_pruning(memory.pruning()?)?;
    editor.set_tuning(memory.tuning()?)?;
    drop(editor);
    Ok(Memory::open(dir)?)
}
