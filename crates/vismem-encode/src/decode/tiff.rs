//! Colours of TIFF that are already multiplied by their alpha, which the decoder hands out as they are.

use std::io::Cursor;

use image::DynamicImage;
use tiff::decoder::Decoder;
use tiff::tags::{ExtraSamples, Tag};

/// Divides the colours by their alpha where the file says that they are multiplied by it.
pub(super) fn divide_by_alpha(file: &[u8], image: &mut DynamicImage) {
    if !has_associated_alpha(file) {
        return;
    }
    match image {
        DynamicImage::ImageRgba8(image) => image.pixels_mut().for_each(|pixel| {
            let [colours @ .., alpha] = &mut pixel.0;
            colours.iter_mut().for_each(|c| *c = divided(u32::from(*c), u32::from(*alpha), 0xFF) as u8);
        }),
        DynamicImage::ImageRgba16(image) => image.pixels_mut().for_each(|pixel| {
            let [colours @ .., alpha] = &mut pixel.0;
            colours.iter_mut().for_each(|c| *c = divided(u32::from(*c), u32::from(*alpha), 0xFFFF) as u16);
        }),
        _ => {}
    }
}

fn has_associated_alpha(file: &[u8]) -> bool {
    let kinds = Decoder::new(Cursor::new(file)).and_then(|mut d| d.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples));
    kinds.ok().flatten().is_some_and(|kinds| kinds.first() == Some(&ExtraSamples::AssociatedAlpha.to_u16()))
}

fn divided(colour: u32, alpha: u32, most: u32) -> u32 {
    // Nothing is seen where alpha is 0. A colour above its alpha is outside the format.
    (colour * most + alpha / 2).checked_div(alpha).map_or(0, |c| c.min(most))
}
