use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::{LINK, Member, Want, damaged, escape, too_large, whole};
use crate::error::{ReadError, ResolveError};
use crate::picture::Fault;
use crate::{platform, regular_file};

type Archive = ZipArchive<BufReader<File>>;

/// Opens an archive; sees that it is one, and whole.
pub fn open(path: &Path) -> crate::Result<Archive> {
    let (file, _) = regular_file::open(path, "an archive")?;
    let what = "not a whole zip archive; fetch or pack it again";
    ZipArchive::new(BufReader::new(file)).map_err(ReadError::kind(path, what))
}

/// Goes through the files, in the order of the archive's directory.
pub fn visit(
    path: &Path,
    want: &dyn Fn(&Path) -> Want,
    take: &mut dyn FnMut(Member) -> ControlFlow<()>,
) -> Result<(), Fault> {
    let mut archive = open(path).map_err(|error| Fault::from(format!("cannot be opened again: {error}")))?;
    let mut places = HashSet::new();
    for index in 0..archive.len() {
        if member(&mut archive, index, want, &mut places).is_some_and(|member| take(member).is_break()) {
            break;
        }
    }
    Ok(())
}

/// An entry, if it is a file.
fn member(
    archive: &mut Archive,
    index: usize,
    want: &dyn Fn(&Path) -> Want,
    places: &mut HashSet<u64>,
) -> Option<Member> {
    let listed = archive.name_for_index(index).and_then(Result::ok).unwrap_or_default().into_owned();
    let mut file = match archive.by_index(index) {
        Ok(file) => file,
        Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
            let fault = "is locked by a password; pack the archive without one";
            return Some(Member { name: listed.into(), bytes: Err(fault.into()) });
        }
        // Such as one that is packed by a method that is not known here.
        Err(error) => {
            return Some(Member { name: listed.into(), bytes: Err(format!("cannot be unpacked: {error}").into()) });
        }
    };
    if file.is_dir() {
        return None;
    }
    let name = name_of(&file);
    // A small archive could have any number of large files otherwise.
    let is_first = places.insert(file.header_start());
    let bytes = match (want(&name), escape(&name)) {
        (Want::Name, _) => Ok(Vec::new()),
        (Want::Bytes(_), _) if !is_first => Err("lies where another file of the archive lies; pack it again".into()),
        (Want::Bytes(_), Some(reason)) => Err(reason.into()),
        (Want::Bytes(_), None) if file.is_symlink() => Err(LINK.into()),
        (Want::Bytes(largest), None) => {
            let mut bytes = Vec::new();
            match file.by_ref().take(largest.saturating_add(1)).read_to_end(&mut bytes) {
                Ok(_) if bytes.len() as u64 > largest => Err(too_large(largest)),
                Ok(_) => Ok(bytes),
                Err(error) => Err(format!("cannot be unpacked: {error}; fetch or pack the archive again").into()),
            }
        }
    };
    Some(Member { name, bytes })
}

/// The name of a file: UTF-8 whether the archive says so or not, else the code page of DOS; some programs of Windows divide
/// folders by `\`.
fn name_of(file: &ZipFile<'_, impl Read + ?Sized>) -> PathBuf {
    let raw = file.name_raw();
    let name = match (str::from_utf8(raw), file.name()) {
        // A name of ASCII may be a poor copy of one that is in another record.
        (Ok(name), _) if !name.is_ascii() => name.to_owned(),
        (_, Ok(name)) => name.into_owned(),
        _ => return platform::os_string(raw.to_vec()).into(),
    };
    name.replace('\\', "/").into()
}

/// The bytes of one file; the others are not unpacked.
pub fn read(path: &Path, wanted: &Path, largest: u64) -> Result<Vec<u8>, ResolveError> {
    let mut archive = open(path)?;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).map_err(|error| damaged(path, error))?;
        // Memories of before have the name as it is written.
        let is_wanted = name_of(&file) == wanted || platform::bytes(wanted.as_os_str()) == file.name_raw();
        if is_wanted && file.is_file() {
            return whole(&mut file, path, largest);
        }
    }
    Err(ResolveError::Gone { from: "archive" })
}
