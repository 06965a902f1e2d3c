use std::fs::File;
use std::io::{self, BufReader, Read};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// A file that has an end: to read on there is an error. The library jumps over what a damaged header claims to follow, and
/// would do so two thousand million times where nothing follows any more.
pub(crate) struct Finite(pub File);

pub(crate) struct FiniteRead(BufReader<File>);

impl Read for FiniteRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            len => Ok(len),
        }
    }
}

impl Length for Finite {
    fn len(&self) -> u64 {
        Length::len(&self.0)
    }
}

impl ChunkReader for Finite {
    type T = FiniteRead;

    fn get_read(&self, start: u64) -> Result<FiniteRead, ParquetError> {
        self.0.get_read(start).map(FiniteRead)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.0.get_bytes(start, length)
    }
}
