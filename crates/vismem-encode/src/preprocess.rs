//! From a picture to the numbers a model reads.

mod config;

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};
use fir::pixels::U8x3;
use fir::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

pub use config::ConfigError;

/// How a picture becomes a model's input. Steps in this order: RGB, resize, centre crop, `(x · rescale − mean) / std`.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocessing {
    /// Resize step, if any.
    pub resize: Option<Resize>,
    /// Height and width of the centre crop, if any. What lies outside the picture is zero (black) before rescaling.
    pub crop: Option<[u32; 2]>,
    /// Factor on the 8-bit values, 1/255 for most models.
    pub rescale: f32,
    /// Mean per channel, subtracted after rescaling.
    pub mean: [f32; 3],
    /// Standard deviation per channel, divided by last.
    pub std: [f32; 3],
    /// Order of the channels in the model's input.
    pub channels: Channels,
}

/// The resize step of a [`Preprocessing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resize {
    /// Size of the result.
    pub size: ResizeTo,
    /// Interpolation.
    pub filter: Filter,
    /// Whether the filter widens when it shrinks a picture (as PIL does), or always looks at the same few source
    /// pixels (as OpenCV and `antialias=False` do).
    pub antialias: bool,
}

/// Size after the resize step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResizeTo {
    /// The shorter side gets this length, the longer one keeps the aspect ratio.
    ShortestEdge {
        /// Length of the shorter side in pixels.
        length: u32,
        /// How the longer side becomes a whole number. Implementations differ, and one pixel moves the whole crop.
        rounding: Rounding,
    },
    /// Exactly this height and width; the aspect ratio may change.
    Exact {
        /// Height in pixels.
        height: u32,
        /// Width in pixels.
        width: u32,
    },
}

/// How the longer side becomes a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Down, as `transformers` and `torchvision` do.
    Down,
    /// To the nearest, halves to even, as Python's `round`.
    Nearest,
}

/// Interpolation filters, with PIL's meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// The nearest source pixel.
    Nearest,
    /// Equal weights over the area.
    Box,
    /// Triangle.
    Bilinear,
    /// Hamming window.
    Hamming,
    /// Cubic with a = −0.5 (Catmull-Rom).
    Bicubic,
    /// Windowed sinc of three lobes.
    Lanczos,
}

/// Order of the channels in the model's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

impl Preprocessing {
    /// What the paper's authors did with pictures, for the families of models that they used (their notebook; docs/encoders.md
    /// has how it differs from the hub's own): DINOv2 resized to 256 with antialiasing, CLIP to 224 without; bicubic, centre
    /// crop of 224. `model_type` is that of `config.json`. `None` for another family.
    pub fn paper(model_type: &str) -> Option<Self> {
        let (length, antialias, mean, std) = if model_type.starts_with("dinov2") {
            (256, true, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        } else if model_type.starts_with("clip") {
            let (mean, std) = ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.2613026, 0.2757771]);
            (224, false, mean, std)
        } else {
            return None;
        };
        let size = ResizeTo::ShortestEdge { length, rounding: Rounding::Down };
        Some(Self {
            resize: Some(Resize { size, filter: Filter::Bicubic, antialias }),
            crop: Some([224, 224]),
            rescale: 1.0 / 255.0,
            mean,
            std,
            channels: Channels::Rgb,
        })
    }

    /// Height and width of every result, or `None` when they would follow the picture's own shape.
    pub fn output_size(&self) -> Option<[u32; 2]> {
        self.crop.or(match self.resize {
            Some(Resize { size: ResizeTo::Exact { height, width }, .. }) => Some([height, width]),
            _ => None,
        })
    }

    /// One line that names every step and number. Two preprocessings do the same if and only if their descriptions are
    /// equal; it is part of what an encoder's identity is hashed from.
    pub fn describe(&self) -> String {
        let resize = match self.resize {
            None => "none".to_owned(),
            Some(Resize { size, filter, antialias }) => {
                let size = match size {
                    ResizeTo::ShortestEdge { length, rounding } => format!("short={length},long={rounding:?}"),
                    ResizeTo::Exact { height, width } => format!("height={height},width={width}"),
                };
                format!("{size},filter={filter:?},antialias={antialias}")
            }
        };
        let crop = self.crop.map_or("none".to_owned(), |[h, w]| format!("{h}x{w}"));
        let Self { rescale, mean, std, channels, .. } = self;
        // {:?} of a float is the shortest text that reads back to the same bits.
        format!("resize:{resize};crop:{crop};rescale:{rescale:?};mean:{mean:?};std:{std:?};channels:{channels:?}")
    }

    /// Writes the model's input for one picture: 3 planes (channels), each height × width, row by row.
    ///
    /// `out` must have 3 × height × width elements of [`output_size`](Self::output_size).
    ///
    /// # Panics
    /// When there is no fixed output size or `out` has another length. Sizes that a picture has never panic.
    pub fn apply(&self, image: &RgbImage, out: &mut [f32]) {
        let [crop_h, crop_w] = self.output_size().expect("a preprocessing of fixed output size");
        let plane = crop_h as usize * crop_w as usize;
        assert_eq!(out.len(), 3 * plane, "the output holds 3 x height x width elements");
        let resized;
        let image = match &self.resize {
            Some(resize) => {
                resized = resize.apply(image, [crop_h, crop_w]);
                &resized
            }
            None => image,
        };
        let tables = self.tables();
        let (width, height) = (i64::from(image.width()), i64::from(image.height()));
        // Floor division also when the picture is smaller than the crop, so that the padding is centred.
        let top = (height - i64::from(crop_h)).div_euclid(2);
        let left = (width - i64::from(crop_w)).div_euclid(2);
        let raw = image.as_raw();
        for channel in 0..3 {
            let from = if self.channels == Channels::Rgb { channel } else { 2 - channel };
            let table = &tables[channel];
            let rows = out[channel * plane..][..plane].chunks_exact_mut(crop_w as usize);
            for (y, row) in (top..).zip(rows) {
                let inside_y = (0..height).contains(&y);
                for (x, value) in (left..).zip(row) {
                    let inside = inside_y && (0..width).contains(&x);
                    let byte = if inside { raw[((y * width + x) * 3) as usize + from] } else { 0 };
                    *value = table[usize::from(byte)];
                }
            }
        }
    }

    /// The result for each of the 256 values of a channel.
    fn tables(&self) -> [[f32; 256]; 3] {
        std::array::from_fn(|c| std::array::from_fn(|byte| (byte as f32 * self.rescale - self.mean[c]) / self.std[c]))
    }
}

impl Resize {
    /// Height and width for a picture of `height` × `width`.
    fn target(&self, height: u32, width: u32, at_least: [u32; 2]) -> [u32; 2] {
        match self.size {
            ResizeTo::Exact { height, width } => [height, width],
            ResizeTo::ShortestEdge { length, rounding } => {
                let (short, long) = (height.min(width), height.max(width));
                let long = match rounding {
                    // In whole numbers, because 256 * 300 / 200 must not become 383.999.
                    Rounding::Down => (u64::from(length) * u64::from(long) / u64::from(short)) as f64,
                    Rounding::Nearest => (f64::from(long) * (f64::from(length) / f64::from(short))).round_ties_even(),
                };
                let long = long.min(f64::from(u32::MAX)) as u32;
                let [h, w] = if height <= width { [length, long] } else { [long, length] };
                match rounding {
                    Rounding::Down => [h, w],
                    Rounding::Nearest => [h.max(at_least[0]), w.max(at_least[1])],
                }
            }
        }
    }

    fn apply(&self, image: &RgbImage, crop: [u32; 2]) -> RgbImage {
        if let (ResizeTo::ShortestEdge { .. }, Some(middle)) = (self.size, middle_of_a_strip(image)) {
            return self.apply(&middle, crop);
        }
        if let Some(smaller) = averaged(image) {
            return self.apply(&smaller, crop);
        }
        let [height, width] = self.target(image.height(), image.width(), crop);
        let filter = match self.filter {
            Filter::Nearest => None,
            Filter::Box => Some(FilterType::Box),
            Filter::Bilinear => Some(FilterType::Bilinear),
            Filter::Hamming => Some(FilterType::Hamming),
            Filter::Bicubic => Some(FilterType::CatmullRom),
            Filter::Lanczos => Some(FilterType::Lanczos3),
        };
        let algorithm = match filter {
            None => ResizeAlg::Nearest,
            Some(filter) if self.antialias => ResizeAlg::Convolution(filter),
            Some(filter) => ResizeAlg::Interpolation(filter),
        };
        // Of one pixel type: the library's untyped images would bring the code for all thirteen.
        let from = TypedImageRef::<U8x3>::from_buffer(image.width(), image.height(), image.as_raw())
            .expect("an RGB image holds 3 bytes a pixel");
        let mut resized = RgbImage::new(width, height);
        let mut to = TypedImage::<U8x3>::from_buffer(width, height, &mut resized)
            .expect("the resized image has the size asked for");
        Resizer::new()
            .resize_typed(&from, &mut to, &ResizeOptions::new().resize_alg(algorithm).use_alpha(false))
            .expect("the whole picture lies within itself");
        resized
    }
}

/// The middle of a picture that is more than [`LONGEST_STRIP`] times as long as wide. A strip of 1 × 65,535 pixels
/// would otherwise grow to gigabytes, of which the centre crop then keeps a square.
fn middle_of_a_strip(image: &RgbImage) -> Option<RgbImage> {
    let (width, height) = image.dimensions();
    let longest = width.min(height).saturating_mul(LONGEST_STRIP);
    let (w, h) = (width.min(longest), height.min(longest));
    if (w, h) == (width, height) {
        return None;
    }
    Some(image::imageops::crop_imm(image, (width - w) / 2, (height - h) / 2, w, h).to_image())
}

const LONGEST_STRIP: u32 = 64;

/// A picture with a side of more than [`LONGEST_SIDE`], of which each whole number of neighbours along that side is
/// averaged. The weights of a filter over 99 million pixels would take gigabytes.
fn averaged(image: &RgbImage) -> Option<RgbImage> {
    let (width, height) = image.dimensions();
    if width.max(height) <= LONGEST_SIDE {
        return None;
    }
    let [across, down] = [width, height].map(|side| side.div_ceil(LONGEST_SIDE));
    Some(RgbImage::from_fn(width.div_ceil(across), height.div_ceil(down), |x, y| {
        let (columns, rows) = (x * across..width.min((x + 1) * across), y * down..height.min((y + 1) * down));
        let count = columns.len() as u64 * rows.len() as u64;
        let mut sum = [0; 3];
        for (x, y) in rows.flat_map(|y| columns.clone().map(move |x| (x, y))) {
            for (sum, channel) in sum.iter_mut().zip(image.get_pixel(x, y).0) {
                *sum += u64::from(channel);
            }
        }
        image::Rgb(sum.map(|sum| ((sum + count / 2) / count) as u8))
    }))
}

/// The longest side that JPEG can have; beyond it are no pictures that anybody looks at whole.
const LONGEST_SIDE: u32 = 65_535;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_very_long_picture_is_averaged_before_its_filter_is_made() {
        let size = ResizeTo::Exact { height: 4, width: 4 };
        let resize = Resize { size, filter: Filter::Bicubic, antialias: true };
        let halves = |x: u32, length: u32| if x < length / 2 { [200, 100, 0] } else { [0, 50, 250] };
        let long = 30_000_000;
        for (width, height) in [(long, 1), (1, long)] {
            let image = RgbImage::from_fn(width, height, |x, y| image::Rgb(halves(x.max(y), long)));
            let resized = resize.apply(&image, [4, 4]);
            let short = RgbImage::from_fn(width.min(64), height.min(64), |x, y| image::Rgb(halves(x.max(y), 64)));
            let expected = resize.apply(&short, [4, 4]);
            let worst = resized.iter().zip(expected.iter()).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(2), "{width} x {height}: {worst:?}");
        }
    }
}
