//! A picture and its mirror image as one embedding.

mod common;

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;

use common::{cosine, runtimes, tiny};
use image::imageops::flip_horizontal;
use image::{Rgb, RgbImage};
use vismem_encode::preprocess::{Filter, Preprocessing, Resize, ResizeTo, Rounding};
use vismem_encode::{
    EncodeError, EncodeErrorKind, Encoder, EncoderOptions, Head, Model, Outcome, Pooling, RuntimeChoice, Views,
};

fn load(model: Model, options: EncoderOptions) -> Encoder {
    Encoder::load(model, &options).unwrap().with_views(Views::Flip)
}

fn rten() -> EncoderOptions {
    EncoderOptions { runtime: RuntimeChoice::Rten, ..Default::default() }
}

/// A model whose embedding is the direction of the colour of one pixel: the first of the input.
fn corner(preprocessing: Preprocessing) -> Model {
    let head = Head { output: "last_hidden_state".to_owned(), pooling: Pooling::Cls };
    tiny().with_preprocessing(preprocessing).with_head(head)
}

/// No two columns alike, and none the mirror image of another one.
fn picture(width: u32, height: u32) -> RgbImage {
    let colour = |x: u32, y: u32| [1 + x * 13 % 251, 40 + (x / 3 + y) % 200, 255 - x % 200].map(|value| value as u8);
    RgbImage::from_fn(width, height, |x, y| Rgb(colour(x, y)))
}

/// The mean of two embeddings, brought to length 1.
fn mean(a: &[f32], b: &[f32]) -> Vec<f32> {
    let sum: Vec<f32> = a.iter().zip(b).map(|(a, b)| a + b).collect();
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    sum.iter().map(|x| x / length).collect()
}

/// Among them those for which the input of a mirror image is not the mirrored input: a crop that lies off the middle by half a
/// pixel, a filter that takes one of two pixels that are as near, and sides so long that something is left over.
fn preprocessings() -> Vec<Preprocessing> {
    let plain = tiny().preprocessing().clone();
    let short = ResizeTo::ShortestEdge { length: 9, rounding: Rounding::Down };
    let exact = ResizeTo::Exact { height: 8, width: 8 };
    let mut all = vec![plain.clone()];
    for size in [short, exact] {
        for filter in [Filter::Nearest, Filter::Box, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
            for antialias in [true, false] {
                all.push(Preprocessing { resize: Some(Resize { size, filter, antialias }), ..plain.clone() });
            }
        }
    }
    all
}

#[test]
fn a_picture_and_its_mirror_image_have_the_same_embedding_to_the_last_bit() {
    for preprocessing in preprocessings() {
        let encoder = load(corner(preprocessing.clone()), rten());
        for (width, height) in [(16, 12), (17, 12), (8, 20), (31, 9), (701, 10)] {
            let image = picture(width, height);
            let (one, other) = (encoder.encode(&image).unwrap(), encoder.encode(&flip_horizontal(&image)).unwrap());
            assert_eq!(one, other, "{width} x {height}: {}", preprocessing.describe());
        }
    }
    for runtime in runtimes() {
        let encoder = load(Model::builtin(), EncoderOptions { runtime, ..Default::default() });
        let image = picture(301, 240);
        assert_eq!(encoder.encode(&image).unwrap(), encoder.encode(&flip_horizontal(&image)).unwrap());
    }
}

#[test]
fn it_is_the_mean_of_both_embeddings() {
    let image = picture(301, 240);
    let one = Encoder::load(Model::builtin(), &rten()).unwrap();
    let (a, b) = (one.encode(&image).unwrap(), one.encode(&flip_horizontal(&image)).unwrap());
    assert!(cosine(&a, &b) < 0.999, "a picture that says nothing");
    let both = one.with_views(Views::Flip).encode(&image).unwrap();
    assert!(both.iter().zip(mean(&a, &b)).all(|(a, b)| (a - b).abs() < 1e-6));
    assert!((cosine(&both, &both) - 1.0).abs() < 1e-6);
}

#[test]
fn a_mirrored_input_is_not_the_input_of_the_mirror_image() {
    let mirrored_input = |preprocessing: &Preprocessing, image: &RgbImage| {
        let mut input = vec![0.0; 3 * 8 * 8];
        preprocessing.apply(image, &mut input);
        input.chunks_exact_mut(8).for_each(<[f32]>::reverse);
        input
    };
    let furthest = |preprocessing: &Preprocessing, image: &RgbImage| {
        let mut input = vec![0.0; 3 * 8 * 8];
        preprocessing.apply(&flip_horizontal(image), &mut input);
        input.iter().zip(mirrored_input(preprocessing, image)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    let plain = tiny().preprocessing().clone();
    assert!(furthest(&plain, &picture(16, 12)) == 0.0);
    assert!(furthest(&plain, &picture(17, 12)) > 0.02, "a crop off the middle");
    let exact = |filter| {
        let resize = Resize { size: ResizeTo::Exact { height: 8, width: 8 }, filter, antialias: true };
        Preprocessing { resize: Some(resize), ..plain.clone() }
    };
    assert!(furthest(&exact(Filter::Bicubic), &picture(16, 12)) < 0.005);
    assert!(furthest(&exact(Filter::Nearest), &picture(16, 12)) > 0.02, "of two pixels that are as near, another one");
}

#[test]
fn threads_batches_and_ways_to_encode_do_not_change_it() {
    let folder = tempfile::tempdir().unwrap();
    let images: Vec<_> = (0..7).map(|i| picture(16 + i, 12)).collect();
    let save = |(i, image): (usize, &RgbImage)| {
        let path = folder.path().join(format!("{i}.png"));
        image.save(&path).unwrap();
        path
    };
    let files: Vec<PathBuf> = images.iter().enumerate().map(save).collect();
    let expected: Vec<_> = {
        let one = Encoder::load(corner(tiny().preprocessing().clone()), &rten()).unwrap();
        let encode = |image: &RgbImage| one.encode(image).unwrap();
        images.iter().map(|image| mean(&encode(image), &encode(&flip_horizontal(image)))).collect()
    };
    let same = |embedding: &[f32], expected: &[f32]| embedding.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
    let three = Model::from_onnx(common::data("tiny_three_at_once.onnx"), tiny().preprocessing().clone());
    let three = three.with_head(Head { output: "last_hidden_state".to_owned(), pooling: Pooling::Cls });
    for model in [corner(tiny().preprocessing().clone()), three] {
        for (threads, batch) in [(1, None), (2, Some(1)), (2, Some(2)), (1, Some(5)), (3, Some(32))] {
            let encoder = load(model.clone(), EncoderOptions { threads: NonZeroUsize::new(threads), batch, ..rten() });
            let mut results = Vec::new();
            encoder.encode_stream(files.iter(), &|_, _| true, &mut |encoded| {
                let Outcome::Embedded(embedding) = encoded.outcome else { panic!("{encoded:?}") };
                results.push(embedding);
                ControlFlow::Continue(())
            });
            assert_eq!(results.len(), files.len());
            let by_images = encoder.encode_images(&images);
            for (((result, by_image), file), expected) in results.iter().zip(by_images).zip(&files).zip(&expected) {
                assert!(same(result, expected), "{threads} threads, batch {batch:?}");
                assert_eq!(*result, by_image.unwrap());
                assert_eq!(*result, encoder.encode_file(file).unwrap());
            }
        }
    }
}

#[test]
fn opposite_views_are_an_error_of_that_picture_alone() {
    let folder = tempfile::tempdir().unwrap();
    // Black is the opposite of white.
    let encoder = load(corner(Preprocessing { mean: [0.5; 3], ..tiny().preprocessing().clone() }), rten());
    let half = RgbImage::from_fn(8, 8, |x, _| Rgb([if x < 4 { 0 } else { 255 }; 3]));
    let opposite = |error: &EncodeError| matches!(error.kind(), EncodeErrorKind::Opposite);
    assert!(opposite(&encoder.encode(&half).unwrap_err()));
    let (bad, good) = (folder.path().join("bad.png"), folder.path().join("good.png"));
    half.save(&bad).unwrap();
    picture(8, 8).save(&good).unwrap();
    let mut outcomes = Vec::new();
    encoder.encode_stream([&good, &bad, &good].into_iter(), &|_, _| true, &mut |encoded| {
        outcomes.push(encoded.outcome);
        ControlFlow::Continue(())
    });
    let [Outcome::Embedded(_), Outcome::Failed(error), Outcome::Embedded(_)] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert!(opposite(error) && error.to_string().contains("bad.png"), "{error}");
}
