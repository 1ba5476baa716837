//! See `tests::fuzz::arrival_sequence`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::arrival_sequence(data));
