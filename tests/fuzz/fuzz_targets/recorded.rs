//! See `tests::fuzz::recorded`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::recorded(data));
