//! See `tests::fuzz::recorded_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::recorded_file(data));
