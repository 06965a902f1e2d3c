//! Writes `.npy` files whose number of rows is known at the end only.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::WriteError;

/// Bytes before the first value. Room for any number of rows.
const HEADER: usize = 128;

/// Writes N × D values of f32, row after row.
pub struct NpyWriter {
    path: PathBuf,
    file: BufWriter<File>,
    rows: u64,
    dim: usize,
}

impl NpyWriter {
    /// Begins a file, in the place of one that was there, of rows of `dim` values.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn create(path: &Path, dim: usize) -> Result<Self, WriteError> {
        let file = File::create(path).map_err(WriteError::io("write", path))?;
        let mut writer = Self { path: path.into(), file: BufWriter::with_capacity(1 << 20, file), rows: 0, dim };
        writer.header().map_err(WriteError::io("write", path))?;
        Ok(writer)
    }

    /// Appends a row of D values.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn push(&mut self, row: &[f32]) -> Result<(), WriteError> {
        debug_assert_eq!(row.len(), self.dim);
        self.rows += 1;
        let written = row.iter().try_for_each(|value| self.file.write_all(&value.to_le_bytes()));
        written.map_err(WriteError::io("write", &self.path))
    }

    /// Writes the number of rows into the header and syncs the file.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn finish(mut self) -> Result<(), WriteError> {
        let mut finish = || {
            self.file.seek(SeekFrom::Start(0))?;
            self.header()?;
            self.file.flush()?;
            self.file.get_ref().sync_all()
        };
        finish().map_err(WriteError::io("write", &self.path))
    }

    /// Version 1.0 of NumPy's format: magic, version, length, a dictionary padded with spaces up to a line break.
    fn header(&mut self) -> io::Result<()> {
        let shape = format!("({}, {})", self.rows, self.dim);
        let dictionary = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        let width = HEADER - 11;
        self.file.write_all(b"\x93NUMPY\x01\x00")?;
        self.file.write_all(&(HEADER as u16 - 10).to_le_bytes())?;
        writeln!(self.file, "{dictionary:width$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Embeddings;

    #[test]
    fn what_is_written_is_read_whatever_number_of_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        for rows in [1usize, 12] {
            let mut writer = NpyWriter::create(&path, 3).unwrap();
            let values: Vec<f32> = (0..rows * 3).map(|n| n as f32 / 7.0).collect();
            values.chunks(3).for_each(|row| writer.push(row).unwrap());
            writer.finish().unwrap();
            let mut read = Embeddings::open(&path).unwrap();
            assert_eq!((read.rows, read.dim), (rows, 3));
            assert_eq!(read.next_rows(usize::MAX).unwrap(), values);
        }
    }
}
