use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use super::{LARGEST, Member, Members, damaged, escape, matters, name_of, whole};
use crate::error::{ReadError, ResolveError};
use crate::picture::Fault;
use crate::{Result, regular_file};

type Archive = ZipArchive<BufReader<File>>;

/// Sees that it is an archive, and whole.
pub fn check(path: &Path) -> Result<()> {
    open(path).map(drop)
}

fn open(path: &Path) -> Result<Archive> {
    let (file, len) = regular_file::open(path, "an archive")?;
    if len == 0 {
        return Err(ReadError::nothing(path, "the archive is empty (0 bytes); delete it or fetch it again"));
    }
    let what = "not a whole zip archive; fetch or pack it again";
    ZipArchive::new(BufReader::new(file)).map_err(ReadError::kind(path, what))
}

/// The files of a zip, in the order of its directory.
pub fn members(path: &Path) -> Result<Members> {
    let mut archive = open(path)?;
    Ok(Box::new((0..archive.len()).filter_map(move |index| member(&mut archive, index).map(Ok))))
}

/// A file, if it matters.
fn member(archive: &mut Archive, index: usize) -> Option<Member> {
    let listed = archive.name_for_index(index).and_then(std::result::Result::ok).unwrap_or_default().into_owned();
    let mut file = match archive.by_index(index) {
        Ok(file) => file,
        Err(error) => {
            // Such as one that is locked by a password.
            let bytes = Err(format!("cannot be unpacked: {error}").into());
            return matters(Path::new(&listed)).then(|| Member { name: listed.into(), bytes });
        }
    };
    let name = name_of(file.name_raw());
    if file.is_dir() || !matters(&name) {
        return None;
    }
    if file.is_symlink() {
        let reason = "is a link, and links in archives are not followed; pack the picture itself";
        return Some(Member { name, bytes: Err(reason.into()) });
    }
    let bytes = match escape(&name) {
        Some(reason) => Err(reason.into()),
        None => {
            let mut bytes = Vec::new();
            match file.by_ref().take(LARGEST).read_to_end(&mut bytes) {
                Ok(_) => Ok(bytes),
                Err(error) => Err(Fault::from(format!("cannot be unpacked: {error}; fetch or pack the archive again"))),
            }
        }
    };
    Some(Member { name, bytes })
}

/// The bytes of one file; the others are not unpacked.
pub fn read(path: &Path, wanted: &Path, largest: u64) -> std::result::Result<Vec<u8>, ResolveError> {
    let mut archive = open(path)?;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).map_err(|error| damaged(path, error))?;
        if name_of(file.name_raw()) == wanted && file.is_file() {
            return whole(&mut file, path, largest);
        }
    }
    Err(ResolveError::Gone { from: "archive" })
}
