//! Archives of pictures, `.zip`, `.tar` and `.tar.gz`: folders that were packed, and WebDataset's shards. Nothing is
//! unpacked to disk, and one sample at a time is in memory.

mod samples;
mod tar;
mod zip;

use std::io::{self, Read};
use std::iter;
use std::path::{Component, Path, PathBuf};

use self::samples::Samples;
use crate::dataset::{Dataset, Reader};
use crate::error::{ReadError, ResolveError};
use crate::picture::{Fault, has_extension, is_named_like_a_picture};
use crate::{Result, platform};

/// The most bytes of a file in an archive that are read; what is larger fails as a picture does.
const LARGEST: u64 = 1 << 30;

/// A file in an archive, in the order in which they are packed.
struct Member {
    name: PathBuf,
    /// Its bytes, or why there are none.
    bytes: std::result::Result<Vec<u8>, Fault>,
}

/// The files of an archive that matter; an error where the archive itself cannot be read on.
type Members = Box<dyn Iterator<Item = std::result::Result<Member, Fault>> + Send>;

/// How an archive is packed, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Zip,
    Tar,
    GzippedTar,
}

impl Packing {
    fn of(path: &Path) -> Option<Self> {
        let is_packed_tar =
            has_extension(path, "gz") && path.file_stem().is_some_and(|stem| has_extension(stem.as_ref(), "tar"));
        if has_extension(path, "zip") {
            Some(Self::Zip)
        } else if has_extension(path, "tar") {
            Some(Self::Tar)
        } else {
            (is_packed_tar || has_extension(path, "tgz")).then_some(Self::GzippedTar)
        }
    }
}

pub(crate) fn is_named_like_one(path: &Path) -> bool {
    Packing::of(path).is_some()
}

/// Opens an archive as a data set. Its beginning is looked at now, its files when it is their turn.
pub(crate) fn open(path: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let archive = path.to_owned();
    let members = match Packing::of(path) {
        Some(Packing::Zip) => {
            zip::check(path)?;
            when_asked(move || zip::members(&archive))
        }
        packing => {
            tar::check(path)?;
            when_asked(move || tar::members(&archive, packing == Some(Packing::GzippedTar)))
        }
    };
    Ok(Dataset::streamed(Samples::new(path, members, reader), None))
}

/// Opens an archive when its first file is asked for, and closes it behind the last one: a data set may have more
/// archives than a process may have open files.
fn when_asked(open: impl FnOnce() -> Result<Members> + Send + 'static) -> Members {
    Box::new(iter::once_with(open).flat_map(|opened| {
        opened.unwrap_or_else(|error| Box::new(iter::once(Err(format!("cannot be opened again: {error}").into()))))
    }))
}

/// The bytes of one file of up to `largest` bytes. The archive is packed as the name `called` says.
pub(crate) fn read(
    path: &Path,
    called: &Path,
    wanted: &Path,
    largest: u64,
) -> std::result::Result<Vec<u8>, ResolveError> {
    match Packing::of(called) {
        Some(Packing::Zip) => zip::read(path, wanted, largest),
        packing => tar::read(path, packing == Some(Packing::GzippedTar), wanted, largest),
    }
}

/// All of a file, if it is not larger than it may be.
fn whole(file: &mut impl Read, archive: &Path, largest: u64) -> std::result::Result<Vec<u8>, ResolveError> {
    let mut bytes = Vec::new();
    file.take(largest.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| damaged(archive, error))?;
    if bytes.len() as u64 > largest { Err(ResolveError::TooLarge { limit: largest }) } else { Ok(bytes) }
}

fn damaged(archive: &Path, error: impl Into<io::Error>) -> ResolveError {
    ReadError::io("read", archive)(error.into()).into()
}

/// Whether a file is of use: a picture, or something that may have its label.
fn matters(name: &Path) -> bool {
    let is_hidden = name.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    // macOS puts a file of its own beside each file of a zip.
    !is_hidden && !name.starts_with("__MACOSX") && (is_named_like_a_picture(name) || samples::is_label(name))
}

/// Why a name is not to be trusted: it leads out of the archive.
fn escape(name: &Path) -> Option<&'static str> {
    let leads_out = |part| !matches!(part, Component::Normal(_) | Component::CurDir);
    name.components().any(leads_out).then_some("its name leads out of the archive, it is refused; pack it again")
}

fn name_of(bytes: &[u8]) -> PathBuf {
    platform::os_string(bytes.to_vec()).into()
}
