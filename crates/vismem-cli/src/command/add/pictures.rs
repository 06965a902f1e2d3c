//! Adding pictures: encode on all cores, commit in whole transactions.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result};
use vismem::{AttributeType, Attributes, Batch, Editor, NewExemplar};
use vismem_data::{Dataset, LabelledPicture};
use vismem_encode::{Encoded, Outcome as Encoding};

use super::{KEPT, Report, add_taxonomies, encoder_of, interrupted};
use crate::args::Add;
use crate::progress::Progress;
use crate::{encoder, output};

/// Pictures that a transaction holds unless the user says otherwise: some seconds of work.
const COMMIT_EVERY: usize = 256;

/// Adds the pictures of a data set. `seen` is told of each, with the hash of its bytes if it could be read.
pub fn add(
    memory: &Path,
    options: &Add,
    dataset: Dataset,
    seen: &mut dyn FnMut(&LabelledPicture, Option<[u8; 32]>),
) -> Result<Report> {
    let held = encoder_of(memory)?;
    let encoder = encoder::load(&options.encoding, held.as_ref().map(|held| (memory, held)))?;
    let mut editor = Editor::open_or_create(memory, &vismem_models::identity(&encoder))?;
    add_taxonomies(&mut editor, &dataset.taxonomies)?;
    let (known, types) = (editor.contents()?, editor.attribute_types()?);
    let progress = Progress::up_to(dataset.count, "pictures");
    let mut adding = Adding {
        batch: editor.batch(),
        pending: Vec::new(),
        types,
        commit_every: options.commit_every.map_or(COMMIT_EVERY, |n| n as usize),
        report: Report::new("picture"),
        progress,
    };
    let mut outcome = Ok(());
    encoder.encode_stream(dataset.pictures, &|_, hash| !known.contains(hash), &mut |encoded| {
        if interrupted() {
            adding.report.complete = false;
            return ControlFlow::Break(());
        }
        seen(&encoded.input, encoded.hash);
        outcome = adding.take(encoded);
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    outcome?;
    adding.commit()?;
    adding.report.batch = adding.batch.id();
    Ok(adding.report)
}

struct Adding<'e> {
    batch: Batch<'e>,
    pending: Vec<Pending>,
    /// The types of attributes.
    types: BTreeMap<String, AttributeType>,
    commit_every: usize,
    report: Report,
    progress: Progress,
}

/// A picture that waits for the next transaction.
struct Pending {
    picture: LabelledPicture,
    content: [u8; 32],
    embedding: Vec<f32>,
}

impl Adding<'_> {
    fn take(&mut self, encoded: Encoded<LabelledPicture>) -> Result<()> {
        self.progress.advance(1);
        let mut picture = encoded.input;
        match (encoded.outcome, encoded.hash) {
            (Encoding::Embedded(embedding), Some(content)) => {
                match typed(&mut self.types, std::mem::take(&mut picture.attributes)) {
                    Ok(attributes) => picture.attributes = attributes,
                    Err(reason) => {
                        self.fail(&picture, format!("{}: {reason}", picture.path.display()));
                        return Ok(());
                    }
                }
                self.pending.push(Pending { picture, content, embedding });
                if self.pending.len() == self.commit_every {
                    self.commit()?;
                }
            }
            (Encoding::Failed(error), _) => self.fail(&picture, error.to_string()),
            (_, content) => {
                let held = content.map(|content| self.batch.holder_of(&content, &picture.label)).transpose()?.flatten();
                if let Some(held) = held {
                    self.report.added(held, &picture.label, || picture.path.display().to_string());
                }
            }
        }
        Ok(())
    }

    fn fail(&mut self, picture: &LabelledPicture, error: String) {
        self.progress.pause(|| output::note(format_args!("warning: {error}")));
        self.report.failed(picture.path.display().to_string(), error);
    }

    fn commit(&mut self) -> Result<()> {
        let exemplars = self
            .pending
            .iter()
            .map(|Pending { picture, content, embedding }| {
                let (label, source, content) = (&picture.label, Some(picture.source()?), *content);
                Ok(NewExemplar { embedding, label, source, content, attributes: picture.attributes.clone() })
            })
            .collect::<Result<Vec<_>>>()?;
        for (added, Pending { picture, .. }) in self.batch.add(&exemplars).context(KEPT)?.into_iter().zip(&self.pending)
        {
            self.report.added(added, &picture.label, || picture.path.display().to_string());
        }
        self.pending.clear();
        Ok(())
    }
}

/// Attributes as values of the types that they have in the memory, or had in a picture before; or why that cannot be.
fn typed(types: &mut BTreeMap<String, AttributeType>, attributes: Attributes) -> Result<Attributes, String> {
    let mut typed = Attributes::new();
    for (name, value) in attributes {
        let (kind, found) = (*types.entry(name.clone()).or_insert(value.kind()), value.kind());
        let value = value.cast(kind).ok_or_else(|| {
            format!(
                "its {name} is a {found}, but all values of this attribute are of type {kind}; choose with --attributes"
            )
        })?;
        typed.insert(name, value).map_err(|error| error.to_string())?;
    }
    Ok(typed)
}
