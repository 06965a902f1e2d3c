//! The paper's experiments on a memory and queries whose labels are known.

mod experiment;
mod ground;
mod kept;
mod queries;
mod report;
mod scratch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vismem::{Memory, Search, Where};
use vismem_data::Reading;
use vismem_eval::{Evaluation, LeftOut, Results, authors_json};

pub use self::experiment::{DEPTH, Experiment, Options};
use self::ground::Ground;
use self::kept::{Finished, write_json, write_whole};
pub(crate) use self::scratch::left_beside;
pub use self::scratch::remove_scratch;
use crate::picture::Pictures;
use crate::{Encoding, Error, Observer, RequestError, Result};

/// What is evaluated.
pub struct Request<'a> {
    /// What experiments stand on.
    pub on: On<'a>,
    /// Which experiment; `None` for all that apply.
    pub experiment: Option<Experiment>,
    /// How they are done.
    pub options: Options,
    /// A directory for `report.html` with its figures, `results.json`, and a CSV for each table. What is finished there is
    /// not measured again while memory, queries and options stay the same.
    pub output: Option<&'a Path>,
    /// Where the neighbours are written that were found, in the JSON of the paper's authors.
    pub write_neighbors: Option<&'a Path>,
    /// How pictures are opened for the report.
    pub pictures: Pictures,
    /// What does it again, for the report.
    pub command: String,
}

/// What experiments stand on.
pub enum On<'a> {
    /// A memory and queries.
    Memory(Box<Asked<'a>>),
    /// Neighbours from files.
    Neighbors {
        /// Neighbours of queries; [`Experiment::Shift`] takes several.
        files: &'a [PathBuf],
        /// Those of the memory asked about itself.
        own: Option<&'a Path>,
    },
}

/// A memory and what it is asked about.
pub struct Asked<'a> {
    /// The memory.
    pub memory: &'a Memory,
    /// Only the exemplars that meet this are in it. They are copied into a memory beside it, which goes at the end.
    pub condition: Option<Where>,
    /// Queries whose labels are known; empty for the memory's own exemplars, each without itself.
    pub queries: &'a [PathBuf],
    /// Labels of the rows of `.npy` files among them, in their order.
    pub labels: &'a [PathBuf],
    /// How data sets of queries are read.
    pub reading: Reading,
    /// How neighbours are found.
    pub search: Search,
    /// What encodes pictures.
    pub encoding: Encoding,
}

/// What an evaluation came to.
pub struct Evaluated {
    /// The results that were asked for.
    pub evaluation: Evaluation,
    /// How many queries could not be read.
    pub unreadable: usize,
}

/// An evaluation whose queries are read and encoded.
pub struct Prepared<'a> {
    request: Request<'a>,
    ground: Ground,
}

impl<'a> Prepared<'a> {
    /// Reads and encodes the queries. If the observer ends it, what is encoded is kept in the directory of the output.
    ///
    /// # Errors
    /// When the request cannot be meant, the memory is empty, queries cannot be read or have none of its labels, or the
    /// observer ends it.
    pub fn new(request: Request<'a>, observer: &mut dyn Observer) -> Result<Self> {
        if matches!(&request.on, On::Neighbors { files, .. } if files.len() > 1)
            && request.experiment != Some(Experiment::Shift)
        {
            return Err(RequestError::SeveralNeighborFiles.into());
        }
        let ground = Ground::new(&request, observer)?;
        Ok(Self { request, ground })
    }

    /// Does the experiments. Each that is finished is kept at once in the directory of the output.
    ///
    /// # Errors
    /// When an experiment fails or does not apply (one of all is left out instead), a file cannot be written, or the observer
    /// ends it.
    pub fn run(self, observer: &mut dyn Observer) -> Result<Evaluated> {
        let Self { request, mut ground } = self;
        let Request { experiment, options, output, .. } = &request;
        if let Some(file) = request.write_neighbors {
            write_neighbors(file, &mut ground, observer)?;
        }
        let wanted = experiment.map_or(Experiment::ALL.to_vec(), |one| vec![one]);
        let seeds = if wanted.iter().any(|one| one.draws()) { options.seeds.clone() } else { Vec::new() };
        let mut finished = Finished::open(*output, ground.inputs());
        let mut results = Results::default();
        let mut left_out = Vec::new();
        let count = wanted.len();
        for (at, one) in wanted.into_iter().enumerate() {
            let key = options.key(one);
            if finished.take_up(one.name(), &key, &mut results) {
                continue;
            }
            if experiment.is_none() {
                observer.note(&format!("{}/{count} experiments: {}", at + 1, one.name()));
            }
            match one.run(&mut ground, options, experiment.is_some(), &mut results, observer) {
                Ok(()) => {}
                Err(error) if experiment.is_some() => return Err(error),
                Err(Error::Eval(error @ (vismem_eval::Error::NotApplicable(_) | vismem_eval::Error::NoQueries))) => {
                    left_out.push(LeftOut { experiment: one.name().into(), why: error.to_string() });
                    continue;
                }
                Err(source) => return Err(Error::Experiment { experiment: one.name(), source: Box::new(source) }),
            }
            if let Some(directory) = output {
                finished.done(one.name(), key);
                // Kept at once, so that whatever ends the run costs the experiment that is under way alone.
                let results = finished.with(&results);
                let so_far = ground.evaluation(&seeds, results, left_out.clone(), observer)?;
                write_files(directory, &so_far, &finished)?;
            }
        }
        let evaluation = match output {
            Some(directory) => {
                let whole = ground.evaluation(&seeds, finished.with(&results), left_out, observer)?;
                write_files(directory, &whole, &finished)?;
                report::write(directory, &whole, &request.pictures)?;
                // The answer is what was asked for; the directory keeps what else was finished there.
                Evaluation { results, ..whole }
            }
            None => ground.evaluation(&seeds, results, left_out, observer)?,
        };
        Ok(Evaluated { evaluation, unreadable: ground.unreadable })
    }
}

/// `results.json` and a CSV for each table.
fn write_files(directory: &Path, evaluation: &Evaluation, finished: &Finished) -> Result<()> {
    for stale in &finished.stale {
        let _ = std::fs::remove_file(directory.join(format!("{stale}.csv")));
    }
    for table in evaluation.results.tables() {
        write_whole(&directory.join(format!("{}.csv", table.name)), table.to_csv().as_bytes())?;
    }
    write_json(&directory.join("results.json"), evaluation)?;
    finished.keep(directory)
}

/// The neighbours in the authors' format, and beside them what each class id stands for.
fn write_neighbors(file: &Path, ground: &mut Ground, observer: &mut dyn Observer) -> Result<()> {
    let encoder = ground.encoder().to_owned();
    let classes: BTreeMap<_, _> = authors_json::write(file, ground.table(observer)?, &encoder)?.into_iter().collect();
    write_json(&file.with_extension("classes.json"), &classes)
}
