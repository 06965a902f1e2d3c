//! Models: those that have names, fetching one, what one is, and loading the encoder that is meant.

use serde::Serialize;
use vismem_encode::{BUILTIN_NAME, Encoder, Views};
use vismem_models::{EncoderRequest, Held, Hub, HubModel, LoadError, Loaded, NAMED};

use crate::{Error, Observer, Result};

/// The models that have names; see `docs/json.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listing {
    /// The folder that fetched models are in.
    pub cache: String,
    /// The models, the built-in one first.
    pub models: Vec<Listed>,
}

/// A model that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its repository; `None` for the built-in one.
    pub repository: Option<String>,
    /// How many values an embedding has.
    pub dim: usize,
    /// Whether it needs no network any more.
    pub here: bool,
    /// Other names of it.
    pub aliases: Vec<String>,
}

/// A model that was fetched; see `docs/json.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pulled {
    /// Its name.
    pub name: String,
    /// Its repository.
    pub repository: String,
    /// The commit of the repository.
    pub commit: String,
    /// The folder that its files are in.
    pub folder: String,
    /// Its files, as paths in that folder.
    pub files: Vec<String>,
    /// How many bytes they have.
    pub bytes: u64,
}

/// What a model is; see `docs/json.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// The hash of everything that makes its embeddings.
    pub hash: String,
    /// How many values an embedding has.
    pub dim: usize,
    /// The ONNX file; `None` for the built-in one.
    pub file: Option<String>,
    /// All that makes its embeddings, in words.
    pub description: String,
    /// The output of the model that is the embedding.
    pub output: String,
    /// How it is pooled.
    pub pooling: String,
    /// Which views of a picture are encoded.
    pub views: Views,
    /// What runs it.
    pub runtime: String,
    /// How pictures are prepared: `name: value`, separated by semicolons.
    #[serde(skip)]
    pub preprocessing: String,
}

/// The models that have names, and which of them are here.
pub fn list(hub: &Hub) -> Listing {
    let builtin = Listed { name: BUILTIN_NAME.into(), repository: None, dim: 1280, here: true, aliases: Vec::new() };
    let named = NAMED.iter().map(|named| Listed {
        name: named.name.into(),
        repository: Some(named.repository.into()),
        dim: named.dim,
        here: HubModel::named(named.name).is_some_and(|model| model.cached(hub).is_some()),
        aliases: named.aliases.iter().map(|&alias| alias.to_owned()).collect(),
    });
    let models = std::iter::once(builtin).chain(named).collect();
    Listing { cache: hub.cache().display().to_string(), models }
}

/// Fetches a model, or what has changed of it: a name, or `OWNER/REPO[@REVISION]`, with `:FILE` or `:VARIANT` behind it for
/// another ONNX file.
///
/// # Errors
/// When there is no such model or it cannot be fetched.
pub fn pull(name: &str, hub: &Hub, observer: &mut dyn Observer) -> Result<Pulled> {
    let mut fetched = || -> std::result::Result<_, LoadError> {
        let model = HubModel::to_fetch(name)?;
        let cached = model.pull(hub, &mut |piece| observer.fetching(piece))?;
        Ok((model, cached))
    };
    // The message names the model.
    let (model, cached) = fetched().map_err(|source| Error::Load { model: None, source: Box::new(source) })?;
    Ok(Pulled {
        name: model.name,
        repository: model.repository.to_string(),
        bytes: cached.bytes(),
        commit: cached.snapshot.commit,
        folder: cached.snapshot.folder.display().to_string(),
        files: cached.files,
    })
}

/// What the model is that the request names, or the built-in one.
///
/// # Errors
/// When it cannot be loaded.
pub fn show(request: &EncoderRequest, hub: &Hub, observer: &mut dyn Observer) -> Result<Shown> {
    let encoder = load_encoder(request, hub, None, observer)?;
    let (identity, head) = (encoder.identity(), encoder.head());
    Ok(Shown {
        name: identity.name.clone(),
        hash: identity.hash.clone(),
        dim: identity.dim,
        file: encoder.model().onnx_path().map(|path| path.display().to_string()),
        description: identity.description.clone(),
        output: head.output.clone(),
        pooling: head.pooling.to_string(),
        views: encoder.views(),
        runtime: encoder.runtime().to_owned(),
        preprocessing: encoder.model().preprocessing().describe(),
    })
}

/// Loads the encoder that the request names, else the one whose embeddings a memory holds, else the built-in one. A model
/// that is named is fetched if it is not here.
///
/// # Errors
/// When it cannot be loaded, or the memory holds embeddings of another one, or of other views where exemplars are encoded.
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
