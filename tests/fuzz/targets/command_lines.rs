//! The command lines of both programs.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netstat_user::fuzzing::command_lines(input));
