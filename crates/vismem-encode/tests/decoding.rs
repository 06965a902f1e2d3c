//! Every promised format is decoded, whole or not at all, and no bytes make the decoder panic.

mod common;

use std::io::Cursor;

use common::data;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, LumaA, Pixel, Rgb, RgbImage, Rgba};
use vismem_encode::decode::{DecodeError, Limits, decode};

const WIDTH: u32 = 48;
const HEIGHT: u32 = 32;

/// Smooth, and with no two corners alike, so that JPEG keeps it and a turned picture is told from an upright one.
fn colour(x: u32, y: u32) -> [u8; 3] {
    [(x * 5) as u8, (y * 7) as u8, (255 - x * 2 - y) as u8]
}

fn picture() -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| Rgb(colour(x, y)))
}

fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn jpeg(image: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(&image.into()).unwrap();
    bytes
}

fn decoded(bytes: &[u8]) -> Result<RgbImage, DecodeError> {
    decode(bytes, &Limits::default())
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(data(name)).unwrap()
}

/// One small file of each kind, with its name.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let mut files: Vec<_> = FIXTURES.iter().map(|&(name, ..)| (name, read(name))).collect();
    let rgba = ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| Rgb(colour(x, y)).to_rgba());
    files.extend([
        ("baseline.jpg", jpeg(picture())),
        ("grey.jpg", jpeg(GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([(x + y) as u8])))),
        ("rgb.png", encode(picture(), ImageFormat::Png)),
        ("rgba.png", encode(rgba, ImageFormat::Png)),
        ("lossless.webp", encode(picture(), ImageFormat::WebP)),
        ("rgb.bmp", encode(picture(), ImageFormat::Bmp)),
        ("rgb.tif", encode(picture(), ImageFormat::Tiff)),
    ]);
    files
}

#[track_caller]
fn assert_close(ours: &RgbImage, expected: &RgbImage, mean: f64, worst: u8, what: &str) {
    assert_eq!(ours.dimensions(), expected.dimensions(), "{what}");
    let differences: Vec<_> = ours.as_raw().iter().zip(expected.as_raw()).map(|(a, b)| a.abs_diff(*b)).collect();
    let average = differences.iter().map(|&d| f64::from(d)).sum::<f64>() / differences.len() as f64;
    let largest = differences.into_iter().max().unwrap();
    assert!(average <= mean && largest <= worst, "{what}: differs by {average:.2} on average, {largest} at most");
}

/// Pictures that Python's PIL wrote, and how far from PIL's reading ours may be, on average and at most. Decoders of JPEG
/// and lossy WebP round differently and smooth subsampled colours differently; the others are exact.
const FIXTURES: [(&str, f64, u8); 7] = [
    ("progressive.jpg", 1.0, 24),
    ("cmyk.jpg", 1.0, 24),
    ("rotated.jpg", 1.0, 8),
    ("lossy.webp", 1.0, 24),
    ("cmyk.tif", 0.5, 1),
    ("palette.png", 0.0, 0),
    ("animated.gif", 0.0, 0),
];

#[test]
fn pictures_written_by_pil_are_read_as_pil_reads_them() {
    for (name, mean, worst) in FIXTURES {
        let expected = image::open(data(&format!("{name}.expected.png"))).unwrap().into_rgb8();
        assert_close(&decoded(&read(name)).unwrap(), &expected, mean, worst, name);
    }
}

#[test]
fn lossless_formats_give_every_pixel_back() {
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff] {
        assert_eq!(decoded(&encode(picture(), format)).unwrap(), picture(), "{format:?}");
    }
}

#[test]
fn a_jpeg_is_close_to_what_was_drawn() {
    assert_close(&decoded(&jpeg(picture())).unwrap(), &picture(), 1.5, 12, "baseline");
}

#[test]
fn grey_becomes_three_equal_channels() {
    let grey = GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([(x * 5 + y) as u8]));
    let expected = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| Rgb([(x * 5 + y) as u8; 3]));
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff] {
        assert_eq!(decoded(&encode(grey.clone(), format)).unwrap(), expected, "{format:?}");
    }
    let ours = decoded(&jpeg(grey)).unwrap();
    assert!(ours.pixels().all(|Rgb([r, g, b])| r == g && g == b));
    assert_close(&ours, &expected, 1.0, 8, "JPEG");
}

#[test]
fn sixteen_bits_become_the_nearest_eight() {
    let deep = |v: u8| u16::from(v) * 257 + 100;
    let rgb = ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| Rgb(colour(x, y).map(|v| deep(v.min(254)))));
    let expected = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| Rgb(colour(x, y).map(|v| v.min(254))));
    let grey = ImageBuffer::from_fn(WIDTH, HEIGHT, |x, _| Luma([deep(x as u8)]));
    let expected_grey = RgbImage::from_fn(WIDTH, HEIGHT, |x, _| Rgb([x as u8; 3]));
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        assert_eq!(decoded(&encode(rgb.clone(), format)).unwrap(), expected, "{format:?}");
        assert_eq!(decoded(&encode(grey.clone(), format)).unwrap(), expected_grey, "{format:?}, grey");
    }
}

#[test]
fn transparency_is_laid_over_white() {
    // From none to all of a dark colour: 255 · (1 − a) + c · a.
    let over_white = |c: u8, a: u8| ((f64::from(c) * f64::from(a) + 255.0 * f64::from(255 - a)) / 255.0).round() as u8;
    let (alpha, c) = (|x: u32| (x * 255 / (WIDTH - 1)) as u8, [200, 100, 0]);
    let expected = RgbImage::from_fn(WIDTH, HEIGHT, |x, _| Rgb(c.map(|c| over_white(c, alpha(x)))));
    let rgba = ImageBuffer::from_fn(WIDTH, HEIGHT, |x, _| Rgba([c[0], c[1], c[2], alpha(x)]));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        assert_eq!(decoded(&encode(rgba.clone(), format)).unwrap(), expected, "{format:?}");
    }
    let deep = ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| Rgba(rgba.get_pixel(x, y).0.map(|v| u16::from(v) * 257)));
    assert_eq!(decoded(&encode(deep, ImageFormat::Png)).unwrap(), expected, "16 bits");

    let grey = ImageBuffer::from_fn(WIDTH, HEIGHT, |x, _| LumaA([60, alpha(x)]));
    let expected = RgbImage::from_fn(WIDTH, HEIGHT, |x, _| Rgb([over_white(60, alpha(x)); 3]));
    assert_eq!(decoded(&encode(grey, ImageFormat::Png)).unwrap(), expected, "grey");
}

/// A JPEG with an EXIF block whose bytes after the block's name are `tiff`.
fn with_exif(jpeg: &[u8], tiff: &[u8]) -> Vec<u8> {
    let len = u16::try_from(2 + 6 + tiff.len()).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &len, b"Exif\0\0", tiff, &jpeg[2..]].concat()
}

fn orientation_tag(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
    tiff[19] = orientation;
    tiff
}

#[test]
fn all_eight_exif_orientations_are_applied() {
    // Where the first row and the first column of the stored picture are when it is looked at: the words of the EXIF
    // standard for the values 1 to 8.
    let sides = [
        ("top", "left"),
        ("top", "right"),
        ("bottom", "right"),
        ("bottom", "left"),
        ("left", "top"),
        ("right", "top"),
        ("right", "bottom"),
        ("left", "bottom"),
    ];
    let stored = jpeg(picture());
    let upright = decoded(&stored).unwrap();
    for (orientation, (row, column)) in (1..).zip(sides) {
        let turned = matches!(row, "left" | "right");
        let (width, height) = if turned { (HEIGHT, WIDTH) } else { (WIDTH, HEIGHT) };
        let expected = RgbImage::from_fn(width, height, |x, y| {
            let from = |side| match side {
                "left" => x,
                "right" => width - 1 - x,
                "top" => y,
                _ => height - 1 - y,
            };
            *upright.get_pixel(from(column), from(row))
        });
        let ours = decoded(&with_exif(&stored, &orientation_tag(orientation))).unwrap();
        assert_eq!(ours, expected, "orientation {orientation}");
    }
}

/// A JPEG with one more segment behind its first marker.
fn with_segment(jpeg: &[u8], marker: u8, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(2 + data.len()).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, marker], &len, data, &jpeg[2..]].concat()
}

#[test]
fn a_jpeg_is_turned_whatever_stands_before_its_exif() {
    let stored = jpeg(picture());
    let expected = image::imageops::rotate90(&decoded(&stored).unwrap());
    let exif = with_exif(&stored, &orientation_tag(6));
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'/>";
    let more = b"http://ns.adobe.com/xmp/extension/\0junk";
    for (marker, data) in [
        (0xE1, &xmp[..]),
        (0xE1, more),
        (0xE1, b""),
        (0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        (0xED, b"Photoshop 3.0\0"),
        (0xFE, b"Exif\0\0"),
    ] {
        assert_eq!(decoded(&with_segment(&exif, marker, data)).unwrap(), expected, "{marker:x} {data:?}");
    }
    // Nor is one of no use that comes first.
    let empty = with_segment(&exif, 0xE1, b"Exif\0\0");
    assert_eq!(decoded(&empty).unwrap(), expected);
}

#[test]
fn a_broken_exif_block_does_not_cost_the_picture() {
    let stored = jpeg(picture());
    for tiff in
        [&b""[..], b"MM", b"junk junk junk", &orientation_tag(0), &orientation_tag(99), &orientation_tag(6)[..12]]
    {
        assert_eq!(decoded(&with_exif(&stored, tiff)).unwrap(), decoded(&stored).unwrap(), "{tiff:?}");
    }
}

fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes(), &kind[..], data, &crc.sum().to_be_bytes()].concat()
}

/// A PNG with a chunk after its header (33 bytes with the signature), or before its end (12 bytes), after the pixels.
fn with_chunk(png: &[u8], kind: &[u8; 4], data: &[u8], last: bool) -> Vec<u8> {
    let at = if last { png.len() - 12 } else { 33 };
    [&png[..at], &png_chunk(kind, data), &png[at..]].concat()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_png_is_turned_wherever_its_exif_stands() {
    let stored = encode(picture(), ImageFormat::Png);
    let expected = image::imageops::rotate90(&picture());
    let bare = orientation_tag(6);
    let prefixed = [b"Exif\0\0", &bare[..]].concat();
    let digits: String = prefixed.iter().map(|byte| format!("{byte:02x}")).collect();
    let profile = format!("\nexif\n{:8}\n{}\n{}\n", prefixed.len(), &digits[..40], &digits[40..]);
    for last in [false, true] {
        for exif in [&bare, &prefixed] {
            assert_eq!(decoded(&with_chunk(&stored, b"eXIf", exif, last)).unwrap(), expected, "{exif:?}, {last}");
        }
        for keyword in ["Raw profile type exif", "Raw profile type APP1"] {
            let text = [keyword.as_bytes(), b"\0", profile.as_bytes()].concat();
            let compressed = [keyword.as_bytes(), b"\0\0", &zlib(profile.as_bytes())].concat();
            let international = [keyword.as_bytes(), b"\0\x01\0\0\0", &zlib(profile.as_bytes())].concat();
            for (kind, data) in [(b"tEXt", text), (b"zTXt", compressed), (b"iTXt", international)] {
                assert_eq!(decoded(&with_chunk(&stored, kind, &data, last)).unwrap(), expected, "{keyword}, {last}");
            }
        }
    }
}

#[test]
fn a_webp_is_turned_with_and_without_the_prefix_of_exif() {
    for prefix in [&b""[..], b"Exif\0\0"] {
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
        let exif = [prefix, &orientation_tag(6)].concat();
        image::ImageEncoder::set_exif_metadata(&mut encoder, exif).unwrap();
        encoder.encode(&picture(), WIDTH, HEIGHT, image::ExtendedColorType::Rgb8).unwrap();
        assert_eq!(decoded(&bytes).unwrap(), image::imageops::rotate90(&picture()), "{prefix:?}");
    }
}

#[test]
fn texts_and_profiles_of_a_png_cost_nothing_and_may_be_broken() {
    let stored = encode(picture(), ImageFormat::Png);
    for (kind, data) in [(b"iCCP", &b"p\0\0junk"[..]), (b"zTXt", b"Raw profile type exif\0\0junk"), (b"iTXt", b"")] {
        assert_eq!(decoded(&with_chunk(&stored, kind, data, false)).unwrap(), picture(), "{kind:?}");
    }
}

#[test]
fn every_kind_of_pnm_is_read() {
    let grey = [0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0];
    let colours = [255, 0, 0, 0, 0, 255, 0, 255, 0, 9, 8, 7];
    for (bytes, expected) in [
        (&b"P1\n2 2\n1 0\n0 1\n"[..], &grey),
        (b"P4\n2 2\n\x80\x40", &grey),
        (b"P2\n# a comment\n2 2\n255\n0 255 255 0\n", &grey),
        (b"P5 2 2 255\n\x00\xFF\xFF\x00", &grey),
        (b"P5 2 2 65535\n\x00\x00\xFF\xFF\xFF\xFF\x00\x00", &grey),
        (b"P3 2 2 255 255 0 0 0 0 255 0 255 0 9 8 7\n", &colours),
        (b"P6 2 2 255\n\xFF\0\0\0\0\xFF\0\xFF\0\x09\x08\x07", &colours),
        (
            b"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n\xFF\0\0\0\0\xFF\0\xFF\0\x09\x08\x07",
            &colours,
        ),
    ] {
        assert_eq!(decoded(bytes).unwrap().as_raw(), expected, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn content_counts_and_not_the_name() {
    // Files come to `decode` as bytes, so only the path through the encoder can be led astray by a name.
    let folder = tempfile::tempdir().unwrap();
    let options = vismem_encode::EncoderOptions { runtime: vismem_encode::RuntimeChoice::Rten, ..Default::default() };
    let encoder = vismem_encode::Encoder::load(common::tiny(), &options).unwrap();
    let expected = encoder.encode(&picture()).unwrap();
    for (name, format) in [("a.jpg", ImageFormat::Png), ("b.png", ImageFormat::WebP), ("c", ImageFormat::Bmp)] {
        let path = folder.path().join(name);
        std::fs::write(&path, encode(picture(), format)).unwrap();
        assert_eq!(encoder.encode_file(&path).unwrap(), expected, "{name}");
    }
    let text = folder.path().join("text.jpg");
    std::fs::write(&text, "This is not a picture.").unwrap();
    let message = encoder.encode_file(&text).unwrap_err().to_string();
    assert!(message.contains("text.jpg") && message.contains("not an image"), "{message}");
}

#[test]
fn no_bytes_and_foreign_bytes_are_told_apart() {
    assert!(matches!(decoded(b""), Err(DecodeError::Empty)));
    for junk in [&b"text"[..], b"\xFF\xD8", b"<?xml version='1.0'?>", b"\0\0\x01\0\0\0", b"ftyp", &[0; 1000]] {
        let error = decoded(junk).unwrap_err();
        assert!(matches!(error, DecodeError::NotAnImage | DecodeError::Truncated { .. }), "{junk:?}: {error:?}");
    }
}

#[test]
fn kinds_that_are_not_read_are_named_by_their_content() {
    let brands = |main: &str, others: &str| {
        let length = (16 + others.len() as u32).to_be_bytes();
        [&length[..], b"ftyp", main.as_bytes(), b"\0\0\0\0", others.as_bytes(), &[0; 40]].concat()
    };
    let dicom = [&[0; 128][..], b"DICM\x02\0"].concat();
    let svg = b"\xEF\xBB\xBF<?xml version='1.0'?>\n<!-- drawn -->\n<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec();
    let tga = [&[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 24, 0, 1, 2, 3][..], &[0; 8], b"TRUEVISION-XFILE.\0"]
        .concat();
    for (bytes, name) in [
        (b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 ".to_vec(), "a JPEG 2000 picture"),
        (b"\xFF\x4F\xFF\x51\0\x2F\0\0".to_vec(), "a JPEG 2000 picture"),
        (b"\xFF\x0A\x7A\x1F".to_vec(), "a JPEG XL picture"),
        (b"\0\0\0\x0CJXL \r\n\x87\n".to_vec(), "a JPEG XL picture"),
        (brands("heic", "mif1heic"), "a HEIF or HEIC picture"),
        (brands("mif1", "heic"), "a HEIF or HEIC picture"),
        (brands("avif", "mif1miaf"), "an AVIF picture"),
        (brands("mif1", "miafavif"), "an AVIF picture"),
        (brands("crx ", "isom"), "a raw picture of a camera"),
        (brands("isom", "avc1mp41"), "a video"),
        (brands("qt  ", ""), "a video"),
        (b"\x1A\x45\xDF\xA3\x01".to_vec(), "a video"),
        (b"RIFF\0\0\0\0AVI LIST".to_vec(), "a video"),
        (b"8BPS\0\x01".to_vec(), "a Photoshop document (PSD)"),
        (b"II*\0\x10\0\0\0CR\x02\0".to_vec(), "a raw picture of a camera"),
        (b"FUJIFILMCCD-RAW 0201".to_vec(), "a raw picture of a camera"),
        (b"IIU\0\x18\0\0\0".to_vec(), "a raw picture of a camera"),
        (b"%PDF-1.7".to_vec(), "a PDF document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), "an SVG drawing"),
        (svg, "an SVG drawing"),
        (b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0".to_vec(), "an icon (ICO)"),
        (b"DDS \x7C\0\0\0".to_vec(), "a DDS texture"),
        (b"qoif\0\0\0\x01".to_vec(), "a QOI picture"),
        (b"\x76\x2F\x31\x01\x02\0\0\0".to_vec(), "an OpenEXR picture"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n".to_vec(), "a Radiance HDR picture"),
        (dicom, "a DICOM picture"),
        (tga, "a TGA picture"),
    ] {
        let error = decoded(&bytes).unwrap_err();
        assert!(matches!(error, DecodeError::NotRead { kind } if kind == name), "{name}: {error:?}");
        assert_eq!(error.to_string(), format!("{name}, which vismem does not read: convert it to PNG or JPEG"));
    }
}

#[test]
fn a_truncated_file_is_an_error_and_never_half_a_picture() {
    for (name, bytes) in files() {
        let whole = decoded(&bytes).unwrap();
        for len in 0..bytes.len() {
            // Some formats end in bytes that no pixel needs; without those the picture is still whole.
            if let Ok(picture) = decoded(&bytes[..len]) {
                assert_eq!(picture, whole, "{name} cut to {len} of {} bytes", bytes.len());
                // Nor does the first picture of an animation need the second.
                assert!(bytes.len() - len <= 32 || name == "animated.gif", "{name} cut to {len} of {}", bytes.len());
            }
        }
    }
}

#[test]
fn a_thumbnail_inside_exif_does_not_make_a_truncated_jpeg_whole() {
    let whole = with_exif(&jpeg(picture()), &jpeg(RgbImage::from_pixel(8, 8, Rgb([9; 3]))));
    assert!(decoded(&whole).is_ok());
    let error = decoded(&whole[..whole.len() - 200]).unwrap_err();
    assert!(matches!(error, DecodeError::Truncated { format: "JPEG" }), "{error:?}");
}

/// Small files whose headers claim up to ten thousand million pixels.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let mut png = encode(picture(), ImageFormat::Png);
    png[16..24].copy_from_slice(&[100_000u32.to_be_bytes(), 100_000u32.to_be_bytes()].concat());
    let mut crc = flate2::Crc::new();
    crc.update(&png[12..29]);
    png[29..33].copy_from_slice(&crc.sum().to_be_bytes());

    let mut gif = read("animated.gif");
    gif[6..10].copy_from_slice(&[0xE8, 0xFD, 0xE8, 0xFD]);

    let mut bmp = encode(picture(), ImageFormat::Bmp);
    bmp[18..26].copy_from_slice(&[65_000u32.to_le_bytes(), 65_000u32.to_le_bytes()].concat());

    let mut jpeg = jpeg(picture());
    let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFD, 0xE8, 0xFD, 0xE8]);

    let mut tiff = encode(picture(), ImageFormat::Tiff);
    // The width's entry in the directory: tag, type LONG, one value, the value. The height has to fit the list of strips.
    let width = tiff.windows(8).position(|entry| entry == [0, 1, 4, 0, 1, 0, 0, 0]).unwrap();
    tiff[width + 8..width + 12].copy_from_slice(&4_000_000u32.to_le_bytes());

    // 16,383 less one twice, in the first two fields of 14 bits after the signature byte 0x2F.
    let mut webp = encode(picture(), ImageFormat::WebP);
    let signature = webp.windows(4).position(|bytes| bytes == b"VP8L").unwrap() + 8;
    assert_eq!(webp[signature], 0x2F);
    webp[signature + 1..signature + 4].copy_from_slice(&[0xFE, 0xBF, 0xFF]);
    webp[signature + 4] |= 0x0F;

    vec![("PNG", png), ("GIF", gif), ("BMP", bmp), ("JPEG", jpeg), ("TIFF", tiff), ("WebP", webp)]
}

#[test]
fn a_decompression_bomb_is_refused_from_its_header() {
    // The files hold data for 48 x 32 pixels, so a decoder that began would complain of the data instead.
    for (format, bytes) in bombs() {
        match decoded(&bytes) {
            Err(DecodeError::TooManyPixels { width, height, limit: 100_000_000 }) => {
                assert!(u64::from(width) * u64::from(height) > 100_000_000, "{format}: {width} x {height}");
            }
            other => panic!("{format}: {other:?}"),
        }
    }
}

#[test]
fn the_pixel_limit_is_exact() {
    let limits = |max_pixels| Limits { max_pixels, ..Limits::default() };
    for (name, bytes) in files() {
        let pixels = u64::from(WIDTH * HEIGHT);
        assert!(decode(&bytes, &limits(pixels)).is_ok(), "{name}");
        let error = decode(&bytes, &limits(pixels - 1)).unwrap_err();
        assert!(matches!(error, DecodeError::TooManyPixels { limit, .. } if limit == pixels - 1), "{name}: {error:?}");
    }
}

#[test]
fn a_large_frame_on_a_small_gif_canvas_costs_no_more_than_the_limit() {
    // The first frame claims 65,000 x 65,000 pixels on a canvas of 48 x 32: 17 gigabytes for a decoder that believes it.
    let mut gif = read("animated.gif");
    let frame = gif.windows(9).position(|b| b[0] == b',' && b[5..] == [48, 0, 32, 0]).unwrap();
    gif[frame + 5..frame + 9].copy_from_slice(&[0xE8, 0xFD, 0xE8, 0xFD]);
    assert!(matches!(decoded(&gif), Err(DecodeError::Broken { format: "GIF", .. })));
}

#[test]
fn an_animation_that_takes_more_than_its_first_picture_is_bounded() {
    // The canvas of an extended WebP, less one in 24 bits each, and the flag that it moves.
    let mut webp = b"RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0\x02\0\0\0".to_vec();
    for side in [9_999u32, 9_999] {
        webp.extend(&side.to_le_bytes()[..3]);
    }
    webp.extend(b"ANIM\x06\0\0\0\0\0\0\0\0\0ANMF");
    let frame = &encode(picture(), ImageFormat::WebP)[12..];
    webp.extend((16 + frame.len() as u32).to_le_bytes());
    webp.extend([0, 0, 0, 0, 0, 0, WIDTH as u8 - 1, 0, 0, HEIGHT as u8 - 1, 0, 0, 10, 0, 0, 0]);
    webp.extend(frame);
    let length = (webp.len() as u32 - 8).to_le_bytes();
    webp[4..8].copy_from_slice(&length);
    assert!(matches!(decoded(&webp), Err(DecodeError::TooMuchMemory { format: "WebP", .. })), "{:?}", decoded(&webp));
}

#[test]
fn a_progressive_jpeg_of_which_the_coefficients_do_not_fit_is_refused_from_its_header() {
    // Four components of 10,000 x 10,000 coefficients, in two bytes each.
    let mut file = vec![0xFF, 0xD8, 0xFF, 0xC2, 0, 20, 8, 0x27, 0x10, 0x27, 0x10, 4];
    file.extend((1..=4).flat_map(|id| [id, 0x11, 0]));
    file.extend([0xFF, 0xDA, 0, 14, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 0, 0, 0xFF, 0xD9]);
    let error = decoded(&file).unwrap_err();
    assert!(matches!(error, DecodeError::TooMuchMemory { format: "JPEG", .. }), "{error:?}");
}

#[test]
fn mutated_files_never_panic() {
    let limits = Limits { max_pixels: 1 << 18, ..Limits::default() };
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut pictures, mut errors) = (0, 0);
    for (_, original) in files() {
        for _ in 0..ROUNDS {
            let mut bytes = original.clone();
            for _ in 0..=random.below(6) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] = random.below(256) as u8,
                    1 => bytes[at] ^= 1 << random.below(8),
                    2 => drop(bytes.drain(at..(at + random.below(40)).min(bytes.len()))),
                    _ => drop(bytes.splice(at..at, (0..random.below(40)).map(|i| (i * 37) as u8))),
                }
                if bytes.is_empty() {
                    break;
                }
            }
            match decode(&bytes, &limits) {
                Ok(picture) => {
                    assert!(u64::from(picture.width()) * u64::from(picture.height()) <= limits.max_pixels);
                    pictures += 1;
                }
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    errors += 1;
                }
            }
        }
    }
    // Neither so broken that all stop at the header, nor so whole that nothing was tried.
    assert!(pictures > ROUNDS && errors > ROUNDS, "{pictures} pictures, {errors} errors");
}

const ROUNDS: usize = 1500;

/// xorshift64*: the same bytes in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }
}

/// A greyscale picture of one colour, 64 x 64, in the given scans: a progressive one needs no table of AC codes then.
fn flat_jpeg(scans: &[[u8; 3]], blocks: usize) -> Vec<u8> {
    let mut file = vec![0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0];
    file.extend([1; 64]);
    file.extend([0xFF, 0xC2, 0, 11, 8, 0, 64, 0, 64, 1, 1, 0x11, 0]);
    // One code in each table, the bit 0: no difference to the last block; no coefficients in this one.
    for table in [0x00, 0x10] {
        file.extend([0xFF, 0xC4, 0, 20, table, 1]);
        file.extend([0; 16]);
    }
    for scan in scans {
        file.extend([0xFF, 0xDA, 0, 8, 1, 1, 0x00, scan[0], scan[1], scan[2]]);
        file.extend(vec![0; blocks / 8]);
    }
    file.extend([0xFF, 0xD9]);
    file
}

#[test]
fn a_progressive_jpeg_without_its_last_scans_is_refused() {
    let whole = [[0, 0, 0x01], [0, 0, 0x10], [1, 63, 0x00]];
    assert!(decoded(&flat_jpeg(&whole, 64)).is_ok());
    for scans in [&whole[..2], &[whole[0], whole[2]], &[[0, 0, 0x01]], &[[0, 0, 0], [1, 62, 0]]] {
        assert!(matches!(decoded(&flat_jpeg(scans, 64)), Err(DecodeError::Truncated { .. })), "{scans:?}");
    }
    assert!(matches!(decoded(&flat_jpeg(&whole, 56)), Err(DecodeError::Truncated { .. })));
}

#[test]
fn a_jpeg_that_is_cut_and_ends_in_the_end_marker_all_the_same_is_refused() {
    for image in [DynamicImage::from(picture()), DynamicImage::from(picture()).to_luma8().into()] {
        let whole = jpeg(image);
        let scan = whole.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
        let data = scan + 2 + usize::from(whole[scan + 3]);
        for cut in data..whole.len() - 3 {
            if whole[cut - 1] == 0xFF {
                continue;
            }
            let mut file = whole[..cut].to_vec();
            file.extend([0xFF, 0xD9]);
            assert!(matches!(decoded(&file), Err(DecodeError::Truncated { .. })), "cut at {cut} of {}", whole.len());
        }
    }
}

#[test]
fn no_scan_of_a_progressive_or_four_coloured_jpeg_may_be_cut() {
    for name in ["progressive.jpg", "cmyk.jpg", "rotated.jpg"] {
        let whole = read(name);
        let scan = whole.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
        for cut in scan + 20..whole.len() - 3 {
            if whole[cut - 1] == 0xFF {
                continue;
            }
            let file = [&whole[..cut], b"\xFF\xD9"].concat();
            assert!(matches!(decoded(&file), Err(DecodeError::Truncated { .. })), "{name} cut at {cut}");
        }
    }
}

#[test]
fn what_follows_the_end_of_a_jpeg_does_not_matter() {
    let mut file = jpeg(picture());
    let expected = decoded(&file).unwrap();
    file.extend(b"\xFF\xDA\0\x08 more \xFF\xD9");
    assert_eq!(decoded(&file).unwrap(), expected);
}

#[test]
fn tiff_colours_multiplied_by_their_alpha_are_divided_by_it() {
    use tiff::encoder::{TiffEncoder, colortype};
    use tiff::tags::ExtraSamples;

    // An opaque pixel, a half transparent red one and one of which nothing is seen.
    let (mut eight, mut sixteen) = (Cursor::new(Vec::new()), Cursor::new(Vec::new()));
    let pixels = [10u8, 20, 30, 255, 128, 0, 0, 128, 0, 0, 0, 0];
    let mut encoder = TiffEncoder::new(&mut eight).unwrap();
    let mut image = encoder.new_image::<colortype::RGB8>(3, 1).unwrap();
    image.extra_samples(&[ExtraSamples::AssociatedAlpha]).unwrap();
    image.write_data(&pixels).unwrap();
    let mut encoder = TiffEncoder::new(&mut sixteen).unwrap();
    let mut image = encoder.new_image::<colortype::RGB16>(3, 1).unwrap();
    image.extra_samples(&[ExtraSamples::AssociatedAlpha]).unwrap();
    image.write_data(&pixels.map(|c| u16::from(c) * 257)).unwrap();
    for file in [eight, sixteen] {
        let image = decoded(&file.into_inner()).unwrap();
        assert_eq!(image.into_raw(), [10, 20, 30, 255, 127, 127, 255, 255, 255]);
    }
}
