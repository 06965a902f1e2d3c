//! Ready embeddings: `.npy` files of N × D values.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use half::f16;

use crate::Result;
use crate::error::ReadError;
use crate::npy::{Kind, NpyFile, Order};

/// Rows of a `.npy` file, read as they are asked for.
pub struct Embeddings {
    /// How many rows the file has.
    pub rows: usize,
    /// Values in each row.
    pub dim: usize,
    values: BufReader<File>,
    /// Values that were not read yet.
    left: usize,
    size: usize,
    order: Order,
    path: PathBuf,
}

/// Values that are decoded together.
const TOGETHER: usize = 1 << 16;

impl Embeddings {
    /// Opens a file of f16, f32 or f64 values (which are rounded to f32), N × D, in C order.
    ///
    /// # Errors
    /// When it cannot be read, is truncated, or holds something else or nothing.
    pub fn open(path: &Path) -> Result<Self> {
        let content = |what: String| ReadError::content(path, what);
        let NpyFile { header, values } = NpyFile::open(path)?;
        let &[rows, dim] = &header.shape[..] else {
            return Err(content(format!("has the shape {:?}; save embeddings as N × D, one row each", header.shape)));
        };
        if rows == 0 || dim == 0 {
            let what = format!("holds no values ({rows} × {dim}); save embeddings as N × D");
            return Err(ReadError::nothing(path, what));
        }
        if header.fortran_order && dim > 1 && rows > 1 {
            return Err(content("is in Fortran order; save np.ascontiguousarray of it".into()));
        }
        let Kind::Float(size, order) = header.kind else {
            return Err(content(format!("holds {}; save embeddings as float32", header.descr)));
        };
        if dim > vismem::MOST_DIMENSIONS as u64 || rows > u64::from(u32::MAX) {
            let most = vismem::MOST_DIMENSIONS;
            let what =
                format!("has {rows} rows of {dim} values; a memory holds up to {} rows of up to {most}", u32::MAX);
            return Err(content(what));
        }
        // They are in the file, so they can be counted.
        let (rows, dim) = (rows as usize, dim as usize);
        Ok(Self { rows, dim, values, left: rows * dim, size, order, path: path.into() })
    }

    /// The next rows, at most `count`, one behind the other; none at the end.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub fn next_rows(&mut self, count: usize) -> Result<Vec<f32>> {
        let wanted = count.saturating_mul(self.dim).min(self.left);
        let mut found = Vec::new();
        // A file may be larger than memory, and be nothing but a hole.
        found.try_reserve_exact(wanted).map_err(|_| {
            let bytes = wanted.saturating_mul(size_of::<f32>());
            ReadError::content(
                &self.path,
                format!("needs {bytes} bytes of memory, which are not there; split the file"),
            )
        })?;
        let mut bytes = Vec::new();
        while found.len() < wanted {
            bytes.resize(TOGETHER.min(wanted - found.len()) * self.size, 0);
            self.values.read_exact(&mut bytes).map_err(ReadError::io("read", &self.path))?;
            if self.order == Order::Big {
                bytes.chunks_exact_mut(self.size).for_each(<[u8]>::reverse);
            }
            match self.size {
                2 => found.extend(bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32())),
                4 => found.extend(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes))),
                _ => found.extend(bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32)),
            }
        }
        self.left -= wanted;
        Ok(found)
    }

    /// How a row is called: `FILE#ROW`, counted from 0.
    pub fn name_of(&self, row: usize) -> String {
        format!("{}#{row}", self.path.display())
    }
}

/// Why a row cannot be an embedding: it has no direction.
pub fn fault(row: &[f32]) -> Option<&'static str> {
    if row.iter().any(|value| !value.is_finite()) {
        Some("holds NaN or an infinity; leave the row out or compute it again")
    } else if row.iter().all(|value| *value == 0.0) {
        Some("is all zeros; leave the row out or compute it again")
    } else {
        None
    }
}
