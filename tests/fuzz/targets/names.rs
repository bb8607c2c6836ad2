//! Names of arbitrary bytes, as text for people and for programs.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netstat_user::fuzzing::names(input));
