//! Reads a Hugging Face `preprocessor_config.json`.

use serde::Deserialize;

use super::{Channels, Filter, Preprocessing, Resize, ResizeTo, Rounding};

/// Largest side length taken from a configuration; protects against a damaged file that asks for terabytes.
const LARGEST_SIDE: u32 = 8192;

/// Why a `preprocessor_config.json` cannot be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not JSON, or a value of the wrong type.
    #[error("not a valid preprocessor_config.json: {0}; download the file again")]
    Json(#[from] serde_json::Error),
    /// A step is switched on but its numbers are missing.
    #[error("`{0}` is missing; add it to the file (the model's card or code has the value)")]
    Missing(&'static str),
    /// A value is out of range or unknown.
    #[error("`{key}` is {value}, expected {expected}; correct the file")]
    Value {
        /// The key in the JSON.
        key: &'static str,
        /// What the file has.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A step that this crate does not do.
    #[error("`{0}` asks for a step that is not supported; use a model without it")]
    Unsupported(&'static str),
    /// The result would have the shape of each picture, so that pictures do not fit one batch.
    #[error(
        "pictures of different shape would give inputs of different shape; set `crop_size`, or `size` to a height and a width"
    )]
    NoFixedSize,
}

#[derive(Deserialize)]
struct Config {
    #[serde(alias = "feature_extractor_type")]
    image_processor_type: Option<String>,
    do_resize: Option<bool>,
    size: Option<Size>,
    resample: Option<u8>,
    antialias: Option<bool>,
    do_center_crop: Option<bool>,
    crop_size: Option<Size>,
    do_rescale: Option<bool>,
    rescale_factor: Option<f64>,
    do_normalize: Option<bool>,
    image_mean: Option<[f32; 3]>,
    image_std: Option<[f32; 3]>,
    do_flip_channel_order: Option<bool>,
    // Steps that change the pixels and are not done here. Reading them turns a wrong embedding into an error.
    do_pad: Option<bool>,
    do_thumbnail: Option<bool>,
    do_align_long_axis: Option<bool>,
    rescale_offset: Option<bool>,
    crop_pct: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Size {
    Side(u32),
    Exact {
        height: u32,
        width: u32,
    },
    ShortestEdge {
        shortest_edge: u32,
        longest_edge: Option<u32>,
    },
    /// Such as `longest_edge` alone. Kept for the message.
    Other(serde_json::Value),
}

impl Preprocessing {
    /// Reads a Hugging Face `preprocessor_config.json`.
    ///
    /// Nothing is assumed that the file says. For what it may leave out, the defaults of `transformers` hold:
    /// `do_resize`, `do_rescale` and `do_normalize` on, `do_center_crop` on when there is a `crop_size`,
    /// `rescale_factor` 1/255, `resample` bicubic (bilinear for `ViT*`), antialiasing on (key `antialias`).
    ///
    /// # Errors
    /// [`ConfigError`] names the key that is missing, out of range or asks for a step that is not done here.
    pub fn from_hugging_face(json: &str) -> Result<Self, ConfigError> {
        let config: Config = serde_json::from_str(json)?;
        for (key, on) in [
            ("do_pad", config.do_pad.unwrap_or(false)),
            ("do_thumbnail", config.do_thumbnail.unwrap_or(false)),
            ("do_align_long_axis", config.do_align_long_axis.unwrap_or(false)),
            ("rescale_offset", config.rescale_offset.unwrap_or(false)),
            ("crop_pct", config.crop_pct.is_some()),
        ] {
            if on {
                return Err(ConfigError::Unsupported(key));
            }
        }
        let rescale = match config.do_rescale.unwrap_or(true) {
            true => config.rescale_factor.unwrap_or(1.0 / 255.0) as f32,
            false => 1.0,
        };
        let (mean, std) = match config.do_normalize.unwrap_or(true) {
            true => (
                config.image_mean.ok_or(ConfigError::Missing("image_mean"))?,
                config.image_std.ok_or(ConfigError::Missing("image_std"))?,
            ),
            false => ([0.0; 3], [1.0; 3]),
        };
        if std.iter().any(|s| !s.is_normal()) {
            let value = format!("{std:?}");
            return Err(ConfigError::Value { key: "image_std", value, expected: "three numbers other than zero" });
        }
        if mean.iter().any(|m| !m.is_finite()) {
            let value = format!("{mean:?}");
            return Err(ConfigError::Value { key: "image_mean", value, expected: "three finite numbers" });
        }
        if !rescale.is_finite() {
            let value = rescale.to_string();
            return Err(ConfigError::Value { key: "rescale_factor", value, expected: "a finite number" });
        }
        let flipped = config.do_flip_channel_order.unwrap_or(false);
        let preprocessing = Self {
            resize: config.resize()?,
            crop: config.crop()?,
            rescale,
            mean,
            std,
            channels: if flipped { Channels::Bgr } else { Channels::Rgb },
        };
        preprocessing.output_size().ok_or(ConfigError::NoFixedSize)?;
        Ok(preprocessing)
    }
}

impl Config {
    fn processor_is(&self, prefixes: &[&str]) -> bool {
        let name = self.image_processor_type.as_deref().unwrap_or_default();
        prefixes.iter().any(|prefix| name.starts_with(prefix))
    }

    fn crops(&self) -> bool {
        self.do_center_crop.unwrap_or(self.crop_size.is_some())
    }

    fn resize(&self) -> Result<Option<Resize>, ConfigError> {
        if !self.do_resize.unwrap_or(true) {
            return Ok(None);
        }
        let size = match self.size.as_ref().ok_or(ConfigError::Missing("size"))? {
            &Size::Exact { height, width } => {
                ResizeTo::Exact { height: side("size", height)?, width: side("size", width)? }
            }
            Size::ShortestEdge { longest_edge: Some(_), .. } => return Err(ConfigError::Unsupported("longest_edge")),
            &Size::ShortestEdge { shortest_edge, .. } => shortest(side("size", shortest_edge)?),
            Size::Other(other) => return Err(not_a_size("size", other)),
            // An old form, which `transformers` reads as a square or as the short side by the kind of processor.
            &Size::Side(length) => {
                let length = side("size", length)?;
                let square = self.processor_is(&["ViT", "DeiT", "Beit", "Siglip"])
                    || !(self.crops() || self.processor_is(&["CLIP", "Bit"]));
                if square { ResizeTo::Exact { height: length, width: length } } else { shortest(length) }
            }
        };
        let default = if self.processor_is(&["ViT"]) { 2 } else { 3 };
        let filter = match self.resample.unwrap_or(default) {
            0 => Filter::Nearest,
            1 => Filter::Lanczos,
            2 => Filter::Bilinear,
            3 => Filter::Bicubic,
            4 => Filter::Box,
            5 => Filter::Hamming,
            other => {
                let expected = "a PIL code from 0 (nearest) to 5 (Hamming)";
                return Err(ConfigError::Value { key: "resample", value: other.to_string(), expected });
            }
        };
        Ok(Some(Resize { size, filter, antialias: self.antialias.unwrap_or(true) }))
    }

    fn crop(&self) -> Result<Option<[u32; 2]>, ConfigError> {
        if !self.crops() {
            return Ok(None);
        }
        let (height, width) = match self.crop_size.as_ref().ok_or(ConfigError::Missing("crop_size"))? {
            &Size::Side(length) | &Size::ShortestEdge { shortest_edge: length, .. } => (length, length),
            &Size::Exact { height, width } => (height, width),
            Size::Other(other) => return Err(not_a_size("crop_size", other)),
        };
        Ok(Some([side("crop_size", height)?, side("crop_size", width)?]))
    }
}

fn shortest(length: u32) -> ResizeTo {
    ResizeTo::ShortestEdge { length, rounding: Rounding::Down }
}

fn not_a_size(key: &'static str, value: &serde_json::Value) -> ConfigError {
    ConfigError::Value {
        key,
        value: value.to_string(),
        expected: "a side length, `height` and `width`, or `shortest_edge`",
    }
}

fn side(key: &'static str, length: u32) -> Result<u32, ConfigError> {
    if (1..=LARGEST_SIDE).contains(&length) {
        return Ok(length);
    }
    Err(ConfigError::Value { key, value: length.to_string(), expected: "a side length from 1 to 8192 pixels" })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What CLIP's file says, as far as it is read here.
    fn clip() -> Value {
        json!({
            "image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}, "resample": 3,
            "image_mean": [0.5, 0.4, 0.3], "image_std": [0.3, 0.2, 0.1], "rescale_factor": 0.00392156862745098,
        })
    }

    /// CLIP's file with some keys changed, or removed by `null`.
    fn with(changes: Value) -> Result<Preprocessing, ConfigError> {
        let mut json = clip();
        for (key, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(json.as_object_mut().unwrap().remove(key)),
                value => json[key] = value.clone(),
            }
        }
        Preprocessing::from_hugging_face(&json.to_string())
    }

    fn size(changes: Value) -> ResizeTo {
        with(changes).unwrap().resize.unwrap().size
    }

    const SHORT: ResizeTo = ResizeTo::ShortestEdge { length: 224, rounding: Rounding::Down };
    const SQUARE: ResizeTo = ResizeTo::Exact { height: 224, width: 224 };

    #[test]
    fn every_number_of_the_file_is_taken() {
        let expected = Preprocessing {
            resize: Some(Resize { size: SHORT, filter: Filter::Bicubic, antialias: true }),
            crop: Some([224, 224]),
            rescale: 1.0 / 255.0,
            mean: [0.5, 0.4, 0.3],
            std: [0.3, 0.2, 0.1],
            channels: Channels::Rgb,
        };
        assert_eq!(with(json!({})).unwrap(), expected);
        assert_eq!(with(json!({"rescale_factor": 0.5})).unwrap(), Preprocessing { rescale: 0.5, ..expected.clone() });
        // What a file may leave out.
        assert_eq!(with(json!({"rescale_factor": null, "resample": null})).unwrap(), expected);
    }

    #[test]
    fn sizes_are_read_in_all_their_forms() {
        assert_eq!(size(json!({"size": {"height": 30, "width": 40}})), ResizeTo::Exact { height: 30, width: 40 });
        assert_eq!(size(json!({"size": 224})), SHORT);
        // A number alone is a square for processors that never keep the aspect ratio, and where nothing is cropped.
        for square in ["ViTImageProcessor", "DeiTImageProcessor", "BeitFeatureExtractor", "SiglipImageProcessor"] {
            assert_eq!(size(json!({"size": 224, "image_processor_type": square})), SQUARE, "{square}");
        }
        let uncropped = json!({"size": 224, "crop_size": null, "image_processor_type": "SomeImageProcessor"});
        assert_eq!(size(uncropped), SQUARE);
        // Files of before 2022 name the processor otherwise.
        let old = json!({"size": 224, "image_processor_type": null, "feature_extractor_type": "ViTFeatureExtractor"});
        assert_eq!(size(old), SQUARE);
    }

    #[test]
    fn crops_are_read_in_all_their_forms() {
        let crop = |changes| with(changes).unwrap().crop;
        assert_eq!(crop(json!({"crop_size": 200})), Some([200, 200]));
        assert_eq!(crop(json!({"crop_size": {"shortest_edge": 200}})), Some([200, 200]));
        assert_eq!(crop(json!({"crop_size": {"height": 30, "width": 40}})), Some([30, 40]));
        let square = json!({"height": 224, "width": 224});
        assert_eq!(crop(json!({"do_center_crop": false, "size": square})), None);
        assert_eq!(crop(json!({"crop_size": null, "size": square})), None);
    }

    #[test]
    fn a_step_that_is_switched_off_is_not_done() {
        assert_eq!(with(json!({"do_resize": false})).unwrap().resize, None);
        assert_eq!(with(json!({"do_rescale": false})).unwrap().rescale, 1.0);
        let plain = with(json!({"do_normalize": false})).unwrap();
        assert_eq!((plain.mean, plain.std), ([0.0; 3], [1.0; 3]));
        // Then the numbers need not be there either.
        assert!(with(json!({"do_normalize": false, "image_mean": null, "image_std": null})).is_ok());
        assert!(with(json!({"do_resize": false, "size": null})).is_ok());
        assert_eq!(with(json!({"do_flip_channel_order": true})).unwrap().channels, Channels::Bgr);
        assert!(!with(json!({"antialias": false})).unwrap().resize.unwrap().antialias);
    }

    #[test]
    fn filters_have_the_numbers_of_pil() {
        let filters =
            [Filter::Nearest, Filter::Lanczos, Filter::Bilinear, Filter::Bicubic, Filter::Box, Filter::Hamming];
        for (code, filter) in filters.into_iter().enumerate() {
            assert_eq!(with(json!({"resample": code})).unwrap().resize.unwrap().filter, filter);
        }
        let of = |kind| with(json!({"resample": null, "image_processor_type": kind})).unwrap().resize.unwrap().filter;
        assert_eq!((of("ViTImageProcessor"), of("BitImageProcessor")), (Filter::Bilinear, Filter::Bicubic));
    }

    #[test]
    fn steps_that_are_not_done_here_are_refused_by_name() {
        for (key, on, off) in [
            ("do_pad", json!(true), json!(false)),
            ("do_thumbnail", json!(true), json!(false)),
            ("do_align_long_axis", json!(true), json!(false)),
            ("rescale_offset", json!(true), json!(false)),
            ("crop_pct", json!(0.875), Value::Null),
        ] {
            let error = with(json!({key: on})).unwrap_err();
            assert!(matches!(error, ConfigError::Unsupported(named) if named == key), "{key}: {error}");
            assert!(with(json!({key: off})).is_ok(), "{key}");
        }
        let error = with(json!({"size": {"shortest_edge": 224, "longest_edge": 300}})).unwrap_err();
        assert!(matches!(error, ConfigError::Unsupported("longest_edge")), "{error}");
    }

    #[test]
    fn what_is_missing_is_named() {
        for key in ["size", "image_mean", "image_std"] {
            let error = with(json!({key: null})).unwrap_err();
            assert!(matches!(error, ConfigError::Missing(named) if named == key), "{key}: {error}");
        }
        let error = with(json!({"do_center_crop": true, "crop_size": null})).unwrap_err();
        assert!(matches!(error, ConfigError::Missing("crop_size")), "{error}");
        // The longer side would be as long as each picture makes it.
        assert!(matches!(with(json!({"crop_size": null})).unwrap_err(), ConfigError::NoFixedSize));
        assert!(matches!(with(json!({"do_resize": false, "crop_size": null})).unwrap_err(), ConfigError::NoFixedSize));
    }

    #[test]
    fn nonsense_is_refused() {
        for (key, value) in [
            ("size", json!(0)),
            ("size", json!({"shortest_edge": 4_000_000_000u32})),
            ("size", json!({"height": 224, "width": 0})),
            ("size", json!({"height": 224})),
            ("size", json!({"longest_edge": 224})),
            ("size", json!(-1)),
            ("size", json!(1.5)),
            ("size", json!("224")),
            ("crop_size", json!(0)),
            ("crop_size", json!({"height": 8193, "width": 1})),
            ("crop_size", json!({"width": 224})),
            ("resample", json!(6)),
            ("image_std", json!([0.2, 0.0, 0.2])),
            ("image_std", json!([0.2, 1e-42, 0.2])),
            ("image_std", json!([0.2, 1e39, 0.2])),
            ("image_mean", json!([0.2, 1e39, 0.2])),
            ("rescale_factor", json!(1e39)),
        ] {
            let error = with(json!({key: value})).unwrap_err();
            assert!(matches!(error, ConfigError::Value { key: named, .. } if named == key), "{key}: {error}");
        }
        for (key, value) in [
            ("resample", json!("bicubic")),
            ("image_mean", json!([0.5, 0.5])),
            ("image_std", json!(0.5)),
            ("do_resize", json!("yes")),
        ] {
            assert!(matches!(with(json!({key: value})).unwrap_err(), ConfigError::Json(_)), "{key}");
        }
        for text in ["", "[]", "null", "{"] {
            assert!(matches!(Preprocessing::from_hugging_face(text), Err(ConfigError::Json(_))), "{text:?}");
        }
    }
}
