//! `mintery_fuzz::token`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| mintery_fuzz::token(input));
