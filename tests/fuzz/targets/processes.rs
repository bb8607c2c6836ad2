//! The files of a process in /proc, and the links in them.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netstat_user::fuzzing::processes(input));
