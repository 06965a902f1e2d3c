//! `state`: which commit the memory is at, for readers on the same machine. It spares them a look into the catalogue, and
//! holds nothing of any exemplar.
//!
//! Layout, 64 bytes: a mark (8), the generation (u64, little-endian), the commit (32), XXH3 (128 bits) of these (16).
//!
//! A writer writes it after each commit, and before it overwrites or moves rows that the commit before had. So a reader
//! that has read rows, and then finds the generation here that it knows, has read what was there. Where the file is
//! missing, half-written or of another commit than the reader's, the catalogue says what is true.

use std::path::{Path, PathBuf};

use twox_hash::XxHash3_128;

use crate::error::{IoContext, Result, SqlContext};
use crate::platform::{self, FileExt};
use crate::store::catalog::Catalog;
use crate::store::kill_point::kill_point;
use crate::store::upgrade;

pub(crate) const NAME: &str = "state";
const MARK: &[u8; 8] = b"vismem-s";
const LENGTH: usize = 64;
const SUMMED: usize = 48;

/// Names one state of a memory, whatever changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Commit {
    /// Raised when rows are erased or moved.
    pub generation: u64,
    /// A hash of all that tells this state from others: generation, events, settings, digest.
    pub hash: [u8; 32],
}

impl Commit {
    fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(MARK);
        bytes[8..16].copy_from_slice(&self.generation.to_le_bytes());
        bytes[16..SUMMED].copy_from_slice(&self.hash);
        let sum = XxHash3_128::oneshot(&bytes[..SUMMED]);
        bytes[SUMMED..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; LENGTH]) -> Option<Self> {
        let generation = u64::from_le_bytes(*bytes[8..].first_chunk()?);
        let commit = Self { generation, hash: *bytes[16..].first_chunk()? };
        (commit.to_bytes() == *bytes).then_some(commit)
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// What the file says; `None` where it says nothing that could be trusted.
pub(crate) fn read(dir: &Path) -> Option<Commit> {
    // Opened each time, since a writer that cannot write the file deletes it.
    let file = platform::read_regular(&path(dir)).ok()?;
    let mut bytes = [0; LENGTH];
    file.read_exact_at(&mut bytes, 0).ok()?;
    Commit::from_bytes(&bytes)
}

/// Tells readers what the catalogue has committed; once this returns they know, or know that they must ask it.
///
/// # Errors
/// When the file can neither be written nor deleted.
pub(crate) fn publish(dir: &Path, catalog: &Catalog) -> Result<()> {
    // An engine that knows format 1 alone would not keep the file true.
    if !upgrade::is_format_2(&catalog.db).at(&catalog.path)? {
        return Ok(());
    }
    let commit = catalog.header()?.commit;
    if read(dir) == Some(commit) {
        return Ok(());
    }
    let path = path(dir);
    let options = &mut std::fs::File::options();
    let file = platform::open_regular(&path, options.write(true).create(true).truncate(false));
    if file.and_then(|file| file.write_all_at(&commit.to_bytes(), 0)).is_err() {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).at(&path, "write"),
            _ => {}
        }
    }
    kill_point("state published");
    Ok(())
}

/// The same after a commit that overwrites and moves no rows: nothing depends on it but who hears of it at once.
pub(crate) fn announce(dir: &Path, catalog: &Catalog) {
    let _ = publish(dir, catalog);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_written_state_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = [1, 2].map(|n| Commit { generation: n, hash: [n as u8; 32] });
        assert_eq!(read(folder.path()), None);
        for torn in 0..=LENGTH {
            let bytes = [&two.to_bytes()[..torn], &one.to_bytes()[torn..]].concat();
            std::fs::write(path(folder.path()), &bytes).unwrap();
            // The marks are the same.
            let whole = match torn {
                ..=8 => Some(one),
                LENGTH => Some(two),
                _ => None,
            };
            assert_eq!(read(folder.path()), whole, "{torn}");
            std::fs::write(path(folder.path()), &bytes[..torn]).unwrap();
            assert_eq!(read(folder.path()).is_some(), torn == LENGTH, "{torn}");
        }
    }
}
