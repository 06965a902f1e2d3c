use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::{Compression, End, LINK, Member, Want, damaged, escape, too_large, whole};
use crate::error::ResolveError;
use crate::picture::{Fault, is_named_like_a_picture};
use crate::{platform, regular_file};

/// The most bytes between two files: long names and other records, which the library holds in memory, and the empty blocks
/// at the end of an archive that another one is joined to.
const BETWEEN: u64 = 64 << 20;

/// The end is marked by a block of zeros, or two; what is left of the last block of a file is less.
const BLOCK: usize = 512;

/// Keys of records by which GNU tar describes a file with holes.
const SPARSE: &str = "GNU.sparse.";

type Entry<'a> = tar::Entry<'a, Metered>;

/// Goes through the files.
pub fn visit(
    path: &Path,
    compression: Compression,
    want: &dyn Fn(&Path) -> Want,
    take: &mut dyn FnMut(Member) -> ControlFlow<()>,
) -> Result<End, Fault> {
    let each = |entry: &mut Entry<'_>| match member(entry, want)? {
        Some(member) => Ok(take(member)),
        None => Ok(ControlFlow::Continue(())),
    };
    let visited = File::open(path).and_then(|file| each_entry(file, compression, each));
    visited.map_err(|error| format!("the archive cannot be read on: {error}; fetch or pack it again").into())
}

/// An entry that is a file, or a link where a picture could be.
fn member(entry: &mut Entry<'_>, want: &dyn Fn(&Path) -> Want) -> io::Result<Option<Member>> {
    let sparse = sparse_name(entry)?;
    let is_sparse = sparse.is_some();
    let name = sparse.unwrap_or_else(|| name_of(entry));
    let kind = entry.header().entry_type();
    let is_link = matches!(kind, EntryType::Link | EntryType::Symlink);
    let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse);
    if !(is_file || is_link && is_named_like_a_picture(&name)) {
        return Ok(None);
    }
    let bytes = match (want(&name), escape(&name)) {
        (Want::Name, _) => Ok(Vec::new()),
        (Want::Bytes(_), Some(reason)) => Err(reason.into()),
        (Want::Bytes(_), None) if is_link => Err(LINK.into()),
        (Want::Bytes(_), None) if is_sparse => {
            Err("is stored without its holes (PAX sparse), which is not read here; pack it without --sparse".into())
        }
        (Want::Bytes(largest), None) if entry.size() > largest => Err(too_large(largest)),
        (Want::Bytes(_), None) => {
            let size = entry.size();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            if (bytes.len() as u64) < size {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle of a file"));
            }
            Ok(bytes)
        }
    };
    Ok(Some(Member { name, bytes }))
}

fn name_of(entry: &Entry<'_>) -> PathBuf {
    platform::os_string(entry.path_bytes().into_owned()).into()
}

/// The name of a file whose records say that it has holes.
fn sparse_name(entry: &mut Entry<'_>) -> io::Result<Option<PathBuf>> {
    let Some(records) = entry.pax_extensions()? else { return Ok(None) };
    let mut name = None;
    for record in records {
        let record = record?;
        let key = record.key().ok().and_then(|key| key.strip_prefix(SPARSE));
        if let Some("name") = key {
            name = Some(platform::os_string(record.value_bytes().to_vec()).into());
        }
    }
    Ok(name)
}

/// Calls for each entry until it breaks. Archives that were joined, one behind the other, are one.
fn each_entry(
    file: File,
    compression: Compression,
    mut each: impl FnMut(&mut Entry<'_>) -> io::Result<ControlFlow<()>>,
) -> io::Result<End> {
    let stream = match compression {
        Compression::None => Stream::Plain(file),
        Compression::Gzip => Stream::Packed(Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file)))),
        Compression::Zstandard => Stream::Packed(Box::new(zstd::Decoder::new(file)?)),
    };
    let is_plain = matches!(stream, Stream::Plain(_));
    let left = Rc::new(Cell::new(u64::MAX));
    let zeros = Rc::new(Cell::new(0));
    let mut archive = Archive::new(Metered { stream, left: Rc::clone(&left), zeros: Rc::clone(&zeros) });
    archive.set_ignore_zeros(true);
    let mut entries = if is_plain { archive.entries_with_seek()? } else { archive.entries()? };
    loop {
        left.set(BETWEEN);
        zeros.set(0);
        let Some(entry) = entries.next() else {
            return Ok(if zeros.get() >= BLOCK { End::Marked } else { End::Unmarked });
        };
        left.set(u64::MAX);
        let mut entry = entry?;
        if each(&mut entry)?.is_break() {
            return Ok(End::Marked);
        }
        if !is_plain {
            // Else what is left of the file would be read, and counted, on the way to the next one.
            io::copy(&mut entry, &mut io::sink())?;
        }
    }
}

/// The bytes of an archive, of which only so many are given out.
struct Metered {
    stream: Stream,
    left: Rc<Cell<u64>>,
    /// How many bytes in a row were zeros, up to the last one that was read.
    zeros: Rc<Cell<usize>>,
}

enum Stream {
    Plain(File),
    Packed(Box<dyn Read>),
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.stream {
            Stream::Plain(file) => file.read(buffer)?,
            Stream::Packed(stream) => stream.read(buffer)?,
        };
        let zeros = buffer[..read].iter().rev().take_while(|byte| **byte == 0).count();
        self.zeros.set(if zeros == read { self.zeros.get() + zeros } else { zeros });
        let left = self.left.get().checked_sub(read as u64);
        self.left.set(left.ok_or_else(|| io::Error::other("too much lies between two files"))?);
        Ok(read)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.stream {
            Stream::Plain(file) => file.seek(to),
            Stream::Packed(_) => Err(io::ErrorKind::NotSeekable.into()),
        }
    }
}

/// The bytes of one file; the others are jumped over, or unpacked and dropped.
pub fn read(path: &Path, compression: Compression, wanted: &Path, largest: u64) -> Result<Vec<u8>, ResolveError> {
    let (file, _) = regular_file::open(path, "an archive")?;
    let mut found = Err(ResolveError::Gone { from: "archive" });
    let search = || {
        each_entry(file, compression, |entry| {
            if name_of(entry) != wanted || !entry.header().entry_type().is_file() {
                return Ok(ControlFlow::Continue(()));
            }
            found = whole(entry, path, largest);
            Ok(ControlFlow::Break(()))
        })
    };
    let searched = catch_unwind(AssertUnwindSafe(search));
    match searched.unwrap_or_else(|_| Err(io::Error::other("it cannot be decoded"))) {
        Ok(_) => found,
        Err(error) => Err(damaged(path, error)),
    }
}
