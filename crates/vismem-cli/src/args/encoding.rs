//! Which encoder, and how it runs.

use clap::{Args as ClapArgs, ValueEnum};
use vismem_encode::{Device, Pool, Views};

#[derive(Debug, Clone, ClapArgs)]
pub struct Encoding {
    /// The encoder: a name (`vismem model list`), a folder with config.json, preprocessor_config.json and ONNX file, an
    /// ONNX file in one, or a repository of the Hugging Face hub as hub:OWNER/REPO[@REVISION]. Behind a name or a
    /// repository, :FILE or :VARIANT chooses the ONNX file, as dinov2-small:fp16
    /// [default: the memory's, for a new memory efficientnet-lite0]
    #[arg(long, value_name = "NAME|PATH|hub:REPO")]
    pub encoder: Option<String>,
    /// The part of the model's output that is the embedding [default: what its family was trained for]
    #[arg(long, value_enum)]
    pub pool: Option<PoolName>,
    /// How pictures are prepared: as the model's own files say, or as the paper's authors did for DINOv2 and CLIP
    #[arg(long, value_enum, default_value_t = PreprocessingName::Model)]
    pub preprocessing: PreprocessingName,
    /// The views of a picture that are encoded. Exemplars are encoded as the memory's are; queries may be in other views
    /// [default: the memory's, for a new memory one]
    #[arg(long, value_enum)]
    pub views: Option<ViewsName>,
    /// What computes: cpu, cuda, cuda:1, tensorrt, coreml; all but cpu need an ONNX Runtime that is built for them
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: Device,
    /// What runs the encoder: auto takes ONNX Runtime where its library is found, else rten
    #[arg(long, value_enum, default_value_t = Runtime::Auto)]
    pub runtime: Runtime,
    /// Refuse pictures with more pixels than this, in millions
    #[arg(long, value_name = "MILLIONS", default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_megapixels: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PoolName {
    /// The first token
    Cls,
    /// The mean of the patches
    Mean,
    /// The model's pooler
    Pooler,
    /// What is compared with texts
    Projected,
}

impl From<PoolName> for Pool {
    fn from(name: PoolName) -> Self {
        match name {
            PoolName::Cls => Self::Cls,
            PoolName::Mean => Self::Mean,
            PoolName::Pooler => Self::Pooler,
            PoolName::Projected => Self::Projected,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ViewsName {
    /// The picture
    One,
    /// The picture and its mirror image, left and right exchanged: the mean of both embeddings, in twice the time
    Flip,
}

impl From<ViewsName> for Views {
    fn from(name: ViewsName) -> Self {
        match name {
            ViewsName::One => Self::One,
            ViewsName::Flip => Self::Flip,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PreprocessingName {
    Model,
    Paper,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Runtime {
    Auto,
    Rten,
    Onnxruntime,
}
