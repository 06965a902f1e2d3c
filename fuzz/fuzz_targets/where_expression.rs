//! Conditions on attributes: any text is read or refused, and what is read is shown as it was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vismem::Where;

fuzz_target!(|text: &str| {
    if let Ok(condition) = text.parse::<Where>() {
        assert_eq!(condition.to_string().parse::<Where>(), Ok(condition));
    }
});
