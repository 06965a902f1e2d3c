//! TIFF: samples in any arrangement that the decoder can unpack, and what they mean.

mod colour;
mod layout;
mod reader;
mod unpack;

use image::error::{DecodingError, ImageFormatHint};
use image::metadata::Orientation;
use image::{ImageError, ImageFormat, RgbImage};
use tiff::decoder::Decoder;
use tiff::tags::{CompressionMethod, ExtraSamples, PhotometricInterpretation, Tag};
use tiff::{TiffError, TiffUnsupportedError};

use self::colour::{Alpha, Colours, Converter, YCbCr};
use self::layout::Layout;
use self::reader::Reader;
use super::{DecodeError, Limits};

const FORMAT: &str = "TIFF";
const INK_SET: Tag = Tag::Unknown(332);
const YCBCR_COEFFICIENTS: Tag = Tag::Unknown(529);
const REFERENCE_BLACK_WHITE: Tag = Tag::Unknown(532);
const DNG_VERSION: Tag = Tag::Unknown(50706);
/// What one program writes for alpha in place of the numbers that the standard has.
const COREL_ALPHA: u64 = 999;

/// Samples that are converted at once.
const PIECE: usize = 1 << 16;

type TiffDecoder<'a> = Decoder<Reader<'a>>;

/// A TIFF file of which the first picture is described, and within the limits.
pub(super) struct Tiff<'a> {
    file: &'a [u8],
    decoder: TiffDecoder<'a>,
    dimensions: (u32, u32),
    orientation: Orientation,
    layout: Layout,
    converter: Converter,
}

impl<'a> Tiff<'a> {
    pub(super) fn open(file: &'a [u8], limits: &Limits) -> Result<Self, DecodeError> {
        let camera_raw = DecodeError::NotRead { kind: super::foreign::CAMERA_RAW };
        if file.get(8..10) == Some(b"CR") {
            return Err(camera_raw);
        }
        let mut decoder = Decoder::new(Reader::new(file)).map_err(decode_error)?;
        let dimensions = decoder.dimensions().map_err(decode_error)?;
        super::check_pixels(dimensions, limits, FORMAT)?;
        if is_camera_raw(&mut decoder)? {
            return Err(camera_raw);
        }
        let layout = Layout::read(&mut decoder, dimensions, limits)?;
        let converter = converter(&mut decoder, &layout)?;
        let orientation = number(&mut decoder, Tag::Orientation)?.and_then(|n| u8::try_from(n).ok());
        let orientation = orientation.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms);
        let decoder = layout.show_samples(decoder, file)?;
        Ok(Self { file, decoder, dimensions, orientation, layout, converter })
    }

    pub(super) fn dimensions(&self) -> (u32, u32) {
        self.dimensions
    }

    /// The picture over white, upright.
    pub(super) fn decode(mut self) -> Result<RgbImage, DecodeError> {
        if self.layout.is_float {
            self.find_scales()?;
        }
        let (width, height) = self.dimensions;
        let mut pixels = RgbImage::new(width, height);
        let converter = &self.converter;
        let out = pixels.as_flat_samples_mut().samples;
        let convert = |x: usize, y: usize, piece: Piece<'_>| {
            let out = &mut out[3 * (y * width as usize + x)..];
            match piece {
                Piece::Bytes(bytes) => out[..bytes.len()].copy_from_slice(bytes),
                Piece::Samples(samples, stride) => converter.convert(samples, stride, out),
            }
        };
        read(&mut self.decoder, self.file, &self.layout, converter.samples(), converter.is_plain(), convert)?;
        Ok(super::turned(pixels, self.orientation))
    }

    /// What floating-point samples are to be multiplied by: they go from 0 to 1 or from 0 to 255, of which the file says
    /// nothing.
    fn find_scales(&mut self) -> Result<(), DecodeError> {
        let colours = self.converter.colours.samples();
        let has_alpha = self.converter.alpha != Alpha::None;
        let (mut colour, mut alpha) = (Range::default(), Range::default());
        let wanted = self.converter.samples();
        read(&mut self.decoder, self.file, &self.layout, wanted, false, |_, _, piece| {
            let Piece::Samples(samples, stride) = piece else { return };
            for pixel in samples.chunks_exact(stride) {
                pixel[..colours].iter().for_each(|sample| colour.include(*sample));
                if has_alpha {
                    alpha.include(pixel[colours]);
                }
            }
        })?;
        self.converter.colour_scale = colour.scale()?;
        self.converter.alpha_scale = alpha.scale()?;
        Ok(())
    }
}

/// A part of a row.
enum Piece<'a> {
    /// The samples as they are stored, and how many come from one pixel to the next.
    Samples(&'a mut [f32], usize),
    /// RGB of 8 bits.
    Bytes(&'a [u8]),
}

/// Reads the picture in pieces of rows: `piece` gets the place of the first pixel and the samples, of which the `wanted`
/// first ones of each pixel are set. Those of 8 bits are not made numbers if they are `plain`, as in most files.
fn read(
    decoder: &mut TiffDecoder<'_>,
    file: &[u8],
    layout: &Layout,
    wanted: usize,
    plain: bool,
    mut piece: impl FnMut(usize, usize, Piece<'_>),
) -> Result<(), DecodeError> {
    let stride = layout.stride(wanted);
    // Not more, so that a very wide picture does not take much more memory as numbers than as it is stored.
    let most = (PIECE / stride).max(1);
    let mut samples = vec![0.0; most.min(layout.chunk.0 as usize) * stride];
    for place in layout.places() {
        let stored = layout.samples(decoder, file, &place, wanted)?;
        for y in 0..place.height {
            if let Some(bytes) = stored.bytes(y).filter(|_| plain) {
                piece(place.left, place.top + y, Piece::Bytes(bytes));
                continue;
            }
            for x in (0..place.width).step_by(most) {
                let samples = &mut samples[..most.min(place.width - x) * stride];
                stored.piece(x, y, samples);
                piece(place.left + x, place.top + y, Piece::Samples(samples, stride));
            }
        }
    }
    Ok(())
}

/// The range of floating-point samples.
#[derive(Default)]
struct Range {
    least: f32,
    most: f32,
    has_nan: bool,
}

impl Range {
    /// Half of a level of 8 bits, by which a sample may be outside of its range.
    const HALF_LEVEL: f32 = 0.5;
    /// A picture from 0 to 255 has something that is brighter than this; one from 0 to 1 that was sharpened has not.
    const DARK: f32 = 16.0;

    fn include(&mut self, sample: f32) {
        self.least = self.least.min(sample);
        self.most = self.most.max(sample);
        self.has_nan |= sample.is_nan();
    }

    fn scale(&self) -> Result<f32, DecodeError> {
        if self.has_nan {
            return Err(unsupported("samples that are not numbers (NaN)"));
        }
        let fits = |white: f32| {
            let slack = Self::HALF_LEVEL * white / 255.0;
            self.least > -slack && self.most < white + slack
        };
        if fits(1.0) {
            Ok(255.0)
        } else if fits(255.0) && self.most >= Self::DARK {
            Ok(1.0)
        } else {
            let (least, most) = (self.least, self.most);
            Err(unsupported(format!(
                "floating-point samples from {least} to {most}, neither from 0 to 1 nor from 0 to 255"
            )))
        }
    }
}

/// What the samples mean.
fn converter(decoder: &mut TiffDecoder<'_>, layout: &Layout) -> Result<Converter, DecodeError> {
    use PhotometricInterpretation as Kind;

    let code = number(decoder, Tag::PhotometricInterpretation)?.and_then(|n| u16::try_from(n).ok());
    let kind = code.and_then(PhotometricInterpretation::from_u16).ok_or_else(unknown_colours)?;
    let colours = match kind {
        Kind::WhiteIsZero | Kind::BlackIsZero => Colours::Grey { white_is_zero: kind == Kind::WhiteIsZero },
        Kind::RGB => Colours::Rgb,
        Kind::CMYK if number(decoder, INK_SET)?.is_none_or(|set| set == 1) => Colours::Cmyk,
        Kind::CMYK => return Err(unsupported("inks other than cyan, magenta, yellow and black")),
        Kind::RGBPalette => palette(decoder, layout)?,
        Kind::YCbCr => ycbcr(decoder, layout)?,
        Kind::CIELab | Kind::IccLab | Kind::ItuLab => return Err(unsupported("CIE L*a*b* colours")),
        Kind::TransparencyMask => return Err(unsupported("a mask and no picture")),
        _ => return Err(unknown_colours()),
    };
    if layout.is_float && matches!(kind, Kind::RGBPalette | Kind::YCbCr) {
        return Err(unsupported("floating-point samples of a kind that has none"));
    }
    let extra = numbers(decoder, Tag::ExtraSamples)?;
    let alpha = alpha(&colours, layout.samples, &extra).ok_or_else(|| {
        unsupported(format!("{} samples a pixel, and does not say which of them are colours", layout.samples))
    })?;
    let most = (u64::MAX >> (64 - layout.bits)) as f32;
    let colour_scale = if matches!(colours, Colours::Palette(_)) { 1.0 } else { 255.0 / most };
    Ok(Converter { colours, alpha, colour_scale, alpha_scale: 255.0 / most })
}

/// What follows the samples of the colour, if that is known.
fn alpha(colours: &Colours, samples: usize, extra: &[u64]) -> Option<Alpha> {
    let is_grey = matches!(colours, Colours::Grey { .. });
    match (samples.checked_sub(colours.samples())?, extra) {
        (0, []) => Some(Alpha::None),
        // Left out by some programs.
        (1, []) if matches!(colours, Colours::Rgb) => Some(Alpha::Unassociated),
        (count, &[first, ..]) if count == extra.len() => match ExtraSamples::from_u16(u16::try_from(first).ok()?) {
            Some(ExtraSamples::AssociatedAlpha) => Some(Alpha::Associated),
            Some(ExtraSamples::UnassociatedAlpha) => Some(Alpha::Unassociated),
            None if first == COREL_ALPHA => Some(Alpha::Unassociated),
            // Programs that know nothing of the bands of an array call the first one grey and the others extra.
            _ if is_grey && count > 1 => None,
            _ => Some(Alpha::None),
        },
        _ => None,
    }
}

fn palette(decoder: &mut TiffDecoder<'_>, layout: &Layout) -> Result<Colours, DecodeError> {
    let list = numbers(decoder, Tag::ColorMap)?;
    let count = 1usize.checked_shl(layout.bits).unwrap_or(usize::MAX);
    if layout.bits > 16 || list.len() != 3 * count {
        return Err(unsupported("a palette that does not have as many colours as its samples can name"));
    }
    // The standard has 16 bits; some programs write 8.
    let shift = if list.iter().any(|&c| c > 0xFF) { 8 } else { 0 };
    let (red, rest) = list.split_at(count);
    let (green, blue) = rest.split_at(count);
    let colour = |((r, g), b): ((&u64, &u64), &u64)| [r, g, b].map(|c| (c >> shift) as u8);
    Ok(Colours::Palette(red.iter().zip(green).zip(blue).map(colour).collect()))
}

fn ycbcr(decoder: &mut TiffDecoder<'_>, layout: &Layout) -> Result<Colours, DecodeError> {
    let subsampling = numbers(decoder, Tag::ChromaSubsampling)?;
    if layout.compression != CompressionMethod::ModernJPEG && subsampling != [1, 1] {
        return Err(unsupported("YCbCr colours at a lower resolution, but not as JPEG"));
    }
    let weights = fractions(decoder, YCBCR_COEFFICIENTS, [0.299, 0.587, 0.114])?;
    let white = (u64::MAX >> (64 - layout.bits)) as f32;
    let middle = (1u64 << (layout.bits - 1)) as f32;
    let reference = fractions(decoder, REFERENCE_BLACK_WHITE, [0.0, white, middle, white, middle, white])?;
    if weights[1] == 0.0 || reference.chunks_exact(2).any(|pair| pair[0] == pair[1]) {
        return Err(unsupported("YCbCr colours without a range"));
    }
    Ok(Colours::YCbCr(YCbCr { weights, reference: reference.map(|c| c * 255.0 / white) }))
}

/// Whether the first picture is the preview of a file whose own is not developed yet.
fn is_camera_raw(decoder: &mut TiffDecoder<'_>) -> Result<bool, DecodeError> {
    let is_preview = number(decoder, Tag::NewSubfileType)?.is_some_and(|kind| kind & 1 == 1);
    let mut has = |tag| decoder.image_ifd().find_entry(tag).is_some();
    Ok(has(DNG_VERSION) || (is_preview && has(Tag::SubIfd)))
}

fn numbers(decoder: &mut TiffDecoder<'_>, tag: Tag) -> Result<Vec<u64>, DecodeError> {
    Ok(decoder.find_tag_unsigned_vec(tag).map_err(decode_error)?.unwrap_or_default())
}

fn number(decoder: &mut TiffDecoder<'_>, tag: Tag) -> Result<Option<u64>, DecodeError> {
    Ok(numbers(decoder, tag)?.first().copied())
}

/// The numbers of a tag, which may be fractions, if it has as many as are due and all are finite.
fn fractions<const N: usize>(
    decoder: &mut TiffDecoder<'_>,
    tag: Tag,
    default: [f32; N],
) -> Result<[f32; N], DecodeError> {
    use tiff::decoder::ifd::Value;

    let Some(Value::List(values)) = decoder.find_tag(tag).map_err(decode_error)? else { return Ok(default) };
    let given: Vec<f32> = values
        .into_iter()
        .map(|value| match value {
            Value::Rational(over, under) => over as f32 / under as f32,
            Value::SRational(over, under) => over as f32 / under as f32,
            Value::Float(value) => value,
            other => other.into_u32().map_or(f32::NAN, |value| value as f32),
        })
        .collect();
    match <[f32; N]>::try_from(given) {
        Ok(given) if given.iter().all(|value| value.is_finite()) => Ok(given),
        _ => Err(unsupported("colours whose range is not given in numbers")),
    }
}

fn unknown_colours() -> DecodeError {
    unsupported("colours of an unknown kind")
}

fn unsupported(what: impl Into<String>) -> DecodeError {
    DecodeError::Unsupported { format: FORMAT, what: what.into() }
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DecodeError {
    let source = ImageError::Decoding(DecodingError::new(ImageFormatHint::Exact(ImageFormat::Tiff), error));
    DecodeError::Broken { format: FORMAT, source }
}

fn decode_error(error: TiffError) -> DecodeError {
    match error {
        TiffError::IoError(source) => super::decode_error(ImageError::IoError(source), FORMAT),
        TiffError::UnsupportedError(TiffUnsupportedError::UnknownInterpretation) => unknown_colours(),
        other => broken(other),
    }
}
