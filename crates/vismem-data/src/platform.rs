//! What Unix alone has: names that are any bytes, and opening what may be a pipe.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A name of these bytes.
pub fn os_string(bytes: Vec<u8>) -> OsString {
    OsString::from_vec(bytes)
}

/// The bytes of a name.
pub fn bytes(name: &OsStr) -> &[u8] {
    name.as_bytes()
}

/// What stands before the byte at `at`, and what behind it.
pub fn split_around(name: &OsStr, at: usize) -> (&OsStr, &OsStr) {
    let bytes = name.as_bytes();
    (OsStr::from_bytes(&bytes[..at]), OsStr::from_bytes(&bytes[at + 1..]))
}

/// Opens a regular file for reading, and says how long it is; `None` for a folder, a pipe or a device.
///
/// Those are not opened, which may have effects. Should one take the file's place meanwhile, this does not wait for it: a pipe
/// without a writer opens at once, and is refused.
pub fn open_regular(path: &Path) -> io::Result<Option<(File, u64)>> {
    if !path.metadata()?.is_file() {
        return Ok(None);
    }
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    Ok(metadata.is_file().then_some((file, metadata.len())))
}
