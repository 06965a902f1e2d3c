/// A model that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedModel {
    /// The name.
    pub name: &'static str,
    /// A repository with an ONNX file of it.
    pub repository: &'static str,
    /// Values in an embedding.
    pub dim: usize,
    /// Who made it, and other names of the same weights: their repository, timm's.
    pub aliases: &'static [&'static str],
}

/// The models that can be named, small before large.
pub const NAMED: [NamedModel; 10] = [
    NamedModel {
        name: "dinov2-small",
        repository: "onnx-community/dinov2-small",
        dim: 384,
        aliases: &["facebook/dinov2-small", "vit_small_patch14_dinov2.lvd142m"],
    },
    NamedModel {
        name: "dinov2-base",
        repository: "onnx-community/dinov2-base",
        dim: 768,
        aliases: &["facebook/dinov2-base", "vit_base_patch14_dinov2.lvd142m"],
    },
    NamedModel {
        name: "dinov2-large",
        repository: "onnx-community/dinov2-large",
        dim: 1024,
        aliases: &["facebook/dinov2-large", "vit_large_patch14_dinov2.lvd142m"],
    },
    NamedModel {
        name: "dinov2-small-registers",
        repository: "onnx-community/dinov2-with-registers-small",
        dim: 384,
        aliases: &["facebook/dinov2-with-registers-small", "vit_small_patch14_reg4_dinov2.lvd142m"],
    },
    NamedModel {
        name: "dinov2-base-registers",
        repository: "onnx-community/dinov2-with-registers-base",
        dim: 768,
        aliases: &["facebook/dinov2-with-registers-base", "vit_base_patch14_reg4_dinov2.lvd142m"],
    },
    NamedModel {
        name: "dinov2-large-registers",
        repository: "onnx-community/dinov2-with-registers-large",
        dim: 1024,
        aliases: &["facebook/dinov2-with-registers-large", "vit_large_patch14_reg4_dinov2.lvd142m"],
    },
    NamedModel {
        name: "clip-b32",
        repository: "Xenova/clip-vit-base-patch32",
        dim: 512,
        aliases: &["openai/clip-vit-base-patch32", "vit_base_patch32_clip_224.openai"],
    },
    NamedModel {
        name: "clip-b16",
        repository: "Xenova/clip-vit-base-patch16",
        dim: 512,
        aliases: &["openai/clip-vit-base-patch16", "vit_base_patch16_clip_224.openai"],
    },
    NamedModel {
        name: "clip-l14",
        repository: "Xenova/clip-vit-large-patch14",
        dim: 768,
        aliases: &["openai/clip-vit-large-patch14", "vit_large_patch14_clip_224.openai"],
    },
    NamedModel {
        name: "siglip2-base",
        repository: "onnx-community/siglip2-base-patch16-224-ONNX",
        dim: 768,
        aliases: &["google/siglip2-base-patch16-224", "vit_base_patch16_siglip_224.v2_webli"],
    },
];

impl NamedModel {
    /// The model of a name or an alias, also with `timm/` before it: timm's models lie in repositories of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = name.strip_prefix("timm/").unwrap_or(name);
        NAMED.iter().find(|named| named.name == name || named.aliases.contains(&name))
    }
}

/// The name that somebody may have meant who misspelt it, built-in or in [`NAMED`].
pub(crate) fn similar(text: &str) -> Option<&'static str> {
    let name = text.split_once(':').map_or(text, |(name, _)| name);
    vismem::similar(name, NAMED.iter().map(|named| named.name).chain([vismem_encode::BUILTIN_NAME]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Repository;

    #[test]
    fn no_two_models_share_a_name() {
        let mut names: Vec<_> =
            NAMED.iter().flat_map(|named| [named.name].into_iter().chain(named.aliases.iter().copied())).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(NAMED.iter().all(|named| named.repository.parse::<Repository>().is_ok()));
    }

    #[test]
    fn a_misspelt_name_is_recognised() {
        assert_eq!(similar("dinov2-samll"), Some("dinov2-small"));
        assert_eq!(similar("Clip-B32:fp16"), Some("clip-b32"));
        assert_eq!(similar("nowhere"), None);
    }
}
