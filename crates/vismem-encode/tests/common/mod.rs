//! What several test files need. Each uses a part of it.
#![allow(dead_code, clippy::print_stdout)]

use std::path::{Path, PathBuf};

use vismem_encode::preprocess::{Channels, Preprocessing};
use vismem_encode::{Encoder, EncoderOptions, Model, RuntimeChoice};

/// A fixture of `tests/data`.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
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
