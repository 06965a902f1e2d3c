//! Kinds of pictures, videos and documents that are not read, by their content.

/// What cameras store before a picture is developed. Some of it is TIFF.
pub(super) const CAMERA_RAW: &str = "a raw picture of a camera";
const HEIF: &str = "a HEIF or HEIC picture";
const AVIF: &str = "an AVIF picture";
const VIDEO: &str = "a video";

/// How many bytes of a text are looked at.
const BEGINNING: usize = 1024;

/// The first bytes of kinds that are known by them.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"\0\0\0\x0CjP  \r\n\x87\n", "a JPEG 2000 picture"),
    (b"\xFF\x4F\xFF\x51", "a JPEG 2000 picture"),
    (b"\0\0\0\x0CJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"\xFF\x0A", "a JPEG XL picture"),
    (b"II\xBC", "a JPEG XR picture"),
    (b"8BPS", "a Photoshop document (PSD)"),
    (b"gimp xcf", "a GIMP document (XCF)"),
    (b"IIRO", CAMERA_RAW),
    (b"IIRS", CAMERA_RAW),
    (b"MMOR", CAMERA_RAW),
    (b"IIU\0", CAMERA_RAW),
    (b"FUJIFILMCCD-RAW", CAMERA_RAW),
    (b"\0MRM", CAMERA_RAW),
    (b"FOVb", CAMERA_RAW),
    (b"%PDF-", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\x1A\x45\xDF\xA3", VIDEO),
    (b"\0\0\x01\xBA", VIDEO),
    (b"DDS ", "a DDS texture"),
    (b"qoif", "a QOI picture"),
    (b"\x76\x2F\x31\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"#?RGBE", "a Radiance HDR picture"),
    (b"PF\n", "a PFM picture"),
    (b"Pf\n", "a PFM picture"),
    (b"SIMPLE  =", "a FITS picture"),
    (b"\x8AMNG\r\n\x1A\n", "an MNG animation"),
];

/// What the content is, with its article, if that is known and not read here.
pub(super) fn kind(file: &[u8]) -> Option<&'static str> {
    let by_signature = || SIGNATURES.iter().find(|(signature, _)| file.starts_with(signature)).map(|(_, kind)| *kind);
    by_signature().or_else(|| by_brand(file)).or_else(|| elsewhere(file))
}

/// Kinds that share one container, which names them.
fn by_brand(file: &[u8]) -> Option<&'static str> {
    let (length, rest) = file.split_first_chunk()?;
    let brands = rest.strip_prefix(b"ftyp")?;
    let length = (u32::from_be_bytes(*length) as usize).saturating_sub(8).min(brands.len());
    let (main, rest) = brands[..length].split_first_chunk::<4>()?;
    // After its main brand and its version, those that it is compatible with.
    let others = || rest.get(4..).unwrap_or_default().chunks_exact(4);
    let is_avif = |brand: &[u8]| matches!(brand, b"avif" | b"avis");
    Some(match main {
        brand if is_avif(brand) || others().any(is_avif) => AVIF,
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" | b"mif1" | b"msf1" => HEIF,
        b"crx " => CAMERA_RAW,
        b"jp2 " | b"jpx " => "a JPEG 2000 picture",
        _ => VIDEO,
    })
}

/// Kinds that are known by more than their first bytes.
fn elsewhere(file: &[u8]) -> Option<&'static str> {
    if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"AVI ") {
        return Some(VIDEO);
    }
    // An icon or a cursor, with the number of its pictures and, in the first one's description, a zero.
    if matches!(file, [0, 0, 1 | 2, 0, count, 0, _, _, _, 0, ..] if *count > 0) {
        return Some("an icon (ICO)");
    }
    if file.get(128..132) == Some(b"DICM") {
        return Some("a DICOM picture");
    }
    if file.ends_with(b"TRUEVISION-XFILE.\0") {
        return Some("a TGA picture");
    }
    let text = &file[..file.len().min(BEGINNING)];
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii_start();
    let is_markup = text.starts_with(b"<svg") || text.starts_with(b"<?xml") || text.starts_with(b"<!");
    (is_markup && text.windows(4).any(|word| word == b"<svg")).then_some("an SVG drawing")
}
