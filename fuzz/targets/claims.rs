//! `mintery_fuzz::claims`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| mintery_fuzz::claims(input));
