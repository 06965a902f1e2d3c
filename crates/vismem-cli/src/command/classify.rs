use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use vismem::{ClassifyOptions, Decision, Memory};
use vismem_encode::{Outcome as Encoding, StreamOptions};

use super::Outcome;
use crate::args::{Args, Classify, Format};
use crate::input::embeddings::Embeddings;
use crate::input::{folder, has_extension};
use crate::output::{self, JsonResults};
use crate::progress::Progress;
use crate::{decision, encoder};

/// Queries that are searched together.
const TOGETHER: usize = 64;

pub fn run(args: &Args, options: &Classify) -> Result<Outcome> {
    let voting = options.voting.options()?;
    let memory = Memory::open(&args.memory)?;
    let (mut pictures, mut embeddings) = (Vec::new(), Vec::new());
    for path in &options.paths {
        let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if metadata.is_dir() {
            pictures.extend(folder::pictures(path)?);
        } else if has_extension(path, "npy") {
            embeddings.push((path, Embeddings::open(path)?));
        } else {
            pictures.push(path.clone());
        }
    }
    let mut answers = Answers { memory: &memory, voting, printer: Printer::new(args.format)?, outcome: Outcome::Done };
    for (path, rows) in embeddings {
        answers.rows(path, rows)?;
    }
    if !pictures.is_empty() {
        let encoder = encoder::load(&options.encoding, Some((memory.path(), memory.encoder())))?;
        answers.pictures(&encoder, pictures)?;
    }
    answers.printer.end()?;
    Ok(answers.outcome)
}

/// One line of the answer.
#[derive(Serialize)]
struct Answer {
    path: String,
    #[serde(flatten)]
    decision: Option<decision::Document>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

struct Answers<'m> {
    memory: &'m Memory,
    voting: ClassifyOptions,
    printer: Printer,
    outcome: Outcome,
}

impl Answers<'_> {
    fn rows(&mut self, file: &Path, mut rows: Embeddings) -> Result<()> {
        let held = self.memory.encoder().dim;
        let (name, dim) = (file.display(), rows.dim);
        anyhow::ensure!(dim == held, "{name}: its rows have {dim} values, the memory's embeddings have {held}");
        for first in (0..rows.rows).step_by(TOGETHER) {
            let values = rows.next_rows(TOGETHER)?;
            let decisions = self.memory.classify(&values, &self.voting);
            let decisions = decisions.with_context(|| format!("{name}, counted from row {first}"))?;
            for (decision, row) in decisions.iter().zip(first..) {
                self.answer(format!("{name}#{row}"), Ok(decision))?;
            }
        }
        Ok(())
    }

    fn pictures(&mut self, encoder: &vismem_encode::Encoder, pictures: Vec<PathBuf>) -> Result<()> {
        let mut progress = Progress::new(pictures.len() as u64, "pictures");
        let mut waiting = Vec::new();
        let mut outcome = Ok(());
        encoder.encode_stream(pictures.into_iter(), StreamOptions::default(), &|_, _| true, &mut |encoded| {
            progress.advance(1);
            let embedding = match encoded.outcome {
                Encoding::Embedded(embedding) => Ok(embedding),
                Encoding::Failed(error) => Err(error.to_string()),
                Encoding::Skipped => unreachable!("everything is wanted"),
            };
            waiting.push((encoded.input, embedding));
            if waiting.len() == TOGETHER {
                outcome = self.decide(std::mem::take(&mut waiting));
            }
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        outcome?;
        self.decide(waiting)
    }

    /// Decides what was encoded and answers in the same order, failures included.
    fn decide(&mut self, encoded: Vec<(PathBuf, Result<Vec<f32>, String>)>) -> Result<()> {
        let queries: Vec<f32> =
            encoded.iter().filter_map(|(_, embedding)| embedding.as_ref().ok()).flatten().copied().collect();
        let mut decisions = self.memory.classify(&queries, &self.voting)?.into_iter();
        for (path, embedding) in encoded {
            let decision = embedding.map(|_| decisions.next());
            match &decision {
                Ok(decision) => decision.iter().try_for_each(|d| self.answer(path.display().to_string(), Ok(d)))?,
                Err(error) => self.answer(path.display().to_string(), Err(error))?,
            }
        }
        Ok(())
    }

    fn answer(&mut self, path: String, decision: std::result::Result<&Decision, &String>) -> Result<()> {
        if let Err(error) = decision {
            eprintln!("warning: {error}");
            self.outcome = Outcome::Incomplete;
        }
        let error = decision.err().cloned();
        self.printer.print(Answer {
            path,
            decision: decision.ok().map(|d| decision::Document::new(d, &self.voting)),
            error,
        })
    }
}

enum Printer {
    Json(JsonResults<std::io::BufWriter<std::io::StdoutLock<'static>>>),
    Text(std::io::BufWriter<std::io::StdoutLock<'static>>),
}

impl Printer {
    fn new(format: Format) -> Result<Self> {
        Ok(match format {
            Format::Json => Self::Json(JsonResults::begin(output::stdout())?),
            Format::Text => Self::Text(output::stdout()),
        })
    }

    fn print(&mut self, answer: Answer) -> Result<()> {
        match (self, &answer.decision) {
            (Self::Json(results), _) => results.push(&answer)?,
            (Self::Text(out), Some(decision)) => writeln!(out, "{}  {}", answer.path, decision.in_short())?,
            (Self::Text(out), None) => writeln!(out, "{}  not classified", answer.path)?,
        }
        Ok(())
    }

    fn end(self) -> Result<()> {
        match self {
            Self::Json(results) => results.end(),
            Self::Text(mut out) => Ok(out.flush()?),
        }
    }
}
