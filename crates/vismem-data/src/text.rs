//! Text that people bring: UTF-8, with or without a byte order mark, or UTF-16 with one, as spreadsheets save it.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use crate::Result;
use crate::error::ReadError;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Opens a file of text that is read as bytes of UTF-8, without a byte order mark.
///
/// # Errors
/// When it cannot be read, or is UTF-16 that is damaged.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read + Send>> {
    let mut file = File::open(path).map_err(ReadError::io("read", path))?;
    let mut start = Vec::new();
    file.by_ref().take(UTF8_MARK.len() as u64).read_to_end(&mut start).map_err(ReadError::io("read", path))?;
    let unit: fn([u8; 2]) -> u16 = match start[..] {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ if start == UTF8_MARK => return Ok(Box::new(file)),
        _ => return Ok(Box::new(Cursor::new(start).chain(file))),
    };
    file.read_to_end(&mut start).map_err(ReadError::io("read", path))?;
    let (pairs, rest) = start[2..].as_chunks::<2>();
    let text: std::result::Result<String, _> = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect();
    match text {
        Ok(text) if rest.is_empty() => Ok(Box::new(Cursor::new(text.into_bytes()))),
        _ => Err(ReadError::content(path, "begins as UTF-16 and is none; save the file as UTF-8")),
    }
}

/// Bytes of UTF-8 without a byte order mark.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes)
}

/// All of a file.
///
/// # Errors
/// As [`open`].
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(ReadError::io("read", path))?;
    Ok(bytes)
}

/// All of a file, which must be text.
///
/// # Errors
/// As [`open`], and when it is not UTF-8.
pub(crate) fn read(path: &Path) -> Result<String> {
    String::from_utf8(bytes(path)?).map_err(|_| ReadError::content(path, "is not UTF-8 text; save the file as UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_read_from_every_encoding_that_says_which_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.txt");
        let text = "päth,🐱\n";
        let utf16 = |mark: u16, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(mark).chain(text.encode_utf16()).flat_map(bytes).collect()
        };
        let (little, big) = (utf16(0xfeff, u16::to_le_bytes), utf16(0xfeff, u16::to_be_bytes));
        for bytes in [text.as_bytes().to_vec(), [UTF8_MARK, text.as_bytes()].concat(), little.clone(), big] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read(&path).unwrap(), text);
        }
        for short in ["", "a", "ab"] {
            std::fs::write(&path, short).unwrap();
            assert_eq!(read(&path).unwrap(), short);
        }
        std::fs::write(&path, &little[..little.len() - 1]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("begins as UTF-16"));
        std::fs::write(&path, b"caf\xe9").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("is not UTF-8"));
    }
}
