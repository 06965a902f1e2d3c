use std::path::Path;

use vismem_encode::decode::Limits;
use vismem_encode::{BUILTIN_NAME, EncoderOptions, Model, OnnxRuntimeError, PREPROCESSING, Pool, Views};

use crate::{EncoderRequest, Hub, HubModel, LoadError, PreprocessingChoice, Progress, named};

/// The encoder whose embeddings a memory holds.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// The memory, for messages.
    pub memory: &'a Path,
    /// Its encoder.
    pub encoder: &'a vismem::EncoderIdentity,
    /// What pictures are encoded for.
    pub purpose: Purpose,
}

/// What pictures are encoded for, beside a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be its exemplars, or to be compared with what its exemplars are: in the same views.
    Exemplars,
    /// To ask about. A request may say other views than those of its exemplars: embeddings of either can be compared, and
    /// more views of the query alone may already make the answer better.
    Queries,
    /// To be the exemplars of another memory, of the same encoder: a request may say other views.
    AnotherMemory,
}

/// A loaded encoder.
pub struct Loaded {
    /// The encoder.
    pub encoder: vismem_encode::Encoder,
    /// What may surprise whoever asked for it, one line each: that a library which is here cannot be used.
    pub notes: Vec<String>,
}

impl Loaded {
    /// The encoder's identity, as memories keep it.
    pub fn identity(&self) -> vismem::EncoderIdentity {
        identity(&self.encoder)
    }

    fn with_views(self, views: Views) -> Self {
        Self { encoder: self.encoder.with_views(views), ..self }
    }
}

/// An encoder's identity, as memories keep it.
pub fn identity(encoder: &vismem_encode::Encoder) -> vismem::EncoderIdentity {
    let identity = encoder.identity();
    vismem::EncoderIdentity { name: identity.name.clone(), hash: identity.hash.clone(), dim: identity.dim }
}

impl EncoderRequest {
    /// Loads the model that the request names, else the one whose embeddings a memory holds, else the built-in one. Views
    /// that the request leaves open are the memory's, and so are pooling and preprocessing where it says nothing of either.
    ///
    /// A model that is named is fetched from the hub if it is not here. A memory's is not: nobody is asked without being
    /// told to.
    ///
    /// # Errors
    /// When it cannot be loaded, or the memory holds embeddings of another one, or of other views for [`Purpose::Exemplars`].
    pub fn load(&self, hub: &Hub, held: Option<Held<'_>>, progress: Progress<'_>) -> Result<Loaded, LoadError> {
        if let Some(Held { memory, encoder, .. }) = held
            && encoder.hash.is_empty()
        {
            return Err(LoadError::UnknownEncoder { memory: memory.into() });
        }
        let model = match (&self.model, held) {
            (Some(name), _) => find(name, hub, progress)?,
            (None, Some(held)) => held.model(hub)?,
            (None, None) => Model::builtin(),
        };
        let loaded = self.load_model(model.clone())?;
        let Some(held) = held else { return Ok(loaded) };
        let found = loaded.identity();
        let loaded = held.of_its_views(loaded).or_else(|| {
            let others = self.others_meant().filter_map(|other| other.load_model(model.clone()).ok());
            others.filter_map(|other| held.of_its_views(other)).next()
        });
        let loaded = loaded.ok_or_else(|| LoadError::AnotherEncoder {
            memory: held.memory.into(),
            held: Box::new(held.encoder.clone()),
            found: Box::new(found),
            is_named: self.model.is_some(),
        })?;
        match (self.views, loaded.encoder.views(), held.purpose) {
            (Some(asked), views, Purpose::Exemplars) if asked != views => {
                Err(LoadError::OtherViews { memory: held.memory.into(), held: views, asked })
            }
            (asked, views, _) => Ok(loaded.with_views(asked.unwrap_or(views))),
        }
    }

    /// What else may be meant by a request that leaves pooling and preprocessing to the memory: a memory has their hash alone.
    fn others_meant(&self) -> impl Iterator<Item = Self> {
        let says_nothing = self.pool.is_none() && self.preprocessing == PreprocessingChoice::Model;
        let pools = [None].into_iter().chain(Pool::ALL.map(Some));
        let all = pools.flat_map(|pool| {
            [PreprocessingChoice::Model, PreprocessingChoice::Paper].map(|preprocessing| (pool, preprocessing))
        });
        let all = all.filter(move |_| says_nothing).skip(1);
        all.map(|(pool, preprocessing)| Self { pool, preprocessing, ..self.clone() })
    }

    /// Loads a model with what the request asks for besides: everything but [`model`](Self::model).
    ///
    /// # Errors
    /// When the request does not fit the model, or it does not run.
    pub fn load_model(&self, model: Model) -> Result<Loaded, LoadError> {
        let mut limits = Limits::default();
        limits.max_pixels = self.max_pixels.unwrap_or(limits.max_pixels);
        let (runtime, device, threads) = (self.runtime, self.device, self.threads);
        let options = EncoderOptions { runtime, device, limits, threads, ..Default::default() };
        let encoder = vismem_encode::Encoder::load(self.adjusted(model)?, &options)?;
        let encoder = encoder.with_views(self.views.unwrap_or_default());
        // That there is no library is as usual; one that cannot be used is a surprise.
        let reason = encoder.fallback_reason().filter(|reason| !matches!(reason, OnnxRuntimeError::NotFound));
        let notes = reason.map(|reason| format!("ONNX Runtime is not used: {reason}")).into_iter().collect();
        Ok(Loaded { encoder, notes })
    }

    /// The model with another pooling or preprocessing, if the request asks for one.
    fn adjusted(&self, mut model: Model) -> Result<Model, LoadError> {
        if let Some(pool) = self.pool {
            if model.name() == BUILTIN_NAME {
                return Err(LoadError::OneOutput { model: model.name().into() });
            }
            model = model.with_pool(pool);
        }
        if self.preprocessing == PreprocessingChoice::Paper {
            let paper = model.paper_preprocessing();
            let paper = paper.ok_or_else(|| LoadError::NotInThePaper { model: model.name().into() })?;
            model = model.with_preprocessing(paper);
        }
        Ok(model)
    }
}

/// The model that somebody means: the built-in one, a folder, an ONNX file in a folder, a name, a repository.
fn find(text: &str, hub: &Hub, progress: Progress<'_>) -> Result<Model, LoadError> {
    if text == BUILTIN_NAME {
        return Ok(Model::builtin());
    }
    if let Some(spec) = text.strip_prefix("hub:") {
        return HubModel::named(spec).map_or_else(|| HubModel::in_repository(spec), Ok)?.model(hub, progress);
    }
    let path = Path::new(text);
    if path.exists() {
        return of_path(path);
    }
    match HubModel::named(text) {
        Some(model) => model.model(hub, progress),
        None => Err(LoadError::Unknown { model: text.into(), similar: named::similar(text) }),
    }
}

/// A folder, or an ONNX file in one.
fn of_path(path: &Path) -> Result<Model, LoadError> {
    if path.is_file() {
        return in_folder_above(path);
    }
    Ok(Model::from_folder(path)?.with_name(place(path)))
}

/// An ONNX file, with the JSON files of the folder that it lies in or that is above its `onnx/`.
fn in_folder_above(onnx: &Path) -> Result<Model, LoadError> {
    let mut folders = onnx.ancestors().skip(1).take(2);
    let is_described = |folder: &&Path| PREPROCESSING.iter().any(|name| folder.join(name).is_file());
    let folder = folders.find(is_described);
    let folder = folder.ok_or_else(|| vismem_encode::LoadError::NoPreprocessing { place: onnx.into() })?;
    let file = onnx.strip_prefix(folder).unwrap_or(onnx).to_string_lossy();
    Ok(Model::from_folder_with(folder, Some(&file))?.with_name(place(onnx)))
}

/// What a memory remembers of a folder or a file: where it is, whatever the working directory will be.
fn place(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

impl Held<'_> {
    /// A loaded encoder in the views of the memory's exemplars, if it is theirs in any views.
    fn of_its_views(self, mut loaded: Loaded) -> Option<Loaded> {
        for views in Views::ALL {
            loaded = loaded.with_views(views);
            if self.encoder.same(&loaded.identity()) {
                return Some(loaded);
            }
        }
        None
    }

    /// The model by the name that the memory has for it, if it is here.
    fn model(self, hub: &Hub) -> Result<Model, LoadError> {
        if self.encoder.name == BUILTIN_NAME {
            return Ok(Model::builtin());
        }
        let (memory, held) = (self.memory.to_owned(), self.encoder.clone());
        let path = Path::new(&held.name);
        if path.is_absolute() {
            return match path.exists() {
                true => of_path(path),
                false => Err(LoadError::Gone { memory, held }),
            };
        }
        let Some(model) = HubModel::read(&held.name) else {
            return Err(LoadError::Nowhere { memory, held });
        };
        match model.cached(hub) {
            Some(cached) => model.described(&cached),
            None => Err(LoadError::NotHere { memory, held, cache: hub.cache().to_owned() }),
        }
    }
}
