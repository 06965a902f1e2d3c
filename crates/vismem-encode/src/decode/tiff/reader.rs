//! The bytes of a TIFF file as the decoder is to see them.

use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};

/// A file with some bytes replaced and others appended.
///
/// The decoder gives samples as they are stored for grey pictures only, so that all are shown to it as grey; and what it
/// does not unpack well is shown to it unpacked, behind the end of the file.
pub(super) struct Reader<'a> {
    file: &'a [u8],
    patches: Vec<(u64, Vec<u8>)>,
    table: Vec<u8>,
    chunk: Vec<u8>,
    at: u64,
    reversed: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a [u8]) -> Self {
        Self { file, patches: Vec::new(), table: Vec::new(), chunk: Vec::new(), at: 0, reversed: false }
    }

    pub(super) fn replace(&mut self, at: u64, bytes: Vec<u8>) {
        self.patches.push((at, bytes));
    }

    /// What follows the file.
    pub(super) fn append_table(&mut self, table: Vec<u8>) {
        self.table = table;
    }

    /// What follows the table, in the place of what followed it before.
    pub(super) fn append_chunk(&mut self, chunk: Vec<u8>) {
        self.chunk = chunk;
    }

    /// From now on, every byte of the file has its bits in the other order.
    pub(super) fn reverse_bits(&mut self) {
        self.reversed = true;
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        let mut offset = usize::try_from(self.at).unwrap_or(usize::MAX);
        let mut parts = [self.file, &self.table, &self.chunk].into_iter().enumerate();
        let part = parts.find(|(_, part)| {
            let is_inside = offset < part.len();
            if !is_inside {
                offset -= part.len();
            }
            is_inside
        });
        let Some((which, part)) = part else { return Ok(0) };
        let len = buf.len().min(part.len() - offset);
        let read = &mut buf[..len];
        read.copy_from_slice(&part[offset..offset + len]);
        if which == 0 {
            for (at, bytes) in &self.patches {
                for (at, byte) in (*at..).zip(bytes) {
                    let place = at.checked_sub(self.at).and_then(|i| read.get_mut(usize::try_from(i).ok()?));
                    if let Some(place) = place {
                        *place = *byte;
                    }
                }
            }
            if self.reversed {
                read.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
            }
        }
        self.at += len as u64;
        Ok(len)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => (self.file.len() as u64).checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
