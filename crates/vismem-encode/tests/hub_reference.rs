//! Models in hub layout give the pixels and embeddings that `transformers` gives.

mod common;

use common::{Array, cosine, npz, runtimes, shared};
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
    let (Some(folder), Some(photos)) = (shared(&format!("goldens/hub/{name}")), shared("data/caltech101")) else {
        return;
    };
    let files = npz(&folder.join("reference.npz"));
    let images = unicode(&files["images"]);
    let pixel_values = Array::<f32>::read(&files["pixel_values"]);
    let embeddings = Array::<f32>::read(&files["embeddings"]);
    assert_eq!((images.len(), embeddings.shape[0], &pixel_values.shape[..]), (8, 8, &[8, 3, 224, 224][..]));

    let model = Model::from_folder(&folder).unwrap();
    assert_eq!(model.name(), name);
    let mut ours = vec![0.0; 3 * 224 * 224];
    for (image, theirs) in images.iter().zip(pixel_values.rows()) {
        let picture = decode(&std::fs::read(photos.join(image)).unwrap(), &Limits::default()).unwrap();
        model.preprocessing().apply(&picture, &mut ours);
        let difference =
            ours.iter().zip(theirs).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / ours.len() as f64;
        println!("{name}, {image}: mean absolute difference of the pixels {difference:.5}");
        assert!(difference <= 0.02, "{image}: {difference}");
    }

    for runtime in runtimes() {
        let encoder = Encoder::load(model.clone(), &EncoderOptions { runtime, ..Default::default() }).unwrap();
        for (image, theirs) in images.iter().zip(embeddings.rows()) {
            let cosine = cosine(&encoder.encode_file(photos.join(image)).unwrap(), theirs);
            println!("{name}, {image}, {}: cosine {cosine:.6}", encoder.runtime());
            assert!(cosine >= 0.999, "{image}, {}: {cosine}", encoder.runtime());
        }
    }
}

/// A NumPy array of strings of fixed length, 32 bits a character. npyz does not read these.
fn unicode(npy: &[u8]) -> Vec<String> {
    let header_len = usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    let (header, data) = npy[10..].split_at(header_len);
    let header = str::from_utf8(header).unwrap();
    let chars: usize = header.split_once("'<U").unwrap().1.split('\'').next().unwrap().parse().unwrap();
    let text = |item: &[u8]| {
        let codes = item.chunks_exact(4).map(|code| u32::from_le_bytes(code.try_into().unwrap()));
        codes.take_while(|&code| code != 0).map(|code| char::from_u32(code).unwrap()).collect()
    };
    data.chunks_exact(4 * chars).map(text).collect()
}
