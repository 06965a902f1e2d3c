//! The encoder that the user means: what was said on the command line as a request, and what came of it.

use std::num::NonZeroUsize;

use anyhow::Result;
use vismem_encode::{Encoder, RuntimeChoice};
use vismem_models::{EncoderRequest, Hub, PreprocessingChoice};

use crate::args::encoding::{Encoding, PreprocessingName, Runtime};
use crate::progress::Watch;

/// Loads the encoder that the user named, else the built-in one.
///
/// # Errors
/// When it cannot be loaded.
pub fn load(encoding: &Encoding) -> Result<Encoder> {
    Ok(meant(encoding).load(None, &mut Watch::default())?)
}

/// The encoder that the user means.
pub fn meant(encoding: &Encoding) -> vismem_app::Encoding {
    vismem_app::Encoding { request: request(encoding), hub: Hub::from_environment() }
}

/// What was said on the command line.
pub fn request(encoding: &Encoding) -> EncoderRequest {
    EncoderRequest {
        model: encoding.encoder.clone(),
        pool: encoding.pool.map(Into::into),
        preprocessing: match encoding.preprocessing {
            PreprocessingName::Model => PreprocessingChoice::Model,
            PreprocessingName::Paper => PreprocessingChoice::Paper,
        },
        views: encoding.views.map(Into::into),
        device: encoding.device,
        runtime: match encoding.runtime {
            Runtime::Auto => RuntimeChoice::Auto,
            Runtime::Rten => RuntimeChoice::Rten,
            Runtime::Onnxruntime => RuntimeChoice::OnnxRuntime,
        },
        max_pixels: Some(u64::from(encoding.max_megapixels) * 1_000_000),
        threads: NonZeroUsize::new(vismem::search::parallel::threads()),
    }
}
