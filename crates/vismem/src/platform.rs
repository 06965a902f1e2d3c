//! What only Unix has. A port to another system is another version of this file.

use std::ffi::OsString;
use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Reading and writing at a place in a file.
pub(crate) use std::os::unix::fs::FileExt;

/// Something other than a regular file is where a memory has a file: a symbolic link, a pipe, a device, a directory.
#[derive(Debug, thiserror::Error)]
#[error("is not a regular file")]
pub(crate) struct NotRegular;

impl NotRegular {
    /// Whether it is the cause of this error.
    pub(crate) fn caused(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|cause| cause.is::<Self>())
    }
}

/// Opens a file of a memory. A memory may come from a stranger, so that a name may lead elsewhere: a symbolic link is not
/// followed, and what is not a regular file is refused. A pipe does not make it wait.
///
/// # Errors
/// As [`OpenOptions::open`], and [`NotRegular`].
pub(crate) fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = match options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path) {
        // A link; a socket, or a pipe that nobody reads.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ELOOP | libc::EMLINK | libc::ENXIO)) => {
            return Err(io::Error::other(NotRegular));
        }
        opened => opened?,
    };
    regular(file.metadata()?.file_type()).map(|()| file)
}

/// Opens a file of a memory for reading, see [`open_regular`].
pub(crate) fn read_regular(path: &Path) -> io::Result<File> {
    open_regular(path, File::options().read(true))
}

/// Opens a file of a memory for reading and writing, see [`open_regular`].
pub(crate) fn change_regular(path: &Path) -> io::Result<File> {
    open_regular(path, File::options().read(true).write(true))
}

/// Makes a file of a memory, or empties it, see [`open_regular`].
pub(crate) fn create_regular(path: &Path) -> io::Result<File> {
    open_regular(path, File::options().read(true).write(true).create(true).truncate(true))
}

/// Whether a regular file is there, and not anything else under its name: for files that a library opens.
///
/// # Errors
/// [`NotRegular`], and when the file system refuses.
pub(crate) fn is_regular(path: &Path) -> io::Result<bool> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        found => regular(found?.file_type()).map(|()| true),
    }
}

fn regular(kind: FileType) -> io::Result<()> {
    if kind.is_file() { Ok(()) } else { Err(io::Error::other(NotRegular)) }
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
    std::os::unix::fs::MetadataExt::ino(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_a_pipe_and_a_directory_are_refused_and_a_link_s_target_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [target, link, pipe] = ["target", "link", "pipe"].map(|name| folder.path().join(name));
        std::fs::write(&target, "mine").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [&link, &pipe, folder.path()] {
            for open in [read_regular, change_regular, create_regular] {
                assert!(open(path).is_err(), "{}", path.display());
            }
            assert!(NotRegular::caused(&read_regular(path).unwrap_err()), "{}", path.display());
            assert!(NotRegular::caused(&is_regular(path).unwrap_err()), "{}", path.display());
        }
        assert!(NotRegular::caused(&create_regular(&link).unwrap_err()));
        assert!(NotRegular::caused(&create_regular(&pipe).unwrap_err()));
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
        assert!(is_regular(&target).unwrap() && !is_regular(&folder.path().join("missing")).unwrap());
    }
}
