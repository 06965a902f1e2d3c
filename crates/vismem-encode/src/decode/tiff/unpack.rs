//! What is unpacked before the decoder sees it.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder};
use weezl::{BitOrder, LzwStatus, decode::Configuration};

use super::{DecodeError, FORMAT, broken};

/// What LZW packed: `len` bytes, of which the first `needed` must be there. The decoder of TIFF fails where a tile is read row by row, and where the
/// code for the end is missing, which other programs do not need.
pub(super) fn lzw(data: &[u8], needed: usize, len: usize) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = Configuration::with_tiff_size_switch(BitOrder::Msb, 8).with_yield_on_full_buffer(true).build();
    let mut out = vec![0; len];
    let (mut read, mut written) = (0, 0);
    while written < len {
        let step = decoder.decode_bytes(&data[read..], &mut out[written..]);
        read += step.consumed_in;
        written += step.consumed_out;
        let is_stuck = step.consumed_in == 0 && step.consumed_out == 0;
        match step.status.map_err(broken)? {
            _ if written == len => {}
            LzwStatus::Done => break,
            _ if is_stuck => break,
            _ => {}
        }
    }
    if written >= needed { Ok(out) } else { Err(DecodeError::Truncated { format: FORMAT }) }
}

/// The samples of a WebP picture of a given width, and of a height from the least to the most. The decoder of TIFF takes
/// no picture that has a fourth sample and no transparency.
pub(super) fn webp(data: &[u8], samples: usize, fits: impl Fn(u32, u32) -> bool) -> Result<Vec<u8>, DecodeError> {
    let webp = |error| super::super::decode_error(error, FORMAT);
    let decoder = WebPDecoder::new(Cursor::new(data)).map_err(webp)?;
    let (width, height) = decoder.dimensions();
    if !fits(width, height) {
        return Err(broken(format!("a strip or tile holds a picture of {width} x {height}")));
    }
    let image = DynamicImage::from_decoder(decoder).map_err(webp)?;
    match samples {
        3 if !image.color().has_alpha() => Ok(image.into_rgb8().into_raw()),
        4 => Ok(image.into_rgba8().into_raw()),
        _ => Err(broken(format!("WebP does not have {samples} samples"))),
    }
}
