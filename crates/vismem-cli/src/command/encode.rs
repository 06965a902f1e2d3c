//! `vismem encode`: embeddings of labelled pictures into files, for `vismem add` to take later and elsewhere.

use std::io::Write;
use std::ops::ControlFlow;

use anyhow::{Result, bail};
use serde::Serialize;
use vismem::Taxonomy;
use vismem_data::Dataset;
use vismem_data::embedding_folder::{Entry, FolderWriter};
use vismem_encode::Outcome as Encoding;

use super::Outcome;
use crate::args::{Args, Encode, Format};
use crate::datasets;
use crate::progress::Progress;
use crate::{encoder, output};

#[derive(Serialize)]
struct Document {
    encoder: EncoderDocument,
    encoded: usize,
    failed: Vec<Failure>,
    files: Vec<String>,
}

#[derive(Serialize)]
struct EncoderDocument {
    name: String,
    hash: String,
    dim: usize,
}

#[derive(Serialize)]
struct Failure {
    source: String,
    error: String,
}

pub fn run(args: &Args, options: &Encode) -> Result<Outcome> {
    let Dataset { pictures, count, taxonomies, .. } = datasets::open(&options.paths, &options.reading)?;
    let taxonomy = joined(taxonomies)?;
    let encoder = encoder::load(&options.encoding, None)?;
    let identity = vismem_models::identity(&encoder);
    let mut folder = FolderWriter::create(&options.output, options.metadata.into(), identity.dim, false)?;
    let (shard, of) = options.shard.unwrap_or((1, 1));
    let count = count.map(|count| (count + of - shard) / of);
    let mine = pictures.zip(0..).filter(move |(_, number)| number % of == shard - 1).map(|(picture, _)| picture);
    let mut progress = Progress::up_to(count, "pictures");
    let (mut failed, mut outcome) = (Vec::new(), Ok(()));
    encoder.encode_stream(mine, &|_, _| true, &mut |encoded| {
        progress.advance(1);
        let picture = encoded.input;
        match (encoded.outcome, encoded.hash) {
            (Encoding::Embedded(embedding), Some(content)) => {
                outcome = picture.source().map_err(anyhow::Error::from).and_then(|source| {
                    let (label, source, attributes) = (picture.label.as_str(), Some(&source), &picture.attributes);
                    Ok(folder.push(&Entry { id: None, label, source, content, attributes, embedding: &embedding })?)
                });
            }
            (Encoding::Failed(error), _) => {
                progress.pause(|| output::note(format_args!("warning: {error}")));
                failed.push(Failure { source: picture.path.display().to_string(), error: error.to_string() });
            }
            _ => {}
        }
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    outcome?;
    drop(progress);
    let encoded = folder.len();
    let files = folder.finish(&identity, None, &taxonomy)?;
    let document = Document {
        encoder: EncoderDocument { name: identity.name, hash: identity.hash, dim: identity.dim },
        encoded,
        failed,
        files: files.iter().map(|file| file.display().to_string()).collect(),
    };
    if args.format == Format::Json {
        output::json(&document)?;
    } else {
        let mut out = output::stdout();
        writeln!(out, "encoded {}", output::counted(encoded, "picture"))?;
        if !document.failed.is_empty() {
            writeln!(out, "not encoded: {}, see the warnings", output::counted(document.failed.len(), "picture"))?;
        }
        writeln!(out, "add them with `vismem add {}`", options.output.display())?;
        out.flush()?;
    }
    Ok(if document.failed.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}

/// One taxonomy that says what all of them say.
fn joined(taxonomies: Vec<Taxonomy>) -> Result<Taxonomy> {
    let mut all = Taxonomy::default();
    for taxonomy in taxonomies {
        if all.levels.is_empty() {
            all.levels.clone_from(&taxonomy.levels);
        } else if all.levels != taxonomy.levels {
            bail!("one data set has the levels {}, another {}", all.levels.join(", "), taxonomy.levels.join(", "));
        }
        for (label, names) in &taxonomy.labels {
            all.insert(label, names)?;
        }
    }
    Ok(all)
}
