//! The identity changes with everything that changes embeddings, and with nothing else.

mod common;

use std::num::NonZeroUsize;
use std::path::Path;

use common::{data, runtimes, tiny};
use vismem_encode::preprocess::{Channels, Filter, Preprocessing, Resize, ResizeTo, Rounding};
use vismem_encode::{Encoder, EncoderOptions, Head, Identity, Model, Pooling, RuntimeChoice, Views};

fn identity(model: Model, options: &EncoderOptions) -> Identity {
    Encoder::load(model, options).unwrap().identity().clone()
}

fn hash(model: Model) -> String {
    identity(model, &EncoderOptions { runtime: RuntimeChoice::Rten, ..Default::default() }).hash
}

#[test]
fn name_runtime_and_threads_do_not_change_it() {
    let expected = hash(tiny());
    assert_eq!(hash(tiny().with_name("another")), expected);
    for runtime in runtimes() {
        for threads in [1, 3] {
            let options = EncoderOptions { runtime, threads: NonZeroUsize::new(threads), ..Default::default() };
            let identity = identity(tiny(), &options);
            assert_eq!((identity.hash, identity.dim), (expected.clone(), 3));
        }
    }
}

#[test]
fn place_and_file_name_do_not_change_it() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("renamed.onnx");
    std::fs::copy(data("tiny.onnx"), &copy).unwrap();
    assert_eq!(hash(Model::from_onnx(&copy, tiny().preprocessing().clone())), hash(tiny()));
}

#[test]
fn every_preprocessing_step_changes_it() {
    let resize = Resize {
        size: ResizeTo::ShortestEdge { length: 9, rounding: Rounding::Down },
        filter: Filter::Bicubic,
        antialias: true,
    };
    let plain = tiny().preprocessing().clone();
    let resized = Preprocessing { resize: Some(resize), ..plain.clone() };
    let with = |resize| Preprocessing { resize: Some(resize), ..plain.clone() };
    let size = |size| with(Resize { size, ..resize });
    let all = [
        Preprocessing { rescale: 1.0, ..plain.clone() },
        Preprocessing { mean: [0.0, 0.0, 0.1], ..plain.clone() },
        Preprocessing { std: [1.0, 1.0, 1.1], ..plain.clone() },
        Preprocessing { channels: Channels::Bgr, ..plain.clone() },
        size(ResizeTo::ShortestEdge { length: 10, rounding: Rounding::Down }),
        size(ResizeTo::ShortestEdge { length: 9, rounding: Rounding::Nearest }),
        size(ResizeTo::Exact { height: 9, width: 9 }),
        size(ResizeTo::Exact { height: 9, width: 8 }),
        with(Resize { filter: Filter::Bilinear, ..resize }),
        with(Resize { antialias: false, ..resize }),
        Preprocessing { crop: None, ..size(ResizeTo::Exact { height: 8, width: 8 }) },
        resized,
        plain,
    ];
    let mut hashes: Vec<_> = all.iter().map(|p| hash(tiny().with_preprocessing(p.clone()))).collect();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), all.len());
}

#[test]
fn output_and_pooling_change_it() {
    let tokens = |pooling| tiny().with_head(Head { output: "last_hidden_state".to_owned(), pooling });
    let mut hashes = vec![
        hash(tiny()),
        hash(tokens(Pooling::Cls)),
        hash(tokens(Pooling::MeanPatches { skip: 1 })),
        hash(tokens(Pooling::MeanPatches { skip: 5 })),
    ];
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 4);
}

#[test]
fn views_change_it_and_one_view_is_what_it_was_before_there_were_others() {
    let options = EncoderOptions { runtime: RuntimeChoice::Rten, ..Default::default() };
    let encoder = Encoder::load(Model::builtin(), &options).unwrap();
    assert_eq!(encoder.views(), Views::One);
    let one = encoder.identity().clone();
    assert_eq!(one.hash, "03da08a4cb1768dba265492cb14fd927ea349347e62c74e31792e5579781acfb");
    let encoder = encoder.with_views(Views::Flip);
    let flip = encoder.identity().clone();
    assert_ne!(flip.hash, one.hash);
    assert_eq!(flip.description, format!("{};views:flip", one.description));
    assert_eq!((&flip.name, flip.dim), (&one.name, one.dim));
    assert_eq!(*encoder.with_views(Views::One).identity(), one);
}

#[test]
fn every_byte_of_the_file_changes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    let onnx = std::fs::read(data("tiny.onnx")).unwrap();
    let of = |path: &Path| hash(Model::from_onnx(path, tiny().preprocessing().clone()));
    std::fs::write(&path, &onnx).unwrap();
    assert_eq!(of(&path), hash(tiny()));

    // Two bytes more that every reader of protobuf passes over: an unknown field.
    std::fs::write(&path, [&onnx[..], &[0xF8, 0x07, 0x00]].concat()).unwrap();
    assert_ne!(of(&path), hash(tiny()));
}
