mod answer;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use vismem::{ClassifyOptions, Decision, Memory};
use vismem_encode::{Outcome as Encoding, StreamOptions};

use self::answer::{Answer, Printer};
use super::Outcome;
use crate::args::{Args, Classify};
use crate::input::embeddings::{Embeddings, fault};
use crate::input::{folder, has_extension};
use crate::progress::{self, Progress};
use crate::{decision, encoder, output};

/// Queries that are searched together.
const TOGETHER: usize = 64;

/// A decision, or why there is none.
type Decided = Result<Decision, String>;

pub fn run(args: &Args, options: &Classify) -> Result<Outcome> {
    let voting = options.voting.options()?;
    let memory = Memory::open(&args.memory)?;
    memory.pruned(&mut progress::of("exemplars"))?;
    // Fails before anything is read or encoded if the memory cannot answer at all.
    memory.classify(&[], &voting)?;
    let (mut pictures, mut embeddings) = (Vec::new(), Vec::new());
    for path in &options.paths {
        if path.is_dir() {
            pictures.extend(folder::pictures(path)?);
        } else if has_extension(path, "npy") {
            embeddings.push((path, Embeddings::open(path)?));
        } else {
            // A path that is not there becomes an answer that says so, and the others are answered.
            pictures.push(path.clone());
        }
    }
    let held = memory.encoder().dim;
    for (path, Embeddings { dim, .. }) in &embeddings {
        let name = path.display();
        ensure!(
            *dim == held,
            "{name}: its rows have {dim} values, the memory's embeddings have {held}; use the memory's encoder"
        );
    }
    let encoder = (!pictures.is_empty())
        .then(|| encoder::load(&options.encoding, Some((memory.path(), memory.encoder()))))
        .transpose()?;

    let mut answers = Answers { memory: &memory, voting, printer: Printer::new(args.format)?, outcome: Outcome::Done };
    for (_, rows) in embeddings {
        answers.rows(rows)?;
    }
    if let Some(encoder) = encoder {
        answers.pictures(&encoder, pictures)?;
    }
    answers.printer.end()?;
    Ok(answers.outcome)
}

struct Answers<'m> {
    memory: &'m Memory,
    voting: ClassifyOptions,
    printer: Printer,
    outcome: Outcome,
}

impl Answers<'_> {
    fn rows(&mut self, mut rows: Embeddings) -> Result<()> {
        let (memory, voting) = (self.memory, self.voting.clone());
        for first in (0..rows.rows).step_by(TOGETHER) {
            let values = rows.next_rows(TOGETHER)?;
            let queries = (first..).zip(values.chunks_exact(rows.dim)).map(|(row, values)| {
                let name = rows.name_of(row);
                let fault = fault(values).map(|fault| format!("{name} {fault}"));
                (name, fault.map_or_else(|| Ok(values.to_vec()), Err))
            });
            decide(memory, &voting, queries.collect(), &mut |name, decision| self.answer(name, decision))?;
        }
        Ok(())
    }

    fn pictures(&mut self, encoder: &vismem_encode::Encoder, pictures: Vec<PathBuf>) -> Result<()> {
        let (memory, voting) = (self.memory, self.voting.clone());
        decide_pictures(memory, encoder, pictures, &voting, &mut |path, decision| {
            self.answer(path.display().to_string(), decision)
        })
    }

    fn answer(&mut self, path: String, decision: Decided) -> Result<()> {
        let (decision, error) = match decision {
            Ok(decision) => (Some(decision::Document::new(&decision, &self.voting)), None),
            Err(error) => {
                output::note(format_args!("warning: {error}"));
                self.outcome = Outcome::Incomplete;
                (None, Some(error))
            }
        };
        self.printer.print(&Answer { path, decision, error })
    }
}

/// Encodes pictures on all cores and decides them, some together. Hands each decision, or why there is none, to `each`
/// in the order of `pictures`.
pub fn decide_pictures(
    memory: &Memory,
    encoder: &vismem_encode::Encoder,
    pictures: Vec<PathBuf>,
    options: &ClassifyOptions,
    each: &mut dyn FnMut(&Path, Decided) -> Result<()>,
) -> Result<()> {
    let mut progress = Progress::new(pictures.len() as u64, "pictures");
    let mut each = |path: PathBuf, decision| each(&path, decision);
    let mut waiting = Vec::new();
    let mut outcome = Ok(());
    encoder.encode_stream(pictures.into_iter(), StreamOptions::default(), &|_, _| true, &mut |encoded| {
        progress.advance(1);
        match encoded.outcome {
            Encoding::Embedded(embedding) => waiting.push((encoded.input, Ok(embedding))),
            Encoding::Failed(error) => waiting.push((encoded.input, Err(error.to_string()))),
            Encoding::Skipped => {}
        }
        if waiting.len() >= TOGETHER {
            outcome = progress.pause(|| decide(memory, options, std::mem::take(&mut waiting), &mut each));
        }
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    outcome?;
    drop(progress);
    decide(memory, options, waiting, &mut each)
}

/// Decides queries of which some may have no embedding, in their order.
fn decide<Q>(
    memory: &Memory,
    options: &ClassifyOptions,
    queries: Vec<(Q, Result<Vec<f32>, String>)>,
    each: &mut dyn FnMut(Q, Decided) -> Result<()>,
) -> Result<()> {
    let embeddings = queries.iter().filter_map(|(_, embedding)| embedding.as_ref().ok());
    let values: Vec<f32> = embeddings.flatten().copied().collect();
    let mut decisions = memory.classify(&values, options)?.into_iter();
    for (query, embedding) in queries {
        let decision = embedding.map(|_| decisions.next().expect("one decision for each embedding"));
        each(query, decision)?;
    }
    Ok(())
}
