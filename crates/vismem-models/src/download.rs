use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ureq::Agent;

use crate::error::IoContext;
use crate::{Fetching, Hub, HubError, Progress, RemoteFile, Repository};

/// How often a connection may break without a byte having come.
const TRIES: u32 = 3;

/// Bytes that are taken of a file whose size the hub does not list.
const MOST_UNLISTED: u64 = 16 << 20;

/// One file on its way into the cache.
pub struct Download<'a> {
    pub hub: &'a Hub,
    pub agent: &'a Agent,
    pub repository: &'a Repository,
    pub commit: &'a str,
    pub file: &'a RemoteFile,
    pub blob: &'a Path,
}

impl Download<'_> {
    /// Fetches the file beside its place, goes on where an earlier run was cut off, and moves it there once it is whole.
    pub fn run(&self, progress: Progress<'_>) -> Result<(), HubError> {
        let folder = self.blob.parent().unwrap_or(self.blob);
        fs::create_dir_all(folder).at(folder, "create")?;
        let path = PathBuf::from(format!("{}.incomplete", self.blob.display()));
        let mut part = File::options().read(true).append(true).create(true).open(&path).at(&path, "create")?;
        // Two that fetch the same file would write into each other's.
        part.lock().at(&path, "lock")?;
        if self.blob.is_file() {
            return fs::remove_file(&path).at(&path, "delete");
        }
        let mut tries = 0;
        loop {
            let before = part.seek(SeekFrom::End(0)).at(&path, "read")?;
            match self.go_on(&mut part, &path, before, progress) {
                Ok(()) => break,
                Err(error @ HubError::Network { .. }) => {
                    let has_grown = part.metadata().at(&path, "read")?.len() > before;
                    tries = if has_grown { 0 } else { tries + 1 };
                    if tries == TRIES {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        part.sync_all().at(&path, "sync")?;
        self.check(&path).inspect_err(|_| drop(fs::remove_file(&path)))?;
        fs::rename(&path, self.blob).at(self.blob, "create")
    }

    /// Appends what is still missing.
    fn go_on(&self, part: &mut File, path: &Path, from: u64, progress: Progress<'_>) -> Result<(), HubError> {
        if from > 0 && self.file.size == Some(from) {
            return Ok(());
        }
        let limit = self.file.size.unwrap_or(MOST_UNLISTED);
        if from > limit {
            // Of something else: an earlier run was told another size.
            part.set_len(0).at(path, "write")?;
            return self.go_on(part, path, 0, progress);
        }
        let url = self.hub.url(self.repository, self.commit, &self.file.name);
        let mut response = self.hub.get(self.agent, self.repository, &url, from)?;
        let mut here = from;
        // Anything but the rest is the whole from its beginning.
        if from > 0 && response.status() != 206 {
            part.set_len(0).at(path, "write")?;
            here = 0;
            if response.status() == 416 {
                response = self.hub.get(self.agent, self.repository, &url, 0)?;
            }
        }
        let told = response.headers().get("content-length").and_then(|len| len.to_str().ok()?.parse::<u64>().ok());
        let total = self.file.size.or(told.map(|len| here + len)).unwrap_or(0);
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 17];
        loop {
            let len = body.read(&mut buffer).map_err(|error| self.hub.network(self.repository, &error))?;
            if len == 0 {
                break;
            }
            if here + len as u64 > limit {
                part.set_len(0).at(path, "write")?;
                return Err(self.beyond(limit));
            }
            part.write_all(&buffer[..len]).at(path, "write")?;
            here += len as u64;
            let fetching = Fetching { file: &self.file.name, here, total: total.max(here) };
            if progress(fetching).is_break() {
                return Err(HubError::Cancelled { repository: self.repository.clone() });
            }
        }
        if here < total {
            let reason = format!("the connection ended after {here} of {total} bytes");
            return Err(self.hub.network(self.repository, &reason));
        }
        Ok(())
    }

    /// More came than the hub lists, or than is taken where it lists nothing.
    fn beyond(&self, limit: u64) -> HubError {
        let (repository, file) = (self.repository.clone(), self.file.name.clone());
        match self.file.size {
            Some(size) => HubError::Damaged { repository, file, what: format!("more than its {size} bytes came") },
            None => HubError::Unlisted { repository, endpoint: self.hub.endpoint.clone(), file, limit },
        }
    }

    fn check(&self, path: &Path) -> Result<(), HubError> {
        let damaged = |what: String| {
            Err(HubError::Damaged { repository: self.repository.clone(), file: self.file.name.clone(), what })
        };
        let len = fs::metadata(path).at(path, "read")?.len();
        if let Some(size) = self.file.size.filter(|size| *size != len) {
            return damaged(format!("{len} bytes instead of {size}"));
        }
        if !self.file.hash.fits(path).at(path, "read")? {
            return damaged("its hash is another one".into());
        }
        Ok(())
    }
}
