//! Records of the kernel side, through the table, to lines, JSON and CSV.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netstat_user::fuzzing::trace(input));
