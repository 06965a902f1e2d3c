use base64::{Engine, engine::general_purpose::STANDARD};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};

use crate::reading::pixels;
use crate::{Error, Picture, format};

/// Long side in pixels to which the pages shrink a neighbour's picture.
pub const NEIGHBOR_SIDE: u32 = 320;
/// Long side in pixels to which the pages shrink the query's picture.
pub const QUERY_SIDE: u32 = 800;

const JPEG_QUALITY: u8 = 85;

/// The picture with its long side at most `side` pixels, its proportions kept; smaller pictures stay as they are.
///
/// The pages do this themselves. Callers that read many large files use it to drop the big pixels early.
pub fn shrink(picture: &RgbImage, side: u32) -> RgbImage {
    let (width, height) = picture.dimensions();
    let long = width.max(height);
    if long <= side {
        return picture.clone();
    }
    let scaled = |v: u32, side: u32| ((f64::from(v) * f64::from(side) / f64::from(long)).round() as u32).max(1);
    // Box averaging to about twice the size first: a smooth filter over all pixels of a large photo is slow.
    let coarse = side.saturating_mul(2);
    if long > coarse.saturating_mul(2) {
        let halfway = imageops::thumbnail(picture, scaled(width, coarse), scaled(height, coarse));
        return imageops::resize(&halfway, scaled(width, side), scaled(height, side), FilterType::CatmullRom);
    }
    imageops::resize(picture, scaled(width, side), scaled(height, side), FilterType::CatmullRom)
}

/// The picture, shrunk, as a `data:` address for an `<img>`, with its size in pixels.
pub fn data_uri(picture: &RgbImage, side: u32, what: &str) -> Result<(String, u32, u32), Error> {
    let small = shrink(picture, side);
    let mut jpeg = Vec::new();
    small
        .write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY))
        .map_err(|source| Error::Encode { what: what.into(), source })?;
    Ok((format!("data:image/jpeg;base64,{}", STANDARD.encode(&jpeg)), small.width(), small.height()))
}

/// A picture as a page holds it.
pub struct Thumbnail {
    pub uri: String,
    pub width: u32,
    pub height: u32,
}

/// A picture or the reason why there is none.
pub type Thumb = Result<Thumbnail, String>;

pub fn thumb(picture: &Picture, side: u32, what: &str) -> Result<Thumb, Error> {
    Ok(match pixels(picture) {
        Ok(image) => {
            let (uri, width, height) = data_uri(image, side, what)?;
            Ok(Thumbnail { uri, width, height })
        }
        Err(reason) => Err(format::text(reason, "No picture.")),
    })
}

/// The picture as the bytes of a PNG file.
pub fn png(picture: &RgbImage, what: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    picture
        .write_with_encoder(PngEncoder::new(&mut bytes))
        .map_err(|source| Error::Encode { what: what.into(), source })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_keeps_proportions_and_never_enlarges() {
        assert_eq!(shrink(&RgbImage::new(4000, 3000), 320).dimensions(), (320, 240));
        assert_eq!(shrink(&RgbImage::new(400, 300), 320).dimensions(), (320, 240));
        assert_eq!(shrink(&RgbImage::new(64, 48), 320).dimensions(), (64, 48));
        assert_eq!(shrink(&RgbImage::new(5000, 1), 320).dimensions(), (320, 1));
    }

    #[test]
    fn a_picture_without_pixels_does_not_panic() {
        assert_eq!(shrink(&RgbImage::new(0, 0), 320).dimensions(), (0, 0));
    }
}
