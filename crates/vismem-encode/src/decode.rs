//! Bytes to 8-bit RGB.
//!
//! The format comes from the content, never from the file's name. Greyscale, palettes, CMYK and 16 bits become 8-bit
//! RGB, transparency is laid over white, an animation gives its first picture, EXIF orientation is applied, and colour
//! profiles are ignored (as the models' own reference code does).

mod foreign;
mod jpeg;
mod orientation;
mod png;
mod tiff;

use std::borrow::Cow;
use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, RgbImage};

/// What one image may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest width × height, checked from the header before any pixel is decoded. Default: 100 million.
    pub max_pixels: u64,
    /// Largest file, in bytes. Default: 512 MiB.
    pub max_file_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pixels: 100_000_000, max_file_bytes: 512 << 20 }
    }
}

/// Why bytes are not a picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are no bytes at all.
    #[error("the file is empty (0 bytes); delete it or fetch it again")]
    Empty,
    /// The content does not begin like any format read here.
    #[error("not an image that can be read here (JPEG, PNG, WebP, GIF, BMP, TIFF or PNM); convert it to PNG or JPEG")]
    NotAnImage,
    /// The content is a picture, a video or a document of a kind that is not read here.
    #[error("{kind}, which vismem does not read: convert it to PNG or JPEG")]
    NotRead {
        /// What it is, with its article.
        kind: &'static str,
    },
    /// The file ends before the picture does.
    #[error("the {format} file is truncated; fetch it again")]
    Truncated {
        /// The format by content.
        format: &'static str,
    },
    /// The header claims more pixels than [`Limits::max_pixels`].
    #[error(
        "{width} x {height} pixels are more than the limit of {limit}; raise the pixel limit if this is a real picture"
    )]
    TooManyPixels {
        /// Width in pixels, as the header says.
        width: u32,
        /// Height in pixels, as the header says.
        height: u32,
        /// The limit that was set.
        limit: u64,
    },
    /// The header claims a width or height of zero.
    #[error("the {format} file has no pixels; delete it or fetch it again")]
    NoPixels {
        /// The format by content.
        format: &'static str,
    },
    /// The picture is of a kind that its format allows and that is not read here.
    #[error("the {format} file has {what}, which vismem does not read: convert it to PNG or JPEG")]
    Unsupported {
        /// The format by content.
        format: &'static str,
        /// What of it is not read.
        what: String,
    },
    /// The file is damaged, or uses a feature of the format that is not supported.
    #[error("cannot decode the {format} file: {source}; open it in an image editor and save it again")]
    Broken {
        /// The format by content.
        format: &'static str,
        /// What the decoder said.
        source: ImageError,
    },
}

/// Decodes one picture to 8-bit RGB, upright.
///
/// # Errors
/// [`DecodeError`], for anything that is not a whole, supported picture within `limits`. Junk never panics.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    Header::read(bytes, limits)?.decode()
}

/// An image whose header is read and whose size is within the limits, but whose pixels are not decoded yet.
pub(crate) struct Header<'a> {
    bytes: &'a [u8],
    decoder: Decoder<'a>,
    kind: ImageFormat,
    format: &'static str,
}

enum Decoder<'a> {
    Tiff(Box<tiff::Tiff<'a>>),
    Other(Box<dyn ImageDecoder + 'a>),
}

impl<'a> Header<'a> {
    pub(crate) fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, DecodeError> {
        if bytes.is_empty() {
            return Err(DecodeError::Empty);
        }
        let (kind, format) = sniff(bytes).ok_or_else(|| match foreign::kind(bytes) {
            Some(kind) => DecodeError::NotRead { kind },
            None => DecodeError::NotAnImage,
        })?;
        let decoder = match kind {
            ImageFormat::Tiff => Decoder::Tiff(Box::new(tiff::Tiff::open(bytes, limits)?)),
            _ => Decoder::Other(open(bytes, kind, format, limits)?),
        };
        Ok(Self { bytes, decoder, kind, format })
    }

    /// Width × height.
    pub(crate) fn pixels(&self) -> u64 {
        let (width, height) = match &self.decoder {
            Decoder::Tiff(tiff) => tiff.dimensions(),
            Decoder::Other(decoder) => decoder.dimensions(),
        };
        u64::from(width) * u64::from(height)
    }

    pub(crate) fn decode(self) -> Result<RgbImage, DecodeError> {
        let mut decoder = match self.decoder {
            Decoder::Tiff(tiff) => return tiff.decode(),
            Decoder::Other(decoder) => decoder,
        };
        if self.kind == ImageFormat::Jpeg && !jpeg::has_every_block(self.bytes) {
            return Err(DecodeError::Truncated { format: self.format });
        }
        let orientation = orientation::of(self.bytes, self.kind, &mut *decoder);
        let mut image = DynamicImage::from_decoder(decoder).map_err(|e| decode_error(e, self.format))?;
        image.apply_orientation(orientation);
        Ok(over_white(image))
    }
}

fn open<'a>(
    bytes: &'a [u8],
    kind: ImageFormat,
    format: &'static str,
    limits: &Limits,
) -> Result<Box<dyn ImageDecoder + 'a>, DecodeError> {
    if kind == ImageFormat::Jpeg && !jpeg::has_end(bytes) {
        // The decoder would paint the missing part grey and call that a picture.
        return Err(DecodeError::Truncated { format });
    }
    let content = if kind == ImageFormat::Png { png::pixels_only(bytes) } else { Cow::Borrowed(bytes) };
    let mut reader = ImageReader::with_format(Cursor::new(content), kind);
    let mut allocation = image::Limits::default();
    // 16-bit RGBA needs 8 bytes a pixel; decoders keep some rows or a second frame besides.
    allocation.max_alloc = Some(limits.max_pixels.saturating_mul(16).max(64 << 20));
    reader.limits(allocation);
    let decoder = reader.into_decoder().map_err(|e| decode_error(e, format))?;
    check_pixels(decoder.dimensions(), limits, format)?;
    Ok(Box::new(decoder))
}

fn check_pixels((width, height): (u32, u32), limits: &Limits, format: &'static str) -> Result<(), DecodeError> {
    if width == 0 || height == 0 {
        return Err(DecodeError::NoPixels { format });
    }
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(DecodeError::TooManyPixels { width, height, limit: limits.max_pixels });
    }
    Ok(())
}

fn sniff(bytes: &[u8]) -> Option<(ImageFormat, &'static str)> {
    // BigTIFF, which the library's own list does not have.
    if bytes.starts_with(b"II+\0") || bytes.starts_with(b"MM\0+") {
        return Some((ImageFormat::Tiff, "TIFF"));
    }
    let kind = image::guess_format(bytes).ok()?;
    let name = match kind {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::WebP => "WebP",
        ImageFormat::Gif => "GIF",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Pnm => "PNM",
        _ => return None,
    };
    Some((kind, name))
}

fn decode_error(source: ImageError, format: &'static str) -> DecodeError {
    match &source {
        ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => DecodeError::Truncated { format },
        _ => DecodeError::Broken { format, source },
    }
}

fn over_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let rgba = image.into_rgba8();
    let mut rgb = RgbImage::new(rgba.width(), rgba.height());
    for (to, from) in rgb.pixels_mut().zip(rgba.pixels()) {
        let [r, g, b, a] = from.0.map(u32::from);
        to.0 = [r, g, b].map(|c| ((c * a + 255 * (255 - a) + 127) / 255) as u8);
    }
    rgb
}
