//! Models: loading the encoder that is meant.

use vismem_encode::Encoder;
use vismem_models::{EncoderRequest, Held, Hub, Loaded};

use crate::{Error, Observer, Result};

/// Loads the encoder that the request names, else the one whose embeddings a memory holds, else the built-in one. A model
/// that is named is fetched if it is not here.
///
/// # Errors
/// When it cannot be loaded, or the memory holds embeddings of another one.
pub fn load_encoder(
    request: &EncoderRequest,
    hub: &Hub,
    held: Option<Held<'_>>,
    observer: &mut dyn Observer,
) -> Result<Encoder> {
    let loaded = request.load(hub, held, &mut |piece| observer.fetching(piece));
    let Loaded { encoder, notes } =
        loaded.map_err(|source| Error::Load { model: request.model.clone(), source: Box::new(source) })?;
    notes.iter().for_each(|note| observer.note(note));
    Ok(encoder)
}
