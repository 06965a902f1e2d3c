//! Any text is a preprocessing of fixed, sane size or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vismem_encode::preprocess::Preprocessing;

fuzz_target!(|json: &str| {
    if let Ok(preprocessing) = Preprocessing::from_hugging_face(json) {
        let [height, width] = preprocessing.output_size().expect("a fixed size");
        assert!((1..=8192).contains(&height) && (1..=8192).contains(&width));
    }
});
