//! What pictures show, by their nearest neighbours.

use std::cell::RefCell;
use std::collections::HashSet;
use std::iter;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use vismem::{Decision, Memory};
use vismem_data::embeddings::fault;
use vismem_data::{Dataset, Embeddings, Finding, ReadError, Remedy, Survey, embedding_folder, has_extension};
use vismem_encode::{Encoder, Input, Outcome};
use vismem_models::Purpose;

use crate::decision::Decided;
use crate::embeddings::{self, Encoded, checked_width};
use crate::what_if::Question;
use crate::{Encoding, Error, Observer, RequestError, Result, held};

/// Queries that are searched together.
const TOGETHER: usize = 64;
/// Up to this distance a query is most likely an exemplar itself.
const SAME: f32 = 1e-6;

/// What is classified.
#[derive(Clone)]
pub struct Request<'a> {
    /// Pictures, folders and data sets with or without labels; `.npy` files of embeddings, and folders of them that know
    /// what they are.
    pub paths: &'a [PathBuf],
    /// Where the pictures of data sets are.
    pub finding: Finding,
    /// Whether only answers are of interest that the what-if changes.
    pub changed: bool,
    /// What encodes pictures.
    pub encoding: Encoding,
}

/// What is said of one query: a decision, or why there is none.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The picture, or the row as `FILE#ROW`.
    pub path: String,
    /// The decision.
    #[serde(flatten)]
    pub decision: Option<Judged>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What would mend the error, if that is not said by it.
    #[serde(skip)]
    pub remedy: Option<Remedy>,
}

/// A decision beside what else is known of the query.
#[derive(Debug, Serialize)]
pub struct Judged {
    /// The decision.
    #[serde(flatten)]
    pub decided: Decided,
    /// The label of the memory that the folder is called by in which it was found; `None` where that is no label, or where
    /// the picture was named itself.
    pub truth: Option<String>,
    /// The exemplar at distance 0 (within 1e-6), if there is one: most likely the memory holds this very picture.
    pub in_memory: Option<u64>,
}

/// How answers compare with what folders are called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tried {
    /// Queries that have no decision.
    pub failed: u64,
    /// Decided queries whose folder is called as a label of the memory.
    pub labelled: u64,
    /// Those of them that were decided so.
    pub right: u64,
    /// Those of them that the memory most likely holds itself.
    pub in_memory: u64,
}

/// Hears answers as they come, in the order of the queries.
pub trait Answers: Observer {
    /// The next answer. [`ControlFlow::Break`] ends it: nobody wants more.
    fn answer(&mut self, answer: Answer) -> ControlFlow<()>;
}

/// A decision, and what it would be without the what-if where both were asked for.
type Answered = (Decision, Option<Decision>);

/// Classifies queries, those that are asked together by the latest state of the memory; returns how it went.
///
/// # Errors
/// When a path is not what is classified, the memory cannot answer, an encoder is needed and cannot be loaded, or
/// `answers` end it ([`Error::Cancelled`]). A picture that cannot be read is an answer, not an error.
pub fn classify(
    memory: &Memory,
    question: &Question,
    request: &Request<'_>,
    answers: &mut dyn Answers,
) -> Result<Tried> {
    let (mut pictures, mut arrays, mut folders, mut applied) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for path in request.paths {
        if embedding_folder::is_one(path) {
            folders.extend(embeddings::encoded(path, memory)?);
            continue;
        }
        if has_extension(path, "npy") && !path.is_dir() {
            arrays.push((path, Embeddings::open(path)?));
            continue;
        }
        let dataset = match path.exists() {
            true => vismem_data::open_unlabelled(path, &request.finding)?,
            // What cannot be found becomes an answer that says so, and the others are answered.
            false => vismem_data::open_picture(path, &request.finding),
        };
        applied.push(dataset.survey.clone());
        pictures.push(dataset);
    }
    let mut fields = request.finding.fields();
    if let Some(field) = fields.find(|field| !applied.iter().any(|survey| survey.has_applied(*field))) {
        return Err(ReadError::from(vismem_data::RequestError::NotApplied { field }).into());
    }
    let dim = memory.encoder().dim;
    let arrays = arrays.into_iter().map(|(path, rows)| checked_width(rows, path, dim));
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let pictures = match pictures.is_empty() {
        false => Some((request.encoding.load(Some(held(memory, Purpose::Queries)), answers)?, pictures)),
        // Likeness may be to a picture.
        true if request.encoding.request.views.is_some() && question.what_if.is_empty() => {
            return Err(RequestError::ForPictures { field: "views" }.into());
        }
        true => None,
    };

    let changed = request.changed;
    let ask = |memory: &Memory, values: &[f32]| -> std::result::Result<_, vismem::Error> {
        let decisions = memory.classify(values, &question.asked)?;
        let before = if changed { memory.classify(values, &question.plain)? } else { Vec::new() };
        Ok((decisions, before))
    };
    let latest = RefCell::new(memory.clone());
    let classify = |values: &[f32]| -> Result<Vec<Answered>> {
        let (decisions, before) = match &question.asked.among {
            // It may take long to encode pictures, and others may forget meanwhile.
            None => latest.borrow_mut().latest(|memory| ask(memory, values))?,
            // Exemplars were selected in this state.
            Some(_) => ask(memory, values)?,
        };
        Ok(decisions.into_iter().zip(before.into_iter().map(Some).chain(iter::repeat(None))).collect())
    };
    let labels = memory.labels().iter().map(|label| label.name.as_str()).collect();
    let named = request.paths.iter().map(PathBuf::as_path).collect();
    let mut sink = Sink { answers, changed, labels, named, tried: Tried::default() };
    for rows in arrays {
        sink.rows(rows, &classify)?;
    }
    sink.encoded(folders, &classify)?;
    if let Some((encoder, pictures)) = pictures {
        let Dataset { pictures, count, .. } = Dataset::joined(pictures, &Survey::default());
        decide_pictures(&encoder, pictures, &classify, &mut |heard| match heard {
            Heard::Encoded(done) => sink.go_on(|answers| answers.step("pictures", done, count)),
            Heard::Said(picture, answer) => {
                let fault = picture.bytes.as_ref().and_then(|bytes| bytes.as_ref().err());
                let truth = sink.truth(&picture.path);
                let remedy = fault.and_then(|fault| fault.remedy);
                sink.answer(picture.path.display().to_string(), truth, answer, remedy)
            }
        })?;
    }
    Ok(sink.tried)
}

/// Where answers go.
struct Sink<'a> {
    answers: &'a mut dyn Answers,
    /// Whether only changed answers are of interest.
    changed: bool,
    /// The memory's.
    labels: HashSet<&'a str>,
    /// What was named itself, and not found in a folder.
    named: HashSet<&'a Path>,
    tried: Tried,
}

impl Sink<'_> {
    fn go_on(&mut self, tell: impl FnOnce(&mut dyn Answers) -> ControlFlow<()>) -> Result<()> {
        match tell(self.answers) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        }
    }

    fn rows(&mut self, mut rows: Embeddings, classify: &dyn Fn(&[f32]) -> Result<Vec<Answered>>) -> Result<()> {
        for first in (0..rows.rows).step_by(TOGETHER) {
            let values = rows.next_rows(TOGETHER)?;
            let queries = (first..).zip(values.chunks_exact(rows.dim)).map(|(row, values)| {
                let name = rows.name_of(row);
                let fault = fault(values).map(|fault| format!("{name} {fault}"));
                (name, fault.map_or_else(|| Ok(values.to_vec()), Err))
            });
            decide(classify, queries.collect(), &mut |name, answer| self.answer(name, None, answer, None))?;
        }
        Ok(())
    }

    /// Rows that know what they are.
    fn encoded(&mut self, rows: Vec<Encoded>, classify: &dyn Fn(&[f32]) -> Result<Vec<Answered>>) -> Result<()> {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let query = |Encoded { name, label, embedding }| {
                let embedding = embedding.map_err(|fault| format!("{name} {fault}"));
                ((name, label), embedding)
            };
            let some = rows.by_ref().take(TOGETHER).map(query).collect();
            decide(classify, some, &mut |(name, label), answer| {
                let truth = self.labels.contains(label.as_str()).then_some(label);
                self.answer(name, truth, answer, None)
            })?;
        }
        Ok(())
    }

    /// The label that the folder of a picture is called by, if it is one.
    fn truth(&self, path: &Path) -> Option<String> {
        let is_named = self.named.contains(path);
        let folder = path.parent().filter(|_| !is_named)?.file_name()?.to_str()?;
        // The first folder in an archive comes after its name.
        let folder = folder.rsplit_once('#').map_or(folder, |(_, folder)| folder);
        self.labels.contains(folder).then(|| folder.to_owned())
    }

    fn answer(
        &mut self,
        path: String,
        truth: Option<String>,
        answer: Said<Answered>,
        remedy: Option<Remedy>,
    ) -> Result<()> {
        let answer = match answer {
            Ok((decision, before)) => {
                let nearest = decision.neighbors.first().filter(|nearest| nearest.distance <= SAME);
                let in_memory = nearest.map(|nearest| nearest.id);
                if let Some(truth) = truth.as_ref().filter(|_| decision.level.is_none()) {
                    self.tried.labelled += 1;
                    self.tried.right += u64::from(truth == decision.label());
                    self.tried.in_memory += u64::from(in_memory.is_some());
                }
                let same = |before: &Decision| (before.label(), &before.level) == (decision.label(), &decision.level);
                if self.changed && before.as_ref().is_some_and(same) {
                    return Ok(());
                }
                let before = before.as_ref().map(Into::into);
                let decision = Some(Judged { decided: Decided { decision, before }, truth, in_memory });
                Answer { path, decision, error: None, remedy: None }
            }
            Err(error) => {
                self.tried.failed += 1;
                Answer { path, decision: None, error: Some(error), remedy }
            }
        };
        self.go_on(|answers| answers.answer(answer))
    }
}

/// What is said of a query, or why nothing is.
pub type Said<A> = std::result::Result<A, String>;

/// What is heard while pictures are classified.
pub enum Heard<P, A> {
    /// So many are encoded.
    Encoded(u64),
    /// What is said of a picture.
    Said(P, Said<A>),
}

/// Encodes pictures on all cores and hands their embeddings to `classify`, some together. Hands what it says of each,
/// or why there is nothing to say, to `hear` in the order of `pictures`.
///
/// # Errors
/// Those of `classify` and `hear`.
pub fn decide_pictures<P: Input + Send, A>(
    encoder: &Encoder,
    pictures: impl Iterator<Item = P> + Send,
    classify: &dyn Fn(&[f32]) -> Result<Vec<A>>,
    hear: &mut dyn FnMut(Heard<P, A>) -> Result<()>,
) -> Result<()> {
    let mut waiting = Vec::new();
    let (mut done, mut outcome) = (0, Ok(()));
    encoder.encode_stream(pictures, &|_, _| true, &mut |encoded| {
        done += 1;
        match encoded.outcome {
            Outcome::Embedded(embedding) => waiting.push((encoded.input, Ok(embedding))),
            Outcome::Failed(error) => waiting.push((encoded.input, Err(error.to_string()))),
            Outcome::Skipped => {}
        }
        outcome = hear(Heard::Encoded(done));
        if outcome.is_ok() && waiting.len() >= TOGETHER {
            let queries = std::mem::take(&mut waiting);
            outcome = decide(classify, queries, &mut |picture, said| hear(Heard::Said(picture, said)));
        }
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    outcome?;
    decide(classify, waiting, &mut |picture, said| hear(Heard::Said(picture, said)))
}

/// Decides queries of which some may have no embedding, in their order.
fn decide<Q, A>(
    classify: &dyn Fn(&[f32]) -> Result<Vec<A>>,
    queries: Vec<(Q, Said<Vec<f32>>)>,
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
