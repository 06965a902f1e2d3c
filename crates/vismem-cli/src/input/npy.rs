//! `.npy` files: what their header promises is checked before anything is read.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use npyz::{DType, NpyFile, NpyHeader, TypeChar};

/// Opens a file and checks that it is as long as its header says.
pub fn open(path: &Path) -> Result<NpyFile<BufReader<File>>> {
    let name = path.display();
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {name}"))?;
    // Before opening: opening a pipe would wait for its writer.
    ensure!(metadata.is_file(), "{name}: is no regular file; give the path of a .npy file");
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    let mut file = BufReader::with_capacity(1 << 20, file);
    let header =
        NpyHeader::from_reader(&mut file).with_context(|| format!("{name}: is no .npy file; save it with np.save"))?;
    let start = file.stream_position().with_context(|| format!("cannot read {name}"))?;
    if let Some(size) = header.dtype().num_bytes() {
        let needed = header.shape().iter().try_fold(size as u64, |size, axis| size.checked_mul(*axis));
        ensure!(
            needed.is_some_and(|needed| needed <= metadata.len().saturating_sub(start)),
            "{name}: is truncated, it ends before its {:?} values; save or fetch it again",
            header.shape()
        );
    }
    Ok(NpyFile::with_header(header, file))
}

/// Type and size in bytes of plain values; `None` for records.
pub fn scalar(dtype: &DType) -> Option<(TypeChar, u64)> {
    match dtype {
        DType::Plain(scalar) => Some((scalar.type_char(), scalar.size_field())),
        _ => None,
    }
}
