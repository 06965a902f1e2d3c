//! Any bytes are a picture within the limits or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vismem_encode::decode::{Limits, decode};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
    if let Ok(picture) = decode(bytes, &limits) {
        let pixels = u64::from(picture.width()) * u64::from(picture.height());
        assert!((1..=limits.max_pixels).contains(&pixels));
    }
});
