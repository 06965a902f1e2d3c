//! Adding ready embeddings.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use vismem::{Editor, Encoder, NewExemplar, Source, Taxonomy, content_of};

use super::{Report, add_taxonomies, encoder_of, interrupted};
use crate::args::{Add, Args, wrong_use};
use crate::encoder;
use crate::input::embeddings::{Embeddings, labels};
use crate::progress::Progress;

/// Embeddings that a transaction holds unless the user says otherwise.
const COMMIT_EVERY: usize = 16_384;

pub fn add(args: &Args, options: &Add, file: &Path, taxonomy: Option<&Taxonomy>) -> Result<Report> {
    let mut embeddings = Embeddings::open(file)?;
    let name = file.display();
    let labels = match (&options.labels, &options.label) {
        (Some(file), _) => labels(file)?,
        (None, Some(label)) => vec![label.clone(); embeddings.rows],
        (None, None) => return Err(wrong_use(format!("{name}: say with --labels FILE or --label what its rows show"))),
    };
    ensure!(labels.len() == embeddings.rows, "{} labels for the {} rows of {name}", labels.len(), embeddings.rows);

    let mut editor = Editor::open_or_create(&args.memory, &encoder_for(args, options, embeddings.dim)?)?;
    add_taxonomies(&mut editor, taxonomy)?;
    let mut report = Report::new("embeddings");
    let mut progress = Progress::new(embeddings.rows as u64, "embeddings");
    let mut batch = editor.batch();
    let file = std::path::absolute(file)?;
    let commit_every = options.commit_every.map_or(COMMIT_EVERY, |n| n as usize);
    for (part, labels) in labels.chunks(commit_every).enumerate() {
        if interrupted() {
            report.complete = false;
            break;
        }
        let first = part * commit_every;
        let source = |row: usize| {
            let mut source = file.clone().into_os_string();
            source.push(format!("#{row}"));
            source
        };
        let values = embeddings.next_rows(labels.len())?;
        let exemplars: Vec<_> = values
            .chunks_exact(embeddings.dim)
            .zip(labels)
            .zip(first..)
            .map(|((embedding, label), row)| NewExemplar {
                embedding,
                label,
                source: Some(Source::from(source(row))),
                // The row tells equal embeddings of one file apart, which may be different pictures.
                content: content_of(embedding, &(row as u64).to_le_bytes()),
            })
            .collect();
        let added = batch.add(&exemplars).with_context(|| format!("{name}, counted from row {first}"))?;
        for ((added, label), row) in added.into_iter().zip(labels).zip(first..) {
            report.added(added, label, || format!("{name}#{row}"));
        }
        progress.advance(labels.len() as u64);
    }
    report.batch = batch.id();
    Ok(report)
}

/// The encoder that these embeddings are taken to come from.
fn encoder_for(args: &Args, options: &Add, dim: usize) -> Result<Encoder> {
    let held = encoder_of(&args.memory)?;
    if options.encoding.encoder.is_some() {
        let encoder = encoder::identity(&encoder::load(&options.encoding, None)?);
        ensure!(encoder.dim == dim, "the rows have {dim} values, embeddings of {encoder} have {}", encoder.dim);
        return Ok(encoder);
    }
    match held {
        Some(held) if !held.hash.is_empty() => Err(wrong_use(format!(
            "{}: holds embeddings of {held}; say --encoder if the rows are of the same",
            args.memory.display()
        ))),
        _ => Ok(Encoder::unknown(dim)),
    }
}
