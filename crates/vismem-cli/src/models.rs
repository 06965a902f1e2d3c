//! Models by name: which repository has them.

use std::path::Path;

use anyhow::{Context, Result};
use vismem_encode::{BUILTIN_NAME, Model, ModelFiles};
use vismem_hub::{Hub, Repository, Snapshot};

use crate::progress::Fetching;

/// A model that has a name.
pub struct Named {
    pub name: &'static str,
    /// A repository with an ONNX file of it.
    pub repository: &'static str,
    /// Values in an embedding.
    pub dim: usize,
    /// Who made it, and other names of the same weights: their repository, timm's.
    pub aliases: &'static [&'static str],
}

/// The models that can be named, small before large.
pub const NAMED: [Named; 10] = [
    Named {
        name: "dinov2-small",
        repository: "onnx-community/dinov2-small",
        dim: 384,
        aliases: &["facebook/dinov2-small", "vit_small_patch14_dinov2.lvd142m"],
    },
    Named {
        name: "dinov2-base",
        repository: "onnx-community/dinov2-base",
        dim: 768,
        aliases: &["facebook/dinov2-base", "vit_base_patch14_dinov2.lvd142m"],
    },
    Named {
        name: "dinov2-large",
        repository: "onnx-community/dinov2-large",
        dim: 1024,
        aliases: &["facebook/dinov2-large", "vit_large_patch14_dinov2.lvd142m"],
    },
    Named {
        name: "dinov2-small-registers",
        repository: "onnx-community/dinov2-with-registers-small",
        dim: 384,
        aliases: &["facebook/dinov2-with-registers-small", "vit_small_patch14_reg4_dinov2.lvd142m"],
    },
    Named {
        name: "dinov2-base-registers",
        repository: "onnx-community/dinov2-with-registers-base",
        dim: 768,
        aliases: &["facebook/dinov2-with-registers-base", "vit_base_patch14_reg4_dinov2.lvd142m"],
    },
    Named {
        name: "dinov2-large-registers",
        repository: "onnx-community/dinov2-with-registers-large",
        dim: 1024,
        aliases: &["facebook/dinov2-with-registers-large", "vit_large_patch14_reg4_dinov2.lvd142m"],
    },
    Named {
        name: "clip-b32",
        repository: "Xenova/clip-vit-base-patch32",
        dim: 512,
        aliases: &["openai/clip-vit-base-patch32", "vit_base_patch32_clip_224.openai"],
    },
    Named {
        name: "clip-b16",
        repository: "Xenova/clip-vit-base-patch16",
        dim: 512,
        aliases: &["openai/clip-vit-base-patch16", "vit_base_patch16_clip_224.openai"],
    },
    Named {
        name: "clip-l14",
        repository: "Xenova/clip-vit-large-patch14",
        dim: 768,
        aliases: &["openai/clip-vit-large-patch14", "vit_large_patch14_clip_224.openai"],
    },
    Named {
        name: "siglip2-base",
        repository: "onnx-community/siglip2-base-patch16-224-ONNX",
        dim: 768,
        aliases: &["google/siglip2-base-patch16-224", "vit_base_patch16_siglip_224.v2_webli"],
    },
];

/// A model on the hub: `NAME[:FILE]` or `OWNER/REPO[@REV][:FILE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubModel {
    /// How it is called in memories.
    pub name: String,
    pub repository: Repository,
    /// The ONNX file, or a variant such as `fp16`.
    pub file: Option<String>,
}

impl HubModel {
    /// Reads the name of a model in [`NAMED`].
    pub fn named(text: &str) -> Option<Self> {
        let (name, file) = split(text);
        // On the hub, timm's models lie in repositories of that name.
        let name = name.strip_prefix("timm/").unwrap_or(name);
        let named = NAMED.iter().find(|named| named.name == name || named.aliases.contains(&name))?;
        let repository = named.repository.parse().expect("the table names repositories");
        let name = file.map_or_else(|| named.name.to_owned(), |file| format!("{}:{file}", named.name));
        Some(Self { name, repository, file: file.map(str::to_owned) })
    }

    /// Reads `OWNER/REPO[@REV][:FILE]`.
    pub fn in_repository(text: &str) -> Result<Self, String> {
        let (repository, file) = split(text);
        Ok(Self { name: text.to_owned(), repository: repository.parse()?, file: file.map(str::to_owned) })
    }

    /// Either of them, with or without `hub:` before it.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.strip_prefix("hub:").unwrap_or(text);
        Self::named(text).or_else(|| Self::in_repository(text).ok())
    }

    /// The files of the model that are fetched already, if all are. Asks nobody.
    pub fn cached(&self, hub: &Hub) -> Option<(Snapshot, ModelFiles)> {
        let snapshot = hub.cached(&self.repository)?;
        let names = snapshot.files();
        let files = ModelFiles::choose(&names, self.file.as_deref(), Path::new(&self.name)).ok()?;
        // Others may have fetched a part: weights for other programs, or JSON alone.
        names.iter().any(|name| name == "preprocessor_config.json").then_some((snapshot, files))
    }

    /// Fetches what is not there yet of the model as it is now.
    pub fn pull(&self, hub: &Hub) -> Result<(Snapshot, ModelFiles)> {
        let mut files = None;
        let mut progress = Fetching::default();
        let snapshot = hub.pull(
            &self.repository,
            |names| {
                let chosen = ModelFiles::choose(names, self.file.as_deref(), Path::new(&self.name))?;
                let all = chosen.all.clone();
                files = Some(chosen);
                Ok::<_, anyhow::Error>(all)
            },
            &mut |file, here, total| progress.at(file, here, total),
        )?;
        Ok((snapshot, files.context("no files were chosen")?))
    }

    /// The model, fetched if need be.
    pub fn model(&self, hub: &Hub) -> Result<Model> {
        let (snapshot, files) = match self.cached(hub) {
            Some(cached) => cached,
            None => self.pull(hub)?,
        };
        Ok(Model::from_folder_with(&snapshot.folder, Some(&files.onnx))?.with_name(&self.name))
    }
}

fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((name, file)) if !file.is_empty() => (name, Some(file)),
        _ => (text, None),
    }
}

/// Whether the name means the model that is compiled in.
pub fn is_builtin(text: &str) -> bool {
    text == BUILTIN_NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_named_by_name_alias_or_repository() {
        let read =
            |text: &str| HubModel::read(text).map(|model| (model.name, model.repository.to_string(), model.file));
        let small = |name: &str, file: Option<&str>| {
            Some((name.to_owned(), "onnx-community/dinov2-small".to_owned(), file.map(str::to_owned)))
        };
        assert_eq!(read("dinov2-small"), small("dinov2-small", None));
        assert_eq!(read("dinov2-small:fp16"), small("dinov2-small:fp16", Some("fp16")));
        assert_eq!(read("facebook/dinov2-small"), small("dinov2-small", None));
        assert_eq!(read("vit_small_patch14_dinov2.lvd142m"), small("dinov2-small", None));
        assert_eq!(read("hub:timm/vit_small_patch14_dinov2.lvd142m:int8"), small("dinov2-small:int8", Some("int8")));
        let spec = "me/mine@v2:onnx/x.onnx";
        let own = Some((spec.to_owned(), "me/mine@v2".to_owned(), Some("onnx/x.onnx".to_owned())));
        assert_eq!(read(&format!("hub:{spec}")), own);
        assert_eq!(read("nonsense"), None);
        assert_eq!(read("unknown"), None);
    }

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
}
