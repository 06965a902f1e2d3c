//! `vectors.f32`: the embeddings, slot-major rows of little-endian f32.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;

use crate::StoreError;
use crate::error::{IoContext, Result};
use crate::platform::{self, FileExt};

#[cfg(target_endian = "big")]
compile_error!("vectors are mapped as little-endian f32; this target would need a byte-swapping reader");

pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("vectors.f32")
}

/// Where compaction writes the rows before they take their place.
pub(crate) fn unfinished_path(dir: &Path) -> PathBuf {
    dir.join(UNFINISHED)
}

pub(crate) const UNFINISHED: &str = "vectors.f32.new";

/// The bytes of a row as they stand in the file.
pub(crate) fn bytes(row: &[f32]) -> &[u8] {
    bytemuck::cast_slice(row)
}

/// Hash of a row: what the catalogue keeps of it.
pub(crate) fn hash(row: &[f32]) -> [u8; 32] {
    *blake3::hash(bytes(row)).as_bytes()
}

/// The row of an exemplar is not the one that the catalogue has the hash of.
pub(crate) fn damaged(dir: &Path, slot: usize, id: u64) -> StoreError {
    StoreError::Damaged { path: path(dir), what: format!("row {slot} (exemplar {id}) is not what was stored") }
}

/// The file, which must be there once rows were committed.
fn present(opened: std::io::Result<File>, path: &Path) -> Result<File> {
    match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(StoreError::Damaged { path: path.into(), what: "is missing".into() })
        }
        opened => opened.at(path, "open"),
    }
}

/// Writes rows. Nothing is promised before [`VectorWriter::sync`] returns.
pub(crate) struct VectorWriter {
    file: File,
    path: PathBuf,
    row_bytes: u64,
}

impl VectorWriter {
    /// Opens the file of a memory with `slots` committed rows; makes it if there are none yet.
    pub(crate) fn open(dir: &Path, dim: usize, slots: u64) -> Result<Self> {
        let path = path(dir);
        let options = &mut File::options();
        let file = platform::open_regular(&path, options.read(true).write(true).create(slots == 0).truncate(false));
        let file = present(file, &path)?;
        Ok(Self { file, path, row_bytes: (dim * size_of::<f32>()) as u64 })
    }

    pub(crate) fn write(&self, slot: u64, row: &[f32]) -> Result<()> {
        debug_assert_eq!(bytes(row).len() as u64, self.row_bytes);
        self.file.write_all_at(bytes(row), slot * self.row_bytes).at(&self.path, "write")
    }

    /// The row in a slot. For a few rows here and there this is quicker than mapping the file.
    pub(crate) fn read(&self, slot: usize) -> std::io::Result<Vec<f32>> {
        let mut row = vec![0.0; self.row_bytes as usize / size_of::<f32>()];
        self.file.read_exact_at(bytemuck::cast_slice_mut(&mut row), slot as u64 * self.row_bytes)?;
        Ok(row)
    }

    pub(crate) fn zero(&self, slot: u64) -> Result<()> {
        let zeros = vec![0; self.row_bytes as usize];
        self.file.write_all_at(&zeros, slot * self.row_bytes).at(&self.path, "write")
    }

    /// Cuts off whatever lies beyond `slots` rows.
    pub(crate) fn truncate(&self, slots: u64) -> Result<()> {
        let length = self.file.metadata().at(&self.path, "read")?.len();
        if length > slots * self.row_bytes {
            self.file.set_len(slots * self.row_bytes).at(&self.path, "shorten")?;
        }
        Ok(())
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync_data().at(&self.path, "sync")
    }
}

/// The committed rows, memory-mapped: opening reads none of them.
#[derive(Clone)]
pub(crate) struct VectorMap {
    map: Option<Arc<Mmap>>,
    /// What tells the file from one that takes its name.
    inode: u64,
    dim: usize,
}

impl VectorMap {
    /// Maps the first `slots` rows; a shorter file is damaged. While the memory is `compacting`, they may still wait to
    /// take their place.
    pub(crate) fn open(dir: &Path, dim: usize, slots: usize, compacting: bool) -> Result<Self> {
        let (unfinished, mut path) = (unfinished_path(dir), path(dir));
        let expected = slots.checked_mul(dim).and_then(|values| values.checked_mul(size_of::<f32>()));
        if expected == Some(0) {
            return Ok(Self { map: None, inode: 0, dim });
        }
        let waiting = if compacting { platform::read_regular(&unfinished) } else { Err(ErrorKind::NotFound.into()) };
        let file = match waiting {
            // They have taken their place, or never had another one.
            Err(error) if error.kind() == ErrorKind::NotFound => present(platform::read_regular(&path), &path)?,
            waiting => {
                path = unfinished;
                waiting.at(&path, "open")?
            }
        };
        let metadata = file.metadata().at(&path, "read")?;
        let found = metadata.len();
        let Some(expected) = expected.filter(|expected| *expected as u64 <= found) else {
            let what = format!("{found} bytes long, too short for {slots} rows of {dim} dimensions");
            return Err(StoreError::Damaged { path, what });
        };
        // SAFETY: the mapping is read-only and covers committed rows only. vismem never shortens the file below the
        // committed rows (compaction writes another file) and, under the writer's lock, writes to a committed slot only once no row names it. A program
        // other than vismem that shortens or rewrites the file meanwhile breaks this, as it would break any
        // memory-mapped store; damage that was there before is found by the row hashes.
        let map = unsafe { memmap2::MmapOptions::new().len(expected).map(&file) }.at(&path, "map")?;
        Ok(Self { map: Some(Arc::new(map)), inode: platform::inode(&metadata), dim })
    }

    /// The same where there are as many rows in the same file, which spares touching them anew; else as [`VectorMap::open`].
    pub(crate) fn reopen(&self, dir: &Path, slots: usize, compacting: bool) -> Result<Self> {
        let is_same = || std::fs::symlink_metadata(path(dir)).is_ok_and(|file| platform::inode(&file) == self.inode);
        if !compacting && self.all().len() == slots * self.dim && is_same() {
            return Ok(self.clone());
        }
        Self::open(dir, self.dim, slots, compacting)
    }

    /// All rows, free ones (zeros) included.
    pub(crate) fn all(&self) -> &[f32] {
        // A map begins at a page, so it is aligned for f32.
        self.map.as_ref().map_or(&[], |map| bytemuck::cast_slice(map))
    }

    pub(crate) fn row(&self, slot: usize) -> &[f32] {
        &self.all()[slot * self.dim..][..self.dim]
    }
}
