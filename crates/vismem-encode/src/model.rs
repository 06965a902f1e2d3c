//! A model: an ONNX file, the preprocessing of its input, and which of its outputs is the embedding.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::LoadError;
use crate::head::{Head, HeadRule, Pool};
use crate::model_files::{ModelFiles, PREPROCESSING};
use crate::preprocess::{Channels, Filter, Preprocessing, Resize, ResizeTo, Rounding};

/// Name of the built-in model.
pub const BUILTIN_NAME: &str = "efficientnet-lite0";

pub(crate) static BUILTIN: &[u8] = include_bytes!("../../../models/efficientnet-lite0-w8.onnx");

/// A model that is described but not loaded; an [`Encoder`](crate::Encoder) loads it.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) preprocessing: Preprocessing,
    pub(crate) head: HeadRule,
}

#[derive(Debug, Clone)]
pub(crate) enum Source {
    Builtin,
    File(PathBuf),
}

impl Model {
    /// EfficientNet-Lite0 (Tan & Le 2019; ImageNet weights by Google, Apache-2.0) with weights in 8 bits: compiled in,
    /// 224 × 224 pixels in, 1,280 numbers out.
    pub fn builtin() -> Self {
        Self {
            name: BUILTIN_NAME.to_owned(),
            source: Source::Builtin,
            preprocessing: Preprocessing {
                resize: Some(Resize {
                    size: ResizeTo::ShortestEdge { length: 256, rounding: Rounding::Nearest },
                    filter: Filter::Bicubic,
                    antialias: true,
                }),
                crop: Some([224, 224]),
                rescale: 1.0,
                mean: [127.0; 3],
                std: [128.0; 3],
                channels: Channels::Rgb,
            },
            head: HeadRule::Fixed(Head::vector("embedding")),
        }
    }

    /// Reads a model folder in the layout of the Hugging Face hub: `preprocessor_config.json`, `config.json` (optional)
    /// and the ONNX file, see [`ModelFiles::choose`]. Its name is the folder's; see [`with_name`](Self::with_name).
    ///
    /// # Errors
    /// [`LoadError`], when a file is missing or asks for something that is not done here.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self, LoadError> {
        Self::from_folder_with(folder, None)
    }

    /// As [`from_folder`](Self::from_folder), with the ONNX file that [`ModelFiles::choose`] takes for `wanted`.
    ///
    /// # Errors
    /// As [`from_folder`](Self::from_folder).
    pub fn from_folder_with(folder: impl AsRef<Path>, wanted: Option<&str>) -> Result<Self, LoadError> {
        let folder = folder.as_ref();
        let (preprocessing, head) = described_by(folder)?;
        let name = folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        let name = name.unwrap_or_else(|| folder.display().to_string());
        let onnx = ModelFiles::choose(&files_of(folder)?, wanted, folder)?.onnx;
        Ok(Self { name, source: Source::File(folder.join(onnx)), preprocessing, head })
    }

    /// Whether the JSON files of a folder describe a model that can be used. The ONNX file need not be there yet.
    ///
    /// # Errors
    /// As [`from_folder`](Self::from_folder).
    pub fn check_description(folder: impl AsRef<Path>) -> Result<(), LoadError> {
        described_by(folder.as_ref()).map(drop)
    }

    /// A model from an ONNX file and a preprocessing of one's own. The output is chosen as for a folder without
    /// `config.json`; see [`with_head`](Self::with_head).
    pub fn from_onnx(path: impl Into<PathBuf>, preprocessing: Preprocessing) -> Self {
        let path = path.into();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self { name, source: Source::File(path), preprocessing, head: HeadRule::default() }
    }

    /// Gives the model another name. The name is for people and not part of the identity's hash.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Takes another preprocessing.
    pub fn with_preprocessing(mut self, preprocessing: Preprocessing) -> Self {
        self.preprocessing = preprocessing;
        self
    }

    /// Names the output that is the embedding, and how to pool it.
    pub fn with_head(mut self, head: Head) -> Self {
        self.head = HeadRule::Fixed(head);
        self
    }

    /// Takes another part of the model's output than its family asks for.
    pub fn with_pool(mut self, pool: Pool) -> Self {
        self.head = self.head.pooled(pool);
        self
    }

    /// The paper's preprocessing for the model's family, see [`Preprocessing::paper`]; `None` for another family.
    pub fn paper_preprocessing(&self) -> Option<Preprocessing> {
        Preprocessing::paper(self.head.model_type())
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How pictures become the model's input.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// The ONNX file, or `None` for the built-in model.
    pub fn onnx_path(&self) -> Option<&Path> {
        match &self.source {
            Source::Builtin => None,
            Source::File(path) => Some(path),
        }
    }
}

/// What the JSON files of a folder say.
fn described_by(folder: &Path) -> Result<(Preprocessing, HeadRule), LoadError> {
    let path = folder.join("config.json");
    let head = match read(&path) {
        Ok(json) => HeadRule::from_config(&json).map_err(|source| LoadError::Json { path, source })?,
        Err(LoadError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => HeadRule::default(),
        Err(error) => return Err(error),
    };
    Ok((preprocessing_of(folder, head.model_type())?, head))
}

/// What the first of [`PREPROCESSING`] in the folder says.
fn preprocessing_of(folder: &Path, model_type: &str) -> Result<Preprocessing, LoadError> {
    for name in PREPROCESSING {
        let path = folder.join(name);
        match read(&path) {
            Ok(json) => {
                return Preprocessing::from_hugging_face(&json, model_type)
                    .map_err(|source| LoadError::Preprocessing { path, source });
            }
            Err(LoadError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(LoadError::NoPreprocessing { place: folder.to_owned() })
}

fn read(path: &Path) -> Result<String, LoadError> {
    fs::read_to_string(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })
}

/// The files at the top of a model's folder and in its `onnx/`, by their paths in it.
fn files_of(folder: &Path) -> Result<Vec<String>, LoadError> {
    let mut names = Vec::new();
    for prefix in ["", "onnx/"] {
        let place = folder.join(prefix);
        let entries = match fs::read_dir(&place) {
            Ok(entries) => entries,
            Err(source) if source.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(LoadError::Read { path: place, source }),
        };
        let files = entries.flatten().filter(|entry| entry.path().is_file());
        names.extend(files.map(|entry| format!("{prefix}{}", entry.file_name().to_string_lossy())));
    }
    names.sort();
    Ok(names)
}
