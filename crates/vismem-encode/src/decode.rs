//! Bytes to 8-bit RGB.
//!
//! The format comes from the content, never from the file's name. Greyscale, palettes, CMYK and 16 bits become 8-bit
//! RGB, transparency is laid over white, an animation gives its first picture, EXIF orientation is applied, and colour
//! profiles are ignored (as the models' own reference code does).

mod foreign;
mod jpeg;
mod orientation;
mod pixels;
mod png;
mod tiff;

use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};

use image::metadata::Orientation;
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
    /// The picture can only be decoded in more memory than the limit of pixels stands for.
    #[error("the {format} file has {what}, which take too much memory at once: convert it to PNG")]
    TooMuchMemory {
        /// The format by content.
        format: &'static str,
        /// What takes it.
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
        let pixels = pixels::read(decoder, self.format)?;
        Ok(turned(pixels, orientation))
    }
}

fn open<'a>(
    bytes: &'a [u8],
    kind: ImageFormat,
    format: &'static str,
    limits: &Limits,
) -> Result<Box<dyn ImageDecoder + 'a>, DecodeError> {
    if kind == ImageFormat::Jpeg {
        if !jpeg::has_end(bytes) {
            // The decoder would paint the missing part grey and call that a picture.
            return Err(DecodeError::Truncated { format });
        }
        if jpeg::coefficients_held(bytes) > most_bytes(limits) {
            return Err(DecodeError::TooMuchMemory { format, what: "coefficients in progressive order".into() });
        }
    }
    let decoder = match kind {
        ImageFormat::Jpeg => {
            let (head, rest) = jpeg::pixels_only(bytes);
            decoder(Forward(Cursor::new(head).chain(rest)), kind, format, limits)?
        }
        ImageFormat::Png => decoder(Cursor::new(png::pixels_only(bytes)), kind, format, limits)?,
        _ => decoder(Cursor::new(bytes), kind, format, limits)?,
    };
    let (width, height) = decoder.dimensions();
    check_pixels((width, height), limits, format)?;
    // What is seen and what is drawn on it, in RGBA.
    if is_animated_webp(bytes) && 8 * u64::from(width) * u64::from(height) > most_bytes(limits) {
        return Err(DecodeError::TooMuchMemory { format, what: format!("frames of {width} x {height} pixels") });
    }
    Ok(decoder)
}

fn decoder<'a>(
    content: impl BufRead + Seek + 'a,
    kind: ImageFormat,
    format: &'static str,
    limits: &Limits,
) -> Result<Box<dyn ImageDecoder + 'a>, DecodeError> {
    let mut reader = ImageReader::with_format(content, kind);
    let mut allocation = image::Limits::default();
    // 16-bit RGBA needs 8 bytes a pixel; decoders keep some rows or a second frame besides.
    allocation.max_alloc = Some(limits.max_pixels.saturating_mul(16).max(64 << 20));
    reader.limits(allocation);
    Ok(Box::new(reader.into_decoder().map_err(|e| decode_error(e, format))?))
}

/// What can be read from the beginning to the end only. The decoder of JPEG does no more, but asks for more.
struct Forward<R>(R);

impl<R: Read> Read for Forward<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl<R: BufRead> BufRead for Forward<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

impl<R> Seek for Forward<R> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn is_animated_webp(bytes: &[u8]) -> bool {
    const ANIMATION: u8 = 2;
    matches!(bytes, [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', b'V', b'P', b'8', b'X', _, _, _, _, flags, ..]
        if flags & ANIMATION != 0)
}

/// The most bytes that whatever must be held of a picture at once may take, beside the picture: 6 for each pixel that is
/// allowed, as 16-bit RGB needs, and enough for small pictures of any kind.
fn most_bytes(limits: &Limits) -> u64 {
    limits.max_pixels.saturating_mul(6).max(64 << 20)
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

/// Turned only when nothing but 8-bit RGB is left of the picture, since that takes a second one.
fn turned(pixels: RgbImage, orientation: Orientation) -> RgbImage {
    let mut image = DynamicImage::from(pixels);
    image.apply_orientation(orientation);
    image.into_rgb8()
}
