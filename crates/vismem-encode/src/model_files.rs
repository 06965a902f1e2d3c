//! Which files of a repository or a folder make a model.

use std::path::Path;

use crate::error::LoadError;

/// The files of a model, by their paths in its repository or folder, with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    /// The ONNX file. Which files of weights belong to it, it says itself: [`weight_files`](crate::weight_files).
    pub onnx: String,
    /// The JSON files.
    pub json: Vec<String>,
}

/// ONNX files that are taken where none is named, best first. Of models of pictures and texts the first is the part for
/// pictures.
const KNOWN: [&str; 2] = ["onnx/vision_model.onnx", "onnx/model.onnx"];

/// JSON files that say how pictures are prepared, the older form first.
pub const PREPROCESSING: [&str; 2] = ["preprocessor_config.json", "processor_config.json"];

/// The JSON file that describes a model otherwise.
const CONFIG: &str = "config.json";

impl ModelFiles {
    /// Chooses among the files `names` of a model.
    ///
    /// `wanted` is the path of an ONNX file, or one word for a variant of it: `fp16` is `onnx/vision_model_fp16.onnx` or
    /// `onnx/model_fp16.onnx`. Without it: `onnx/vision_model.onnx`, else `onnx/model.onnx`, else the only `.onnx` file at
    /// the top, else the only one in `onnx/`.
    ///
    /// # Errors
    /// When there is no such file. `place` is what the model is called in the message.
    pub fn choose(names: &[String], wanted: Option<&str>, place: &Path) -> Result<Self, LoadError> {
        let is_there = |name: &str| names.iter().any(|known| known == name);
        let onnx = match wanted {
            Some(path) if path.ends_with(".onnx") => Some(path.to_owned()).filter(|path| is_there(path)),
            Some(variant) => KNOWN
                .map(|known| known.replace(".onnx", &format!("_{variant}.onnx")))
                .into_iter()
                .find(|name| is_there(name)),
            None => KNOWN.into_iter().find(|name| is_there(name)).or_else(|| only(names)).map(str::to_owned),
        };
        let is_onnx = |name: &&String| name.ends_with(".onnx");
        let Some(onnx) = onnx else {
            let place = place.to_owned();
            return Err(match wanted {
                Some(wanted) => LoadError::NoSuchOnnx {
                    place,
                    wanted: wanted.to_owned(),
                    known: names.iter().filter(is_onnx).cloned().collect(),
                },
                None => LoadError::NoOnnx { folder: place, found: names.iter().filter(is_onnx).count() },
            });
        };
        let json =
            names.iter().filter(|name| *name == CONFIG || PREPROCESSING.contains(&name.as_str())).cloned().collect();
        Ok(Self { onnx, json })
    }
}

impl ModelFiles {
    /// Whether one of the JSON files says how pictures are prepared.
    pub fn say_preprocessing(&self) -> bool {
        self.json.iter().any(|name| PREPROCESSING.contains(&name.as_str()))
    }

    /// All files in order, with those of the weights.
    pub fn with_weights(&self, weights: Vec<String>) -> Vec<String> {
        let mut all = [vec![self.onnx.clone()], self.json.clone(), weights].concat();
        all.sort();
        all
    }
}

/// The only ONNX file at the top, else the only one in `onnx/`.
fn only(names: &[String]) -> Option<&str> {
    let only_in = |prefix: &str| {
        let is_there =
            |name: &&str| name.strip_prefix(prefix).is_some_and(|name| name.ends_with(".onnx") && !name.contains('/'));
        let found: Vec<&str> = names.iter().map(String::as_str).filter(is_there).collect();
        (found.len(), found.first().copied().filter(|_| found.len() == 1))
    };
    match (only_in(""), only_in("onnx/")) {
        ((1, top), _) => top,
        ((0, _), (_, below)) => below,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(names: &[&str], wanted: Option<&str>) -> Result<ModelFiles, LoadError> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        ModelFiles::choose(&names, wanted, Path::new("here"))
    }

    #[test]
    fn the_part_for_pictures_is_taken_with_its_json() {
        let names = [
            "README.md",
            "config.json",
            "onnx/model.onnx",
            "onnx/text_model.onnx",
            "onnx/vision_model.onnx",
            "onnx/vision_model.onnx_data",
            "onnx/vision_model_fp16.onnx",
            "preprocessor_config.json",
        ];
        let files = choose(&names, None).unwrap();
        assert_eq!(files.onnx, "onnx/vision_model.onnx");
        assert_eq!(files.json, ["config.json", "preprocessor_config.json"]);
        assert_eq!(choose(&names, Some("fp16")).unwrap().onnx, "onnx/vision_model_fp16.onnx");
        assert_eq!(choose(&names, Some("onnx/text_model.onnx")).unwrap().onnx, "onnx/text_model.onnx");
        let error = choose(&names, Some("int8")).unwrap_err().to_string();
        assert!(
            error.contains("here: has no ONNX file int8") && error.contains("onnx/vision_model_fp16.onnx"),
            "{error}"
        );
    }

    #[test]
    fn without_a_known_name_the_only_one_is_taken() {
        assert_eq!(choose(&["x.onnx", "onnx/a.onnx", "onnx/b.onnx"], None).unwrap().onnx, "x.onnx");
        assert_eq!(choose(&["onnx/a.onnx", "deep/onnx/b.onnx"], None).unwrap().onnx, "onnx/a.onnx");
        for names in [&["x.onnx", "y.onnx", "onnx/a.onnx"][..], &["onnx/a.onnx", "onnx/b.onnx"], &["config.json"]] {
            assert!(matches!(choose(names, None), Err(LoadError::NoOnnx { .. })), "{names:?}");
        }
    }
}
