//! Models in hub layout give the pixels and embeddings that `transformers` gives.
#![allow(clippy::print_stdout)]

mod common;

use common::{cosine, runtimes};
use vismem_encode::decode::{Limits, decode};
use vismem_encode::{Encoder, EncoderOptions, Model};

#[test]
fn tiny_clip_equals_transformers() {
    equals_transformers("tiny-clip");
}

#[test]
fn tiny_dinov2_equals_transformers() {
    equals_transformers("tiny-dinov2");
}

fn equals_transformers(name: &str) {
    let (hub, photos) = (vismem_goldens::hub().unwrap(), vismem_goldens::photos());
    let reference = vismem_goldens::reference(name).unwrap();
    assert_eq!((reference.images.len(), reference.pixels.len(), reference.embeddings.len()), (8, 8, 8));

    let model = Model::from_folder(hub.path().join(name)).unwrap();
    assert_eq!(model.name(), name);
    let mut pixels = vec![0.0; 3 * 224 * 224];
    for (image, theirs) in reference.images.iter().zip(&reference.pixels) {
        let picture = decode(&std::fs::read(photos.join(image)).unwrap(), &Limits::default()).unwrap();
        model.preprocessing().apply(&picture, &mut pixels);
        // Theirs are of every eighth row and column.
        let rows = pixels.chunks_exact(224).step_by(8);
        let ours: Vec<f32> = rows.flat_map(|row| row.iter().step_by(8)).copied().collect();
        assert_eq!(ours.len(), theirs.len());
        let difference =
            ours.iter().zip(theirs).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / ours.len() as f64;
        println!("{name}, {image}: mean absolute difference of the pixels {difference:.5}");
        assert!(difference <= 0.02, "{image}: {difference}");
    }

    for runtime in runtimes() {
        let encoder = Encoder::load(model.clone(), &EncoderOptions { runtime, ..Default::default() }).unwrap();
        for (image, theirs) in reference.images.iter().zip(&reference.embeddings) {
            let cosine = cosine(&encoder.encode_file(photos.join(image)).unwrap(), theirs);
            println!("{name}, {image}, {}: cosine {cosine:.6}", encoder.runtime());
            assert!(cosine >= 0.999, "{image}, {}: {cosine}", encoder.runtime());
        }
    }
}
