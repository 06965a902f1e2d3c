//! Archives of pictures, `.zip`, `.tar` and `.tar.gz`: folders that were packed, and WebDataset's shards. Nothing is
//! unpacked to disk, and one sample at a time is in memory.

mod samples;
mod tar;
mod zip;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};

use self::samples::Samples;
use super::dataset::{Dataset, Reader};
use super::{folder, has_extension};

/// The most bytes of a file in an archive that are read; what is larger fails as a picture does.
const LARGEST: u64 = 1 << 30;

/// A file in an archive, in the order in which they are packed.
pub struct Member {
    pub name: PathBuf,
    /// Its bytes, or why there are none.
    pub bytes: Result<Vec<u8>, String>,
}

/// The files of an archive that matter; an error where the archive itself cannot be read on.
type Members = Box<dyn Iterator<Item = Result<Member, String>> + Send>;

pub fn is_named_like_one(path: &Path) -> bool {
    let is_packed_tar =
        has_extension(path, "gz") && path.file_stem().is_some_and(|stem| has_extension(stem.as_ref(), "tar"));
    is_packed_tar || ["zip", "tar", "tgz"].iter().any(|extension| has_extension(path, extension))
}

/// Opens an archive as a data set.
pub fn open(path: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let members = if has_extension(path, "zip") { zip::members(path)? } else { tar::members(path)? };
    Ok(Dataset::streamed(Samples::new(path, members, reader), None))
}

/// The bytes of one file.
pub fn read(path: &Path, wanted: &Path) -> Result<Vec<u8>> {
    if has_extension(path, "tar") {
        return tar::read(path, wanted);
    }
    let members = if has_extension(path, "zip") { zip::members(path)? } else { tar::members(path)? };
    for member in members {
        let member = member.map_err(anyhow::Error::msg)?;
        if member.name == wanted {
            return member.bytes.map_err(anyhow::Error::msg);
        }
    }
    bail!("it is not in the archive any more")
}

/// Whether a file is of use: a picture, or something that may have its label.
fn matters(name: &Path) -> bool {
    let is_hidden = name.file_name().is_none_or(|name| name.as_bytes().starts_with(b"."));
    // macOS puts a file of its own beside each file of a zip.
    !is_hidden && !name.starts_with("__MACOSX") && (folder::is_named_like_a_picture(name) || samples::is_label(name))
}

/// Why a name is not to be trusted: it leads out of the archive.
fn escape(name: &Path) -> Option<&'static str> {
    let leads_out = |part| !matches!(part, Component::Normal(_) | Component::CurDir);
    name.components().any(leads_out).then_some("its name leads out of the archive, it is refused; pack it again")
}

fn name_of(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}
