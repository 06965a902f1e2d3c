//! What Unix alone has: symbolic links.

/// Makes a link. Where there are none, a copy would do.
pub(crate) use std::os::unix::fs::symlink;
