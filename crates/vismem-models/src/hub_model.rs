use std::path::Path;
use std::{fs, io};

use vismem_encode::{BUILTIN_NAME, Model, ModelFiles};

use crate::{Hub, LoadError, NamedModel, NotARepository, Progress, Repository, Snapshot, named};

/// A model on the hub: `NAME[:FILE]` or `OWNER/REPO[@REV][:FILE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubModel {
    /// How it is called in memories.
    pub name: String,
    /// Where its files are.
    pub repository: Repository,
    /// The ONNX file, or a variant such as `fp16`.
    pub file: Option<String>,
}

/// The files of a model, all of them on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedModel {
    /// The folder that they are in, and their commit.
    pub snapshot: Snapshot,
    /// The ONNX file, as a path in that folder.
    pub onnx: String,
    /// All files, as paths in that folder.
    pub files: Vec<String>,
}

impl CachedModel {
    /// How many bytes the files have.
    pub fn bytes(&self) -> u64 {
        let size = |file: &String| fs::metadata(self.snapshot.folder.join(file)).map_or(0, |file| file.len());
        self.files.iter().map(size).sum()
    }
}

impl HubModel {
    /// Reads the name of a model in [`NAMED`](crate::NAMED), or an alias.
    pub fn named(text: &str) -> Option<Self> {
        let (name, file) = split(text);
        let named = NamedModel::find(name)?;
        let repository = named.repository.parse().expect("the table names repositories");
        let name = file.map_or_else(|| named.name.to_owned(), |file| format!("{}:{file}", named.name));
        Some(Self { name, repository, file: file.map(str::to_owned) })
    }

    /// Reads `OWNER/REPO[@REV][:FILE]`.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn in_repository(text: &str) -> Result<Self, NotARepository> {
        let (repository, file) = split(text);
        Ok(Self { name: text.to_owned(), repository: repository.parse()?, file: file.map(str::to_owned) })
    }

    /// Either of them, with or without `hub:` before it.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.strip_prefix("hub:").unwrap_or(text);
        Self::named(text).or_else(|| Self::in_repository(text).ok())
    }

    /// Reads what somebody wants to have fetched: as [`read`](Self::read) does, with a reason where it is nothing that can be.
    ///
    /// # Errors
    /// [`LoadError::BuiltIn`] and [`LoadError::NotOnTheHub`].
    pub fn to_fetch(text: &str) -> Result<Self, LoadError> {
        if text == BUILTIN_NAME {
            return Err(LoadError::BuiltIn { model: text.into() });
        }
        Self::read(text).ok_or_else(|| LoadError::NotOnTheHub { text: text.into(), similar: named::similar(text) })
    }

    /// The files of the model, if all are here. Asks nobody.
    pub fn cached(&self, hub: &Hub) -> Option<CachedModel> {
        let snapshot = hub.cached(&self.repository)?;
        let names = snapshot.files();
        let files = self.choose(&names).ok()?;
        // Others may have fetched a part: weights for other programs, or JSON alone.
        // Where the ONNX file cannot be read, whoever loads it says so.
        let weights = weights(&snapshot.folder, &files).unwrap_or_default();
        let is_whole = files.say_preprocessing() && weights.iter().all(|weights| names.contains(weights));
        is_whole.then(|| CachedModel { snapshot, files: files.with_weights(weights), onnx: files.onnx })
    }

    /// Fetches what is not here yet of the model as it is now. What says whether it can be used comes first.
    ///
    /// # Errors
    /// [`LoadError::Hub`], or [`LoadError::Model`] when the repository does not have such a model, or what it has cannot be
    /// used.
    pub fn pull(&self, hub: &Hub, progress: Progress<'_>) -> Result<CachedModel, LoadError> {
        let mut wanted = Vec::new();
        let choose = |names: &[String], folder: &Path| -> Result<Vec<String>, LoadError> {
            let files = self.choose(names)?;
            if !files.say_preprocessing() {
                let place = Path::new(&self.name).to_owned();
                return Err(vismem_encode::LoadError::NoPreprocessing { place }.into());
            }
            if wanted.is_empty() {
                wanted = files.json;
            } else if !wanted.contains(&files.onnx) {
                Model::check_description(folder)?;
                wanted.push(files.onnx);
            } else {
                for weights in weights(folder, &files)? {
                    if !names.contains(&weights) {
                        let (path, source) = (Path::new(&self.name).join(weights), io::ErrorKind::NotFound.into());
                        return Err(vismem_encode::LoadError::Weights { path, source }.into());
                    }
                    if !wanted.contains(&weights) {
                        wanted.push(weights);
                    }
                }
            }
            Ok(wanted.clone())
        };
        let snapshot = hub.pull(&self.repository, choose, progress)?;
        wanted.sort();
        Ok(CachedModel { snapshot, onnx: self.choose(&wanted)?.onnx, files: wanted })
    }

    /// The model, fetched if need be.
    ///
    /// # Errors
    /// As [`pull`](Self::pull), and when the files that are here do not describe a model.
    pub fn model(&self, hub: &Hub, progress: Progress<'_>) -> Result<Model, LoadError> {
        match self.cached(hub) {
            Some(cached) => self.described(&cached),
            None => self.described(&self.pull(hub, progress)?),
        }
    }

    /// What the files say of the model.
    pub(crate) fn described(&self, CachedModel { snapshot, onnx, .. }: &CachedModel) -> Result<Model, LoadError> {
        Ok(Model::from_folder_with(&snapshot.folder, Some(onnx))?.with_name(&self.name))
    }

    fn choose(&self, names: &[String]) -> Result<ModelFiles, vismem_encode::LoadError> {
        ModelFiles::choose(names, self.file.as_deref(), Path::new(&self.name))
    }
}

/// The files of weights that the ONNX file of a snapshot names, as paths in its folder.
fn weights(folder: &Path, files: &ModelFiles) -> Result<Vec<String>, vismem_encode::LoadError> {
    let place = files.onnx.rsplit_once('/').map(|(place, _)| format!("{place}/")).unwrap_or_default();
    let names = vismem_encode::weight_files(&folder.join(&files.onnx))?;
    Ok(names.into_iter().map(|name| format!("{place}{name}")).collect())
}

/// Before and behind the first `:`.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((name, file)) if !file.is_empty() => (name, Some(file)),
        _ => (text, None),
    }
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
}
