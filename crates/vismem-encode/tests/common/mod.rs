//! What several test files need. Each uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use npyz::{Deserialize, NpyFile};
use vismem_encode::preprocess::{Channels, Preprocessing};
use vismem_encode::{Encoder, EncoderOptions, Model, RuntimeChoice};

/// A fixture of `tests/data`.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Something of the reference data that is kept beside the repository, or `None` with a printed line.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")).join(name);
    if !path.exists() {
        println!("skipped: ../shared/{name} is not here");
        return None;
    }
    Some(path)
}

pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// rten, and ONNX Runtime where there is one; a printed line where there is none.
pub fn runtimes() -> Vec<RuntimeChoice> {
    let options = EncoderOptions { runtime: RuntimeChoice::OnnxRuntime, ..Default::default() };
    match Encoder::load(tiny(), &options) {
        Ok(_) => vec![RuntimeChoice::Rten, RuntimeChoice::OnnxRuntime],
        Err(reason) => {
            println!("skipped with ONNX Runtime: {reason}");
            vec![RuntimeChoice::Rten]
        }
    }
}

/// A model whose embedding is the direction of the mean colour of the middle 8 x 8 pixels.
pub fn tiny() -> Model {
    let preprocessing = Preprocessing {
        resize: None,
        crop: Some([8, 8]),
        rescale: 1.0 / 255.0,
        mean: [0.0; 3],
        std: [1.0; 3],
        channels: Channels::Rgb,
    };
    Model::from_onnx(data("tiny.onnx"), preprocessing)
}

/// One array of a NumPy file.
pub struct Array<T> {
    pub shape: Vec<u64>,
    pub data: Vec<T>,
}

impl<T: Deserialize> Array<T> {
    pub fn read(bytes: &[u8]) -> Self {
        let file = NpyFile::new(bytes).unwrap();
        Self { shape: file.shape().to_vec(), data: file.into_vec().unwrap() }
    }

    /// The array cut along its first dimension.
    pub fn rows(&self) -> impl Iterator<Item = &[T]> {
        self.data.chunks_exact(self.data.len() / self.shape[0] as usize)
    }
}

/// The files in an archive that `numpy.savez` or `numpy.savez_compressed` made.
///
/// Reads the list at the archive's end: what stands before each file may leave its length out.
pub fn npz(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let zip = std::fs::read(path).unwrap();
    let number = |at: usize, len: usize| zip[at..at + len].iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte));
    let end = (0..zip.len() - 21).rev().find(|&at| zip[at..].starts_with(b"PK\x05\x06")).expect("a zip file");
    let mut at = number(end + 16, 4);
    let mut files = BTreeMap::new();
    for _ in 0..number(end + 10, 2) {
        assert!(zip[at..].starts_with(b"PK\x01\x02"));
        let (method, packed, len) = (number(at + 10, 2), number(at + 20, 4), number(at + 24, 4));
        let (name_len, extra_len, comment_len) = (number(at + 28, 2), number(at + 30, 2), number(at + 32, 2));
        let name = str::from_utf8(&zip[at + 46..][..name_len]).unwrap().trim_end_matches(".npy");
        let local = number(at + 42, 4);
        let content = &zip[local + 30 + number(local + 26, 2) + number(local + 28, 2)..][..packed];
        let mut bytes = Vec::new();
        match method {
            0 => bytes.extend_from_slice(content),
            8 => drop(flate2::read::DeflateDecoder::new(content).read_to_end(&mut bytes).unwrap()),
            other => panic!("{name} is packed with method {other}"),
        }
        assert_eq!(bytes.len(), len, "{name}");
        files.insert(name.to_owned(), bytes);
        at += 46 + name_len + extra_len + comment_len;
    }
    files
}
