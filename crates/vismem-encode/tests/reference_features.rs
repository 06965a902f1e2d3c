//! The built-in model gives, through either runtime, the features that the Python pipeline gives: PIL, then ONNX Runtime.

mod common;

use common::{Array, cosine, data, runtimes, shared};
use half::f16;
use vismem_encode::{Encoder, EncoderOptions, Model, Outcome};

#[test]
fn built_in_features_equal_the_python_pipeline() {
    let Some(photos) = shared("data/caltech101/query") else { return };
    let reference = Array::<f16>::read(&std::fs::read(data("reference_features.npy")).unwrap());
    let names = std::fs::read_to_string(data("reference_features.txt")).unwrap();
    let files: Vec<_> = names.lines().map(|name| photos.join(name)).collect();
    assert_eq!((files.len() as u64, &reference.shape[..]), (reference.shape[0], &[100, 1280][..]));

    for runtime in runtimes() {
        let encoder = Encoder::load(Model::builtin(), &EncoderOptions { runtime, ..Default::default() }).unwrap();
        let mut theirs = reference.rows();
        let mut cosines = Vec::new();
        encoder.encode_stream(files.iter(), &|_, _| true, &mut |encoded| {
            let Outcome::Embedded(ours) = encoded.outcome else { panic!("{encoded:?}") };
            let theirs: Vec<f32> = theirs.next().unwrap().iter().map(|&x| x.into()).collect();
            cosines.push(cosine(&ours, &theirs));
            std::ops::ControlFlow::Continue(())
        });
        assert_eq!(cosines.len(), files.len());
        let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
        let worst = cosines.iter().copied().fold(f64::INFINITY, f64::min);
        println!("{}: cosine {mean:.5} on average, {worst:.5} at worst", encoder.runtime());
        assert!(mean >= 0.998, "{}: {mean}", encoder.runtime());
        assert!(worst >= 0.98, "{}: {worst}", encoder.runtime());
    }
}
