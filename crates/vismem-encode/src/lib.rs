//! Images to embeddings: decode, preprocess, run a frozen encoder, normalise.
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use vismem_encode::{Encoder, EncoderOptions, Model};
//!
//! // The built-in model needs no file and no network.
//! let encoder = Encoder::load(Model::builtin(), &EncoderOptions::default())?;
//!
//! // Two stripy pictures and a smooth one, drawn here; files go through `encode_file` or `encode_stream`.
//! let stripes = |width| RgbImage::from_fn(300, 200, |x, _| Rgb([if x / width % 2 == 0 { 30 } else { 220 }; 3]));
//! let smooth = RgbImage::from_fn(300, 200, |x, y| Rgb([(x / 2) as u8, 120, (y / 2) as u8]));
//! let [a, b, c] = [stripes(10), stripes(11), smooth].map(|image| encoder.encode(&image));
//! let (a, b, c) = (a?, b?, c?);
//!
//! // Embeddings have length 1, so the dot product is the cosine.
//! let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
//! assert_eq!(a.len(), 1280);
//! assert!((cosine(&a, &a) - 1.0).abs() < 1e-5);
//! assert!(cosine(&a, &b) > cosine(&a, &c));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod decode;
mod encoder;
mod error;
mod head;
mod identity;
mod model;
mod model_files;
mod onnx;
mod pipeline;
mod pooling;
pub mod preprocess;
mod runtime;
mod views;

pub use encoder::{Encoder, EncoderOptions};
pub use error::{EncodeError, EncodeErrorKind, LoadError};
pub use head::{Head, Pool};
pub use identity::Identity;
pub use model::{BUILTIN_NAME, Model};
pub use model_files::{ModelFiles, PREPROCESSING};
pub use onnx::weight_files;
pub use pipeline::{Encoded, Input, Outcome, Picture};
pub use pooling::Pooling;
pub use runtime::{Device, OnnxRuntimeError, RuntimeChoice, UnknownDevice};
pub use views::Views;
