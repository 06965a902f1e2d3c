//! Which way up a picture is, wherever its EXIF block may stand.

use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat};

use super::{jpeg, png};

/// The orientation that EXIF says. A broken EXIF block says nothing: it does not make the picture unreadable.
pub(super) fn of(bytes: &[u8], format: ImageFormat, decoder: &mut dyn ImageDecoder) -> Orientation {
    let said = match format {
        ImageFormat::Jpeg => jpeg::exif(bytes).find_map(from_exif),
        ImageFormat::Png => png::exif(bytes).and_then(|exif| from_exif(&exif)),
        ImageFormat::WebP => decoder.exif_metadata().ok().flatten().and_then(|exif| from_exif(&exif)),
        _ => decoder.orientation().ok(),
    };
    said.unwrap_or(Orientation::NoTransforms)
}

/// Only JPEG has the prefix by its standard, but many programs copy it along with the block.
fn from_exif(exif: &[u8]) -> Option<Orientation> {
    Orientation::from_exif_chunk(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif))
}
