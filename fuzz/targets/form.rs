//! `mintery_fuzz::form`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| mintery_fuzz::form(input));
