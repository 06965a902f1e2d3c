//! Why a picture is decided as it is: pages, pictures, and the smallest change that would change the answer.

use std::path::{Path, PathBuf};

use serde::Serialize;
use vismem::{ClassifyOptions, Decision, Flip, Memory, Voter};
use vismem_data::{SourceResolver, has_extension, inside};
use vismem_report::{
    Explanation, LabelShare, MemoryFacts, NEIGHBOR_SIDE, Pictured, QUERY_SIDE, ShownNeighbor, WhatIf, to_html, to_png,
    words,
};

use crate::decision::{Decided, some_of};
use crate::picture::Pictures;
use crate::what_if::Question;
use crate::{Encoding, IoContext, Observer, RequestError, Result, held};

/// What is explained.
#[derive(Clone)]
pub struct Request<'a> {
    /// The picture; in an archive or a table as `ARCHIVE#NAME` or `TABLE#ROW`.
    pub image: &'a Path,
    /// Where the page (.html) or the picture (.png) is written.
    pub files: &'a [PathBuf],
    /// Whether the smallest set of exemplars is searched for without which the answer would be another one.
    pub flip: bool,
    /// What encodes the picture.
    pub encoding: Encoding,
    /// Which pictures may be opened to be shown.
    pub resolver: SourceResolver,
}

/// Why a picture is decided as it is.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// The picture.
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

/// Decides on a picture and shows why.
///
/// # Errors
/// When a file is neither a page nor a picture or is the picture itself, the picture or the encoder cannot be read, the
/// memory cannot answer, or a file cannot be written.
pub fn explain(
    memory: &Memory,
    question: &Question,
    request: &Request<'_>,
    observer: &mut dyn Observer,
) -> Result<Explained> {
    check_files(request.image, request.files)?;
    let encoder = request.encoding.load(Some(held(memory)), observer)?;
    let embedding = encoder.encode_file(inside::picture(request.image, None))?;
    let pictures = Pictures { limits: *encoder.limits(), resolver: request.resolver.clone() };
    let decision = memory.classify(&embedding, &question.asked)?.remove(0);
    let mut explanation = explanation(memory, request.image, &pictures, &decision, &question.asked);
    let mut decided = Decided { decision, before: None };
    if !question.what_if.is_empty() {
        let before = memory.classify(&embedding, &question.plain)?.remove(0);
        decided.before = Some((&before).into());
        let (question, answer, share) = (question.what_if.in_words(), before.label(), 100.0 * before.confidence());
        explanation.notes.insert(0, format!("What if: {question}. As it is, the answer is {answer} ({share:.0} %)."));
        explanation.what_if = Some(WhatIf {
            question,
            decision: before.label().to_owned(),
            confidence: before.confidence(),
            labels: shares(&before),
            neighbors: shown(&before, &pictures),
        });
    }
    let flip = if request.flip { memory.smallest_flip(&embedding, &question.asked)? } else { None };
    let flip_in_words = request.flip.then(|| match &flip {
        Some(flip) => in_words(flip),
        None => "No set of up to 1,000 exemplars changes the answer by its absence.".to_owned(),
    });
    explanation.notes.extend(flip_in_words.clone());
    for file in request.files {
        write(file, &explanation)?;
    }
    Ok(Explained {
        path: request.image.display().to_string(),
        decision: decided,
        flip,
        files: request.files.iter().map(|file| file.display().to_string()).collect(),
        flip_in_words,
    })
}

/// That an explanation can be written into these files.
///
/// # Errors
/// When one is neither .html nor .png, or is the picture itself.
pub fn check_files(image: &Path, files: &[PathBuf]) -> Result<()> {
    if let Some(file) = files.iter().find(|file| !has_extension(file, "html") && !has_extension(file, "png")) {
        return Err(RequestError::ExplanationFormat(file.clone()).into());
    }
    if let Some(file) = files.iter().find(|file| is_same_file(file, image)) {
        return Err(RequestError::ThePictureItself(file.clone()).into());
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
    format!("Without {number} the answer would be {} ({share:.0} %): id={}", flip.decision.label(), ids.join(","))
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
pub fn explanation(
    memory: &Memory,
    query: &Path,
    pictures: &Pictures,
    decision: &Decision,
    options: &ClassifyOptions,
) -> Explanation {
    let level = decision.level.as_ref().map(|level| format!("Decided at the level {level} of the taxonomy."));
    let above = decision.lineage.get(1..).filter(|above| !above.is_empty()).map(|above| {
        let steps = above.iter().map(|step| {
            format!("{} {} ({:.0} %)", step.level.as_deref().unwrap_or_default(), step.name, 100.0 * step.confidence)
        });
        format!("Further up: {}.", steps.collect::<Vec<_>>().join(", "))
    });
    let unsure = (!decision.confident).then(|| "Less confident than was asked for.".to_owned());
    let unseen = (!decision.unseen.is_empty()).then(|| {
        let labels = some_of(&decision.unseen);
        format!("It may also be one of the labels there that have no example yet: {labels}.")
    });
    let pruning = memory.pruning().ok().flatten().map(|pruning| match decision.hidden {
        0 => format!("Pruning is {pruning}."),
        hidden => format!("Pruning is {pruning}: of the {} most similar examples it hides {hidden}.", options.k),
    });
    Explanation {
        query: Pictured { name: query.display().to_string(), picture: pictures.of_file(query, QUERY_SIDE) },
        decision: decision.label().to_owned(),
        confidence: decision.confidence(),
        labels: shares(decision),
        neighbors: shown(decision, pictures),
        novelty: decision.novelty,
        vote: options.vote.to_string(),
        notes: [level, above, unsure, unseen, pruning].into_iter().flatten().collect(),
        what_if: None,
        memory: MemoryFacts {
            name: memory.path().display().to_string(),
            exemplars: memory.len() as u64,
            labels: memory.labels().len() as u64,
            encoder: memory.encoder().name.clone(),
            digest: memory.digest().to_string(),
        },
    }
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
        picture: pictures.of_source(voter.source.as_ref(), NEIGHBOR_SIDE),
    };
    (1..).zip(&decision.neighbors).map(neighbor).collect()
}
