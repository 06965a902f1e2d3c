use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use zip::ZipArchive;

use super::{LARGEST, Member, Members, escape, matters, name_of};

/// The files of a zip, in the order of its directory.
pub fn members(path: &Path) -> Result<Members> {
    let name = path.display();
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {name}"))?;
    ensure!(metadata.is_file(), "{name}: is no regular file; give the path of an archive");
    ensure!(metadata.len() > 0, "{name}: the archive is empty (0 bytes); delete it or fetch it again");
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    let mut archive = ZipArchive::new(BufReader::new(file))
        .with_context(|| format!("{name}: is no whole zip archive; fetch or pack it again"))?;
    Ok(Box::new((0..archive.len()).filter_map(move |index| member(&mut archive, index).transpose())))
}

/// A file, if it matters.
fn member(archive: &mut ZipArchive<BufReader<File>>, index: usize) -> Result<Option<Member>, String> {
    let listed = archive.name_for_index(index).and_then(Result::ok).unwrap_or_default().into_owned();
    let mut file = match archive.by_index(index) {
        Ok(file) => file,
        Err(error) => {
            // Such as one that is locked by a password.
            let name = listed;
            let bytes = Err(format!("cannot be unpacked: {error}"));
            return Ok(matters(Path::new(&name)).then(|| Member { name: name.into(), bytes }));
        }
    };
    let name = name_of(file.name_raw());
    if file.is_dir() || !matters(&name) {
        return Ok(None);
    }
    if file.is_symlink() {
        let reason = "is a link, and links in archives are not followed; pack the picture itself";
        return Ok(Some(Member { name, bytes: Err(reason.to_owned()) }));
    }
    let bytes = match escape(&name) {
        Some(reason) => Err(reason.to_owned()),
        None => {
            let mut bytes = Vec::new();
            match file.by_ref().take(LARGEST).read_to_end(&mut bytes) {
                Ok(_) => Ok(bytes),
                Err(error) => Err(format!("cannot be unpacked: {error}; fetch or pack the archive again")),
            }
        }
    };
    Ok(Some(Member { name, bytes }))
}
