//! Which output of a model is the embedding.

use serde::{Deserialize, Serialize};

use crate::pooling::Pooling;
use crate::runtime::Port;

/// An output of a model and how to make one vector per picture of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    Choose { model_type: String, leading_tokens: usize, pool: Option<Pool> },
}

/// Which part of a model's output to take, in place of what its family asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pool {
    /// The first token of `last_hidden_state`.
    Cls,
    /// The mean over the other tokens of `last_hidden_state`, registers left out.
    Mean,
    /// `pooler_output`.
    Pooler,
    /// What is compared with texts: `image_embeds` or `image_embeddings`.
    Projected,
}

impl Default for HeadRule {
    fn default() -> Self {
        Self::Choose { model_type: String::new(), leading_tokens: 1, pool: None }
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
        let leading_tokens = 1 + config.num_register_tokens;
        Ok(Self::Choose { model_type: config.model_type, leading_tokens, pool: None })
    }

    /// The rule that takes this part; a head that was named stays.
    pub(crate) fn pooled(self, pool: Pool) -> Self {
        match self {
            Self::Choose { model_type, leading_tokens, .. } => {
                Self::Choose { model_type, leading_tokens, pool: Some(pool) }
            }
            fixed => fixed,
        }
    }

    /// `model_type` of `config.json`; empty where it is not known.
    pub(crate) fn model_type(&self) -> &str {
        match self {
            Self::Fixed(_) => "",
            Self::Choose { model_type, .. } => model_type,
        }
    }

    pub(crate) fn choose(&self, outputs: &[Port]) -> Option<Head> {
        let (model_type, skip, pool) = match self {
            Self::Fixed(head) => return outputs.iter().any(|o| o.name == head.output).then(|| head.clone()),
            Self::Choose { model_type, leading_tokens, pool } => (model_type, *leading_tokens, *pool),
        };
        if let Some(pool) = pool {
            let (names, pooling) = match pool {
                Pool::Cls => (&["last_hidden_state"][..], Pooling::Cls),
                Pool::Mean => (&["last_hidden_state"][..], Pooling::MeanPatches { skip }),
                Pool::Pooler => (&["pooler_output"][..], Pooling::None),
                Pool::Projected => (&["image_embeds", "image_embeddings"][..], Pooling::None),
            };
            let output = names.iter().find(|name| outputs.iter().any(|output| output.name == **name))?;
            return Some(Head { output: (*output).to_owned(), pooling });
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs by name and number of dimensions.
    fn ports(outputs: &[(&str, usize)]) -> Vec<Port> {
        outputs.iter().map(|&(name, rank)| Port { name: name.to_owned(), dims: Some(vec![None; rank]) }).collect()
    }

    fn choose(config: &str, outputs: &[(&str, usize)]) -> Option<Head> {
        HeadRule::from_config(config).unwrap().choose(&ports(outputs))
    }

    fn tokens(pooling: Pooling) -> Option<Head> {
        Some(Head { output: "last_hidden_state".to_owned(), pooling })
    }

    #[test]
    fn clip_and_siglip_give_what_is_compared_with_texts() {
        let outputs = [("last_hidden_state", 3), ("pooler_output", 2), ("image_embeds", 2)];
        for config in [r#"{"model_type": "clip_vision_model"}"#, r#"{"model_type": "siglip"}"#, "{}"] {
            assert_eq!(choose(config, &outputs), Some(Head::vector("image_embeds")), "{config}");
        }
        assert_eq!(choose(r#"{"model_type": "siglip"}"#, &outputs[..2]), Some(Head::vector("pooler_output")));
    }

    #[test]
    fn dinov2_gives_its_first_token_with_and_without_registers() {
        let outputs = [("pooler_output", 2), ("last_hidden_state", 3)];
        for kind in ["dinov2", "dinov2_with_registers", "dinov3_vit", "vit", "deit"] {
            let config = format!(r#"{{"model_type": "{kind}", "num_register_tokens": 4}}"#);
            assert_eq!(choose(&config, &outputs), tokens(Pooling::Cls), "{kind}");
            assert_eq!(choose(&config, &outputs[..1]), Some(Head::vector("pooler_output")), "{kind}");
        }
    }

    #[test]
    fn tokens_of_an_unknown_model_are_averaged_without_the_leading_ones() {
        let outputs = [("last_hidden_state", 3)];
        assert_eq!(choose("{}", &outputs), tokens(Pooling::MeanPatches { skip: 1 }));
        assert_eq!(choose(r#"{"num_register_tokens": 4}"#, &outputs), tokens(Pooling::MeanPatches { skip: 5 }));
    }

    #[test]
    fn an_output_of_any_name_is_known_by_its_shape_if_it_is_the_only_one() {
        assert_eq!(choose("{}", &[("map", 4), ("1234", 2)]), Some(Head::vector("1234")));
        assert_eq!(choose("{}", &[("a", 2), ("b", 2)]), None);
        assert_eq!(choose("{}", &[("map", 4)]), None);
        assert_eq!(HeadRule::default().choose(&[Port { name: "unknown".to_owned(), dims: None }]), None);
    }

    #[test]
    fn a_part_that_was_asked_for_is_taken_or_none() {
        let outputs = ports(&[("last_hidden_state", 3), ("pooler_output", 2)]);
        let rule = HeadRule::from_config(r#"{"model_type": "dinov2", "num_register_tokens": 4}"#).unwrap();
        let pooled = |pool| rule.clone().pooled(pool).choose(&outputs);
        assert_eq!(pooled(Pool::Cls), tokens(Pooling::Cls));
        assert_eq!(pooled(Pool::Mean), tokens(Pooling::MeanPatches { skip: 5 }));
        assert_eq!(pooled(Pool::Pooler), Some(Head::vector("pooler_output")));
        assert_eq!(pooled(Pool::Projected), None);
    }

    #[test]
    fn a_head_that_was_named_is_the_only_one_considered() {
        let rule = HeadRule::Fixed(Head::vector("b"));
        assert_eq!(rule.choose(&ports(&[("image_embeds", 2), ("b", 4)])), Some(Head::vector("b")));
        assert_eq!(rule.choose(&ports(&[("image_embeds", 2)])), None);
    }
}
