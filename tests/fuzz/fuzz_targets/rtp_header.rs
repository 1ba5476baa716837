//! See `tests::fuzz::rtp_header`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::rtp_header(data));
