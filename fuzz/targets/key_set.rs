//! `mintery_fuzz::key_set`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| mintery_fuzz::key_set(input));
