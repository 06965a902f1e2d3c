//! Overwriting what SQLite leaves behind in the pages of the catalogue.
//!
//! `secure_delete` overwrites what is deleted where it stands. But when SQLite rebuilds a page it moves cells within it
//! and leaves their old bytes in the unallocated space between the cell pointers and the cells; a cell that is deleted
//! later would live on there. So whenever pages were changed, that space is filled with zeros. It means nothing to
//! SQLite, so this needs no transaction and disturbs no reader.
//!
//! Layout of pages and log: <https://www.sqlite.org/fileformat2.html>.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

use rusqlite::{Connection, ffi};

use crate::platform::{self, FileExt};

/// The pages that the write-ahead log holds.
pub(crate) fn pages_in_log(log: &Path) -> std::io::Result<Vec<u32>> {
    const HEADER: u64 = 32;
    const FRAME_HEADER: u64 = 24;
    let file = match platform::read_regular(log) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    let length = file.metadata()?.len();
    if length < HEADER {
        return Ok(Vec::new());
    }
    let number_at = |offset: u64| {
        let mut bytes = [0; 4];
        file.read_exact_at(&mut bytes, offset).map(|()| u32::from_be_bytes(bytes))
    };
    let frame = FRAME_HEADER + u64::from(number_at(8)?);
    let frames = (0..(length - HEADER) / frame).map(|index| number_at(HEADER + index * frame));
    let mut pages = frames.collect::<std::io::Result<Vec<_>>>()?;
    pages.sort_unstable();
    pages.dedup();
    Ok(pages)
}

/// Fills the unallocated space of these pages of the database with zeros, of all pages if `None`. Returns how many pages
/// held something there. On disk once [`sync`] returns.
///
/// Nobody else may write to the database meanwhile, and its log must have been copied into it.
pub(crate) fn scrub(db: &Connection, pages: Option<&[u32]>) -> rusqlite::Result<usize> {
    let size: usize = db.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let count: u32 = db.pragma_query_value(None, "page_count", |row| row.get(0))?;
    // The first byte tells a page of a tree from one of a list as long as numbers of pages begin with a zero.
    if count >= 1 << 24 {
        return Err(error(ffi::SQLITE_TOOBIG));
    }
    let file = DatabaseFile::of(db)?;
    let mut page = vec![0; size];
    let mut overwritten = 0;
    let all: Vec<u32> = if pages.is_none() { (1..=count).collect() } else { Vec::new() };
    for &number in pages.unwrap_or(&all).iter().filter(|&&number| (1..=count).contains(&number)) {
        let start = (number as usize - 1) * size;
        file.read(&mut page, start)?;
        let unused = unallocated(&page, if number == 1 { 100 } else { 0 });
        if page[unused.clone()].iter().any(|byte| *byte != 0) {
            page[unused.clone()].fill(0);
            file.write(&page[unused.clone()], start + unused.start)?;
            overwritten += 1;
        }
    }
    Ok(overwritten)
}

/// Waits until the database's file is on disk.
pub(crate) fn sync(db: &Connection) -> rusqlite::Result<()> {
    DatabaseFile::of(db)?.sync()
}

/// The space between cell pointers and cells of a page of a tree; nothing in other pages.
fn unallocated(page: &[u8], header: usize) -> Range<usize> {
    let number = |at: usize| usize::from(u16::from_be_bytes([page[header + at], page[header + at + 1]]));
    let pointers = match page[header] {
        0x02 | 0x05 => header + 12,
        0x0a | 0x0d => header + 8,
        _ => return 0..0,
    };
    let start = pointers + 2 * number(3);
    // Zero stands for 65,536.
    let end = if number(5) == 0 { 1 << 16 } else { number(5) };
    // A damaged page is left to `verify`.
    if start <= end && end <= page.len() { start..end } else { 0..0 }
}

/// The file as SQLite has it open: a file descriptor of our own would release SQLite's locks when it is closed.
struct DatabaseFile<'db> {
    file: *mut ffi::sqlite3_file,
    _db: &'db Connection,
}

impl<'db> DatabaseFile<'db> {
    fn of(db: &'db Connection) -> rusqlite::Result<Self> {
        let mut file: *mut ffi::sqlite3_file = std::ptr::null_mut();
        let to: *mut *mut ffi::sqlite3_file = &mut file;
        // SAFETY: the handle is open as long as `db` lives, the name is a C string, and SQLITE_FCNTL_FILE_POINTER
        // writes one pointer to where its argument points.
        let code = unsafe {
            ffi::sqlite3_file_control(db.handle(), c"main".as_ptr(), ffi::SQLITE_FCNTL_FILE_POINTER, to.cast())
        };
        if code != ffi::SQLITE_OK || file.is_null() {
            return Err(error(code));
        }
        Ok(Self { file, _db: db })
    }

    fn methods(&self) -> rusqlite::Result<&ffi::sqlite3_io_methods> {
        // SAFETY: the file belongs to the open connection that is borrowed, and its methods are a static table, null
        // only while the file is closed.
        unsafe { (*self.file).pMethods.as_ref() }.ok_or_else(|| error(ffi::SQLITE_MISUSE))
    }

    fn read(&self, to: &mut [u8], at: usize) -> rusqlite::Result<()> {
        let read = self.methods()?.xRead.ok_or_else(|| error(ffi::SQLITE_MISUSE))?;
        // SAFETY: the buffer is as long as the length says, and the file is open.
        check(unsafe { read(self.file, to.as_mut_ptr().cast(), to.len() as i32, at as i64) })
    }

    fn write(&self, from: &[u8], at: usize) -> rusqlite::Result<()> {
        let write = self.methods()?.xWrite.ok_or_else(|| error(ffi::SQLITE_MISUSE))?;
        // SAFETY: as for reading; the bytes are only read.
        check(unsafe { write(self.file, from.as_ptr().cast(), from.len() as i32, at as i64) })
    }

    fn sync(&self) -> rusqlite::Result<()> {
        let sync = self.methods()?.xSync.ok_or_else(|| error(ffi::SQLITE_MISUSE))?;
        // SAFETY: the file is open.
        check(unsafe { sync(self.file, ffi::SQLITE_SYNC_NORMAL) })
    }
}

fn check(code: i32) -> rusqlite::Result<()> {
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(error(code)) }
}

fn error(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text of varying length that names its number.
    fn text(n: u32) -> String {
        let scattered = n.wrapping_mul(2_654_435_761);
        format!("{:08x} number {n:06} {}", scattered.reverse_bits(), "x".repeat((scattered >> 18) as usize % 300))
    }

    #[test]
    fn deleted_bytes_that_sqlite_leaves_in_its_pages_are_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.sqlite");
        let db = Connection::open(&path).unwrap();
        db.pragma_update(None, "secure_delete", "ON").unwrap();
        db.execute_batch("CREATE TABLE names (name TEXT NOT NULL UNIQUE)").unwrap();
        let deleted = |n: &u32| n.is_multiple_of(3);
        for first in (0..3_000).step_by(500) {
            let tx = db.unchecked_transaction().unwrap();
            for n in first..first + 500 {
                db.execute("INSERT INTO names VALUES (?1)", [text(n)]).unwrap();
            }
            for n in (first..first + 500).filter(deleted) {
                db.execute("DELETE FROM names WHERE name = ?1", [text(n)]).unwrap();
            }
            tx.commit().unwrap();
        }
        let left = || {
            let bytes = std::fs::read(&path).unwrap();
            let places =
                bytes.windows(7).enumerate().filter(|(_, window)| window == b"number ").map(|(place, _)| place);
            let numbers =
                places.filter_map(|place| std::str::from_utf8(&bytes[place + 7..place + 13]).ok()?.parse().ok());
            numbers.filter(deleted).count()
        };
        assert!(left() > 0, "SQLite left nothing; then all of this file can go");
        assert!(scrub(&db, None).unwrap() > 0);
        assert_eq!(left(), 0);
        assert_eq!(scrub(&db, None).unwrap(), 0, "once is enough");
        let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        let kept: usize = db.query_row("SELECT count(*) FROM names", [], |row| row.get(0)).unwrap();
        assert_eq!((sound.as_str(), kept), ("ok", 2_000));
    }
}
