use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use vismem::{ClassifyOptions, Decision, Memory, Voter};
use vismem_encode::decode::{Limits, decode};
use vismem_report::{
    Explanation, LabelShare, MemoryFacts, NEIGHBOR_SIDE, Picture, Pictured, QUERY_SIDE, ShownNeighbor, shrink, to_html,
    to_png,
};

use super::Outcome;
use crate::args::{Args, Explain, Format, wrong_use};
use crate::input::has_extension;
use crate::{decision, encoder, output};

#[derive(Serialize)]
struct Document {
    path: String,
    #[serde(flatten)]
    decision: decision::Document,
    files: Vec<String>,
}

pub fn run(args: &Args, options: &Explain) -> Result<Outcome> {
    if let Some(file) = options.output.iter().find(|file| !has_extension(file, "html") && !has_extension(file, "png")) {
        return Err(wrong_use(format!("{}: an explanation is written as .html or .png", file.display())));
    }
    if let Some(file) = options.output.iter().find(|file| is_same_file(file, &options.image)) {
        return Err(wrong_use(format!("{}: is the picture itself; write the explanation elsewhere", file.display())));
    }
    let voting = options.voting.options()?;
    let memory = Memory::open(&args.memory)?;
    // Fails before the encoder is loaded if the memory cannot answer anything.
    memory.classify(&[], &voting)?;
    let encoder = encoder::load(&options.encoding, Some((memory.path(), memory.encoder())))?;
    let embedding = encoder.encode_file(&options.image)?;
    let decision = memory.classify(&embedding, &voting)?.remove(0);
    let explanation = explanation(&memory, &options.image, encoder.limits(), &decision, &voting);
    for file in &options.output {
        write(file, &explanation)?;
    }
    let document = Document {
        path: options.image.display().to_string(),
        decision: decision::Document::new(&decision, &voting),
        files: options.output.iter().map(|file| file.display().to_string()).collect(),
    };
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Text => {
            let mut out = output::stdout();
            writeln!(out, "{}  {}", document.path, document.decision.in_short())?;
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
    let neighbor = |(rank, voter): (usize, &Voter)| ShownNeighbor {
        rank,
        id: voter.id,
        label: voter.votes_for.clone(),
        source: voter.source.as_ref().map_or_else(|| "-".into(), ToString::to_string),
        distance: f64::from(voter.distance),
        weight: voter.weight,
        share: voter.share,
        picture: match &voter.source {
            Some(source) => picture(source.as_path(), NEIGHBOR_SIDE, limits),
            None => Picture::Missing("No picture is known for this exemplar.".into()),
        },
    };
    let label = |score: &vismem::LabelScore| LabelShare { label: score.label.clone(), share: score.score };
    let level = options.level.as_ref().map(|level| format!("Decided at the level {level} of the taxonomy (--level)."));
    Explanation {
        query: Pictured { name: query.display().to_string(), picture: picture(query, QUERY_SIDE, limits) },
        decision: decision.label().to_owned(),
        confidence: decision.confidence(),
        labels: decision.labels.iter().map(label).collect(),
        neighbors: (1..).zip(&decision.neighbors).map(neighbor).collect(),
        novelty: decision.novelty,
        vote: options.vote.to_string(),
        notes: level.into_iter().collect(),
        memory: MemoryFacts {
            name: memory.path().display().to_string(),
            exemplars: memory.len() as u64,
            labels: memory.labels().len() as u64,
            encoder: memory.encoder().name.clone(),
            digest: memory.digest().to_string(),
        },
    }
}

/// The picture in a file, made small at once; else what to say in its place.
pub fn picture(path: &Path, side: u32, limits: &Limits) -> Picture {
    let name = || path.file_name().map_or_else(|| PathBuf::from(path), PathBuf::from).display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => match decode(&bytes, limits) {
            Ok(picture) => Picture::Shown(shrink(&picture, side)),
            Err(error) => Picture::Missing(format!("{} is no longer a picture: {error}", name())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Picture::Missing(format!("{} was moved or deleted since it was added.", name()))
        }
        Err(error) => Picture::Missing(format!("{} cannot be read: {error}", name())),
    }
}
