use std::fs::File;
use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use flate2::bufread::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::{LARGEST, Member, Members, escape, matters, name_of};
use crate::input::{folder, has_extension};

/// Files that are read ahead.
const AHEAD: usize = 8;

/// The files of a tar, read in a thread of its own while others are encoded.
pub fn members(path: &Path) -> Result<Members> {
    let name = path.display();
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {name}"))?;
    ensure!(metadata.is_file(), "{name}: is no regular file; give the path of an archive");
    ensure!(metadata.len() > 0, "{name}: the archive is empty (0 bytes); delete it or fetch it again");
    let file = BufReader::with_capacity(1 << 20, File::open(path).with_context(|| format!("cannot read {name}"))?);
    let is_packed = !has_extension(path, "tar");
    let (sender, receiver) = sync_channel(AHEAD);
    thread::spawn(move || {
        let bytes: Box<dyn Read> = if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        let sent = catch_unwind(AssertUnwindSafe(|| send_all(&mut Archive::new(bytes), &sender)));
        if let Err(error) = sent.unwrap_or_else(|_| Err(io::Error::other("it cannot be decoded"))) {
            // Nobody may be listening any more.
            let _ = sender.send(Err(format!("the archive cannot be read on: {error}; fetch or pack it again")));
        }
    });
    Ok(Box::new(receiver.into_iter()))
}

fn send_all(archive: &mut Archive<impl Read>, sender: &SyncSender<Result<Member, String>>) -> io::Result<()> {
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = name_of(&entry.path_bytes());
        if !matters(&name) {
            continue;
        }
        let bytes = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => match escape(&name) {
                Some(reason) => Err(reason.to_owned()),
                None => {
                    let size = entry.size();
                    let mut bytes = Vec::new();
                    entry.by_ref().take(LARGEST).read_to_end(&mut bytes)?;
                    if (bytes.len() as u64) < size.min(LARGEST) {
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle of a file"));
                    }
                    Ok(bytes)
                }
            },
            EntryType::Link | EntryType::Symlink if folder::is_named_like_a_picture(&name) => {
                Err("is a link, and links in archives are not followed; pack the picture itself".to_owned())
            }
            _ => continue,
        };
        if sender.send(Ok(Member { name, bytes })).is_err() {
            break;
        }
    }
    Ok(())
}

/// The bytes of one file; the others are jumped over.
pub fn read(path: &Path, wanted: &Path) -> Result<Vec<u8>> {
    let name = path.display();
    let mut archive = Archive::new(File::open(path).with_context(|| format!("cannot read {name}"))?);
    for entry in archive.entries_with_seek().with_context(|| format!("cannot read {name}"))? {
        let mut entry = entry.with_context(|| format!("cannot read {name}"))?;
        if name_of(&entry.path_bytes()) == wanted && entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            entry.by_ref().take(LARGEST).read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
            return Ok(bytes);
        }
    }
    bail!("it is not in the archive any more")
}
