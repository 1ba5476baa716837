//! See `tests::fuzz::rewrite_sequence`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::rewrite_sequence(data));
