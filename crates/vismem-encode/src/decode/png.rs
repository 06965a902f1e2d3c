//! The chunks of a PNG file that say nothing about pixels: left out before decoding, and searched for EXIF.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::ZlibDecoder;

const SIGNATURE: usize = 8;
/// Length, type and checksum around a chunk's data.
const AROUND: usize = 12;
/// An EXIF block is at most 64 KiB in JPEG; as text it takes twice that and line ends.
const LONGEST_PROFILE: u64 = 1 << 20;

/// The file without its colour profile, texts and EXIF: they are not needed for pixels, and a small file may hold
/// gigabytes of them.
pub(super) fn pixels_only(file: &[u8]) -> Cow<'_, [u8]> {
    if !chunks(file).any(|chunk| chunk.is_metadata()) {
        return Cow::Borrowed(file);
    }
    let mut kept = file[..SIGNATURE].to_vec();
    let mut end = SIGNATURE;
    for chunk in chunks(file) {
        end += chunk.whole.len();
        if !chunk.is_metadata() {
            kept.extend_from_slice(chunk.whole);
        }
    }
    // A chunk that is cut off, which the decoder then finds.
    kept.extend_from_slice(&file[end..]);
    Cow::Owned(kept)
}

/// The EXIF block, from its own chunk, which may follow the pixels, or from a text in hexadecimal digits, as ImageMagick
/// wrote it before there was one.
pub(super) fn exif(file: &[u8]) -> Option<Vec<u8>> {
    let own = chunks(file).find(|chunk| chunk.kind() == b"eXIf").map(|chunk| chunk.data().to_vec());
    own.or_else(|| chunks(file).find_map(|chunk| from_digits(&profile(chunk)?)))
}

struct Chunk<'a> {
    whole: &'a [u8],
}

impl<'a> Chunk<'a> {
    fn kind(&self) -> &'a [u8] {
        &self.whole[4..8]
    }

    fn data(&self) -> &'a [u8] {
        &self.whole[8..self.whole.len() - 4]
    }

    fn is_metadata(&self) -> bool {
        matches!(self.kind(), b"iCCP" | b"iTXt" | b"zTXt" | b"tEXt" | b"eXIf")
    }
}

/// The chunks that are whole.
fn chunks(file: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = file.get(SIGNATURE..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let (whole, after) = rest.split_at_checked(length.checked_add(AROUND)?)?;
        rest = after;
        Some(Chunk { whole })
    })
}

/// The text of a chunk that holds EXIF as hexadecimal digits.
fn profile(chunk: Chunk<'_>) -> Option<Vec<u8>> {
    let data = chunk.data();
    let (keyword, rest) = data.split_at_checked(data.iter().position(|&byte| byte == 0)?)?;
    if !matches!(keyword, b"Raw profile type exif" | b"Raw profile type APP1") {
        return None;
    }
    let (compressed, text) = match chunk.kind() {
        b"tEXt" => (false, &rest[1..]),
        // The method of compression, of which there is one.
        b"zTXt" => (true, rest.get(2..)?),
        b"iTXt" => {
            // Whether it is compressed, the method, the language and the translated keyword, each of which ends in a zero.
            let mut parts = rest.get(3..)?.splitn(3, |&byte| byte == 0);
            (rest[1] == 1, parts.nth(2)?)
        }
        _ => return None,
    };
    let mut out = Vec::new();
    if compressed {
        ZlibDecoder::new(text).take(LONGEST_PROFILE).read_to_end(&mut out).ok()?;
    } else {
        out.extend_from_slice(&text[..text.len().min(LONGEST_PROFILE as usize)]);
    }
    Some(out)
}

/// A name, the number of bytes, and the bytes as digits with line ends between them.
fn from_digits(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.split_ascii_whitespace().skip(2).peekable();
    words.peek()?;
    let digits: Vec<u8> =
        words.flat_map(str::bytes).map(|c| char::from(c).to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
