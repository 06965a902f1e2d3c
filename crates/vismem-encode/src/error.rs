//! The errors of this crate. Every message says which file or setting is at fault and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::decode::DecodeError;

/// Why an encoder could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file of the model could not be read.
    #[error("{}: cannot read: {source}; check that the path is right and readable", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A JSON file of the model is not valid JSON, or has a value of the wrong type.
    #[error("{}: {source}; download the file again", path.display())]
    Json {
        /// The JSON file.
        path: PathBuf,
        /// Where and what.
        source: serde_json::Error,
    },
    /// The preprocessing asks for something that is missing or that this crate does not do.
    #[error("{}: {source}", path.display())]
    Preprocessing {
        /// The `preprocessor_config.json`.
        path: PathBuf,
        /// What is wrong with it.
        source: crate::preprocess::ConfigError,
    },
    /// Nothing says how pictures are prepared for the model.
    #[error("{}: has no preprocessor_config.json, so that nothing says how pictures are prepared for it", place.display())]
    NoPreprocessing {
        /// The model's folder, file or repository.
        place: PathBuf,
    },
    /// The folder holds no ONNX file that could be the model, or several and none with a known name.
    #[error(
        "{}: expected onnx/vision_model.onnx, onnx/model.onnx, or exactly one .onnx file there or at the top, found {found}; \
         export the model to ONNX or rename the one to use to onnx/model.onnx",
        folder.display()
    )]
    NoOnnx {
        /// The model's folder.
        folder: PathBuf,
        /// How many candidates there are.
        found: usize,
    },
    /// There is no such ONNX file.
    #[error("{}: has no ONNX file {wanted}; it has {}", place.display(), if known.is_empty() { "none".into() } else { known.join(", ") })]
    NoSuchOnnx {
        /// The model's folder or repository.
        place: PathBuf,
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The ONNX file is damaged, asks for more than any model needs, or names weights outside of its folder.
    #[error("{}: {reason}; download or export the model again", path.display())]
    Onnx {
        /// The ONNX file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of weights that the ONNX file names is not there.
    #[error("{}: cannot read these weights, which the ONNX file names: {source}; put the file where it is looked for", path.display())]
    Weights {
        /// The file of weights.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The mean over the patches was meant, and which tokens are patches cannot be known.
    #[error(
        "model {model}: gives {tokens} tokens for {height} x {width} pixels, and which of them are patches cannot be known; \
         give `patch_size` in its config.json, or choose another pooling"
    )]
    UnclearTokens {
        /// The model's name.
        model: String,
        /// How many tokens there are.
        tokens: usize,
        /// Height of the model's input.
        height: usize,
        /// Width of the model's input.
        width: usize,
    },
    /// The first token was asked for, of a model whose first token is a patch.
    #[error("model {model}: has no token that stands for the whole picture; choose another pooling")]
    NoClassToken {
        /// The model's name.
        model: String,
    },
    /// No output of the ONNX file looks like an embedding.
    #[error(
        "model {model}: none of its outputs can serve as an embedding ({outputs}); choose another pooling, or name an output with Model::with_head"
    )]
    NoEmbedding {
        /// The model's name.
        model: String,
        /// The outputs it has.
        outputs: String,
    },
    /// The ONNX file wants something other than one batch of RGB pictures of the size the preprocessing makes.
    #[error("model {model}: {reason}")]
    Input {
        /// The model's name.
        model: String,
        /// What does not fit, and the remedy.
        reason: String,
    },
    /// The runtime refused the ONNX file, or the first run failed.
    #[error("model {model}: {runtime} cannot run it: {reason}; try the other runtime, or export the model again")]
    Run {
        /// The model's name.
        model: String,
        /// The runtime.
        runtime: &'static str,
        /// What the runtime said.
        reason: String,
    },
    /// ONNX Runtime was asked for and cannot be used.
    #[error(transparent)]
    OnnxRuntime(#[from] crate::runtime::OnnxRuntimeError),
}

/// Why one image has no embedding. The others are not affected.
#[derive(Debug)]
pub struct EncodeError {
    path: Option<PathBuf>,
    kind: EncodeErrorKind,
}

/// The cause in an [`EncodeError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// The file could not be read.
    #[error("cannot read: {0}")]
    Read(#[from] io::Error),
    /// The path is a folder, a pipe or a device.
    #[error("not a regular file; give the path of an image file")]
    NotAFile,
    /// The file is larger than [`Limits::max_file_bytes`](crate::decode::Limits::max_file_bytes).
    #[error(
        "{bytes} bytes are more than the limit of {limit} for one image file; raise the limit if this is a real picture"
    )]
    TooManyBytes {
        /// Size of the file.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The archive or table that should hold it could not be read there; the reason.
    #[error("{0}")]
    Missing(String),
    /// The bytes are not an image that can be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The runtime failed on this image.
    #[error("the encoder failed: {0}")]
    Run(String),
    /// The model's output has NaN or infinity in it, or is all zeros, so it has no direction.
    #[error("the encoder's output is not finite or has length zero; the model file may be damaged")]
    NotFinite,
    /// The embeddings of the picture and of its mirror image are opposite, so that their mean has no direction.
    #[error("the embeddings of the picture and of its mirror image are opposite, so that they have no mean")]
    Opposite,
    /// A bug: code panicked while it handled this image. The run goes on.
    #[error("internal error, please report it: {0}")]
    Panicked(String),
}

impl EncodeError {
    /// The image file, when the image came from one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The cause.
    pub fn kind(&self) -> &EncodeErrorKind {
        &self.kind
    }

    pub(crate) fn at(path: &Path, kind: impl Into<EncodeErrorKind>) -> Self {
        Self { path: Some(path.to_owned()), kind: kind.into() }
    }
}

impl From<EncodeErrorKind> for EncodeError {
    fn from(kind: EncodeErrorKind) -> Self {
        Self { path: None, kind }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}: {}", path.display(), self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl std::error::Error for EncodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}
