//! Headers of NumPy's arrays: any bytes are a header or refused, and what is read says no more than was there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vismem_data::npy::Header;

fuzz_target!(|input: &[u8]| {
    if let Ok(header) = Header::read(input) {
        assert!(header.shape.len() <= input.len() && header.descr.chars().count() <= input.len());
    }
    if let Ok(text) = str::from_utf8(input) {
        let _ = Header::parse(text);
    }
});
