//! Whether a file can be a shared library at all.
//!
//! The dynamic loader maps what an ELF file's header claims, and a process that then touches a page behind the end of
//! a truncated file is killed by the system. So the claims are checked first.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The header of a 64-bit little-endian ELF file: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;

pub(super) struct LibraryFile;

impl LibraryFile {
    /// The error says what is wrong with the file.
    pub(super) fn check(path: &Path) -> Result<(), String> {
        let mut file = File::open(path).map_err(|e| e.to_string())?;
        let metadata = file.metadata().map_err(|e| e.to_string())?;
        if !metadata.is_file() {
            return Err("it is not a file".to_owned());
        }
        if cfg!(target_os = "linux") {
            return is_whole_elf(&mut file, metadata.len());
        }
        Ok(())
    }
}

fn is_whole_elf(file: &mut (impl Read + Seek), len: u64) -> Result<(), String> {
    let not_a_library = |_| "it is not a shared library".to_owned();
    let truncated = || "the file is truncated".to_owned();
    let mut header = [0; HEADER];
    file.read_exact(&mut header).map_err(not_a_library)?;
    if !header.starts_with(b"\x7fELF") {
        return Err("it is not a shared library".to_owned());
    }
    // 32-bit and big-endian files are left to the loader, which refuses those of another machine.
    if header[4] != 2 || header[5] != 1 {
        return Ok(());
    }
    let (at, count) = (u64_at(&header, 32), u16::from_le_bytes([header[56], header[57]]));
    file.seek(SeekFrom::Start(at)).map_err(|_| truncated())?;
    for _ in 0..count {
        let mut program = [0; PROGRAM_HEADER];
        file.read_exact(&mut program).map_err(|_| truncated())?;
        let end = u64_at(&program, 8).checked_add(u64_at(&program, 32));
        if end.is_none_or(|end| end > len) {
            return Err(truncated());
        }
    }
    Ok(())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_truncated_library_is_refused_before_the_loader_maps_it() {
        if !cfg!(target_os = "linux") {
            return;
        }
        // The test's own program is an ELF file.
        let whole = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let len = whole.len() as u64;
        assert_eq!(is_whole_elf(&mut Cursor::new(&whole), len), Ok(()));
        for part in [0, 3, 63, 64, 100, 4096, whole.len() / 10] {
            assert!(is_whole_elf(&mut Cursor::new(&whole[..part]), part as u64).is_err(), "{part} bytes");
        }
    }
}
