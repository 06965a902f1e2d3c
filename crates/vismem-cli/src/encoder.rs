//! Which encoder a command works with.

use std::path::Path;

use anyhow::{Context, Result, bail};
use vismem_encode::decode::Limits;
use vismem_encode::{BUILTIN_NAME, Encoder, EncoderOptions, Model, OnnxRuntimeError, RuntimeChoice};

use crate::args::{Encoding, Runtime, wrong_use};
use crate::output;

/// Loads the encoder that the user named, else the memory's, else the built-in one.
///
/// # Errors
/// When it cannot be loaded, or the memory holds embeddings of another one.
pub fn load(encoding: &Encoding, memory: Option<(&Path, &vismem::Encoder)>) -> Result<Encoder> {
    let model = match encoding.encoder.as_deref() {
        None | Some(BUILTIN_NAME) => Model::builtin(),
        Some(folder) => Model::from_folder(folder).with_context(|| format!("--encoder {folder}"))?,
    };
    let runtime = match encoding.runtime {
        Runtime::Auto => RuntimeChoice::Auto,
        Runtime::Rten => RuntimeChoice::Rten,
        Runtime::Onnxruntime => RuntimeChoice::OnnxRuntime,
    };
    let limits = Limits { max_pixels: u64::from(encoding.max_megapixels) * 1_000_000, ..Limits::default() };
    let encoder = Encoder::load(model, &EncoderOptions { runtime, limits, ..Default::default() })?;
    if let Some(reason) = encoder.fallback_reason()
        && !matches!(reason, OnnxRuntimeError::NotFound)
    {
        output::note(format_args!("note: ONNX Runtime is not used: {reason}"));
    }
    if let Some((path, held)) = memory
        && !held.same(&identity(&encoder))
    {
        let path = path.display();
        if held.hash.is_empty() {
            bail!("{path}: holds embeddings of an unknown encoder; use it with embeddings (.npy), not with pictures");
        }
        if encoding.encoder.is_none() {
            return Err(wrong_use(format!(
                "{path}: holds embeddings of {held}; say where that is with --encoder FOLDER"
            )));
        }
        bail!("{path}: holds embeddings of {held}, not of {}; use that encoder or another memory", identity(&encoder));
    }
    Ok(encoder)
}

/// The encoder's identity, as memories keep it.
pub fn identity(encoder: &Encoder) -> vismem::Encoder {
    let identity = encoder.identity();
    vismem::Encoder { name: identity.name.clone(), hash: identity.hash.clone(), dim: identity.dim }
}
