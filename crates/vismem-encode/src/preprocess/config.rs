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

#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Size {
    Side(u32),
    Exact { height: u32, width: u32 },
    ShortestEdge { shortest_edge: u32 },
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
        let size = match self.size.ok_or(ConfigError::Missing("size"))? {
            Size::Exact { height, width } => {
                ResizeTo::Exact { height: side("size", height)?, width: side("size", width)? }
            }
            Size::ShortestEdge { shortest_edge } => shortest(side("size", shortest_edge)?),
            // An old form, which `transformers` reads as a square or as the short side by the kind of processor.
            Size::Side(length) => {
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
        let (height, width) = match self.crop_size.ok_or(ConfigError::Missing("crop_size"))? {
            Size::Side(length) | Size::ShortestEdge { shortest_edge: length } => (length, length),
            Size::Exact { height, width } => (height, width),
        };
        Ok(Some([side("crop_size", height)?, side("crop_size", width)?]))
    }
}

fn shortest(length: u32) -> ResizeTo {
    ResizeTo::ShortestEdge { length, rounding: Rounding::Down }
}

fn side(key: &'static str, length: u32) -> Result<u32, ConfigError> {
    if (1..=LARGEST_SIDE).contains(&length) {
        return Ok(length);
    }
    Err(ConfigError::Value { key, value: length.to_string(), expected: "a side length from 1 to 8192 pixels" })
}
