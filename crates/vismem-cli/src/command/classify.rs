mod answer;

use std::iter;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Result, ensure};
use vismem::{ClassifyOptions, Decision, Memory, Taxonomy};
use vismem_data::embeddings::{Embeddings, fault};
use vismem_data::{Dataset, embedding_folder, has_extension, inside};
use vismem_encode::{Encoder, Input, Outcome as Encoding};

use self::answer::{Answer, Printer};
use super::{Outcome, index};
use crate::args::{Args, Classify, wrong_use};
use crate::progress::{self, Progress};
use crate::{datasets, decision, encoder, output};

/// Queries that are searched together.
const TOGETHER: usize = 64;

/// A decision, and what it would be without the what-if where both were asked for.
type Answered = (Decision, Option<Decision>);

pub fn run(args: &Args, options: &Classify) -> Result<Outcome> {
    let plain = options.voting.options()?;
    let memory = Memory::open(&args.memory)?;
    memory.pruned(&mut progress::Steps::default())?;
    index::advise(&memory, plain.search);
    // Fails before anything is read or encoded if the memory cannot answer at all.
    memory.classify(&[], &plain)?;
    let voting = options.what_if.on(&plain, &memory, &options.encoding)?;
    memory.classify(&[], &voting)?;
    let (mut pictures, mut embeddings) = (Vec::new(), Vec::new());
    for path in &options.paths {
        if embedding_folder::is_one(path) {
            let name = path.display();
            return Err(wrong_use(format!("{name}: holds embeddings, not pictures; ask with {name}/embeddings.npy")));
        }
        if has_extension(path, "npy") && !path.is_dir() {
            embeddings.push((path, Embeddings::open(path)?));
            continue;
        }
        pictures.push(match path.exists() {
            true => datasets::open_unlabelled(path, &options.finding)?,
            // It becomes an answer that says so, and the others are answered.
            false => one_picture(path),
        });
    }
    if let Some(option) = options.finding.given().filter(|_| pictures.is_empty()) {
        return Err(wrong_use(format!("{option} belongs to pictures, not to embeddings")));
    }
    let held = memory.encoder().dim;
    for (path, Embeddings { dim, .. }) in &embeddings {
        let name = path.display();
        ensure!(
            *dim == held,
            "{name}: its rows have {dim} values, the memory's embeddings have {held}; use the memory's encoder"
        );
    }
    let pictures = match pictures.is_empty() {
        false => Some((encoder::load(&options.encoding, Some((memory.path(), memory.encoder())))?, pictures)),
        true => None,
    };

    let classify = |values: &[f32]| -> Result<Vec<Answered>> {
        let decisions = memory.classify(values, &voting)?;
        let before = if options.changed { memory.classify(values, &plain)? } else { Vec::new() };
        Ok(decisions.into_iter().zip(before.into_iter().map(Some).chain(iter::repeat(None))).collect())
    };
    let mut answers = Answers {
        classify: &classify,
        voting: &voting,
        changed: options.changed,
        printer: Printer::new(args.format)?,
        outcome: Outcome::Done,
    };
    for (_, rows) in embeddings {
        answers.rows(rows)?;
    }
    if let Some((encoder, pictures)) = pictures {
        answers.pictures(&encoder, Dataset::joined(pictures))?;
    }
    answers.printer.end()?;
    Ok(answers.outcome)
}

/// A picture that may lie in an archive or a table, or nowhere.
fn one_picture(path: &Path) -> Dataset {
    Dataset::listed(vec![inside::picture(path)], Taxonomy::default())
}

struct Answers<'a> {
    classify: &'a dyn Fn(&[f32]) -> Result<Vec<Answered>>,
    voting: &'a ClassifyOptions,
    /// Whether only changed answers are of interest.
    changed: bool,
    printer: Printer,
    outcome: Outcome,
}

impl Answers<'_> {
    fn rows(&mut self, mut rows: Embeddings) -> Result<()> {
        let classify = self.classify;
        for first in (0..rows.rows).step_by(TOGETHER) {
            let values = rows.next_rows(TOGETHER)?;
            let queries = (first..).zip(values.chunks_exact(rows.dim)).map(|(row, values)| {
                let name = rows.name_of(row);
                let fault = fault(values).map(|fault| format!("{name} {fault}"));
                (name, fault.map_or_else(|| Ok(values.to_vec()), Err))
            });
            decide(classify, queries.collect(), &mut |name, answer| self.answer(name, answer))?;
        }
        Ok(())
    }

    fn pictures(&mut self, encoder: &Encoder, pictures: Dataset) -> Result<()> {
        let Dataset { pictures, count, .. } = pictures;
        decide_pictures(encoder, pictures, count, self.classify, &mut |picture, answer| {
            self.answer(picture.path.display().to_string(), answer)
        })
    }

    fn answer(&mut self, path: String, answer: Said<Answered>) -> Result<()> {
        let (decision, error) = match answer {
            Ok((decision, before)) => {
                let same = |before: &Decision| (before.label(), &before.level) == (decision.label(), &decision.level);
                if self.changed && before.as_ref().is_some_and(same) {
                    return Ok(());
                }
                let before = before.as_ref().map(decision::Before::new);
                (Some(decision::Document::new(decision, self.voting).changed_from(before)), None)
            }
            Err(error) => {
                output::note(format_args!("warning: {error}"));
                self.outcome = Outcome::Incomplete;
                (None, Some(error))
            }
        };
        self.printer.print(&Answer { path, decision, error })
    }
}

/// What is said of a query, or why nothing is.
type Said<A> = Result<A, String>;

/// Encodes pictures on all cores and hands their embeddings to `classify`, some together. Hands what it says of each,
/// or why there is nothing to say, to `each` in the order of `pictures`.
pub fn decide_pictures<P: Input + Send, A>(
    encoder: &Encoder,
    pictures: impl Iterator<Item = P> + Send,
    count: Option<u64>,
    classify: &dyn Fn(&[f32]) -> Result<Vec<A>>,
    each: &mut dyn FnMut(P, Said<A>) -> Result<()>,
) -> Result<()> {
    let mut progress = Progress::up_to(count, "pictures");
    let mut waiting = Vec::new();
    let mut outcome = Ok(());
    encoder.encode_stream(pictures, &|_, _| true, &mut |encoded| {
        progress.advance(1);
        match encoded.outcome {
            Encoding::Embedded(embedding) => waiting.push((encoded.input, Ok(embedding))),
            Encoding::Failed(error) => waiting.push((encoded.input, Err(error.to_string()))),
            Encoding::Skipped => {}
        }
        if waiting.len() >= TOGETHER {
            outcome = progress.pause(|| decide(classify, std::mem::take(&mut waiting), each));
        }
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    outcome?;
    drop(progress);
    decide(classify, waiting, each)
}

/// Decides queries of which some may have no embedding, in their order.
fn decide<Q, A>(
    classify: &dyn Fn(&[f32]) -> Result<Vec<A>>,
    queries: Vec<(Q, Result<Vec<f32>, String>)>,
    each: &mut dyn FnMut(Q, Said<A>) -> Result<()>,
) -> Result<()> {
    let embeddings = queries.iter().filter_map(|(_, embedding)| embedding.as_ref().ok());
    let values: Vec<f32> = embeddings.flatten().copied().collect();
    let mut answers = classify(&values)?.into_iter();
    for (query, embedding) in queries {
        let answer = embedding.map(|_| answers.next().expect("one answer for each embedding"));
        each(query, answer)?;
    }
    Ok(())
}
