//! Adding pictures: encode on all cores, commit in whole transactions.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use vismem::{AttributeType, Attributes, Batch, Editor, NewExemplar};
use vismem_data::{Dataset, Field, LabelledPicture, Remedy};
use vismem_encode::{Encoded, Input, Outcome as Encoding, Picture};
use vismem_models::{EncoderRequest, Held, Hub, Purpose};

use super::{ItemKind, Tally, add_taxonomies, encoder_of};
use crate::error::KeptContext;
use crate::models::load_encoder;
use crate::{Failure, IoContext, Observer, Result};

/// Pictures that a transaction holds unless the user says otherwise: some seconds of work.
const COMMIT_EVERY: usize = 256;

/// How pictures are encoded and committed.
pub(crate) struct Options<'o> {
    pub encoder: &'o EncoderRequest,
    pub hub: &'o Hub,
    pub commit_every: Option<NonZeroUsize>,
}

/// Adds the pictures of a data set. `seen` is told of each, with the hash of its bytes if they are a picture.
pub(crate) fn add(
    memory: &Path,
    options: &Options<'_>,
    dataset: Dataset,
    seen: &mut dyn FnMut(&LabelledPicture, Option<[u8; 32]>),
    observer: &mut dyn Observer,
) -> Result<Tally> {
    let held = encoder_of(memory)?;
    let held = held.as_ref().map(|encoder| Held { memory, encoder, purpose: Purpose::Exemplars });
    let encoder = load_encoder(options.encoder, options.hub, held, observer)?;
    let mut editor = Editor::open_or_create(memory, &vismem_models::identity(&encoder))?;
    add_taxonomies(&mut editor, &dataset.taxonomies)?;
    let (known, types) = (editor.contents()?, editor.attribute_types()?);
    let mut adding = Adding {
        batch: editor.batch(),
        pending: Vec::new(),
        types,
        failed: HashMap::new(),
        commit_every: options.commit_every.map_or(COMMIT_EVERY, NonZeroUsize::get),
        tally: Tally::new(ItemKind::Picture),
        observer,
    };
    let pictures = dataset.pictures.enumerate().map(|(place, picture)| Placed { place, picture });
    let contents = Contents::default();
    let wanted = |input: &Placed, hash: &[u8; 32]| !known.contains(hash) && contents.is_first(*hash, input.place);
    let (mut outcome, mut done) = (Ok(()), 0);
    encoder.encode_stream(pictures, &wanted, &mut |encoded| {
        done += 1;
        if adding.observer.step("pictures", done, dataset.count).is_break() {
            adding.tally.complete = false;
            return ControlFlow::Break(());
        }
        let is_sound = !matches!(encoded.outcome, Encoding::Failed(_));
        let content = encoded.hash.filter(|content| is_sound && !adding.failed.contains_key(content));
        seen(&encoded.input.picture, content);
        outcome = adding.take(encoded);
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    outcome?;
    adding.commit()?;
    let mut tally = adding.tally.end(adding.batch.id());
    tally.survey = dataset.survey;
    Ok(tally)
}

/// A picture with its place among those of the data set.
struct Placed {
    place: usize,
    picture: LabelledPicture,
}

impl Input for Placed {
    fn picture(&self) -> Picture<'_> {
        self.picture.picture()
    }

    fn release(&mut self) {
        self.picture.release();
    }
}

/// For each content that was met, the first place of it, so that equal pictures are encoded once.
#[derive(Default)]
struct Contents(Mutex<HashMap<[u8; 32], usize>>);

impl Contents {
    /// Whether no equal picture was met at an earlier place. Threads ask out of order; of two equal pictures the one at
    /// the earlier place is the first whoever asks before, so that it is always encoded.
    fn is_first(&self, content: [u8; 32], place: usize) -> bool {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(content) {
            Entry::Occupied(first) if *first.get() < place => false,
            entry => {
                entry.insert_entry(place);
                true
            }
        }
    }
}

struct Adding<'e, 'o> {
    batch: Batch<'e>,
    pending: Vec<Pending>,
    /// The types of attributes.
    types: BTreeMap<String, AttributeType>,
    /// Why the first picture of a content could not be encoded.
    failed: HashMap<[u8; 32], String>,
    commit_every: usize,
    tally: Tally,
    observer: &'o mut dyn Observer,
}

/// A picture that waits for the next transaction.
struct Pending {
    picture: LabelledPicture,
    content: [u8; 32],
    embedding: Vec<f32>,
}

impl Adding<'_, '_> {
    fn take(&mut self, encoded: Encoded<Placed>) -> Result<()> {
        let Encoded { input: Placed { picture, .. }, hash, outcome } = encoded;
        match (outcome, hash) {
            (Encoding::Embedded(embedding), Some(content)) => self.hold(Pending { picture, content, embedding })?,
            (Encoding::Failed(error), content) => {
                if let Some(content) = content {
                    self.failed.insert(content, error.kind().to_string());
                }
                self.fail(Failure::of_picture(&picture, error.to_string()));
            }
            (_, Some(content)) => self.take_known(picture, content)?,
            (_, None) => {}
        }
        Ok(())
    }

    /// A picture that was not encoded, because the memory or an earlier place has its content.
    fn take_known(&mut self, picture: LabelledPicture, content: [u8; 32]) -> Result<()> {
        if let Some(held) = self.batch.holder_of(&content, &picture.label)? {
            self.tally.added(held, &picture.label, || picture.path.display().to_string());
        } else if let Some(first) = self.pending.iter().find(|first| first.content == content) {
            let embedding = first.embedding.clone();
            self.hold(Pending { picture, content, embedding })?;
        } else if let Some(reason) = self.failed.get(&content) {
            let error = format!("{}: {reason}", picture.path.display());
            self.fail(Failure::of_picture(&picture, error));
        }
        Ok(())
    }

    fn fail(&mut self, failure: Failure) {
        self.tally.failed(failure, self.observer);
    }

    /// Keeps the picture until the transaction is full.
    fn hold(&mut self, mut pending: Pending) -> Result<()> {
        let picture = &mut pending.picture;
        match typed(&mut self.types, std::mem::take(&mut picture.attributes)) {
            Ok(attributes) => picture.attributes = attributes,
            Err((reason, remedy)) => {
                let source = picture.path.display().to_string();
                self.fail(Failure { error: format!("{source}: {reason}"), source, count: 1, remedy });
                return Ok(());
            }
        }
        self.pending.push(pending);
        if self.pending.len() == self.commit_every { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<()> {
        let exemplars = self
            .pending
            .iter()
            .map(|Pending { picture, content, embedding }| {
                let (label, source, content) =
                    (&picture.label, Some(picture.source().at("find", &picture.path)?), *content);
                Ok(NewExemplar { embedding, label, source, content, attributes: picture.attributes.clone() })
            })
            .collect::<Result<Vec<_>>>()?;
        for (added, Pending { picture, .. }) in self.batch.add(&exemplars).kept()?.into_iter().zip(&self.pending) {
            self.tally.added(added, &picture.label, || picture.path.display().to_string());
        }
        self.pending.clear();
        Ok(())
    }
}

/// Attributes as values of the types that they have in the memory, or had in a picture before; or why that cannot be, and
/// what would mend it.
fn typed(
    types: &mut BTreeMap<String, AttributeType>,
    attributes: Attributes,
) -> std::result::Result<Attributes, (String, Option<Remedy>)> {
    let mut typed = Attributes::new();
    for (name, value) in attributes {
        let (kind, found) = (*types.entry(name.clone()).or_insert(value.kind()), value.kind());
        let value = value.cast(kind).ok_or_else(|| {
            let reason = format!("its {name} is a {found}, but all values of this attribute are of type {kind}");
            (reason, Some(Remedy::Choose(Field::Attributes)))
        })?;
        typed.insert(name, value).map_err(|error| (error.to_string(), None))?;
    }
    Ok(typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_pictures_the_first_is_encoded_and_later_ones_are_not() {
        let (contents, a, b) = (Contents::default(), [1; 32], [2; 32]);
        assert!(contents.is_first(a, 3));
        assert!(contents.is_first(b, 4));
        assert!(!contents.is_first(a, 5));
        assert!(contents.is_first(a, 1), "an earlier place that asks late is the first all the same");
        assert!(!contents.is_first(a, 2));
    }
}
