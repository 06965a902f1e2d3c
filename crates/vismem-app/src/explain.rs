//! Why a picture is decided as it is: pages, pictures, and the smallest change that would change the answer.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use vismem::{Among, ClassifyOptions, Decision, Flip, Memory, Voter};
use vismem_data::{SourceResolver, has_extension, inside};
use vismem_encode::Encoder;
use vismem_encode::decode::Limits;
use vismem_models::Purpose;
use vismem_report::{
    Explanation, LabelShare, MemoryFacts, NEIGHBOR_SIDE, Picture, Pictured, QUERY_SIDE, ShownNeighbor, WhatIf, to_html,
    to_png, words,
};

use crate::decision::{Decided, set_in_words, some_of};
use crate::embeddings::{self, embedding_row};
use crate::picture::Pictures;
use crate::what_if::Question;
use crate::{Encoding, IoContext, Observer, RequestError, Result, held};

/// What is explained.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A picture; in an archive or a table as `ARCHIVE#NAME` or `TABLE#ROW`.
    Picture(PathBuf),
    /// A row of a `.npy` file of embeddings, counted from 0.
    Row(PathBuf, usize),
    /// An exemplar of the memory, asked without itself.
    Exemplar(u64),
}

impl Subject {
    /// What a path means: `FILE.npy#ROW` is a row, everything else a picture.
    pub fn of(path: &Path) -> Self {
        match embedding_row(path) {
            Some((file, row)) if !path.exists() => Self::Row(file, row),
            _ => Self::Picture(path.into()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picture(path) => write!(f, "{}", path.display()),
            Self::Row(file, row) => write!(f, "{}#{row}", file.display()),
            Self::Exemplar(id) => write!(f, "exemplar {id}"),
        }
    }
}

/// What is explained, and how.
#[derive(Clone)]
pub struct Request<'a> {
    /// What is explained.
    pub subjects: &'a [Subject],
    /// Where it is shown: pages (.html) and pictures (.png) of one subject, or folders that get a page for each.
    pub files: &'a [PathBuf],
    /// Whether the smallest set of exemplars is searched for without which the answer would be another one.
    pub flip: bool,
    /// What encodes pictures.
    pub encoding: Encoding,
    /// Which pictures may be opened to be shown.
    pub resolver: SourceResolver,
}

/// Why something is decided as it is.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// The picture, the row or the exemplar.
    pub path: String,
    /// The decision.
    #[serde(flatten)]
    pub decision: Decided,
    /// The smallest change of the memory that changes the answer.
    pub flip: Option<Flip>,
    /// What was written.
    pub files: Vec<String>,
    /// What the search for a change came to, as a sentence; `None` if it was not asked for.
    #[serde(skip)]
    pub flip_in_words: Option<String>,
}

/// Decides on subjects and shows why, in their order.
///
/// # Errors
/// When a file is neither a page, a picture nor a folder, or is a picture that is asked about, a subject is a file of many
/// embeddings, a subject or the encoder
/// cannot be read, the memory cannot answer, or a file cannot be written.
pub fn explain(
    memory: &Memory,
    question: &Question,
    request: &Request<'_>,
    observer: &mut dyn Observer,
) -> Result<Vec<Explained>> {
    check_files(request.subjects, request.files)?;
    let is_array =
        |subject: &Subject| matches!(subject, Subject::Picture(path) if has_extension(path, "npy") && path.is_file());
    if let Some(Subject::Picture(path)) = request.subjects.iter().find(|subject| is_array(subject)) {
        return Err(RequestError::WholeArray(path.clone()).into());
    }
    let is_picture = |subject: &&Subject| matches!(subject, Subject::Picture(_));
    let encoder = match request.subjects.iter().any(|subject| is_picture(&subject)) {
        true => Some(request.encoding.load(Some(held(memory, Purpose::Queries)), observer)?),
        // Likeness may be to a picture.
        false if request.encoding.request.views.is_some() && question.what_if.is_empty() => {
            return Err(RequestError::ForPictures { field: "views" }.into());
        }
        false => None,
    };
    let limits = encoder.as_ref().map_or_else(Limits::default, |encoder| *encoder.limits());
    let pictures = Pictures { limits, resolver: request.resolver.clone() };
    for folder in request.files.iter().filter(|file| !is_file(file)) {
        std::fs::create_dir_all(folder).at("make", folder)?;
    }
    let explainer = Explainer { memory, question, request, encoder: encoder.as_ref(), pictures };
    (1..).zip(request.subjects).map(|(number, subject)| explainer.explain(number, subject)).collect()
}

struct Explainer<'a> {
    memory: &'a Memory,
    question: &'a Question,
    request: &'a Request<'a>,
    /// There where a picture is asked about.
    encoder: Option<&'a Encoder>,
    pictures: Pictures,
}

impl Explainer<'_> {
    fn explain(&self, number: usize, subject: &Subject) -> Result<Explained> {
        let Self { memory, question, request, pictures, .. } = self;
        let embedding = self.embedding(subject)?;
        let mut question = (*question).clone();
        let mut notes = Vec::new();
        let query = match subject {
            Subject::Picture(path) => {
                Pictured { name: path.display().to_string(), picture: pictures.of_file(path, QUERY_SIDE) }
            }
            Subject::Row(..) => Pictured {
                name: subject.to_string(),
                picture: Picture::Missing("An embedding: there is no picture of it.".into()),
            },
            Subject::Exemplar(id) => {
                for options in [&mut question.plain, &mut question.asked] {
                    options.among = Some(without(memory, options.among.take(), *id)?);
                }
                let exemplar = memory.exemplars(&[*id])?.into_iter().flatten().next();
                let label = exemplar.as_ref().map_or_else(String::new, |exemplar| exemplar.label.clone());
                notes.push(format!("This is the exemplar {id}, asked without itself. Its label is {label}."));
                let source = exemplar.and_then(|exemplar| exemplar.source);
                Pictured {
                    name: source.as_ref().map_or_else(|| subject.to_string(), ToString::to_string),
                    picture: pictures.of_source(source.as_ref(), QUERY_SIDE),
                }
            }
        };
        let decision = memory.classify(&embedding, &question.asked)?.remove(0);
        let mut explanation = explanation(memory, query, pictures, &decision, &question.asked)?;
        explanation.notes.extend(notes);
        let mut decided = Decided { decision, before: None };
        if !question.what_if.is_empty() {
            let before = memory.classify(&embedding, &question.plain)?.remove(0);
            decided.before = Some((&before).into());
            let (asked, answer, share) = (question.what_if.in_words(), before.label(), 100.0 * before.confidence());
            explanation.notes.insert(0, format!("What if: {asked}. As it is, the answer is {answer} ({share:.0} %)."));
            explanation.what_if = Some(WhatIf {
                question: asked,
                decision: before.label().to_owned(),
                confidence: before.confidence(),
                labels: shares(&before),
                neighbors: shown(&before, pictures),
            });
        }
        let flip = if request.flip { memory.smallest_flip(&embedding, &question.asked)? } else { None };
        let flip_in_words = request.flip.then(|| match &flip {
            Some(flip) => in_words(flip),
            None => "No set of up to 1,000 exemplars changes the answer by its absence.".to_owned(),
        });
        explanation.notes.extend(flip_in_words.clone());
        let flipping: HashSet<u64> = flip.iter().flat_map(|flip| flip.exemplars.iter().copied()).collect();
        let mut marked = 0;
        for neighbor in explanation.neighbors.iter_mut().filter(|neighbor| flipping.contains(&neighbor.id)) {
            neighbor.decisive = true;
            marked += 1;
        }
        if let Some(note) = explanation.notes.last_mut().filter(|_| marked > 0) {
            note.push_str(". Those of them that voted are marked as decisive.");
        }
        let files: Vec<PathBuf> = request.files.iter().map(|file| file_of(file, number, subject)).collect();
        for file in &files {
            write(file, &explanation)?;
        }
        Ok(Explained {
            path: subject.to_string(),
            decision: decided,
            flip,
            files: files.iter().map(|file| file.display().to_string()).collect(),
            flip_in_words,
        })
    }

    fn embedding(&self, subject: &Subject) -> Result<Vec<f32>> {
        match subject {
            Subject::Picture(path) => {
                let encoder = self.encoder.expect("it was loaded for the pictures");
                Ok(encoder.encode_file(inside::picture(path, None))?)
            }
            Subject::Row(file, row) => embeddings::one(file, *row, self.memory.encoder().dim),
            Subject::Exemplar(id) => Ok(self.memory.embeddings(&[*id])?),
        }
    }
}

/// As if an exemplar were not there either.
fn without(memory: &Memory, among: Option<Among>, id: u64) -> Result<Among> {
    let all_but = |mut ids: Vec<u64>| {
        ids.retain(|other| *other != id);
        Among::Only(ids)
    };
    Ok(match among {
        None => Among::Without(vec![id]),
        Some(Among::Without(mut ids)) => {
            ids.push(id);
            Among::Without(ids)
        }
        Some(Among::Only(ids)) => all_but(ids),
        Some(Among::Selected(selector)) => all_but(memory.select(&selector)?),
    })
}

/// Whether an explanation is written into this as a file; else it is a folder.
fn is_file(path: &Path) -> bool {
    has_extension(path, "html") || has_extension(path, "png")
}

/// The file for a subject: in a folder one by its number and name.
fn file_of(file: &Path, number: usize, subject: &Subject) -> PathBuf {
    if is_file(file) {
        return file.into();
    }
    let name = subject.to_string();
    let stem = Path::new(&name).file_stem().map_or_else(|| name.clone(), |stem| stem.to_string_lossy().into_owned());
    let plain: String = stem.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    file.join(format!("{number}-{plain}.html"))
}

/// That explanations of these subjects can be written into these files.
///
/// # Errors
/// When one is neither .html nor .png nor a folder, is one file for several subjects, or is a picture that is asked about.
pub fn check_files(subjects: &[Subject], files: &[PathBuf]) -> Result<()> {
    // One that is not there yet is meant where there are several explanations.
    let is_new = |file: &Path| subjects.len() > 1 && file.extension().is_none() && !file.exists();
    let is_folder = |file: &Path| file.is_dir() || is_new(file);
    if let Some(file) = files.iter().find(|file| !is_file(file) && !is_folder(file)) {
        return Err(RequestError::ExplanationFormat(file.clone()).into());
    }
    if let Some(file) = files.iter().find(|file| is_file(file)).filter(|_| subjects.len() > 1) {
        return Err(RequestError::OneFileForSeveral(file.clone()).into());
    }
    let pictures = subjects.iter().filter_map(|subject| match subject {
        Subject::Picture(path) => Some(path),
        _ => None,
    });
    for picture in pictures {
        if let Some(file) = files.iter().find(|file| is_same_file(file, picture)) {
            return Err(RequestError::ThePictureItself(file.clone()).into());
        }
    }
    Ok(())
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// The smallest change that changes the answer, as one sentence.
fn in_words(flip: &Flip) -> String {
    let number = words::counted(flip.exemplars.len(), "exemplar").replace(words::NBSP, " ");
    let share = 100.0 * flip.decision.confidence();
    let ids: Vec<String> = flip.exemplars.iter().map(ToString::to_string).collect();
    let (label, ids) = (flip.decision.label(), ids.join(","));
    // Of a proof nothing need be said: it is what the option promises.
    let found = if flip.is_smallest {
        ""
    } else {
        ". Found step by step: none of them can stay, but other sets may be smaller"
    };
    format!("Without {number} the answer would be {label} ({share:.0} %): id={ids}{found}")
}

/// Writes the page or the picture, by the file's extension.
///
/// # Errors
/// When it cannot be made or written.
pub fn write(file: &Path, explanation: &Explanation) -> Result<()> {
    let bytes = if has_extension(file, "png") { to_png(explanation)? } else { to_html(explanation)?.into_bytes() };
    std::fs::write(file, bytes).at("write", file)
}

/// All that the page shows: the decision, and the pictures as they are on disk now.
///
/// # Errors
/// When the memory cannot say who was compared.
pub fn explanation(
    memory: &Memory,
    query: Pictured,
    pictures: &Pictures,
    decision: &Decision,
    options: &ClassifyOptions,
) -> Result<Explanation> {
    let compared = compared(memory, options.among.as_ref())?;
    let level = decision.level.as_ref().map(|level| format!("Decided at the level {level} of the taxonomy."));
    let above = decision.lineage.get(1..).filter(|above| !above.is_empty()).map(|above| {
        let steps = above.iter().map(|step| {
            format!("{} {} ({:.0} %)", step.level.as_deref().unwrap_or_default(), step.name, 100.0 * step.confidence)
        });
        format!("Further up: {}.", steps.collect::<Vec<_>>().join(", "))
    });
    let probable = decision.probability().map(|probability| {
        format!(
            "It is right with a probability of {:.0} %, by what the memory says of its own examples.",
            100.0 * probability
        )
    });
    let set = decision.set.as_ref().map(|set| {
        format!("So that {} % of answers hold the right label: {}.", 100.0 * set.coverage, set_in_words(set))
    });
    let unsure = (!decision.confident).then(|| "Less confident than was asked for.".to_owned());
    let unseen = (!decision.unseen.is_empty()).then(|| {
        let labels = some_of(&decision.unseen);
        format!("It may also be one of the labels there that have no example yet: {labels}.")
    });
    let pruning = memory.pruning().ok().flatten().map(|pruning| match decision.hidden {
        0 => format!("Pruning is {pruning}."),
        all if all >= options.k.min(compared) => {
            format!("Pruning is {pruning}: it hides all {all} most similar examples, so that they vote nevertheless.")
        }
        hidden => format!("Pruning is {pruning}: of the {} most similar examples it hides {hidden}.", options.k),
    });
    Ok(Explanation {
        query,
        decision: decision.label().to_owned(),
        confidence: decision.confidence(),
        labels: shares(decision),
        neighbors: shown(decision, pictures),
        novelty: decision.novelty,
        vote: options.vote.to_string(),
        notes: [level, above, probable, set, unsure, unseen, pruning].into_iter().flatten().collect(),
        compared: compared as u64,
        what_if: None,
        memory: MemoryFacts {
            name: memory.path().display().to_string(),
            exemplars: memory.len() as u64,
            labels: memory.labels().len() as u64,
            encoder: memory.encoder().name.clone(),
            digest: memory.digest().to_string(),
        },
    })
}

/// How many exemplars there are among some, or in all.
fn compared(memory: &Memory, among: Option<&Among>) -> Result<usize> {
    let there = |ids: &[u64]| -> Result<usize> {
        let different: Vec<u64> = ids.iter().copied().collect::<HashSet<u64>>().into_iter().collect();
        Ok(memory.exemplars(&different)?.iter().flatten().count())
    };
    Ok(match among {
        None => memory.len(),
        Some(Among::Only(ids)) => there(ids)?,
        Some(Among::Without(ids)) => memory.len().saturating_sub(there(ids)?),
        Some(Among::Selected(selector)) => memory.select(selector)?.len(),
    })
}

fn shares(decision: &Decision) -> Vec<LabelShare> {
    let share = |score: &vismem::LabelScore| LabelShare { label: score.label.clone(), share: score.score };
    decision.labels.iter().map(share).collect()
}

fn shown(decision: &Decision, pictures: &Pictures) -> Vec<ShownNeighbor> {
    let neighbor = |(rank, voter): (usize, &Voter)| ShownNeighbor {
        rank,
        id: voter.id,
        label: voter.vote().to_owned(),
        source: voter.source.as_ref().map_or_else(|| "-".into(), ToString::to_string),
        distance: f64::from(voter.distance),
        weight: voter.weight,
        share: voter.share,
        decisive: false,
        picture: pictures.of_source(voter.source.as_ref(), NEIGHBOR_SIDE),
    };
    (1..).zip(&decision.neighbors).map(neighbor).collect()
}
