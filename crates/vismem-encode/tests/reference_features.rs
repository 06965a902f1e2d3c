//! The built-in model gives, through either runtime, the features that the Python pipeline gives: PIL, then ONNX Runtime.

mod common;

use common::{cosine, data, runtimes};
use half::f16;
use vismem_encode::{Encoder, EncoderOptions, Model, Outcome};

#[test]
fn built_in_features_equal_the_python_pipeline() {
    // All of the photos where they are there, else the few that are kept with the repository.
    let photos = vismem_goldens::beside("data/caltech101").unwrap_or_else(vismem_goldens::photos).join("query");
    let names = std::fs::read_to_string(data("reference_features.txt")).unwrap();
    let features = std::fs::read(data("reference_features.f16")).unwrap();
    let features: Vec<f32> = features.as_chunks().0.iter().map(|value| f16::from_le_bytes(*value).into()).collect();
    assert_eq!((names.lines().count(), features.len()), (100, 100 * 1280));
    let here = names.lines().map(|name| photos.join(name)).zip(features.chunks_exact(1280));
    let (files, reference): (Vec<_>, Vec<_>) = here.filter(|(photo, _)| photo.exists()).unzip();
    assert!(files.len() >= 8);

    for runtime in runtimes() {
        let encoder = Encoder::load(Model::builtin(), &EncoderOptions { runtime, ..Default::default() }).unwrap();
        let mut theirs = reference.iter();
        let mut cosines = Vec::new();
        encoder.encode_stream(files.iter(), &|_, _| true, &mut |encoded| {
            let Outcome::Embedded(ours) = encoded.outcome else { panic!("{encoded:?}") };
            cosines.push(cosine(&ours, theirs.next().unwrap()));
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
