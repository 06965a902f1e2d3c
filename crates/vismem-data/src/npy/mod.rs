//! `.npy` files, NumPy's arrays: what their header promises is checked before anything is read.

mod header;
mod writer;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

pub use self::header::{Header, HeaderError, Kind, Order};
pub use self::writer::NpyWriter;
use crate::error::ReadError;
use crate::{Result, regular_file};

/// A file whose header is read, at its first value.
pub(crate) struct NpyFile {
    pub header: Header,
    pub values: BufReader<File>,
}

impl NpyFile {
    /// Opens a file and checks that it is as long as its header says.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, len) = regular_file::open(path, "a .npy file")?;
        let mut values = BufReader::with_capacity(1 << 20, file);
        let header =
            Header::read(&mut values).map_err(ReadError::kind(path, "not a .npy file; save it with np.save"))?;
        let start = values.stream_position().map_err(ReadError::io("read", path))?;
        if let Some(size) = header.kind.size() {
            let needed = header.values().and_then(|values| values.checked_mul(size));
            if needed.is_none_or(|needed| needed > len.saturating_sub(start)) {
                let shape = &header.shape;
                let what = format!("is truncated, it ends before its {shape:?} values; save or fetch it again");
                return Err(ReadError::content(path, what));
            }
        }
        Ok(Self { header, values })
    }

    /// The values as text, numbers in decimal; `None` where they are neither whole numbers nor text.
    pub fn into_texts(self) -> Option<io::Result<Vec<String>>> {
        let Self { header, mut values } = self;
        let (kind, count) = (header.kind, header.values()?);
        let size = usize::try_from(kind.size()?).ok()?;
        // Any number of texts without a byte would take no file, but memory.
        if size == 0 && count > 0 || matches!(kind, Kind::Float(..)) {
            return None;
        }
        let mut bytes = Vec::new();
        Some(
            (0..count)
                .map(|_| {
                    bytes.resize(size, 0);
                    values.read_exact(&mut bytes)?;
                    text(kind, &mut bytes)
                })
                .collect(),
        )
    }
}

/// A value as text.
fn text(kind: Kind, bytes: &mut [u8]) -> io::Result<String> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    match kind {
        Kind::Int(_, order) => {
            let wide = widened(bytes, order);
            // The sign is that of the value's own first bit.
            let shift = 64 - 8 * bytes.len();
            Ok((((wide << shift) as i64) >> shift).to_string())
        }
        Kind::Uint(_, order) => Ok(widened(bytes, order).to_string()),
        Kind::Unicode(_, order) => {
            let points = bytes.as_chunks::<4>().0.iter().map(|point| match order {
                Order::Little => u32::from_le_bytes(*point),
                Order::Big => u32::from_be_bytes(*point),
            });
            let text = points.map(char::from_u32).collect::<Option<String>>();
            let text = text.ok_or_else(|| invalid("a text holds something that is not a character"))?;
            Ok(text.trim_end_matches('\0').to_owned())
        }
        Kind::Bytes(_) => {
            let text = str::from_utf8(bytes).map_err(|_| invalid("a text is not UTF-8"))?;
            Ok(text.trim_end_matches('\0').to_owned())
        }
        Kind::Float(..) | Kind::Other => Err(invalid("a value is not text")),
    }
}

/// A number of up to 8 bytes, without a sign.
fn widened(bytes: &mut [u8], order: Order) -> u64 {
    if order == Order::Big {
        bytes.reverse();
    }
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
