//! Pictures in archives and tables, by the names that they have as sources: `shard.tar#cat/1.jpg`, `train.parquet#17`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::error::ResolveError;
use crate::picture::{Fault, LARGEST, LabelledPicture, has_extension};
use crate::{archive, image_table, platform};

/// The archive or table that a source lies in, and its name there; `None` for a file of its own, and where neither is there
/// any more.
pub fn holder(source: &Path) -> Option<(PathBuf, OsString)> {
    if source.is_file() {
        return None;
    }
    let mut holders = possible_holders(source).filter(|(holder, _)| holder.is_file());
    holders.next().map(|(holder, name)| (holder.to_owned(), name.to_owned()))
}

/// What [`holder`] found, without the row of a table: the archive or table, and the column if the name says one.
pub fn column(holder: PathBuf, name: &OsStr) -> (PathBuf, Option<String>) {
    let of_row = || name.to_str()?.rsplit_once('#').map(|(column, _)| column.to_owned());
    let column = if has_extension(&holder, "parquet") { of_row() } else { None };
    (holder, column)
}

/// Where a source could be divided into an archive or a table, by their names, and the name of something in it.
pub(crate) fn possible_holders(source: &Path) -> impl Iterator<Item = (&Path, &OsStr)> {
    let bytes = source.as_os_str().as_encoded_bytes();
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'#').map(|(at, _)| at);
    let split = ends.map(|end| platform::split_around(source.as_os_str(), end));
    let split = split.map(|(holder, name)| (Path::new(holder), name));
    split.filter(|(holder, _)| archive::is_named_like_one(holder) || has_extension(holder, "parquet"))
}

/// The picture that is meant by its file, or by its name in an archive or a table; in a table `column` has it, if its name
/// says no other.
pub fn picture(path: &Path, column: Option<&str>) -> LabelledPicture {
    let mut picture = LabelledPicture::file(path.into(), String::new());
    let read = |(holder, name): (PathBuf, OsString)| {
        read(&holder, &holder, &name, column, LARGEST).map_err(|error| Fault::from(error.to_string()))
    };
    picture.bytes = holder(path).map(read);
    picture
}

/// The bytes of a picture of up to `largest` bytes, that lies under this name in `holder`, which is what its name
/// `called` says: an archive or a table.
pub(crate) fn read(
    holder: &Path,
    called: &Path,
    name: &OsStr,
    column: Option<&str>,
    largest: u64,
) -> Result<Vec<u8>, ResolveError> {
    if has_extension(called, "parquet") {
        return image_table::picture_at(holder, name.to_str().ok_or(ResolveError::NoRow)?, column, largest);
    }
    archive::read(holder, called, Path::new(name), largest)
}
