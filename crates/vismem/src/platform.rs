//! What only Unix has. A port to another system is another version of this file.

use std::ffi::OsString;
use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Reading and writing at a place in a file.
pub(crate) use std::os::unix::fs::FileExt;

/// What is where a memory has a file cannot be one of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// A symbolic link, a pipe, a socket, a device, a directory.
    #[error("is not a regular file")]
    NotRegular,
    /// It has other names, by which it may belong to somebody else or be a copy of before: what is written into it shows
    /// there, and what is erased by deleting it does not go.
    #[error("has other names (hard links)")]
    Shared,
}

impl Unfit {
    /// What an error was caused by, if by this.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|cause| cause.downcast_ref()).copied()
    }
}

/// Opens a file of a memory to write into it. A memory may come from a stranger, so that a name may lead elsewhere: a
/// symbolic link is not followed, and what is not a regular file or has other names is refused. A pipe does not make it
/// wait. The options must not truncate, since that comes before the look.
///
/// # Errors
/// As [`OpenOptions::open`], and [`Unfit`].
pub(crate) fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = open(path, options)?;
    sole(&file.metadata()?).map(|()| file)
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = match options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path) {
        // A link; a socket, or a pipe that nobody reads.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ELOOP | libc::EMLINK | libc::ENXIO)) => {
            return Err(io::Error::other(Unfit::NotRegular));
        }
        opened => opened?,
    };
    regular(file.metadata()?.file_type()).map(|()| file)
}

/// Opens a file of a memory for reading, see [`open_regular`]; its other names are nothing to a reader.
pub(crate) fn read_regular(path: &Path) -> io::Result<File> {
    open(path, File::options().read(true))
}

/// Opens a file of a memory for reading and writing, see [`open_regular`].
pub(crate) fn change_regular(path: &Path) -> io::Result<File> {
    open_regular(path, File::options().read(true).write(true))
}

/// Makes a file of a memory, or empties it, see [`open_regular`].
pub(crate) fn create_regular(path: &Path) -> io::Result<File> {
    let file = open_regular(path, File::options().read(true).write(true).create(true).truncate(false))?;
    file.set_len(0).map(|()| file)
}

/// Whether a regular file is there, and not anything else under its name: for files that a library opens.
///
/// # Errors
/// [`Unfit`], and when the file system refuses.
pub(crate) fn is_regular(path: &Path) -> io::Result<bool> {
    let file = there(path)?;
    file.as_ref().map_or(Ok(()), |file| regular(file.file_type())).map(|()| file.is_some())
}

/// The same where it will be written to.
pub(crate) fn is_sole(path: &Path) -> io::Result<bool> {
    let file = there(path)?;
    file.as_ref().map_or(Ok(()), sole).map(|()| file.is_some())
}

fn there(path: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

fn regular(kind: FileType) -> io::Result<()> {
    if kind.is_file() { Ok(()) } else { Err(io::Error::other(Unfit::NotRegular)) }
}

fn sole(file: &Metadata) -> io::Result<()> {
    regular(file.file_type())?;
    // None where it was deleted meanwhile, which is nobody's then.
    if MetadataExt::nlink(file) <= 1 { Ok(()) } else { Err(io::Error::other(Unfit::Shared)) }
}

/// Waits until the names in a directory are on disk.
#[expect(clippy::disallowed_methods, reason = "of a directory there is no other way")]
pub(crate) fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The bytes of a path.
pub(crate) fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// A path or another word of the system from its bytes.
pub(crate) fn from_bytes(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

/// What tells a file from another one that had its name before.
pub(crate) fn inode(file: &Metadata) -> u64 {
    MetadataExt::ino(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_a_pipe_and_a_directory_are_refused_a_second_name_too_to_write_and_targets_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [target, link, pipe] = ["target", "link", "pipe"].map(|name| folder.path().join(name));
        std::fs::write(&target, "mine").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [&link, &pipe, folder.path()] {
            for open in [read_regular, change_regular, create_regular] {
                assert!(open(path).is_err(), "{}", path.display());
            }
            for refused in [read_regular(path).map(drop), is_regular(path).map(drop), is_sole(path).map(drop)] {
                assert_eq!(Unfit::of(&refused.unwrap_err()), Some(Unfit::NotRegular), "{}", path.display());
            }
        }
        assert_eq!(Unfit::of(&create_regular(&link).unwrap_err()), Some(Unfit::NotRegular));
        assert_eq!(Unfit::of(&create_regular(&pipe).unwrap_err()), Some(Unfit::NotRegular));
        let other = folder.path().join("other");
        std::fs::hard_link(&target, &other).unwrap();
        for refused in [create_regular(&other), change_regular(&other)] {
            assert_eq!(Unfit::of(&refused.unwrap_err()), Some(Unfit::Shared));
        }
        assert!(read_regular(&other).is_ok() && is_regular(&other).unwrap() && is_sole(&other).is_err());
        std::fs::remove_file(&other).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
        assert!(is_regular(&target).unwrap() && !is_regular(&folder.path().join("missing")).unwrap());
    }
}
