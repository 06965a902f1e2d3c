use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use vismem::{ClassifyOptions, Decision, Flip, Memory, Voter};
use vismem_data::{has_extension, inside};
use vismem_encode::decode::Limits;
use vismem_report::{
    Explanation, LabelShare, MemoryFacts, NEIGHBOR_SIDE, Pictured, QUERY_SIDE, ShownNeighbor, WhatIf, to_html, to_png,
};

use super::{Outcome, index};
use crate::args::{Args, Explain, Format, wrong_use};
use crate::{decision, encoder, output, picture, progress};

#[derive(Serialize)]
struct Document {
    path: String,
    #[serde(flatten)]
    decision: decision::Document,
    flip: Option<Flip>,
    files: Vec<String>,
}

/// The smallest change that changes the answer, as one sentence for people.
fn in_words(flip: &Flip) -> String {
    let (number, share) = (output::counted(flip.exemplars.len(), "exemplar"), 100.0 * flip.decision.confidence());
    let ids: Vec<String> = flip.exemplars.iter().map(ToString::to_string).collect();
    format!("Without {number} the answer would be {} ({share:.0} %): id={}", flip.decision.label(), ids.join(","))
}

pub fn run(args: &Args, options: &Explain) -> Result<Outcome> {
    if let Some(file) = options.output.iter().find(|file| !has_extension(file, "html") && !has_extension(file, "png")) {
        return Err(wrong_use(format!("{}: an explanation is written as .html or .png", file.display())));
    }
    if let Some(file) = options.output.iter().find(|file| is_same_file(file, &options.image)) {
        return Err(wrong_use(format!("{}: is the picture itself; write the explanation elsewhere", file.display())));
    }
    let plain = options.voting.options()?;
    let memory = Memory::open(&args.memory)?;
    memory.pruned(&mut progress::Steps::default())?;
    index::advise(&memory, plain.search);
    // Fails before the encoder is loaded if the memory cannot answer anything.
    memory.classify(&[], &plain)?;
    let voting = options.what_if.on(&plain, &memory, &options.encoding)?;
    memory.classify(&[], &voting)?;
    let encoder = encoder::load(&options.encoding, Some((memory.path(), memory.encoder())))?;
    let embedding = encoder.encode_file(inside::picture(&options.image))?;
    let decision = memory.classify(&embedding, &voting)?.remove(0);
    let mut explanation = explanation(&memory, &options.image, encoder.limits(), &decision, &voting);
    let mut document = decision::Document::new(decision, &voting);
    if !options.what_if.is_empty() {
        let before = memory.classify(&embedding, &plain)?.remove(0);
        document = document.changed_from(Some(decision::Before::new(&before)));
        let (question, answer, share) = (options.what_if.in_words(), before.label(), 100.0 * before.confidence());
        explanation.notes.insert(0, format!("What if: {question}. As it is, the answer is {answer} ({share:.0} %)."));
        explanation.what_if = Some(WhatIf {
            question,
            decision: before.label().to_owned(),
            confidence: before.confidence(),
            labels: shares(&before),
            neighbors: shown(&before, encoder.limits()),
        });
    }
    let flip = if options.flip { memory.smallest_flip(&embedding, &voting)? } else { None };
    let in_words = options.flip.then(|| match &flip {
        Some(flip) => in_words(flip),
        None => "No set of up to 1,000 exemplars changes the answer by its absence.".to_owned(),
    });
    explanation.notes.extend(in_words.clone());
    for file in &options.output {
        write(file, &explanation)?;
    }
    let document = Document {
        path: options.image.display().to_string(),
        decision: document,
        flip,
        files: options.output.iter().map(|file| file.display().to_string()).collect(),
    };
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Text => {
            let mut out = output::stdout();
            writeln!(out, "{}  {}", document.path, document.decision.in_short())?;
            in_words.iter().try_for_each(|words| writeln!(out, "{words}"))?;
            document.files.iter().try_for_each(|file| writeln!(out, "see {file}"))?;
            out.flush()?;
        }
    }
    Ok(Outcome::Done)
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// Writes the page or the picture, by the file's extension.
pub fn write(file: &Path, explanation: &Explanation) -> Result<()> {
    let bytes = if has_extension(file, "png") { to_png(explanation)? } else { to_html(explanation)?.into_bytes() };
    std::fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
}

/// All that the page shows: the decision, and the pictures as they are on disk now.
pub fn explanation(
    memory: &Memory,
    query: &Path,
    limits: &Limits,
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
    let unsure = (!decision.confident).then(|| "Less confident than was asked for (--min-confidence).".to_owned());
    let unseen = (!decision.unseen.is_empty()).then(|| {
        let labels = decision::some_of(&decision.unseen);
        format!("It may also be one of the labels there that have no example yet: {labels}.")
    });
    let pruning = memory.pruning().ok().flatten().map(|pruning| match decision.hidden {
        0 => format!("Pruning is {pruning} (vismem prune)."),
        hidden => format!(
            "Pruning is {pruning} (vismem prune): of the {} most similar examples it hides {hidden}.",
            options.k
        ),
    });
    Explanation {
        query: Pictured { name: query.display().to_string(), picture: picture::of_file(query, QUERY_SIDE, limits) },
        decision: decision.label().to_owned(),
        confidence: decision.confidence(),
        labels: shares(decision),
        neighbors: shown(decision, limits),
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

fn shown(decision: &Decision, limits: &Limits) -> Vec<ShownNeighbor> {
    let neighbor = |(rank, voter): (usize, &Voter)| ShownNeighbor {
        rank,
        id: voter.id,
        label: voter.vote().to_owned(),
        source: voter.source.as_ref().map_or_else(|| "-".into(), ToString::to_string),
        distance: f64::from(voter.distance),
        weight: voter.weight,
        share: voter.share,
        picture: picture::of_source(voter.source.as_ref(), NEIGHBOR_SIDE, limits),
    };
    (1..).zip(&decision.neighbors).map(neighbor).collect()
}
