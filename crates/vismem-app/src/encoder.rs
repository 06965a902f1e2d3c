//! The encoder of a use case.

use vismem_encode::Encoder;
use vismem_models::{EncoderRequest, Held, Hub};

use crate::models::load_encoder;
use crate::{Observer, Result};

/// Which encoder is meant, and where models are kept and fetched from.
#[derive(Clone)]
pub struct Encoding {
    /// Which encoder, and how it is to run.
    pub request: EncoderRequest,
    /// The hub and its cache.
    pub hub: Hub,
}

impl Encoding {
    /// Loads the encoder: the one that is named, else the memory's, else the built-in one.
    ///
    /// # Errors
    /// When it cannot be loaded, or the memory holds embeddings of another one, or of other views where exemplars are
    /// encoded.
    pub fn load(&self, held: Option<Held<'_>>, observer: &mut dyn Observer) -> Result<Encoder> {
        load_encoder(&self.request, &self.hub, held, observer)
    }
}
