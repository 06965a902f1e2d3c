//! Pictures for pages, as they are on disk now.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use vismem::Source;
use vismem_encode::decode::{Limits, decode};
use vismem_report::{Picture, shrink};

use crate::input::inside;

/// The picture that an exemplar came from; else what to say in its place.
pub fn of_source(source: Option<&Source>, side: u32, limits: &Limits) -> Picture {
    match source {
        Some(source) => of_file(source.as_path(), side, limits),
        None => Picture::Missing("No picture is known for this exemplar.".into()),
    }
}

/// The picture in a file, made small at once; else what to say in its place.
pub fn of_file(path: &Path, side: u32, limits: &Limits) -> Picture {
    if let Some((holder, name)) = inside::holder(path) {
        return in_holder(&holder, &name, side, limits);
    }
    let name = || path.file_name().map_or_else(|| PathBuf::from(path), PathBuf::from).display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => match decode(&bytes, limits) {
            Ok(picture) => Picture::Shown(shrink(&picture, side)),
            Err(error) => Picture::Missing(format!("{} is no longer a picture: {error}", name())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Picture::Missing(format!("{} was moved or deleted since it was added.", name()))
        }
        Err(error) => Picture::Missing(format!("{} cannot be read: {error}", name())),
    }
}

/// A picture in an archive or a table.
fn in_holder(holder: &Path, name: &OsStr, side: u32, limits: &Limits) -> Picture {
    let picture = inside::read(holder, name).and_then(|bytes| Ok(decode(&bytes, limits)?));
    match picture {
        Ok(picture) => Picture::Shown(shrink(&picture, side)),
        Err(error) => {
            let file = holder.file_name().unwrap_or_default().display();
            Picture::Missing(format!("{} in {file} cannot be shown: {error}", name.display()))
        }
    }
}
