//! Which output of a model is the embedding.

use serde::Deserialize;

use crate::pooling::Pooling;
use crate::runtime::Port;

/// An output of a model and how to make one vector per picture of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Name of the output in the ONNX file.
    pub output: String,
    /// How to pool it.
    pub pooling: Pooling,
}

impl Head {
    /// An output that is N × D already.
    pub fn vector(output: &str) -> Self {
        Self { output: output.to_owned(), pooling: Pooling::None }
    }
}

/// How to choose the head once the outputs are known.
#[derive(Debug, Clone)]
pub(crate) enum HeadRule {
    Fixed(Head),
    Choose { model_type: String, leading_tokens: usize },
}

impl Default for HeadRule {
    fn default() -> Self {
        Self::Choose { model_type: String::new(), leading_tokens: 1 }
    }
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    model_type: String,
    #[serde(default)]
    num_register_tokens: usize,
}

/// Outputs that are one vector per picture, best first. `image_embeds` is what CLIP and SigLIP compare with texts.
const VECTORS: [&str; 6] =
    ["image_embeds", "image_embeddings", "pooler_output", "embedding", "embeddings", "sentence_embedding"];

/// Model types whose first token is trained to stand for the whole picture.
const CLS_TYPES: [&str; 4] = ["dinov2", "dinov3", "vit", "deit"];

impl HeadRule {
    /// The rule for a Hugging Face `config.json`.
    pub(crate) fn from_config(json: &str) -> serde_json::Result<Self> {
        let config: Config = serde_json::from_str(json)?;
        Ok(Self::Choose { model_type: config.model_type, leading_tokens: 1 + config.num_register_tokens })
    }

    pub(crate) fn choose(&self, outputs: &[Port]) -> Option<Head> {
        let (model_type, skip) = match self {
            Self::Fixed(head) => return outputs.iter().any(|o| o.name == head.output).then(|| head.clone()),
            Self::Choose { model_type, leading_tokens } => (model_type, *leading_tokens),
        };
        let cls = CLS_TYPES.iter().any(|prefix| model_type.starts_with(prefix));
        let tokens = || {
            let output = outputs.iter().find(|o| o.name == "last_hidden_state")?;
            let pooling = if cls { Pooling::Cls } else { Pooling::MeanPatches { skip } };
            Some(Head { output: output.name.clone(), pooling })
        };
        let named = || VECTORS.iter().find(|name| outputs.iter().any(|o| o.name == **name)).map(|n| Head::vector(n));
        // With any other name: one vector per picture is recognised by its shape, if only one output has it.
        let by_shape = || {
            let mut flat = outputs.iter().filter(|o| o.dims.as_ref().is_some_and(|dims| dims.len() == 2));
            flat.next().filter(|_| flat.next().is_none()).map(|o| Head::vector(&o.name))
        };
        // DINOv2's features are the CLS token; the pooler of some ViTs is untrained.
        if cls { tokens().or_else(named) } else { named().or_else(by_shape).or_else(tokens) }.or_else(by_shape)
    }
}
