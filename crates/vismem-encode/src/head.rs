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
    Choose { family: Family, pool: Option<Pool> },
}

/// What `config.json` says of a model of pictures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Family {
    /// `model_type`; empty where it is not known.
    model_type: String,
    /// Height and width of a patch.
    patch: Option<[usize; 2]>,
    /// How many tokens come before the patches, as far as the type tells.
    leading: Option<usize>,
}

/// An output, and what of it is the embedding: all, the first token, or the mean of the patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chosen {
    Head(Head),
    Cls(String),
    Patches(String),
}

/// Why a pooling cannot be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// Which of so many tokens are patches cannot be known.
    Patches(usize),
    /// There is no class token.
    Cls,
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

impl Pool {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cls, Self::Mean, Self::Pooler, Self::Projected];
}

impl Default for HeadRule {
    fn default() -> Self {
        Self::Choose { family: Family::default(), pool: None }
    }
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    model_type: String,
    num_register_tokens: Option<usize>,
    patch_size: Option<PatchSize>,
    /// Of a model of pictures and texts, the part for pictures.
    vision_config: Option<Box<Config>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PatchSize {
    Side(usize),
    Sides([usize; 2]),
    /// One for each stage of a model that merges patches.
    Other(serde::de::IgnoredAny),
}

/// Types without a token that stands for the whole picture.
const WITHOUT_CLASS_TOKEN: [&str; 12] = [
    "swin",
    "swinv2",
    "donut-swin",
    "focalnet",
    "siglip",
    "siglip2",
    "ijepa",
    "hiera",
    "levit",
    "segformer",
    "pvt_v2",
    "poolformer",
];

/// Types with such a token alone before the patches.
const WITH_CLASS_TOKEN: [&str; 11] = [
    "vit",
    "vit_msn",
    "vit-hybrid",
    "dinov2",
    "beit",
    "data2vec-vision",
    "clip",
    "chinese_clip",
    "metaclip_2",
    "blip",
    "altclip",
];

impl Family {
    fn new(config: Config) -> Self {
        let Config { model_type, num_register_tokens, patch_size, vision_config } = config;
        let outer = Self::of_part(model_type, num_register_tokens, patch_size);
        match vision_config {
            Some(part) => {
                let part = Self::new(*part);
                let model_type = if part.model_type.is_empty() { outer.model_type } else { part.model_type };
                Self { model_type, patch: part.patch.or(outer.patch), leading: part.leading.or(outer.leading) }
            }
            None => outer,
        }
    }

    fn of_part(model_type: String, registers: Option<usize>, patch: Option<PatchSize>) -> Self {
        let base = model_type.strip_suffix("_vision_model").unwrap_or(&model_type);
        let leading = match base {
            base if WITHOUT_CLASS_TOKEN.contains(&base) => Some(0),
            base if WITH_CLASS_TOKEN.contains(&base) => Some(1 + registers.unwrap_or(0)),
            // One for the whole picture, one that learnt from a teacher.
            "deit" => Some(2),
            "dinov2_with_registers" | "dinov3_vit" => Some(1 + registers.unwrap_or(4)),
            _ => registers.map(|registers| 1 + registers),
        };
        let patch = match patch {
            Some(PatchSize::Side(side)) => Some([side, side]),
            Some(PatchSize::Sides(sides)) => Some(sides),
            _ => None,
        };
        Self { model_type, patch: patch.filter(|sides| !sides.contains(&0)), leading }
    }

    /// How many of the `tokens` for a picture of this height and width come before its patches. `None`: that cannot be known.
    fn leading_of(&self, tokens: usize, input: [usize; 2]) -> Option<usize> {
        if let Some(counted) = self.beside_patches(tokens, input) {
            return Some(counted);
        }
        let only = beside_a_grid(tokens, input);
        match self.leading {
            Some(leading) if leading >= tokens || only.is_some_and(|only| only != leading) => None,
            Some(leading) => Some(leading),
            None => only,
        }
    }

    /// Whether the first of the `tokens` is a patch, by the type or by their number.
    fn begins_with_a_patch(&self, tokens: usize, input: [usize; 2]) -> bool {
        let counted = self.beside_patches(tokens, input).or_else(|| beside_a_grid(tokens, input));
        self.leading == Some(0) || counted == Some(0)
    }

    /// By the size of a patch. `None` where it is not known, or patches are merged.
    fn beside_patches(&self, tokens: usize, [height, width]: [usize; 2]) -> Option<usize> {
        let patches = self.patch.map(|[h, w]| (height / h) * (width / w)).filter(|&patches| patches > 0)?;
        tokens.checked_sub(patches).filter(|&leading| leading <= MOST_LEADING)
    }
}

/// By what leaves a grid of square patches, where one number alone does.
fn beside_a_grid(tokens: usize, [height, width]: [usize; 2]) -> Option<usize> {
    let is_grid = |count: usize| (1..=height.min(width)).any(|side| (height / side) * (width / side) == count);
    let mut fitting = LEADING.into_iter().filter(|&leading| leading < tokens && is_grid(tokens - leading));
    fitting.next().filter(|_| fitting.next().is_none())
}

/// More tokens than any model has before its patches.
const MOST_LEADING: usize = 16;

/// How many tokens come before the patches in models of any family: none, one for the whole picture, one more that learnt from
/// a teacher, or four registers.
const LEADING: [usize; 4] = [0, 1, 2, 5];

/// Outputs that are one vector per picture, best first. `image_embeds` is what CLIP and SigLIP compare with texts.
const VECTORS: [&str; 6] =
    ["image_embeds", "image_embeddings", "pooler_output", "embedding", "embeddings", "sentence_embedding"];

/// The output with a vector for each token.
const TOKENS: &str = "last_hidden_state";

/// Model types whose first token is trained to stand for the whole picture.
const CLS_TYPES: [&str; 4] = ["dinov2", "dinov3", "vit", "deit"];

impl HeadRule {
    /// The rule for a Hugging Face `config.json`.
    pub(crate) fn from_config(json: &str) -> serde_json::Result<Self> {
        Ok(Self::Choose { family: Family::new(serde_json::from_str(json)?), pool: None })
    }

    /// The rule that takes this part; a head that was named stays.
    pub(crate) fn pooled(self, pool: Pool) -> Self {
        match self {
            Self::Choose { family, .. } => Self::Choose { family, pool: Some(pool) },
            fixed => fixed,
        }
    }

    /// `model_type` of `config.json`; empty where it is not known.
    pub(crate) fn model_type(&self) -> &str {
        match self {
            Self::Fixed(_) => "",
            Self::Choose { family, .. } => &family.model_type,
        }
    }

    pub(crate) fn choose(&self, outputs: &[Port]) -> Option<Chosen> {
        let is_there = |name: &str| outputs.iter().any(|output| output.name == name);
        let (family, pool) = match self {
            Self::Fixed(head) => return is_there(&head.output).then(|| Chosen::Head(head.clone())),
            Self::Choose { family, pool } => (family, *pool),
        };
        let tokens = || is_there(TOKENS).then(|| TOKENS.to_owned());
        let vector =
            |names: &[&str]| names.iter().find(|name| is_there(name)).map(|name| Chosen::Head(Head::vector(name)));
        if let Some(pool) = pool {
            return match pool {
                Pool::Cls => tokens().map(Chosen::Cls),
                Pool::Mean => tokens().map(Chosen::Patches),
                Pool::Pooler => vector(&["pooler_output"]),
                Pool::Projected => vector(&["image_embeds", "image_embeddings"]),
            };
        }
        let named = || vector(&VECTORS);
        // With any other name: one vector per picture is recognised by its shape, if only one output has it.
        let by_shape = || {
            let mut flat = outputs.iter().filter(|o| o.dims.as_ref().is_some_and(|dims| dims.len() == 2));
            flat.next().filter(|_| flat.next().is_none()).map(|o| Chosen::Head(Head::vector(&o.name)))
        };
        // DINOv2's features are the CLS token; the pooler of some ViTs is untrained.
        let chosen = match CLS_TYPES.iter().any(|prefix| family.model_type.starts_with(prefix)) {
            true => tokens().map(Chosen::Cls).or_else(named),
            false => named().or_else(by_shape).or_else(|| tokens().map(Chosen::Patches)),
        };
        chosen.or_else(by_shape)
    }

    /// The head, once the shape of the output is known for a picture of this height and width.
    pub(crate) fn settle(&self, chosen: &Chosen, shape: &[usize], input: [usize; 2]) -> Result<Head, Unclear> {
        let family = match self {
            Self::Choose { family, .. } => family,
            Self::Fixed(_) => &Family::default(),
        };
        // Of another number of axes nothing can be said; pooling it will fail, with the shape.
        let tokens = if let [_, tokens, _] = *shape { Some(tokens) } else { None };
        let head = |output: &str, pooling| Ok(Head { output: output.to_owned(), pooling });
        match chosen {
            Chosen::Head(head) => Ok(head.clone()),
            Chosen::Cls(_) if tokens.is_some_and(|tokens| family.begins_with_a_patch(tokens, input)) => {
                Err(Unclear::Cls)
            }
            Chosen::Cls(output) => head(output, Pooling::Cls),
            Chosen::Patches(output) => match tokens {
                Some(tokens) => {
                    let skip = family.leading_of(tokens, input).ok_or(Unclear::Patches(tokens))?;
                    head(output, Pooling::MeanPatches { skip })
                }
                None => head(output, Pooling::MeanPatches { skip: 0 }),
            },
        }
    }
}

impl Chosen {
    /// The name of the output.
    pub(crate) fn output(&self) -> &str {
        match self {
            Self::Head(head) => &head.output,
            Self::Cls(output) | Self::Patches(output) => output,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs by name and number of dimensions.
    fn ports(outputs: &[(&str, usize)]) -> Vec<Port> {
        outputs.iter().map(|&(name, rank)| Port { name: name.to_owned(), dims: Some(vec![None; rank]) }).collect()
    }

    fn choose(config: &str, outputs: &[(&str, usize)]) -> Option<Chosen> {
        HeadRule::from_config(config).unwrap().choose(&ports(outputs))
    }

    fn vector(name: &str) -> Option<Chosen> {
        Some(Chosen::Head(Head::vector(name)))
    }

    fn cls() -> Option<Chosen> {
        Some(Chosen::Cls(TOKENS.to_owned()))
    }

    fn patches() -> Option<Chosen> {
        Some(Chosen::Patches(TOKENS.to_owned()))
    }

    #[test]
    fn clip_and_siglip_give_what_is_compared_with_texts() {
        let outputs = [("last_hidden_state", 3), ("pooler_output", 2), ("image_embeds", 2)];
        for config in [r#"{"model_type": "clip_vision_model"}"#, r#"{"model_type": "siglip"}"#, "{}"] {
            assert_eq!(choose(config, &outputs), vector("image_embeds"), "{config}");
        }
        assert_eq!(choose(r#"{"model_type": "siglip"}"#, &outputs[..2]), vector("pooler_output"));
    }

    #[test]
    fn dinov2_gives_its_first_token_with_and_without_registers() {
        let outputs = [("pooler_output", 2), ("last_hidden_state", 3)];
        for kind in ["dinov2", "dinov2_with_registers", "dinov3_vit", "vit", "deit"] {
            let config = format!(r#"{{"model_type": "{kind}", "num_register_tokens": 4}}"#);
            assert_eq!(choose(&config, &outputs), cls(), "{kind}");
            assert_eq!(choose(&config, &outputs[..1]), vector("pooler_output"), "{kind}");
        }
    }

    /// How many of the tokens of a square picture are left out of the mean.
    fn skipped(config: &str, tokens: usize, side: usize) -> Result<usize, Unclear> {
        let rule = HeadRule::from_config(config).unwrap();
        match rule.settle(&patches().unwrap(), &[1, tokens, 8], [side; 2])?.pooling {
            Pooling::MeanPatches { skip } => Ok(skip),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn tokens_that_are_not_patches_are_counted() {
        // By the size of a patch, also of the part for pictures.
        assert_eq!(skipped(r#"{"patch_size": 14}"#, 256, 224), Ok(0));
        assert_eq!(skipped(r#"{"patch_size": [16, 16]}"#, 197, 224), Ok(1));
        assert_eq!(skipped(r#"{"vision_config": {"patch_size": 16}}"#, 201, 224), Ok(5));
        assert_eq!(skipped(r#"{"patch_size": 14}"#, 729, 384), Ok(0));
        assert_eq!(skipped(r#"{"model_type": "vit", "patch_size": 16}"#, 204, 224), Ok(8));
        // By what fits a grid and nothing else.
        assert_eq!(skipped("{}", 16, 32), Ok(0));
        assert_eq!(skipped("{}", 257, 224), Ok(1));
        assert_eq!(skipped("{}", 198, 224), Ok(2));
        assert_eq!(skipped("{}", 261, 224), Ok(5));
        assert_eq!(skipped("{}", 729, 384), Ok(0));
        // By the type, where patches are merged.
        assert_eq!(skipped(r#"{"model_type": "swin", "patch_size": 4}"#, 49, 224), Ok(0));
        assert_eq!(skipped(r#"{"model_type": "siglip", "vision_config": {}}"#, 196, 224), Ok(0));
        assert_eq!(skipped(r#"{"vision_config": {"model_type": "siglip_vision_model"}}"#, 9, 6), Ok(0));
        assert_eq!(skipped(r#"{"model_type": "deit"}"#, 198, 224), Ok(2));
        assert_eq!(skipped(r#"{"model_type": "dinov2_with_registers"}"#, 261, 224), Ok(5));
        assert_eq!(skipped(r#"{"num_register_tokens": 7}"#, 204, 224), Ok(8));
    }

    #[test]
    fn tokens_of_which_nobody_knows_what_they_are_are_not_averaged() {
        // Two grids fit: nine patches, or four and five others.
        assert_eq!(skipped("{}", 9, 224), Err(Unclear::Patches(9)));
        assert_eq!(skipped("{}", 203, 224), Err(Unclear::Patches(203)));
        // The type says something that the number of tokens contradicts.
        assert_eq!(skipped(r#"{"model_type": "vit"}"#, 196, 224), Err(Unclear::Patches(196)));
        assert_eq!(skipped(r#"{"model_type": "deit"}"#, 2, 224), Err(Unclear::Patches(2)));
    }

    #[test]
    fn a_first_token_that_is_a_patch_is_not_taken_for_the_picture() {
        let of = |config: &str, tokens| {
            let rule = HeadRule::from_config(config).unwrap().pooled(Pool::Cls);
            rule.settle(&cls().unwrap(), &[1, tokens, 8], [224; 2]).map(|head| head.pooling)
        };
        assert_eq!(of(r#"{"model_type": "swin"}"#, 49), Err(Unclear::Cls));
        assert_eq!(of(r#"{"patch_size": 16}"#, 196), Err(Unclear::Cls));
        assert_eq!(of(r#"{"model_type": "vit"}"#, 196), Err(Unclear::Cls));
        assert_eq!(of("{}", 49), Err(Unclear::Cls));
        for (config, tokens) in [("{}", 197), (r#"{"model_type": "dinov2", "patch_size": 14}"#, 257), ("{}", 203)] {
            assert_eq!(of(config, tokens), Ok(Pooling::Cls), "{config}");
        }
    }

    #[test]
    fn an_output_of_any_name_is_known_by_its_shape_if_it_is_the_only_one() {
        assert_eq!(choose("{}", &[("map", 4), ("1234", 2)]), vector("1234"));
        assert_eq!(choose("{}", &[("last_hidden_state", 3)]), patches());
        assert_eq!(choose("{}", &[("a", 2), ("b", 2)]), None);
        assert_eq!(choose("{}", &[("map", 4)]), None);
        assert_eq!(HeadRule::default().choose(&[Port { name: "unknown".to_owned(), dims: None }]), None);
    }

    #[test]
    fn a_part_that_was_asked_for_is_taken_or_none() {
        let outputs = ports(&[("last_hidden_state", 3), ("pooler_output", 2)]);
        let rule = HeadRule::from_config(r#"{"model_type": "dinov2"}"#).unwrap();
        let pooled = |pool| rule.clone().pooled(pool).choose(&outputs);
        assert_eq!(pooled(Pool::Cls), cls());
        assert_eq!(pooled(Pool::Mean), patches());
        assert_eq!(pooled(Pool::Pooler), vector("pooler_output"));
        assert_eq!(pooled(Pool::Projected), None);
    }

    #[test]
    fn a_head_that_was_named_is_the_only_one_considered() {
        let rule = HeadRule::Fixed(Head::vector("b"));
        assert_eq!(rule.choose(&ports(&[("image_embeds", 2), ("b", 4)])), vector("b"));
        assert_eq!(rule.choose(&ports(&[("image_embeds", 2)])), None);
    }
}
