//! Which encoder a command works with.

use std::path::Path;

use anyhow::{Context, Result, bail};
use vismem::search::parallel;
use vismem_encode::decode::Limits;
use vismem_encode::{Encoder, EncoderOptions, Model, OnnxRuntimeError, RuntimeChoice};
use vismem_hub::Hub;

use crate::args::{Encoding, PreprocessingName, Runtime, wrong_use};
use crate::models::{self, HubModel};
use crate::output;

/// Loads the encoder that the user named, else the memory's, else the built-in one.
///
/// # Errors
/// When it cannot be loaded, or the memory holds embeddings of another one.
pub fn load(encoding: &Encoding, memory: Option<(&Path, &vismem::EncoderIdentity)>) -> Result<Encoder> {
    if let Some((path, held)) = memory
        && held.hash.is_empty()
    {
        let path = path.display();
        bail!("{path}: holds embeddings of an unknown encoder; use it with embeddings (.npy), not with pictures");
    }
    let model = match (&encoding.encoder, memory) {
        (Some(name), _) => named(name)?,
        (None, Some((path, held))) => held_by(path, held)?,
        (None, None) => Model::builtin(),
    };
    let encoder = load_model(model, encoding)?;
    if let Some((path, held)) = memory
        && !held.same(&identity(&encoder))
    {
        let (path, found) = (path.display(), identity(&encoder));
        if encoding.encoder.is_none() {
            return Err(wrong_use(format!(
                "{path}: holds embeddings of {held}, not of {found}; say where that is with --encoder, and --pool and \
                 --preprocessing as when it was filled"
            )));
        }
        bail!("{path}: holds embeddings of {held}, not of {found}; use that encoder or another memory");
    }
    Ok(encoder)
}

/// Loads a model with the wishes of the user.
pub fn load_model(model: Model, encoding: &Encoding) -> Result<Encoder> {
    let runtime = match encoding.runtime {
        Runtime::Auto => RuntimeChoice::Auto,
        Runtime::Rten => RuntimeChoice::Rten,
        Runtime::Onnxruntime => RuntimeChoice::OnnxRuntime,
    };
    let limits = Limits { max_pixels: u64::from(encoding.max_megapixels) * 1_000_000, ..Limits::default() };
    let model = adjusted(model, encoding)?;
    let threads = Some(parallel::threads());
    let options = EncoderOptions { runtime, device: encoding.device, threads, limits, ..Default::default() };
    let encoder = Encoder::load(model, &options)?;
    if let Some(reason) = encoder.fallback_reason()
        && !matches!(reason, OnnxRuntimeError::NotFound)
    {
        output::note(format_args!("note: ONNX Runtime is not used: {reason}"));
    }
    Ok(encoder)
}

/// The model with another pooling or preprocessing, if the user asks for one.
fn adjusted(mut model: Model, encoding: &Encoding) -> Result<Model> {
    if let Some(pool) = encoding.pool {
        if models::is_builtin(model.name()) {
            return Err(wrong_use(format!("{} has one output, drop --pool", model.name())));
        }
        model = model.with_pool(pool.into());
    }
    if encoding.preprocessing == PreprocessingName::Paper {
        let paper = model.paper_preprocessing().ok_or_else(|| {
            wrong_use(format!("{}: the paper used DINOv2 and CLIP alone; drop --preprocessing", model.name()))
        })?;
        model = model.with_preprocessing(paper);
    }
    Ok(model)
}

/// The model that the user means: the built-in one, a folder, an ONNX file in a folder, a name, a repository.
pub fn named(text: &str) -> Result<Model> {
    if models::is_builtin(text) {
        return Ok(Model::builtin());
    }
    if let Some(spec) = text.strip_prefix("hub:") {
        let model = HubModel::named(spec).map_or_else(|| HubModel::in_repository(spec), Ok).map_err(wrong_use)?;
        return model.model(&Hub::from_environment()).with_context(|| format!("--encoder {text}"));
    }
    let path = Path::new(text);
    if path.is_file() {
        return in_folder_above(path).with_context(|| format!("--encoder {text}"));
    }
    if path.exists() {
        return Model::from_folder(path).with_context(|| format!("--encoder {text}"));
    }
    match HubModel::named(text) {
        Some(model) => model.model(&Hub::from_environment()).with_context(|| format!("--encoder {text}")),
        None => bail!(
            "--encoder {text}: is neither a folder nor a model's name; check that the path is right, `vismem model list` \
             shows the names"
        ),
    }
}

/// An ONNX file, with the JSON files of the folder that it lies in or that is above its `onnx/`.
fn in_folder_above(onnx: &Path) -> Result<Model> {
    let mut folders = onnx.ancestors().skip(1).take(2);
    let folder = folders.find(|folder| folder.join("preprocessor_config.json").is_file());
    let folder = folder.context("there is no preprocessor_config.json in its folder or the one above")?;
    let file = onnx.strip_prefix(folder).unwrap_or(onnx).to_string_lossy();
    Ok(Model::from_folder_with(folder, Some(&file))?)
}

/// The encoder of a memory, if it is at hand without asking anybody.
fn held_by(path: &Path, held: &vismem::EncoderIdentity) -> Result<Model> {
    if models::is_builtin(&held.name) {
        return Ok(Model::builtin());
    }
    let path = path.display();
    let Some(model) = HubModel::read(&held.name) else {
        return Err(wrong_use(format!("{path}: holds embeddings of {held}; say where that is with --encoder FOLDER")));
    };
    let hub = Hub::from_environment();
    match model.cached(&hub) {
        Some(_) => model.model(&hub),
        None => Err(wrong_use(format!(
            "{path}: holds embeddings of {held}, which is not in {}; fetch it with `vismem model pull {}`",
            hub.cache().display(),
            held.name
        ))),
    }
}

/// The encoder's identity, as memories keep it.
pub fn identity(encoder: &Encoder) -> vismem::EncoderIdentity {
    let identity = encoder.identity();
    vismem::EncoderIdentity { name: identity.name.clone(), hash: identity.hash.clone(), dim: identity.dim }
}
