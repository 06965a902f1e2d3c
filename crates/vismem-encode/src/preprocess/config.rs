//! Reads a Hugging Face `preprocessor_config.json`.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::processors::{Own, Processor};
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
    /// A processor whose steps are not known here.
    #[error(
        "`image_processor_type` is {0}, whose steps are not known here; use a model with another one, or describe its \
         steps by the keys of a CLIPImageProcessor"
    )]
    Processor(String),
    /// A step that this crate does not do, or a key that it does not know.
    #[error(
        "`{key}` is {value}, which may change pixels and is not followed here; use a model without it, or take the key out if \
         it changes no pixel"
    )]
    Unsupported {
        /// The key in the JSON.
        key: String,
        /// What the file has.
        value: String,
    },
    /// The result would have the shape of each picture, so that pictures do not fit one batch.
    #[error(
        "pictures of different shape would give inputs of different shape; set `crop_size`, or `size` to a height and a width"
    )]
    NoFixedSize,
}

/// Keys that change no pixel of an RGB picture.
const HARMLESS: [&str; 16] = [
    "_processor_class",
    "_valid_processor_keys",
    "data_format",
    "device",
    "disable_grouping",
    "do_convert_rgb",
    "do_reduce_labels",
    "feature_extractor_type",
    "image_processor_type",
    "input_data_format",
    "model_input_names",
    "processor_class",
    "reduce_labels",
    "return_tensors",
    "transformers_version",
    "use_fast",
];

struct Config {
    /// `image_processor_type`, or the name that the key had before 2023.
    class: Option<String>,
    do_resize: Option<bool>,
    size: Option<Size>,
    default_to_square: Option<bool>,
    resample: Option<i64>,
    antialias: Option<bool>,
    do_center_crop: Option<bool>,
    crop_size: Option<Size>,
    do_rescale: Option<bool>,
    rescale_factor: Option<f64>,
    do_normalize: Option<bool>,
    image_mean: Option<Channelwise>,
    image_std: Option<Channelwise>,
    do_flip_channel_order: Option<bool>,
    // What only some processors read.
    crop_pct: Option<f64>,
    rescale_offset: Option<bool>,
    include_top: Option<bool>,
    ensure_multiple_of: Option<f64>,
    /// Everything else that the file says.
    rest: Map<String, Value>,
}

/// A number for each channel, or one for all.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Channelwise {
    All(f32),
    Each([f32; 3]),
}

impl Channelwise {
    fn each(self) -> [f32; 3] {
        match self {
            Self::All(value) => [value; 3],
            Self::Each(values) => values,
        }
    }
}

impl Config {
    fn new(mut rest: Map<String, Value>) -> Result<Self, ConfigError> {
        let keys = &mut rest;
        let class = take(keys, "image_processor_type", "a text")?;
        let old_class = take(keys, "feature_extractor_type", "a text")?;
        Ok(Self {
            class: class.or(old_class),
            do_resize: take(keys, "do_resize", SWITCH)?,
            size: take(keys, "size", SIZE)?,
            default_to_square: take(keys, "default_to_square", SWITCH)?,
            resample: take(keys, "resample", RESAMPLE)?,
            antialias: take(keys, "antialias", SWITCH)?,
            do_center_crop: take(keys, "do_center_crop", SWITCH)?,
            crop_size: take(keys, "crop_size", SIZE)?,
            do_rescale: take(keys, "do_rescale", SWITCH)?,
            rescale_factor: take(keys, "rescale_factor", "a finite number")?,
            do_normalize: take(keys, "do_normalize", SWITCH)?,
            image_mean: take(keys, "image_mean", MEAN)?,
            image_std: take(keys, "image_std", DEVIATION)?,
            do_flip_channel_order: take(keys, "do_flip_channel_order", SWITCH)?,
            crop_pct: take(keys, "crop_pct", SHARE)?,
            rescale_offset: take(keys, "rescale_offset", SWITCH)?,
            include_top: take(keys, "include_top", SWITCH)?,
            ensure_multiple_of: take(keys, "ensure_multiple_of", "a number")?,
            rest,
        })
    }
}

const SWITCH: &str = "true or false";
const SIZE: &str = "a side length, `height` and `width`, or `shortest_edge`";
const RESAMPLE: &str = "a PIL code from 0 (nearest) to 5 (Hamming)";
const MEAN: &str = "three finite numbers";
const DEVIATION: &str = "three numbers other than zero";
const SHARE: &str = "a number above 0";

/// Takes a key out, if the file has it and it is not null.
fn take<T: DeserializeOwned>(
    keys: &mut Map<String, Value>,
    key: &'static str,
    expected: &'static str,
) -> Result<Option<T>, ConfigError> {
    let value = keys.remove(key).filter(|value| !value.is_null());
    let read = |value: Value| {
        T::deserialize(&value).map_err(|_| ConfigError::Value { key, value: shown(&value.to_string()), expected })
    };
    value.map(read).transpose()
}

/// A piece of the file as it may stand in a message: short, and without characters that are not shown as they are.
fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let escaped = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        c => c.escape_debug().to_string(),
    };
    let more = if text.chars().count() > LONGEST { "…" } else { "" };
    text.chars().take(LONGEST).map(escaped).chain([more.to_owned()]).collect()
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Size {
    Side(u32),
    Pair([u32; 2]),
    Named(NamedSize),
    /// None of these. Kept for the message.
    Other(Value),
}

#[derive(Deserialize)]
struct NamedSize {
    height: Option<u32>,
    width: Option<u32>,
    shortest_edge: Option<u32>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Preprocessing {
    /// A `preprocessor_config.json` to fill in.
    pub const TEMPLATE: &str = r#"{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 224}, "resample": 3, "do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "rescale_factor": 0.00392156862745098, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}"#;

    /// Reads a Hugging Face `preprocessor_config.json`, or the part `image_processor` of a `processor_config.json`.
    /// `model_type` is that of `config.json`, empty where it is not known.
    ///
    /// Nothing is assumed that the file says. For what it may leave out, the defaults of its image processor in
    /// `transformers` hold; for a file that names none, the processor of the model's type. The numbers themselves must be in
    /// the file. The key `antialias` is an own one: `false` is `antialias=False` of `torchvision`.
    ///
    /// # Errors
    /// [`ConfigError`] names the processor or key that is missing, out of range, unknown, or asks for a step that is not
    /// done here.
    pub fn from_hugging_face(json: &str, model_type: &str) -> Result<Self, ConfigError> {
        let mut json: Value = serde_json::from_str(json)?;
        if let Some(nested) = json.get_mut("image_processor").filter(|nested| nested.is_object()) {
            json = nested.take();
        }
        let config = Config::new(Map::deserialize(json)?)?;
        let processor = config.processor(model_type)?;
        config.refuse_unknown_keys(processor)?;
        let preprocessing = config.read(processor)?;
        preprocessing.output_size().ok_or(ConfigError::NoFixedSize)?;
        Ok(preprocessing)
    }
}

impl Config {
    fn processor(&self, model_type: &str) -> Result<&'static Processor, ConfigError> {
        match &self.class {
            Some(class) => Processor::of_class(class).ok_or_else(|| ConfigError::Processor(shown(class))),
            None => Ok(Processor::of_model(model_type).unwrap_or(&Processor::UNKNOWN)),
        }
    }

    /// A key that is null or false asks for nothing.
    fn refuse_unknown_keys(&self, processor: &Processor) -> Result<(), ConfigError> {
        let own = [
            ("crop_pct", self.crop_pct.map(Value::from)),
            ("rescale_offset", self.rescale_offset.map(Value::from)),
            ("include_top", self.include_top.map(Value::from)),
            ("ensure_multiple_of", self.ensure_multiple_of.filter(|&multiple| multiple != 1.0).map(Value::from)),
        ];
        let own = own.iter().filter_map(|(key, value)| Some((*key, value.as_ref()?)));
        let own = own.filter(|(key, _)| !processor.reads(key));
        let rest = self.rest.iter().map(|(key, value)| (key.as_str(), value));
        let rest = rest.filter(|(key, _)| !HARMLESS.contains(key));
        let mut asking = own.chain(rest).filter(|(_, value)| !matches!(value, Value::Null | Value::Bool(false)));
        asking.next().map_or(Ok(()), |(key, value)| Err(unsupported(key, value)))
    }

    fn read(&self, processor: &Processor) -> Result<Preprocessing, ConfigError> {
        if let Some(share) = self.crop_pct.filter(|share| !(share.is_finite() && *share > 0.0)) {
            return Err(ConfigError::Value { key: "crop_pct", value: share.to_string(), expected: SHARE });
        }
        let rescales = self.do_rescale.unwrap_or(true);
        let rescale = if rescales { self.rescale_factor.unwrap_or(1.0 / 255.0) as f32 } else { 1.0 };
        if !rescale.is_finite() {
            let value = rescale.to_string();
            return Err(ConfigError::Value { key: "rescale_factor", value, expected: "a finite number" });
        }
        let (mean, std) = self.normalization(processor, rescales)?;
        let (resize, crop) = self.resize_and_crop(processor)?;
        let flipped = self.do_flip_channel_order.unwrap_or(processor.flips_channels);
        let channels = if flipped { Channels::Bgr } else { Channels::Rgb };
        Ok(Preprocessing { resize, crop, rescale, mean, std, channels })
    }

    fn normalization(&self, processor: &Processor, rescales: bool) -> Result<([f32; 3], [f32; 3]), ConfigError> {
        let normalizes = self.do_normalize.unwrap_or(processor.normalizes);
        let again = processor.own == Own::EfficientNet && self.include_top.unwrap_or(true);
        let mut mean =
            if normalizes { self.image_mean.ok_or(ConfigError::Missing("image_mean"))?.each() } else { [0.0; 3] };
        let mut std = if normalizes || again {
            self.image_std.ok_or(ConfigError::Missing("image_std"))?.each()
        } else {
            [1.0; 3]
        };
        if rescales && processor.own == Own::EfficientNet && self.rescale_offset.unwrap_or(false) {
            mean = mean.map(|mean| mean + 1.0);
        }
        if normalizes && again {
            std = std.map(|std| std * std);
        }
        if std.iter().any(|s| !s.is_normal()) {
            let value = format!("{:?}", self.image_std.map_or(std, Channelwise::each));
            return Err(ConfigError::Value { key: "image_std", value, expected: DEVIATION });
        }
        if mean.iter().any(|m| !m.is_finite()) {
            let value = format!("{mean:?}");
            return Err(ConfigError::Value { key: "image_mean", value, expected: MEAN });
        }
        Ok((mean, std))
    }

    fn resize_and_crop(&self, processor: &Processor) -> Result<(Option<Resize>, Option<[u32; 2]>), ConfigError> {
        let size = if self.do_resize.unwrap_or(true) { Some(self.resized(processor)?) } else { None };
        let mut crop = self.crop(processor)?;
        let size = match (processor.own, size) {
            (Own::Glpn, Some(_)) => return Err(unsupported("do_resize", &Value::Bool(true))),
            (Own::Perceiver, _) if crop.is_some() => return Err(unsupported("do_center_crop", &Value::Bool(true))),
            (Own::ConvNext, Some(size)) => {
                let (size, middle) = self.of_convnext(size)?;
                if crop.is_some_and(|crop| crop != middle) {
                    return Err(unsupported("do_center_crop", &Value::Bool(true)));
                }
                crop = Some(middle);
                Some(size)
            }
            (Own::PoolFormer, Some(size)) => Some(self.of_poolformer(size)?),
            (Own::Levit, Some(ResizeTo::ShortestEdge { length, .. })) => {
                Some(shortest(enlarged("size", 256.0 / 224.0 * f64::from(length))?))
            }
            (Own::Dpt, Some(ResizeTo::Exact { height, width })) => {
                let multiple = self.ensure_multiple_of.unwrap_or(1.0);
                let fitted = |side| enlarged("ensure_multiple_of", nearest_multiple(side, multiple));
                Some(ResizeTo::Exact { height: fitted(height)?, width: fitted(width)? })
            }
            (_, size) => size,
        };
        let resize = match size {
            Some(size) => {
                let filter = self.filter(processor)?;
                Some(Resize { size, filter, antialias: self.antialias.unwrap_or(true) })
            }
            None => None,
        };
        Ok((resize, crop))
    }

    fn resized(&self, processor: &Processor) -> Result<ResizeTo, ConfigError> {
        Ok(match self.size.as_ref().ok_or(ConfigError::Missing("size"))?.read("size")? {
            // An old form, whose meaning depends on the processor.
            Sides::Number(length) => {
                let is_square = self.default_to_square.or(processor.is_square);
                match is_square.ok_or(ConfigError::Value {
                    key: "size",
                    value: length.to_string(),
                    expected: "`height` and `width`, or `shortest_edge`: the file does not tell which a number alone is",
                })? {
                    true => ResizeTo::Exact { height: length, width: length },
                    false => shortest(length),
                }
            }
            Sides::Shortest(length) => shortest(length),
            Sides::Exact([height, width]) => ResizeTo::Exact { height, width },
        })
    }

    fn of_convnext(&self, size: ResizeTo) -> Result<(ResizeTo, [u32; 2]), ConfigError> {
        let ResizeTo::ShortestEdge { length, .. } = size else {
            let expected = "`shortest_edge`, which is all that this processor reads";
            return Err(ConfigError::Value { key: "size", value: "a height and a width".to_owned(), expected });
        };
        let size = match length {
            ..384 => shortest(enlarged("crop_pct", f64::from(length) / self.crop_pct.unwrap_or(224.0 / 256.0))?),
            _ => ResizeTo::Exact { height: length, width: length },
        };
        Ok((size, [length, length]))
    }

    fn of_poolformer(&self, size: ResizeTo) -> Result<ResizeTo, ConfigError> {
        let share = self.crop_pct.unwrap_or(0.9);
        let enlarge = |side: u32| enlarged("crop_pct", f64::from(side) / share);
        Ok(match size {
            ResizeTo::ShortestEdge { length, .. } => shortest(enlarge(length)?),
            ResizeTo::Exact { height, width } if height == width => shortest(enlarge(height)?),
            ResizeTo::Exact { height, width } => ResizeTo::Exact { height: enlarge(height)?, width: enlarge(width)? },
        })
    }

    fn filter(&self, processor: &Processor) -> Result<Filter, ConfigError> {
        Ok(match self.resample.or(processor.resample.map(i64::from)).ok_or(ConfigError::Missing("resample"))? {
            0 => Filter::Nearest,
            1 => Filter::Lanczos,
            2 => Filter::Bilinear,
            3 => Filter::Bicubic,
            4 => Filter::Box,
            5 => Filter::Hamming,
            other => {
                let value = other.to_string();
                return Err(ConfigError::Value { key: "resample", value, expected: RESAMPLE });
            }
        })
    }

    fn crop(&self, processor: &Processor) -> Result<Option<[u32; 2]>, ConfigError> {
        let crops = match self.do_center_crop.or(processor.crops) {
            Some(crops) => crops,
            // Versions of the processor differ in what holds where the file says nothing.
            None if !processor.name.is_empty() => return Err(ConfigError::Missing("do_center_crop")),
            None => self.crop_size.is_some(),
        };
        if !crops {
            return Ok(None);
        }
        Ok(Some(match self.crop_size.as_ref().ok_or(ConfigError::Missing("crop_size"))?.read("crop_size")? {
            Sides::Number(length) | Sides::Shortest(length) => [length, length],
            Sides::Exact(sides) => sides,
        }))
    }
}

/// A size as it is written, within bounds.
enum Sides {
    Number(u32),
    Shortest(u32),
    Exact([u32; 2]),
}

impl Size {
    fn read(&self, key: &'static str) -> Result<Sides, ConfigError> {
        Ok(match self {
            &Self::Side(length) => Sides::Number(side(key, length)?),
            &Self::Pair([height, width]) => Sides::Exact([side(key, height)?, side(key, width)?]),
            Self::Named(named) => {
                if let Some((bound, value)) = named.rest.iter().find(|(_, value)| !value.is_null()) {
                    return Err(unsupported(&format!("{key}.{bound}"), value));
                }
                match (named.height, named.width, named.shortest_edge) {
                    (Some(height), Some(width), None) => Sides::Exact([side(key, height)?, side(key, width)?]),
                    (None, None, Some(length)) => Sides::Shortest(side(key, length)?),
                    (height, width, shortest) => {
                        let value = format!("height {height:?}, width {width:?}, shortest_edge {shortest:?}");
                        return Err(not_a_size(key, value));
                    }
                }
            }
            Self::Other(other) => return Err(not_a_size(key, other.to_string())),
        })
    }
}

fn shortest(length: u32) -> ResizeTo {
    ResizeTo::ShortestEdge { length, rounding: Rounding::Down }
}

/// The multiple that is nearest. NaN half way between two, where the reference decides by how it rounded before.
fn nearest_multiple(side: u32, multiple: f64) -> f64 {
    let share = f64::from(side) / multiple;
    if share.fract() == 0.5 { f64::NAN } else { share.round() * multiple }
}

/// A side that was computed, as Python's `int` rounds it.
fn enlarged(key: &'static str, length: f64) -> Result<u32, ConfigError> {
    // NaN and what is out of range becomes a number that `side` refuses.
    side(key, if length.is_nan() { 0 } else { length as u32 })
}

fn unsupported(key: &str, value: &Value) -> ConfigError {
    ConfigError::Unsupported { key: shown(key), value: shown(&value.to_string()) }
}

fn not_a_size(key: &'static str, value: String) -> ConfigError {
    ConfigError::Value { key, value: shown(&value), expected: SIZE }
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
        Preprocessing::from_hugging_face(&json.to_string(), "")
    }

    fn size(changes: Value) -> ResizeTo {
        with(changes).unwrap().resize.unwrap().size
    }

    const SHORT: ResizeTo = ResizeTo::ShortestEdge { length: 224, rounding: Rounding::Down };
    const SQUARE: ResizeTo = ResizeTo::Exact { height: 224, width: 224 };

    #[test]
    fn the_template_can_be_read() {
        assert!(Preprocessing::from_hugging_face(Preprocessing::TEMPLATE, "").is_ok());
    }

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
        let one = with(json!({"image_mean": 0.5, "image_std": 0.25})).unwrap();
        assert_eq!((one.mean, one.std), ([0.5; 3], [0.25; 3]));
        // What a file may leave out.
        assert_eq!(with(json!({"rescale_factor": null, "resample": null})).unwrap(), expected);
        // What changes no pixel.
        let harmless = json!({"do_convert_rgb": true, "device": "cpu", "data_format": "channels_first", "input_data_format": null,
            "disable_grouping": null, "processor_class": "CLIPProcessor", "do_pad": false, "pad_size": null});
        assert_eq!(with(harmless).unwrap(), expected);
        // A file for pictures and texts has it in a part of its own.
        let nested = json!({"processor_class": "CLIPProcessor", "image_processor": clip()});
        assert_eq!(Preprocessing::from_hugging_face(&nested.to_string(), "").unwrap(), expected);
    }

    #[test]
    fn sizes_are_read_in_all_their_forms() {
        assert_eq!(size(json!({"size": {"height": 30, "width": 40}})), ResizeTo::Exact { height: 30, width: 40 });
        assert_eq!(size(json!({"size": 224})), SHORT);
        assert_eq!(size(json!({"size": [30, 40]})), ResizeTo::Exact { height: 30, width: 40 });
        assert_eq!(
            size(json!({"size": {"height": 30, "width": 40, "longest_edge": null}})),
            ResizeTo::Exact { height: 30, width: 40 }
        );
        // A number alone is what the processor takes it for, or what the file says.
        for square in [
            "ViTImageProcessor",
            "ViTImageProcessorFast",
            "ViTFeatureExtractor",
            "DeiTImageProcessor",
            "BlipImageProcessor",
        ] {
            assert_eq!(size(json!({"size": 224, "image_processor_type": square})), SQUARE, "{square}");
        }
        assert_eq!(size(json!({"size": 224, "default_to_square": true})), SQUARE);
        // Files of before 2023 name the processor otherwise, some of them beside the new name.
        let old = json!({"size": 224, "image_processor_type": null, "feature_extractor_type": "ViTFeatureExtractor"});
        assert_eq!(size(old), SQUARE);
        assert_eq!(size(json!({"size": 224, "feature_extractor_type": "ViTFeatureExtractor"})), SHORT);
    }

    #[test]
    fn a_number_whose_meaning_nothing_tells_is_refused() {
        for kind in [Value::Null, json!("SiglipImageProcessor")] {
            let error = with(json!({"size": 224, "image_processor_type": kind})).unwrap_err();
            assert!(matches!(error, ConfigError::Value { key: "size", .. }), "{error}");
        }
    }

    #[test]
    fn a_file_that_names_no_processor_means_that_of_the_model() {
        let mut json = clip();
        json["image_processor_type"] = Value::Null;
        json["size"] = json!(224);
        let of = |model_type| Preprocessing::from_hugging_face(&json.to_string(), model_type);
        assert_eq!(of("swin").unwrap().resize.unwrap().size, SQUARE);
        assert_eq!(of("dinov2").unwrap().resize.unwrap().size, SHORT);
        assert_eq!(of("levit").unwrap().resize.unwrap().size, shortest(256));
        assert!(of("other").is_err());
    }

    #[test]
    fn crops_are_read_in_all_their_forms() {
        let crop = |changes| with(changes).unwrap().crop;
        assert_eq!(crop(json!({"crop_size": 200})), Some([200, 200]));
        assert_eq!(crop(json!({"crop_size": {"shortest_edge": 200}})), Some([200, 200]));
        assert_eq!(crop(json!({"crop_size": {"height": 30, "width": 40}})), Some([30, 40]));
        let square = json!({"height": 224, "width": 224});
        assert_eq!(crop(json!({"do_center_crop": false, "size": square})), None);
        let plain = json!({"crop_size": null, "size": square, "image_processor_type": "ViTImageProcessor"});
        assert_eq!(crop(plain), None);
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
        let of = |kind| with(json!({"resample": null, "image_processor_type": kind}));
        let filter = |kind| of(kind).unwrap().resize.unwrap().filter;
        assert_eq!(
            (filter("MobileNetV2ImageProcessor"), filter("BitImageProcessor")),
            (Filter::Bilinear, Filter::Bicubic)
        );
        // Where versions of `transformers` differ, the file must say it.
        for kind in
            ["ConvNextImageProcessor", "PvtImageProcessor", "MobileViTImageProcessor", "EfficientNetImageProcessor"]
        {
            assert!(matches!(of(kind).unwrap_err(), ConfigError::Missing("resample")), "{kind}");
        }
    }

    /// The resizing and the crop of a processor for a size.
    fn steps(kind: &str, changes: Value) -> (ResizeTo, Option<[u32; 2]>) {
        let mut json = json!({"image_processor_type": kind, "crop_size": null});
        json.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let read = with(json).unwrap();
        (read.resize.unwrap().size, read.crop)
    }

    #[test]
    fn convnext_crops_below_384_and_warps_from_there() {
        let of = |changes| steps("ConvNextFeatureExtractor", changes);
        assert_eq!(of(json!({"size": 56})), (shortest(64), Some([56, 56])));
        assert_eq!(of(json!({"size": {"shortest_edge": 224}, "crop_pct": 0.95})), (shortest(235), Some([224, 224])));
        let warped = ResizeTo::Exact { height: 384, width: 384 };
        assert_eq!(of(json!({"size": {"shortest_edge": 384}, "crop_pct": 0.875})), (warped, Some([384, 384])));
        let exact = json!({"image_processor_type": "ConvNextImageProcessor", "size": {"height": 224, "width": 224}, "crop_size": null});
        assert!(matches!(with(exact).unwrap_err(), ConfigError::Value { key: "size", .. }));
        let cropped =
            json!({"image_processor_type": "ConvNextImageProcessor", "do_center_crop": true, "crop_size": 200});
        assert!(matches!(with(cropped).unwrap_err(), ConfigError::Unsupported { key, .. } if key == "do_center_crop"));
    }

    #[test]
    fn levit_and_poolformer_resize_to_more_than_they_crop() {
        let crop = json!({"size": {"shortest_edge": 56}, "crop_size": 56});
        assert_eq!(steps("LevitImageProcessor", crop.clone()), (shortest(64), Some([56, 56])));
        assert_eq!(steps("PoolFormerImageProcessor", crop), (shortest(62), Some([56, 56])));
        let wide = json!({"size": {"height": 90, "width": 45}, "crop_size": 40, "crop_pct": 0.5});
        let expected = (ResizeTo::Exact { height: 180, width: 90 }, Some([40, 40]));
        assert_eq!(steps("PoolFormerImageProcessor", wide), expected);
    }

    #[test]
    fn dpt_takes_the_nearest_multiple() {
        let of = |multiple: Value| {
            steps("DPTImageProcessor", json!({"size": {"height": 60, "width": 75}, "ensure_multiple_of": multiple})).0
        };
        assert_eq!(of(json!(14)), ResizeTo::Exact { height: 56, width: 70 });
        assert_eq!(of(Value::Null), ResizeTo::Exact { height: 60, width: 75 });
        for multiple in [0, 8, 1000] {
            let changes =
                json!({"image_processor_type": "DPTImageProcessor", "size": 60, "ensure_multiple_of": multiple});
            let error = with(changes).unwrap_err();
            assert!(matches!(error, ConfigError::Value { key: "ensure_multiple_of", .. }), "{multiple}: {error}");
        }
    }

    #[test]
    fn efficientnet_shifts_and_divides_twice() {
        let of = |changes: Value| {
            let mut json =
                json!({"image_processor_type": "EfficientNetImageProcessor", "size": {"height": 9, "width": 9}});
            json.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            with(json).unwrap()
        };
        let plain = of(json!({"include_top": false}));
        assert_eq!((plain.mean, plain.std, plain.crop), ([0.5, 0.4, 0.3], [0.3, 0.2, 0.1], None));
        let squares = [0.3f32 * 0.3, 0.2 * 0.2, 0.1 * 0.1];
        assert_eq!(of(json!({})).std, squares);
        assert_eq!(of(json!({"rescale_offset": true})).mean, [1.5, 1.4, 1.3]);
        assert_eq!(of(json!({"rescale_offset": true, "do_rescale": false})).mean, [0.5, 0.4, 0.3]);
        let once = of(json!({"do_normalize": false}));
        assert_eq!((once.mean, once.std), ([0.0; 3], [0.3, 0.2, 0.1]));
    }

    #[test]
    fn mobilevit_swaps_the_channels_and_does_not_normalise() {
        let read = with(json!({"image_processor_type": "MobileViTImageProcessor", "image_mean": null})).unwrap();
        assert_eq!((read.channels, read.mean, read.std), (Channels::Bgr, [0.0; 3], [1.0; 3]));
        let read = with(json!({"image_processor_type": "MobileViTImageProcessor", "do_flip_channel_order": false}));
        assert_eq!(read.unwrap().channels, Channels::Rgb);
    }

    #[test]
    fn steps_that_are_not_done_here_are_refused_by_name() {
        for (key, on) in [
            ("do_pad", json!(true)),
            ("pad_size", json!({"height": 224, "width": 224})),
            ("do_thumbnail", json!(true)),
            ("do_align_long_axis", json!(true)),
            ("do_grayscale", json!(true)),
            ("keep_aspect_ratio", json!(true)),
            ("size_divisor", json!(32)),
            ("use_square_size", json!(true)),
            ("auto_map", json!({"AutoImageProcessor": "code.Processor"})),
            ("pretrained_cfg", json!({"interpolation": "bicubic"})),
            ("some_key_of_tomorrow", json!("warp")),
            // Read by some processors, not by this one.
            ("rescale_offset", json!(true)),
            ("include_top", json!(true)),
            ("ensure_multiple_of", json!(14)),
            ("crop_pct", json!(0.875)),
        ] {
            let error = with(json!({key: on})).unwrap_err();
            assert!(matches!(&error, ConfigError::Unsupported { key: named, .. } if named == key), "{key}: {error}");
        }
        for key in ["do_pad", "do_grayscale", "some_key_of_tomorrow", "include_top", "keep_aspect_ratio"] {
            assert!(with(json!({key: false})).is_ok(), "{key}");
        }
        let error = with(json!({"size": {"shortest_edge": 224, "longest_edge": 300}})).unwrap_err();
        assert!(matches!(error, ConfigError::Unsupported { key, .. } if key == "size.longest_edge"));
        let glpn = json!({"image_processor_type": "GLPNImageProcessor", "size": {"height": 64, "width": 64}});
        assert!(matches!(with(glpn).unwrap_err(), ConfigError::Unsupported { key, .. } if key == "do_resize"));
        let perceiver = json!({"image_processor_type": "PerceiverImageProcessor"});
        assert!(
            matches!(with(perceiver).unwrap_err(), ConfigError::Unsupported { key, .. } if key == "do_center_crop")
        );
        let beit = json!({"image_processor_type": "BeitImageProcessor"});
        assert!(matches!(with(beit).unwrap_err(), ConfigError::Missing("do_center_crop")));
    }

    #[test]
    fn what_a_file_says_is_shown_shortly_and_without_characters_that_deceive() {
        for (key, value) in [("a\u{1b}[31m\u{202e}b", json!(1)), ("labels", json!("\u{202e}x\n".repeat(9000)))] {
            let error = with(json!({key: value})).unwrap_err().to_string();
            assert!(error.len() < 1000 && !error.contains(['\u{1b}', '\u{202e}', '\n']), "{error}");
        }
    }

    #[test]
    fn processors_whose_steps_are_not_known_are_refused_by_name() {
        for class in
            ["Siglip2ImageProcessor", "ViltImageProcessor", "ImageGPTImageProcessor", "SomeImageProcessor", "ViT", ""]
        {
            let error = with(json!({"image_processor_type": class})).unwrap_err();
            assert!(matches!(&error, ConfigError::Processor(named) if named == class), "{class}: {error}");
        }
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
        let uncropped = json!({"do_center_crop": false});
        assert!(matches!(with(uncropped).unwrap_err(), ConfigError::NoFixedSize));
        let neither = json!({"do_resize": false, "do_center_crop": false});
        assert!(matches!(with(neither).unwrap_err(), ConfigError::NoFixedSize));
        // CLIP's processor crops where the file does not forbid it.
        assert!(matches!(with(json!({"crop_size": null})).unwrap_err(), ConfigError::Missing("crop_size")));
    }

    #[test]
    fn nonsense_is_refused() {
        for (key, value) in [
            ("size", json!(0)),
            ("size", json!({"shortest_edge": 4_000_000_000u32})),
            ("size", json!({"height": 224, "width": 0})),
            ("size", json!({"height": 224})),
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
            ("resample", json!("bicubic")),
            ("image_mean", json!([0.5, 0.5])),
            ("image_std", json!("0.5")),
            ("do_resize", json!("yes")),
            ("image_processor_type", json!(7)),
        ] {
            let error = with(json!({key: value})).unwrap_err();
            assert!(matches!(error, ConfigError::Value { key: named, .. } if named == key), "{key}: {error}");
        }
        let error = with(json!({"image_processor_type": "ConvNextImageProcessor", "crop_pct": -0.5})).unwrap_err();
        assert!(matches!(error, ConfigError::Value { key: "crop_pct", .. }), "{error}");
        for text in ["", "[]", "null", "{"] {
            assert!(matches!(Preprocessing::from_hugging_face(text, ""), Err(ConfigError::Json(_))), "{text:?}");
        }
    }
}
