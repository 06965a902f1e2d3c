use std::fs::File;
use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use flate2::bufread::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use super::{LARGEST, Member, Members, damaged, escape, matters, name_of, whole};
use crate::error::{ReadError, ResolveError};
use crate::picture::{Fault, is_named_like_a_picture};
use crate::{Result, regular_file};

/// Files that are read ahead.
const AHEAD: usize = 8;

/// Sees that there is something to read.
pub fn check(path: &Path) -> Result<()> {
    open(path).map(drop)
}

fn open(path: &Path) -> Result<File> {
    let (file, len) = regular_file::open(path, "an archive")?;
    if len == 0 {
        return Err(ReadError::nothing(path, "the archive is empty (0 bytes); delete it or fetch it again"));
    }
    Ok(file)
}

/// The files of a tar, read in a thread of its own while others are encoded.
pub fn members(path: &Path, is_gzipped: bool) -> Result<Members> {
    let file = BufReader::with_capacity(1 << 20, open(path)?);
    let (sender, receiver) = sync_channel(AHEAD);
    thread::spawn(move || {
        let bytes: Box<dyn Read> = if is_gzipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        let sent = catch_unwind(AssertUnwindSafe(|| send_all(&mut Archive::new(bytes), &sender)));
        if let Err(error) = sent.unwrap_or_else(|_| Err(io::Error::other("it cannot be decoded"))) {
            // Nobody may be listening any more.
            let _ = sender.send(Err(format!("the archive cannot be read on: {error}; fetch or pack it again").into()));
        }
    });
    Ok(Box::new(receiver.into_iter()))
}

fn send_all(
    archive: &mut Archive<impl Read>,
    sender: &SyncSender<std::result::Result<Member, Fault>>,
) -> io::Result<()> {
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = name_of(&entry.path_bytes());
        if !matters(&name) {
            continue;
        }
        let bytes = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => match escape(&name) {
                Some(reason) => Err(reason.into()),
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
            EntryType::Link | EntryType::Symlink if is_named_like_a_picture(&name) => {
                Err("is a link, and links in archives are not followed; pack the picture itself".into())
            }
            _ => continue,
        };
        if sender.send(Ok(Member { name, bytes })).is_err() {
            break;
        }
    }
    Ok(())
}

/// The bytes of one file; the others are jumped over, or unpacked and dropped.
pub fn read(path: &Path, is_gzipped: bool, wanted: &Path, largest: u64) -> std::result::Result<Vec<u8>, ResolveError> {
    let file = open(path)?;
    let search = || {
        if is_gzipped {
            let mut archive = Archive::new(MultiGzDecoder::new(BufReader::new(file)));
            find(archive.entries().map_err(|error| damaged(path, error))?, path, wanted, largest)
        } else {
            let mut archive = Archive::new(file);
            find(archive.entries_with_seek().map_err(|error| damaged(path, error))?, path, wanted, largest)
        }
    };
    catch_unwind(AssertUnwindSafe(search))
        .unwrap_or_else(|_| Err(damaged(path, io::Error::other("it cannot be decoded"))))
}

fn find<'a, R: Read + 'a>(
    entries: impl Iterator<Item = io::Result<Entry<'a, R>>>,
    path: &Path,
    wanted: &Path,
    largest: u64,
) -> std::result::Result<Vec<u8>, ResolveError> {
    for entry in entries {
        let mut entry = entry.map_err(|error| damaged(path, error))?;
        if name_of(&entry.path_bytes()) == wanted && entry.header().entry_type().is_file() {
            return whole(&mut entry, path, largest);
        }
    }
    Err(ResolveError::Gone { from: "archive" })
}
