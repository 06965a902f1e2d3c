//! Adding ready embeddings.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use vismem::{Editor, Encoder, NewExemplar, Source, Taxonomy, content_of};

use super::{KEPT, Report, add_taxonomies, encoder_of, interrupted};
use crate::args::{Add, wrong_use};
use crate::input::embeddings::{Embeddings, fault};
use crate::input::labels;
use crate::progress::Progress;
use crate::{encoder, output};

/// Embeddings that a transaction holds unless the user says otherwise.
const COMMIT_EVERY: usize = 16_384;

pub fn add(memory: &Path, options: &Add, file: &Path, taxonomy: Option<&Taxonomy>) -> Result<Report> {
    let mut embeddings = Embeddings::open(file)?;
    let name = file.display();
    let labels = match (&options.labels, &options.label) {
        (Some(file), _) => labels::read(file)?,
        (None, Some(label)) => vec![label.clone(); embeddings.rows],
        (None, None) => return Err(wrong_use(format!("{name}: say with --labels FILE or --label what its rows show"))),
    };
    ensure!(
        labels.len() == embeddings.rows,
        "{name}: {} for {}; give one label for each row",
        output::counted(labels.len(), "label"),
        output::counted(embeddings.rows, "row")
    );

    let mut editor = Editor::open_or_create(memory, &encoder_for(memory, options, embeddings.dim)?)?;
    add_taxonomies(&mut editor, taxonomy)?;
    let mut report = Report::new("embedding");
    let mut progress = Progress::new(embeddings.rows as u64, "embeddings");
    let mut batch = editor.batch();
    let file = std::path::absolute(file)?;
    let source = |row: usize| {
        let mut source = file.clone().into_os_string();
        source.push(format!("#{row}"));
        Source::from(source)
    };
    let commit_every = options.commit_every.map_or(COMMIT_EVERY, |n| n as usize);
    for (part, labels) in labels.chunks(commit_every).enumerate() {
        if interrupted() {
            report.complete = false;
            break;
        }
        let values = embeddings.next_rows(labels.len()).context(KEPT)?;
        let (mut exemplars, mut rows) = (Vec::new(), Vec::new());
        for ((row, embedding), label) in (part * commit_every..).zip(values.chunks_exact(embeddings.dim)).zip(labels) {
            if let Some(fault) = fault(embedding) {
                let error = format!("{} {fault}", embeddings.name_of(row));
                progress.pause(|| output::note(format_args!("warning: {error}")));
                report.failed(embeddings.name_of(row), error);
                continue;
            }
            rows.push(row);
            exemplars.push(NewExemplar {
                embedding,
                label,
                source: Some(source(row)),
                // The row tells equal embeddings of one file apart, which may be different pictures.
                content: content_of(embedding, &(row as u64).to_le_bytes()),
            });
        }
        for ((added, row), exemplar) in batch.add(&exemplars).context(KEPT)?.into_iter().zip(rows).zip(&exemplars) {
            report.added(added, exemplar.label, || embeddings.name_of(row));
        }
        progress.advance(labels.len() as u64);
    }
    report.batch = batch.id();
    Ok(report)
}

/// The encoder that these embeddings are taken to come from.
fn encoder_for(memory: &Path, options: &Add, dim: usize) -> Result<Encoder> {
    let held = encoder_of(memory)?;
    if options.encoding.encoder.is_some() {
        let encoder = encoder::identity(&encoder::load(&options.encoding, None)?);
        ensure!(encoder.dim == dim, "the rows have {dim} values, embeddings of {encoder} have {}", encoder.dim);
        return Ok(encoder);
    }
    match held {
        Some(held) if !held.hash.is_empty() => Err(wrong_use(format!(
            "{}: holds embeddings of {held}; say --encoder if the rows are of the same",
            memory.display()
        ))),
        _ => Ok(Encoder::unknown(dim)),
    }
}
