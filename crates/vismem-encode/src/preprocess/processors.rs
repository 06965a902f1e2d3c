//! How the image processors of `transformers` differ: which keys each reads, and what holds where a file says nothing.

/// An image processor of `transformers`, with the defaults of its class. A default that differs between versions of
/// `transformers` is `None`: then the file must say it.
pub(super) struct Processor {
    /// The name of its class, without `ImageProcessor`.
    pub(super) name: &'static str,
    /// Values of `model_type` in `config.json` that mean it where the file itself names none.
    model_types: &'static [&'static str],
    /// Whether a number alone as `size` is a square or the shorter side.
    pub(super) is_square: Option<bool>,
    /// PIL's code of the filter.
    pub(super) resample: Option<u8>,
    pub(super) crops: Option<bool>,
    pub(super) normalizes: bool,
    pub(super) flips_channels: bool,
    /// What it does otherwise than the others.
    pub(super) own: Own,
}

/// What one processor does otherwise than the others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// Nothing.
    Nothing,
    /// Below 384 pixels the shorter side becomes `size / crop_pct` and the middle is cropped, else an exact square.
    ConvNext,
    /// The shorter side becomes 256/224 of `size`.
    Levit,
    /// `rescale_offset` takes away 1, `include_top` divides by the deviation a second time.
    EfficientNet,
    /// Sides become multiples of `ensure_multiple_of`.
    Dpt,
    /// Sides become multiples of `size_divisor`, and follow each picture.
    Glpn,
    /// The shorter side becomes `size / crop_pct`.
    PoolFormer,
    /// Crops before it resizes.
    Perceiver,
}

const BILINEAR: Option<u8> = Some(2);
const BICUBIC: Option<u8> = Some(3);

/// A processor that resizes to a square and does not crop.
const PLAIN: Processor = Processor {
    name: "",
    model_types: &[],
    is_square: Some(true),
    resample: BICUBIC,
    crops: Some(false),
    normalizes: true,
    flips_channels: false,
    own: Own::Nothing,
};

/// A processor that resizes the shorter side and crops.
const CROPPING: Processor = Processor { is_square: Some(false), crops: Some(true), ..PLAIN };

const PROCESSORS: [Processor; 23] = [
    Processor {
        name: "ViT",
        model_types: &["vit", "swin", "swinv2", "vit_mae", "vit_msn", "ijepa", "dinat", "swiftformer"],
        resample: BILINEAR,
        ..PLAIN
    },
    Processor { name: "DINOv3ViT", model_types: &["dinov3_vit", "dinov3_convnext"], resample: BILINEAR, ..PLAIN },
    Processor { name: "Blip", model_types: &["blip", "blip-2"], ..PLAIN },
    Processor { name: "Siglip", model_types: &["siglip", "siglip_vision_model"], is_square: None, ..PLAIN },
    Processor { name: "Pvt", model_types: &["pvt", "pvt_v2"], resample: None, ..PLAIN },
    Processor { name: "Segformer", model_types: &["segformer"], resample: BILINEAR, ..PLAIN },
    Processor { name: "OwlViT", model_types: &["owlvit"], ..PLAIN },
    Processor { name: "Beit", model_types: &["beit", "data2vec-vision"], crops: None, ..PLAIN },
    Processor { name: "DeiT", model_types: &["deit"], crops: Some(true), ..PLAIN },
    Processor { name: "CLIP", model_types: &["clip", "clip_vision_model", "metaclip_2"], ..CROPPING },
    Processor { name: "ChineseCLIP", model_types: &["chinese_clip"], ..CROPPING },
    Processor {
        name: "Bit",
        model_types: &["bit", "dinov2", "dinov2_with_registers", "focalnet", "hiera"],
        ..CROPPING
    },
    Processor { name: "ViTHybrid", model_types: &["vit-hybrid"], ..CROPPING },
    Processor { name: "MobileNetV1", model_types: &["mobilenet_v1"], resample: BILINEAR, ..CROPPING },
    Processor { name: "MobileNetV2", model_types: &["mobilenet_v2"], resample: BILINEAR, ..CROPPING },
    Processor {
        name: "MobileViT",
        model_types: &["mobilevit", "mobilevitv2"],
        resample: None,
        normalizes: false,
        flips_channels: true,
        ..CROPPING
    },
    Processor {
        name: "ConvNext",
        model_types: &["convnext", "convnextv2", "cvt", "resnet", "regnet"],
        is_square: Some(false),
        resample: None,
        own: Own::ConvNext,
        ..PLAIN
    },
    Processor { name: "Levit", model_types: &["levit"], own: Own::Levit, ..CROPPING },
    Processor {
        name: "EfficientNet",
        model_types: &["efficientnet", "align"],
        resample: None,
        own: Own::EfficientNet,
        ..PLAIN
    },
    Processor { name: "DPT", model_types: &["dpt", "depth_anything"], own: Own::Dpt, ..PLAIN },
    Processor { name: "GLPN", model_types: &["glpn"], resample: BILINEAR, own: Own::Glpn, ..PLAIN },
    Processor { name: "PoolFormer", model_types: &["poolformer"], own: Own::PoolFormer, ..CROPPING },
    Processor { name: "Perceiver", model_types: &["perceiver"], crops: Some(true), own: Own::Perceiver, ..PLAIN },
];

impl Processor {
    /// The processor of a class, also of its fast form and by the name that it had before 2023.
    pub(super) fn of_class(class: &str) -> Option<&'static Self> {
        let class = class.strip_suffix("Fast").or(class.strip_suffix("Pil")).unwrap_or(class);
        let name = class.strip_suffix("ImageProcessor").or(class.strip_suffix("FeatureExtractor"))?;
        PROCESSORS.iter().find(|processor| processor.name == name)
    }

    /// The processor that `transformers` takes for a model where the file names none.
    pub(super) fn of_model(model_type: &str) -> Option<&'static Self> {
        PROCESSORS.iter().find(|processor| processor.model_types.contains(&model_type))
    }

    /// What holds where nothing tells which processor is meant.
    pub(super) const UNKNOWN: Self = Self { is_square: None, crops: None, ..PLAIN };

    /// Whether it reads this key, one of those that change pixels.
    pub(super) fn reads(&self, key: &str) -> bool {
        match self.own {
            Own::ConvNext | Own::PoolFormer => key == "crop_pct",
            Own::EfficientNet => matches!(key, "rescale_offset" | "include_top"),
            Own::Dpt => key == "ensure_multiple_of",
            Own::Nothing | Own::Levit | Own::Glpn | Own::Perceiver => false,
        }
    }
}
