//! See `tests::fuzz::room_sequence`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::room_sequence(data));
