//! Pictures in archives and tables, by the names that they have as sources: `shard.tar#cat/1.jpg`, `train.parquet#17`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{LabelledPicture, archive, has_extension, parquet};

/// The name of something in an archive or a table.
pub fn name(file: &Path, name: impl AsRef<OsStr>) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push("#");
    path.push(name);
    path.into()
}

/// The archive or table that a source lies in, and its name there; `None` for a file of its own, and where neither is there
/// any more.
pub fn holder(source: &Path) -> Option<(PathBuf, OsString)> {
    if source.is_file() {
        return None;
    }
    let bytes = source.as_os_str().as_bytes();
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'#').map(|(at, _)| at);
    let split = |end: usize| (Path::new(OsStr::from_bytes(&bytes[..end])), OsStr::from_bytes(&bytes[end + 1..]));
    let is_holder =
        |path: &Path| path.is_file() && (archive::is_named_like_one(path) || has_extension(path, "parquet"));
    let mut holders = ends.map(split).filter(|(path, _)| is_holder(path));
    holders.next().map(|(path, name)| (path.to_owned(), name.to_owned()))
}

/// The picture that is meant by its file, or by its name in an archive or a table.
pub fn picture(path: &Path) -> LabelledPicture {
    let mut picture = LabelledPicture::file(path.into(), String::new());
    picture.bytes = holder(path).map(|(holder, name)| read(&holder, &name).map_err(|error| format!("{error:#}")));
    picture
}

/// The bytes of a picture that lies in `holder` under this name.
pub fn read(holder: &Path, name: &OsStr) -> Result<Vec<u8>> {
    if has_extension(holder, "parquet") {
        let row = name.to_str().and_then(|row| row.parse().ok()).context("is no row's number")?;
        return parquet::picture_in_row(holder, row);
    }
    archive::read(holder, Path::new(name))
}
