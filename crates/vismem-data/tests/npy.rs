//! Arrays that NumPy wrote: `tests/data/npy/make.py` made them.

use std::path::{Path, PathBuf};

use vismem_data::{Embeddings, labels};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/npy").join(name)
}

const VALUES: [f32; 6] = [0.5, -0.25, 2.0, 1.0, 0.0, -8.0];

#[test]
fn rows_are_read_in_every_precision_and_order_of_bytes() {
    let files =
        ["little-f2", "little-f4", "little-f8", "big-f2", "big-f4", "big-f8"].map(|kind| format!("rows-{kind}.npy"));
    for name in files.iter().map(String::as_str).chain(["version-2.npy"]) {
        let mut rows = Embeddings::open(&fixture(name)).unwrap();
        assert_eq!((rows.rows, rows.dim), (2, 3), "{name}");
        assert_eq!(rows.next_rows(usize::MAX).unwrap(), VALUES, "{name}");
        assert!(rows.next_rows(1).unwrap().is_empty(), "{name}");
        let mut rows = Embeddings::open(&fixture(name)).unwrap();
        assert_eq!([rows.next_rows(1).unwrap(), rows.next_rows(9).unwrap()].concat(), VALUES, "{name}");
    }
}

#[test]
fn fortran_order_is_refused_where_it_makes_a_difference() {
    let error = Embeddings::open(&fixture("rows-fortran.npy")).err().unwrap().to_string();
    assert!(error.contains("is in Fortran order"), "{error}");
    let mut column = Embeddings::open(&fixture("one-column-fortran.npy")).unwrap();
    assert_eq!(column.next_rows(2).unwrap(), [0.5, 1.0]);
}

#[test]
fn labels_are_numbers_and_texts_of_every_size() {
    let read = |name: &str| labels::read(&fixture(name), "label").unwrap();
    for kind in ["little-i1", "little-i2", "little-i4", "little-i8", "big-i2", "big-i4", "big-i8"] {
        assert_eq!(read(&format!("numbers-{kind}.npy")), ["-128", "0", "127"], "{kind}");
    }
    for (kind, largest) in [("u1", u8::MAX.into()), ("u2", u16::MAX.into()), ("u4", u32::MAX.into()), ("u8", u64::MAX)]
    {
        assert_eq!(read(&format!("largest-{kind}.npy")), ["0", &largest.to_string()], "{kind}");
    }
    assert_eq!(read("bytes.npy"), ["zebra", "ox"]);
    for name in ["texts-little.npy", "texts-big.npy"] {
        assert_eq!(read(name), ["zèbre", "a\0b", "龍"]);
    }
}

#[test]
fn what_is_neither_embeddings_nor_labels_is_refused_by_its_type() {
    for (name, descr) in [("records.npy", "[('id', '<i4'), ('é', '<f4', (1,))]"), ("booleans.npy", "'|b1'")] {
        let error = labels::read(&fixture(name), "label").unwrap_err().to_string();
        assert!(error.contains(&format!("holds {descr}; save labels as integers or strings")), "{error}");
    }
    let error = Embeddings::open(&fixture("scalar.npy")).err().unwrap().to_string();
    assert!(error.contains("has the shape []"), "{error}");
}

#[test]
fn every_cut_of_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    for name in ["rows-little-f4.npy", "texts-little.npy", "version-2.npy"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        for len in 0..whole.len() {
            std::fs::write(&path, &whole[..len]).unwrap();
            assert!(Embeddings::open(&path).is_err() && labels::read(&path, "label").is_err(), "{len} bytes of {name}");
        }
    }
}

#[test]
fn texts_without_a_byte_take_no_memory_however_many_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    for descr in ["<U0", "|S0"] {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (1000000000000,), }}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.as_bytes());
        std::fs::write(&path, file).unwrap();
        let error = labels::read(&path, "label").unwrap_err().to_string();
        assert!(error.contains("save labels as integers or strings"), "{error}");
    }
}
