//! Decoded samples to 8-bit RGB over white.

use image::{ColorType, ImageDecoder, RgbImage};

use super::{DecodeError, decode_error};

/// Decodes a picture. It is converted in the memory that it was decoded into, which is the most that is held.
pub(super) fn read(decoder: Box<dyn ImageDecoder + '_>, format: &'static str) -> Result<RgbImage, DecodeError> {
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    let samples = usize::from(color.channel_count());
    let bytes = usize::from(color.bytes_per_pixel());
    let count = width as usize * height as usize;

    let mut buffer = vec![0; count * bytes.max(3)];
    decoder.read_image(&mut buffer[..count * bytes]).map_err(|e| decode_error(e, format))?;
    match color {
        ColorType::Rgb8 => {}
        ColorType::L8 | ColorType::La8 | ColorType::Rgba8 => {
            convert(&mut buffer, count, bytes, |pixel| over_white(samples, |i| pixel[i]));
        }
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            convert(&mut buffer, count, bytes, |pixel| {
                over_white(samples, |i| nearest(u16::from_ne_bytes([pixel[2 * i], pixel[2 * i + 1]])))
            });
        }
        // None of the formats that are read here has them.
        _ => return Err(DecodeError::Unsupported { format, what: format!("pixels of the kind {color:?}") }),
    }
    buffer.truncate(3 * count);
    buffer.shrink_to_fit();
    RgbImage::from_raw(width, height, buffer).ok_or(DecodeError::NoPixels { format })
}

/// Replaces pixels of some bytes by those of three, in an order in which none is overwritten before it is read.
fn convert(buffer: &mut [u8], count: usize, bytes: usize, rgb: impl Fn(&[u8]) -> [u8; 3]) {
    let mut one = |i: usize| {
        let colour = rgb(&buffer[i * bytes..(i + 1) * bytes]);
        buffer[3 * i..3 * i + 3].copy_from_slice(&colour);
    };
    if bytes < 3 {
        (0..count).rev().for_each(&mut one);
    } else {
        (0..count).for_each(&mut one);
    }
}

/// The colour over white of a pixel of one (grey) to four samples.
fn over_white(samples: usize, sample: impl Fn(usize) -> u8) -> [u8; 3] {
    let colour = if samples < 3 { [sample(0); 3] } else { [sample(0), sample(1), sample(2)] };
    if samples % 2 == 1 {
        return colour;
    }
    let alpha = u32::from(sample(samples - 1));
    colour.map(|c| ((u32::from(c) * alpha + 255 * (255 - alpha) + 127) / 255) as u8)
}

fn nearest(deep: u16) -> u8 {
    ((u32::from(deep) + 128) / 257) as u8
}
